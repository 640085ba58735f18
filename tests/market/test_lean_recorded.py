"""The LEAN provider on recorded data, against published facts."""

import csv
import io
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from dnalyaw.market import KEYS, MARKET_EVENTS, SCHEMAS
from dnalyaw.market.providers import Provider, ProviderError, open_provider

FIRST, LAST = date(1998, 1, 2), date(2021, 3, 31)


@pytest.fixture(scope="module")
def provider(lean_folder: Path) -> Provider:
    return open_provider(f"lean:{lean_folder}")


@pytest.fixture(scope="module")
def names(provider: Provider) -> dict[str, int]:
    """Permanent id of each label that is unambiguous over the whole history."""
    table = provider.fetch("instruments", "US", FIRST, LAST)
    return dict(table.select("label", "instrument_id").iter_rows())


def _actions(provider: Provider, key: int, kind: str) -> dict[date, float]:
    table = provider.fetch("actions", "US", FIRST, LAST).filter(instrument_id=key, kind=kind)
    column = "ratio" if kind == "split" else "amount"
    return dict(table.select("ex_date", column).iter_rows())


def test_apple_splits_are_those_apple_made(provider: Provider, names: dict[str, int]) -> None:
    assert _actions(provider, names["AAPL.NASDAQ"], "split") == {
        date(2000, 6, 21): 2.0,
        date(2005, 2, 28): 2.0,
        date(2014, 6, 9): 7.0,
        date(2020, 8, 31): 4.0,
    }


def test_apple_dividends_are_those_apple_paid(provider: Provider, names: dict[str, int]) -> None:
    paid = _actions(provider, names["AAPL.NASDAQ"], "dividend")
    published = {
        date(2012, 8, 9): 2.65,
        date(2013, 5, 9): 3.05,
        date(2014, 5, 8): 3.29,
        date(2014, 8, 7): 0.47,
        date(2020, 8, 7): 0.82,
        date(2020, 11, 6): 0.205,
    }
    assert {day: paid[day] for day in published} == pytest.approx(published, abs=2e-4)
    # Nothing before the programme of 2012, and four a year from then on.
    assert min(paid) == date(2012, 8, 9)
    assert len([day for day in paid if day.year == 2016]) == 4


def test_other_splits(provider: Provider, names: dict[str, int]) -> None:
    assert _actions(provider, names["AIG.NYSE"], "split")[date(2009, 7, 1)] == 1 / 20
    assert _actions(provider, names["USO.ARCA"], "split") == {date(2020, 4, 29): 1 / 8}
    assert _actions(provider, names["GOOGL.NASDAQ"], "split") == {date(2014, 4, 3): 2.0}


def test_a_reused_ticker_is_another_instrument(provider: Provider) -> None:
    table = provider.fetch("instruments", "US", FIRST, LAST)
    facebook = table.filter(label="FB.NASDAQ")["instrument_id"].unique().to_list()
    earlier = table.filter(label="FB.NYSE")["instrument_id"].unique().to_list()
    assert len(facebook) == len(earlier) == 1
    assert facebook != earlier
    bars = provider.fetch("bars", "US", FIRST, LAST)
    assert bars.filter(instrument_id=facebook[0])["session"].min() == date(2012, 5, 18)
    assert bars.filter(instrument_id=earlier[0])["session"].max() == date(2003, 3, 28)


def test_goog_before_april_2014_is_class_a(provider: Provider, names: dict[str, int]) -> None:
    bars = provider.fetch("bars", "US", FIRST, LAST)
    class_a = bars.filter(instrument_id=names["GOOGL.NASDAQ"])
    assert class_a["session"].min() == date(2004, 8, 19)
    assert class_a.filter(session=date(2004, 8, 19))["close"].to_list() == [100.37]
    class_c = bars.filter(instrument_id=names["GOOCV.NASDAQ"])
    assert class_c["session"].min() == date(2014, 3, 27)
    assert names["GOOCV.NASDAQ"] != names["GOOGL.NASDAQ"]


def test_rows_without_an_owner_are_dropped_and_counted(provider: Provider, lean_folder: Path) -> None:
    dropped = {d.ticker: d for d in provider.dropped}  # type: ignore[attr-defined]
    # Washington Mutual traded as WM until 2008-09-26; Waste Management took the ticker in 2009.
    assert dropped["WM"].last == date(2008, 9, 26)
    assert dropped["EEM"].last < date(2003, 4, 11)
    assert set(dropped) == {"BAC", "BNO", "EEM", "USO", "WM"}
    lines = 0
    for path in (lean_folder / "equity/usa/daily").glob("*.zip"):
        with zipfile.ZipFile(path) as archive:
            text = archive.read(archive.namelist()[0]).decode()
        lines += sum(1 for row in csv.reader(io.StringIO(text)) if row)
    kept = provider.fetch("bars", "US", FIRST, LAST).height
    assert kept + sum(d.rows for d in dropped.values()) == lines


def test_tables_have_the_agreed_form(provider: Provider) -> None:
    for feed in provider.feeds("US"):
        table = provider.fetch(feed, "US", FIRST, LAST)
        assert table.schema == pl.Schema(SCHEMAS[feed])
        assert table.height
        # A row that a later version closes shares the key and differs in when it was known.
        key = [*KEYS[feed], "available_at"]
        assert table.select(pl.struct(key).is_unique().all()).item()
    assert provider.fetch("fundamentals", "US", FIRST, LAST).is_empty()


