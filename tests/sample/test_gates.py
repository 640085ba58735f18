"""What is true on the simulated market passes the gates, and each fault is caught by the rule made for it."""

from __future__ import annotations

from datetime import date

import pytest

from dnalyaw.market.providers import open_provider
from dnalyaw.market.providers._faults import FAULTS, with_fault
from dnalyaw.quality import RULES, GateContext, run_rule
from tests.sample.conftest import LAST

FEEDS = open_provider("sample").feeds("US")


def _errors(provider, market, day: date) -> set[tuple[str, str]]:
    """Blocking findings on the bars and quotes that `provider` delivers for `day`."""
    sessions = [d for d in market.provider.sessions(market.region) if d <= day]
    delivered = {feed: provider.fetch(feed, market.region, day, day) for feed in FEEDS}
    before = {feed: market.provider.fetch(feed, market.region, *sessions[-2:-1] * 2) for feed in FEEDS}
    out = set()
    for feed in ("bars", "quotes"):
        context = GateContext(
            region=market.region,
            session=day,
            expected_sessions=(day,),
            history=market.provider.fetch("bars", market.region, sessions[-61], sessions[-2]),
            quotes=delivered["quotes"],
            actions=delivered["actions"],
            instruments=market.provider.fetch("instruments", market.region, sessions[0], day),
            previous=before[feed],
        )
        for rule in RULES[feed]:
            # The suite of Great Expectations takes seconds to load and has tests of its own.
            if rule.name != "expectations":
                out |= {
                    (f.feed, f.rule)
                    for f in run_rule(rule, delivered[feed], context)
                    if f.severity == "error"
                }
    return out


def test_true_crashes_and_jumps_pass_the_gates(market):
    days = {date.fromisoformat(c["session"]) for c in market.truth["market_crashes"]}
    days |= {date.fromisoformat(j["session"]) for j in market.truth["jumps"]}
    days |= {date.fromisoformat(s["ex_date"]) for s in market.truth["splits"]}
    # Sixty sessions of history stand before each.
    checked = sorted(d for d in days if d > date(2023, 4, 3))
    assert len(checked) > 20
    refused = {day: errors for day in checked if (errors := _errors(market.provider, market, day))}
    assert refused == {}


_CAUGHT = {
    "spike": ("bars", "spike"),
    "stale": ("quotes", "stale"),
    "crossed": ("quotes", "crossed"),
    "missing-session": ("bars", "missing_session"),
    "duplicate": ("bars", "duplicate"),
    "schema": ("bars", "schema"),
    "empty": ("bars", "empty"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_caught(market, fault):
    assert _CAUGHT[fault] in _errors(with_fault(market.provider, fault, LAST), market, LAST)


def test_an_ordinary_day_passes(market):
    assert _errors(market.provider, market, LAST) == set()
