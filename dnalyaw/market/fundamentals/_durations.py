"""How long a period is, by its dates, and quarters from what was filed for longer ones."""

from __future__ import annotations

import polars as pl

from dnalyaw.market._known import known_rows
from dnalyaw.pit import AsOf

__all__ = ["SPANS", "duration", "known_figures", "mixed", "quarterly"]

SPANS: dict[str, tuple[int, int]] = {
    "quarter": (80, 100),
    "half": (170, 192),
    "nine_months": (260, 285),
    "year": (350, 373),
}
"""Days from the first to the last of each kind of period, both counted, at least and at most.

A quarter of a 52/53-week year has 91 or 98 days (12 or 16 weeks where a company divides so are odd), a half 182 or
189, nine months 273 or 280, a year 364 or 371.
"""

_KEY = ["instrument_id", "metric", "unit"]
_PARTS = (("half", "quarter"), ("nine_months", "half"), ("year", "nine_months"))


def duration(start: str = "period_start", end: str = "period_end") -> pl.Expr:
    """Return the kind of a period: a key of `SPANS`, ``odd``, or null where there is no first day."""
    days = (pl.col(end) - pl.col(start)).dt.total_days() + 1
    kinds = [pl.when(days.is_between(low, high)).then(pl.lit(name)) for name, (low, high) in SPANS.items()]
    return pl.coalesce(*kinds, pl.when(days.is_not_null()).then(pl.lit("odd")))


def known_figures(facts: pl.DataFrame, as_of: AsOf) -> pl.DataFrame:
    """Return the figure of each period as known at `as_of`.

    Parameters
    ----------
    facts : polars.DataFrame
        Feed `fundamentals`, in any order.
    as_of : AsOf

    Returns
    -------
    polars.DataFrame
        One row an instrument, metric and period: ``value``, ``unit``, ``form``, ``accession`` of the last vintage,
        ``available_at`` when it was said last, ``changed_at`` when it was last changed (null: never) and
        ``duration``.
    """
    key = ["instrument_id", "metric", "period_start", "period_end"]
    known = known_rows(facts, as_of, "facts", TypeError).sort(*key, "available_at", "accession")
    before = pl.col("value").shift(1).over(key)
    return (
        known.with_columns(
            pl.when(before.is_not_null() & (before != pl.col("value")))
            .then("available_at")
            .alias("changed_at")
        )
        .group_by(key, maintain_order=True)
        .agg(
            pl.col("value", "unit", "form", "accession", "available_at").last(),
            pl.col("changed_at").max(),
        )
        .with_columns(duration().alias("duration"))
    )


def quarterly(facts: pl.DataFrame, as_of: AsOf) -> pl.DataFrame:
    """Return every quarter that was filed or follows from what was filed, as known at `as_of`.

    A quarter as it was filed comes first; else a half, nine months or a year less the period before that began on the
    same day; else a year less the three filed quarters in it.

    Parameters
    ----------
    facts : polars.DataFrame
        Feed `fundamentals`; flows with their first day.
    as_of : AsOf

    Returns
    -------
    polars.DataFrame
        instrument_id, metric, unit, period_start, period_end, value, ``source`` (``filed``, ``year - nine_months``
        and the like), ``available_at`` (when the last of its inputs was said), ``mixed`` (an input was restated after
        another one, never restated, was last said: the two may not belong together).
    """
    known = known_figures(facts, as_of).filter(pl.col("duration").is_not_null())
    columns = [*_KEY, "period_start", "period_end", "value", "source", "available_at", "mixed"]
    said = [*_KEY, "period_start", "period_end", "value", "available_at", "changed_at"]
    filed = known.filter(duration="quarter").select(said)
    direct = filed.with_columns(pl.lit("filed").alias("source"), pl.lit(False).alias("mixed")).select(columns)
    parts = [direct]
    for whole, part in _PARTS:
        pairs = (
            known.filter(duration=whole)
            .select(said)
            .join(
                known.filter(duration=part).select(said),
                on=[*_KEY, "period_start"],
                suffix="_part",
                nulls_equal=True,
            )
            .with_columns(
                (pl.col("period_end_part") + pl.duration(days=1)).alias("period_start"),
                pl.col("value") - pl.col("value_part"),
                pl.lit(f"{whole} - {part}").alias("source"),
                mixed("", "_part"),
                pl.max_horizontal("available_at", "available_at_part"),
            )
        )
        parts.append(pairs.filter(duration() == "quarter").select(columns))
    parts.append(_year_less_quarters(known.filter(duration="year").select(said), filed).select(columns))
    ranked = pl.concat([p.with_columns(pl.lit(i).alias("__rank")) for i, p in enumerate(parts)])
    return (
        ranked.sort("__rank", "available_at", "period_start")
        .unique([*_KEY, "period_end"], keep="first", maintain_order=True)
        .sort(*_KEY, "period_end")
        .select(columns)
    )


def mixed(*suffixes: str) -> pl.Expr:
    """Return whether one of several inputs was restated after another, never restated, was last said.

    An input that was restated itself is taken to have been restated first: the parts of a year follow it in the
    reports of the next one.
    """
    changed = pl.max_horizontal(*(f"changed_at{s}" for s in suffixes))
    first = pl.min_horizontal(
        *(pl.when(pl.col(f"changed_at{s}").is_null()).then(f"available_at{s}") for s in suffixes)
    )
    return (changed > first).fill_null(False).alias("mixed")


def _year_less_quarters(years: pl.DataFrame, quarters: pl.DataFrame) -> pl.DataFrame:
    """The fourth quarter of years whose first three stand as filed, end to end."""
    chain = years.with_columns(pl.col("period_start").alias("__next"))
    for i in ("_1", "_2", "_3"):
        piece = quarters.rename(
            {c: f"{c}{i}" for c in ("period_end", "value", "available_at", "changed_at")}
        ).rename({"period_start": "__next"})
        chain = chain.join(piece, on=[*_KEY, "__next"], nulls_equal=True).with_columns(
            (pl.col(f"period_end{i}") + pl.duration(days=1)).alias("__next")
        )
    return (
        chain.with_columns(
            pl.col("__next").alias("period_start"),
            pl.col("value") - pl.col("value_1") - pl.col("value_2") - pl.col("value_3"),
            pl.lit("year - three quarters").alias("source"),
            mixed("", "_1", "_2", "_3"),
            pl.max_horizontal("available_at", *(f"available_at{i}" for i in ("_1", "_2", "_3"))),
        )
        .filter(pl.col("period_start") <= pl.col("period_end"))
        .filter(duration() == "quarter")
    )
