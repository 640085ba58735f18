"""The point-in-time join: what was known of an entity at a moment, and nothing later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

import polars as pl

from dnalyaw.pit.feast._errors import FeatureStoreError

_ENTITY_ROW = "__entity_row"
_SOURCE_ROW = "__source_row"
_MOMENT = "__moment"
_EVENT = "__event"
_CREATED = "__created"
_KNOWN = "__known"

COLUMNS_AT_ONCE = 32
"""Feature columns read and gathered together: a wide table never stands in memory whole beside its result."""


def as_of_join(
    entities: pl.DataFrame,
    source: pl.LazyFrame,
    *,
    entity_keys: Sequence[str],
    source_keys: Sequence[str],
    entity_time: str,
    event_time: str,
    created: str,
    ttl: timedelta | None,
    columns: dict[str, str],
) -> pl.DataFrame:
    """Attach to each entity row the newest features known at its moment.

    Of the source rows of the same keys with ``event_time`` and ``created`` at or before the moment, the
    one with the latest ``event_time`` is served, and of several versions of that one the one created last.
    A restatement of an earlier event is therefore never served after a later event is known.

    Parameters
    ----------
    entities : polars.DataFrame
        Every row comes back, in its order, repeated rows too.
    source : polars.LazyFrame
    entity_keys, source_keys : sequence of str
        Names of the join keys on either side, in the same order.
    entity_time : str
        The moments, aware of their time zone.
    event_time, created : str
        Times of the source: what a row describes, and when it could first be known.
    ttl : timedelta or None
        Rows whose event lies further back than this before the moment are not served.
    columns : dict of str to str
        Output name by source column.

    Returns
    -------
    polars.DataFrame
        The entities' columns, then the features; null where nothing was known.

    Raises
    ------
    FeatureStoreError
        A key or a time is null, a time has no time zone, an output name is taken, or two source rows
        describe the same event at the same moment.
    """
    taken = sorted(set(columns.values()) & set(entities.columns))
    if taken:
        raise FeatureStoreError(
            f"entity rows already have a column {taken[0]}; rename it or leave the feature out"
        )
    schema = source.collect_schema()
    missing = [c for c in (*source_keys, event_time, created, *columns) if c not in schema]
    if missing:
        raise FeatureStoreError(
            f"the features' table has no column {', '.join(missing)}; write it or ask for less"
        )
    unit = _unit(
        entities.schema[entity_time], entity_time, schema[event_time], event_time, schema[created], created
    )
    left = entities.select(
        *(pl.col(name).alias(f"__key{i}") for i, name in enumerate(entity_keys)),
        pl.col(entity_time).cast(pl.Datetime(unit, "UTC")).alias(_MOMENT),
    ).with_row_index(_ENTITY_ROW)
    _no_nulls(left, "entity rows")
    keys = [f"__key{i}" for i in range(len(entity_keys))]
    right = _known(source, keys, source_keys, event_time, created, unit, left, ttl)
    for key, name in zip(keys, entity_keys, strict=True):
        if left.schema[key] != right.schema[key]:
            left = _same_type(left, right, key, name)
    matched = (
        left.sort(_MOMENT)
        .join_asof(
            right,
            left_on=_MOMENT,
            right_on=_KNOWN,
            by=keys,
            strategy="backward",
            check_sortedness=False,
        )
        .sort(_ENTITY_ROW)
    )
    if ttl is not None:
        fresh = pl.col(_EVENT) >= pl.col(_MOMENT) - ttl
        matched = matched.with_columns(pl.when(fresh).then(pl.col(_SOURCE_ROW)).alias(_SOURCE_ROW))
    return _gather(entities, source, matched[_SOURCE_ROW], columns)


def _known(
    source: pl.LazyFrame,
    keys: Sequence[str],
    source_keys: Sequence[str],
    event_time: str,
    created: str,
    unit: Literal["us", "ns"],
    left: pl.DataFrame,
    ttl: timedelta | None,
) -> pl.DataFrame:
    """Return keys, times and row numbers of the rows that can be served, ascending by when they are known."""
    rows = source.select(
        *(pl.col(name).alias(key) for key, name in zip(keys, source_keys, strict=True)),
        pl.col(event_time).cast(pl.Datetime(unit, "UTC")).alias(_EVENT),
        pl.col(created).cast(pl.Datetime(unit, "UTC")).alias(_CREATED),
    ).with_row_index(_SOURCE_ROW)
    table = rows.collect()
    _no_nulls(table, "the features' table")
    # A row is known when it is published and its event has happened.
    table = table.with_columns(pl.max_horizontal(_CREATED, _EVENT).alias(_KNOWN))
    if not left.is_empty():
        # No entity row could be served these; leaving them out changes no answer.
        table = table.filter(pl.col(_KNOWN) <= left[_MOMENT].max())
        if ttl is not None:
            table = table.filter(pl.col(_EVENT) >= pl.lit(left[_MOMENT].min()) - ttl)
    twice = table.select(*keys, _EVENT, _CREATED).is_duplicated()
    if twice.any():
        first = table.filter(twice).select(*keys, _EVENT, _CREATED).row(0, named=True)
        names = ", ".join(f"{n} {first[k]}" for k, n in zip(keys, source_keys, strict=True))
        raise FeatureStoreError(
            f"{int(twice.sum())} rows of the features' table describe one event at one moment, "
            f"the first {names}, {event_time} {first[_EVENT]}, {created} {first[_CREATED]}; write each once"
        )
    return (
        # Of rows that become known together the join takes the last: the latest event's latest version.
        table.sort(_KNOWN, _EVENT, _CREATED)
        # A late word on an earlier event is no news.
        .filter(pl.col(_EVENT) == pl.col(_EVENT).cum_max().over(list(keys)))
    )


def _gather(
    entities: pl.DataFrame, source: pl.LazyFrame, rows: pl.Series, columns: dict[str, str]
) -> pl.DataFrame:
    names = list(columns)
    parts = [entities]
    for start in range(0, len(names), COLUMNS_AT_ONCE):
        batch = names[start : start + COLUMNS_AT_ONCE]
        table = source.select(batch).collect()
        parts.append(table.select(pl.col(c).gather(rows).alias(columns[c]) for c in batch))
    return pl.concat(parts, how="horizontal") if len(parts) > 1 else entities


def _unit(*types_and_names: object) -> Literal["us", "ns"]:
    """Return the finest unit of the times: a coarser one would let a row in that is known a moment later."""
    unit: Literal["us", "ns"] = "us"
    for dtype, name in zip(types_and_names[::2], types_and_names[1::2], strict=True):
        if not isinstance(dtype, pl.Datetime) or dtype.time_zone is None:
            raise FeatureStoreError(f"column {name} is {dtype}; wanted a time with its time zone, UTC")
        if dtype.time_unit == "ns":
            unit = "ns"
    return unit


def _no_nulls(frame: pl.DataFrame, what: str) -> None:
    for name in frame.columns:
        count = frame[name].null_count()
        if count:
            raise FeatureStoreError(
                f"{what}: {count} rows have no {name.strip('_')}; every row needs keys and times"
            )


def _same_type(left: pl.DataFrame, right: pl.DataFrame, key: str, name: str) -> pl.DataFrame:
    wanted = right.schema[key]
    if not (left.schema[key].is_integer() and wanted.is_integer()):
        raise FeatureStoreError(
            f"key {name} is {left.schema[key]} in the entity rows and {wanted} in the features' table"
        )
    return left.with_columns(pl.col(key).cast(wanted))
