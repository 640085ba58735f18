"""The same seed and session give the same rows, whatever is asked, in whichever order, and whenever."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from dnalyaw.market import KEYS, MARKET_EVENTS, SCHEMAS, sessions_between
from dnalyaw.market.providers import ProviderError, open_provider
from tests.sample.conftest import LAST

FEEDS = open_provider("sample").feeds("US")

_DAYS = st.integers(0, (LAST - date(2023, 1, 3)).days).map(lambda n: date(2023, 1, 3) + timedelta(days=n))


@pytest.mark.parametrize("feed", FEEDS)
def test_tables_have_the_contract_columns_and_unique_keys(market, feed):
    frame = getattr(market, feed)
    assert dict(frame.schema) == SCHEMAS[feed]
    assert not frame.select(KEYS[feed]).is_duplicated().any()
    assert frame.height > 0


@pytest.mark.parametrize("feed", FEEDS)
def test_one_session_alone_equals_that_session_in_the_whole_history(market, feed):
    fresh = open_provider("sample")
    sessions = sessions_between(market.region, LAST - timedelta(days=20), LAST)
    # Latest first: what a fetch returns may not depend on what was fetched before it.
    alone = [fresh.fetch(feed, market.region, day, day) for day in reversed(sessions)]
    together = fresh.fetch(feed, market.region, sessions[0], LAST)
    key = list(KEYS[feed])
    assert_frame_equal(pl.concat(alone).sort(key), together.sort(key))


@given(start=_DAYS, cut=_DAYS, end=_DAYS, feed=st.sampled_from([f for f in FEEDS if f != "quotes"]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_two_halves_of_a_range_make_the_whole(sample, start, cut, end, feed):
    start, cut, end = sorted((start, cut, end))
    whole = sample.fetch(feed, "HK", start, end)
    first = sample.fetch(feed, "HK", start, cut)
    rest = sample.fetch(feed, "HK", cut + timedelta(days=1), end)
    key = list(KEYS[feed])
    assert_frame_equal(pl.concat([first, rest]).sort(key), whole.sort(key))


def test_looking_at_the_future_changes_nothing(us):
    fresh = open_provider("sample")
    early = fresh.fetch("bars", "US", date(2023, 3, 1), date(2023, 3, 31))
    fresh.ground_truth()
    again = fresh.fetch("bars", "US", date(2023, 3, 1), date(2023, 3, 31))
    assert_frame_equal(early, again)
    march = us.bars.filter(pl.col("session").is_between(date(2023, 3, 1), date(2023, 3, 31)))
    assert_frame_equal(early, march)


def test_another_seed_is_another_market(us):
    other = open_provider("sample", seed=8).fetch("bars", "US", LAST, LAST)
    same = us.bars.filter(pl.col("session") == LAST)
    assert not other["close"].equals(same["close"])


def test_regions_never_share_an_instrument_or_issuer(us, hk):
    for column in ("instrument_id", "issuer_id"):
        assert not set(us.instruments[column]) & set(hk.instruments[column])


def test_market_events_have_the_contract_columns(market):
    events = market.provider.market_events(market.region, LAST)
    assert dict(events.schema) == MARKET_EVENTS
    assert set(events["source"]) == {"simulated"}
    assert set(events["kind"]) == {"quote"}


@pytest.mark.parametrize(
    ("today", "session"),
    [
        (date(2026, 11, 23), date(2026, 11, 23)),
        (date(2026, 11, 22), date(2026, 11, 20)),
        (date(2026, 11, 26), date(2026, 11, 25)),  # Thanksgiving
        (date(2027, 1, 1), date(2026, 12, 31)),
    ],
)
def test_default_session_is_the_latest_one(sample, today, session):
    assert sample.default_session("US", today) == session
    assert not sample.fetch("bars", "US", session, session).is_empty()


def test_ranges_without_a_session_are_empty(sample):
    weekend = date(2026, 11, 21)
    for feed in FEEDS:
        frame = sample.fetch(feed, "US", weekend, weekend)
        assert frame.is_empty()
        assert dict(frame.schema) == SCHEMAS[feed]
    assert sample.fetch("bars", "US", date(2020, 1, 1), date(2022, 12, 31)).is_empty()


def test_what_cannot_be_simulated_is_refused_by_name(sample):
    with pytest.raises(ProviderError, match="no region 'JP': use one of US, HK"):
        sample.sessions("JP")
    with pytest.raises(ProviderError, match="no feed 'ticks'"):
        sample.fetch("ticks", "US", LAST, LAST)
    with pytest.raises(ProviderError, match="simulates 2023-01-03 to 2031-12-31"):
        sample.fetch("bars", "US", LAST, date(2032, 1, 2))
    with pytest.raises(ProviderError, match="simulates 2023-01-03 to 2031-12-31"):
        sample.default_session("US", date(2022, 5, 5))
    with pytest.raises(ProviderError, match="no session 2026-11-21 in US"):
        sample.market_events("US", date(2026, 11, 21))
    with pytest.raises(ProviderError, match="seed -1 is negative"):
        open_provider("sample", seed=-1)
