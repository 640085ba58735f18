"""Models: labels that say when they were known, and LightGBM trained through time."""

from dnalyaw.models._config import WalkForwardConfig
from dnalyaw.models._errors import LeakageError, ModelError
from dnalyaw.models._folds import Fold, check_folds, make_folds
from dnalyaw.models._labels import LABEL_SCHEMA, forward_labels
from dnalyaw.models._scores import Suspicion, demeaned_ranks, rank_ic
from dnalyaw.models._walkforward import WalkForwardResult, walk_forward

__all__ = [
    "LABEL_SCHEMA",
    "Fold",
    "LeakageError",
    "ModelError",
    "Suspicion",
    "WalkForwardConfig",
    "WalkForwardResult",
    "check_folds",
    "demeaned_ranks",
    "forward_labels",
    "make_folds",
    "rank_ic",
    "walk_forward",
]
