"""Facts as they were filed: the form that every reader of filings gives, and when each was known."""

from __future__ import annotations

import polars as pl

from dnalyaw.market._schema import UTC

__all__ = ["FACTS", "known_at"]

_NEW_YORK = "America/New_York"

FACTS: dict[str, pl.DataType] = {
    "cik": pl.Int64(),
    "taxonomy": pl.String(),
    "concept": pl.String(),
    "unit": pl.String(),
    "period_start": pl.Date(),
    "period_end": pl.Date(),
    "value": pl.Float64(),
    "form": pl.String(),
    "accession": pl.String(),
    "fiscal_year": pl.Int32(),
    "fiscal_period": pl.String(),
    "quarters": pl.Int32(),
    "filed": pl.Date(),
    "accepted": UTC,
}
"""Columns of facts, one row a vintage.

`period_start` is null for a stock at a date. `fiscal_year` and `fiscal_period` are those of the **filing**, not of
the fact. `quarters` is how many quarters the source says that the fact spans (null where it does not say).
`accepted` is the moment EDGAR accepted the filing, UTC, null where only the day `filed` is known.
"""


def known_at() -> pl.Expr:
    """Return when a fact could be known, UTC.

    The moment of acceptance, or where only `filed` is known the end of that day in New York: EDGAR takes filings
    until 22:00, and what it accepts after 17:30 is filed on the next business day, so that nothing filed on a day
    is public after its end.
    """
    end_of_day = (
        (pl.col("filed") + pl.duration(days=1))
        .cast(pl.Datetime("us"))
        .dt.replace_time_zone(_NEW_YORK)
        .dt.convert_time_zone("UTC")
    )
    return pl.coalesce("accepted", end_of_day)
