"""Who a label was on a day, as it was known at a moment."""

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from dnalyaw.market import IdentityError, InstrumentMaster, conform
from dnalyaw.pit import AsOf

LATE = AsOf(datetime(2025, 1, 1, tzinfo=UTC))


def _row(key: int, label: str, start: date, known: datetime, **more: Any) -> dict[str, Any]:
    ticker, _, venue = label.rpartition(".")
    row: dict[str, Any] = {
        "instrument_id": key,
        "issuer_id": key // 10,
        "label": label,
        "ticker": ticker,
        "venue": venue,
        "currency": "USD",
        "sector": None,
        "lot": 1,
        "tick": 0.01,
        "valid_from": start,
        "valid_to": None,
        "listed_on": start,
        "delisted_on": None,
        "last_price": None,
        "event_time": known,
        "available_at": known,
    }
    return row | more


def _at(year: int, month: int = 1, day: int = 1) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


LISTED = date(2010, 1, 4)
ROWS = [
    # Renamed in 2015, moved to another sector in 2018.
    _row(11, "OLD.NYSE", LISTED, _at(2010), sector="Energy"),
    _row(11, "NEW.NYSE", date(2015, 6, 1), _at(2015, 5, 29), listed_on=LISTED, sector="Energy"),
    _row(11, "NEW.NYSE", date(2018, 3, 1), _at(2018, 2, 28), listed_on=LISTED, sector="Utilities"),
    # Delisted in 2012; its ticker is reused in 2016 by another company at the same venue.
    _row(21, "AB.NYSE", LISTED, _at(2010)),
    _row(21, "AB.NYSE", LISTED, _at(2012, 5, 1), delisted_on=date(2012, 5, 2), last_price=3.25),
    _row(31, "AB.NYSE", date(2016, 1, 4), _at(2016)),
    _row(41, "AB.NASDAQ", date(2017, 1, 3), _at(2017)),
    _row(
        51,
        "ESZ4.NYSE",
        date(2024, 1, 2),
        _at(2024),
        asset_class="future",
        multiplier=50.0,
        expires_on=date(2024, 12, 20),
    ),
]


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    return conform("instruments", pl.DataFrame(ROWS, infer_schema_length=None))


@pytest.fixture(scope="module")
def master(rows: pl.DataFrame) -> InstrumentMaster:
    return InstrumentMaster(rows, LATE)


def test_a_renamed_instrument_is_the_same(master: InstrumentMaster) -> None:
    assert master.resolve("OLD.NYSE", date(2015, 5, 31)) == 11
    assert master.resolve("NEW.NYSE", date(2015, 6, 1)) == 11
    assert master.label_on(11, date(2015, 5, 31)) == "OLD.NYSE"
    assert master.label_on(11, date(2015, 6, 1)) == "NEW.NYSE"
    with pytest.raises(
        IdentityError, match=r"OLD.NYSE named nothing on 2015-06-01 .* from 2010-01-04 to 2015-05-31"
    ):
        master.resolve("OLD.NYSE", date(2015, 6, 1))


def test_a_reused_ticker_is_another(master: InstrumentMaster) -> None:
    assert master.resolve("AB.NYSE", date(2012, 5, 1)) == 21
    assert master.resolve("AB", date(2016, 5, 2), venue="NYSE") == 31
    with pytest.raises(IdentityError, match=r"AB.NYSE named nothing on 2012-05-02"):
        master.resolve("AB.NYSE", date(2012, 5, 2))


def test_a_ticker_at_two_venues_needs_its_venue(master: InstrumentMaster) -> None:
    assert master.resolve("AB", date(2016, 5, 2)) == 31
    with pytest.raises(
        IdentityError, match=r"AB on 2018-01-02 is several instruments .*give label and venue"
    ):
        master.resolve("AB", date(2018, 1, 2))


def test_what_is_not_known_is_said(rows: pl.DataFrame, master: InstrumentMaster) -> None:
    with pytest.raises(IdentityError, match=r"XY.NYSE is in no row of the feed instruments"):
        master.resolve("XY.NYSE", date(2018, 1, 2))
    early = InstrumentMaster(rows, AsOf(_at(2014)))
    with pytest.raises(IdentityError, match=r"NEW.NYSE is not known at 2014.* first row came 2015-05-29"):
        early.resolve("NEW.NYSE", date(2015, 6, 1))
    with pytest.raises(IdentityError, match=r"instrument 31 is not known at 2014.*first row came 2016-01-01"):
        early.on(31, date(2016, 1, 4))
    with pytest.raises(IdentityError, match="read as of an AsOf, got datetime"):
        InstrumentMaster(rows, _at(2014))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        InstrumentMaster(rows)  # type: ignore[call-arg]


