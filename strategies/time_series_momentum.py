"""Time-series momentum: hold what has trended up over several horizons, at a target volatility."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import polars as pl

from dnalyaw.portfolio import (
    StrategyView,
    WeightBook,
    inverse_volatility,
    rebalance_rows,
    target_volatility_scale,
    trailing_volatility,
)
from strategies._checks import between, refuse_unless


@dataclass(frozen=True)
class TimeSeriesMomentumParams:
    """Parameters of `TimeSeriesMomentum`.

    Attributes
    ----------
    short, medium, long : int
        Horizons in sessions.
    skip : int
        Last sessions left out of the long horizon (12-1 momentum).
    min_horizons : int
        Horizons that must be known.
    min_signal : float
        Smallest part of the known horizons that must be up.
    max_names : int
        Most names held, the strongest by return over volatility first.
    target_volatility : float
        Of the portfolio, a year; weights are only ever scaled down to it.
    max_weight : float
        Of one name.
    volatility_window, volatility_minimum : int
        Sessions behind the volatility, and the fewest it takes.
    rebalance : str
        day, week or month.
    stop_multiple : float
        Average true ranges to the stop.
    """

    short: int = 63
    medium: int = 126
    long: int = 252
    skip: int = 21
    min_horizons: int = 2
    min_signal: float = 0.6
    max_names: int = 25
    target_volatility: float = 0.12
    max_weight: float = 0.10
    volatility_window: int = 63
    volatility_minimum: int = 21
    rebalance: str = "week"
    stop_multiple: float = 4.0

    def __post_init__(self) -> None:
        refuse_unless(
            {
                "horizons must satisfy 0 <= skip < short < medium < long": 0
                <= self.skip
                < self.short
                < self.medium
                < self.long,
                "min_horizons must lie in [1, 3]": 1 <= self.min_horizons <= 3,
                "min_signal must lie in (0, 1]": 0 < self.min_signal <= 1,
                "max_names must be at least 1": self.max_names >= 1,
                "target_volatility must lie in [0.01, 1]": between(self.target_volatility, 0.01, 1),
                "max_weight must lie in [0.01, 1]": between(self.max_weight, 0.01, 1),
                "volatility windows must satisfy 2 <= volatility_minimum <= volatility_window": 2
                <= self.volatility_minimum
                <= self.volatility_window,
                "rebalance must be day, week or month": self.rebalance in ("day", "week", "month"),
                "stop_multiple must lie in [0.5, 20]": between(self.stop_multiple, 0.5, 20),
            }
        )


@dataclass(frozen=True)
class TimeSeriesMomentum:
    """Long what is up over most horizons, sized to a target volatility."""

    Params: ClassVar[type] = TimeSeriesMomentumParams
    family: ClassVar[str] = "trend"
    description: ClassVar[str] = (
        "Up over 3, 6 and 12-1 months, inverse-volatility weights at a target volatility"
    )
    reference: ClassVar[str] = (
        "Moskowitz, Ooi and Pedersen, Time Series Momentum, Journal of Financial Economics, 2012"
    )

    id: str = "time-series-momentum"
    params: TimeSeriesMomentumParams = field(default_factory=TimeSeriesMomentumParams)

    def target_weights(self, view: StrategyView) -> pl.DataFrame:
        """Return targets of every rebalance session with enough history; see `dnalyaw.portfolio.Strategy`."""
        p, panel = self.params, view.panel
        book = WeightBook(panel, p.stop_multiple)
        value = panel.valuation
        # A session a month ago: the long horizon ends there.
        spans = ((p.short, 0), (p.medium, 0), (p.long, p.skip))
        for row in rebalance_rows(panel, p.rebalance):
            moves = [value[row - end] / value[row - start] - 1.0 for start, end in spans if row - start >= 0]
            if len(moves) < p.min_horizons:
                continue
            stacked = np.array(moves)
            known = np.isfinite(stacked).sum(axis=0)
            with np.errstate(invalid="ignore"):
                up = (stacked > 0.0).sum(axis=0)
            signal = np.where(known >= p.min_horizons, up / np.maximum(known, 1), 0.0)
            volatility = trailing_volatility(panel, row, p.volatility_window, p.volatility_minimum)
            chosen = (signal >= p.min_signal) & np.isfinite(volatility) & np.isfinite(panel.close[row])
            mean = np.where(np.isfinite(stacked), stacked, 0.0).sum(axis=0) / np.maximum(known, 1)
            strength = np.where(chosen, mean / np.where(chosen, volatility, 1.0), -np.inf)
            order = np.argsort(-strength, kind="stable")[: p.max_names]
            kept = np.zeros(len(panel.ids), dtype=bool)
            kept[order] = True
            weights = inverse_volatility(volatility, chosen & kept, p.max_weight)
            scale = target_volatility_scale(panel, row, weights, p.target_volatility, p.volatility_window)
            book.add(row, weights * scale)
        return book.frame()
