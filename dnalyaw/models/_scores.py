"""Rank correlations of scores and factors with labels, and which of them are too high to be believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_MAX_MODEL_IC = 0.20
_MAX_FEATURE_IC = 0.25


@dataclass(frozen=True)
class Suspicion:
    """A correlation that a person should look at: the code, what was seen, and what to check."""

    code: str
    message: str
    checks: tuple[str, ...]


def demeaned_ranks(x: Floats, starts: NDArray[np.int64]) -> Floats:
    """Ranks within each session, ties shared, scaled to [-0.5, 0.5]; unknown stays NaN.

    Parameters
    ----------
    x : ndarray, shape (rows, F)
        Sorted by session.
    starts : ndarray, shape (T + 1,)
        First row of each session, and the number of rows.
    """
    out = np.empty_like(x)
    for a, b in pairwise(starts):
        out[a:b] = _ranks(x[a:b])
    return out


def _ranks(part: Floats) -> Floats:
    order = np.argsort(part, axis=0, kind="stable")  # NaN last
    ordered = np.take_along_axis(part, order, axis=0)
    count = np.isfinite(part).sum(axis=0)
    at = np.arange(len(part))[:, None]
    new = np.ones(part.shape, dtype=bool)
    new[1:] = ordered[1:] != ordered[:-1]
    first = np.maximum.accumulate(np.where(new, at, 0), axis=0)
    # Last place of a group of ties = one before the next group's first, found from behind.
    ends = np.ones(part.shape, dtype=bool)
    ends[:-1] = new[1:]
    last = np.minimum.accumulate(np.where(ends, at, len(part))[::-1], axis=0)[::-1]
    # Integers until the last step: ties are exact.
    scaled = ((first + last) - (count - 1)) / (2.0 * np.maximum(count - 1, 1))
    out = np.empty_like(part)
    np.put_along_axis(out, order, np.where(np.isfinite(ordered), scaled, np.nan), axis=0)
    return out


def rank_ic(sessions: NDArray[np.datetime64], score: Floats, label: Floats, min_names: int) -> pl.DataFrame:
    """Spearman correlation a session of what has score and label: ``session, ic, names``."""
    frame = pl.DataFrame({"session": sessions, "score": score, "label": label}).filter(
        pl.col("score").is_finite() & pl.col("label").is_finite()
    )
    return (
        frame.group_by("session")
        .agg(
            ic=pl.corr(pl.col("score").rank("average"), pl.col("label").rank("average")),
            names=pl.len().cast(pl.Int64),
        )
        .filter(pl.col("ic").is_finite() & (pl.col("names") >= min_names))
        .sort("session")
        .with_columns(pl.col("session").cast(pl.Date))
    )


def single_feature_ic(
    names: Sequence[str], x: Floats, label: Floats, starts: NDArray[np.int64], min_names: int
) -> pl.DataFrame:
    """Mean rank correlation of each factor alone with the label: ``feature, ic``, descending by size."""
    total = np.zeros(len(names))
    count = np.zeros(len(names))
    for a, b in pairwise(starts):
        known = np.isfinite(label[a:b])
        if int(known.sum()) < min_names:
            continue
        ranks = _ranks(x[a:b][known])
        target = _ranks(label[a:b][known][:, None])
        both = np.isfinite(ranks)
        here = both.sum(axis=0)
        size = np.maximum(here, 1)
        left = np.where(both, ranks - np.where(both, ranks, 0.0).sum(axis=0) / size, 0.0)
        right = np.where(both, target - np.where(both, target, 0.0).sum(axis=0) / size, 0.0)
        scale = np.sqrt((left**2).sum(axis=0) * (right**2).sum(axis=0))
        good = (here >= min_names) & (scale > 1e-12)
        total += np.where(good, (left * right).sum(axis=0) / np.where(good, scale, 1.0), 0.0)
        count += good
    mean = np.where(count > 0, total / np.maximum(count, 1), 0.0)
    return pl.DataFrame({"feature": list(names), "ic": mean}).sort(
        pl.col("ic").abs(), "feature", descending=[True, False]
    )


def suspicions(model_ic: float, features: pl.DataFrame) -> tuple[Suspicion, ...]:
    """Name a model or factor whose correlation with the label looks like the label itself."""
    checks = (
        "whether it is computed from sessions after its own (perturb the future, compare the past)",
        "whether its available_at is later than the open it trades at",
        "whether the label, or a return that overlaps it, is among the factors",
    )
    found = [
        Suspicion(
            "FEATURE_KNOWS_LABEL",
            f"factor {row['feature']} alone has a mean rank correlation of {row['ic']:.3f} with the label",
            checks,
        )
        for row in features.filter(pl.col("ic").abs() > _MAX_FEATURE_IC).iter_rows(named=True)
    ]
    if model_ic > _MAX_MODEL_IC:
        found.append(
            Suspicion(
                "MODEL_TOO_GOOD",
                f"mean rank correlation of the scores with the label is {model_ic:.3f}",
                checks,
            )
        )
    return tuple(found)
