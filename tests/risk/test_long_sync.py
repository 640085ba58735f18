"""A session with more reports than the queue towards omsd has places is told whole, to a client that reads slowly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.audit.desk import write_journal
from tests.risk.gateway import Gateway
from tests.risk.link import BUY, DAY, LIMIT, MICRO

pytestmark = pytest.mark.e2e

QUEUE = 131_072
"""Places of `link_queue` by docs/riskd.md."""
ORDERS, FILLS = 4_000, 40
NUMBERS = """
    trading_state session_state position working_buys working_sells traded bid ask last price_ts_ns stop_level
    risk_per_share cash second_equity baseline flows drawdown_bp issuer_exposure sector_exposure gross_exposure
    net_long net_short buying_power working_orders
"""
"""What a decision was made on, as the journal names it."""


def _records() -> list[str]:
    """Orders of a share a fill, each filled in forty parts."""
    start = {"kind": "start", "wall_ns": 1, "region": "US", "session": 20261123}
    records = [json.dumps({**start, "reference_hash": "00" * 32, "limits_hash": "00" * 32})]
    terms = {"limit_price": 100 * MICRO, "stop_distance": 0, "side": BUY, "order_type": LIMIT}
    metrics = {**dict.fromkeys(NUMBERS.split(), 0), "venue_up": True}
    numbers = ("equity", "worst_case", "binding_limit", "limits_hash", "reason")
    for order_id in range(1, ORDERS + 1):
        asked = {
            "order_id": order_id,
            "instrument_id": 1,
            "quantity": FILLS,
            "time_in_force": DAY,
            "flags": 0,
            **terms,
        }
        decision = {"kind": "decision", "ts_ns": 1, "wall_ns": 1, "session": 20261123, "order": asked}
        said = {
            "correlation": "07" * 16,
            "decision": 1,
            "approved_quantity": FILLS,
            "reference_price": 100 * MICRO,
        }
        records.append(json.dumps({**decision, **said, **dict.fromkeys(numbers, 0), "metrics": metrics}))
        for cum in range(1, FILLS + 1):
            records.append(
                f'{{"kind":"exec","order_id":{order_id},"ts_ns":2,"exec_id":"E{order_id}-{cum}","exec_type":'
                f'{2 if cum == FILLS else 1},"last_quantity":1,"last_price":{100 * MICRO},"cumulative_quantity":{cum},'
                f'"leaves_quantity":{FILLS - cum},"fee":0,"reason":0,"bid":0,"ask":0}}'
            )
    return records


def test_a_sync_is_told_whole_however_many_reports_it_has(root: Path) -> None:
    gateway = Gateway(root)
    write_journal(gateway.dir / "journal", _records(), size=1 << 26)
    gateway.at(1)
    try:
        assert gateway.start()["last_order_id"] == ORDERS
        link = gateway.link()
        told = link.sync()
        assert sum(f["kind"] == "DECISION" for f in told) == ORDERS
        fills = [(f["order_id"], f["cum_qty"]) for f in told if f["kind"] == "EXEC"]
        assert len(fills) == ORDERS * FILLS > QUEUE
        assert fills == [(n, cum) for n in range(1, ORDERS + 1) for cum in range(1, FILLS + 1)]
        assert gateway.metrics().get("link_overflows", 0) == 0
    finally:
        gateway.stop()
