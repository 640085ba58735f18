"""Numbers a hundred times too large or too small: pence for pounds, cents for dollars, lots for shares."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from dnalyaw.quality._finding import Finding, GateContext, found
from dnalyaw.quality._panel import MIN_PEERS, panel, usual_return, usual_volume, windows
from dnalyaw.quality._prices import QUOTE_AGREES, VOLUME_SURGE, last_middles, moved

__all__ = ["price_units", "volume_units"]

HUNDRED = math.log(100.0)

UNIT_NEAR = 0.35
"""Most that a day's own move may add to a factor of 100 (in log): beyond 40% it would be no usual day."""

UNIT_SIGMAS = 6.0
"""Local standard deviations of the day's own move beside a factor of 100."""

UNIT_LEAST = 0.06
"""Own move that is always granted, for names whose volatility is near nothing."""

LOT_NEAR = 0.7
"""Distance from a factor of 100 (in log: a half to twice) of the median change of volume among names."""

RUN = 5
"""Bars that keep a new level of volume; a single day of a hundred times the usual is news."""

RUN_NEAR = 0.45
"""The same distance for one name's median over a run."""

LIQUID = 10_000.0
"""Usual volume in shares below which one name's volume may change a hundred times by itself."""

_SHOWN = ["instrument_id", "session"]


def price_units(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find closes 100 times, or a hundredth of, the close before, and bars whose prices differ so among themselves.

    The return, with actions undone, is within the day's own move (6 local standard deviations) of a factor of
    100. A surge of volume (a share that truly lost 99%) or a last quote near the close confirms it.
    """
    if frame.is_empty():
        return []
    high, low = pl.col("high"), pl.col("low")
    own = pl.max_horizontal(UNIT_SIGMAS * pl.col("sigma"), pl.lit(UNIT_LEAST)).clip(upper_bound=UNIT_NEAR)
    jumped = moved(frame, context).filter((pl.col("ret").abs() - HUNDRED).abs() < own)
    among = panel(frame, context).rows.filter(high > low * math.exp(HUNDRED - UNIT_NEAR))
    among = among.filter("new", low > 0, ((high / low).log() - HUNDRED).abs() < UNIT_NEAR)
    rows = pl.concat([jumped, among.join(jumped, on=_SHOWN, how="anti")], how="diagonal")
    if rows.is_empty():
        return []
    bad = (
        rows.filter((pl.col("surge") < VOLUME_SURGE).fill_null(True))
        .join(last_middles(context), on=["instrument_id", "session"], how="left")
        .filter(((pl.col("__mid") / pl.col("close") - 1).abs() > QUOTE_AGREES).fill_null(True))
        .sort("session", "instrument_id")
        .select(*_SHOWN, "high", "low", "close", pl.col("ret").exp().round(4).alias("price_ratio"))
    )
    if bad.is_empty():
        return []
    what = "a price is 100 times, or a hundredth of, another of the bar or the close before, and no action is on file"
    advice = "the unit looks wrong (pence for pounds, cents for dollars): deliver it in the currency's unit"
    return [found(("bars", "price_units", "error"), context, bad, what, advice)]


def volume_units(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find sessions whose volumes are 100 times, or a hundredth of, those before, and names that stay so.

    A session is judged by the median change of its names since their bar before; a name by the median of
    five bars against the 20 before, where its price moved as usual.
    """
    if frame.is_empty():
        return []
    board = panel(frame, context)
    volume = pl.col("volume")
    rows = board.rows.lazy().select(
        *_SHOWN,
        "ordinal",
        "new",
        "volume",
        pl.when(~pl.col("first") & (volume > 0) & (volume.shift(1) > 0))
        .then((volume / volume.shift(1)).log())
        .alias("change"),
    )
    rows = rows.with_columns(pl.when(pl.col("change").is_finite()).then("change").alias("change"))
    changed = rows.collect()
    out = _sessions_off(changed, context) + _names_off(changed, frame, context)
    return out


def _sessions_off(changed: pl.DataFrame, context: GateContext) -> list[Finding]:
    # Such changes are rare: the names of a session are counted only where there are several.
    change = pl.col("change")
    near = ((change.abs() - HUNDRED).abs() < LOT_NEAR).fill_null(False)
    several = (
        changed.filter("new", near)
        .group_by("ordinal")
        .agg(pl.len().alias("off"), change.sign().sum().abs().alias("one_way"))
        .filter(pl.col("off") >= MIN_PEERS / 2)
    )
    if several.is_empty():
        return []
    bad = (
        changed.filter("new", pl.col("ordinal").is_in(several["ordinal"].implode()))
        .group_by("ordinal")
        .agg(pl.col("session").first(), change.count().alias("names"))
        .join(several, on="ordinal")
        # Noise goes both ways; a change of unit goes one.
        .filter(
            pl.col("names") >= MIN_PEERS,
            pl.col("off") > 0.5 * pl.col("names"),
            pl.col("one_way") > 0.8 * pl.col("off"),
        )
        .sort("session")
    )
    if bad.is_empty():
        return []
    what = "most volumes are about 100 times, or a hundredth of, those of the session before"
    advice = "the unit looks changed (lots for shares): deliver volume in shares"
    rows = bad.select("session", "off", "names")
    return [
        found(("bars", "volume_units", "error"), context, rows, what, advice, n_rows=int(bad["off"].sum()))
    ]


def _names_off(changed: pl.DataFrame, frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    board = panel(frame, context)
    at = np.flatnonzero(
        changed.select((pl.col("new") & (pl.col("change").abs() > HUNDRED - 1.2)).fill_null(False))
        .to_series()
        .to_numpy()
    )
    if not at.size:
        return []
    volume = changed["volume"].to_numpy()
    before = usual_volume(board, at)
    after = windows(board, at, volume, RUN, ahead=True)
    moved = windows(board, at, board.rows["ret"].to_numpy(), RUN, ahead=True).sum(axis=1)
    sigma = usual_return(board, at)
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.log(np.median(after, axis=1) / before)
        times = np.log(after / before[:, None])
    each = np.abs(times)
    quiet = np.abs(moved) < UNIT_SIGMAS * sigma * math.sqrt(RUN)
    one_way = (np.sign(times) == np.sign(level)[:, None]).all(axis=1)
    kept = np.nanmin(np.where(np.isnan(each), np.inf, each), axis=1) > HUNDRED - 1.2
    whole = ~np.isnan(after).any(axis=1)
    off = whole & kept & one_way & quiet & (before >= LIQUID) & (np.abs(np.abs(level) - HUNDRED) < RUN_NEAR)
    if not off.any():
        return []
    rows = changed[at[off]].select(*_SHOWN, "volume").with_columns(pl.Series("usual_volume", before[off]))
    what = f"{RUN} bars in a row have about 100 times, or a hundredth of, the name's usual volume at usual prices"
    advice = "the unit looks changed (lots for shares): deliver volume in shares"
    return [found(("bars", "volume_units", "error"), context, rows, what, advice)]
