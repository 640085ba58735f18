"""What the session's fills cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from dnalyaw_pipelines.executions import orders_of, session_report
from dnalyaw_pipelines.home import Home

if TYPE_CHECKING:
    from dnalyaw.calibration import CostAnalysis, CostSummary


def costs_of(home: Home, region: str, partition: str) -> CostAnalysis:
    """The cost analysis of the session traded on a partition."""
    from dnalyaw.calibration import analyse_costs

    orders = orders_of(session_report(home, region, partition))
    return analyse_costs(orders, sources=price_sources(home, region, partition))


def price_sources(home: Home, region: str, partition: str) -> dict[int, str]:
    """Where the prices that the venue replayed come from, by instrument."""
    from dnalyaw_pipelines.trading import layout_of

    path = layout_of(home, region).market(home.traded_session(region, partition)).with_suffix(".csv")
    if not path.exists():
        return {}
    table = pl.read_csv(path, columns=["instrument_id", "source"])
    return dict(table.unique("instrument_id", keep="last").iter_rows())


def cost_figures(summary: CostSummary) -> dict[str, Any]:
    """Basis points of what was traded: in all, and by cause."""
    return {
        "total_bp": summary.shortfall_bp,
        "spread_bp": summary.spread_bp,
        "impact_bp": summary.impact_bp,
        "fee_bp": summary.fee_bp,
    }
