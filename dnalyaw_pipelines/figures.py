"""The figures of one region's day, as the summary and ``--json`` show them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl

from dnalyaw_pipelines import keys
from dnalyaw_pipelines.components.research import COMBINED, stats_path
from dnalyaw_pipelines.costs import cost_figures, costs_of
from dnalyaw_pipelines.executions import RiskClose, risk_closes, session_report
from dnalyaw_pipelines.home import Home
from dnalyaw_pipelines.io import partition_path

FEEDS = ("instruments", "bars", "quotes", "actions", "fundamentals", "series", "borrow")
TOP = 8


def region_figures(home: Home, region: str, partition: str) -> dict[str, Any]:
    """Rows in, top targets, orders by decision with reasons, fills, cost, backtest; what was computed so far."""
    figures: dict[str, Any] = {"rows": feed_rows(home, region, partition)}
    targets = frame_of(home, region, partition, "target_portfolio")
    if targets is not None:
        held = targets.filter(pl.col("instrument_id").is_not_null())
        figures["targets"] = {
            "names": held["instrument_id"].n_unique(),
            "strategies": targets["strategy_id"].n_unique(),
            "top": top_targets(held),
        }
    figures["backtest"] = backtest_figures(home, region, partition)
    handoff = frame_of(home, region, partition, "handoff")
    if handoff is not None:
        figures["handoff"] = handoff.row(0, named=True)
    orders = frame_of(home, region, partition, "execution_report")
    if orders is not None:
        figures["orders"] = order_figures(orders)
        figures["closed_by_riskd"] = close_figures(risk_closes(session_report(home, region, partition)))
        figures["cost"] = cost_figures(costs_of(home, region, partition).summary)
    report = home.reports / home.traded_session(region, partition).isoformat() / "index.html"
    if report.exists():
        figures["report"] = str(report)
    return figures


def frame_of(home: Home, region: str, partition: str, *path: str) -> pl.DataFrame | None:
    """One partition of a derived asset, if it was computed."""
    file = partition_path(home, keys.asset(region, *path), partition)
    return pl.read_parquet(file) if file.exists() else None


def feed_rows(home: Home, region: str, partition: str) -> dict[str, dict[str, int]]:
    """Rows of each feed that came in with a partition, and how many of them were refused."""
    rows = {}
    for feed in FEEDS:
        versions = home.lake.versions(region, feed, partition)
        if not versions:
            continue
        pins = home.lake.pins(region, feed, partition)
        height = pl.scan_parquet(versions[-1].path).select(pl.len()).collect().item()
        published = bool(pins) and pins[-1].version == versions[-1].version
        rows[feed] = {"in": height, "refused": 0 if published else height}
    return rows


def top_targets(held: pl.DataFrame, count: int = TOP) -> list[dict[str, Any]]:
    """The largest names over all strategies, weights as a share of the region's equity."""
    if held.is_empty():
        return []
    return (
        held.with_columns((pl.col("weight") * pl.col("capital_fraction")).alias("share"))
        .group_by("instrument_id", "label", "sector")
        .agg(pl.col("share").sum())
        .sort(["share", "instrument_id"], descending=[True, False])
        .head(count)
        .rename({"share": "weight"})
        .to_dicts()
    )


def backtest_figures(home: Home, region: str, partition: str) -> dict[str, Any]:
    """Figures of every strategy's backtest, the combination last."""
    path: Path = stats_path(home, region, partition)
    if not path.exists():
        return {}
    stats = json.loads(path.read_text())
    names = [n for n in stats if n != COMBINED] + ([COMBINED] if COMBINED in stats else [])
    wanted = ("sharpe", "deflated_sharpe", "trials", "cagr", "max_drawdown", "turnover_per_year", "findings")
    return {name: {k: stats[name][k] for k in wanted if k in stats[name]} for name in names}


def order_figures(orders: pl.DataFrame) -> dict[str, Any]:
    """Orders by decision, the reasons of what was not approved whole, and fills."""
    reasons: dict[str, Counter[str]] = {}
    for row in orders.filter(pl.col("decision").is_in(["REDUCE", "REJECT"])).iter_rows(named=True):
        reasons.setdefault(row["decision"], Counter())[row["reason"]] += 1
    filled = orders.filter(pl.col("filled_qty") > 0)
    return {
        "total": orders.height,
        "decisions": dict(sorted(Counter(orders["decision"].to_list()).items())),
        "states": dict(sorted(Counter(orders["state"].to_list()).items())),
        "reasons": {decision: dict(found) for decision, found in reasons.items()},
        "not_whole": [
            {k: row[k] for k in ("label", "side", "requested_qty", "approved_qty", "decision", "reason")}
            for row in orders.filter(pl.col("decision").is_in(["REDUCE", "REJECT"])).iter_rows(named=True)
        ],
        "orders_filled": filled.height,
        "shares_filled": int(filled["filled_qty"].sum()),
        "value_filled": round(float((filled["filled_qty"] * filled["average_price"]).sum()), 2),
        "fees": round(float(filled["fees"].sum()), 2),
    }


def close_figures(closes: list[RiskClose]) -> dict[str, Any]:
    """Positions that riskd closed itself, by reason, and how many of them it could not close whole."""
    return {
        "positions": len(closes),
        "reasons": dict(sorted(Counter(close.reason for close in closes).items())),
        "not_whole": sum(not close.whole for close in closes),
        "shares": sum(close.filled_qty for close in closes),
    }
