"""SIGKILL to riskd at random moments under load: after each, its state is what the venue's own log adds up to."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest

from tests.risk import journal
from tests.risk.gateway import Gateway, eventually
from tests.risk.link import Frame, Link
from tests.risk.simulated import NAMES, Simulated
from tests.risk.trader import TERMINAL, Trader

pytestmark = pytest.mark.e2e

NEVER_SAW, REJECTED = 41, 8
SEGMENT_KIB = 64
"""So small that segments end, and snapshots are written, in the middle of it all."""


def _story(told: list[Frame]) -> dict[int, tuple[Frame, list[Frame]]]:
    orders: dict[int, tuple[Frame, list[Frame]]] = {}
    for frame in told:
        if frame["kind"] == "DECISION":
            assert frame["order_id"] not in orders, "two decisions of one order"
            orders[frame["order_id"]] = (frame, [])
        elif frame["kind"] == "EXEC" and frame["flags"] & 1:
            # One that is told for the first time just now is among the repeated ones as well.
            orders[frame["order_id"]][1].append(frame)
    return orders


def _compare(link: Link, venue: Simulated) -> str | None:
    """What riskd tells against the venue's log, which asserts by itself that no order came twice; None when all agree."""
    # What was still on its way, repeated for an order that came again, ends with the first answer.
    link.sync()
    told = link.sync()
    ledger = venue.ledger()
    state = next(f for f in reversed(told) if f["kind"] == "STATE")
    held = {f["instrument_id"]: f["qty"] for f in told if f["kind"] == "POSITION" and f["qty"]}
    if held != ledger.positions:
        return f"positions {held}, at the venue {ledger.positions}"
    if state["cash"] != ledger.cash:
        return f"cash {state['cash']}, at the venue {ledger.cash}"
    unheard = set(ledger.orders)
    for order_id, (decision, execs) in _story(told).items():
        key = f"US-{order_id}"
        end = execs[-1] if execs else None
        if key not in ledger.orders:
            lost = end is not None and (end["exec_type"], end["reason"]) == (REJECTED, NEVER_SAW)
            if decision["approved_qty"] and not lost:
                return f"{key} was approved and is not at the venue: {end}"
            if any(f["last_qty"] for f in execs):
                return f"{key} has fills and is not at the venue"
            continue
        unheard.discard(key)
        order = ledger.orders[key]
        assert decision["approved_qty"] == order.qty, key
        filled = sum(f["last_qty"] for f in execs)
        if filled != order.filled or (end["cum_qty"] if end else 0) != order.filled:
            return f"{key}: {filled} filled, at the venue {order.filled}"
        if bool(order.end) != (end is not None and end["exec_type"] in TERMINAL):
            return f"{key}: ended as {order.end!r} at the venue, here {end}"
        spent = sum(f["last_qty"] * f["last_px"] for f in execs)
        # Reports that never came are made up for by one fill at an average of six digits.
        assert abs(spent - sum(f["qty"] * f["px"] for f in order.fills)) <= order.filled, key
    assert not unheard, f"the venue has orders that riskd never decided: {unheard}"
    return None


def _settled(link: Link, venue: Simulated) -> None:
    why: list[Any] = [None]

    def agree() -> bool:
        why[0] = _compare(link, venue)
        return why[0] is None

    try:
        eventually("agreement with the venue's log", agree)
    except AssertionError as error:
        raise AssertionError(f"{error}: {why[0]}") from None


def _trade_through(root: Path, seed: int, kills: int, speed: float) -> None:
    moments = random.Random(seed)
    venue = Simulated(root / "us", seed=seed, speed=speed, size=2000)
    gateway = Gateway(root / "us" / "gate", Simulated.reference())
    gateway.address = venue.layout.venue_address
    trader = Trader(gateway, seed)
    options = ("--journal-segment-kib", str(SEGMENT_KIB))
    try:
        venue.start_clock()
        gateway.start(*options)
        trader.connect().wait_open(prices=len(NAMES))
        for _ in range(kills):
            trader.start()
            # From the first order on, to well into the fills; now and then the line to the venue breaks shortly before.
            time.sleep(moments.choice([0.05, 0.5]) * moments.random())
            if moments.random() < 0.2:
                venue.control("fault", kind="disconnect", n=1)
                time.sleep(0.02 * moments.random())
            gateway.kill()
            trader.stop()
            whole = sum(len(s.records) for s in journal.read(gateway.dir)) if moments.random() < 0.5 else 0
            torn = whole and moments.random() < 0.5
            if torn:
                journal.tear(gateway.dir, moments.randrange(1, 260))
            ready = gateway.start(*options)
            assert (ready["torn_bytes"] > 0) >= bool(torn), ready
            if moments.random() < 0.2:
                # Into the start that follows a kill: reading back, the logon, the questions after it.
                time.sleep(moments.uniform(0.0, 1.3))
                gateway.kill()
                gateway.start(*options)
            link = trader.connect()
            link.wait_open(prices=len(NAMES))
            _settled(link, venue)
        gateway.stop()
        # Every record that was ever stored is there, from the first on.
        records = [r for s in journal.read(gateway.dir) for r in s.records]
        decided = [r["order"]["order_id"] for r in records if r["kind"] == "decision"]
        ledger = venue.ledger()
        assert len(decided) == len(set(decided)) >= len(ledger.orders) > 10 * kills
        assert sum(len(order.fills) for order in ledger.orders.values()) > 2 * kills, (
            "hardly a fill: that was no load"
        )
    finally:
        gateway.stop()
        venue.stop()


@pytest.mark.parametrize("seed", [1, 2])
def test_ten_kills_under_load_lose_and_double_nothing(root: Path, seed: int) -> None:
    _trade_through(root, seed, 10, speed=120)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 108))
def test_thirty_kills_under_load_lose_and_double_nothing(root: Path, seed: int) -> None:
    _trade_through(root, seed, 30, speed=100)
