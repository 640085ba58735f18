"""Rows that were known at a moment, for readers that are handed whole tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from dnalyaw.pit import AsOf

__all__ = ["known_rows"]


def known_rows(frame: pl.DataFrame, as_of: AsOf, what: str, error: type[ValueError]) -> pl.DataFrame:
    """Return the rows of `frame` that were known at `as_of`; `what` names the table in an error.

    Raises
    ------
    ValueError
        Of the given type: the moment is no `AsOf`, or it asks what was ingested of a frame that does not say.
    """
    # dnalyaw.pit reads the feeds' form from this room, so it is imported when it is needed.
    from dnalyaw.pit import AsOf, as_of_filter

    if not isinstance(as_of, AsOf):
        raise error(f"{what} are read as of an AsOf, got {type(as_of).__name__}; give AsOf(moment)")
    if as_of.ingested_by is not None and "ingested_at" not in frame.columns:
        raise error(f"{what} have no column ingested_at, which an AsOf with ingested_by asks for")
    return frame.filter(as_of_filter(as_of))
