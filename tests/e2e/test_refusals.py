"""What may not be traded is refused whole, by name, and what was taken is not taken again."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from dnalyaw import runtime
from tests.e2e import market
from tests.e2e.desk import Desk

pytestmark = pytest.mark.e2e

MIXED = {101: 0.03, 201: 0.04, 401: 0.02}


def _codes(answer: runtime.messages.SubmitTargetsResponse) -> set[tuple[str, int]]:
    return {(f.code, f.instrument_id) for f in answer.faults}


def test_the_same_targets_twice_trade_once(desk: Desk) -> None:
    desk.write()
    desk.up()
    taken = desk.submit(market.portfolio(MIXED))
    assert (taken.outcome, taken.orders_planned) == (runtime.ACCEPTED, 3)
    assert desk.submit(market.portfolio(MIXED)).outcome == runtime.ALREADY_TAKEN
    desk.start()
    desk.wait("an order at the venue", lambda: desk.lines("order") == 3)
    assert desk.submit(market.portfolio(MIXED)).outcome == runtime.ALREADY_TAKEN
    conflict = desk.submit(market.portfolio({**MIXED, 101: 0.031}))
    assert conflict.outcome == runtime.REFUSED
    assert _codes(conflict) == {("CONFLICT", 0)}
    first = desk.close()
    desk.check(first)
    # A closed session takes nothing new.
    late = market.opening(desk.session) + timedelta(minutes=1)
    closed = desk.submit(market.portfolio({**MIXED, 101: 0.04}, as_of=late))
    assert closed.outcome == runtime.REFUSED
    assert _codes(closed) == {("SESSION_CLOSED", 0)}
    # What was taken stays taken after the close, and after everything was stopped and started again.
    assert desk.submit(market.portfolio(MIXED)).outcome == runtime.ALREADY_TAKEN
    desk.down()
    assert desk.up() == ["simvenue", "riskd", "auditd", "omsd"]
    again = desk.submit(market.portfolio(MIXED))
    assert (again.outcome, again.orders_planned) == (runtime.ALREADY_TAKEN, 0)
    desk.start()
    report = desk.close()
    desk.check(report)
    assert desk.lines("order") == 3
    assert report.frames_to_risk == first.frames_to_risk == 3


def test_bad_targets_are_refused_whole_and_every_fault_is_named(desk: Desk) -> None:
    desk.write(unpriced=[market.UNPRICED])
    desk.up()
    wrong = market.portfolio(
        {101: math.nan, 102: math.inf, 103: -0.1, 104: (0.02, math.nan), 105: (0.02, -1.0), 201: 0.9, 202: 0.9,
         999: 0.01, 501: 0.02}
    )  # fmt: skip
    wrong.targets.append(runtime.messages.Target(instrument_id=201, weight=0.01))
    answer = desk.submit(wrong)
    assert answer.outcome == runtime.REFUSED
    assert _codes(answer) >= {
        ("NOT_FINITE", 101),
        ("NOT_FINITE", 102),
        ("NEGATIVE_WEIGHT", 103),
        ("NOT_FINITE", 104),
        ("BAD_STOP", 105),
        ("OVER_LEVERAGE", 0),
        ("UNKNOWN_INSTRUMENT", 999),
        ("UNKNOWN_INSTRUMENT", 501),
        ("DUPLICATE_TARGET", 201),
    }
    assert {f.strategy_id for f in answer.faults} == {"hand"}
    assert all(f.message for f in answer.faults)
    # A good portfolio beside a bad one is refused with it.
    other = market.portfolio({301: 0.02}, strategy="other")
    study = market.portfolio({302: 0.02}, strategy="study")
    nobody = market.portfolio({302: 0.02}, strategy="nobody")
    answer = desk.submit(other, study, nobody)
    assert answer.outcome == runtime.REFUSED
    assert {(f.strategy_id, f.code) for f in answer.faults} == {
        ("study", "STAGE"),
        ("nobody", "NOT_REGISTERED"),
    }
    desk.start()
    desk.wait_minute(5)
    assert desk.report().frames_to_risk == 0
    assert desk.lines("order") == 0


def test_a_name_without_a_price_is_refused_and_nothing_beside_it_trades(desk: Desk) -> None:
    desk.write(unpriced=[market.UNPRICED])
    desk.up()
    answer = desk.submit(market.portfolio({**MIXED, 501: 0.02}))
    assert answer.outcome == runtime.REFUSED
    assert _codes(answer) == {("UNKNOWN_INSTRUMENT", 501)}
    assert "no price" in answer.faults[0].message
    # Without it the rest is traded.
    assert desk.submit(market.portfolio(MIXED)).outcome == runtime.ACCEPTED


def test_stale_future_and_foreign_targets_are_refused(desk: Desk) -> None:
    desk.write()
    desk.up()
    begin = market.opening(desk.session)
    old = desk.submit(market.portfolio(MIXED, as_of=begin - timedelta(hours=25)))
    assert _codes(old) == {("STALE", 0)}
    future = desk.submit(market.portfolio(MIXED, as_of=begin + timedelta(hours=2)))
    assert _codes(future) == {("AS_OF_IN_FUTURE", 0)}
    other_day = desk.submit(market.portfolio(MIXED, session=market.DAY_TWO, as_of=begin - timedelta(hours=1)))
    assert _codes(other_day) == {("WRONG_SESSION", 0)}
    assert desk.submit(market.portfolio(MIXED)).outcome == runtime.ACCEPTED
    superseded = desk.submit(market.portfolio(MIXED, as_of=begin - timedelta(hours=1)))
    assert _codes(superseded) == {("STALE", 0)}
