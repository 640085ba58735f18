"""What a delivery adds to a table: its form, its contradictions, and which of its rows say something new."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from dnalyaw.pit._errors import StoreSchemaError
from dnalyaw.pit._known import TIMES, statement_key, value_columns
from dnalyaw.pit._store_log import UTC_MICRO, Manifest, type_name

_SHOWN = 3


def prepared(
    table: str, frame: pl.DataFrame, manifest: Manifest | None, key: Sequence[str], ingested_at: datetime
) -> tuple[pl.DataFrame, dict[str, pl.DataType]]:
    """A delivery in the form of its table, and the table's columns with what the delivery adds to them.

    Negative zeros become zeros: the two are equal, so that of both one would have to be the row.

    Raises
    ------
    StoreSchemaError
        If a column is missing, new and named like the store's own, or of another type than the table's; if a time
        is null; if two rows of one key and ``available_at`` say different things.
    """
    if "ingested_at" in frame.columns:
        raise StoreSchemaError(
            f"{table}: ingested_at is the store's; give it as ingested_at=, not as a column"
        )
    held = {} if manifest is None else {n: t for n, t in manifest.schema.items() if n != "ingested_at"}
    faults = [f"has no column {name}" for name in (*key, *TIMES[:2]) if name not in frame.columns]
    faults += [f"has no column {name}, which the table has" for name in held if name not in frame.columns]
    if faults:
        raise StoreSchemaError(f"{table}: the delivery {'; '.join(dict.fromkeys(faults))}")
    casts = []
    for name, dtype in frame.schema.items():
        want = held.get(name, dtype)
        if name in TIMES and dtype != UTC_MICRO:
            raise StoreSchemaError(f"{table}: column {name} is {dtype}, it must be {UTC_MICRO}")
        if dtype == pl.Null and name in held:
            casts.append(pl.col(name).cast(want))
        elif dtype != want:
            raise StoreSchemaError(
                f"{table}: column {name} is {dtype}, the table has {want}; a table's types never change. Give the "
                f"column that type, or another name"
            )
        elif dtype.is_float():
            casts.append(pl.col(name) + pl.lit(0.0, dtype=dtype))
    schema = {**held, **{n: t for n, t in frame.schema.items() if n not in held}, "ingested_at": UTC_MICRO}
    for name, dtype in schema.items():
        type_name(f"{table}.{name}", dtype)
    for name in TIMES[:2]:
        if frame[name].null_count():
            raise StoreSchemaError(
                f"{table}: {name} is null in {frame[name].null_count()} rows of the delivery"
            )
    order = [name for name in schema if name != "ingested_at"]
    rows = _once(table, frame.with_columns(casts).select(order), statement_key(key))
    return rows.with_columns(pl.lit(ingested_at).cast(UTC_MICRO).alias("ingested_at")), schema


def _once(table: str, rows: pl.DataFrame, fact: Sequence[str]) -> pl.DataFrame:
    """Each row once; refused where two of one key and one moment differ: nobody can say which holds."""
    if not rows.select(pl.struct(fact).is_duplicated().any()).item():
        return rows
    rows = rows.unique(maintain_order=True)
    twice = rows.select(pl.struct(fact).is_duplicated()).to_series()
    if not twice.any():
        return rows
    several = rows.filter(twice).sort(fact)
    facts = several.select(fact).unique(maintain_order=True)
    shown = []
    for row in facts.head(_SHOWN).iter_rows(named=True):
        same = pl.all_horizontal(
            pl.col(name).eq_missing(pl.lit(row[name], several.schema[name])) for name in fact
        )
        pair = several.filter(same)
        differ = [n for n in pair.columns if n not in fact and pair[n].n_unique() > 1]
        said = " against ".join(", ".join(f"{n}={r[n]}" for n in differ) for r in pair.head(2).to_dicts())
        shown.append(f"{', '.join(f'{n}={row[n]}' for n in fact)}: {said}")
    more = f" and {facts.height - _SHOWN} more" if facts.height > _SHOWN else ""
    raise StoreSchemaError(
        f"{table}: the delivery says two things of one row: {'; '.join(shown)}{more}. Deliver one of them"
    )


def judged(rows: pl.DataFrame, held: pl.DataFrame, key: Sequence[str]) -> tuple[pl.DataFrame, int]:
    """The rows of a delivery that the table does not hold yet, and how many of them are revisions.

    A row adds nothing when the statement received before it (or with it) of the same key and ``available_at`` says
    the same. It is a revision when the table has any other statement of them.

    Parameters
    ----------
    rows : polars.DataFrame
        The delivery, all received at one moment.
    held : polars.DataFrame
        What the table holds of the same keys.
    """
    fact, values = statement_key(key), value_columns(rows.columns, key)
    if held.is_empty():
        return rows, 0
    held = held.select(rows.columns)
    received = rows["ingested_at"][0]
    exactly = held.filter(pl.col("ingested_at") == received)
    if exactly.height:
        rows = rows.join(exactly, on=[*fact, *values], how="anti", nulls_equal=True, maintain_order="left")
    before = (
        held.filter(pl.col("ingested_at") <= received)
        .sort([*fact, "ingested_at", *values])
        .unique(subset=fact, keep="last", maintain_order=True)
    )
    new = rows.join(before, on=[*fact, *values], how="anti", nulls_equal=True, maintain_order="left")
    # A row that the table holds from a later receipt on is known earlier now: it contradicts nothing.
    against = held.join(new, on=[*fact, *values], how="anti", nulls_equal=True)
    return new, new.join(against, on=fact, how="semi", nulls_equal=True).height
