"""LightGBM walk-forward: every score is made by a model that knew nothing of its session."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dnalyaw.backtest import newey_west_t
from dnalyaw.models._config import WalkForwardConfig
from dnalyaw.models._errors import ModelError
from dnalyaw.models._folds import Fold, check_folds, make_folds
from dnalyaw.models._scores import Suspicion, demeaned_ranks, rank_ic, single_feature_ic, suspicions

if TYPE_CHECKING:
    import lightgbm

Floats = NDArray[np.float64]
_LOG = logging.getLogger(__name__)
_KEYS = ("instrument_id", "session", "event_time", "available_at", "ingested_at")


@dataclass(frozen=True, eq=False)
class WalkForwardResult:
    """Out-of-sample scores and what is known about them.

    Attributes
    ----------
    predictions : polars.DataFrame
        ``instrument_id, session, score, fold``, sorted by session and instrument, up to the latest session.
    folds : polars.DataFrame
        A row a fold: ``fold, train_start, train_end, label_known_by, purged_sessions, embargo_sessions,
        test_start, test_end, train_rows, test_rows, cached``; dates, both ends included.
    ic : polars.DataFrame
        ``session, ic, names``: rank correlation of score and label a session, where the label is known.
    importance : pl.DataFrame
        ``feature, gain``: share of the total gain, over all folds, descending.
    feature_ic : polars.DataFrame
        ``feature, ic``: mean rank correlation of each factor alone, descending by size.
    stats : dict of str to float
        ``ic_mean, ic_t`` (Newey-West over the horizon), ``ic_sessions, ic_positive``.
    findings : tuple
        Correlations too high to be believed.
    latest_session : date
    config : WalkForwardConfig
    """

    predictions: pl.DataFrame
    folds: pl.DataFrame
    ic: pl.DataFrame
    importance: pl.DataFrame
    feature_ic: pl.DataFrame
    stats: dict[str, float]
    findings: tuple[Suspicion, ...]
    latest_session: date
    config: WalkForwardConfig = field(default_factory=WalkForwardConfig)


@dataclass(frozen=True, eq=False)
class _Table:
    """Features and labels row by row, sorted by session and instrument.

    `starts` bounds each session's rows.
    """

    ids: NDArray[np.int64]
    grid: NDArray[np.datetime64]
    starts: NDArray[np.int64]
    names: tuple[str, ...]
    x: Floats
    label: Floats
    target: Floats


def walk_forward(
    features: pl.DataFrame,
    labels: pl.DataFrame,
    config: WalkForwardConfig | None = None,
    *,
    columns: Sequence[str] | None = None,
    cache_dir: Path | str | None = None,
    workers: int = 2,
) -> WalkForwardResult:
    """Train and score through time.

    Parameters
    ----------
    features : polars.DataFrame
        ``instrument_id, session`` and numeric factor columns; times are ignored. NaN and null are unknown.
    labels : polars.DataFrame
        From `forward_labels` with the same horizon.
    config : WalkForwardConfig or None
    columns : sequence of str or None
        Factor columns; None takes all numeric ones.
    cache_dir : Path, str or None
        Folder of trained folds, keyed by their data, settings and LightGBM's version.
    workers : int
        Folds trained at a time; changes nothing but the time it takes.

    Returns
    -------
    WalkForwardResult
        Bit for bit the same for the same input, with or without the cache.

    Raises
    ------
    ModelError
        Columns missing, keys repeated, values infinite, or too few sessions.
    LeakageError
        A fold would train on labels not known before its first prediction.
    """
    rules = config or WalkForwardConfig()
    table = _table(features, labels, rules, columns)
    folds = make_folds(len(table.grid), rules)
    check_folds(folds, table.grid, labels, rules.embargo)
    digests = _session_digests(table)
    cache = Path(cache_dir) if cache_dir is not None else None
    scores = np.full(len(table.ids), np.nan)
    number = np.full(len(table.ids), -1, dtype=np.int64)
    gain = np.zeros(len(table.names))
    rows = []
    usable = [_labelled(table, fold) for fold in folds]
    fitted = _fit_all(table, folds, usable, digests, rules, cache, workers)
    for fold, train, (booster, cached) in zip(folds, usable, fitted, strict=True):
        test = slice(table.starts[fold.test_start], table.starts[fold.test_end])
        if test.stop > test.start:
            scores[test] = booster.predict(table.x[test], num_threads=rules.num_threads)
        number[test] = fold.number
        gain += booster.feature_importance(importance_type="gain")
        rows.append(_fold_row(fold, table, rules, len(train), test.stop - test.start, cached))
    tested = number >= 0
    sessions = np.repeat(table.grid, np.diff(table.starts))
    predictions = pl.DataFrame(
        {
            "instrument_id": table.ids[tested],
            "session": sessions[tested],
            "score": scores[tested],
            "fold": number[tested],
        }
    ).with_columns(pl.col("session").cast(pl.Date))
    ic = rank_ic(sessions[tested], scores[tested], table.label[tested], rules.min_names)
    alone = single_feature_ic(table.names, table.x, table.label, table.starts, rules.min_names)
    series = ic["ic"].to_numpy()
    stats = {
        "ic_mean": float(series.mean()) if len(series) else 0.0,
        "ic_t": newey_west_t(series, rules.horizon),
        "ic_sessions": float(len(series)),
        "ic_positive": float((series > 0).mean()) if len(series) else 0.0,
    }
    _LOG.info("walk-forward done", extra={"folds": len(folds), "rows": int(tested.sum()), **stats})
    return WalkForwardResult(
        predictions=predictions,
        folds=pl.DataFrame(rows),
        ic=ic,
        importance=pl.DataFrame(
            {"feature": table.names, "gain": gain / gain.sum() if gain.sum() else gain}
        ).sort("gain", "feature", descending=[True, False]),
        feature_ic=alone,
        stats=stats,
        findings=suspicions(stats["ic_mean"], alone),
        latest_session=table.grid[-1].item(),
        config=rules,
    )


def _table(
    features: pl.DataFrame, labels: pl.DataFrame, config: WalkForwardConfig, columns: Sequence[str] | None
) -> _Table:
    for name, frame, needed in (
        ("features", features, ("instrument_id", "session")),
        ("labels", labels, ("instrument_id", "session", "label", "known_session")),
    ):
        missing = [key for key in needed if key not in frame.columns]
        if missing:
            raise ModelError(f"{name} have no column {', '.join(missing)}")
        if frame.is_empty():
            raise ModelError(f"{name} have no rows")
        if frame.select(pl.struct("instrument_id", "session").is_duplicated().any()).item():
            raise ModelError(f"{name} hold an instrument twice in one session; keep one row a key")
    names = tuple(
        columns
        if columns is not None
        else sorted(n for n, kind in features.schema.items() if n not in _KEYS and kind.is_numeric())
    )
    absent = [name for name in names if name not in features.columns]
    if absent or not names:
        raise ModelError(f"features have no factor column {', '.join(absent)}".rstrip())
    joined = (
        features.select("instrument_id", "session", *(pl.col(n).cast(pl.Float64) for n in names))
        .join(labels.select("instrument_id", "session", "label"), on=["instrument_id", "session"], how="left")
        .sort("session", "instrument_id")
    )
    grid, starts = np.unique(joined["session"].to_numpy().astype("datetime64[D]"), return_index=True)
    starts = np.append(starts, joined.height).astype(np.int64)
    x = np.column_stack([joined[n].fill_null(np.nan).to_numpy() for n in names])
    if np.isinf(x).any():
        row, col = np.argwhere(np.isinf(x))[0]
        raise ModelError(
            f"feature {names[col]} of instrument {joined['instrument_id'][int(row)]} on "
            f"{joined['session'][int(row)]} is "
            "infinite; make it null where it is not known"
        )
    label = joined["label"].fill_null(np.nan).to_numpy().copy()
    if config.transform == "rank":
        x = demeaned_ranks(x, starts)
    return _Table(
        ids=joined["instrument_id"].to_numpy(),
        grid=grid,
        starts=starts,
        names=names,
        x=x,
        label=label,
        target=_targets(label, starts, config),
    )


def _targets(label: Floats, starts: NDArray[np.int64], config: WalkForwardConfig) -> Floats:
    """Labels over their cross-sectional deviation, clipped; NaN in sessions with too few names."""
    out = np.full(len(label), np.nan)
    for a, b in pairwise(starts):
        part = label[a:b]
        known = np.isfinite(part)
        if int(known.sum()) < config.min_names:
            continue
        spread = float(part[known].std())
        if spread > 0.0:
            out[a:b] = np.clip(part / spread, -config.clip, config.clip)
    return out


def _session_digests(table: _Table) -> list[bytes]:
    """A digest of every session's training data, so that a fold's key costs no second pass over it."""
    return [
        hashlib.blake2b(
            table.ids[a:b].tobytes() + table.x[a:b].tobytes() + table.target[a:b].tobytes(), digest_size=16
        ).digest()
        for a, b in pairwise(table.starts)
    ]


def _labelled(table: _Table, fold: Fold) -> NDArray[np.int64]:
    """Rows of a fold's training sessions that have a target."""
    start, end = table.starts[fold.train_start], table.starts[fold.train_end]
    return np.flatnonzero(np.isfinite(table.target[start:end])) + start


