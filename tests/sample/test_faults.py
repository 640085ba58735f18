"""Each fault corrupts what it says, in the session it names, and nothing else."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from dnalyaw.market import SCHEMAS, session_times
from dnalyaw.market.providers import Provider, ProviderError, open_provider
from dnalyaw.market.providers._faults import FAULTS, FaultyProvider, with_fault

FEEDS = open_provider("sample").feeds("US")

DAY, BEFORE = date(2026, 11, 20), date(2026, 11, 19)


@pytest.mark.parametrize("fault", FAULTS)
def test_other_sessions_feeds_and_the_venue_are_untouched(sample, fault):
    faulty = with_fault(sample, fault, DAY)
    assert isinstance(faulty, Provider)
    assert (faulty.name, faulty.simulated) == ("sample", True)
    touched = set(faulty.describe()["feeds"])
    for feed in FEEDS:
        assert_frame_equal(faulty.fetch(feed, "US", BEFORE, BEFORE), sample.fetch(feed, "US", BEFORE, BEFORE))
        if feed not in touched:
            assert_frame_equal(faulty.fetch(feed, "US", BEFORE, DAY), sample.fetch(feed, "US", BEFORE, DAY))
    assert_frame_equal(faulty.market_events("US", DAY), sample.market_events("US", DAY))
    assert faulty.default_session("US", DAY) == DAY
    assert faulty.sessions("US") == sample.sessions("US")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_the_same_every_time_and_leaves_the_rest_of_a_range(sample, fault):
    faulty, again = with_fault(sample, fault, DAY), with_fault(sample, fault, DAY)
    for feed in faulty.describe()["feeds"]:
        one = faulty.fetch(feed, "US", BEFORE, DAY)
        assert_frame_equal(one, again.fetch(feed, "US", BEFORE, DAY))
        assert not one.equals(sample.fetch(feed, "US", BEFORE, DAY))
        if fault not in ("empty", "schema"):
            good = sample.fetch(feed, "US", BEFORE, DAY).filter(pl.col("session") == BEFORE)
            assert_frame_equal(one.filter(pl.col("session") == BEFORE), good)
    assert faulty.describe() == again.describe()
    assert all(c["session"] == "2026-11-20" and c["rows"] for c in faulty.describe()["corrupted"])


def _pair(sample, fault: str, feed: str) -> tuple[pl.DataFrame, pl.DataFrame, list[int]]:
    faulty = with_fault(sample, fault, DAY)
    bad = faulty.fetch(feed, "US", DAY, DAY)
    entry = next(c for c in faulty.describe()["corrupted"] if c["feed"] == feed)
    return bad, sample.fetch(feed, "US", DAY, DAY), entry["instrument_ids"]


def test_spike_triples_one_close_and_no_volume_confirms_it(sample):
    bad, good, ids = _pair(sample, "spike", "bars")
    assert len(ids) == 1
    changed = bad.filter(bad["close"] != good["close"])
    assert changed["instrument_id"].to_list() == ids
    before = good.filter(pl.col("instrument_id") == ids[0])
    assert changed["close"].item() == pytest.approx(3.2 * before["close"].item())
    assert changed["high"].item() == changed["close"].item()
    assert_frame_equal(bad.drop("close", "high"), good.drop("close", "high"))


@pytest.mark.parametrize("feed", ["bars", "quotes"])
def test_stale_rows_carry_the_times_of_the_session_before(sample, feed):
    bad, good, _ = _pair(sample, "stale", feed)
    assert (bad["event_time"].dt.date() == BEFORE).all()
    assert (bad["available_at"].dt.date() == BEFORE).all()
    assert_frame_equal(bad.drop("event_time", "available_at"), good.drop("event_time", "available_at"))
    if feed == "bars":
        assert set(bad["event_time"]) == {session_times("US", BEFORE).close}


def test_crossed_quotes_bid_above_ask(sample):
    bad, good, _ = _pair(sample, "crossed", "quotes")
    assert bad.filter(pl.col("bid") > pl.col("ask")).height == 5
    assert (bad["bid"] != good["bid"]).sum() == 5
    assert good.filter(pl.col("bid") > pl.col("ask")).is_empty()


def test_missing_session_duplicate_schema_and_empty(sample):
    faulty = with_fault(sample, "missing-session", DAY)
    assert faulty.fetch("bars", "US", BEFORE, DAY)["session"].unique().to_list() == [BEFORE]
    bad, good, _ = _pair(sample, "duplicate", "bars")
    assert bad.height == good.height + 3
    assert bad.select("instrument_id", "session").is_duplicated().sum() == 6
    bad, _, _ = _pair(sample, "schema", "bars")
    assert bad.schema["volume"] == pl.String
    assert set(bad["volume"]) == {"n/a"}
    bad, _, _ = _pair(sample, "empty", "bars")
    assert bad.is_empty()
    assert dict(bad.schema) == SCHEMAS["bars"]


def test_without_a_session_the_last_of_each_fetch_carries_the_fault(sample):
    faulty = FaultyProvider(sample, "duplicate")
    bars = faulty.fetch("bars", "US", BEFORE, DAY)
    doubled = bars.filter(bars.select("instrument_id", "session").is_duplicated())
    assert set(doubled["session"]) == {DAY}


def test_open_provider_takes_a_fault_and_names_an_unknown_one():
    provider = open_provider("sample", fault="spike", fault_session=DAY)
    assert isinstance(provider, FaultyProvider)
    assert provider.ground_truth()["fault"]["fault"] == "spike"
    with pytest.raises(ProviderError, match=r"unknown fault 'flood': use one of spike, stale"):
        open_provider("sample", fault="flood")
    with pytest.raises(ProviderError, match=r"unknown fault 'flood'"):
        FaultyProvider(open_provider("sample"), "flood")


class _CloseOnly:
    name, simulated, close_only = "closes", False, True

    def regions(self):
        return ("US",)

    def feeds(self, region):
        return ("bars",)

    def fetch(self, feed, region, start, end):
        return pl.DataFrame(
            {"instrument_id": [1], "session": [DAY], "close": [10.0]},
        ).with_columns(high=pl.lit(None, pl.Float64), volume=pl.lit(None, pl.Float64))


def test_a_fault_needs_the_feed_that_it_corrupts():
    with pytest.raises(ProviderError, match="crossed corrupts quotes, which provider closes has not in US"):
        FaultyProvider(_CloseOnly(), "crossed", DAY)
    with pytest.raises(ProviderError, match="volume, which provider closes has not"):
        FaultyProvider(_CloseOnly(), "schema", DAY)
    spiked = FaultyProvider(_CloseOnly(), "spike", DAY).fetch("bars", "US", DAY, DAY)
    assert spiked["close"].item() == pytest.approx(32.0)
    assert spiked["high"].item() is None
