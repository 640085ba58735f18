"""``dnalyaw risk``: limits, how much of them is used, and what the book would lose in bad weather."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from dnalyaw_pipelines.cli._exit import FAILED, OK
from dnalyaw_pipelines.cli._home import add_home_options, faults_as_lines, named_home

MICRO = 1_000_000
BAR = 20
NAMES = 5
"""Issuers and sectors that are listed; ``--json`` has ten."""

LIMITS = (
    ("instrument", "instrument_bp"),
    ("sector", "sector_bp"),
    ("gross", "gross_bp"),
    ("net", "net_bp"),
    ("drawdown", "drawdown_bp"),
    ("trade risk", "trade_risk_bp"),
    ("participation", "participation_bp"),
    ("order quantity", "order_quantity"),
    ("order notional", "order_notional_micro"),
    ("message rate", "message_rate"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_home_options(parser)
    parser.add_argument("--region", action="append", help="US or HK; default: every region of the home")
    parser.add_argument("--stress", action="store_true", help="also the stress scenarios on the current book")
    parser.add_argument(
        "--json", action="store_true", help="machine-readable output, an object with the regions"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Ask every region's riskd, and go on with the next where one does not answer."""
    from dnalyaw import runtime

    home = named_home(arguments)
    status = OK
    found: dict[str, Any] = {}
    with faults_as_lines():
        for region in [code.upper() for code in arguments.region or home.config().regions]:
            layout = runtime.Layout(home.runtime(region), region)
            try:
                found[region] = runtime.risk_control(layout, "risk")
                if arguments.stress:
                    found[region]["stress"] = runtime.risk_control(layout, "stress")["scenarios"]
            except runtime.RiskControlError as error:
                sys.stderr.write(f"{region}: {error}\n")
                status = FAILED
    if arguments.json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        for region, book in found.items():
            sys.stdout.write("\n".join(risk_lines(region, book)) + "\n")
    return status


def risk_lines(region: str, book: dict[str, Any]) -> list[str]:
    """The page of one region."""
    state, currency, limits = book["state"], book["currency"], book["limits"]
    reason = f" ({state['reason']})" if state["reason"] != "NONE" else ""
    lines = [
        f"{region} · session {book['session']} · {state['trading_state']}{reason} · "
        f"venue {'up' if state['venue_up'] else 'down'}",
        f"  riskd     {(book['binary_sha256'] or 'being hashed')[:16]} · limits {limits['hash'][:16]} · "
        f"reference {book['reference_sha256'][:16]}",
        f"  equity    {_money(state['equity_micro'])} {currency} · baseline {_money(state['baseline_micro'])} · "
        f"cash {_money(state['cash_micro'])} · {book['positions']} positions · "
        f"{book['working_orders']} working orders",
        "",
        f"  {'limit':<16}{'constant':>14}{'here':>14}",
    ]
    lines += [
        f"  {name:<16}{_value(key, limits['constants'][key]):>14}{_value(key, limits['deployment'][key]):>14}"
        for name, key in LIMITS
    ]
    lines += ["", f"  {'used':<13}{'of':<28}{'amount':>16}{'limit':>16}  share"]
    shown: dict[str, int] = {}
    for row in book["used"]:
        shown[row["limit"]] = shown.get(row["limit"], 0) + 1
        if shown[row["limit"]] <= NAMES:
            lines.append(_used_line(row))
    lines += [
        f"  NEAR      {row['limit'].replace('_', ' ')} {row['name']}: {row['used_bp'] / 100:.0f}% used"
        for row in book["near"]
    ]
    if "stress" in book:
        lines += _stress_lines(book["stress"], currency)
    return [*lines, ""]


def _used_line(row: dict[str, Any]) -> str:
    share = row["used_bp"] / 100
    filled = min(BAR, max(0, round(share * BAR / 100)))
    money = row["limit"] != "orders"
    amount, limit = (f"{row[key] / (MICRO if money else 1):,.0f}" for key in ("amount", "of"))
    return (
        f"  {row['limit'].replace('_', ' '):<13}{row['name'] or '-':<28}{amount:>16}{limit:>16}  "
        f"{'█' * filled}{'·' * (BAR - filled)} {min(share, 999):.0f}%"
    )


def _stress_lines(scenarios: list[dict[str, Any]], currency: str) -> list[str]:
    lines = ["", f"  {'scenario':<38}{'loss ' + currency:>18}{'drawdown':>10}  what breaks"]
    for row in scenarios:
        broken = ", ".join(row["broken"]) or "-"
        drawdown = "unknown" if row["drawdown_bp"] is None else f"{row['drawdown_bp'] / 100:.2f}%"
        lines.append(f"  {row['scenario']:<38}{_money(row['loss_micro']):>18}{drawdown:>10}  {broken}")
    return lines


def _value(key: str, value: int) -> str:
    if key.endswith("_bp"):
        return f"{value / 100:g}%"
    return f"{value / MICRO:,.0f}" if key.endswith("_micro") else f"{value:,}"


def _money(micro: int | None) -> str:
    return "unknown" if micro is None else f"{micro / MICRO:,.0f}"