def test_an_end_is_known_only_once_it_is(rows: pl.DataFrame, master: InstrumentMaster) -> None:
    before = InstrumentMaster(rows, AsOf(datetime(2012, 4, 30, 23, 59, tzinfo=UTC)))
    assert before.on(21, date(2012, 5, 2)).delisted_on is None
    gone = master.on(21, date(2012, 5, 1))
    assert (gone.delisted_on, gone.last_price) == (date(2012, 5, 2), 3.25)


def test_sectors_have_a_history(rows: pl.DataFrame, master: InstrumentMaster) -> None:
    assert master.sectors(11) == [(LISTED, "Energy"), (date(2018, 3, 1), "Utilities")]
    assert master.on(11, date(2018, 2, 28)).sector == "Energy"
    assert master.on(11, date(2018, 3, 1)).sector == "Utilities"
    assert InstrumentMaster(rows, AsOf(_at(2016))).sectors(11) == [(LISTED, "Energy")]


def test_class_multiplier_and_expiry(master: InstrumentMaster) -> None:
    future = master.on(51, date(2024, 12, 20))
    assert (future.asset_class, future.multiplier) == ("future", 50.0)
    assert (master.on(11, LISTED).asset_class, master.on(11, LISTED).multiplier) == ("equity", 1.0)
    with pytest.raises(IdentityError, match="bore no label on 2024-12-21"):
        master.on(51, date(2024, 12, 21))


def test_rows_get_their_instrument_by_their_day_and_none_is_lost(master: InstrumentMaster) -> None:
    days = [date(2012, 5, 1), date(2013, 1, 2), date(2013, 1, 3), date(2016, 1, 4), date(2016, 1, 4)]
    frame = pl.DataFrame(
        {"label": ["AB.NYSE"] * 4 + ["XY.NYSE"], "session": days, "close": [1.0, 2.0, 3.0, 4.0, 5.0]}
    )
    out = master.assign(frame)
    assert out.identified.rows() == [(21, "AB.NYSE", days[0], 1.0), (31, "AB.NYSE", days[3], 4.0)]
    assert out.unidentified["close"].to_list() == [2.0, 3.0, 5.0]
    assert out.counts.rows() == [
        ("AB.NYSE", "not on that day", 2, days[1], days[2]),
        ("XY.NYSE", "unknown label", 1, days[4], days[4]),
    ]
    with pytest.raises(IdentityError, match="column session is missing; want Date"):
        master.assign(frame.drop("session"))


def test_a_label_of_two_instruments_is_given_to_neither(rows: pl.DataFrame) -> None:
    twin = conform(
        "instruments",
        pl.DataFrame([_row(61, "AB.NYSE", date(2016, 1, 4), _at(2016))], infer_schema_length=None),
    )
    master = InstrumentMaster(pl.concat([rows, twin]), LATE)
    out = master.assign(pl.DataFrame({"label": ["AB.NYSE"], "session": [date(2016, 1, 5)]}))
    assert out.identified.is_empty()
    assert out.counts["why"].to_list() == ["several instruments"]
    with pytest.raises(IdentityError, match="several instruments"):
        master.resolve("AB.NYSE", date(2016, 1, 5))


def test_bars_outside_a_life_are_refused(master: InstrumentMaster) -> None:
    bars = pl.DataFrame(
        {
            "instrument_id": [21, 21, 31, 99],
            "session": [date(2012, 5, 1), date(2012, 5, 2), date(2015, 12, 31), date(2016, 1, 4)],
        }
    )
    assert master.outside(bars)["why"].to_list() == [
        "after its end",
        "before it was listed",
        "unknown instrument",
    ]
    master.require_one_identity(bars.head(1))
    with pytest.raises(
        IdentityError, match=r"3 bars belong to another .* instrument 21 on 2012-05-02: after its end"
    ):
        master.require_one_identity(bars)


def test_a_later_row_changes_no_earlier_answer(rows: pl.DataFrame) -> None:
    moment = AsOf(_at(2016, 6))
    cut = rows.filter(pl.col("available_at") <= _at(2016, 6))
    assert InstrumentMaster(rows, moment).spans.equals(InstrumentMaster(cut, moment).spans)
