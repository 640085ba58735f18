"""Kernels that look at one cell at a time.

Every array is C-contiguous: NumPy picks another loop for strided input, and its logarithm may then end in
another bit.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dnalyaw.factors._panel import Array


def finite(values: Array) -> Array:
    """Return values with NaN in place of infinities; nothing infinite leaves a kernel."""
    return np.where(np.isfinite(values), values, np.nan)


def compare(op: str, x: Array, y: Array) -> Array:
    """Return 1.0 where the comparison holds, 0.0 where not, NaN where either side is absent."""
    functions: dict[str, Callable[[Array, Array], np.ndarray]] = {
        "<": np.less,
        "<=": np.less_equal,
        ">": np.greater,
        ">=": np.greater_equal,
        "==": np.equal,
        "!=": np.not_equal,
    }
    return np.where(np.isnan(x) | np.isnan(y), np.nan, functions[op](x, y).astype(np.float64))


def logical(op: str, x: Array, y: Array) -> Array:
    """Return and/or of two conditions; absent if either is."""
    both = np.minimum(x, y) if op == "and" else np.maximum(x, y)
    return np.where(np.isnan(x) | np.isnan(y), np.nan, both)


def arithmetic(op: str, x: Array, y: Array) -> Array:
    """Return a sum, difference, product or quotient; NaN where it is not finite."""
    if op == "+":
        return finite(x + y)
    if op == "-":
        return finite(x - y)
    if op == "*":
        return finite(x * y)
    return finite(x / y)


def where(c: Array, x: Array, y: Array) -> Array:
    """Return x where c is 1, y where it is 0, NaN where c is absent."""
    return np.where(np.isnan(c), np.nan, np.where(c == 1.0, x, y))


def log(x: Array) -> Array:
    """Return the natural logarithm; NaN at and below zero."""
    return np.log(np.ascontiguousarray(np.where(x > 0, x, np.nan)))


def exp(x: Array) -> Array:
    """Return the exponential; NaN on overflow."""
    return finite(np.exp(np.ascontiguousarray(x)))


def sqrt(x: Array) -> Array:
    """Return the square root; NaN below zero."""
    return np.sqrt(np.where(x >= 0, x, np.nan))


def power(x: Array, k: float) -> Array:
    """Return x to the literal power k, whole powers by repeated multiplication."""
    if k == int(k):
        result = np.where(np.isnan(x), np.nan, 1.0)
        for _ in range(abs(int(k))):
            result = result * x
        return finite(1.0 / result if k < 0 else result)
    base = np.ascontiguousarray(np.where(x >= 0, x, np.nan))
    return finite(np.power(base, k))


def signed_power(x: Array, k: float) -> Array:
    """Return sign(x) |x|^k."""
    return finite(np.sign(x) * power(np.abs(x), k))
