"""SIGKILL to riskd at random moments under load: after each, its state is what the venue's own log adds up to."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
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
OWN = 2**62
"""From here on are the ids of riskd's own orders, which close."""
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
        key = f"US-{order_id}" if order_id < OWN else f"US-K{order_id - OWN}"
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


def settled(link: Link, venue: Simulated) -> None:
    """Wait until riskd and the venue's log agree on orders, fills, positions and cash."""
    why: list[Any] = [None]

    def agree() -> bool:
        why[0] = _compare(link, venue)
        return why[0] is None

    try:
        eventually("agreement with the venue's log", agree)
    except AssertionError as error:
        raise AssertionError(f"{error}: {why[0]}") from None


@dataclass(frozen=True)
class Plan:
    """What happens around one kill."""

    disconnect: bool
    """The line to the venue breaks shortly before."""
    torn: bool
    """A record is left half written."""
    twice: bool
    """Killed once more, in the start that follows."""


def _plans(moments: random.Random, kills: int) -> list[Plan]:
    """Each of it at a share of the kills, chosen at random: a seed without one would not have tried it."""

    def some(share: float) -> set[int]:
        return set(moments.sample(range(kills), max(1, round(share * kills))))

    broken, torn, twice = some(0.2), some(0.25), some(0.2)
    return [Plan(n in broken, n in torn, n in twice) for n in range(kills)]


def _disconnect(gateway: Gateway, venue: Simulated, moments: random.Random) -> None:
    downs = len(gateway.events("venue_down"))
    venue.control("fault", kind="disconnect", n=1)
    eventually("the end of the line", lambda: len(gateway.events("venue_down")) > downs)
    time.sleep(0.02 * moments.random())


def _trade_through(root: Path, seed: int, kills: int, speed: float) -> None:
    moments = random.Random(seed)
    plans = _plans(moments, kills)
    torn_bytes = disconnects = 0
    venue = Simulated(root / "us", seed=seed, speed=speed, size=2000)
    gateway = Gateway(root / "us" / "gate", Simulated.reference())
    gateway.address = venue.layout.venue_address
    trader = Trader(gateway, seed)
    options = ("--journal-segment-kib", str(SEGMENT_KIB))
    try:
        venue.start_clock()
        gateway.start(*options)
        trader.connect().wait_open(prices=len(NAMES))
        for plan in plans:
            trader.start()
            # From the first order on, to well into the fills.
            time.sleep(moments.choice([0.05, 0.5]) * moments.random())
            if plan.disconnect:
                _disconnect(gateway, venue, moments)
                disconnects += 1
            gateway.kill()
            trader.stop()
            if plan.torn:
                journal.tear(gateway.dir, moments.randrange(1, 260))
            ready = gateway.start(*options)
            assert (ready["torn_bytes"] > 0) >= plan.torn, ready
            torn_bytes += ready["torn_bytes"]
            if plan.twice:
                # Into the start that follows a kill: reading back, the logon, the questions after it.
                time.sleep(moments.uniform(0.0, 1.3))
                gateway.kill()
                gateway.start(*options)
            link = trader.connect()
            link.wait_open(prices=len(NAMES))
            settled(link, venue)
        gateway.stop()
        assert torn_bytes > 0
        assert disconnects > 0
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
