"""The closes that skfolio carries."""

from datetime import date

import polars as pl
import pytest

from dnalyaw.market import SCHEMAS, sessions_between
from dnalyaw.market.providers import Provider, ProviderError, is_close_only, open_provider
from dnalyaw.quality import GateContext, run_rules

FIRST, LAST = date(1990, 1, 2), date(2022, 12, 28)


@pytest.fixture(scope="module")
def provider() -> Provider:
    return open_provider("sp500")


def test_twenty_names_on_every_session(provider: Provider) -> None:
    bars = provider.fetch("bars", "US", FIRST, LAST)
    assert bars.schema == pl.Schema(SCHEMAS["bars"])
    assert provider.sessions("US") == sessions_between("US", FIRST, LAST)
    assert bars.height == 20 * 8313
    names = provider.fetch("instruments", "US", FIRST, FIRST)
    apple = names.filter(label="AAPL.NASDAQ")["instrument_id"][0]
    # As printed in skfolio's own documentation.
    assert bars.filter(instrument_id=apple, session=FIRST)["close"].to_list() == [0.264]


def test_it_says_that_it_has_closes_alone(provider: Provider) -> None:
    assert is_close_only(provider)
    assert provider.feeds("US") == ("instruments", "bars")
    bars = provider.fetch("bars", "US", LAST, LAST)
    assert bars.select("open", "high", "low", "volume").null_count().row(0) == (20, 20, 20, 20)
    assert provider.fetch("actions", "US", FIRST, LAST).is_empty()


def test_its_crashes_pass_the_gates(provider: Provider) -> None:
    for start, end in (
        (FIRST, date(1991, 12, 31)),
        (date(2006, 1, 3), date(2009, 6, 30)),
        (date(2018, 1, 2), LAST),
    ):
        frames = {feed: provider.fetch(feed, "US", start, end) for feed in provider.feeds("US")}
        context = GateContext(
            region="US",
            session=end,
            expected_sessions=tuple(sessions_between("US", start, end)),
            genesis=True,
            close_only=True,
            instruments=frames["instruments"],
        )
        for feed, frame in frames.items():
            assert [f.message for f in run_rules(feed, frame, context) if f.severity == "error"] == []


def test_what_it_replays_and_what_it_has_not(provider: Provider) -> None:
    assert provider.default_session("US", date(2026, 1, 1)) == LAST
    events = provider.market_events("US", LAST)
    assert events["source"].unique().to_list() == ["recorded daily close"]
    assert events["kind"].unique().to_list() == ["auction"]
    with pytest.raises(ProviderError, match="nothing is recorded on 2023-01-03"):
        provider.market_events("US", date(2023, 1, 3))
    with pytest.raises(ProviderError, match="has no region 'HK'; use US"):
        provider.sessions("HK")
