"""Price steps: a hundredth in the United States and mainland China, Hong Kong's table by price and date."""

from __future__ import annotations

from datetime import date

import numpy as np
from numpy.typing import NDArray

__all__ = ["REDUCED_FROM", "session_ticks"]

REDUCED_FROM = date(2025, 8, 4)
"""First session of HKEX's reduced minimum spreads between 10 and 50 dollars (phase 1)."""

# Upper ends of HKEX's price bands and their steps in thousandths of a dollar. The later halving between
# 0.50 and 10 dollars is left out: the older step is a multiple of it, so these prices are valid either way.
_BAND_ENDS = np.array([0.25, 0.5, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0])
_STEPS = np.array([1, 5, 10, 20, 50, 50, 100, 200, 500, 1000, 2000, 5000], dtype=np.int64)
_REDUCED = np.array([1, 5, 10, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000], dtype=np.int64)


def session_ticks(
    region: str, reduced: bool, low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return one price step for each range, on which every price of the range is valid.

    A range that touches two bands of Hong Kong's table gets the least common multiple of their steps.

    Parameters
    ----------
    region : str
    reduced : bool
        Whether the session is at or after `REDUCED_FROM`.
    low, high : ndarray of float
        Range of prices, in currency; widened by 3% here so that quotes around it stay valid.
    """
    if region != "HK":
        return np.full(low.shape, 0.01)
    steps = _REDUCED if reduced else _STEPS
    first = np.searchsorted(_BAND_ENDS, low * 0.97, side="left")
    last = np.searchsorted(_BAND_ENDS, high * 1.03, side="left")
    step = steps[first]
    for further in range(1, len(steps)):
        inside = first + further <= last
        if not inside.any():
            break
        step = np.where(inside, np.lcm(step, steps[np.minimum(first + further, len(steps) - 1)]), step)
    return step / 1000.0
