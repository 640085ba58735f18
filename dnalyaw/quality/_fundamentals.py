"""Fundamentals: periods whose lengths and sizes contradict each other, units that differ, restatements."""

from __future__ import annotations

import polars as pl

from dnalyaw.quality._finding import Finding, GateContext, RuleKey, found

__all__ = ["durations", "figure_scale", "restatement_size"]

RESTATED = 0.25
"""A restatement of more than this share is shown."""

_SHOWN = ["instrument_id", "metric", "period_start", "period_end", "value"]
_LOOK = "look the figure up in the filing; correct or drop the row, or accept it with a reason"


def durations(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find periods that run backwards, and quarters tagged as half a year or the reverse."""
    from dnalyaw.market.fundamentals import odd_sums

    rule: RuleKey = ("fundamentals", "durations", "error")
    out = []
    backwards = frame.filter(pl.col("period_start") > pl.col("period_end"))
    if backwards.height:
        out.append(found(rule, context, backwards.select(_SHOWN), "period_start is after period_end", _LOOK))
    odd = odd_sums(frame.filter(pl.col("period_start") <= pl.col("period_end")))
    for (what,), rows in odd.group_by("what", maintain_order=True):
        out.append(found(rule, context, rows.select(*_SHOWN, "parts"), str(what), _LOOK))
    return out


def figure_scale(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find vintages 100, a thousand or a million times what was said of their period before."""
    from dnalyaw.market.fundamentals import scale_errors

    rows = scale_errors(_with_previous(frame, context))
    rows = rows.join(frame, on=[*_SHOWN[:4], "available_at"], how="semi", nulls_equal=True)
    if rows.is_empty():
        return []
    what = (
        "a figure is 100, 1,000 or 1,000,000 times, or that part of, what its period had before: a unit error"
    )
    rule: RuleKey = ("fundamentals", "scale", "warn")
    return [found(rule, context, rows.select(*_SHOWN, "before"), what, _LOOK)]


def restatement_size(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find restatements of more than a quarter of what was said before."""
    from dnalyaw.market.fundamentals import restatements

    rows = restatements(_with_previous(frame, context)).filter(
        (pl.col("change").abs() > RESTATED) | (pl.col("change").is_null() & (pl.col("value") != 0))
    )
    rows = rows.join(frame, on=[*_SHOWN[:4], "available_at"], how="semi", nulls_equal=True)
    if rows.is_empty():
        return []
    what = f"a restatement of more than {RESTATED:.0%}"
    rule: RuleKey = ("fundamentals", "restatement", "warn")
    advice = "look both filings up: a split, an error of either, or news"
    return [found(rule, context, rows.select(*_SHOWN, "before", "change"), what, advice)]


def _with_previous(frame: pl.DataFrame, context: GateContext) -> pl.DataFrame:
    """The delivery after the published figures that it may restate, where the gate was given them."""
    if context.previous is None or context.previous.is_empty():
        return frame
    columns = frame.columns
    if any(name not in context.previous.columns for name in columns):
        return frame
    return pl.concat([context.previous.select(columns), frame], how="vertical_relaxed").unique(
        [*_SHOWN[:4], "available_at"], keep="last", maintain_order=True
    )