def test_days_add_up_to_the_history(provider: Provider) -> None:
    days = [date(2014, 4, 1), date(2014, 4, 2), date(2014, 4, 3), date(2014, 4, 4)]
    for feed in ("bars", "actions", "quotes"):
        whole = provider.fetch(feed, "US", days[0], days[-1])
        parts = pl.concat([provider.fetch(feed, "US", day, day) for day in days])
        assert parts.sort(pl.all()).equals(whole.sort(pl.all()))


def test_instruments_are_known_as_of_any_day(provider: Provider, names: dict[str, int]) -> None:
    class_a = names["GOOGL.NASDAQ"]

    def rows(start: date, end: date) -> list[tuple[str, date | None, datetime]]:
        table = provider.fetch("instruments", "US", start, end).filter(instrument_id=class_a)
        return table.select("label", "valid_to", "available_at").rows()

    listed = datetime(2004, 8, 18, 20, 15, tzinfo=UTC)
    renamed = datetime(2014, 4, 2, 20, 15, tzinfo=UTC)
    assert rows(date(2014, 4, 1), date(2014, 4, 1)) == [("GOOG.NASDAQ", None, listed)]
    # The new ticker holds from the 3rd and is known after the close of the 2nd.
    assert rows(date(2014, 4, 2), date(2014, 4, 2)) == [
        ("GOOG.NASDAQ", None, listed),
        ("GOOG.NASDAQ", date(2014, 4, 2), renamed),
        ("GOOGL.NASDAQ", None, renamed),
    ]
    assert rows(date(2014, 4, 4), date(2014, 4, 4)) == [
        ("GOOG.NASDAQ", date(2014, 4, 2), renamed),
        ("GOOGL.NASDAQ", None, renamed),
    ]


def test_a_bar_is_stamped_with_its_close(provider: Provider) -> None:
    half_day = provider.fetch("bars", "US", date(2013, 11, 29), date(2013, 11, 29))
    assert half_day["event_time"].unique().to_list() == [datetime(2013, 11, 29, 18, 0, tzinfo=UTC)]
    assert half_day["available_at"].unique().to_list() == [datetime(2013, 11, 29, 18, 15, tzinfo=UTC)]


def test_the_default_session_has_recorded_quotes(provider: Provider) -> None:
    assert provider.default_session("US", date(2026, 1, 1)) == date(2013, 10, 11)
    assert provider.default_session("US", date(2013, 10, 9)) == date(2013, 10, 9)
    assert provider.default_session("US", date(2010, 7, 5)) == date(2010, 7, 2)
    with pytest.raises(ProviderError, match="no daily bars up to 1990-01-01"):
        provider.default_session("US", date(1990, 1, 1))


def test_quotes_stand_at_the_recorded_minutes(
    provider: Provider, names: dict[str, int], lean_folder: Path
) -> None:
    quotes = provider.fetch("quotes", "US", date(2013, 10, 11), date(2013, 10, 11))
    ibm = quotes.filter(instrument_id=names["IBM.NYSE"])
    # New York is four hours behind UTC in October; minutes end at 09:30 .. 16:00.
    assert ibm["event_time"].min() == datetime(2013, 10, 11, 13, 30, tzinfo=UTC)
    assert ibm["event_time"].max() == datetime(2013, 10, 11, 20, 0, tzinfo=UTC)
    path = lean_folder / "equity/usa/minute/ibm/20131011_quote.zip"
    with zipfile.ZipFile(path) as archive:
        rows = list(csv.reader(io.StringIO(archive.read(archive.namelist()[0]).decode())))
    noon = next(row for row in rows if int(row[0]) == (12 * 60 - 1) * 60_000)
    at_noon = ibm.filter(event_time=datetime(2013, 10, 11, 16, 0, tzinfo=UTC)).row(0, named=True)
    assert at_noon["bid"] == int(noon[4]) / 10_000
    assert at_noon["ask"] == int(noon[9]) / 10_000


def test_market_events_are_quotes_or_one_auction(provider: Provider, names: dict[str, int]) -> None:
    session = date(2013, 10, 11)
    events = provider.market_events("US", session)
    assert events.schema == pl.Schema(MARKET_EVENTS)
    quoted = events.filter(kind="quote")
    assert set(quoted["instrument_id"]) == {names["IBM.NYSE"], names["SPY.ARCA"]}
    assert quoted["source"].unique().to_list() == ["recorded quote"]
    auctions = events.filter(kind="auction")
    assert auctions["instrument_id"].is_unique().all()
    assert (auctions["bid"] == auctions["ask"]).all()
    apple = auctions.filter(instrument_id=names["AAPL.NASDAQ"]).row(0, named=True)
    assert (apple["bid"], apple["source"]) == (486.99, "recorded daily open")
    assert apple["event_time"] == datetime(2013, 10, 11, 13, 30, tzinfo=UTC)
    traded = set(provider.fetch("bars", "US", session, session)["instrument_id"])
    assert set(events["instrument_id"]) == traded


def test_what_it_has_not(provider: Provider) -> None:
    with pytest.raises(ProviderError, match="has no region 'HK'; use US"):
        provider.sessions("HK")
    with pytest.raises(ProviderError, match="nothing is recorded on 2022-01-03"):
        provider.market_events("US", date(2022, 1, 3))
    assert provider.ground_truth() is None
    assert not provider.simulated