def _fit_all(
    table: _Table,
    folds: list[Fold],
    usable: list[NDArray[np.int64]],
    digests: list[bytes],
    config: WalkForwardConfig,
    cache: Path | None,
    workers: int,
) -> list[tuple[lightgbm.Booster, bool]]:
    """Fit every fold, several at a time.

    Threads inside one training spin at every barrier and stand still when another process wants the core;
    folds side by side never wait for each other, and give the same trees.
    """
    # Imported once, before threads would import it together.
    import lightgbm  # noqa: F401

    def one(at: int) -> tuple[lightgbm.Booster, bool]:
        fold = folds[at]
        return _fit(table, usable[at], digests[fold.train_start : fold.train_end], config, cache)

    # The longest fold first, so that none is left over at the end.
    order = sorted(range(len(folds)), key=lambda at: -len(usable[at]))
    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        done = dict(zip(order, pool.map(one, order), strict=True))
    return [done[at] for at in range(len(folds))]


def _fit(
    table: _Table,
    rows: NDArray[np.int64],
    digests: list[bytes],
    config: WalkForwardConfig,
    cache: Path | None,
) -> tuple[lightgbm.Booster, bool]:
    """Return the booster of a fold, trained or read, and whether it was read."""
    import lightgbm as lgb

    if len(rows) < 50:
        raise ModelError(
            f"a fold has {len(rows)} labelled rows; give more sessions, more names or a lower min_names"
        )
    params = config.booster_params(len(rows))
    key = _key(digests, params, config.rounds, table.names, lgb.__version__)
    if cache is not None:
        text = _read_model(cache / f"{key}.txt")
        if text is not None:
            return lgb.Booster(model_str=text), True
    data = lgb.Dataset(
        table.x[rows], label=table.target[rows], feature_name=_safe_names(table.names), params=params
    )
    text = lgb.train(params, data, num_boost_round=config.rounds).model_to_string()
    if cache is not None:
        _write_model(cache / f"{key}.txt", text)
    # Scores come from the model as it is stored, so that a cached run and a fresh one agree to the bit.
    return lgb.Booster(model_str=text), False


