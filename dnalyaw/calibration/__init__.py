"""What trading cost: fills held against the market at arrival, and parent orders against the decision."""

from dnalyaw.calibration._costs import (
    COST_SCHEMA,
    CostAnalysis,
    CostSummary,
    SourceCosts,
    analyse_costs,
)
from dnalyaw.calibration._orders import CostError, ExecutedFill, ExecutedOrder, read_order
from dnalyaw.calibration._shortfall import PathComparison, ShortfallLine, path_comparison, shortfall_lines
from dnalyaw.calibration._shortfall_rows import SHORTFALL_PARTS, SHORTFALL_SCHEMA, read_shortfall

__all__ = [
    "COST_SCHEMA",
    "SHORTFALL_PARTS",
    "SHORTFALL_SCHEMA",
    "CostAnalysis",
    "CostError",
    "CostSummary",
    "ExecutedFill",
    "ExecutedOrder",
    "PathComparison",
    "ShortfallLine",
    "SourceCosts",
    "analyse_costs",
    "path_comparison",
    "read_order",
    "read_shortfall",
    "shortfall_lines",
]
