"""Prices: impossible bars, extremes that nothing confirms, jumps like splits, crossed quotes."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from dnalyaw.quality._finding import Finding, GateContext, RuleKey, found
from dnalyaw.quality._panel import MIN_PEERS, Panel, panel, usual_return, usual_volume, windows

__all__ = ["crossed", "last_middles", "moved", "ohlc", "quote_bar", "spike", "split_like"]

SIGMAS = 10.0
"""How many local standard deviations, and how many of the peers' spread, make an extreme."""

MIN_EXCESS = 0.15
"""Log return beyond the peers' median below which nothing is called a spike."""

VOLUME_SURGE = 2.5
"""Volume against its median of the last 20 bars that confirms a jump."""

QUOTE_AGREES = 0.05
"""Distance of the last quote's middle from the close, relative, within which the quote confirms it."""

_SPLIT_RATIOS = (1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, 20.0, 25.0, 30.0, 50.0, 100.0)
_SPLIT_NEAR = 0.04
_SHOWN = ["instrument_id", "session"]


def ohlc(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find bars that no trading could have made."""
    rule: RuleKey = ("bars", "ohlc", "error")
    prices = ["open", "high", "low", "close"]
    # Comparisons with null are null, so that close-only bars are judged by their close alone.
    eps = 1e-9
    impossible = pl.any_horizontal(
        *(pl.col(name) <= 0 for name in prices),
        pl.col("high") < pl.max_horizontal("open", "low", "close") * (1 - eps),
        pl.col("low") > pl.min_horizontal("open", "high", "close") * (1 + eps),
        pl.col("volume") < 0,
    )
    bad = frame.filter(impossible.fill_null(False))
    if bad.is_empty():
        return []
    what = "a price is not positive, high is not the highest, low is not the lowest, or volume is negative"
    return [
        found(rule, context, bad.select(*_SHOWN, *prices, "volume"), what, "correct the bar at its source")
    ]


def moved(frame: pl.DataFrame, context: GateContext) -> pl.DataFrame:
    """The delivery's rows whose return, less the peers' median, is beyond 15%, with local scales.

    Scales are computed for these few rows alone: a rolling median of every row costs more than all other
    screens together. Columns besides the panel's: `row` (position), `excess`, `sigma`, `surge` (volume
    against its usual, null = unknown).
    """
    return context.once("moved", frame, lambda: _moved(frame, context))


def _moved(frame: pl.DataFrame, context: GateContext) -> pl.DataFrame:
    board = panel(frame, context)
    excess = board.rows.select((pl.col("ret") - pl.col("middle")).abs()).to_series()
    at = ((excess > MIN_EXCESS) & excess.is_finite() & board.rows["new"]).fill_null(False).arg_true()
    place = at.to_numpy().astype(np.int64)
    with np.errstate(divide="ignore", invalid="ignore"):
        surge = board.rows["volume"].to_numpy()[place] / usual_volume(board, place)
    return board.rows[place].with_columns(
        pl.Series("row", place),
        excess.gather(at).alias("excess"),
        pl.Series("sigma", usual_return(board, place)),
        pl.Series("surge", surge).fill_nan(None),
    )


def _jumps(frame: pl.DataFrame, context: GateContext) -> pl.DataFrame:
    return moved(frame, context).filter(pl.col("excess") > SIGMAS * pl.col("sigma"))


def _spreads(board: Panel, ordinals: pl.Series) -> pl.Series:
    """The peers' robust spread of each session asked for; 0 where peers are few."""
    spreads = (
        board.rows.filter(pl.col("ordinal").is_in(ordinals.unique().implode()))
        .group_by("ordinal")
        .agg(
            pl.col("ret").count().alias("peers"),
            (1.4826 * (pl.col("ret") - pl.col("middle")).abs().median()).alias("spread"),
        )
        .with_columns(pl.when(pl.col("peers") >= MIN_PEERS).then("spread").otherwise(0.0))
    )
    return ordinals.to_frame("ordinal").join(spreads, on="ordinal", how="left", maintain_order="left")[
        "spread"
    ]


def last_middles(context: GateContext) -> pl.DataFrame:
    """The last two-sided quote of each name and session: `__mid`, `__width` (relative spread)."""
    if context.quotes is None or context.quotes.is_empty():
        return pl.DataFrame(
            schema={
                "instrument_id": pl.Int64,
                "session": pl.Date,
                "__mid": pl.Float64,
                "__width": pl.Float64,
            }
        )
    middle = (pl.col("bid") + pl.col("ask")) / 2
    return (
        context.quotes.filter((pl.col("bid") > 0) & (pl.col("ask") > 0))
        .sort("event_time")
        .group_by("instrument_id", "session")
        .agg(
            middle.last().alias("__mid"),
            ((pl.col("ask") - pl.col("bid")).abs() / middle).last().alias("__width"),
        )
    )


