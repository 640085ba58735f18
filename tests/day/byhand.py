"""A day worked by hand, as five logs tell it, and the means to tell it wrongly.

Three orders of one update each: 1 buys 100 of name 7 in two fills, 2 is cut from 90 to 60 and cancelled after 25, 3 is
denied. A fourth was withdrawn by omsd before it left. Fees are 1 a share.
"""

from __future__ import annotations

import hashlib
import json
from types import SimpleNamespace
from typing import Any

from tests.day.proof import Evidence

BUY, SELL = 1, 2


def exec_hash(exec_id: str) -> int:
    return int.from_bytes(hashlib.sha256(exec_id.encode()).digest()[:8], "little")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _signed(*values: int) -> bytes:
    return b"".join(_varint(v << 1 if v >= 0 else (-v << 1) - 1) for v in values)


def _json(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def update(seq: int, order_id: int, side: int, instrument: int, qty: int) -> bytes:
    order = {"id": order_id, "instrument_id": instrument, "side": side, "qty": qty}
    return _json(k="update", ts=1, update={"strategy_id": "alpha", "seq": seq, "order": order})


def own(order_id: int, event: int) -> bytes:
    return bytes([1]) + _signed(5) + _varint(order_id) + bytes([event]) + _varint(0)


def decided(order_id: int, code: int, approved: int) -> bytes:
    return (
        bytes([2])
        + _signed(5)
        + _varint(order_id)
        + bytes([code, 0])
        + _signed(approved, 0, 0, 0, 0)
        + bytes(8)
        + _signed(0, 0, 0)
    )


def heard(
    order_id: int, exec_id: str, kind: int, qty: int = 0, px: int = 0, cum: int = 0, fee: int | None = None
) -> bytes:
    head = (
        bytes([3]) + _signed(5) + _varint(order_id) + exec_hash(exec_id).to_bytes(8, "little") + bytes([kind])
    )
    return (
        head
        + _signed(qty, px, cum, 0, qty if fee is None else fee)
        + _varint(0)
        + _signed(0, 0, 0)
        + bytes([0])
    )


def decision(order_id: int, side: int, instrument: int, qty: int, approved: int) -> dict[str, Any]:
    asked = {"order_id": order_id, "instrument_id": instrument, "side": side, "quantity": qty}
    return {"kind": "decision", "order": asked, "approved_quantity": approved}


def execution(order_id: int, exec_id: str, kind: int, qty: int = 0, px: int = 0) -> dict[str, Any]:
    terms = {"last_quantity": qty, "last_price": px, "fee": qty, "reason": 0}
    return {"kind": "exec", "order_id": order_id, "exec_id": exec_id, "exec_type": kind, **terms}


def line(
    kind: str, key: str, side: str, instrument: int, qty: int, px: int = 0, **more: Any
) -> dict[str, Any]:
    return {
        "kind": kind,
        "cl_ord_id": key,
        "side": side,
        "instrument_id": instrument,
        "qty": qty,
        "px": px,
        "text": "",
        **more,
    }


def reported(
    order_id: int,
    instrument: int,
    side: str,
    asked: int,
    decision: str,
    approved: int,
    state: str,
    *fills: Any,
) -> Any:
    told = [SimpleNamespace(exec_id=exec_hash(e), qty=q, px_micro=p, fee_micro=q) for e, q, p in fills]
    return SimpleNamespace(
        order_id=order_id,
        instrument_id=instrument,
        side=side,
        requested_qty=asked,
        decision=decision,
        approved_qty=approved,
        state=state,
        fills=told,
    )


def day_by_hand() -> Evidence:
    omsd = [
        update(1, 1, BUY, 7, 100), own(1, 0), decided(1, 1, 100), heard(1, "A", 0),
        heard(1, "B", 1, 40, 10, 40), heard(1, "C", 2, 60, 13, 100),
        update(2, 2, BUY, 8, 90), own(2, 0), decided(2, 2, 60), heard(2, "D", 1, 25, 20, 25),
        own(2, 6), heard(2, "E", 4, cum=25),
        update(3, 3, SELL, 9, 10), own(3, 0), decided(3, 3, 0),
        update(4, 4, SELL, 9, 10), own(4, 12),
    ]  # fmt: skip
    riskd = [
        decision(1, BUY, 7, 100, 100), execution(1, "A", 0), execution(1, "B", 1, 40, 10), execution(1, "C", 2, 60, 13),
        decision(2, BUY, 8, 90, 60), execution(2, "D", 1, 25, 20), execution(2, "E", 4),
        decision(3, SELL, 9, 10, 0),
    ]  # fmt: skip
    venue = [
        line("order", "US-1", "buy", 7, 100), line("ack", "US-1", "buy", 7, 100),
        line("fill", "US-1", "buy", 7, 40, 10, exec_id="B", fee=40, avg_px=10),
        line("fill", "US-1", "buy", 7, 60, 13, exec_id="C", fee=60, avg_px=12),
        line("order", "US-2", "buy", 8, 60), line("fill", "US-2", "buy", 8, 25, 20, exec_id="D", fee=25, avg_px=20),
        line("cancel", "US-2", "buy", 8, 60),
    ]  # fmt: skip
    report = SimpleNamespace(
        orders=[
            reported(1, 7, "BUY", 100, "APPROVE", 100, "FILLED", ("B", 40, 10), ("C", 60, 13)),
            reported(2, 8, "BUY", 90, "REDUCE", 60, "CANCELLED", ("D", 25, 20)),
            reported(3, 9, "SELL", 10, "REJECT", 0, "DENIED"),
            reported(4, 9, "SELL", 10, "NONE", 0, "CANCELLED"),
        ],
        risk_orders=[],
        positions=[SimpleNamespace(instrument_id=7, qty=100), SimpleNamespace(instrument_id=8, qty=25)],
    )
    rows = [(n, json.dumps(record).encode()) for n, record in enumerate(riskd, 1)]
    answers = {("alpha", seq): seq for seq in (1, 2, 4)}
    return Evidence(omsd, riskd, venue, list(enumerate(omsd, 1)), rows, report, answers, {("alpha", 3)})
