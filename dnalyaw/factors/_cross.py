"""Kernels across the instruments of a session.

Sums are made over the sorted values, so the order of instruments cannot matter, and absent ones add an
exact zero at the end, so an instrument without data cannot matter either.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from dnalyaw.factors._panel import Array, Codes
from dnalyaw.factors._windows import FLAT, order_quantile


def _totals(x: Array) -> Array:
    """Return compensated sums of the present values, ascending, shape (T,)."""
    ordered = np.sort(x, axis=1).T
    ordered = np.ascontiguousarray(np.where(np.isnan(ordered), 0.0, ordered))
    total = np.zeros(len(x))
    lost = np.zeros(len(x))
    for term in ordered:
        new = total + term
        back = new - total
        lost += (total - (new - back)) + (term - back)
        total = new
    return total + lost


def _counts(x: Array) -> Codes:
    return np.isfinite(x).sum(axis=1)


def _mean(x: Array) -> Array:
    n = _counts(x)
    return np.where(n > 0, _totals(x) / np.maximum(n, 1), np.nan)


def _spread(x: Array) -> tuple[Array, Array]:
    """Return the mean and the sample standard deviation, shape (T,); 0 when flat."""
    n = _counts(x)
    mean = _mean(x)
    squares = _totals((x - mean[:, None]) ** 2)
    squares = np.where(squares <= n * (FLAT * np.abs(mean)) ** 2, 0.0, squares)
    return mean, np.sqrt(np.where(n > 1, squares / np.maximum(n - 1, 1), np.nan))


def rank(x: Array) -> Array:
    """Return average ranks over the count of present instruments, from whole doubled ranks."""
    columns = x.shape[1]
    order = np.argsort(x, axis=1, kind="stable")
    ordered = np.take_along_axis(x, order, axis=1)
    places = np.broadcast_to(np.arange(columns), x.shape)
    starts = np.ones(x.shape, dtype=bool)
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    first = np.maximum.accumulate(np.where(starts, places, 0), axis=1)
    ends = np.ones(x.shape, dtype=bool)
    ends[:, :-1] = starts[:, 1:]
    last = np.minimum.accumulate(np.where(ends, places, columns)[:, ::-1], axis=1)[:, ::-1]
    doubled = np.empty(x.shape, dtype=np.int64)
    np.put_along_axis(doubled, order, first + last + 2, axis=1)
    n = np.maximum(_counts(x), 1)[:, None]
    return np.where(np.isnan(x), np.nan, doubled / (2 * n))


def demean(x: Array) -> Array:
    """Return x less its mean."""
    return x - _mean(x)[:, None]


def zscore(x: Array) -> Array:
    """Return x in standard deviations from the mean."""
    mean, std = _spread(x)
    return (x - mean[:, None]) / np.where(std > 0, std, np.nan)[:, None]


def scale(x: Array) -> Array:
    """Return x over its sum of absolute values."""
    total = _totals(np.abs(x))
    return x / np.where(total > 0, total, np.nan)[:, None]


def winsorize(x: Array, p: float) -> Array:
    """Return x held between its quantiles p and 1 - p."""
    ordered, n = np.sort(x, axis=1), _counts(x)
    low, high = order_quantile(ordered, n, p), order_quantile(ordered, n, 1.0 - p)
    return np.where(np.isnan(x), np.nan, np.minimum(np.maximum(x, low[:, None]), high[:, None]))


def neutralize(y: Array, x: Array) -> Array:
    """Return residuals of the session's line of y on x."""
    both = np.isfinite(y) & np.isfinite(x)
    y, x = np.where(both, y, np.nan), np.where(both, x, np.nan)
    dy = demean(y)
    mean = _mean(x)
    dx = x - mean[:, None]
    xx = _totals(dx * dx)
    flat = xx <= _counts(x) * (FLAT * np.abs(mean)) ** 2
    slope = np.where(flat, 0.0, _totals(dx * dy) / np.where(flat, 1.0, xx))
    return dy - slope[:, None] * dx


def cs_mean(x: Array) -> Array:
    """Return the session's mean for every present instrument."""
    return np.where(np.isnan(x), np.nan, _mean(x)[:, None])


def cs_std(x: Array) -> Array:
    """Return the session's standard deviation for every present instrument."""
    return np.where(np.isnan(x), np.nan, _spread(x)[1][:, None])


def by_group(kernel: Callable[[Array], Array], x: Array, groups: Codes) -> Array:
    """Return a kernel applied within each group; members keep their own group's result."""
    out = np.full(x.shape, np.nan)
    for code in np.unique(groups):
        members: npt.NDArray[np.bool_] = groups == code
        np.copyto(out, kernel(np.where(members, x, np.nan)), where=members)
    return out
