"""The summary that ends ``dnalyaw run``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dnalyaw_pipelines.home import default_home


def summary_lines(outcome: dict[str, Any]) -> list[str]:
    """The lines a person reads at the end of a run."""
    lines = [""]
    for region, found in outcome["regions"].items():
        lines += _region(region, found, _home_option(outcome["home"]))
    lines.append(_ending(outcome))
    return lines


def _home_option(home: str) -> str:
    """How a further command names this home; nothing where it is the one taken without an option."""
    return "" if Path(home) == default_home() else f" --home {home}"


def _region(region: str, found: dict[str, Any], home_option: str) -> list[str]:
    lines = [f"{region} · session {found['session']} · data up to {found['partition']}"]
    if found["status"] != "ok":
        return [*lines, *_trouble(found, home_option), ""]
    for feed, rows in found.get("rows", {}).items():
        refused = f", {rows['refused']:,} refused" if rows["refused"] else ""
        lines.append(f"  in        {feed:<13}{rows['in']:>10,} rows{refused}")
    lines += _backtest(found.get("backtest", {}))
    lines += _targets(found.get("targets"))
    lines += _orders(found)
    if "report" in found:
        lines.append(f"  report    {found['report']}")
    return [*lines, ""]


def _trouble(found: dict[str, Any], home_option: str) -> list[str]:
    if found["status"] == "blocked" and "feed" in found:
        lines = [f"  BLOCKED   {found['feed']}: rule {found['rule']}, {found['row_count'] or 0} rows"]
        lines.append(f"            {found['message']}")
        for row in found["rows"][:5]:
            lines.append("            " + ", ".join(f"{k}={v}" for k, v in row.items()))
        lines += [f"            also {text}" for text in found["also"][:5]]
        region, _, feed = found["feed"].partition("/")
        lines.append(
            f"            nothing downstream ran. Deliver a good version and run again, or take it: dnalyaw "
            f"accept{home_option} {region}/{feed} {found['partition']} --rule {found['rule']} --reason '...'"
        )
        return lines
    return [f"  {found['status'].upper()}   {found.get('message', '')}"]


def _backtest(stats: dict[str, Any]) -> list[str]:
    return [
        f"  backtest  {name:<30} Sharpe {s['sharpe']:5.2f}  deflated {s['deflated_sharpe']:4.0%} of {s['trials']} "
        f"trials  return {s['cagr']:6.1%}/yr  drawdown {s['max_drawdown']:6.1%}"
        for name, s in stats.items()
    ]


def _targets(targets: dict[str, Any] | None) -> list[str]:
    if not targets:
        return []
    top = "  ".join(f"{t['label']} {t['weight']:.1%}" for t in targets["top"])
    return [f"  targets   {targets['names']} names of {targets['strategies']} strategies: {top}"]


def _orders(found: dict[str, Any]) -> list[str]:
    handoff, orders, cost = found.get("handoff"), found.get("orders"), found.get("cost")
    lines = []
    if handoff:
        extra = f": {handoff['message']}" if handoff["message"] else ""
        lines.append(f"  hand-off  {handoff['outcome']}{extra}")
    if orders and orders["total"]:
        decisions = ", ".join(f"{count} {name}" for name, count in orders["decisions"].items())
        lines.append(f"  risk      {orders['total']} orders: {decisions}")
        for row in orders["not_whole"][:10]:
            lines.append(
                f"            {row['decision']:<7} {row['side']:<4} {row['label']:<14} {row['requested_qty']:>9,} -> "
                f"{row['approved_qty']:>9,}  {row['reason']}"
            )
        more = len(orders["not_whole"]) - 10
        if more > 0:
            lines.append(f"            and {more} more, in the report")
        states = ", ".join(f"{count} {name}" for name, count in orders["states"].items())
        lines.append(
            f"  venue     {states}; {orders['value_filled']:,.0f} filled, fees {orders['fees']:,.2f}"
        )
    lines += _closed(found.get("closed_by_riskd"))
    if cost and cost.get("total_bp") is not None:
        parts = ", ".join(
            f"{name} {cost[name + '_bp']:.1f}"
            for name in ("spread", "impact", "fee")
            if cost.get(f"{name}_bp") is not None
        )
        lines.append(f"  cost      {cost['total_bp']:.1f} bp of what was traded ({parts})")
    return lines


def _closed(closed: dict[str, Any] | None) -> list[str]:
    """What riskd closed by orders of its own: a fired stop, the kill switch."""
    if not closed or not closed["positions"]:
        return []
    reasons = ", ".join(f"{count} {name}" for name, count in closed["reasons"].items())
    noun = "position" if closed["positions"] == 1 else "positions"
    rest = f"; {closed['not_whole']} not whole" if closed["not_whole"] else ""
    return [f"  risk      {closed['positions']} {noun} closed by riskd: {reasons}{rest}"]


def _ending(outcome: dict[str, Any]) -> str:
    word = {"ok": "done", "blocked": "blocked", "refused": "refused", "failed": "failed"}[outcome["status"]]
    return (
        f"{word} in {outcome['seconds']:.1f} s · `dnalyaw ui` shows the graph, `dnalyaw --help` the commands"
    )
