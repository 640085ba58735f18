"""``dnalyaw backtest``: a strategy's stored weights through the fast engine, the OMS, or both side by side."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from dnalyaw_pipelines.cli._exit import FAILED, OK, USAGE, CommandError
from dnalyaw_pipelines.cli._home import add_home_options, faults_as_lines, named_home
from dnalyaw_pipelines.home import Home

if TYPE_CHECKING:
    from dnalyaw.backtest import BacktestResult, PricePanel
    from dnalyaw.portfolio import DeclaredStrategy

ENGINES = ("fast", "oms", "both")
CASH = 10_000_000.0
"""What the backtest asset begins with."""
CUTS = 5
"""Hand-offs that are listed, those that risk cut most; ``--json`` has all."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_home_options(parser)
    parser.add_argument(
        "--engine", choices=ENGINES, default="fast", help="fast (default), oms, or both compared"
    )
    parser.add_argument("--strategy", required=True, metavar="ID", help="a declared strategy")
    parser.add_argument("--region", help="US or HK; default: the region that declares the strategy")
    parser.add_argument("--start", type=_day, metavar="DAY", help="first decision, YYYY-MM-DD")
    parser.add_argument("--end", type=_day, metavar="DAY", help="last session, YYYY-MM-DD")
    parser.add_argument(
        *("--quotes",),
        type=Path,
        metavar="DIR",
        help="oms: trade the sessions that DIR has quotes of (files or folders named YYYY-MM-DD) on them, not on their bars",
    )
    parser.add_argument(
        *("--rearm-after",),
        type=int,
        default=0,
        metavar="N",
        help="oms: arm a thrown kill switch again at the Nth session that begins with it thrown; 0 (default) = never",
    )
    parser.add_argument("--json", action="store_true", help="machine-readable output, one object")


def execute(arguments: argparse.Namespace) -> int:
    """Run the engines on one partition's weights and prices; each result is counted in the trial ledger."""
    from dnalyaw.backtest import BacktestError, LedgerError, compare_engines

    if arguments.engine == "fast" and (arguments.quotes or arguments.rearm_after):
        raise CommandError("--quotes and --rearm-after are of --engine oms or both", USAGE)
    home = named_home(arguments)
    with faults_as_lines():
        region, entry = _declared(home, arguments.strategy, arguments.region)
        partition = _latest(home, region, entry)
        try:
            results = _run(home, region, entry, partition, arguments)
            found: dict[str, Any] = {
                **{"strategy": entry.id, "region": region, "partition": partition},
                "results": {name: result.summary() for name, result in results.items()},
            }
            if "oms" in results:
                found["rebalances"] = (
                    results["oms"].rebalances.with_columns(pl.col("session").cast(pl.String)).to_dicts()
                )
            if len(results) == 2:
                found["comparison"] = compare_engines(results["fast"], results["oms"]).to_dicts()
        except (BacktestError, LedgerError) as error:
            raise CommandError(str(error), FAILED) from error
    if arguments.json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        mark = "SIMULATED · " if home.config().simulated else ""
        lines = [f"{mark}{region} · {entry.id} · data up to {partition}", *_lines(results, found)]
        sys.stdout.write("\n".join(lines) + "\n")
    return OK


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write YYYY-MM-DD") from None


def _declared(home: Home, strategy: str, region: str | None) -> tuple[str, DeclaredStrategy]:
    from dnalyaw.portfolio import DeclarationError
    from dnalyaw_pipelines.components.strategy import declared

    known: list[str] = []
    for code in [region.upper()] if region else home.config().regions:
        try:
            entries = {entry.id: entry for entry in declared(code)}
        except DeclarationError as error:
            raise CommandError(str(error), USAGE) from error
        if strategy in entries:
            return code, entries[strategy]
        known += entries
    raise CommandError(f"no strategy {strategy!r} is declared; there are {', '.join(known) or 'none'}", USAGE)


def _latest(home: Home, region: str, entry: DeclaredStrategy) -> str:
    """The newest partition that has both the strategy's weights and the panel."""
    from dnalyaw_pipelines.components.strategy import asset_name

    folders = (
        home.assets(region.lower(), "strategies", asset_name(entry.id)),
        home.assets(region.lower(), "dbt", "marts", "mart_factor_panel"),
    )
    both = set.intersection(*({path.stem for path in folder.glob("*.parquet")} for folder in folders))
    if not both:
        raise CommandError(
            f"{home.root} has no weights of {entry.id} yet: `dnalyaw run` computes them ({folders[0]})",
            FAILED,
        )
    return max(both)


