"""What each program's own log tells of the day, read one by one and sharing no code with what wrote them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.day.account import (
    CANCELLED,
    DENIED,
    EXPIRED,
    FILLED,
    REJECTED,
    Account,
    Fill,
    Order,
    summed_positions,
)
from tests.e2e.ledger import exec_hash

SIDES = {1: "BUY", 2: "SELL"}
ENDS = {2: FILLED, 4: CANCELLED, 8: REJECTED, 12: EXPIRED}
"""By exec_type of an EXEC frame."""
UNKNOWN = 9
CANCEL_SENT, WITHDRAW, LAPSE = 6, 12, 13
"""Events of omsd's own."""
NEVER_LEFT = {15, 19, 41}
"""Reasons of a rejection by riskd itself after it approved: VENUE_DOWN, KILLED, VENUE_NEVER_SAW."""
MADE = "SYNTHESISED-"
"""How the ExecID begins of a fill that riskd made."""
OWN_IDS = 1 << 62
"""From here on are the ids of riskd's own orders."""


def of_omsd(name: str, records: Iterable[Mapping[str, Any]]) -> Account:
    """omsd's journal, or its rows of the audit table."""
    orders: list[Order] = []
    by_id: dict[int, Order] = {}
    heard: dict[int, set[int]] = {}
    cancelling: set[int] = set()
    for said in records:
        for spec in _planned(said):
            order = Order(spec["id"], spec["instrument_id"], SIDES[spec["side"]], spec["qty"], None)
            orders.append(order)
            by_id[order.order_id], heard[order.order_id] = order, set()
        if said["k"] not in ("own", "decision", "exec"):
            continue
        order = by_id[said["order_id"]]
        if said["k"] == "own" and said["event"] == WITHDRAW:
            order.end = CANCELLED
        elif said["k"] == "own" and said["event"] == CANCEL_SENT:
            cancelling.add(order.order_id)
        elif said["k"] == "own" and said["event"] == LAPSE:
            # riskd never took it: what was to be cancelled is.
            order.end = CANCELLED if order.order_id in cancelling else EXPIRED
        elif said["k"] == "decision":
            order.approved = said["approved"]
            order.end = order.end if order.approved else DENIED
        elif said["k"] == "exec" and said["exec_id"] not in heard[order.order_id]:
            if said["type"] != UNKNOWN:
                heard[order.order_id].add(said["exec_id"])
            _report(
                order, said["type"], Fill(said["exec_id"], said["last_qty"], said["last_px"], said["fee"])
            )
    return Account(name, orders, summed_positions(orders))


def _planned(said: Mapping[str, Any]) -> list[Any]:
    if said["k"] == "plan":
        return list(said["plan"].get("orders", []))
    made = (
        said.get("update" if said["k"] == "update" else "child", {}).get("order")
        if said["k"] in ("update", "child")
        else None
    )
    return [made] if made else []


def taken(records: Iterable[Mapping[str, Any]]) -> dict[tuple[str, int], int]:
    """The updates that omsd took, by strategy and number, each with the order that came of it (0: none)."""
    updates = [said["update"] for said in records if said["k"] == "update"]
    found = {(u["strategy_id"], u["seq"]): (u.get("order") or {"id": 0})["id"] for u in updates}
    assert len(found) == len(updates), "an update was taken twice"
    return found


def of_riskd(name: str, records: Iterable[Mapping[str, Any]]) -> Account:
    """riskd's journal, or its rows of the audit table. What a snapshot restates is not told again."""
    orders: list[Order] = []
    by_id: dict[int, Order] = {}
    for said in records:
        if said["kind"] == "decision":
            asked, approved = said["order"], said["approved_quantity"]
            order = Order(
                asked["order_id"], asked["instrument_id"], SIDES[asked["side"]], asked["quantity"], approved
            )
            order.end = "" if approved else DENIED
            orders.append(order)
            by_id[order.order_id] = order
        elif said["kind"] == "exec":
            order = by_id[said["order_id"]]
            order.never_left = said["exec_type"] == 8 and said["reason"] in NEVER_LEFT
            terms = (said["last_quantity"], said["last_price"], said["fee"])
            fill = Fill(exec_hash(said["exec_id"]), *terms, made=said["exec_id"].startswith(MADE))
            _report(order, said["exec_type"], fill)
        elif said["kind"] == "expired":
            by_id[said["order_id"]].end = EXPIRED
    return Account(name, orders, summed_positions(orders))


def _report(order: Order, kind: int, fill: Fill) -> None:
    if fill.qty:
        order.fills.append(fill)
    else:
        order.settled += fill.fee
    order.end = ENDS.get(kind, order.end)
    if order.filled and order.filled == order.approved:
        order.end = FILLED


def of_venue(name: str, lines: Iterable[Mapping[str, Any]]) -> Account:
    """The venue's log. An order that was sent to it again is there twice."""
    orders: list[Order] = []
    by_id: dict[str, Order] = {}
    held: dict[int, int] = {}
    for line in lines:
        kind, key = line["kind"], line["cl_ord_id"]
        if kind == "order" or (kind == "reject" and "duplicate" in line["text"]):
            order = Order(_id(key), line["instrument_id"], line["side"].upper(), None, line["qty"])
            orders.append(order)
            by_id.setdefault(key, order)
        elif kind == "fill":
            order = by_id[key]
            order.fills.append(Fill(exec_hash(line["exec_id"]), line["qty"], line["px"], line.get("fee", 0)))
            order.average = line["avg_px"]
            sign = 1 if order.side == "BUY" else -1
            held[order.instrument_id] = held.get(order.instrument_id, 0) + sign * line["qty"]
            if order.filled == order.approved:
                order.end = FILLED
        elif kind in ("cancel", "reject", "expire"):
            by_id[key].end = {"cancel": CANCELLED, "reject": REJECTED, "expire": EXPIRED}[kind]
    return Account(name, orders, {k: v for k, v in held.items() if v})


def _id(cl_ord_id: str) -> int:
    number = cl_ord_id.partition("-")[2]
    return OWN_IDS + int(number[1:]) if number.startswith("K") else int(number)


def of_report(name: str, report: Any) -> Account:
    """What omsd answers when it is asked for the session."""
    orders = []
    for told in [*report.orders, *report.risk_orders]:
        decided = None if told.decision in ("", "NONE") else told.approved_qty
        order = Order(told.order_id, told.instrument_id, told.side, told.requested_qty, decided, told.state)
        order.fills = [Fill(f.exec_id, f.qty, f.px_micro, f.fee_micro) for f in told.fills]
        orders.append(order)
    return Account(name, orders, {p.instrument_id: p.qty for p in report.positions if p.qty})
