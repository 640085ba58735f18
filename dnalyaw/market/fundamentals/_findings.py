"""Facts that contradict themselves, and what was restated."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from dnalyaw.market.fundamentals._durations import duration

__all__ = ["FactFinding", "contradictions", "odd_sums", "restatements", "scale_errors"]

_SERIES = ["instrument_id", "metric"]
_PERIOD = [*_SERIES, "period_start", "period_end"]
_ALLOWED = {
    "Q1": ("quarter",),
    "Q2": ("quarter", "half"),
    "Q3": ("quarter", "nine_months"),
    "Q4": ("quarter", "year"),
    "FY": ("quarter", "year"),
    "H1": ("quarter", "half"),
}
_STATED = {1: "quarter", 2: "half", 3: "nine_months", 4: "year"}
SUM_RATIO = 1.6
"""How many times larger or smaller than the sum of its parts a figure is out of scale."""
_POWERS = (1e2, 1e3, 1e6)


@dataclass(frozen=True, slots=True)
class FactFinding:
    """One fact that something is wrong with.

    Attributes
    ----------
    concept, accession : str
        Which fact, in which filing.
    period : str
        ``first/last`` day.
    what : str
        What contradicts what, and what to do; one line.
    """

    concept: str
    accession: str
    period: str
    what: str


def contradictions(facts: pl.DataFrame) -> list[FactFinding]:
    """Return the flows whose dates do not fit what their filing or source says of them.

    The fiscal period of a filing speaks for those of its flows that end last: a 10-Q of Q3 has quarters and nine
    months then, and no half. Where the source states a number of quarters, it speaks for every flow;
    where it says that a tag is a stock (``iord``), for every fact of it.

    Parameters
    ----------
    facts : polars.DataFrame
        Columns `FACTS`, perhaps ``iord``.
    """
    out: list[FactFinding] = []
    rows = facts.with_columns(duration().alias("__kind"))
    stated = pl.col("quarters").replace_strict(_STATED, default=None, return_dtype=pl.String)
    wrong = rows.filter(
        pl.col("period_start").is_not_null() & stated.is_not_null() & (stated != pl.col("__kind"))
    )
    for row in wrong.iter_rows(named=True):
        out.append(
            _finding(row, f"is said to span {row['quarters']} quarters and by its dates is a {row['__kind']}")
        )
    if "iord" in facts.columns:
        flow = pl.col("quarters").fill_null(0) > 0
        mixed = rows.filter(((pl.col("iord") == "I") & flow) | ((pl.col("iord") == "D") & ~flow))
        for row in mixed.iter_rows(named=True):
            said = "a stock" if row["iord"] == "I" else "a flow"
            out.append(_finding(row, f"its tag is {said} and it spans {row['quarters']} quarters"))
    # What ends a filing is what most of its flows end with: a date of a subsequent event says nothing.
    last = (
        rows.filter(pl.col("period_start").is_not_null() & pl.col("__kind").is_in(list(_STATED.values())))
        .group_by("accession")
        .agg(pl.col("period_end").max().alias("__last"))
    )
    for fiscal, allowed in _ALLOWED.items():
        forms = pl.col("form").str.starts_with("10-Q" if fiscal.startswith("Q") else "10-K")
        odd = rows.filter(
            forms & (pl.col("fiscal_period") == fiscal) & pl.col("period_start").is_not_null()
        ).join(last, on="accession", how="inner", maintain_order="left")
        odd = odd.filter((pl.col("period_end") == pl.col("__last")) & ~pl.col("__kind").is_in(list(allowed)))
        for row in odd.iter_rows(named=True):
            kind, days = row["__kind"], (row["period_end"] - row["period_start"]).days + 1
            what = (
                f"its {row['form']} is of {fiscal} and its dates span {days} days ({kind.replace('_', ' ')})"
            )
            out.append(_finding(row, what))
    return out


def _finding(row: dict[str, object], what: str) -> FactFinding:
    period = f"{row['period_start']}/{row['period_end']}"
    return FactFinding(
        str(row["concept"]), str(row["accession"]), period, f"{what}; check the dates in the filing"
    )


def odd_sums(rows: pl.DataFrame) -> pl.DataFrame:
    """Return flows of one filing and one end whose sizes contradict their lengths, or halves that are quarters.

    A longer flow equal to a shorter one with the same end, in one filing, is a quarter tagged as half a year
    (or the reverse). A year, nine months or half that is out of scale with the quarters known for the same days
    (more than 1.6 times their sum, or less than that share of it, all of one sign) is out of scale.

    Parameters
    ----------
    rows : polars.DataFrame
        Feed `fundamentals`.

    Returns
    -------
    polars.DataFrame
        instrument_id, metric, period_start, period_end, accession, value, ``parts`` (what it is judged by), ``what``.
    """
    flows = rows.filter(pl.col("period_start").is_not_null()).with_columns(duration().alias("__kind"))
    shown = ["instrument_id", "metric", "period_start", "period_end", "accession", "value"]
    cells = [*_SERIES, "period_end", "accession", "available_at"]
    pairs = flows.join(flows, on=cells, suffix="_short", nulls_equal=True).filter(
        (pl.col("period_start") < pl.col("period_start_short"))
        & (pl.col("value") == pl.col("value_short"))
        & (pl.col("value") != 0)
    )
    same = pairs.select(
        *shown,
        pl.col("value_short").alias("parts"),
        pl.format(
            "the {} and the {} that ends with it are equal: one has the other's dates",
            "__kind",
            "__kind_short",
        ).alias("what"),
    )
    latest = flows.sort("available_at").unique(_PERIOD, keep="last", maintain_order=True)
    quarters = latest.filter(pl.col("__kind") == "quarter").select(
        *_SERIES,
        pl.col("period_start").alias("__from"),
        pl.col("period_end").alias("__to"),
        pl.col("value").alias("__part"),
    )
    count = {"half": 2, "nine_months": 3, "year": 4}
    wholes = latest.filter(pl.col("__kind").is_in(list(count)))
    sums = (
        wholes.join(quarters, on=_SERIES)
        .filter((pl.col("__from") >= pl.col("period_start")) & (pl.col("__to") <= pl.col("period_end")))
        .group_by(*shown, "__kind")
        .agg(
            pl.col("__part").sum().alias("parts"),
            pl.len().alias("__count"),
            ((pl.col("__part") > 0).all() | (pl.col("__part") < 0).all()).alias("__one_sign"),
        )
        .filter(
            (pl.col("__count") == pl.col("__kind").replace_strict(count, return_dtype=pl.UInt32))
            & pl.col("__one_sign")
        )
        .with_columns((pl.col("value") / pl.col("parts")).alias("__ratio"))
        .filter(~pl.col("__ratio").is_between(1 / SUM_RATIO, SUM_RATIO))
        .select(
            *shown,
            "parts",
            pl.format("the {} is out of scale with the sum of its quarters", "__kind").alias("what"),
        )
    )
    return pl.concat([same, sums]).sort("instrument_id", "metric", "period_end", "period_start")


def restatements(rows: pl.DataFrame) -> pl.DataFrame:
    """Return every vintage that changed what was said of its period before.

    Parameters
    ----------
    rows : polars.DataFrame
        Feed `fundamentals`.

    Returns
    -------
    polars.DataFrame
        instrument_id, metric, period_start, period_end, ``before``, ``value``, ``change`` (relative to before, null
        where that was 0), form, accession, available_at; in order of `available_at`. A comparative that repeats the value is
        none.
    """
    return (
        rows.sort(*_PERIOD, "available_at", "accession")
        .with_columns(pl.col("value").shift(1).over(_PERIOD).alias("before"))
        .filter(pl.col("before").is_not_null() & (pl.col("before") != pl.col("value")))
        .select(
            *_PERIOD,
            "before",
            "value",
            pl.when(pl.col("before") != 0)
            .then((pl.col("value") - pl.col("before")) / pl.col("before").abs())
            .alias("change"),
            "form",
            "accession",
            "available_at",
        )
        .sort("available_at", *_PERIOD)
    )


def scale_errors(rows: pl.DataFrame) -> pl.DataFrame:
    """Return vintages that are 100, a thousand or a million times what their period had before or has after.

    Either direction within 2%: a number filed in thousands where units were meant.
    """
    changed = restatements(rows).with_columns((pl.col("value") / pl.col("before")).abs().alias("__ratio"))
    hit = pl.lit(False)
    for power in _POWERS:
        for factor in (power, 1 / power):
            hit |= (pl.col("__ratio") / factor - 1).abs() < 0.02
    return changed.filter(hit & pl.col("__ratio").is_finite()).drop("__ratio")
