"""Statistics of a backtest together with how many trials came before it."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from dnalyaw.backtest._ledger import Head, TrialLedger
from dnalyaw.backtest._result import BacktestResult
from dnalyaw.backtest._statistics import (
    Interval,
    bootstrap_sharpe,
    deflated_sharpe,
    expected_maximum_sharpe,
    minimum_track_record,
    moments,
    probabilistic_sharpe,
    sharpe_ratio,
)


@dataclass(frozen=True)
class Evidence:
    """What a track record proves.

    Attributes
    ----------
    sharpe : float
        Annualised, net.
    interval : Interval
        Stationary bootstrap of it.
    probabilistic : float
        Probability that the true Sharpe ratio is above 0.
    deflated : float
        Probability that it is above what the best of `trials` worthless strategies would show.
    hurdle : float
        That expected maximum, annualised.
    trials : int
        Distinct trials in the ledger.
    minimum_sessions : float
        Returns needed before the ratio is above 0 with 95%; infinite where it is not positive.
    sessions : int
        Returns there are.
    ledger : Head
        The ledger's head, which pins the count.
    """

    sharpe: float
    interval: Interval
    probabilistic: float
    deflated: float
    hurdle: float
    trials: int
    minimum_sessions: float
    sessions: int
    ledger: Head


def weigh(
    result: BacktestResult,
    ledger: TrialLedger,
    *,
    dataset: str | None = None,
    periods_per_year: float = 252.0,
) -> Evidence:
    """Weigh a result against the trials in the ledger (record the result first: it is one of them).

    Parameters
    ----------
    result : BacktestResult
        With at least 10 returns.
    ledger : TrialLedger
    dataset : str or None
        Count the trials of this dataset alone; None counts all.
    periods_per_year : float
        Sessions a year; the ledger's ``sharpe`` values are read as annualised by the same number.

    Raises
    ------
    LedgerError
        When the ledger does not verify.
    """
    returns = result.returns.to_numpy()
    tried = ledger.distinct(dataset)
    per_period = [
        float(t.result["sharpe"]) / sqrt(periods_per_year) for t in tried.values() if "sharpe" in t.result
    ]
    variance = float(np.var(per_period, ddof=1)) if len(per_period) > 1 else 0.0
    trials = max(len(tried), 1)
    sharpe = sharpe_ratio(returns)
    skew, kurtosis = moments(returns)
    return Evidence(
        sharpe=sharpe * sqrt(periods_per_year),
        interval=bootstrap_sharpe(returns, periods_per_year=periods_per_year),
        probabilistic=probabilistic_sharpe(sharpe, len(returns), skew=skew, kurtosis=kurtosis),
        deflated=deflated_sharpe(
            sharpe, len(returns), trials=trials, variance=variance, skew=skew, kurtosis=kurtosis
        ),
        hurdle=expected_maximum_sharpe(trials, variance) * sqrt(periods_per_year),
        trials=trials,
        minimum_sessions=minimum_track_record(sharpe, skew=skew, kurtosis=kurtosis),
        sessions=len(returns),
        ledger=ledger.head(),
    )
