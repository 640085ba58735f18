"""Portfolios: what a strategy is, how much it gets, and what is handed to the runtime."""

from dnalyaw.portfolio._declare import (
    ENTRY_POINT_GROUP,
    DeclaredStrategy,
    load_strategies,
    registered_strategies,
)
from dnalyaw.portfolio._errors import DeclarationError, PortfolioError
from dnalyaw.portfolio._signals import (
    WeightBook,
    capped,
    inverse_volatility,
    median_dollar_volume,
    rebalance_rows,
    stop_distances,
    target_volatility_scale,
    trailing_volatility,
)
from dnalyaw.portfolio._sizing import (
    KellyConfig,
    KellySize,
    SizingPolicy,
    half_kelly,
    size_targets,
)
from dnalyaw.portfolio._standing import combine_strategies, standing_weights
from dnalyaw.portfolio._strategy import (
    WEIGHT_SCHEMA,
    Strategy,
    StrategyFactory,
    StrategyView,
    check_weights,
)
from dnalyaw.portfolio._target import Target, TargetPortfolio

__all__ = [
    "ENTRY_POINT_GROUP",
    "WEIGHT_SCHEMA",
    "DeclarationError",
    "DeclaredStrategy",
    "KellyConfig",
    "KellySize",
    "PortfolioError",
    "SizingPolicy",
    "Strategy",
    "StrategyFactory",
    "StrategyView",
    "Target",
    "TargetPortfolio",
    "WeightBook",
    "capped",
    "check_weights",
    "combine_strategies",
    "half_kelly",
    "inverse_volatility",
    "load_strategies",
    "median_dollar_volume",
    "rebalance_rows",
    "registered_strategies",
    "size_targets",
    "standing_weights",
    "stop_distances",
    "target_volatility_scale",
    "trailing_volatility",
]
