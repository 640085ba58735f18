"""Two engines on the same weights: figures side by side, and how far the equity paths part."""

from __future__ import annotations

import polars as pl

from dnalyaw.backtest._errors import BacktestError
from dnalyaw.backtest._result import BacktestResult

FIGURES = (
    *("final_equity", "total_return", "cagr", "volatility", "sharpe", "max_drawdown", "average_exposure"),
    *("turnover_per_year", "cost_total", "cost_bp_per_turnover", "orders", "stops_hit", "delistings"),
    "skipped_orders",
)


def compare_engines(fast: BacktestResult, oms: BacktestResult) -> pl.DataFrame:
    """Figures of two results over the same sessions.

    Returns
    -------
    polars.DataFrame
        ``figure, fast, oms, difference`` (`oms` less `fast`); the last row, ``largest_gap``, is the largest distance of
        the two equity paths as a fraction of the fast one's equity, under `difference`.

    Raises
    ------
    BacktestError
        When the sessions differ: then nothing else can be compared.
    """
    if not fast.curve["session"].equals(oms.curve["session"]):
        raise BacktestError(
            f"the results cover different sessions ({fast.curve.height} and {oms.curve.height}); run both on one panel"
        )
    gap = ((oms.curve["equity"] - fast.curve["equity"]) / fast.curve["equity"]).abs().max()
    rows = [(name, fast.stats[name], oms.stats[name], oms.stats[name] - fast.stats[name]) for name in FIGURES]
    return pl.DataFrame(
        [*rows, ("largest_gap", None, None, gap)],
        schema={"figure": pl.String, "fast": pl.Float64, "oms": pl.Float64, "difference": pl.Float64},
        orient="row",
    )