def spike(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find returns that are extreme for the name and among its peers, and that nothing confirms.

    A return is extreme when it is beyond 10 local standard deviations and, less the peers' median, beyond 10
    of the peers' spread and 15%. It is confirmed by a last quote within 5% of the close, by a volume of 2.5
    times its median (where quotes do not contradict), or, in a history, by a following bar that keeps most
    of the move. Actions on file are undone first. A crash of the whole market moves the median and passes.
    """
    if frame.is_empty():
        return []
    extreme = _jumps(frame, context)
    if extreme.is_empty():
        return []
    board = panel(frame, context)
    at = extreme["row"].to_numpy()
    ret = board.rows["ret"].to_numpy()
    following = windows(board, at, ret, 2, ahead=True)[:, 1]
    extreme = extreme.with_columns(
        pl.Series("spread", _spreads(board, extreme["ordinal"])),
        pl.Series("following", following).fill_nan(None),
    ).filter(pl.col("ret").abs() > SIGMAS * pl.col("sigma"), pl.col("excess") > SIGMAS * pl.col("spread"))
    extreme = extreme.join(last_middles(context), on=["instrument_id", "session"], how="left")
    agrees = (pl.col("__mid") / pl.col("close") - 1).abs() <= QUOTE_AGREES + pl.col("__width")
    surged = pl.col("surge") >= VOLUME_SURGE
    kept = (pl.col("ret") + pl.col("following")).abs() > 0.5 * pl.col("ret").abs()
    confirmed = (
        pl.when(pl.col("__mid").is_not_null())
        .then(agrees)
        .otherwise(surged.fill_null(False) | kept.fill_null(False))
    )
    bad = extreme.filter(~confirmed).sort("session", "instrument_id")
    if bad.is_empty():
        return []
    shown = bad.select(
        *_SHOWN,
        "close",
        (pl.col("ret").exp() - 1).round(4).alias("return"),
        (pl.col("middle").exp() - 1).round(4).alias("peers_median"),
        (pl.col("ret").abs() / pl.col("sigma")).round(1).alias("local_sigmas"),
    )
    what = "an extreme return that no quote, volume, action or following bar confirms"
    advice = "compare the close with another source; deliver it corrected, or accept it with a reason"
    return [found(("bars", "spike", "error"), context, shown, what, advice)]


def split_like(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find jumps near the ratio of a usual split for which no action is on file."""
    if frame.is_empty():
        return []
    rows = _jumps(frame, context)
    net = pl.col("excess")
    near = pl.any_horizontal(*((net - math.log(ratio)).abs() < _SPLIT_NEAR for ratio in _SPLIT_RATIOS))
    bad = rows.filter(near, pl.col("effect") == 0).sort("session", "instrument_id")
    if bad.is_empty():
        return []
    shown = bad.select(*_SHOWN, "close", pl.col("ret").exp().round(4).alias("price_ratio"))
    what = "the price moved by about the ratio of a split, and no action is on file"
    return [
        found(
            ("bars", "split_like", "warn"),
            context,
            shown,
            what,
            "look for a split missing in the feed actions",
        )
    ]


def quote_bar(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find closes away from the last two-sided quote by more than 5% and the spread."""
    both = frame.join(last_middles(context), on=["instrument_id", "session"], how="inner")
    away = (pl.col("close") / pl.col("__mid") - 1).abs()
    bad = both.filter(away > QUOTE_AGREES + pl.col("__width"))
    if bad.is_empty():
        return []
    shown = bad.select(*_SHOWN, "close", pl.col("__mid").round(6).alias("last_quote_middle"))
    what = f"the close is more than {QUOTE_AGREES:.0%} and the spread away from the session's last quote"
    advice = "one of the feeds bars and quotes is wrong: compare both with another source"
    return [found(("bars", "quote_bar", "error"), context, shown, what, advice)]


def crossed(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find quotes with the bid above the ask, or a negative side; 0 means that a side was absent."""
    rule: RuleKey = ("quotes", "crossed", "error")
    out = []
    shown = ["instrument_id", "event_time", "bid", "ask"]
    over = frame.filter((pl.col("bid") > pl.col("ask")) & (pl.col("bid") > 0) & (pl.col("ask") > 0))
    if over.height:
        advice = "fetch the quotes again, or remove them at the source"
        out.append(found(rule, context, over.select(shown), "the bid is above the ask", advice))
    sides = ["bid", "ask", "bid_size", "ask_size"]
    negative = frame.filter(pl.any_horizontal(pl.col(sides) < 0))
    if negative.height:
        what = "a price or size is negative (an absent side is 0)"
        advice = "write an absent side as 0"
        out.append(found(rule, context, negative.select(*shown, "bid_size", "ask_size"), what, advice))
    return out
