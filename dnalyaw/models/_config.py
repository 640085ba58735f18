"""Settings of a walk-forward."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from dnalyaw.models._errors import ModelError

# What makes LightGBM give the same trees for the same rows, whatever the machine's load.
_FIXED = {
    "objective": "regression",
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


@dataclass(frozen=True)
class WalkForwardConfig:
    """How a model is trained and tested through time.

    Attributes
    ----------
    horizon : int
        Sessions of the label.
    min_train : int
        Labelled sessions before the first fold.
    train_sessions : int or None
        Length of a rolling training window; None lets it grow from the beginning.
    refit_every : int
        Sessions that one model predicts before the next is trained.
    embargo : int
        Sessions left out between the last label known and the first prediction, on top of the purge.
    min_names : int
        Fewest labelled names of a session that is trained or scored on.
    transform : {'rank', 'none'}
        Factors as cross-sectional ranks in [-0.5, 0.5], or as they are.
    clip : float
        Labels, divided by their cross-sectional deviation, are clipped here, so that one jump does not teach.
    rounds : int
        Trees.
    num_threads : int
        Of one training; fixed, a part of what makes results repeat. Folds are trained side by side instead.
    seed : int
    params : mapping
        LightGBM parameters over the defaults.
    """

    horizon: int = 5
    min_train: int = 252
    train_sessions: int | None = None
    refit_every: int = 84
    embargo: int = 1
    min_names: int = 5
    transform: str = "rank"
    clip: float = 3.0
    rounds: int = 60
    num_threads: int = 1
    seed: int = 7
    params: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rules = {
            "horizon must be at least 1": self.horizon >= 1,
            "min_train must be at least 20 sessions": self.min_train >= 20,
            "train_sessions must be None or at least min_train": (
                self.train_sessions is None or self.train_sessions >= self.min_train
            ),
            "refit_every must be at least 1": self.refit_every >= 1,
            "embargo must not be negative": self.embargo >= 0,
            "min_names must be at least 2": self.min_names >= 2,
            "transform must be rank or none": self.transform in ("rank", "none"),
            "clip must be above 0": self.clip > 0,
            "rounds must be at least 1": self.rounds >= 1,
            "num_threads must be at least 1": self.num_threads >= 1,
            "params must not override "
            + ", ".join(sorted({*_FIXED, "seed", "num_threads"})): not self.params.keys()
            & {*_FIXED, "seed", "num_threads"},
        }
        broken = [text for text, holds in rules.items() if not holds]
        if broken:
            raise ModelError("walk-forward settings: " + ", ".join(broken))

    def booster_params(self, rows: int) -> dict[str, Any]:
        """Return LightGBM's parameters for `rows` training rows."""
        defaults = {
            "learning_rate": 0.05,
            "num_leaves": 15,
            # Leaves of a noisy target need many rows; a small universe has few.
            "min_data_in_leaf": int(min(300, max(20, rows // 100))),
            "feature_fraction": 0.5,
            "lambda_l2": 10.0,
            "max_bin": 63,
            # Bins of ranks need no more rows than this to be found.
            "bin_construct_sample_cnt": 20_000,
        }
        return {**defaults, **self.params, **_FIXED, "seed": self.seed, "num_threads": self.num_threads}

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as JSON values, for ledgers and metadata."""
        return {**asdict(self), "params": dict(self.params)}
