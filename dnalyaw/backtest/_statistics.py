"""Statistics of a return series that say how sure one can be of them."""

from __future__ import annotations

from dataclasses import dataclass
from math import e, sqrt
from statistics import NormalDist

import numpy as np

from dnalyaw.backtest._errors import BacktestError
from dnalyaw.backtest._panel import Floats

_NORMAL = NormalDist()
_EULER = 0.5772156649015329


def sharpe_ratio(returns: Floats, periods_per_year: float = 1.0) -> float:
    """Mean over standard deviation (n - 1), times the root of `periods_per_year`; 0 where nothing varies.

    Parameters
    ----------
    returns : ndarray, shape (n,)
        Simple returns a period, over cash.
    """
    values = _finite(returns)
    if len(values) < 2:
        return 0.0
    spread = float(values.std(ddof=1))
    # A constant series has rounding for a deviation; no ratio may be made of it.
    if spread <= 1e-14 * max(1.0, float(np.abs(values).max())):
        return 0.0
    return float(values.mean()) / spread * sqrt(periods_per_year)


def moments(returns: Floats) -> tuple[float, float]:
    """Skewness and (not excess) kurtosis, population form; (0, 3) where nothing varies."""
    values = _finite(returns)
    spread = float(values.std()) if len(values) else 0.0
    if len(values) < 3 or spread <= 1e-14 * max(1.0, float(np.abs(values).max())):
        return 0.0, 3.0
    z = (values - values.mean()) / spread
    return float((z**3).mean()), float((z**4).mean())


def probabilistic_sharpe(
    sharpe: float, observations: int, *, skew: float = 0.0, kurtosis: float = 3.0, benchmark: float = 0.0
) -> float:
    """Probability that the true Sharpe ratio exceeds `benchmark`.

    Parameters
    ----------
    sharpe, benchmark : float
        A period, not annualised.
    observations : int
        Number of returns, at least 2.
    skew, kurtosis : float
        Of the returns; kurtosis 3 is normal.

    References
    ----------
    Bailey and López de Prado, "The Sharpe Ratio Efficient Frontier", Journal of Risk, 2012.
    """
    if observations < 2:
        raise BacktestError(f"a probabilistic Sharpe ratio needs at least 2 returns, got {observations}")
    return _NORMAL.cdf((sharpe - benchmark) * sqrt(observations - 1) / sqrt(_spread(sharpe, skew, kurtosis)))


def expected_maximum_sharpe(trials: int, variance: float) -> float:
    """Sharpe ratio that the best of `trials` worthless strategies is expected to show, a period.

    Parameters
    ----------
    trials : int
        Number of distinct trials; 1 gives 0.
    variance : float
        Variance of the trials' Sharpe ratios, a period.
    """
    if trials < 1 or variance < 0 or not np.isfinite(variance):
        raise BacktestError(
            f"expected maximum needs trials >= 1 and variance >= 0, got {trials} and {variance}"
        )
    if trials == 1:
        return 0.0
    first, second = _NORMAL.inv_cdf(1 - 1 / trials), _NORMAL.inv_cdf(1 - 1 / (trials * e))
    return sqrt(variance) * ((1 - _EULER) * first + _EULER * second)


def deflated_sharpe(
    sharpe: float,
    observations: int,
    *,
    trials: int,
    variance: float,
    skew: float = 0.0,
    kurtosis: float = 3.0,
) -> float:
    """Probability that the true Sharpe ratio exceeds what the best of `trials` worthless ones would show.

    References
    ----------
    Bailey and López de Prado, "The Deflated Sharpe Ratio", Journal of Portfolio Management, 2014.
    """
    benchmark = expected_maximum_sharpe(trials, variance)
    return probabilistic_sharpe(sharpe, observations, skew=skew, kurtosis=kurtosis, benchmark=benchmark)


def minimum_track_record(
    sharpe: float,
    *,
    skew: float = 0.0,
    kurtosis: float = 3.0,
    benchmark: float = 0.0,
    confidence: float = 0.95,
) -> float:
    """Number of returns needed before `sharpe` exceeds `benchmark` with `confidence`.

    Infinite where it never does.
    """
    if sharpe <= benchmark:
        return float("inf")
    z = _NORMAL.inv_cdf(confidence)
    return 1.0 + _spread(sharpe, skew, kurtosis) * (z / (sharpe - benchmark)) ** 2


@dataclass(frozen=True)
class Interval:
    """A bootstrap interval of a statistic."""

    estimate: float
    low: float
    high: float
    confidence: float
    samples: int
    block: float


def bootstrap_sharpe(
    returns: Floats,
    *,
    periods_per_year: float = 252.0,
    confidence: float = 0.95,
    samples: int = 1000,
    block: float | None = None,
    seed: int = 7,
) -> Interval:
    """Percentile interval of the annualised Sharpe ratio by the stationary bootstrap.

    Parameters
    ----------
    returns : ndarray, shape (n,)
    block : float or None
        Mean block length; None takes the cube root of n.
    seed : int
        The same seed gives the same interval.

    References
    ----------
    Politis and Romano, "The Stationary Bootstrap", JASA, 1994.
    """
    values = _finite(returns)
    count = len(values)
    if count < 10:
        raise BacktestError(f"a bootstrap interval needs at least 10 returns, got {count}")
    length = float(block) if block is not None else max(1.0, count ** (1 / 3))
    if length < 1.0:
        raise BacktestError(f"mean block length must be at least 1, got {length}")
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, count, size=(samples, count))
    fresh = rng.random((samples, count)) < 1.0 / length
    fresh[:, 0] = True
    # Position inside a block = distance from the last fresh start.
    at = np.arange(count)
    origin = np.maximum.accumulate(np.where(fresh, at, 0), axis=1)
    index = (np.take_along_axis(starts, origin, axis=1) + at - origin) % count
    drawn = values[index]
    spread = drawn.std(axis=1, ddof=1)
    ratio = np.where(spread > 1e-14, drawn.mean(axis=1) / np.where(spread > 1e-14, spread, 1.0), 0.0)
    ratio = ratio * sqrt(periods_per_year)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(ratio, [tail, 1.0 - tail])
    return Interval(
        sharpe_ratio(values, periods_per_year), float(low), float(high), confidence, samples, length
    )


def newey_west_t(values: Floats, lags: int) -> float:
    """t-statistic of a mean with Newey-West (Bartlett) errors over `lags` lags; 0 where nothing varies.

    References
    ----------
    Newey and West, Econometrica, 1987.
    """
    series = _finite(values)
    count = len(series)
    if count < 3:
        return 0.0
    centred = series - series.mean()
    variance = float(centred @ centred) / count
    for lag in range(1, min(lags, count - 1) + 1):
        variance += 2.0 * (1.0 - lag / (lags + 1.0)) * float(centred[lag:] @ centred[:-lag]) / count
    if variance <= 1e-28:
        return 0.0
    return float(series.mean()) / sqrt(variance / count)


def _spread(sharpe: float, skew: float, kurtosis: float) -> float:
    spread = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2
    if not spread > 0.0:
        raise BacktestError(
            f"skewness {skew:.3g} and kurtosis {kurtosis:.3g} do not belong to one distribution at Sharpe "
            f"{sharpe:.3g}"
        )
    return spread


def _finite(values: Floats) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise BacktestError(f"{int((~np.isfinite(array)).sum())} of {array.size} returns are not finite")
    return array
