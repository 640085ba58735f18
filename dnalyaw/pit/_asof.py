"""The moment a read is made *as of*."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl


@dataclass(frozen=True, slots=True, order=True)
class AsOf:
    """A moment of knowledge. Every read of a table takes one; there is no default.

    Parameters
    ----------
    moment : datetime
        Aware, in UTC. Rows with ``available_at <= moment`` are known.
    ingested_by : datetime, optional
        Aware, in UTC. When given, rows must also have ``ingested_at <= ingested_by``: what this
        installation itself had received, which is what the replay of a live day asks.

    Raises
    ------
    ValueError
        If a time has no time zone or is not in UTC.
    """

    moment: datetime
    ingested_by: datetime | None = None

    def __post_init__(self) -> None:
        for name, value in (("moment", self.moment), ("ingested_by", self.ingested_by)):
            if value is None:
                continue
            if value.tzinfo is None or value.utcoffset() != UTC.utcoffset(None):
                raise ValueError(f"AsOf.{name} must be an aware UTC datetime, got {value!r}")

    def __str__(self) -> str:
        return self.moment.isoformat().replace("+00:00", "Z")


def as_of_filter(as_of: AsOf) -> pl.Expr:
    """The predicate that keeps what was known at ``as_of``; columns ``available_at``, ``ingested_at``."""
    known = pl.col("available_at") <= pl.lit(as_of.moment).cast(pl.Datetime("us", "UTC"))
    if as_of.ingested_by is not None:
        known &= pl.col("ingested_at") <= pl.lit(as_of.ingested_by).cast(pl.Datetime("us", "UTC"))
    return known
