"""Data files of a table: how rows are split into them, and which of them a question needs."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import polars as pl

from dnalyaw.pit._known import repeats
from dnalyaw.pit._store_folder import Folder
from dnalyaw.pit._store_log import DataFile, micros


def by_month(frame: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """The rows of each month of ``event_time`` (UTC), ascending."""
    event = pl.col("event_time")
    months = frame.select(event.dt.year().cast(pl.Int32) * 100 + event.dt.month()).to_series()
    for month in months.unique().sort():
        yield f"{month // 100:04d}-{month % 100:02d}", frame.filter(months == month)


def write_file(
    folder: Folder, table: str, month: str, frame: pl.DataFrame, key: Sequence[str], group: str
) -> DataFile:
    """Write rows of one month, sorted by key, to a new file; what it returns is to be committed."""
    ordered = frame.sort([*key, "available_at", "ingested_at"])
    name = f"{table}/data/{month}/{uuid.uuid4().hex}.parquet"
    size = folder.write_parquet(name, ordered)
    return DataFile(
        name=name,
        month=month,
        rows=ordered.height,
        size=size,
        lone=not ordered.select(repeats(key).any()).item(),
        group=group,
        hull=hull_of(ordered, key),
        available=_span(ordered["available_at"]),
        ingested=_span(ordered["ingested_at"]),
    )


def _span(column: pl.Series) -> tuple[int, int]:
    return micros(column.min()), micros(column.max())


def hull_of(frame: pl.DataFrame, key: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Least and greatest value of the key's columns, where they can be compared as numbers and none is null."""
    hull = {}
    for name in key:
        dtype = frame.schema[name]
        if (dtype.is_temporal() or dtype.is_integer()) and not frame[name].null_count():
            hull[name] = _span(frame[name])
    return hull


def meets(one: dict[str, tuple[int, int]], other: dict[str, tuple[int, int]]) -> bool:
    """Whether two hulls may hold one key: in no common column do they lie apart."""
    return not any(
        one[name][1] < other[name][0] or other[name][1] < one[name][0] for name in one if name in other
    )


def join_hulls(hulls: Iterable[dict[str, tuple[int, int]]]) -> dict[str, tuple[int, int]]:
    """The least hull around several."""
    joined: dict[str, tuple[int, int]] | None = None
    for hull in hulls:
        if joined is None:
            joined = dict(hull)
            continue
        joined = {
            name: (min(low, hull[name][0]), max(high, hull[name][1]))
            for name, (low, high) in joined.items()
            if name in hull
        }
    return joined or {}


def in_months(files: Sequence[DataFile], start: datetime | None, end: datetime | None) -> list[DataFile]:
    """Files that a question about ``[start, end)`` of ``event_time`` needs.

    Those of its months, and those of other months that may hold another version of one of their keys: a correction
    may have moved an event to another month, and what it moved away must not be answered as if it still stood.
    """
    if start is None and end is None:
        return list(files)
    first = "" if start is None else start.strftime("%Y-%m")
    last = "9999-99" if end is None else (end - timedelta(microseconds=1)).strftime("%Y-%m")
    chosen = [file for file in files if first <= file.month <= last]
    around = join_hulls(file.hull for file in chosen)
    names = {file.name for file in chosen}
    others = (file for file in files if file.name not in names)
    return [*chosen, *(file for file in others if chosen and meets(file.hull, around))]


def clusters(files: Sequence[DataFile]) -> list[list[DataFile]]:
    """Files in sets that share no key with one another: each can be read on its own.

    Two files may share a key when their hulls meet and no one compaction wrote both.
    """
    parent = list(range(len(files)))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    sweep = _sweep_column(files)
    order = sorted(range(len(files)), key=lambda n: files[n].hull[sweep][0] if sweep else 0)
    active: list[int] = []
    for number in order:
        file = files[number]
        if sweep:
            active = [n for n in active if files[n].hull[sweep][1] >= file.hull[sweep][0]]
        for other in active:
            if files[other].group != file.group and meets(files[other].hull, file.hull):
                parent[root(other)] = root(number)
        active.append(number)
    found: dict[int, list[DataFile]] = {}
    for number, file in enumerate(files):
        found.setdefault(root(number), []).append(file)
    return list(found.values())


def _sweep_column(files: Sequence[DataFile]) -> str | None:
    """The column by which files lie furthest apart, of those that every file has."""
    common = set.intersection(*(set(file.hull) for file in files)) if files else set()
    if not common:
        return None
    # The column with most distinct lower ends separates best.
    return max(sorted(common), key=lambda name: len({file.hull[name][0] for file in files}))
