"""Prices: impossible bars, extremes that nothing confirms, jumps like splits, crossed quotes."""

from __future__ import annotations

import math

import polars as pl

from dnalyaw.quality._finding import Finding, GateContext, RuleKey, found

__all__ = ["crossed", "ohlc", "quote_bar", "spike", "split_like"]

WINDOW = 60
"""Returns in the local estimate of a name's volatility."""

SIGMAS = 10.0
"""How many local standard deviations, and how many of the peers' spread, make an extreme."""

MIN_EXCESS = 0.15
"""Log return beyond the peers' median below which nothing is called a spike."""

VOLUME_SURGE = 2.5
"""Volume against its median of the last 20 bars that confirms a jump."""

QUOTE_AGREES = 0.05
"""Distance of the last quote's middle from the close, relative, within which the quote confirms it."""

_MAX_GAP = 5
_FLOOR = 0.005
_DEFAULT_SIGMA = 0.03
_MIN_PEERS = 4
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


def _returns(frame: pl.DataFrame, context: GateContext) -> pl.DataFrame:
    """Log returns of history and delivery, corrected for actions on file, with local and peers' scales.

    Columns besides those of the bars: `__raw` (log return of raw closes), `__return` (with actions undone),
    `__sigma` (local robust volatility before the bar), `__middle`, `__spread` (the peers' median and robust
    spread of the session), `__surge` (volume over its median before), `__next` (the following bar's return).
    """
    columns = ["instrument_id", "session", "close", "volume"]
    parts = [frame.select(*columns, pl.lit(True).alias("__new"))]
    first = frame["session"].min()
    if context.history is not None and context.history.height:
        past = context.history.filter(pl.col("session") < first)
        parts.insert(0, past.select(*columns, pl.lit(False).alias("__new")))
    rows = (
        pl.concat(parts, how="vertical_relaxed")
        .filter(pl.col("close") > 0)
        .unique(["instrument_id", "session"], keep="first", maintain_order=True)
        .sort("instrument_id", "session")
        .with_columns(pl.col("session").rank("dense").cast(pl.Int64).alias("__ordinal"))
    )
    by = "instrument_id"
    near = pl.col("__ordinal").diff().over(by) <= _MAX_GAP
    rows = rows.join(_action_effects(rows, context), on=["instrument_id", "session"], how="left").sort(
        "instrument_id", "session"
    )
    rows = rows.with_columns(
        pl.when(near).then(pl.col("close").log().diff().over(by)).alias("__raw"),
        pl.col("__effect").fill_null(0.0),
    ).with_columns((pl.col("__raw") + pl.col("__effect")).alias("__return"))
    absolute = pl.col("__return").abs()
    rows = rows.with_columns(
        (1.4826 * absolute.rolling_median(WINDOW, min_samples=10).shift(1).over(by))
        .fill_null(_DEFAULT_SIGMA)
        .clip(lower_bound=_FLOOR)
        .alias("__sigma"),
        (pl.col("volume") / pl.col("volume").rolling_median(20, min_samples=3).shift(1).over(by)).alias(
            "__surge"
        ),
        pl.col("__return").shift(-1).over(by).alias("__next"),
        pl.col("__return").count().over("session").alias("__peers"),
        pl.col("__return").median().over("session").alias("__middle"),
    ).with_columns(pl.when(pl.col("__peers") >= _MIN_PEERS).then("__middle").otherwise(0.0).alias("__middle"))
    return rows.with_columns(
        pl.when(pl.col("__peers") >= _MIN_PEERS)
        .then(1.4826 * (pl.col("__return") - pl.col("__middle")).abs().median().over("session"))
        .otherwise(0.0)
        .alias("__spread")
    )


def _action_effects(rows: pl.DataFrame, context: GateContext) -> pl.DataFrame:
    """What actions on file add back to the log return of the bar on which they take effect: `__effect`."""
    empty = pl.DataFrame(schema={"instrument_id": pl.Int64, "session": pl.Date, "__effect": pl.Float64})
    if context.actions is None or context.actions.is_empty():
        return empty
    closes = rows.select("instrument_id", "session", "close").sort("session")
    due = (
        context.actions.filter(pl.col("kind").is_in(["split", "dividend"]))
        .sort("ex_date")
        .join_asof(
            closes.rename({"session": "__before"}),
            left_on="ex_date",
            right_on="__before",
            by="instrument_id",
            strategy="backward",
            allow_exact_matches=False,
            check_sortedness=False,
        )
        .join_asof(
            closes.select("instrument_id", "session"),
            left_on="ex_date",
            right_on="session",
            by="instrument_id",
            strategy="forward",
            check_sortedness=False,
        )
        .filter(pl.col("session").is_not_null() & pl.col("close").is_not_null())
    )
    if due.is_empty():
        return empty
    kept = 1 - pl.col("amount") / pl.col("close")
    effect = (
        pl.when((pl.col("kind") == "split") & (pl.col("ratio") > 0))
        .then(pl.col("ratio").log())
        .when((pl.col("kind") == "dividend") & (kept > 0))
        .then(-kept.log())
        .otherwise(0.0)
    )
    return due.group_by("instrument_id", "session").agg(effect.sum().alias("__effect"))


def _last_middles(context: GateContext) -> pl.DataFrame:
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
    rows = _returns(frame, context).filter("__new")
    excess = (pl.col("__return") - pl.col("__middle")).abs()
    extreme = rows.filter(
        (pl.col("__return").abs() > SIGMAS * pl.col("__sigma"))
        & (excess > SIGMAS * pl.max_horizontal("__sigma", "__spread"))
        & (excess > MIN_EXCESS)
    ).join(_last_middles(context), on=["instrument_id", "session"], how="left")
    agrees = (pl.col("__mid") / pl.col("close") - 1).abs() <= QUOTE_AGREES + pl.col("__width")
    surged = pl.col("__surge") >= VOLUME_SURGE
    kept = (pl.col("__return") + pl.col("__next")).abs() > 0.5 * pl.col("__return").abs()
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
        (pl.col("__return").exp() - 1).round(4).alias("return"),
        (pl.col("__middle").exp() - 1).round(4).alias("peers_median"),
        (pl.col("__return").abs() / pl.col("__sigma")).round(1).alias("local_sigmas"),
    )
    what = "an extreme return that no quote, volume, action or following bar confirms"
    advice = "compare the close with another source; deliver it corrected, or accept it with a reason"
    return [found(("bars", "spike", "error"), context, shown, what, advice)]


def split_like(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find jumps near the ratio of a usual split for which no action is on file."""
    if frame.is_empty():
        return []
    rows = _returns(frame, context).filter(pl.col("__new") & (pl.col("__effect") == 0))
    net = (pl.col("__return") - pl.col("__middle")).abs()
    near = pl.any_horizontal(*((net - math.log(ratio)).abs() < _SPLIT_NEAR for ratio in _SPLIT_RATIOS))
    bad = rows.filter(near & (net > SIGMAS * pl.col("__sigma"))).sort("session", "instrument_id")
    if bad.is_empty():
        return []
    shown = bad.select(*_SHOWN, "close", pl.col("__return").exp().round(4).alias("price_ratio"))
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
    both = frame.join(_last_middles(context), on=["instrument_id", "session"], how="inner")
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
