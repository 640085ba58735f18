"""Gathers what the page of a day shows, from the lake, the assets and the runtime's report."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from dnalyaw.calibration import CostSummary
from dnalyaw.report import (
    CheckLine,
    CloseLine,
    FeedLine,
    FillLine,
    OrderLine,
    RegionReport,
    ReportData,
    RiskState,
    SectorExposure,
    StrategyResult,
    TargetLine,
    write_report,
)
from dnalyaw_pipelines import keys
from dnalyaw_pipelines.components.research import COMBINED, stats_path
from dnalyaw_pipelines.components.strategy import declared
from dnalyaw_pipelines.costs import costs_of, price_sources
from dnalyaw_pipelines.executions import orders_of, risk_closes, session_report
from dnalyaw_pipelines.figures import feed_rows, frame_of
from dnalyaw_pipelines.gate import check_statuses
from dnalyaw_pipelines.home import Home
from dnalyaw_pipelines.shortfall import day_shortfall

MICRO = 1_000_000
UNKNOWN = "unknown"


def write_day(home: Home, instance: dg.DagsterInstance, region: str, partition: str) -> Path:
    """Write the page of the session that is traded on a partition, with every region that trades that day."""
    session = home.traded_session(region, partition)
    config = home.config()
    regions = []
    for code in config.regions:
        other = partition if code == region else _partition_of(home, code, session)
        if other is not None and frame_of(home, code, other, "target_portfolio") is not None:
            regions.append(_region(home, instance, code, other))
    return write_report(
        ReportData(
            day=session,
            title="Dnalyaw daily report",
            simulated=config.simulated,
            generated_at=datetime.now(UTC),
            regions=tuple(regions),
            provenance=_provenance(home, regions, session),
        ),
        home.reports,
    )


def _partition_of(home: Home, region: str, session: date) -> str | None:
    from dnalyaw.market import is_session, previous_session

    if not is_session(region, session):
        return None
    partition = previous_session(region, session).isoformat()
    return partition if partition >= home.config().regions[region].genesis else None


def _region(home: Home, instance: dg.DagsterInstance, region: str, partition: str) -> RegionReport:
    from dnalyaw.market import region as region_of

    report = session_report(home, region, partition)
    targets = frame_of(home, region, partition, "target_portfolio")
    names = _names(home, region, partition)
    sources = price_sources(home, region, partition)
    handoff = frame_of(home, region, partition, "handoff")
    notes = []
    if handoff is not None and handoff["outcome"][0] not in ("accepted", "already taken"):
        notes.append(f"Hand-off: {handoff['outcome'][0]}. {handoff['message'][0]}".strip())
    orders = orders_of(report)
    return RegionReport(
        region=region,
        currency=region_of(region).currency,
        session=home.traded_session(region, partition),
        source=f"{home.config().provider}, paper orders filled by the simulated venue",
        feeds=_feeds(home, region, partition),
        checks=_checks(instance, region, partition),
        strategies=_strategies(home, region, partition),
        exposure=_exposure(report, names),
        targets=_targets(targets),
        orders=tuple(_order(order, names) for order in orders),
        closes=_closes(report, names),
        fills=_fills(orders, names, sources),
        costs=_costs(home, region, partition) if report else None,
        shortfall=day_shortfall(home, region, partition) if report else None,
        risk=_risk(report),
        notes=tuple(notes),
    )


def _names(home: Home, region: str, partition: str) -> dict[int, tuple[str, str]]:
    """Label and sector of every instrument, by id."""
    panel = frame_of(home, region, partition, "dbt", "marts", "mart_factor_panel")
    if panel is None:
        return {}
    last = (
        panel.sort("session").unique("instrument_id", keep="last").select("instrument_id", "label", "sector")
    )
    return {i: (label, sector or UNKNOWN) for i, label, sector in last.iter_rows()}


def _feeds(home: Home, region: str, partition: str) -> tuple[FeedLine, ...]:
    lines = []
    for feed, rows in feed_rows(home, region, partition).items():
        pins = home.lake.pins(region, feed, partition)
        lines.append(FeedLine(feed, rows["in"], rows["refused"], pins[-1].version if pins else ""))
    return tuple(lines)


def _checks(instance: dg.DagsterInstance, region: str, partition: str) -> tuple[CheckLine, ...]:
    from dnalyaw.quality import RULES

    lines = []
    for feed, rules in RULES.items():
        statuses = check_statuses(instance, keys.staging(region, feed), [r.name for r in rules], partition)
        lines += [
            CheckLine(feed, rule.name, statuses.get(rule.name) == "succeeded", rule.severity == "error")
            for rule in rules
        ]
    return tuple(lines)


def _strategies(home: Home, region: str, partition: str) -> tuple[StrategyResult, ...]:
    path = stats_path(home, region, partition)
    curves = frame_of(home, region, partition, "backtest")
    if curves is None or not path.exists():
        return ()
    stats = json.loads(path.read_text())
    families = {s.id: s.strategy.family for s in declared(region)}
    return tuple(
        _strategy(name, families.get(name, "all strategies"), figures, curves)
        for name, figures in stats.items()
    )


def _strategy(name: str, family: str, figures: dict[str, Any], curves: pl.DataFrame) -> StrategyResult:
    curve = curves.filter(pl.col("strategy_id") == name)
    low, high = figures["sharpe_interval"]
    return StrategyResult(
        name=name,
        family=family,
        sessions=tuple(curve["session"].to_list()),
        equity=tuple(curve["equity"].to_list()),
        trials=figures["trials"],
        annual_return=figures["cagr"],
        annual_volatility=figures["volatility"],
        sharpe=figures["sharpe"],
        sharpe_low=low,
        sharpe_high=high,
        deflated_sharpe=figures["deflated_sharpe"],
        max_drawdown=figures["max_drawdown"],
        turnover=figures["turnover_per_year"],
        combined=name == COMBINED,
    )


def _exposure(report: dict[str, Any] | None, names: dict[int, tuple[str, str]]) -> tuple[SectorExposure, ...]:
    if not report or not report["equity_micro"]:
        return ()
    sums: dict[str, int] = {}
    for position in report["positions"]:
        sector = names.get(position["instrument_id"], ("", UNKNOWN))[1]
        sums[sector] = sums.get(sector, 0) + abs(position["qty"] * position["mark_micro"])
    equity = report["equity_micro"]
    return tuple(SectorExposure(sector, value / equity) for sector, value in sorted(sums.items()))


def _targets(targets: pl.DataFrame | None) -> tuple[TargetLine, ...]:
    from dnalyaw_pipelines.figures import top_targets

    if targets is None:
        return ()
    held = targets.filter(pl.col("instrument_id").is_not_null())
    rows = top_targets(held, held.height)
    return tuple(TargetLine(r["label"], r["sector"] or UNKNOWN, r["weight"]) for r in rows)


def _order(order: dict[str, Any], names: dict[int, tuple[str, str]]) -> OrderLine:
    return OrderLine(
        order_id=order["order_id"],
        label=_label(order, names),
        side=order["side"],
        requested_qty=order["requested_qty"],
        approved_qty=order["approved_qty"],
        filled_qty=order["filled_qty"],
        decision=order["decision"],
        reason=order["reason"],
        state=order["state"],
    )


def _closes(report: dict[str, Any] | None, names: dict[int, tuple[str, str]]) -> tuple[CloseLine, ...]:
    return tuple(
        CloseLine(
            label=names.get(close.instrument_id, (str(close.instrument_id), ""))[0],
            side=close.side,
            orders=close.orders,
            filled_qty=close.filled_qty,
            price=None if close.average_price_micro is None else close.average_price_micro / MICRO,
            fee=close.fee_micro / MICRO,
            reason=close.reason,
            state=close.state,
        )
        for close in risk_closes(report)
    )


def _label(order: dict[str, Any], names: dict[int, tuple[str, str]]) -> str:
    return names.get(order["instrument_id"], (str(order["instrument_id"]), ""))[0]


def _fills(
    orders: list[dict[str, Any]], names: dict[int, tuple[str, str]], sources: dict[int, str]
) -> tuple[FillLine, ...]:
    lines = [
        FillLine(
            at=datetime.fromtimestamp(fill["ts_ns"] / 1e9, UTC),
            label=_label(order, names),
            side=order["side"],
            qty=fill["qty"],
            price=fill["px_micro"] / MICRO,
            fee=fill["fee_micro"] / MICRO,
            source=sources.get(order["instrument_id"], UNKNOWN),
        )
        for order in orders
        for fill in order["fills"]
    ]
    return tuple(sorted(lines, key=lambda line: (line.at, line.label)))


def _costs(home: Home, region: str, partition: str) -> CostSummary:
    return costs_of(home, region, partition).summary


def _risk(report: dict[str, Any] | None) -> RiskState | None:
    if not report:
        return None
    return RiskState(
        trading_state=report["trading_state"],
        equity=report["equity_micro"] / MICRO,
        baseline=report["baseline_micro"] / MICRO,
        cash=report["cash_micro"] / MICRO,
        frames_to_risk=report["frames_to_risk"],
        limits_hash=str(report["limits_hash"]),
        reference_hash=str(report["reference_hash"]),
    )


def _provenance(home: Home, regions: list[RegionReport], session: date) -> tuple[tuple[str, str], ...]:
    """What the figures rest on: provider, seed, code, and every version and hash."""
    config = home.config()
    rows = [
        ("session", session.isoformat()),
        ("data provider", config.provider),
        ("seed", str(config.seed)),
        ("dnalyaw", version("dnalyaw")),
    ]
    for report in regions:
        code = report.region
        rows += [(f"{code} {feed.feed} version", feed.version) for feed in report.feeds]
        chosen = home.assets(code.lower(), "factors") / "chosen.json"
        if chosen.exists():
            rows.append((f"{code} factor texts", json.loads(chosen.read_text())["hash"]))
        partition = _partition_of(home, code, session)
        targets = frame_of(home, code, partition, "target_portfolio") if partition else None
        if targets is not None and targets.height:
            rows.append((f"{code} correlation id", targets["correlation_id"][0]))
    return tuple(rows)
