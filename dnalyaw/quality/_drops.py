"""Actions against prices: the raw price must move by what is on file on the day it takes effect."""

from __future__ import annotations

import polars as pl

from dnalyaw.quality._actions_at import actions_at
from dnalyaw.quality._finding import Finding, GateContext, RuleKey, found
from dnalyaw.quality._panel import Panel, panel, usual_return

__all__ = ["dividend_drop", "no_jump"]

SIZE = 0.08
"""Effect on the log price from which an action must show by itself: a bonus issue of 1 for 12, a dividend of 8%."""

SIZE_SIGMAS = 6.0
"""Local standard deviations that the effect must exceed to be seen above the day's own move."""

STAYED = 0.35
"""Share of the effect by which the price may have moved and still count as not moved."""

DIVIDEND_SIZE = 0.03
"""Effect of one dividend from which its drop is looked for."""

MIN_DATES = 8
"""Ex-dates of one name from which its drops are read as a statistic."""

SLOPE_SIGMAS = 5.0
"""Standard errors by which the fitted drop per dividend must differ from one."""

SLOPE_OFF = 0.5
"""And by how much: taxes and lazy prices leave true drops at 0.7 to 1.0 of the dividend (Elton and Gruber 1970)."""

_SHOWN = ["instrument_id", "ex_date", "kind", "ratio", "amount"]


def _due(frame: pl.DataFrame, context: GateContext) -> tuple[Panel, pl.DataFrame] | None:
    """The delivery's actions on the bars of history and delivery, with the day's own move and scale.

    Columns besides those of `actions_at`: `moved` (log return of raw closes less the peers' median), `sigma`.
    """
    bars = context.bars
    if frame.is_empty() or bars is None or bars.is_empty():
        return None
    return context.once("due", frame, lambda: _make(frame, context, bars))


def _make(frame: pl.DataFrame, context: GateContext, bars: pl.DataFrame) -> tuple[Panel, pl.DataFrame] | None:
    board = panel(bars, context)
    due = context.once("at", frame, lambda: actions_at(board.rows, frame))
    if due.is_empty():
        return None
    at = due["row"].to_numpy()
    moved = board.rows["raw"].to_numpy()[at] - board.rows["middle"].to_numpy()[at]
    due = due.with_columns(
        pl.Series("moved", moved), pl.Series("sigma", usual_return(board, at)), pl.Series("place", at)
    ).filter(pl.col("moved").is_finite())
    # Actions of one name on one day move its price together.
    together = due.group_by("instrument_id", "row").agg(pl.col("effect").sum().alias("expected"))
    return board, due.join(together, on=["instrument_id", "row"], how="left", maintain_order="left")


def no_jump(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find splits, bonus issues, rights and large dividends on whose ex-date the raw price did not move."""
    rule: RuleKey = ("actions", "no_jump", "error")
    made = _due(frame, context)
    if made is None:
        return []
    expected = pl.col("expected")
    # moved = -expected when the action took place, about 0 when it did not.
    share = -pl.col("moved") / expected
    bad = made[1].filter(
        expected.abs() > SIZE, expected.abs() > SIZE_SIGMAS * pl.col("sigma"), share.abs() < STAYED
    )
    if bad.is_empty():
        return []
    rows = bad.sort("ex_date", "instrument_id").select(
        *_SHOWN,
        (pl.col("moved").exp() - 1).round(4).alias("price_moved"),
        ((-expected).exp() - 1).round(4).alias("expected_move"),
    )
    what = "an action is on file for the day, and the raw price did not move by it"
    advice = "the ex-date, the ratio or the prices (adjusted already?) are wrong: compare with another source"
    return [found(rule, context, rows, what, advice)]


def dividend_drop(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find dividends whose size the price contradicts: one by one where large, else over many ex-dates.

    Over the ex-dates of a name, the fall of the close beyond its peers' is fitted to the dividend yield by
    weighted least squares through the origin; the slope is about one when amounts are right (Elton and
    Gruber 1970), a seventh when they are seven times too large. Small dividends drown in a day's noise, so
    that too small amounts show only where yields are high or dates many.
    """
    made = _due(frame, context)
    if made is None:
        return []
    paid = made[1].filter(
        pl.col("kind") == "dividend", pl.col("effect") > 0, pl.col("effect") == pl.col("expected")
    )
    out = _single(paid, context)
    return out + _fitted(paid, context)


def _single(paid: pl.DataFrame, context: GateContext) -> list[Finding]:
    effect = pl.col("effect")
    bad = paid.filter(
        effect > DIVIDEND_SIZE,
        effect > SIZE_SIGMAS * pl.col("sigma"),
        # Nearer to no drop at all than to half of what is on file.
        -pl.col("moved") < 0.25 * effect,
    )
    if bad.is_empty():
        return []
    rows = bad.sort("ex_date", "instrument_id").select(
        "instrument_id",
        "ex_date",
        "amount",
        pl.col("before").alias("close_before"),
        (pl.col("moved").exp() - 1).round(4).alias("price_moved"),
    )
    what = "the price did not fall by a dividend of this size"
    advice = "compare amount and ex-date with the announcement"
    return [found(("actions", "dividend_drop", "error"), context, rows, what, advice)]


def _fitted(paid: pl.DataFrame, context: GateContext) -> list[Finding]:
    effect, sigma, fell = pl.col("effect"), pl.col("sigma"), -pl.col("moved")
    # One ex-date on bad news must not speak for all: a move is taken as it is where it is about what the
    # dividend says, and cut at four local sigmas elsewhere.
    drop = pl.when((fell - effect).abs() < 4 * sigma).then(fell).otherwise(fell.clip(-4 * sigma, 4 * sigma))
    square = (effect / sigma).pow(2).sum()
    bad = (
        paid.group_by("instrument_id")
        .agg(
            pl.len().alias("ex_dates"),
            ((effect * drop / sigma.pow(2)).sum() / square).alias("drop_per_dividend"),
            (1 / square.sqrt()).alias("standard_error"),
        )
        .with_columns((pl.col("drop_per_dividend") - 1).abs().alias("off"))
        .filter(
            pl.col("ex_dates") >= MIN_DATES,
            pl.col("off") > SLOPE_OFF,
            pl.col("off") > SLOPE_SIGMAS * pl.col("standard_error"),
        )
        .sort("instrument_id")
    )
    if bad.is_empty():
        return []
    what = "over its ex-dates the price falls by another amount than the dividends on file"
    advice = "amounts look out of scale (unit, or adjusted for splits): compare some with announcements"
    rows = bad.select("instrument_id", "ex_dates", pl.col("drop_per_dividend", "standard_error").round(3))
    count = int(bad["ex_dates"].sum())
    return [found(("actions", "dividend_drop", "error"), context, rows, what, advice, n_rows=count)]
