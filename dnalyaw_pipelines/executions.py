"""omsd's report of a session, as it was kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from dnalyaw_pipelines.home import Home

TEXT_FIELDS = frozenset({"side", "state", "decision", "reason", "correlation_id", "attribution"})


def session_report(home: Home, region: str, partition: str) -> dict[str, Any] | None:
    """omsd's report of the session traded on a partition; None when nothing was handed off."""
    from dnalyaw_pipelines.trading import execution_path

    path = execution_path(home, region, home.traded_session(region, partition))
    return plain(json.loads(path.read_text())) if path.exists() else None


def orders_of(report: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The orders of a session report."""
    return list((report or {}).get("orders", []))


@dataclass(frozen=True, slots=True)
class RiskClose:
    """A position that riskd closed itself, with every order that it took; `whole` unless the last was cut short."""

    instrument_id: int
    reason: str
    side: str
    orders: int
    filled_qty: int
    average_price_micro: float | None
    fee_micro: int
    state: str
    whole: bool


def risk_closes(report: dict[str, Any] | None) -> list[RiskClose]:
    """What riskd closed in a session (the kill switch, a fired stop), by reason and instrument."""
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for order in sorted((report or {}).get("risk_orders", []), key=lambda o: int(o["order_id"])):
        reason = str(order["reason"]).partition(":")[0]
        found.setdefault((reason, order["instrument_id"]), []).append(order)
    return [
        _risk_close(reason, instrument, found[reason, instrument]) for reason, instrument in sorted(found)
    ]


def _risk_close(reason: str, instrument: int, orders: list[dict[str, Any]]) -> RiskClose:
    fills = [fill for order in orders for fill in order["fills"]]
    shares = sum(fill["qty"] for fill in fills)
    return RiskClose(
        instrument_id=instrument,
        reason=reason,
        side=next((order["side"] for order in orders if order["side"]), ""),
        orders=len(orders),
        filled_qty=sum(order["filled_qty"] for order in orders),
        average_price_micro=sum(f["qty"] * f["px_micro"] for f in fills) / shares if shares else None,
        fee_micro=sum(fill["fee_micro"] for fill in fills),
        state=orders[-1]["state"],
        whole=orders[-1]["state"] == "FILLED",
    )


def plain(value: Any) -> Any:
    """The same with integers where protobuf's JSON has decimal text (its 64-bit integers)."""
    if isinstance(value, dict):
        return {k: v if k in TEXT_FIELDS else plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    return value
