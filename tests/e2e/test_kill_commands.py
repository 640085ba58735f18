"""`dnalyaw kill`, `dnalyaw risk` and `dnalyaw rearm` as a person types them, on a home whose runtime runs."""

from __future__ import annotations

import json

import pytest

from dnalyaw import runtime
from dnalyaw_pipelines.home import Home
from tests.e2e import market
from tests.e2e.desk import Desk
from tests.pipelines._loop import command

pytestmark = pytest.mark.e2e

HELD = {201: 0.04, 401: 0.03}
OK, FAILED, USAGE = 0, 1, 2


def test_the_commands_kill_show_and_re_arm(home: Home) -> None:
    desk = Desk(home.runtime("US"))
    desk.write()
    desk.speed = 600
    desk.up()
    desk.submit(market.portfolio(HELD))
    desk.start()
    desk.wait("fills", lambda: desk.lines("fill") >= 2)
    desk.kill("omsd")

    stressed = command("risk", "--home", home.root, "--stress", "--json")
    assert stressed.status == OK, stressed.err
    told = {row["scenario"]: row for row in json.loads(stressed.out)["US"]["stress"]}
    assert {"gap_5_sigma", "all_sectors_down"} <= set(told)
    assert told["gap_5_sigma"]["loss_micro"] > 0, "something is held"
    page = command("risk", "--home", home.root, "--stress")
    assert "gap_5_sigma" in page.out
    assert "gap_5_sigma" not in command("risk", "--home", home.root).out

    # Without a reason nothing is thrown.
    assert command("kill", "--home", home.root).status == USAGE
    assert not runtime.latched(desk.layout)
    killed = command("kill", "--home", home.root, "--reason", "omsd is dead")
    assert (killed.status, killed.out) == (OK, "")
    assert killed.err.startswith("US: KILLED, ")
    assert "dnalyaw rearm" in killed.err
    desk.wait("flat", lambda: runtime.risk_control(desk.layout, "status")["kill"]["phase"] == "flat")
    assert desk.ledger().positions == {}

    shown = command("risk", "--home", home.root, "--json")
    assert shown.status == OK, shown.err
    state = json.loads(shown.out)["US"]["state"]
    assert (state["trading_state"], state["reason"]) == ("KILLED", "OPERATOR")
    assert "KILLED (OPERATOR)" in command("risk", "--home", home.root).out

    missing = command("rearm", "--home", home.root)
    assert missing.status == USAGE
    assert "--reason" in missing.err
    blank = command("rearm", "--home", home.root, "--reason", " ")
    assert blank.status == FAILED
    assert "a few words" in blank.err
    assert runtime.latched(desk.layout)

    armed = command("rearm", "--home", home.root, "--reason", "omsd is mended")
    assert (armed.status, armed.err) == (OK, "US: armed again\n")
    assert not runtime.latched(desk.layout)
    again = command("rearm", "--home", home.root, "--reason", "once more")
    assert (again.status, again.err) == (OK, "no region's kill switch is thrown\n")
