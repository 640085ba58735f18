"""Folds through time, purged and embargoed, and the check that they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dnalyaw.models._config import WalkForwardConfig
from dnalyaw.models._errors import LeakageError, ModelError


@dataclass(frozen=True)
class Fold:
    """Rows of sessions, half open: train [train_start, train_end), test [test_start, test_end).

    ``train_end + purged + embargo == test_start``: the sessions between were left out because their labels
    were not known, or lay within the embargo, when the first prediction was made.
    """

    number: int
    train_start: int
    train_end: int
    test_start: int
    test_end: int
    purged: int
    embargo: int


def make_folds(sessions: int, config: WalkForwardConfig) -> list[Fold]:
    """Cut `sessions` into folds, anchored at the first: a session more changes only the last fold's test.

    The label of row s is known at the open of row s + 1 + horizon. A model that predicts from row t on was
    trained before t's close, so it may use rows up to t - 1 - horizon; the embargo takes off more.
    """
    gap = config.horizon + config.embargo
    first = config.min_train + gap
    folds = []
    for number, test_start in enumerate(range(first, sessions, config.refit_every)):
        train_end = test_start - gap
        train_start = 0 if config.train_sessions is None else max(0, train_end - config.train_sessions)
        test_end = min(test_start + config.refit_every, sessions)
        folds.append(
            Fold(number, train_start, train_end, test_start, test_end, config.horizon, config.embargo)
        )
    if not folds:
        raise ModelError(
            f"{sessions} sessions of features are too few: the first fold needs {first + 1} "
            f"(min_train {config.min_train} + horizon {config.horizon} + embargo {config.embargo} + 1)"
        )
    return folds


def check_folds(folds: list[Fold], grid: NDArray[np.datetime64], labels: pl.DataFrame, embargo: int) -> None:
    """Prove on the labels themselves that no fold trains on one not known before its first prediction.

    Parameters
    ----------
    folds : list of Fold
    grid : ndarray of datetime64[D]
        The sessions the folds' rows refer to.
    labels : polars.DataFrame
        With ``session`` and ``known_session``, see `forward_labels`.
    embargo : int
        Sessions that must lie between the last label known and the first prediction.

    Raises
    ------
    LeakageError
        Names the fold and the session.
    """
    known = labels.group_by("session").agg(pl.col("known_session").max()).sort("session")
    days = known["session"].to_numpy().astype("datetime64[D]")
    moments = known["known_session"].to_numpy().astype("datetime64[D]")
    if (moments <= days).any():
        at = int(np.flatnonzero(moments <= days)[0])
        raise LeakageError(
            f"labels of session {days[at]} claim to be known on {moments[at]}, before they happened"
        )
    for fold in folds:
        inside = (days >= grid[fold.train_start]) & (days < grid[fold.train_end])
        if fold.train_end > fold.test_start or not inside.any():
            raise LeakageError(
                f"fold {fold.number} trains up to row {fold.train_end}, tests from {fold.test_start}"
            )
        last = int(np.searchsorted(grid, moments[inside].max()))
        if last + embargo > fold.test_start:
            late = days[inside][moments[inside].argmax()]
            raise LeakageError(
                f"fold {fold.number} trains on labels of session {late}, known only at row {last}; it "
                f"predicts from row "
                f"{fold.test_start} with an embargo of {embargo}: purge more sessions"
            )
