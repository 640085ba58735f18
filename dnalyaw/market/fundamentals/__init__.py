"""Figures that companies filed: readers, periods, vintages and trailing sums, all by what was known."""

from dnalyaw.market.fundamentals._companyfacts import facts_of, read_companyfacts
from dnalyaw.market.fundamentals._concepts import (
    FLOWS,
    STOCKS,
    Metric,
    fundamentals_feed,
    mapped_facts,
    metrics,
)
from dnalyaw.market.fundamentals._durations import SPANS, duration, known_figures, quarterly
from dnalyaw.market.fundamentals._facts import FACTS, known_at
from dnalyaw.market.fundamentals._findings import (
    FactFinding,
    contradictions,
    odd_sums,
    restatements,
    scale_errors,
)
from dnalyaw.market.fundamentals._statement_sets import read_statement_sets
from dnalyaw.market.fundamentals._trailing import trailing_sums

__all__ = [
    "FACTS",
    "FLOWS",
    "SPANS",
    "STOCKS",
    "FactFinding",
    "Metric",
    "contradictions",
    "duration",
    "facts_of",
    "fundamentals_feed",
    "known_at",
    "known_figures",
    "mapped_facts",
    "metrics",
    "odd_sums",
    "quarterly",
    "read_companyfacts",
    "read_statement_sets",
    "restatements",
    "scale_errors",
    "trailing_sums",
]
