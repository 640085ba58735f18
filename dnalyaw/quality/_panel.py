"""Bars of history and delivery in one order, with returns and what is usual: computed once a delivery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from dnalyaw.quality._actions_at import actions_at
from dnalyaw.quality._finding import GateContext

__all__ = ["Panel", "grid", "panel", "usual_return", "usual_volume", "windows"]

WINDOW = 60
"""Returns in the local estimate of a name's volatility: a quarter, as far back as a delivery's history reaches."""

VOLUME_WINDOW = 20
"""Bars in what counts as usual volume: a month, since volume drifts faster than volatility."""

MAX_GAP = 5
"""Sessions without a bar across which a return is still read; after a longer halt a price may be anywhere."""

FLOOR = 0.005
"""Least local volatility: names pinned to a price (a takeover, a peg) move by more than their past shows."""

DEFAULT_SIGMA = 0.03
"""Volatility of a name with fewer than ten returns: that of a lively share, so that new names pass."""

MIN_PEERS = 4
"""Names below which a median among peers says nothing."""

_CHUNK = 100_000
_SMALL = 65_535
_MOST_DAYS = 200_000
_NUMBERS = ["open", "high", "low", "close", "volume"]


@dataclass(frozen=True, slots=True)
class Panel:
    """Rows sorted by instrument and session, one a key, with a positive close.

    Attributes
    ----------
    rows : polars.DataFrame
        Bars with `new` (of the delivery), `ordinal` (number of the session), `first` (of its instrument),
        `raw` (log return of closes), `effect` (what actions on file add back), `ret` (their sum), `middle`
        (median of `ret` among the session's names, 0 where they are few).
    start : numpy.ndarray
        Position of each row's instrument's first row.
    """

    rows: pl.DataFrame
    start: np.ndarray[Any, Any]


def day_numbers(days: pl.Series) -> tuple[np.ndarray[Any, Any], pl.Series]:
    """The number of each row's day among the distinct days, and those days ascending; `days` without null.

    A table over the span of days, as a few thousand days stand for millions of rows.
    """
    physical = days.to_physical().to_numpy()
    if not len(physical):
        return np.zeros(0, dtype=np.int64), days.unique()
    low, high = int(physical.min()), int(physical.max())
    if high - low > _MOST_DAYS:
        distinct = days.unique().sort()
        return distinct.to_physical().search_sorted(days.to_physical()).cast(pl.Int64).to_numpy(), distinct
    offset = physical - low
    held = np.zeros(high - low + 1, dtype=bool)
    held[offset] = True
    number = np.cumsum(held) - 1
    distinct = pl.Series(np.flatnonzero(held) + low, dtype=pl.Int32).cast(pl.Date)
    return number[offset], distinct


def _codes(ids: pl.Series) -> np.ndarray[Any, Any]:
    """Instruments numbered in the order of their identities."""
    values = ids.to_numpy()
    low, high = int(values.min()), int(values.max())
    if high - low < _SMALL:
        return values - low
    return ids.unique().sort().search_sorted(ids).to_numpy()


def _ordered(frame: pl.DataFrame) -> pl.DataFrame:
    """Sorted by instrument and session, rows of one key in the order of delivery.

    Two stable passes of NumPy's radix sort over 16-bit numbers take a fraction of a sort by two columns.
    """
    key, day = pl.col("instrument_id"), pl.col("session")
    up = frame.select(
        ((key > key.shift(1)) | ((key == key.shift(1)) & (day >= day.shift(1)))).fill_null(True).all()
    ).item()
    if up:
        return frame
    numbers, days = day_numbers(frame["session"])
    codes = _codes(frame["instrument_id"])
    if len(days) > _SMALL or int(codes.max()) > _SMALL:
        return frame.sort("instrument_id", "session", maintain_order=True)
    if bool((numbers[1:] >= numbers[:-1]).all()):
        return frame[np.argsort(codes.astype(np.uint16), kind="stable")]
    by_day = np.argsort(numbers.astype(np.uint16), kind="stable")
    return frame[by_day[np.argsort(codes[by_day].astype(np.uint16), kind="stable")]]


def grid(frame: pl.DataFrame, context: GateContext) -> pl.DataFrame:
    """History and delivery, sorted, one row a key (the first delivered): `new`, `ordinal`, `first`."""
    return context.once("grid", frame, lambda: _grid(frame, context))


def _grid(frame: pl.DataFrame, context: GateContext) -> pl.DataFrame:
    columns = ["instrument_id", "session", *(c for c in _NUMBERS if c in frame.columns)]
    parts = [frame.select(columns)]
    first = frame["session"].min()
    if context.history is not None and context.history.height and first is not None:
        parts.insert(0, context.history.filter(pl.col("session") < first).select(columns))
    both = pl.concat(parts, how="vertical_relaxed") if len(parts) > 1 else parts[0]
    if both["instrument_id"].null_count() or both["session"].null_count():
        both = both.drop_nulls(["instrument_id", "session"])
    both = _ordered(both)
    key, day = pl.col("instrument_id"), pl.col("session")
    again = (key == key.shift(1)) & (day == day.shift(1))
    if both.select(again.any()).item():
        both = both.filter(~again.fill_null(False))
    return both.with_columns(
        pl.Series("ordinal", day_numbers(both["session"])[0].astype(np.int64, copy=False)),
        (key != key.shift(1)).fill_null(True).alias("first"),
        # What came before ends before the delivery's first session begins.
        (pl.col("session") >= pl.lit(first, pl.Date)).alias("new"),
    )


def panel(frame: pl.DataFrame, context: GateContext) -> Panel:
    """Bars with returns; see `Panel`. Bars without a positive close are left out, as if absent."""
    return context.once("panel", frame, lambda: _panel(frame, context))


def _panel(frame: pl.DataFrame, context: GateContext) -> Panel:
    rows = grid(frame, context)
    good = (pl.col("close") > 0) & pl.col("close").is_finite()
    if not rows.select(good.fill_null(False).all()).item():
        key = pl.col("instrument_id")
        rows = rows.filter(good).with_columns((key != key.shift(1)).fill_null(True).alias("first"))
    begins = np.flatnonzero(rows["first"].to_numpy())
    start = np.repeat(begins, np.diff(np.append(begins, rows.height)))
    effect = np.zeros(rows.height)
    if context.actions is not None and context.actions.height:
        due = context.once("at", context.actions, lambda: actions_at(rows, context.actions))  # type: ignore[arg-type]
        np.add.at(effect, due["row"].to_numpy(), due["effect"].to_numpy())
    near = ~pl.col("first") & (pl.col("ordinal").diff() <= MAX_GAP)
    rows = rows.with_columns(
        pl.when(near).then(pl.col("close").log().diff()).alias("raw"), pl.Series("effect", effect)
    )
    rows = rows.with_columns((pl.col("raw") + pl.col("effect")).alias("ret"))
    of_session = rows.group_by("ordinal").agg(
        pl.col("ret").count().alias("peers"), pl.col("ret").median().alias("middle")
    )
    middle = np.zeros(int(rows["ordinal"].max() or 0) + 1)  # type: ignore[arg-type]
    known = of_session.filter(pl.col("peers") >= MIN_PEERS)
    middle[known["ordinal"].to_numpy()] = known["middle"].to_numpy()
    return Panel(rows.with_columns(pl.Series("middle", middle[rows["ordinal"].to_numpy()])), start)


def windows(
    board: Panel, at: np.ndarray[Any, Any], values: np.ndarray[Any, Any], size: int, *, ahead: bool = False
) -> np.ndarray[Any, Any]:
    """The `size` values of the same instrument before each row in `at` (from it on when `ahead`), NaN where none."""
    if ahead:
        last = np.append(board.start[1:] != board.start[:-1], True)
        ends = np.flatnonzero(last)
        end = ends[np.searchsorted(ends, at)]
        place = at[:, None] + np.arange(size)
        inside = place <= end[:, None]
    else:
        place = at[:, None] - np.arange(size, 0, -1)
        inside = place >= board.start[at][:, None]
    return np.where(inside, values[np.where(inside, place, 0)], np.nan)


def _median(matrix: np.ndarray[Any, Any], least: int) -> np.ndarray[Any, Any]:
    """Median of each row without its NaN; NaN where fewer than `least` values are left."""
    ordered = np.sort(matrix, axis=1)  # NaN comes last; NumPy sorts short rows faster than it partitions them
    count = np.count_nonzero(~np.isnan(ordered), axis=1)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, ordered.shape[1] - 1)
    row = np.arange(len(ordered))
    return np.where(count >= max(least, 1), (ordered[row, low] + ordered[row, high]) / 2, np.nan)


def usual(
    board: Panel, at: np.ndarray[Any, Any], values: np.ndarray[Any, Any], size: int, least: int
) -> np.ndarray[Any, Any]:
    """Median of the `size` values before each row in `at`; asked of the few rows that need it, not of all."""
    parts = [
        _median(windows(board, at[i : i + _CHUNK], values, size), least) for i in range(0, len(at), _CHUNK)
    ]
    return np.concatenate(parts) if parts else np.array([])


def usual_return(board: Panel, at: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Local volatility before each row in `at`: 1.4826 times the median absolute return of 60 bars."""
    absolute = np.abs(board.rows["ret"].to_numpy())
    sigma = 1.4826 * usual(board, at, absolute, WINDOW, 10)
    return np.maximum(np.where(np.isnan(sigma), DEFAULT_SIGMA, sigma), FLOOR)


def usual_volume(board: Panel, at: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Median volume of the 20 bars before each row in `at`; NaN where fewer than three are known."""
    return usual(board, at, board.rows["volume"].to_numpy(), VOLUME_WINDOW, 3)