def _key(
    digests: list[bytes], params: dict[str, Any], rounds: int, names: Sequence[str], version: str
) -> str:
    state = hashlib.sha256()
    settings = {"params": params, "rounds": rounds, "names": list(names), "lightgbm": version, "layout": 1}
    state.update(json.dumps(settings, sort_keys=True).encode())
    for digest in digests:
        state.update(digest)
    return state.hexdigest()[:40]


def _safe_names(names: Sequence[str]) -> list[str]:
    # LightGBM's text format knows no JSON characters in names; places are enough, the table keeps the names.
    return [f"f{at}" for at in range(len(names))]


def _read_model(path: Path) -> str | None:
    """Return a stored model, or None where there is none or it was damaged."""
    if not path.exists():
        return None
    digest, _, text = path.read_text(encoding="utf-8").partition("\n")
    if hashlib.sha256(text.encode()).hexdigest() != digest:
        _LOG.warning("cached model is damaged and will be trained again", extra={"path": path.name})
        return None
    return text


def _write_model(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(hashlib.sha256(text.encode()).hexdigest() + "\n" + text)
    Path(temporary).replace(path)


def _fold_row(
    fold: Fold, table: _Table, config: WalkForwardConfig, train_rows: int, test_rows: int, cached: bool
) -> dict[str, Any]:
    grid = table.grid
    return {
        "fold": fold.number,
        "train_start": grid[fold.train_start].item(),
        "train_end": grid[fold.train_end - 1].item(),
        "label_known_by": grid[fold.train_end + config.horizon].item(),
        "purged_sessions": fold.purged,
        "embargo_sessions": fold.embargo,
        "test_start": grid[fold.test_start].item(),
        "test_end": grid[fold.test_end - 1].item(),
        "train_rows": train_rows,
        "test_rows": int(test_rows),
        "cached": cached,
    }
