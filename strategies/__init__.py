"""The strategy library, a module a family: each turns features and prices into target weights."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from dnalyaw.portfolio import StrategyFactory
from strategies.ml_cross_section import MLCrossSection, MLCrossSectionParams
from strategies.short_term_reversal import ShortTermReversal, ShortTermReversalParams
from strategies.time_series_momentum import TimeSeriesMomentum, TimeSeriesMomentumParams

__all__ = [
    "REGISTRY",
    "MLCrossSection",
    "MLCrossSectionParams",
    "ShortTermReversal",
    "ShortTermReversalParams",
    "TimeSeriesMomentum",
    "TimeSeriesMomentumParams",
    "declarations_path",
]

REGISTRY: dict[str, StrategyFactory] = {
    "ml_cross_section": MLCrossSection,
    "short_term_reversal": ShortTermReversal,
    "time_series_momentum": TimeSeriesMomentum,
}
"""Class names of the library, as declarations and the entry points use them."""


def declarations_path() -> Path:
    """Return the folder of the declarations that ship with the library."""
    return Path(str(files("strategies").joinpath("declarations")))
