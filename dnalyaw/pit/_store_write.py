"""Appending to a table: what is new is written beside what is there, and one commit makes it the table's."""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from dnalyaw.pit._errors import StoreConflictError, StoreError
from dnalyaw.pit._store_append import judged, prepared
from dnalyaw.pit._store_files import by_month, hull_of, meets, write_file
from dnalyaw.pit._store_folder import Folder
from dnalyaw.pit._store_log import DataFile, Manifest, TableLog

_LOG = logging.getLogger(__name__)

TRIES = 25
"""How often an append starts over when other writers were faster."""

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Appended:
    """What an append added.

    Attributes
    ----------
    rows : int
        Rows added; rows that the table held already are not counted.
    revisions : int
        Of these, rows that contradict one of the same key and ``available_at``.
    commit : int
        Number of the table's state that holds them.
    """

    rows: int
    revisions: int
    commit: int


def append(
    folder: Folder,
    log: TableLog,
    given_key: tuple[str, ...] | None,
    frame: pl.DataFrame,
    ingested_at: datetime,
    step: Step,
) -> Appended:
    """Add to a table what it does not hold yet; `BitemporalStore.append` says what is refused."""
    where = f"{folder.url}: {log.table}"
    for attempt in range(TRIES):
        current = log.current()
        key = _key(where, given_key, current)
        rows, schema = prepared(where, frame, current, key, ingested_at)
        base = current or Manifest(0, key, {})
        written: list[DataFile] = []
        try:
            revisions = _write(folder, log, base, rows, schema, written, step)
        except BaseException as error:
            _discard(folder, written)
            if isinstance(error, folder.faults):
                raise StoreError(
                    f"{where}: the rows could not be written ({error}); the table is as it was. Make room or restore "
                    f"the connection, and append again"
                ) from error
            raise
        if not written and schema == base.schema:
            return Appended(0, 0, base.seq)
        added = sum(file.rows for file in written)
        state = Manifest(
            seq=base.seq + 1,
            key=key,
            schema=schema,
            files=(*base.files, *written),
            what="append",
            at=datetime.now(UTC).isoformat(),
            token=uuid.uuid4().hex,
            revisions=base.revisions + revisions,
        )
        step("append: before commit")
        done = _commit(folder, log, state, where)
        if done:
            step("append: committed")
            _LOG.info("%s: %d rows added, %d of them revisions, state %d", where, added, revisions, state.seq)
            return Appended(added, revisions, state.seq)
        if done is False:
            _discard(folder, written)
        time.sleep(random.uniform(0, 0.02 * (attempt + 1)))
    raise StoreConflictError(
        f"{where}: other writers were faster {TRIES} times; nothing was written. Append again when they are done"
    )


def _key(where: str, given: tuple[str, ...] | None, current: Manifest | None) -> tuple[str, ...]:
    if current is not None:
        if given is not None and given != current.key:
            raise StoreError(f"{where} has the key {current.key}, not {given}; a table's key never changes")
        return current.key
    if given is None:
        raise StoreError(
            f"{where} is no feed of dnalyaw.market; give its key: BitemporalStore(url, keys=...)"
        )
    return given


def _write(
    folder: Folder,
    log: TableLog,
    base: Manifest,
    rows: pl.DataFrame,
    schema: dict[str, pl.DataType],
    written: list[DataFile],
    step: Step,
) -> int:
    """Write what is new, month by month; memory holds the delivery and one month of what is held."""
    revisions = 0
    for month, part in by_month(rows):
        hull = hull_of(part, base.key)
        near = [file for file in base.files if meets(file.hull, hull)]
        if near:
            keys = part.select(base.key).unique()
            held = folder.scan([file.name for file in near], schema)
            for name in hull:
                held = held.filter(pl.col(name).is_between(part[name].min(), part[name].max()))
            found = held.join(keys.lazy(), on=list(base.key), how="semi", nulls_equal=True).collect()
            part, revised = judged(part, found, base.key)
            revisions += revised
        if part.height:
            # A group of its own: only what one compaction split by key is known to share none.
            written.append(write_file(folder, log.table, month, part, base.key, uuid.uuid4().hex))
            step("append: file written")
    return revisions


def _commit(folder: Folder, log: TableLog, state: Manifest, where: str) -> bool | None:
    try:
        return log.commit(state)
    except folder.faults as error:
        # Its data files stay: the manifest may have reached its place before the fault.
        raise StoreError(
            f"{where}: the commit failed ({error}). The table holds the whole append or nothing of it; append again: "
            f"what it holds already adds nothing"
        ) from error


def _discard(folder: Folder, files: Iterable[DataFile]) -> None:
    for file in files:
        try:
            folder.remove(file.name)
        except folder.faults as error:
            _LOG.warning("%s stays behind (%s); vacuum removes it", folder.path(file.name), error)
