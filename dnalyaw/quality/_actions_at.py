"""Where actions meet the bars: the close before, the bar on which they take effect, and by how much."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

__all__ = ["actions_at"]


def actions_at(rows: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Actions that have a bar before and one on or after their ex-date.

    Parameters
    ----------
    rows : polars.DataFrame
        Bars sorted by instrument and session with a positive close.
    actions : polars.DataFrame

    Returns
    -------
    polars.DataFrame
        The actions with `before` (the last close before the ex-date), `row` (position in `rows` of the first
        bar from it on), `session` (that bar's) and `effect`: what the action adds back to the log return of
        that bar. Shares given by splits, bonus issues and rights follow the ex-right reference price of the
        exchanges: (close + ratio x subscription price) / (1 + ratio).
    """
    ids = rows["instrument_id"].to_numpy()
    days = rows["session"].to_physical().to_numpy()
    # Tables written before the contract had subscription prices lack the column.
    absent = [pl.lit(None, pl.Float64).alias("price")] if "price" not in actions.columns else []
    asked = actions.drop_nulls(["instrument_id", "ex_date"]).with_columns(absent)
    if rows.is_empty() or asked.is_empty():
        return _with(asked.clear(), [], [], [], rows)
    first = np.append(True, ids[1:] != ids[:-1])
    begins = np.flatnonzero(first)
    ends = np.append(begins[1:], len(ids))
    names = ids[begins]
    who = asked["instrument_id"].to_numpy()
    when = asked["ex_date"].to_physical().to_numpy().astype(np.int64)
    slot = np.minimum(np.searchsorted(names, who), len(names) - 1)
    # Days since 1970 fit 22 bits with their sign, so that instrument and day make one ascending key.
    keys = ((np.cumsum(first) - 1) << 22) + days
    row = np.searchsorted(keys, (slot << 22) + when, side="left")
    usable = (names[slot] == who) & (row > begins[slot]) & (row < ends[slot])
    keep = np.flatnonzero(usable)
    return _with(asked[keep], row[keep] - 1, row[keep], days[row[keep]], rows)


def _with(due: pl.DataFrame, before: Any, row: Any, day: Any, rows: pl.DataFrame) -> pl.DataFrame:
    closes = (
        rows["close"].gather(pl.Series(before, dtype=pl.Int64))
        if rows.height
        else pl.Series([], dtype=pl.Float64)
    )
    due = due.with_columns(
        closes.alias("before"),
        pl.Series("row", row, dtype=pl.Int64),
        pl.Series("session", day, dtype=pl.Int32).cast(pl.Date),
    )
    kind, ratio, before_, price = (pl.col(c) for c in ("kind", "ratio", "before", "price"))
    kept = 1 - pl.col("amount") / before_
    terp = (before_ + ratio * price) / (1 + ratio)
    left = 1 - ratio * price / before_
    effect = (
        pl.when((kind == "split") & (ratio > 0))
        .then(ratio.log())
        .when((kind == "dividend") & (kept > 0))
        .then(-kept.log())
        .when((kind == "stock_dividend") & (ratio > 0))
        .then((1 + ratio).log())
        .when((kind == "rights") & (ratio > 0) & (price >= 0) & (terp < before_))
        .then((before_ / terp).log())
        .when((kind == "spin_off") & (left > 0))
        .then(-left.log())
        .otherwise(0.0)
    )
    return due.with_columns(effect.fill_null(0.0).fill_nan(0.0).alias("effect")).with_columns(
        pl.when(pl.col("effect").is_finite()).then("effect").otherwise(0.0).alias("effect")
    )
