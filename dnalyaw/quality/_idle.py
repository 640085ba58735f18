"""Bars in which nothing moved: without a range, or without volume, of names that trade otherwise."""

from __future__ import annotations

import numpy as np
import polars as pl

from dnalyaw.quality._finding import Finding, GateContext, RuleKey, found
from dnalyaw.quality._panel import MIN_PEERS, WINDOW, panel, usual, usual_volume, windows

__all__ = ["flat", "flat_session", "zero_volume"]

USUAL_RANGE = 0.004
"""Median of (high - low) / close from which a bar without range is odd: pegs and penny names stay below."""

FLAT_BEFORE = 0.02
"""Share of the last 60 bars without range up to which a name counts as one that always has a range."""

BUSY = 0.5
"""Share of the usual volume from which a bar counts as traded as ever; a halted or thin day stays below."""

FLAT_SHARE = 0.5
"""Share of a session's traded names whose bars may have no range."""

ZERO_RUN = 3
"""Bars without volume in a row: one or two happen to a thin name, three of a liquid one do not."""

ZERO_SHARE = 0.05
"""Share of the last 60 bars without volume up to which a name counts as one that always trades."""

LOCKED = 0.045
"""Absolute return from which a mainland bar without range may be locked at its limit (5% for ST shares)."""

_SHOWN = ["instrument_id", "session"]


def _no_range() -> pl.Expr:
    return (pl.col("high") == pl.col("low")) & (pl.col("volume") > 0)


def flat(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find bars whose four prices are one although the name traded as usual and has a range otherwise."""
    if frame.is_empty():
        return []
    board = panel(frame, context)
    bad = board.rows.with_row_index("row").filter("new", _no_range())
    if context.region == "CN":
        # One price all day at the limit is how a mainland share looks when nobody sells.
        bad = bad.filter((pl.col("ret").abs() < LOCKED).fill_null(True))
    if bad.is_empty():
        return []
    at = bad["row"].to_numpy().astype(np.int64)
    width = board.rows.select((pl.col("high") - pl.col("low")) / pl.col("close")).to_series().to_numpy()
    before = windows(board, at, width, WINDOW)
    known = np.count_nonzero(~np.isnan(before), axis=1)
    rare = np.count_nonzero(before == 0, axis=1) <= FLAT_BEFORE * known
    bad = bad.with_columns(
        pl.Series("rare", rare),
        pl.Series("usual_range", usual(board, at, width, WINDOW, 20)),
        pl.Series("usual_volume", usual_volume(board, at)),
    ).filter(
        "rare",
        pl.col("usual_range").is_not_nan() & (pl.col("usual_range") >= USUAL_RANGE),
        pl.col("usual_volume").is_not_nan() & (pl.col("volume") >= BUSY * pl.col("usual_volume")),
    )
    if bad.is_empty():
        return []
    rows = bad.sort("session", "instrument_id").select(
        *_SHOWN, "close", "volume", pl.col("usual_range").round(4)
    )
    what = "open, high, low and close are one price on a day of usual volume, of a name that has a range otherwise"
    advice = "the bar looks filled from its close: fetch its prices again"
    return [found(("bars", "flat", "warn"), context, rows, what, advice)]


def flat_session(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find sessions on which most names that traded have no range: the feed wrote one price into four."""
    rule: RuleKey = ("bars", "flat_session", "error")
    traded = frame.lazy().filter(pl.col("volume") > 0, pl.col("high").is_not_null())
    bad = (
        traded.group_by("session")
        .agg(_no_range().sum().alias("flat"), pl.len().alias("names"))
        .filter(pl.col("flat") > FLAT_SHARE * pl.col("names"), pl.col("names") >= MIN_PEERS)
        .sort("session")
        .collect()
    )
    if bad.is_empty():
        return []
    what = f"more than {FLAT_SHARE:.0%} of the names that traded have one price as open, high, low and close"
    advice = "the feed wrote its close into all four: fetch the session again"
    return [found(rule, context, bad, what, advice, n_rows=int(bad["flat"].sum()))]


def zero_volume(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find runs of bars without volume of names that always trade."""
    if frame.is_empty():
        return []
    board = panel(frame, context)
    volume = board.rows["volume"].to_numpy()
    zero = volume == 0
    if not zero.any():
        return []
    begins = np.flatnonzero(zero & ~(np.append(False, zero[:-1]) & ~board.rows["first"].to_numpy()))
    breaks = np.append(np.flatnonzero(~zero | board.rows["first"].to_numpy()), len(zero))
    length = breaks[np.searchsorted(breaks, begins, side="right")] - begins
    begins, length = begins[length >= ZERO_RUN], length[length >= ZERO_RUN]
    before = windows(board, begins, volume, WINDOW)
    known = np.count_nonzero(~np.isnan(before), axis=1)
    idle = np.count_nonzero(before == 0, axis=1)
    liquid = (known >= 10) & (idle <= ZERO_SHARE * known)
    if not liquid.any():
        return []
    place = np.concatenate([np.arange(b, b + n) for b, n in zip(begins[liquid], length[liquid], strict=True)])
    run = np.repeat(length[liquid], length[liquid])
    rows = (
        board.rows[place]
        .with_columns(pl.Series("zero_bars", run))
        .filter("new")
        .sort("session", "instrument_id")
        .select(*_SHOWN, "close", pl.col("raw").abs().round(4).alias("moved"), "zero_bars")
    )
    if rows.is_empty():
        return []
    what = f"{ZERO_RUN} bars or more without volume of a name that always trades"
    advice = "if it is not suspended, the feed lost its volume: fetch it again"
    return [found(("bars", "zero_volume", "warn"), context, rows, what, advice)]
