"""Adjusted prices and returns against figures worked by hand, and against LEAN's own factors."""

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnalyaw.market import AdjustError, adjust_bars, conform, total_returns
from dnalyaw.market.providers import open_provider
from dnalyaw.pit import AsOf

START = date(2020, 1, 6)
EVER = AsOf(datetime(2100, 1, 1, tzinfo=UTC))


def _day(i: int) -> date:
    return START + timedelta(days=i)


def _moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 21, tzinfo=UTC)


def _bars(closes: dict[int, float], key: int = 1) -> pl.DataFrame:
    """Bars by day number; open 1 below, high 2 above, low 2 below, 1,000 shares."""
    return conform(
        "bars",
        pl.DataFrame(
            {
                "instrument_id": [key] * len(closes),
                "session": [_day(i) for i in closes],
                "open": [c - 1 for c in closes.values()],
                "high": [c + 2 for c in closes.values()],
                "low": [c - 2 for c in closes.values()],
                "close": list(closes.values()),
                "volume": [1000.0] * len(closes),
                "currency": ["USD"] * len(closes),
                "event_time": [_moment(_day(i)) for i in closes],
                "available_at": [_moment(_day(i)) + timedelta(minutes=15) for i in closes],
            },
            schema_overrides={
                "event_time": pl.Datetime("us", "UTC"),
                "available_at": pl.Datetime("us", "UTC"),
                "close": pl.Float64,
            },
        ),
    )


def _actions(*rows: tuple[int, str, float], key: int = 1, known: datetime | None = None) -> pl.DataFrame:
    records = [
        {
            "instrument_id": key,
            "ex_date": _day(i),
            "kind": kind,
            "ratio": value if kind == "split" else None,
            "amount": value if kind != "split" else None,
            "currency": "USD",
            "event_time": _moment(_day(i)),
            "available_at": known or _moment(_day(i)) - timedelta(days=1),
        }
        for i, kind, value in rows
    ]
    return pl.DataFrame(records, schema=conform("actions", pl.DataFrame(schema=_ACTIONS)).schema)


_ACTIONS = {
    "instrument_id": pl.Int64,
    "ex_date": pl.Date,
    "kind": pl.String,
    "ratio": pl.Float64,
    "amount": pl.Float64,
    "currency": pl.String,
    "event_time": pl.Datetime("us", "UTC"),
    "available_at": pl.Datetime("us", "UTC"),
}


def test_a_split_keeps_the_holder_whole() -> None:
    # 100, then two for one and 51 a share: 102 in old shares.
    out = adjust_bars(_bars({0: 100, 1: 51, 2: 52}), _actions((1, "split", 2.0)), EVER)
    assert out["split_factor"].to_list() == [1.0, 2.0, 2.0]
    assert out["adj_close"].to_list() == [100.0, 102.0, 104.0]
    assert out["adj_open"].to_list() == [99.0, 100.0, 102.0]
    assert out["adj_volume"].to_list() == [1000.0, 500.0, 500.0]


def test_a_dividend_is_reinvested() -> None:
    # 1 on a close of 50: the factor is 50/49. At 49 nothing was gained or lost.
    out = adjust_bars(_bars({0: 50, 1: 49, 2: 98}), _actions((1, "dividend", 1.0)), EVER)
    assert out["total_factor"].to_list() == pytest.approx([1.0, 50 / 49, 50 / 49])
    assert out["adj_close"].to_list() == pytest.approx([50.0, 50.0, 100.0])
    assert out["split_close"].to_list() == [50.0, 49.0, 98.0]


def test_a_dividend_on_a_split_date_is_per_old_share() -> None:
    # 100 less 10 in cash is 90, two for one is 45: unchanged value.
    out = adjust_bars(_bars({0: 100, 1: 45}), _actions((1, "dividend", 10.0), (1, "split", 2.0)), EVER)
    assert out["adj_close"].to_list() == pytest.approx([100.0, 100.0])


def test_actions_between_two_bars_follow_each_other() -> None:
    # Two for one on a day without a bar makes 100 into 50; a dividend of 5 on the next leaves 45.
    out = adjust_bars(_bars({0: 100, 4: 45}), _actions((1, "split", 2.0), (2, "dividend", 5.0)), EVER)
    assert out["adj_close"].to_list() == pytest.approx([100.0, 100.0])


def test_what_came_before_the_first_bar_or_after_the_last_changes_nothing() -> None:
    out = adjust_bars(
        _bars({1: 10, 2: 11}), _actions((0, "split", 2.0), (1, "split", 3.0), (5, "split", 4.0)), EVER
    )
    assert out["adj_close"].to_list() == [10.0, 11.0]


def test_only_what_was_known_is_seen() -> None:
    bars, late = _bars({0: 100, 1: 50}), _moment(_day(3))
    actions = _actions((1, "split", 2.0), known=late)
    unaware = adjust_bars(bars, actions, AsOf(_moment(_day(2))))
    assert unaware["adj_close"].to_list() == [100.0, 50.0]
    aware = adjust_bars(bars, actions, AsOf(late))
    assert aware["adj_close"].to_list() == [100.0, 100.0]
    # The adjusted value of the second bar was not knowable before the split was.
    assert aware["available_at"].to_list()[1] == late
    assert adjust_bars(bars, actions, AsOf(_moment(_day(0)))).is_empty()


