"""`run_oms_backtest`: target weights through the order-management system, the risk engine and the simulated venue."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from dnalyaw.backtest import _run
from dnalyaw.backtest._costs import CostModel
from dnalyaw.backtest._errors import BacktestError
from dnalyaw.backtest._oms_books import read_output
from dnalyaw.backtest._oms_decisions import read_decisions
from dnalyaw.backtest._oms_files import OmsInput, write_input
from dnalyaw.backtest._oms_market import MICRO, actions_by_row, venue_fees
from dnalyaw.backtest._oms_quotes import quote_days
from dnalyaw.backtest._oms_result import OmsBacktestResult, oms_result
from dnalyaw.backtest._panel import Floats, PricePanel

PROGRAM = "oms-backtest"
BIN_VARIABLE = "DNALYAW_BIN"
"""Where the compiled programs are; without it build/bin of the checkout."""
DEFAULT_STOP = 0.19
"""Stop distance where the weights name none, as a fraction of the open: 5% of equity in a name risks 0.95%, and the
risk engine lets a trade risk 1%. Without any stop it would count the whole position, and let through 1%."""


def oms_program() -> Path | None:
    """Path of the compiled `oms-backtest`, or None when it is not built."""
    folder = os.environ.get(BIN_VARIABLE)
    base = Path(folder) if folder else Path(__file__).resolve().parents[2] / "build" / "bin"
    path = base / PROGRAM
    return path if os.access(path, os.X_OK) else None


def run_oms_backtest(
    weights: pl.DataFrame,
    prices: pl.DataFrame | PricePanel,
    costs: CostModel | None = None,
    initial_cash: float = 1_000_000.0,
    *,
    actions: pl.DataFrame | None = None,
    rebalance_sessions: Iterable[date] | None = None,
    region: str = "US",
    fees: Mapping[str, int] | None = None,
    default_stop: float = DEFAULT_STOP,
    periods_per_year: float = 252.0,
    progress: bool = False,
    keep: Path | None = None,
    quotes: Mapping[date, Sequence[Path]] | None = None,
    symbols: Mapping[int, str] | None = None,
    rearm_after: int = 0,
) -> OmsBacktestResult:
    """Trade target weights as the runtime would: omsd's core, riskd's engine and the simulated venue, session by session.

    Decided after session t's close, traded at the open of t + 1, as in `run_backtest`; the constants of the risk engine
    cannot be switched off.

    Parameters
    ----------
    weights, prices, initial_cash, rebalance_sessions, periods_per_year
        As for `run_backtest`. A ``stop_distance`` in `weights` is always in force.
    costs : CostModel or None
        None takes the region's defaults. Half spread and fees become one fee in proportion to value; impact has no
        place in a market of daily prints and is not charged, which is a finding.
    actions : polars.DataFrame or None
        Feed `actions`. Needed where prices are adjusted: the account is paid dividends and its shares are split.
    region : str
        US or HK.
    fees : mapping or None
        The venue's own fees instead of those of `costs`: ``per_share_micro``, ``bp_milli``, ``sell_bp_milli``,
        ``min_micro`` (docs/simvenue.md).
    default_stop : float
        Stop distance where `weights` name none, as a fraction of the open in (0, 1).
    progress : bool
        Pass the program's lines of progress on to stderr.
    keep : Path or None
        Folder for what the program read and wrote; None keeps nothing.
    quotes : mapping of session to files, or None
        Sessions that are traded on recorded quotes, through the quality gates, instead of their daily bars
        (`quote_files`; docs/market-data.md says which files). Their hand-off comes a second after the exchange's open.
        The statistics that risk needs come from `prices` all the same.
    symbols : mapping of instrument_id to str, or None
        The instruments' symbols in files that go by symbols (Databento's).
    rearm_after : int
        The kill switch is armed again before the open of the so-many-th session that begins with it thrown, as a person
        would with ``dnalyaw rearm``. 0: nobody does.

    Returns
    -------
    OmsBacktestResult

    Raises
    ------
    BacktestError
        As `run_backtest`; adjusted prices without actions; the program is not built, or fails.
    """
    program = oms_program()
    if program is None:
        raise BacktestError(f"{PROGRAM} is not built: run `make build`, or name its folder in {BIN_VARIABLE}")
    panel = prices if isinstance(prices, PricePanel) else PricePanel.from_frame(prices)
    model = costs or CostModel.for_region(region)
    if not (np.isfinite(initial_cash) and round(initial_cash * MICRO) > 0):
        raise BacktestError(f"initial cash must be finite and positive, got {initial_cash}")
    if rearm_after < 0:
        raise BacktestError(f"rearm_after is a number of sessions not below 0, got {rearm_after}")
    if not 0 < default_stop < 1:
        raise BacktestError(f"default_stop is a fraction of the price between 0 and 1, got {default_stop}")
    plan, pending = _run._plan(weights, panel, rebalance_sessions, use_stops=False)
    if "stop_distance" in weights.columns:
        plan = _run.Plan(plan.start_row, plan.trade_rows, plan.weights, _stops(weights, panel, plan))
    cols = np.flatnonzero((plan.weights > 0).any(axis=0))
    if not cols.size:
        raise BacktestError(
            "no session has a weight above 0 that can still be traded; there is nothing to simulate"
        )
    run = OmsInput(
        panel=panel,
        plan=plan,
        cols=cols,
        actions=actions_by_row(panel, cols, actions, model, plan.start_row),
        fees=venue_fees(model, fees),
        cash_micro=round(initial_cash * MICRO),
        region=region,
        currency=panel.currency or {"US": "USD", "HK": "HKD"}.get(region, ""),
        default_stop=default_stop,
        quotes=quote_days(
            panel.sessions, range(plan.start_row + 1, len(panel.sessions)), quotes or {}, region
        ),
        symbols=symbols or {},
        rearm_after=rearm_after,
    )
    with nullcontext(str(keep)) if keep else tempfile.TemporaryDirectory(prefix="oms-backtest-") as folder:
        source, target = Path(folder) / "input", Path(folder) / "output"
        try:
            source.mkdir(parents=True)
        except FileExistsError:
            raise BacktestError(f"{source} is there already; keep a run in a folder of its own") from None
        write_input(run, source)
        _execute(program, source, target, progress)
        simulation, books = read_output(run, target)
        decisions = read_decisions(target)
    return oms_result(run, simulation, books, model, pending, periods_per_year, decisions)


def _stops(weights: pl.DataFrame, panel: PricePanel, plan: _run.Plan) -> Floats:
    stops = np.full(plan.weights.shape, np.nan)
    place = {panel.sessions[row - 1]: at for at, row in enumerate(plan.trade_rows)}
    named = weights.filter(pl.col("stop_distance").is_not_null())
    columns = panel.columns_of(named["instrument_id"].to_numpy())
    sessions = named["session"].to_numpy().astype("datetime64[D]")
    distances = named["stop_distance"].cast(pl.Float64).to_numpy()
    if not (np.isfinite(distances) & (distances > 0)).all():
        raise BacktestError(
            "stop distances must be finite and above 0 currency per share; null is no stop of your own"
        )
    for session, col, distance in zip(sessions, columns, distances, strict=True):
        if session in place:
            stops[place[session], col] = distance
    return stops


def _execute(program: Path, source: Path, target: Path, progress: bool) -> None:
    command = [
        str(program),
        "--input",
        str(source),
        "--output",
        str(target),
        *([] if progress else ["--quiet"]),
    ]
    last = ""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            last = line.strip() or last
            if progress:
                sys.stderr.write(line)
    status = process.returncode
    if status != 0:
        raise BacktestError(f"{PROGRAM} ended with status {status}: {last or 'it said nothing'}")
