"""Backtests: a fast engine that works at rebalances, the OMS itself on a virtual clock, and statistics that count trials."""

from dnalyaw.backtest._compare import compare_engines
from dnalyaw.backtest._costs import CostModel
from dnalyaw.backtest._errors import BacktestError, LedgerError
from dnalyaw.backtest._findings import review
from dnalyaw.backtest._honesty import Evidence, weigh
from dnalyaw.backtest._ledger import Head, Trial, TrialLedger, trial_id
from dnalyaw.backtest._oms import DEFAULT_STOP, oms_program, run_oms_backtest
from dnalyaw.backtest._oms_quotes import quote_files
from dnalyaw.backtest._oms_result import OmsBacktestResult
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
    "DEFAULT_STOP",
    "BacktestError",
    "BacktestResult",
    "CostModel",
    "Evidence",
    "Finding",
    "Head",
    "Interval",
    "LedgerError",
    "OmsBacktestResult",
    "PricePanel",
    "Trial",
    "TrialLedger",
    "average_dollar_volume",
    "bootstrap_sharpe",
    "compare_engines",
    "daily_volatility",
    "deflated_sharpe",
    "expected_maximum_sharpe",
    "forward_fill",
    "minimum_track_record",
    "moments",
    "newey_west_t",
    "oms_program",
    "plot_equity",
    "price_frame",
    "probabilistic_sharpe",
    "quote_files",
    "review",
    "run_backtest",
    "run_oms_backtest",
    "sharpe_ratio",
    "trial_id",
    "weigh",
]
