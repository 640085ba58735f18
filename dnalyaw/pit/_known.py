"""Which of several statements about one thing was known at a moment: the one rule that every table is read by.

Rows of one key and one ``available_at`` are *statements* of the same fact. The first one received holds from its
``available_at`` on. One received later that says something else is a **revision**: nobody could know it before it
came, so it is known from ``max(available_at, ingested_at)`` on, whatever it states. A statement that repeats the one
before it says nothing new. Of all that is known of a key the last holds, by (known from, received, values); the
values break what is left of ties, so that neither the order of arrival nor the batching decides.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from dnalyaw.pit._asof import AsOf, as_of_filter

TIMES = ("event_time", "available_at", "ingested_at")
"""The three times of every row."""

_KNOWN = "__known_from"


def statement_key(key: Sequence[str]) -> list[str]:
    """The columns that name one fact: the table's key and the moment stated for it."""
    return [*key, *(() if "available_at" in key else ("available_at",))]


def value_columns(columns: Sequence[str], key: Sequence[str]) -> list[str]:
    """What a statement says: every column besides its key, its stated moment and its receipt."""
    named = {*key, "available_at", "ingested_at"}
    return sorted(name for name in columns if name not in named)


def repeats(names: Sequence[str]) -> pl.Expr:
    """Whether a row of a sorted frame equals the row before it in every named column; null equals null."""
    same = [pl.col(name).eq_missing(pl.col(name).shift(1)) for name in names]
    return pl.all_horizontal(pl.int_range(pl.len()) > 0, *same)


def latest_known(
    frame: pl.DataFrame, key: Sequence[str], as_of: AsOf, *, suspects: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The rows known at a moment, one a key.

    Parameters
    ----------
    frame : polars.DataFrame
        Statements, as stored: with ``available_at`` as stated and ``ingested_at``, both UTC microseconds.
    key : sequence of str
        Columns that name a row of the table.
    as_of : AsOf
    suspects : polars.DataFrame, optional
        The keys of which there may be several statements, where the caller knows: no other key stands twice.

    Returns
    -------
    polars.DataFrame
        The same columns, in no promised order. ``available_at`` of a revision is the moment from which on it was known.
    """
    # What is stated for later, or came later, is in no case known, and changes nothing about what came before it.
    known = frame.filter(as_of_filter(as_of))
    if known.is_empty():
        return known
    if suspects is None:
        several = known.select(pl.struct(key).is_duplicated()).to_series()
        if not several.any():
            return known
        alone, rest = known.filter(~several), known.filter(several)
    else:
        alone = known.join(suspects, on=list(key), how="anti", nulls_equal=True)
        rest = known.join(suspects, on=list(key), how="semi", nulls_equal=True)
    fact, values = statement_key(key), value_columns(frame.columns, key)
    rest = rest.sort([*fact, "ingested_at", *values])
    repeated = rest.select(repeats([*fact, *values])).to_series()
    follows = rest.select(repeats(fact)).to_series()
    moment = pl.when(follows).then(pl.max_horizontal("available_at", "ingested_at")).otherwise("available_at")
    last = (
        rest.with_columns(moment.alias(_KNOWN))
        .filter(~repeated & (pl.col(_KNOWN) <= pl.lit(as_of.moment).cast(pl.Datetime("us", "UTC"))))
        .sort([*key, _KNOWN, "ingested_at", *values])
        .unique(subset=list(key), keep="last", maintain_order=True)
        .with_columns(pl.col(_KNOWN).alias("available_at"))
        .drop(_KNOWN)
    )
    return pl.concat([alone, last])
