"""Short-term reversal: buy liquid names that fell behind their sector over a week."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dnalyaw.portfolio import (
    StrategyView,
    WeightBook,
    inverse_volatility,
    median_dollar_volume,
    rebalance_rows,
    trailing_volatility,
)
from strategies._checks import between, refuse_unless


@dataclass(frozen=True)
class ShortTermReversalParams:
    """Parameters of `ShortTermReversal`.

    Attributes
    ----------
    lookback : int
        Sessions over which a name fell behind.
    quantile : float
        Part of the liquid names that is bought.
    liquid_fraction : float
        Most liquid part of the universe that is looked at, by median dollar volume of 21 sessions.
    min_sector : int
        A sector with fewer names is compared with the whole market; so is an unknown one.
    max_drop : float
        A name that fell further is left alone: that is news, not pressure.
    min_names : int
        At least so many are held where as many fell behind.
    max_weight : float
        Of one name.
    volatility_window, volatility_minimum : int
        Sessions behind the volatility, and the fewest it takes.
    rebalance : str
        day, week or month.
    stop_multiple : float
        Average true ranges to the stop.
    """

    lookback: int = 5
    quantile: float = 0.2
    liquid_fraction: float = 0.6
    min_sector: int = 3
    max_drop: float = 0.25
    min_names: int = 3
    max_weight: float = 0.10
    volatility_window: int = 63
    volatility_minimum: int = 21
    rebalance: str = "week"
    stop_multiple: float = 2.5

    def __post_init__(self) -> None:
        refuse_unless(
            {
                "lookback must lie in [1, 63]": between(self.lookback, 1, 63),
                "quantile must lie in (0, 0.5]": 0 < self.quantile <= 0.5,
                "liquid_fraction must lie in (0, 1]": 0 < self.liquid_fraction <= 1,
                "min_sector must be at least 2": self.min_sector >= 2,
                "max_drop must lie in (0, 1]": 0 < self.max_drop <= 1,
                "min_names must be at least 1": self.min_names >= 1,
                "max_weight must lie in [0.01, 1]": between(self.max_weight, 0.01, 1),
                "volatility windows must satisfy 2 <= volatility_minimum <= volatility_window": 2
                <= self.volatility_minimum
                <= self.volatility_window,
                "rebalance must be day, week or month": self.rebalance in ("day", "week", "month"),
                "stop_multiple must lie in [0.5, 20]": between(self.stop_multiple, 0.5, 20),
            }
        )


@dataclass(frozen=True)
class ShortTermReversal:
    """Long the liquid names that fell most against their sector, in inverse proportion to volatility."""

    Params: ClassVar[type] = ShortTermReversalParams
    family: ClassVar[str] = "mean reversion"
    description: ClassVar[str] = "Losers of a week against their sector, among liquid names"
    reference: ClassVar[str] = (
        "Jegadeesh, Evidence of Predictable Behavior of Security Returns, Journal of Finance, 1990; within "
        "industries: "
        "Da, Liu and Schaumburg, A Closer Look at the Short-Term Return Reversal, Management Science, 2014"
    )

    id: str = "short-term-reversal"
    params: ShortTermReversalParams = field(default_factory=ShortTermReversalParams)

    def target_weights(self, view: StrategyView) -> pl.DataFrame:
        """Return targets of every rebalance session; see `dnalyaw.portfolio.Strategy`."""
        p, panel = self.params, view.panel
        book = WeightBook(panel, p.stop_multiple)
        sectors = np.array([sector or "" for sector in panel.sector], dtype=object)
        for row in rebalance_rows(panel, p.rebalance):
            if row < max(p.lookback, p.volatility_minimum):
                continue
            fall = panel.adj_close[row] / panel.adj_close[row - p.lookback] - 1.0
            volatility = trailing_volatility(panel, row, p.volatility_window, p.volatility_minimum)
            volume = median_dollar_volume(panel, row, 21)
            able = np.isfinite(fall) & np.isfinite(volatility) & np.isfinite(panel.close[row])
            able &= _most_liquid(volume, able, p.liquid_fraction)
            if not able.any():
                continue
            relative = fall - _sector_mean(fall, able, sectors, p.min_sector)
            wanted = able & (relative < 0.0) & (fall > -p.max_drop)
            count = max(p.min_names, ceil(p.quantile * int(able.sum())))
            order = np.argsort(np.where(wanted, relative, np.inf), kind="stable")[:count]
            chosen = np.zeros(len(panel.ids), dtype=bool)
            chosen[order] = True
            book.add(row, inverse_volatility(volatility, chosen & wanted, p.max_weight))
        return book.frame()


def _most_liquid(volume: NDArray[np.float64], able: NDArray[np.bool_], fraction: float) -> NDArray[np.bool_]:
    """Names of `able` in the most liquid `fraction`; all of them where no volume is known."""
    known = able & np.isfinite(volume)
    if not known.any():
        return able
    keep = ceil(fraction * int(known.sum()))
    threshold = np.sort(volume[known])[::-1][keep - 1]
    return known & (np.where(known, volume, -1.0) >= threshold)


def _sector_mean(
    values: NDArray[np.float64], able: NDArray[np.bool_], sectors: NDArray[np.object_], minimum: int
) -> NDArray[np.float64]:
    """Mean of each name's sector over `able`; the market's where the sector is unknown or small."""
    mean = np.full(len(values), float(values[able].mean()))
    for sector in sorted(set(sectors[able])):
        members = able & (sectors == sector)
        if sector and int(members.sum()) >= minimum:
            mean[members] = float(values[members].mean())
    return mean
