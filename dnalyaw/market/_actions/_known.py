"""What of bars and actions is known at a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from dnalyaw.market._actions._errors import AdjustError
from dnalyaw.market._known import known_rows, last_rows
from dnalyaw.market._schema import KEYS, SCHEMAS

if TYPE_CHECKING:
    from dnalyaw.pit import AsOf

__all__ = ["END_KINDS", "columns_of", "known", "where"]

END_KINDS = ("delisting", "merger")
"""Kinds that end an instrument."""


def columns_of(actions: pl.DataFrame) -> pl.DataFrame:
    """Return `actions` with every nullable column of the feed; one that is absent is null throughout."""
    absent = [name for name in ("ratio", "amount", "price", "other_id") if name not in actions.columns]
    return actions.with_columns(pl.lit(None, SCHEMAS["actions"][name]).alias(name) for name in absent)


def known(bars: pl.DataFrame, actions: pl.DataFrame, as_of: AsOf) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the bars, sorted by instrument and session, and the latest form of each action known at a moment.

    Ends that are announced for a later day than the moment's (UTC) are left out.

    Raises
    ------
    AdjustError
        If the moment is no `AsOf`, asks what was ingested of frames that do not say, or a bar's key repeats.
    """
    bars = known_rows(bars, as_of, "bars", AdjustError).sort("instrument_id", "session")
    same = [pl.col(name) == pl.col(name).shift(1) for name in KEYS["bars"]]
    repeated = bars.filter(pl.all_horizontal(same))
    if repeated.height:
        key, day = repeated.select("instrument_id", "session").row(0)
        raise AdjustError(f"instrument {key} has two bars on {day}; publish one of them")
    # A correction replaces what it corrects and is not applied beside it.
    actions = last_rows(known_rows(columns_of(actions), as_of, "actions", AdjustError), KEYS["actions"])
    # An end that is announced and has not come yet pays nobody, and the last close is not the last.
    to_come = pl.col("kind").is_in(END_KINDS) & (pl.col("ex_date") > as_of.moment.date())
    return bars, actions.filter(~to_come)


def where(row: dict[str, Any]) -> str:
    """Name an action in a message."""
    return f"instrument {row['instrument_id']}, {row['kind']} of {row['ex_date']}"
