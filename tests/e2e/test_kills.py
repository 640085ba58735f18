"""kill -9 of any program, or of all of them, at any moment: no order is lost and none is doubled."""

from __future__ import annotations

import random
import time
from datetime import timedelta

import pytest

from dnalyaw import runtime
from tests.e2e import market
from tests.e2e.desk import Desk

pytestmark = pytest.mark.e2e

BEFORE = {101: 0.03, 103: 0.02, 201: 0.04, 202: 0.03, 301: 0.02, 302: 0.03, 401: 0.03, 402: 0.02}
AFTER = {101: 0.01, 103: 0.04, 201: 0.045, 301: 0.0, 302: 0.01, 401: 0.02, 104: 0.03}


def _submit_until_taken(desk: Desk, portfolio: runtime.messages.TargetPortfolio) -> None:
    """Hand over, again while the links come back: refused for now is not refused for good."""
    deadline = time.monotonic() + 20
    while True:
        answer = desk.submit(portfolio)
        if answer.outcome in (runtime.ACCEPTED, runtime.ALREADY_TAKEN):
            return
        codes = {f.code for f in answer.faults}
        assert codes <= {"RISK_DOWN", "VENUE_DOWN", "NO_ACCOUNT"}, answer
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)


def _trade_through(desk: Desk, seed: int, victims: list[tuple[str, ...]]) -> None:
    """A session with two plans, and a kill at a random moment for each entry of `victims`."""
    moments = random.Random(seed)
    desk.write()
    desk.up()
    first = market.portfolio(BEFORE)
    second = market.portfolio(AFTER, as_of=market.opening(desk.session) + timedelta(minutes=1))
    _submit_until_taken(desk, first)
    desk.start()
    replan = moments.randrange(len(victims) + 1)
    for number, programs in enumerate([*victims, ()]):
        if number == replan:
            desk.wait_minute(2)
            _submit_until_taken(desk, second)
        if programs:
            # 10 ms to 500 ms: between the first decision and well into the fills.
            time.sleep(10 ** moments.uniform(-2, -0.3))
            desk.kill(*programs)
            assert set(programs) <= set(desk.up())
    # The same again: both were taken, whatever was killed.
    for portfolio in (first, second):
        assert desk.submit(portfolio).outcome == runtime.ALREADY_TAKEN
    report = desk.close()
    ledger = desk.check(report, fill_by_fill=victims == [("omsd",)] * len(victims))
    # An order a frame, and as many again as had to be repeated: nothing the venue has came from elsewhere.
    assert report.frames_to_risk >= len(ledger.orders)
    assert {o.instrument_id for o in report.orders} >= set(BEFORE)


ONE = [("omsd",), ("riskd",), ("simvenue",), ("omsd", "riskd", "simvenue")]


@pytest.mark.parametrize("programs", ONE, ids=["omsd", "riskd", "simvenue", "all"])
def test_a_kill_in_the_session_loses_and_doubles_nothing(desk: Desk, programs: tuple[str, ...]) -> None:
    desk.speed = 600
    _trade_through(desk, 11 + ONE.index(programs), [programs])


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 118))
def test_many_kills_at_random_lose_and_double_nothing(desk: Desk, seed: int) -> None:
    desk.speed = 300
    rng = random.Random(seed)
    kinds = [*ONE, ("riskd", "simvenue"), ("omsd", "riskd"), ("simvenue", "omsd")]
    _trade_through(desk, seed, [rng.choice(kinds) for _ in range(rng.randrange(2, 6))])
