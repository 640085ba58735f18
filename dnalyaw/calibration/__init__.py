"""What trading cost: fills held against the market at arrival."""

from dnalyaw.calibration._costs import (
    COST_SCHEMA,
    CostAnalysis,
    CostSummary,
    SourceCosts,
    analyse_costs,
)
from dnalyaw.calibration._orders import CostError, ExecutedFill, ExecutedOrder, read_order

__all__ = [
    "COST_SCHEMA",
    "CostAnalysis",
    "CostError",
    "CostSummary",
    "ExecutedFill",
    "ExecutedOrder",
    "SourceCosts",
    "analyse_costs",
    "read_order",
]
