"""Pieces that strategies are made of; each looks at rows up to the one it is asked for."""

from __future__ import annotations

from datetime import date
from math import sqrt

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dnalyaw.backtest import PricePanel
from dnalyaw.portfolio._strategy import WEIGHT_SCHEMA

Floats = NDArray[np.float64]


def rebalance_rows(panel: PricePanel, every: str) -> list[int]:
    """Rows on whose close a strategy decides.

    Parameters
    ----------
    panel : PricePanel
    every : {'day', 'week', 'month'}
        The first session of each week (ISO) or month: known on that day without a look at the calendar ahead.
    """
    if every == "day":
        return list(range(len(panel.sessions)))
    days: list[date] = panel.sessions.astype(object).tolist()
    if every == "week":
        keys: list[tuple[int, int]] = [day.isocalendar()[:2] for day in days]
    elif every == "month":
        keys = [(day.year, day.month) for day in days]
    else:
        raise ValueError(f"rebalance must be day, week or month, got {every!r}")
    return [row for row in range(1, len(days)) if keys[row] != keys[row - 1]]


def trailing_volatility(panel: PricePanel, row: int, window: int, minimum: int) -> Floats:
    """Daily volatility over the `window` returns to `row`; NaN below `minimum` returns. Shape (N,)."""
    part = panel.returns[max(0, row - window + 1) : row + 1]
    finite = np.isfinite(part)
    count = finite.sum(axis=0)
    mean = np.where(finite, part, 0.0).sum(axis=0) / np.maximum(count, 1)
    squares = np.where(finite, (part - mean) ** 2, 0.0).sum(axis=0)
    enough = (count >= max(minimum, 2)) & (squares > 0.0)
    return np.where(enough, np.sqrt(squares / np.maximum(count - 1, 1)), np.nan)


def median_dollar_volume(panel: PricePanel, row: int, window: int) -> Floats:
    """Median dollar volume of the `window` sessions to `row`; NaN with fewer than half of them.

    Shape (N,).
    """
    part = panel.dollar_volume[max(0, row - window + 1) : row + 1]
    known = np.isfinite(part).sum(axis=0) * 2 >= window
    out = np.full(part.shape[1], np.nan)
    if known.any():
        out[known] = np.nanmedian(part[:, known], axis=0)
    return out


def stop_distances(panel: PricePanel, row: int, multiple: float, window: int = 20) -> Floats:
    """Stop distance: `multiple` average true ranges, currency per raw share. Shape (N,).

    Never closer than 0.5% of the price nor further than 50%, so that neither a quiet week nor one jump makes
    a stop that means nothing. True ranges are taken on adjusted prices, so that a split is no range. NaN
    where a name has no close at `row` or fewer than 5 ranges.
    """
    start = max(1, row - window + 1)
    rows = slice(start, row + 1)
    before = panel.valuation[start - 1 : row]
    factor = panel.adj_close[rows] / panel.close[rows]
    top = np.fmax(np.fmax(panel.high[rows] * factor, panel.adj_close[rows]), before)
    bottom = np.fmin(np.fmin(panel.low[rows] * factor, panel.adj_close[rows]), before)
    span = (top - bottom) / panel.adj_close[rows]
    finite = np.isfinite(span)
    count = finite.sum(axis=0)
    mean = np.where(finite, span, 0.0).sum(axis=0) / np.maximum(count, 1)
    ratio = np.clip(multiple * mean, 0.005, 0.5)
    return np.where(count >= 5, ratio * panel.close[row], np.nan)


def inverse_volatility(volatility: Floats, chosen: NDArray[np.bool_], cap: float) -> Floats:
    """Weights in inverse proportion to volatility over `chosen`, none above `cap`, their sum at most 1.

    Shape (N,).
    """
    raw = np.where(chosen, 1.0 / np.where(chosen, volatility, 1.0), 0.0)
    return capped(raw, cap)


def capped(raw: Floats, cap: float) -> Floats:
    """Scale non-negative `raw` to a sum of 1 with no entry above `cap`.

    The sum is less where the cap forbids it.
    """
    weights = np.zeros_like(raw)
    free = raw > 0.0
    left = 1.0
    # Each pass fixes at least one name at the cap, so it ends after at most N.
    while free.any():
        share = np.where(free, raw, 0.0)
        share = share / share.max()
        share = share * (left / share.sum())
        over = free & (share > cap)
        if not over.any():
            return np.where(free, share, weights)
        weights[over] = cap
        free &= ~over
        left = 1.0 - float(weights.sum())
        if left <= 0.0:
            return weights
    return weights


def target_volatility_scale(
    panel: PricePanel, row: int, weights: Floats, target: float, window: int, periods_per_year: float = 252.0
) -> float:
    """Factor in (0, 1] that brings the trailing volatility of `weights` down to `target` a year."""
    part = panel.returns[max(0, row - window + 1) : row + 1]
    series = np.where(np.isfinite(part), part, 0.0) @ weights
    if len(series) < 2:
        return 1.0
    volatility = float(series.std(ddof=1)) * sqrt(periods_per_year)
    return min(1.0, target / volatility) if volatility > 0.0 else 1.0


class WeightBook:
    """Collects the targets of one strategy, rebalance by rebalance.

    Parameters
    ----------
    panel : PricePanel
    stop_multiple : float
        Average true ranges to the stop.
    """

    def __init__(self, panel: PricePanel, stop_multiple: float) -> None:
        self.panel, self.stop_multiple = panel, stop_multiple
        self._parts: list[pl.DataFrame] = []

    def add(self, row: int, weights: Floats) -> Floats:
        """Note the targets decided on `row`'s close, and return those kept.

        A name for which no stop can be worked out is left in cash: its risk could not be sized.
        """
        stops = stop_distances(self.panel, row, self.stop_multiple)
        kept = np.where(np.isfinite(stops), weights, 0.0)
        cols = np.flatnonzero(kept > 0.0)
        shown = cols if cols.size else np.array([0])
        self._parts.append(
            pl.DataFrame(
                {
                    "session": np.repeat(self.panel.sessions[row], len(shown)),
                    "instrument_id": self.panel.ids[shown],
                    "weight": kept[shown],
                    "stop_distance": stops[shown] if cols.size else [None],
                },
                schema_overrides={"session": pl.Date, "stop_distance": pl.Float64},
            )
        )
        return kept

    def frame(self) -> pl.DataFrame:
        """Return everything added, in `WEIGHT_SCHEMA`."""
        return pl.concat(self._parts) if self._parts else pl.DataFrame(schema=WEIGHT_SCHEMA)
