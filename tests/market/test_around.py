"""Series, exchange rates and borrow as of a moment: worked by hand, stale and unknown ones by name."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnalyaw.market import (
    SeriesError,
    StaleRateError,
    StaleSeriesError,
    accrued,
    borrow_on,
    conform,
    convert_money,
    fx_rate,
    known_series,
    series_value,
    year_fraction,
)
from dnalyaw.pit import AsOf

# Monday to Friday; Thursday 2024-07-04 is no session of the US and one of Hong Kong.
MON, TUE, WED, THU, FRI = (date(2024, 7, d) for d in range(1, 6))
EVENING = AsOf(datetime(2024, 7, 5, 23, 0, tzinfo=UTC))


def _known(day: date, hour: int = 21) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def _series(*rows: tuple[str, date, float, str] | tuple[str, date, float, str, datetime]) -> pl.DataFrame:
    return conform(
        "series",
        pl.DataFrame(
            [
                {
                    "series": r[0],
                    "session": r[1],
                    "value": float(r[2]),
                    "unit": r[3],
                    "event_time": _known(r[1], 20),
                    "available_at": r[4] if len(r) > 4 else _known(r[1]),
                }
                for r in rows
            ],
            schema_overrides={
                "event_time": pl.Datetime("us", "UTC"),
                "available_at": pl.Datetime("us", "UTC"),
            },
        ),
    )


VOL = _series(
    ("VOL.VIX", MON, 12.2, "points"),
    ("VOL.VIX", TUE, 12.0, "points"),
    ("VOL.VIX", TUE, 12.03, "points", _known(WED, 9)),
    ("INDEX.SPX", MON, 5475.09, "points"),
)


def test_a_correction_counts_from_when_it_was_known():
    def asked(moment):
        return series_value(VOL, "VOL.VIX", WED, AsOf(moment), region="US", max_age_sessions=1)

    assert asked(_known(WED, 8)).value == 12.0
    assert asked(_known(WED, 9)).value == 12.03
    assert known_series(VOL, EVENING, "VOL.VIX")["value"].to_list() == [12.2, 12.03]
    assert known_series(VOL, EVENING).height == 3


def test_what_is_not_known_yet_is_not_read():
    before = AsOf(_known(TUE, 20))
    point = series_value(VOL, "VOL.VIX", TUE, before, region="US", max_age_sessions=1)
    assert (point.session, point.value, point.age_sessions, point.unit) == (MON, 12.2, 1, "points")
    with pytest.raises(
        SeriesError, match=r"VOL\.VIX: no value of 2024-07-01 or before is known .*INDEX\.SPX, VOL"
    ):
        series_value(VOL, "VOL.VIX", MON, AsOf(_known(MON, 20)), region="US", max_age_sessions=9)


def test_a_later_day_is_not_read_though_it_is_known():
    assert series_value(VOL, "VOL.VIX", MON, EVENING, region="US", max_age_sessions=0).value == 12.2


def test_age_counts_the_sessions_of_the_readers_region():
    assert series_value(VOL, "VOL.VIX", FRI, EVENING, region="US", max_age_sessions=2).age_sessions == 2
    with pytest.raises(
        StaleSeriesError, match=r"VOL\.VIX: .* of 2024-07-02, 3 HK sessions before 2024-07-05"
    ) as e:
        series_value(VOL, "VOL.VIX", FRI, EVENING, region="HK", max_age_sessions=2)
    assert (e.value.series, e.value.session, e.value.age_sessions) == ("VOL.VIX", TUE, 3)


def test_a_reader_must_be_given_a_moment():
    with pytest.raises(TypeError, match=r"as_of must be a dnalyaw\.pit\.AsOf, got datetime"):
        known_series(VOL, EVENING.moment)  # type: ignore[arg-type]


def test_what_had_not_been_ingested_is_not_known():
    received = VOL.with_columns(ingested_at=pl.col("available_at") + timedelta(days=2))
    early = AsOf(_known(FRI), ingested_by=_known(WED, 22))
    assert known_series(received, early, "VOL.VIX")["session"].to_list() == [MON]


@pytest.mark.parametrize(
    ("start", "end", "how", "want"),
    [
        (date(2024, 1, 31), date(2024, 3, 31), "ACT/360", 60 / 360),
        (date(2024, 1, 31), date(2024, 3, 31), "ACT/365F", 60 / 365),
        (date(2024, 1, 31), date(2024, 3, 31), "30/360", 60 / 360),
        (date(2024, 1, 15), date(2024, 3, 31), "30/360", 76 / 360),
        (date(2024, 2, 28), date(2024, 3, 1), "30/360", 3 / 360),
        (MON, MON, "ACT/360", 0.0),
    ],
)
def test_day_counts(start, end, how, want):
    assert year_fraction(start, end, how) == want


def test_interest_uses_the_currencys_own_days_and_refuses_percent():
    rates = _series(
        ("RATE.USD.3M", MON, 0.0534, "fraction a year"),
        ("RATE.HKD.3M", MON, 4.6, "percent"),
        ("RATE.XXX.3M", MON, 0.01, "fraction a year"),
    )
    common = {"as_of": EVENING, "region": "US", "max_age_sessions": 0}
    assert accrued(rates, "USD", "3M", MON, FRI, **common) == pytest.approx(0.0534 * 4 / 360)
    assert accrued(rates, "USD", "3M", MON, FRI, **common, day_count="ACT/365F") == pytest.approx(
        0.0534 * 4 / 365
    )
    with pytest.raises(SeriesError, match=r"RATE\.HKD\.3M: its unit is 'percent'"):
        accrued(rates, "HKD", "3M", MON, FRI, **common)
    with pytest.raises(SeriesError, match="no day count is known for XXX"):
        accrued(rates, "XXX", "3M", MON, FRI, **common)
    with pytest.raises(SeriesError, match="ends on 2024-07-01, before it starts"):
        year_fraction(FRI, MON, "ACT/360")


FX = _series(
    ("FX.USDHKD", TUE, 7.8, "HKD per USD"),
    ("FX.USDHKD", WED, 7.81, "HKD per USD"),
    ("FX.USDCNY", WED, 7.25, "CNY per USD"),
    ("FX.EURUSD", MON, 1.08, "USD per EUR"),
    ("FX.EURUSD", WED, 1.1, "USD per EUR"),
)


def _fx(base, quote, day=WED, most=0, region="HK", frame=FX, as_of=EVENING):
    return fx_rate(frame, base, quote, day, as_of, region=region, max_age_sessions=most)


@pytest.mark.parametrize(
    ("base", "quote", "want", "through"),
    [
        ("USD", "HKD", 7.81, ("FX.USDHKD",)),
        ("HKD", "USD", 1 / 7.81, ("FX.USDHKD",)),
        ("HKD", "CNY", 7.25 / 7.81, ("FX.USDHKD", "FX.USDCNY")),
        ("EUR", "HKD", 1.1 * 7.81, ("FX.EURUSD", "FX.USDHKD")),
        ("USD", "USD", 1.0, ()),
        ("JPY", "JPY", 1.0, ()),
    ],
)
def test_direct_inverse_and_cross(base, quote, want, through):
    rate = _fx(base, quote)
    assert rate.value == pytest.approx(want, rel=1e-15)
    assert (rate.base, rate.quote, rate.through, rate.age_sessions) == (base, quote, through, 0)


def test_a_stale_rate_is_named_never_carried():
    with pytest.raises(
        StaleRateError,
        match=r"rate HKDUSD is stale: FX\.USDHKD .* ends on 2024-07-03, 2 HK sessions before 2024-07-05, and 1 are",
    ) as caught:
        _fx("HKD", "USD", FRI, most=1)
    assert (caught.value.series, caught.value.session, caught.value.age_sessions) == ("FX.USDHKD", WED, 2)
    # New York did not trade on Thursday: there the same rate is one session old.
    assert _fx("HKD", "USD", FRI, most=1, region="US").age_sessions == 1


def test_a_stale_leg_makes_a_stale_cross_and_no_cross_papers_over_a_stale_pair():
    early = AsOf(_known(WED, 20))
    with pytest.raises(StaleRateError, match=r"rate EURUSD is stale: FX\.EURUSD .* 2024-07-01, 2 HK"):
        _fx("EUR", "HKD", WED, most=1, as_of=early)
    both = pl.concat([FX, _series(("FX.HKDCNY", MON, 0.93, "CNY per HKD"))])
    with pytest.raises(StaleRateError, match=r"FX\.HKDCNY"):
        _fx("HKD", "CNY", most=1, frame=both)


def test_the_newer_of_both_ways_round_is_used():
    both = pl.concat([FX, _series(("FX.HKDUSD", THU, 0.125, "USD per HKD"))])
    assert _fx("USD", "HKD", THU, frame=both).value == 8.0
    assert _fx("USD", "HKD", WED, frame=both).value == 7.81


def test_a_cross_prefers_the_dollar():
    more = pl.concat(
        [
            FX,
            _series(
                ("FX.AUDHKD", WED, 5.0, "HKD per AUD"),
                ("FX.AUDCNY", WED, 5.0, "CNY per AUD"),
            ),
        ]
    )
    assert _fx("HKD", "CNY", frame=more).through == ("FX.USDHKD", "FX.USDCNY")


def test_rates_that_cannot_be_are_refused():
    with pytest.raises(SeriesError, match=r"no rate of JPYHKD .* pairs known: EURUSD, USDCNY, USDHKD"):
        _fx("JPY", "HKD")
    with pytest.raises(
        SeriesError, match=r"FX\.USDHKD: its value of 2024-07-03 is 0\.0; want a positive rate"
    ):
        _fx("USD", "HKD", frame=_series(("FX.USDHKD", WED, 0.0, "HKD per USD")))
    with pytest.raises(
        SeriesError, match=r"FX\.USDHKD: its unit of 2024-07-03 is 'USD per HKD', want 'HKD per USD'"
    ):
        _fx("USD", "HKD", frame=_series(("FX.USDHKD", WED, 0.128, "USD per HKD")))
    with pytest.raises(SeriesError, match=r"series FX\.USD/HKD: want FX\. and two ISO codes"):
        _fx("USD", "HKD", frame=_series(("FX.USD/HKD", WED, 7.8, "HKD per USD")))


@settings(max_examples=30, deadline=None)
@given(st.floats(1e-3, 1e4), st.floats(1e-3, 1e4))
def test_there_and_back_is_one(usdhkd, usdcny):
    frame = _series(("FX.USDHKD", WED, usdhkd, "HKD per USD"), ("FX.USDCNY", WED, usdcny, "CNY per USD"))
    there, back = _fx("HKD", "CNY", frame=frame).value, _fx("CNY", "HKD", frame=frame).value
    assert there * back == pytest.approx(1.0, rel=1e-12)


def test_money_is_converted_row_by_row_and_null_stays_null():
    money = pl.DataFrame(
        {
            "who": ["a", "b", "c", "d"],
            "currency": ["HKD", "USD", "HKD", "HKD"],
            "session": [WED, WED, TUE, WED],
            "cash": [781.0, 5.0, 78.0, None],
            "fees": [7.81, 1.0, 7.8, 0.0],
        }
    )
    out = convert_money(money, ["cash", "fees"], "USD", FX, EVENING, region="HK", max_age_sessions=0)
    assert out["cash"].to_list() == pytest.approx([100.0, 5.0, 10.0, None])
    assert out["fees"].to_list() == pytest.approx([1.0, 1.0, 1.0, 0.0])
    assert out["currency"].unique().to_list() == ["USD"]
    assert out.columns == money.columns
    one = convert_money(money, ["cash"], "USD", FX, EVENING, region="HK", max_age_sessions=0, session=WED)
    assert one["cash"][2] == pytest.approx(78 / 7.81)
    with pytest.raises(StaleRateError, match="2024-07-03"):
        convert_money(money, ["cash"], "USD", FX, EVENING, region="HK", max_age_sessions=0, session=THU)
    with pytest.raises(SeriesError, match="lacks value"):
        convert_money(money, ["value"], "USD", FX, EVENING, region="HK", max_age_sessions=0)
    holes = money.with_columns(currency=pl.Series([None, "USD", "HKD", "HKD"]))
    with pytest.raises(SeriesError, match="row 0 of the frame of money has no currency"):
        convert_money(holes, ["cash"], "USD", FX, EVENING, region="HK", max_age_sessions=0)


def _borrow() -> pl.DataFrame:
    rows = [
        (1, TUE, 0.004, 5e6, _known(TUE)),
        (1, WED, 0.02, 1e4, _known(WED)),
        (1, WED, 0.03, 0.0, _known(FRI, 9)),
        (2, MON, 0.004, 1e6, _known(MON)),
        (3, WED, None, 1e6, _known(WED)),
        (4, WED, 0.01, None, _known(WED)),
    ]
    frame = pl.DataFrame(
        rows, schema=["instrument_id", "session", "fee", "available", "available_at"], orient="row"
    )
    return conform("borrow", frame.with_columns(event_time=pl.col("available_at")))


def test_what_may_be_borrowed_is_what_is_known_and_fresh():
    got = borrow_on(_borrow(), [5, 1, 2, 3, 4], FRI, AsOf(_known(FRI, 8)), region="US", max_age_sessions=1)
    assert got.select("instrument_id", "fee", "available", "why").rows() == [
        (5, None, 0.0, "unknown"),
        (1, 0.02, 10_000.0, "known"),
        (2, None, 0.0, "stale"),
        (3, None, 0.0, "unknown"),
        (4, 0.01, 0.0, "unknown"),
    ]
    # Thursday is a holiday in New York, so Wednesday's list is one session old.
    assert got["age_sessions"].to_list() == [None, 1, 3, 1, 1]
    assert got["described"].to_list() == [None, WED, MON, WED, WED]


def test_a_recalled_loan_counts_from_when_it_was_known():
    def asked(hour):
        frame = borrow_on(_borrow(), [1], FRI, AsOf(_known(FRI, hour)), region="US", max_age_sessions=1)
        return frame.select("fee", "available").row(0)

    assert asked(8) == (0.02, 10_000.0)
    assert asked(9) == (0.03, 0.0)


def test_borrow_of_nothing_known_is_unknown_for_all():
    got = borrow_on(_borrow(), [1, 2], FRI, AsOf(_known(MON, 1)), region="US", max_age_sessions=9)
    assert got.select("available", "why").rows() == [(0.0, "unknown")] * 2
