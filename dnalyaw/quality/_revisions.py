"""Rows that come late, rows that change what was published, and histories that were rewritten."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from dnalyaw.quality._finding import Finding, GateContext, RuleKey, found

__all__ = ["late", "revised", "rewritten"]

LATE = timedelta(hours=36)
"""After the session's close: a bar that is known only past the next open was not there for that decision."""

SAME = 1e-6
"""Relative difference up to which two numbers are one: what a float32 or a rounded text leaves."""

REWRITTEN = 0.2
"""Share of the overlapping bars whose close may change; a vendor corrects single bars, not a fifth of them."""

REWRITE_MOVE = 0.001
"""Relative change of a close that counts towards a rewrite: more than rounding to a tick."""

_MIN_ROWS = 10
_NUMBERS = ("open", "high", "low", "close", "volume")


def late(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find bars that became known more than 36 hours after their session's close."""
    bad = frame.filter(pl.col("available_at") - pl.col("event_time") > LATE)
    if bad.is_empty():
        return []
    rows = bad.select("instrument_id", "session", "event_time", "available_at")
    what = "available_at is more than 36 hours after the close, so decisions in between did not see them"
    advice = "nothing to do if they came late; if they were backfilled, state the lag of the feed"
    return [found(("bars", "late", "warn"), context, rows, what, advice)]


def _overlap(frame: pl.DataFrame, context: GateContext) -> pl.DataFrame:
    """The delivery's rows of sessions already published, with the published numbers as `was_*`."""
    history = context.history
    if history is None or history.is_empty() or frame.is_empty():
        return pl.DataFrame()
    last, first = history["session"].max(), frame["session"].min()
    if last is None or first is None or first > last:  # type: ignore[operator]
        return pl.DataFrame()
    old = history.filter(pl.col("session") >= first).select(
        "instrument_id", "session", *(pl.col(n).alias(f"was_{n}") for n in _NUMBERS)
    )
    return frame.join(old, on=["instrument_id", "session"], how="inner")


def _changed(name: str, by: float) -> pl.Expr:
    new, old = pl.col(name), pl.col(f"was_{name}")
    moved = (new - old).abs() > by * pl.max_horizontal(new.abs(), old.abs())
    return moved.fill_null(False) | (new.is_null() != old.is_null())


def revised(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find rows that give another number for a bar that is published already."""
    both = _overlap(frame, context)
    if both.is_empty():
        return []
    bad = both.filter(pl.any_horizontal(*(_changed(name, SAME) for name in _NUMBERS)))
    if bad.is_empty():
        return []
    rows = bad.sort("session", "instrument_id").select(
        "instrument_id", "session", "was_close", "close", "was_volume", "volume"
    )
    what = "they change numbers of bars that are published"
    advice = "decisions keep what was known then; compare with another source if the change is large"
    return [found(("bars", "revised", "warn"), context, rows, what, advice)]


def rewritten(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find deliveries that change the closes of many published bars: a history adjusted after the fact."""
    rule: RuleKey = ("bars", "rewritten", "error")
    both = _overlap(frame, context)
    if both.height < _MIN_ROWS:
        return []
    bad = both.filter(_changed("close", REWRITE_MOVE))
    if bad.height <= REWRITTEN * both.height:
        return []
    rows = bad.sort("session", "instrument_id").select("instrument_id", "session", "was_close", "close")
    what = f"{bad.height / both.height:.0%} of the bars that are published already come with another close"
    advice = "the history was rewritten, as adjusted prices are: deliver raw prices as they were traded"
    return [found(rule, context, rows, what, advice)]
