"""Backtests: a fast engine that works at rebalances, its costs, and statistics that count trials."""

from dnalyaw.backtest._costs import CostModel
from dnalyaw.backtest._errors import BacktestError, LedgerError
from dnalyaw.backtest._findings import review
from dnalyaw.backtest._honesty import Evidence, weigh
from dnalyaw.backtest._ledger import Head, Trial, TrialLedger, trial_id
from dnalyaw.backtest._panel import PricePanel, average_dollar_volume, daily_volatility, forward_fill
from dnalyaw.backtest._plot import plot_equity
from dnalyaw.backtest._prices import price_frame
from dnalyaw.backtest._result import BacktestResult, Finding
from dnalyaw.backtest._run import run_backtest
from dnalyaw.backtest._statistics import (
    Interval,
    bootstrap_sharpe,
    deflated_sharpe,
    expected_maximum_sharpe,
    minimum_track_record,
    moments,
    newey_west_t,
    probabilistic_sharpe,
    sharpe_ratio,
)

__all__ = [
    "BacktestError",
    "BacktestResult",
    "CostModel",
    "Evidence",
    "Finding",
    "Head",
    "Interval",
    "LedgerError",
    "PricePanel",
    "Trial",
    "TrialLedger",
    "average_dollar_volume",
    "bootstrap_sharpe",
    "daily_volatility",
    "deflated_sharpe",
    "expected_maximum_sharpe",
    "forward_fill",
    "minimum_track_record",
    "moments",
    "newey_west_t",
    "plot_equity",
    "price_frame",
    "probabilistic_sharpe",
    "review",
    "run_backtest",
    "sharpe_ratio",
    "trial_id",
    "weigh",
]
