"""The care of a table: small files merged, and what no reader needs any more removed. No answer changes."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl

from dnalyaw.pit._errors import StoreConflictError, StoreError
from dnalyaw.pit._store_files import write_file
from dnalyaw.pit._store_folder import Folder
from dnalyaw.pit._store_log import EMPTIED, DataFile, Manifest, TableLog

_LOG = logging.getLogger(__name__)

SMALL_ROWS = 1_000_000
"""A file with fewer rows is merged with others of its month."""

MERGED_ROWS = 4_000_000
"""The most rows that are merged, and so held in memory, at once."""

ORPHAN_AGE = timedelta(hours=1)
"""How long an append may take from its first file to its commit."""

_TRIES = 10

Step = Callable[[str], None]


def compact(folder: Folder, log: TableLog, step: Step) -> int:
    """Merge the small files of each month, and set keys with one statement apart from those with several.

    Rows are carried over as they are, so every answer stays what it was, for every moment and every
    ``ingested_by``. The files merged stay where they are for readers who began before; `vacuum` removes them.

    Returns
    -------
    int
        Files merged; 0 when there was nothing to do.

    Raises
    ------
    StoreConflictError
        If other writers were faster at every try; the table is as it was.
    """
    for _ in range(_TRIES):
        current = log.current()
        if current is None:
            return 0
        merged: list[tuple[list[DataFile], list[DataFile]]] = []
        try:
            for old in _small_files(current):
                merged.append((old, []))
                _merge(folder, log, current, old, merged[-1][1])
                step("compact: file written")
        except BaseException as error:
            _discard(folder, merged)
            if isinstance(error, folder.faults):
                raise StoreError(
                    f"{folder.url}: {log.table} could not be compacted ({error}); the table is as it was"
                ) from error
            raise
        if not merged:
            return 0
        # Appends that came meanwhile are carried along; another compaction has taken the files away.
        for _ in range(_TRIES):
            latest = log.current() or current
            if not {f.name for old, _ in merged for f in old} <= {f.name for f in latest.files}:
                break
            step("compact: before commit")
            done = log.commit(_without(latest, merged))
            if done is None:
                raise StoreConflictError(f"{folder.url}: {log.table}: vacuum ran meanwhile; compact again")
            if done:
                step("compact: committed")
                count = sum(len(old) for old, _ in merged)
                _LOG.info("%s: %s: %d files merged", folder.url, log.table, count)
                return count
        _discard(folder, merged)
    raise StoreConflictError(
        f"{folder.url}: {log.table}: other writers were faster; compact again when they are done"
    )


def _small_files(manifest: Manifest) -> Iterator[list[DataFile]]:
    """Sets of files of one month that are worth merging."""
    months: dict[str, list[DataFile]] = {}
    for file in manifest.files:
        if file.rows < SMALL_ROWS:
            months.setdefault(file.month, []).append(file)
    for files in months.values():
        if len({file.group for file in files}) == 1:
            continue  # one file, or what a compaction split by key and nothing was added to
        batch: list[DataFile] = []
        for file in sorted(files, key=lambda f: f.rows):
            if batch and sum(f.rows for f in batch) + file.rows > MERGED_ROWS:
                break
            batch.append(file)
        if len(batch) > 1:
            yield batch


def _merge(
    folder: Folder, log: TableLog, manifest: Manifest, old: list[DataFile], new: list[DataFile]
) -> None:
    rows = folder.scan([file.name for file in old], manifest.schema).collect()
    several = rows.select(pl.struct(manifest.key).is_duplicated()).to_series()
    group = uuid.uuid4().hex
    for part in (rows.filter(~several), rows.filter(several)):
        if part.height:
            new.append(write_file(folder, log.table, old[0].month, part, manifest.key, group))


def _without(latest: Manifest, merged: list[tuple[list[DataFile], list[DataFile]]]) -> Manifest:
    gone = {file.name for old, _ in merged for file in old}
    kept = [file for file in latest.files if file.name not in gone]
    return replace(
        latest,
        seq=latest.seq + 1,
        files=(*kept, *(file for _, new in merged for file in new)),
        what="compact",
        at=datetime.now(UTC).isoformat(),
        token=uuid.uuid4().hex,
    )


def _discard(folder: Folder, merged: list[tuple[list[DataFile], list[DataFile]]]) -> None:
    for _, new in merged:
        for file in new:
            folder.remove(file.name)


def vacuum(folder: Folder, log: TableLog, older_than: timedelta, step: Step) -> int:
    """Remove data files that only states replaced longer than `older_than` ago have, or that no state has.

    A file that no state names may be of an append that is about to commit: it stays for `ORPHAN_AGE` at the least.

    Parameters
    ----------
    older_than : timedelta
        Longer than the longest read: a reader who began earlier loses its files.

    Returns
    -------
    int
        Data files removed.
    """
    if older_than < timedelta(0):
        raise ValueError(f"older_than must not be negative, got {older_than}")
    now = datetime.now(UTC)
    needed: set[str] = set()
    given_up: set[str] = set()
    # A state is in force until the next one is made.
    replaced_at: datetime | None = None
    for seq in reversed(log.numbers()):
        name = log.name(seq)
        if replaced_at is None or replaced_at > now - older_than:
            state = log.at(seq)
            needed |= {file.name for file in state.files}
            replaced_at = datetime.fromisoformat(state.at)
        elif folder.read(name) != EMPTIED:
            given_up |= {file.name for file in log.at(seq).files}
            folder.replace(name, EMPTIED)
            step("vacuum: manifest emptied")
    removed = 0
    for name in folder.walk(f"{log.table}/data"):
        if name in needed:
            continue
        if name in given_up or folder.made_at(name) < now - max(older_than, ORPHAN_AGE):
            folder.remove(name)
            step("vacuum: file removed")
            removed += 1
    _LOG.info("%s: %s: %d files removed", folder.url, log.table, removed)
    return removed
