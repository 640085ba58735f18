"""`dnalyaw unwind` as a person types it, with the real runtime: what is held is sold through risk at the venue."""

from __future__ import annotations

import json

import pytest

from dnalyaw_pipelines.home import Home
from tests.e2e import market
from tests.e2e.desk import Desk
from tests.pipelines._loop import command

pytestmark = pytest.mark.e2e

HELD = {201: 0.04, 401: 0.03}
OK, FAILED, USAGE = 0, 1, 2


def test_a_name_and_then_a_strategy_are_unwound(home: Home) -> None:
    desk = Desk(home.runtime("US"))
    words = ("unwind", "--home", home.root, "--region", "us")
    absent = command(*words, "--name", "201", "--reason", "nobody is there")
    assert absent.status == FAILED
    assert "omsd (US)" in absent.err
    desk.write()
    desk.speed = 300
    desk.up()
    desk.submit(market.portfolio(HELD))
    desk.start()
    desk.wait("everything is held", lambda: set(desk.ledger().positions) == set(HELD))

    rows = json.loads(desk.layout.reference.read_text())["instruments"]
    label = next(row["label"] for row in rows if row["instrument_id"] == 201)
    assert command(*words, "--name", "NOBODY.NASDAQ", "--reason", "x").status == USAGE
    sold = command(*words, "--name", label.lower(), "--reason", "its books are doubted")
    assert (sold.status, sold.out) == (OK, ""), sold.err
    assert f"US: {label.lower()} is being unwound in 1 instruments" in sold.err
    desk.wait("the name is sold", lambda: set(desk.ledger().positions) == {401})

    strategy = market.portfolio(HELD).strategy_id
    assert command(*words, "--strategy", strategy, "--reason", "its feed is wrong").status == OK
    desk.wait("nothing is held", lambda: desk.ledger().positions == {})
    with desk.client() as client:
        desk.wait("omsd has heard of it", lambda: not [p for p in client.report(0).positions if p.qty])
    again = command(*words, "--name", "401", "--reason", "once more")
    assert again.status == FAILED
    assert "neither held nor worked on" in again.err

    agreed = command("reconcile", "--home", home.root)
    assert (agreed.status, agreed.out) == (OK, "venue and books agree\n"), agreed.err
    assert command("reconcile", "--home", home.root, "--accept").status == FAILED

    lifted = command(*words, "--strategy", strategy, "--reason", "mended", "--lift")
    assert (lifted.status, lifted.err) == (OK, f"US: {strategy} may be held again from the next plan on\n")
