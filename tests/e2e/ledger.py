"""Reads the venue's own log, and books the account from it: the oracle that reports are compared with.

It shares no code with what it judges. The log names each fill's quantity, price and fee; cash and positions are
summed from them here.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class VenueOrder:
    """One order as the venue saw it."""

    cl_ord_id: str
    instrument_id: int
    side: str
    qty: int
    px: int
    session: str
    fills: list[dict[str, Any]] = field(default_factory=list)
    end: str = ""

    @property
    def filled(self) -> int:
        return sum(f["qty"] for f in self.fills)


@dataclass
class Ledger:
    """What the venue's log adds up to."""

    lines: list[dict[str, Any]]
    orders: dict[str, VenueOrder]
    cash: int
    positions: dict[int, int]

    def of_session(self, session: str) -> dict[str, VenueOrder]:
        """The orders of one session."""
        return {k: o for k, o in self.orders.items() if o.session == session}


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The whole lines of the log; what a kill cut short was never acknowledged."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().split("\n")[:-1]]


def read_ledger(path: Path) -> Ledger:
    """Book the log. AssertionError when it contradicts itself or an order is there twice."""
    lines = lines_of(path)
    assert [line["n"] for line in lines] == list(range(1, len(lines) + 1)), "a gap in the venue's log"
    sent = Counter(line["cl_ord_id"] for line in lines if line["kind"] == "order")
    assert not [k for k, n in sent.items() if n > 1], f"orders that reached the venue twice: {sent}"
    twice = [line for line in lines if line["kind"] == "reject" and "duplicate" in line["text"]]
    assert not twice, f"orders that were sent to the venue again: {twice}"
    execs = Counter(line["exec_id"] for line in lines if line["kind"] == "fill")
    assert not [k for k, n in execs.items() if n > 1]
    orders: dict[str, VenueOrder] = {}
    positions: dict[int, int] = defaultdict(int)
    cash, session = 0, ""
    for line in lines:
        kind, key = line["kind"], line["cl_ord_id"]
        if kind == "session":
            session = line.get("session") or session
            cash += line.get("cash", 0)
        elif kind == "order":
            orders[key] = VenueOrder(
                key, line["instrument_id"], line["side"], line["qty"], line["px"], session
            )
        elif kind == "action":
            cash += line.get("cash", 0)
            positions[line["instrument_id"]] = line.get("position", 0)
        elif kind == "fill":
            order = orders[key]
            assert not order.end, f"{key} filled after its end"
            order.fills.append(line)
            assert order.filled <= order.qty, f"{key} overfilled"
            sign = 1 if line["side"].lower().startswith("b") or line["side"] == "1" else -1
            positions[line["instrument_id"]] += sign * line["qty"]
            cash -= sign * line["qty"] * line["px"] + line.get("fee", 0)
            assert cash >= 0, "the account is overdrawn"
            if order.filled == order.qty:
                order.end = "fill"
        elif kind in ("reject", "cancel", "expire"):
            orders[key].end = kind
    return Ledger(lines, orders, cash, {k: v for k, v in positions.items() if v})


def exec_hash(exec_id: str) -> int:
    """What frames and reports carry of the venue's ExecID."""
    return int.from_bytes(hashlib.sha256(exec_id.encode()).digest()[:8], "little")