def _run(
    home: Home, region: str, entry: DeclaredStrategy, partition: str, arguments: argparse.Namespace
) -> dict[str, Any]:
    from dnalyaw.backtest import CostModel, PricePanel, TrialLedger, run_backtest, run_oms_backtest
    from dnalyaw_pipelines.components.strategy import asset_name
    from dnalyaw_pipelines.figures import frame_of
    from dnalyaw_pipelines.panel import strategy_prices
    from dnalyaw_pipelines.tables import published_table

    weights = frame_of(home, region, partition, "strategies", asset_name(entry.id))
    mart = frame_of(home, region, partition, "dbt", "marts", "mart_factor_panel")
    if weights is None or mart is None:
        raise CommandError(f"the files of {entry.id} {partition} are gone; run `dnalyaw run` again", FAILED)
    first, last = arguments.start or date.min, arguments.end or date.max
    weights = weights.filter(pl.col("session").is_between(first, last))
    if weights.is_empty():
        raise CommandError(f"{entry.id} decided nothing between {first} and {last}", USAGE)
    panel = PricePanel.from_frame(strategy_prices(mart.filter(pl.col("session") <= last)))
    costs = CostModel.for_region(region)
    results: dict[str, BacktestResult] = {}
    if arguments.engine != "oms":
        results["fast"] = run_backtest(weights, panel, costs, CASH)
    if arguments.engine != "fast":
        actions = published_table(home, region, "actions", partition).read(home.as_of(region, partition))
        quotes = _quotes(arguments.quotes, panel, weights)
        results["oms"] = run_oms_backtest(
            weights,
            panel,
            costs,
            CASH,
            actions=actions,
            region=region,
            progress=True,
            quotes=quotes,
            symbols=_symbols(home, region, partition) if _by_symbol(quotes) else None,
            rearm_after=arguments.rearm_after,
        )
    ledger, config = TrialLedger(home.trials), home.config()
    window = {k: str(v) for k, v in (("start", arguments.start), ("end", arguments.end)) if v}
    for name, result in results.items():
        # The fast engine over everything is the trial that the pipeline counts already.
        engine = {"engine": name} if name != "fast" else {}
        ledger.record(
            who=getpass.getuser(),
            what=f"{entry.id} ({entry.class_name})",
            dataset=f"{config.provider} {region}",
            data_version=partition,
            params={**entry.params, **engine, **window},
            result={"sharpe": result.summary()["sharpe"], "sessions": result.summary()["sessions"]},
        )
    return results


def _quotes(folder: Path | None, panel: PricePanel, weights: pl.DataFrame) -> dict[date, list[Path]] | None:
    """The folder's files of the sessions that the run trades: those after the first decision."""
    from dnalyaw.backtest import quote_files

    if folder is None:
        return None
    first, last = min(weights["session"].to_list()), panel.sessions[-1].item()
    found = {day: files for day, files in quote_files(folder).items() if first < day <= last}
    if not found:
        raise CommandError(f"{folder} has no quotes of a session after {first}, up to {last}", USAGE)
    return found


def _by_symbol(quotes: dict[date, list[Path]] | None) -> bool:
    """Whether a file goes by symbols: Databento's do."""
    return any(
        path.name.endswith((".dbn", ".dbn.zst")) for files in (quotes or {}).values() for path in files
    )


def _symbols(home: Home, region: str, partition: str) -> dict[int, str]:
    from dnalyaw_pipelines.tables import published_table

    table = published_table(home, region, "instruments", partition).read(home.as_of(region, partition))
    return dict(table.select("instrument_id", "symbol").iter_rows())


def _lines(results: dict[str, Any], found: dict[str, Any]) -> list[str]:
    lines = []
    for name, summary in found["results"].items():
        lines.append(
            f"  {name:<5}{summary['start']} to {summary['end']}  Sharpe {summary['sharpe']:5.2f}  "
            f"return {summary['cagr']:6.1%}/yr  drawdown {summary['max_drawdown']:6.1%}  "
            f"costs {summary['cost_bp_per_turnover']:.1f} bp  {summary['currency']} {summary['final_equity']:,.0f}"
        )
    if "comparison" in found:
        lines += ["", f"  {'':<22}{'fast':>18}{'oms':>18}{'difference':>18}"]
        for row in found["comparison"]:
            cells = [_number(row[name]) for name in ("fast", "oms", "difference")]
            lines.append(f"  {row['figure']:<22}{cells[0]:>18}{cells[1]:>18}{cells[2]:>18}")
    if "oms" in results:
        worst = results["oms"].rebalances.filter(pl.col("cut_value") > 0).sort("cut_value", descending=True)
        lines += [
            "",
            f"  {worst.height} of {results['oms'].rebalances.height} hand-offs were not traded in full",
        ]
        for row in worst.head(CUTS).iter_rows(named=True):
            share = row["cut_value"] / row["wanted_value"]
            lines.append(
                f"    {row['session']}  {row['outcome']:<9} {share:6.1%} of {row['wanted_value']:,.0f} cut"
            )
    for name, result in results.items():
        lines += [f"  ! {name}: {finding.code}: {finding.message}" for finding in result.findings]
    return lines


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4f}"
