"""The operator's kill switch, through omsd: everything off, everything closed, and nothing opens again that day."""

from __future__ import annotations

import subprocess
from datetime import timedelta

import pytest

from dnalyaw import runtime
from tests.e2e import market
from tests.e2e.desk import Desk

pytestmark = pytest.mark.e2e

HELD = {201: 0.04, 401: 0.03, 402: 0.02}
OPERATOR, KILLED = 45, 19


def test_kill_cancels_closes_and_outlives_a_restart(desk: Desk) -> None:
    desk.write()
    desk.speed = 600
    desk.up()
    # The order in TECA cannot be filled in a few minutes: it works when the switch is thrown.
    desk.submit(market.portfolio({**HELD, 101: 0.045}))
    desk.start()
    desk.wait("fills", lambda: desk.lines("fill") >= 6)
    with desk.client() as client:
        state = client.kill("test", "to see it stop")
        assert state == "KILLED"
        desk.wait("a flat account", lambda: not desk.ledger().positions)
        desk.wait("no open order", lambda: client.status().open_orders == 0)
    begin = market.opening(desk.session)
    again = desk.submit(market.portfolio(HELD, as_of=begin + timedelta(minutes=1)))
    assert again.outcome == runtime.REFUSED
    assert "HALTED" in {f.code for f in again.faults}
    desk.kill("riskd")
    assert desk.up() == ["riskd"]
    with desk.client() as client:
        assert client.status().trading_state == "KILLED"
    after = desk.submit(market.portfolio(HELD, as_of=begin + timedelta(minutes=1)))
    assert after.outcome == runtime.REFUSED
    report = desk.close()
    ledger = desk.check(report)
    assert ledger.positions == {}
    assert ledger.orders["US-1"].end == "cancel"
    closing = [o for k, o in ledger.orders.items() if "-K" in k]
    assert {o.instrument_id for o in closing} == {101, *HELD}
    assert {o.side[0].lower() for o in closing} == {"s"}
    # Slices that take what is displayed and leave nothing working; together they sold what was held.
    assert {o.end for o in closing} <= {"fill", "cancel"}
    assert {o.instrument_id for o in closing if o.filled} == {101, *HELD}


def test_cancel_all_takes_off_what_works_and_keeps_what_filled(desk: Desk) -> None:
    desk.write()
    desk.speed = 300
    desk.up()
    desk.submit(market.portfolio({101: 0.045, 401: 0.03}))
    desk.start()
    desk.wait("fills", lambda: desk.lines("fill") >= 3)
    with desk.client() as client:
        assert client.cancel_all("test") == 1
        desk.wait("no open order", lambda: client.status().open_orders == 0)
    ledger = desk.ledger()
    assert ledger.orders["US-1"].end == "cancel"
    assert ledger.orders["US-2"].end == "fill"
    assert 0 < ledger.positions[101] < ledger.orders["US-1"].qty


def test_it_works_with_omsd_dead_and_holds_into_the_next_session_until_it_is_re_armed(desk: Desk) -> None:
    desk.write()
    desk.speed = 600
    desk.up()
    desk.submit(market.portfolio(HELD))
    desk.start()
    desk.wait("fills", lambda: desk.lines("fill") >= 3)
    desk.kill("omsd")
    answer = runtime.risk_control(desk.layout, "kill", reason="omsd is dead")
    assert answer["kill"]["latched"]
    desk.wait("flat", lambda: runtime.risk_control(desk.layout, "status")["kill"]["phase"] == "flat")
    assert desk.ledger().positions == {}
    assert runtime.latched(desk.layout)
    with pytest.raises(runtime.RiskControlError, match="a few words"):
        runtime.risk_control(desk.layout, "rearm", reason=" ")
    assert desk.up() == ["omsd"]
    desk.check(desk.close())

    desk.write(market.DAY_TWO)
    desk.up()
    assert runtime.risk_control(desk.layout, "status")["kill"]["fired"]
    wishes = market.portfolio(HELD, session=market.DAY_TWO)
    refused = desk.submit(wishes)
    assert refused.outcome == runtime.REFUSED
    assert "rearm" in str(refused)
    assert not runtime.risk_control(desk.layout, "rearm", reason="omsd is mended")["kill"]["fired"]
    assert not runtime.latched(desk.layout)
    with desk.client() as client:
        desk.wait("an armed omsd", lambda: client.status().trading_state == "ACTIVE")
    assert desk.submit(wishes).outcome == runtime.ACCEPTED


def test_without_riskd_the_command_for_the_second_wire_flattens(desk: Desk) -> None:
    desk.write()
    desk.speed = 600
    desk.up()
    desk.submit(market.portfolio({**HELD, 101: 0.045}))
    desk.start()
    desk.wait("fills", lambda: desk.lines("fill") >= 4)
    desk.kill("omsd", "riskd")
    with pytest.raises(runtime.RiskAbsentError, match="does not run"):
        runtime.risk_control(desk.layout, "kill", reason="riskd is dead")
    wire = desk.layout.second_wire("riskd is dead")
    done = subprocess.run(wire, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    ledger = desk.ledger()
    assert ledger.positions == {}
    assert all(order.end for order in ledger.orders.values())
    assert desk.up() == ["riskd", "omsd"]
    with desk.client() as client:
        assert client.status().trading_state == "KILLED"
