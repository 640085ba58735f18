"""Machine-learned cross-section: hold what the model ranks highest, with hysteresis."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import ClassVar

import numpy as np
import polars as pl

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
class MLCrossSectionParams:
    """Parameters of `MLCrossSection`.

    Attributes
    ----------
    enter_quantile, stay_quantile : float
        A name enters in the top `enter_quantile` of the scores, and stays while it is in the top
        `stay_quantile`.
    min_names : int
        At least so many are held where there are as many.
    max_weight : float
        Of one name.
    min_dollar_volume : float
        Median of 21 sessions, currency; 0 lets everything pass.
    volatility_window, volatility_minimum : int
        Sessions behind the volatility, and the fewest it takes.
    rebalance : str
        day, week or month.
    stop_multiple : float
        Average true ranges to the stop.
    """

    enter_quantile: float = 0.2
    stay_quantile: float = 0.35
    min_names: int = 3
    max_weight: float = 0.10
    min_dollar_volume: float = 0.0
    volatility_window: int = 63
    volatility_minimum: int = 21
    rebalance: str = "week"
    stop_multiple: float = 3.0

    def __post_init__(self) -> None:
        refuse_unless(
            {
                "quantiles must satisfy 0 < enter_quantile <= stay_quantile <= 1": 0
                < self.enter_quantile
                <= self.stay_quantile
                <= 1,
                "min_names must be at least 1": self.min_names >= 1,
                "max_weight must lie in [0.01, 1]": between(self.max_weight, 0.01, 1),
                "min_dollar_volume must not be negative": between(self.min_dollar_volume, 0, 1e15),
                "volatility windows must satisfy 2 <= volatility_minimum <= volatility_window": 2
                <= self.volatility_minimum
                <= self.volatility_window,
                "rebalance must be day, week or month": self.rebalance in ("day", "week", "month"),
                "stop_multiple must lie in [0.5, 20]": between(self.stop_multiple, 0.5, 20),
            }
        )


@dataclass(frozen=True)
class MLCrossSection:
    """Long the names with the highest model scores, in inverse proportion to their volatility."""

    Params: ClassVar[type] = MLCrossSectionParams
    family: ClassVar[str] = "cross-sectional machine learning"
    description: ClassVar[str] = (
        "Top quantile of out-of-sample model scores, inverse-volatility weights, hysteresis"
    )
    reference: ClassVar[str] = (
        "Gu, Kelly and Xiu, Empirical Asset Pricing via Machine Learning, Review of Financial Studies, 2020"
    )

    id: str = "ml-cross-section"
    params: MLCrossSectionParams = field(default_factory=MLCrossSectionParams)

    def target_weights(self, view: StrategyView) -> pl.DataFrame:
        """Return targets of every rebalance session with scores; see `dnalyaw.portfolio.Strategy`."""
        p, panel = self.params, view.panel
        book = WeightBook(panel, p.stop_multiple)
        held = np.zeros(len(panel.ids), dtype=bool)
        for row in rebalance_rows(panel, p.rebalance):
            score = view.scores[row]
            if not np.isfinite(score).any():
                continue
            volatility = trailing_volatility(panel, row, p.volatility_window, p.volatility_minimum)
            able = np.isfinite(score) & np.isfinite(panel.close[row]) & np.isfinite(volatility)
            if p.min_dollar_volume > 0.0:
                able &= np.nan_to_num(median_dollar_volume(panel, row, 21)) >= p.min_dollar_volume
            count = int(able.sum())
            # Equal scores are ordered by instrument, so that the choice does not depend on the order of rows.
            order = np.argsort(np.where(able, -score, np.inf), kind="stable")
            rank = np.empty(len(order), dtype=np.int64)
            rank[order] = np.arange(len(order))
            enter = max(p.min_names, ceil(p.enter_quantile * count))
            stay = max(enter, ceil(p.stay_quantile * count))
            held = able & ((rank < enter) | (held & (rank < stay)))
            book.add(row, inverse_volatility(volatility, held, p.max_weight))
        return book.frame()
