"""Gates: what a delivery must be before it is published.

Rules are pure functions from a frame and a `GateContext` to findings; `run_rule` makes sure that a rule which
cannot judge refuses. Importing this package is cheap: pandera and Great Expectations load when they are used.
"""

from dnalyaw.quality._docs import write_data_docs
from dnalyaw.quality._expectations import SUITE_PATH, FeedResult, SuiteError, evaluate, suite_path
from dnalyaw.quality._finding import Finding, GateContext, Rule
from dnalyaw.quality._rules import RULES, SCREENS, run_rule, run_rules
from dnalyaw.quality._vendors import compare

__all__ = [
    "RULES",
    "SCREENS",
    "SUITE_PATH",
    "FeedResult",
    "Finding",
    "GateContext",
    "Rule",
    "SuiteError",
    "compare",
    "evaluate",
    "run_rule",
    "run_rules",
    "suite_path",
    "write_data_docs",
]
