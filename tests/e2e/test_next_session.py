"""From one session to the next: corporate actions reach the account, and the day begins with its own baseline."""

from __future__ import annotations

import polars as pl
import pytest

from dnalyaw import runtime
from tests.e2e import market
from tests.e2e.desk import Desk

pytestmark = pytest.mark.e2e


def test_a_split_and_a_delisting_overnight(desk: Desk) -> None:
    desk.speed = 2400
    desk.write()
    desk.up()
    desk.submit(market.portfolio({201: 0.04, 202: 0.03, 401: 0.03, 302: 0.02}))
    desk.start()
    first = desk.close()
    day_one = desk.check(first)
    assert set(day_one.positions) == {201, 202, 401, 302}

    # FINA splits two for one and trades at half; AUCA is gone at 31 a share; ENEB pays 25 cents.
    actions = pl.DataFrame(
        {
            "instrument_id": [201, 302, 401],
            "kind": ["split", "dividend", "delisting"],
            "ratio": [2.0, None, None],
            "amount": [None, 0.25, 31.0],
        }
    )
    names = market.repriced(market.without(market.NAMES, 401), {201: 50.0})
    desk.write(market.DAY_TWO, names, actions=actions)
    # However often the day is started, its actions are applied once.
    for _ in range(2):
        assert desk.up() == ["simvenue", "riskd", "auditd", "omsd"]
        assert desk.lines("action") == 3
        desk.kill("simvenue", "riskd", "omsd")
    assert desk.up() == ["simvenue", "riskd", "auditd", "omsd"]
    with desk.client() as client:
        status = client.status()
    assert status.session == 20260311
    held = {**day_one.positions, 201: 2 * day_one.positions[201]}
    gone = held.pop(401)
    before = desk.settled()
    assert {p.instrument_id: p.qty for p in before.positions if p.qty} == held
    cash = day_one.cash + gone * 31_000_000 + held[302] * 250_000
    assert before.cash_micro == cash

    # The same wishes again: what is held already needs no order, what is gone cannot be wished for.
    answer = desk.submit(market.portfolio({201: 0.04, 401: 0.03}, session=market.DAY_TWO))
    assert answer.outcome == runtime.REFUSED
    assert {(f.code, f.instrument_id) for f in answer.faults} == {("UNKNOWN_INSTRUMENT", 401)}
    wishes = {201: 0.04, 202: 0.0, 302: 0.02}
    assert desk.submit(market.portfolio(wishes, session=market.DAY_TWO)).outcome == runtime.ACCEPTED
    desk.start()
    second = desk.close()
    day_two = desk.check(second)
    assert 202 not in day_two.positions
    assert day_two.positions[201] == held[201]
    # The baseline is the account at this session's start, not the first day's.
    assert second.baseline_micro != first.baseline_micro
    # Worth is what could be sold at: a cent below the mids by which positions are told, where there are quotes.
    mids = {p.instrument_id: p.mark_micro for p in before.positions}
    bids = {i: mid if i in (401, 402) else mid - 10_000 for i, mid in mids.items()}
    assert second.baseline_micro == cash + sum(qty * bids[i] for i, qty in held.items())
    # Order ids never repeat: the second day goes on where the first ended.
    assert min(o.order_id for o in second.orders) > max(o.order_id for o in first.orders)
    # The first day's report stays as it was.
    with desk.client() as client:
        kept = client.report(20260310)
    assert [o.order_id for o in kept.orders] == [o.order_id for o in first.orders]
    assert kept.cash_micro == first.cash_micro
