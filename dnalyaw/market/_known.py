"""Rows that were known at a moment, and the last of each key, for readers that are handed whole tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from dnalyaw.pit import AsOf

__all__ = ["known_rows", "last_rows"]


def known_rows(frame: pl.DataFrame, as_of: AsOf, what: str, error: type[Exception]) -> pl.DataFrame:
    """Return the rows of `frame` that were known at `as_of`; `what` names the table in an error.

    Raises
    ------
    Exception
        Of the given type: the moment is no `AsOf`, or it asks what was ingested of a frame that does not say.
    """
    # dnalyaw.pit reads the feeds' form from this room, so it is imported when it is needed.
    from dnalyaw.pit import AsOf, as_of_filter

    if not isinstance(as_of, AsOf):
        raise error(f"{what} are read as of an AsOf, got {type(as_of).__name__}; give a dnalyaw.pit.AsOf")
    if as_of.ingested_by is not None and "ingested_at" not in frame.columns:
        raise error(f"{what} have no column ingested_at, which an AsOf with ingested_by asks for")
    return frame.filter(as_of_filter(as_of))


def last_rows(rows: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Return one row a key, sorted by it: a correction, known later, replaces what it corrects."""
    order = [name for name in ("available_at", "ingested_at") if name in rows.columns]
    return rows.sort(*key, *order, maintain_order=True).unique(list(key), keep="last", maintain_order=True)
