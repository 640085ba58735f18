"""What it costs to borrow shares and how many there are, as of a moment; what is unknown is not available."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from dnalyaw.market._series import known
from dnalyaw.market._sessions import sessions_between

if TYPE_CHECKING:
    from dnalyaw.pit import AsOf

__all__ = ["borrow_on"]


def borrow_on(
    frame: pl.DataFrame,
    instruments: Sequence[int],
    session: date,
    as_of: AsOf,
    *,
    region: str,
    max_age_sessions: int,
) -> pl.DataFrame:
    """Return fee and short availability of instruments for `session`, as known at `as_of`.

    Parameters
    ----------
    frame : polars.DataFrame
        Rows of feed `borrow`; every version of them.
    instruments : sequence of int
        Permanent ids; each gets a row, in this order.
    session : datetime.date
    as_of : AsOf
    region : str
        Whose sessions the age is counted in.
    max_age_sessions : int
        How old a row may be: 0 is of `session` itself, 1 of the session before.

    Returns
    -------
    polars.DataFrame
        Columns `instrument_id`, `fee` (fraction a year, null = unknown), `available` (shares; 0 where it is unknown,
        stale or its fee is), `described` (date of the row, null where there is none), `age_sessions` and `why`:
        ``known``, ``unknown`` (no row, or a null in it) or ``stale``.
    """
    asked = pl.DataFrame({"instrument_id": pl.Series(list(instruments), dtype=pl.Int64)})
    rows = known(frame, ["instrument_id", "session"], as_of).filter(pl.col("session") <= session)
    last = (
        rows.sort("session")
        .unique("instrument_id", keep="last")
        .select("instrument_id", "fee", "available", pl.col("session").alias("described"))
    )
    first = last["described"].min()
    days = sessions_between(region, first, session) if isinstance(first, date) else []
    # Sessions up to a day, so that an age is one subtraction.
    counted = pl.DataFrame(
        {
            "described": pl.Series(days, dtype=pl.Date),
            "__until": pl.Series(range(1, len(days) + 1), dtype=pl.Int64),
        }
    )
    aged = (
        last.sort("described")
        .join_asof(counted, on="described")
        .with_columns((len(days) - pl.col("__until").fill_null(0)).alias("age_sessions"))
    )
    stale = pl.col("age_sessions") > max_age_sessions
    unknown = pl.col("fee").is_null() | pl.col("available").is_null()
    why = (
        pl.when(stale).then(pl.lit("stale")).when(unknown).then(pl.lit("unknown")).otherwise(pl.lit("known"))
    )
    judged = asked.join(aged, on="instrument_id", how="left", maintain_order="left").with_columns(
        why.alias("why")
    )
    usable = pl.col("why") == "known"
    return judged.select(
        "instrument_id",
        # An old fee is nobody's offer.
        pl.when(~stale.fill_null(False)).then("fee").alias("fee"),
        pl.when(usable).then(pl.col("available").clip(lower_bound=0.0)).otherwise(0.0).alias("available"),
        "described",
        "age_sessions",
        "why",
    )
