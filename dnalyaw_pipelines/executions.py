"""omsd's report of a session, as it was kept."""

from __future__ import annotations

import json
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


def plain(value: Any) -> Any:
    """The same with integers where protobuf's JSON has decimal text (its 64-bit integers)."""
    if isinstance(value, dict):
        return {k: v if k in TEXT_FIELDS else plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    return value
