"""Positions that riskd closed by orders of its own: how a day's figures and its summary tell of them."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from dnalyaw.runtime._gen import oms_pb2
from dnalyaw_pipelines.cli._summary import summary_lines
from dnalyaw_pipelines.executions import plain, risk_closes
from dnalyaw_pipelines.figures import close_figures

OWN = 1 << 62


def _order(
    number: int, instrument: int, reason: str, asked: int, fills: list[tuple[int, int]], state: str
) -> Any:
    return oms_pb2.OrderReport(
        order_id=OWN + number,
        instrument_id=instrument,
        side="SELL" if fills else "",
        requested_qty=asked,
        approved_qty=asked,
        filled_qty=sum(qty for qty, _ in fills),
        state=state,
        decision="FLATTEN",
        reason=reason,
        fills=[oms_pb2.FillReport(qty=qty, px_micro=price, fee_micro=qty * 10) for qty, price in fills],
    )


@pytest.fixture
def report() -> dict[str, Any]:
    """As it is kept after a session: protobuf's JSON, read back."""
    message = oms_pb2.GetSessionReportResponse(
        risk_orders=[
            # Cut short, and tried again.
            _order(1, 101, "STOPPED: a stop was reached", 500, [(120, 10_000_000)], "CANCELLED"),
            _order(2, 201, "STOPPED: a stop was reached", 80, [(80, 5_000_000)], "FILLED"),
            _order(3, 101, "STOPPED: a stop was reached", 380, [(300, 9_000_000), (80, 9_500_000)], "FILLED"),
            _order(4, 301, "OPERATOR", 40, [], "DENIED"),
        ]
    )
    kept = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    return plain(kept)


def test_the_orders_of_one_position_are_one_close(report):
    operator, first, second = risk_closes(report)
    assert (first.instrument_id, first.reason, first.side) == (101, "STOPPED", "SELL")
    assert (first.orders, first.filled_qty, first.fee_micro, first.state) == (2, 500, 5_000, "FILLED")
    # 120 at 10, 300 at 9 and 80 at 9.5.
    assert first.average_price_micro == pytest.approx(9_320_000)
    assert (second.instrument_id, second.filled_qty, second.whole) == (201, 80, True)
    assert (operator.side, operator.average_price_micro, operator.whole) == ("", None, False)
    assert risk_closes(None) == []
    # A report that was kept before riskd's orders were in it.
    assert risk_closes({"orders": []}) == []


def _summary(closed: dict[str, Any]) -> list[str]:
    region = {"session": "2026-11-19", "partition": "2026-11-18", "status": "ok", "closed_by_riskd": closed}
    outcome = {"regions": {"HK": region}, "home": "/home/of/data", "status": "ok", "seconds": 1.0}
    return [line for line in summary_lines(outcome) if "closed by riskd" in line]


def test_the_summary_says_what_was_closed_and_why(report):
    assert _summary(close_figures(risk_closes(report))) == [
        "  risk      3 positions closed by riskd: 1 OPERATOR, 2 STOPPED; 1 not whole"
    ]
    report["risk_orders"] = report["risk_orders"][1:2]
    assert _summary(close_figures(risk_closes(report))) == [
        "  risk      1 position closed by riskd: 1 STOPPED"
    ]
    assert _summary(close_figures([])) == []