def test_a_dividend_at_or_above_the_price_is_refused() -> None:
    with pytest.raises(
        AdjustError, match=r"instrument 1, dividend of 2020-01-07: 10\.0 is not between 0 and"
    ):
        adjust_bars(_bars({0: 10, 1: 9}), _actions((1, "dividend", 10.0)), EVER)
    with pytest.raises(AdjustError, match=r"ratio 0\.0 is not positive"):
        adjust_bars(_bars({0: 10, 1: 9}), _actions((1, "split", 0.0)), EVER)
    with pytest.raises(AdjustError, match="instrument 1 has two bars on 2020-01-06"):
        adjust_bars(pl.concat([_bars({0: 10}), _bars({0: 11})]), _actions(), EVER)


def test_returns_include_dividends_and_what_a_delisting_paid() -> None:
    bars = _bars({0: 50, 1: 49, 2: 98})
    out = total_returns(bars, _actions((1, "dividend", 1.0), (3, "delisting", 49.0)), EVER)
    assert out["kind"].to_list() == ["bar", "bar", "bar", "delisting"]
    assert out["total_return"].to_list() == [
        None,
        pytest.approx(0.0),
        pytest.approx(1.0),
        pytest.approx(-0.5),
    ]
    assert out["split_return"].to_list()[1] == pytest.approx(-0.02)
    assert out["session"].to_list()[-1] == _day(3)


def test_an_unknown_payment_gives_no_delisting_return() -> None:
    actions = _actions((2, "delisting", 1.0)).with_columns(amount=pl.lit(None, pl.Float64))
    assert total_returns(_bars({0: 50, 1: 49}), actions, EVER).row(-1)[2] is None


def test_no_return_crosses_a_change_of_identity() -> None:
    # One ticker, two instruments: 10 of the first and 500 of the second are no return of 4,900%.
    bars = pl.concat([_bars({0: 10, 1: 10}, key=1), _bars({2: 500, 3: 500}, key=2)])
    out = total_returns(bars, _actions((2, "delisting", 10.0)), EVER)
    assert out.filter(instrument_id=2)["total_return"].to_list() == [None, 0.0]
    assert out["total_return"].drop_nulls().to_list() == [0.0, 0.0, 0.0]


def test_no_return_crosses_a_long_gap() -> None:
    other = _bars(dict.fromkeys(range(20), 5.0), key=2)
    out = total_returns(pl.concat([_bars({0: 10, 3: 11, 18: 22}), other]), _actions(), EVER, max_gap=5)
    assert out.filter(instrument_id=1)["total_return"].to_list() == [None, pytest.approx(0.1), None]


def test_bars_after_a_delisting_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    out = adjust_bars(_bars({0: 10, 1: 11, 2: 12}), _actions((2, "delisting", 11.0)), EVER)
    assert out["session"].to_list() == [_day(0), _day(1)]
    assert "1 bars of 1 instruments" in caplog.text


_PRICE = st.floats(min_value=5.0, max_value=500.0)


@settings(max_examples=60, deadline=None)
@given(
    closes=st.lists(_PRICE, min_size=4, max_size=12),
    early=st.lists(
        st.one_of(
            st.tuples(st.integers(1, 11), st.just("dividend"), st.floats(0.01, 2.0)),
            st.tuples(st.integers(1, 11), st.just("split"), st.sampled_from([0.05, 0.5, 1.5, 2.0, 7.0])),
        ),
        max_size=5,
        unique_by=lambda a: (a[0], a[1]),
    ),
    cut=st.integers(2, 11),
    late=st.floats(0.01, 2.0),
)
def test_the_future_changes_no_earlier_bit(
    closes: list[float], early: list[tuple[int, str, float]], cut: int, late: float
) -> None:
    bars = _bars(dict(enumerate(closes)))
    before = [a for a in early if a[0] < cut]
    past = adjust_bars(bars.filter(pl.col("session") < _day(cut)), _actions(*before), EVER)
    with_future = adjust_bars(
        bars, _actions(*before, (cut, "dividend", late), (cut, "split", 3.0)), EVER
    ).filter(pl.col("session") < _day(cut))
    # equals compares values, and no NaN is about: this is equality of bits.
    assert with_future.equals(past)


def test_factors_agree_with_those_lean_publishes(lean_folder: Path) -> None:
    """Apple from its first dividend to 2021: our forward factor times LEAN's backward factor is constant."""
    provider = open_provider(f"lean:{lean_folder}")
    first, last = date(2012, 1, 3), date(2021, 3, 31)
    key = provider.fetch("instruments", "US", date(1998, 1, 2), last).filter(label="AAPL.NASDAQ")
    apple = pl.col("instrument_id") == key["instrument_id"][0]
    out = adjust_bars(
        provider.fetch("bars", "US", first, last).filter(apple),
        provider.fetch("actions", "US", first, last).filter(apple),
        EVER,
    )
    rows = list(csv.reader((lean_folder / "equity/usa/factor_files/aapl.csv").read_text().splitlines()))
    product = []
    for session, factor in out.select("session", "total_factor").iter_rows():
        row = next(r for r in rows if r[0] >= f"{session:%Y%m%d}")
        product.append(factor / (float(row[1]) * float(row[2])))
    assert max(product) / min(product) == pytest.approx(1.0, abs=2e-5)
    assert max(out["total_factor"]) == pytest.approx(28 / 0.8613657, rel=1e-4)
