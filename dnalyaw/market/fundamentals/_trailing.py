"""Trailing twelve months, by period and by what was known."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from dnalyaw.market.fundamentals._concepts import FLOWS
from dnalyaw.market.fundamentals._durations import SPANS, known_figures, mixed, quarterly
from dnalyaw.pit import AsOf

__all__ = ["trailing_sums"]

_KEY = ["instrument_id", "metric", "unit"]
_BLIND_DAYS = 300
"""Four period ends without first days lie within so many days, or a quarter is missing."""


def trailing_sums(facts: pl.DataFrame, as_of: AsOf, *, metrics: Sequence[str] = FLOWS) -> pl.DataFrame:
    """Return the trailing twelve months of each instrument and metric, as known at `as_of`.

    The months end with the latest period that was known to have ended. In this order:

    1. ``year``: a year that ends there;
    2. ``year + part - part``: the year before, plus this year's part, less the same part a year ago;
    3. ``quarters``: four quarters end to end, filed or derived (`quarterly`).

    Where none of them can be computed, or its inputs may not belong together (one was restated after another,
    never restated, was last said), the value is null: never a shorter sum, nor that of an earlier end.
    Figures without first days are taken for quarters: the last four ends, where they lie within 300 days
    (``blind quarters``); they count only where an instrument has no figure with a first day for the metric.

    Parameters
    ----------
    facts : polars.DataFrame
        Feed `fundamentals`, in any order.
    as_of : AsOf
    metrics : sequence of str
        Flows to sum.

    Returns
    -------
    polars.DataFrame
        instrument_id, metric, unit, period_end, value (null: not known), ``basis`` (null where value is),
        ``available_at`` (when the last input was said, UTC); one row an instrument and metric.
    """
    flows = facts.filter(pl.col("metric").is_in(list(metrics)))
    known = known_figures(flows, as_of)
    ends = known.group_by("instrument_id", "metric").agg(
        pl.col("period_end").max(),
        pl.col("period_end").filter(pl.col("period_start").is_not_null()).max().alias("__dated"),
    )
    dated = ends.filter(pl.col("__dated").is_not_null()).select(
        "instrument_id", "metric", pl.col("__dated").alias("period_end")
    )
    blind = ends.filter(pl.col("__dated").is_null()).select("instrument_id", "metric")
    spans = known.filter(pl.col("period_start").is_not_null())
    candidates = pl.concat(
        [
            _years(spans),
            _year_and_parts(spans),
            _quarters(quarterly(flows, as_of)),
        ]
    )
    found = (
        candidates.filter(~pl.col("mixed"))
        .join(dated, on=["instrument_id", "metric", "period_end"], how="semi")
        .sort("rank", "available_at", "unit")
        .unique(["instrument_id", "metric"], keep="first", maintain_order=True)
        .drop("rank", "mixed")
    )
    out = dated.join(found, on=["instrument_id", "metric", "period_end"], how="left")
    columns = ["instrument_id", "metric", "unit", "period_end", "value", "basis", "available_at"]
    return pl.concat(
        [out.select(columns), _blind(known.join(blind, on=["instrument_id", "metric"], how="semi"))]
    ).sort("instrument_id", "metric")


_SUM = [*_KEY, "period_end", "value", "basis", "available_at", "mixed", "rank"]


def _years(spans: pl.DataFrame) -> pl.DataFrame:
    return (
        spans.filter(duration="year")
        .with_columns(
            pl.lit("year").alias("basis"), pl.lit(False).alias("mixed"), pl.lit(1, pl.Int32).alias("rank")
        )
        .select(_SUM)
    )


def _year_and_parts(spans: pl.DataFrame) -> pl.DataFrame:
    cells = ["period_start", "period_end", "value", "available_at", "changed_at"]
    years = spans.filter(duration="year").select(*_KEY, *(pl.col(c).alias(f"{c}_year") for c in cells))
    parts = spans.filter(pl.col("duration").is_in(["quarter", "half", "nine_months"])).select(
        *_KEY, "duration", *cells
    )
    before = parts.rename({c: f"{c}_before" for c in cells})
    low, high = SPANS["year"]
    covered = (pl.col("period_end") - pl.col("period_end_before")).dt.total_days()
    inputs = ("", "_year", "_before")
    return (
        parts.with_columns((pl.col("period_start") - pl.duration(days=1)).alias("period_end_year"))
        .join(years, on=[*_KEY, "period_end_year"], nulls_equal=True)
        .join(
            before,
            left_on=[*_KEY, "duration", "period_start_year"],
            right_on=[*_KEY, "duration", "period_start_before"],
            nulls_equal=True,
        )
        .filter(covered.is_between(low, high))
        .select(
            *_KEY,
            "period_end",
            (pl.col("value_year") + pl.col("value") - pl.col("value_before")).alias("value"),
            pl.lit("year + part - part").alias("basis"),
            pl.max_horizontal(*(f"available_at{s}" for s in inputs)).alias("available_at"),
            mixed(*inputs),
            pl.lit(2, pl.Int32).alias("rank"),
        )
    )


def _quarters(quarters: pl.DataFrame) -> pl.DataFrame:
    cells = ["period_start", "period_end", "value", "available_at", "mixed"]
    one = quarters.select(*_KEY, *cells)
    chain = one.with_columns((pl.col("period_start") - pl.duration(days=1)).alias("__before"))
    for i in ("_1", "_2", "_3"):
        earlier = one.rename({c: f"{c}{i}" for c in cells}).rename({f"period_end{i}": "__before"})
        chain = chain.join(earlier, on=[*_KEY, "__before"], nulls_equal=True).with_columns(
            (pl.col(f"period_start{i}") - pl.duration(days=1)).alias("__before")
        )
    four = ("", "_1", "_2", "_3")
    return chain.select(
        *_KEY,
        "period_end",
        pl.sum_horizontal(*(f"value{i}" for i in reversed(four))).alias("value"),
        pl.lit("quarters").alias("basis"),
        pl.max_horizontal(*(f"available_at{i}" for i in four)).alias("available_at"),
        pl.any_horizontal(*(f"mixed{i}" for i in four)).alias("mixed"),
        pl.lit(3, pl.Int32).alias("rank"),
    )


def _blind(known: pl.DataFrame) -> pl.DataFrame:
    last = (
        known.sort("period_end", descending=True)
        .group_by("instrument_id", "metric", maintain_order=True)
        .head(4)
        .group_by("instrument_id", "metric", maintain_order=True)
        .agg(
            pl.col("unit").first(),
            pl.col("unit").n_unique().alias("__units"),
            pl.col("period_end").max(),
            (pl.col("period_end").max() - pl.col("period_end").min()).dt.total_days().alias("__days"),
            pl.len().alias("__count"),
            pl.col("value").reverse().sum().alias("value"),
            pl.col("available_at").max(),
        )
    )
    whole = (pl.col("__count") == 4) & (pl.col("__days") <= _BLIND_DAYS) & (pl.col("__units") == 1)
    return last.select(
        "instrument_id",
        "metric",
        "unit",
        "period_end",
        pl.when(whole).then("value").alias("value"),
        pl.when(whole).then(pl.lit("blind quarters")).alias("basis"),
        pl.when(whole).then("available_at").alias("available_at"),
    )
