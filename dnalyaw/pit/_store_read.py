"""How an as-of question is answered from a table's files: most of them need no look at time at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from dnalyaw.pit._asof import AsOf, as_of_filter
from dnalyaw.pit._errors import StoreError
from dnalyaw.pit._known import latest_known
from dnalyaw.pit._store_files import clusters, in_months
from dnalyaw.pit._store_folder import Folder
from dnalyaw.pit._store_log import DataFile, Manifest, micros

RESOLVED_ROWS = 2_000_000
"""Rows that are resolved at once, and so held in memory: a month with more of them is read on its own."""

_OTHER = "__other"


@dataclass(frozen=True, slots=True)
class Question:
    """What a reader asks of a table."""

    as_of: AsOf
    instruments: tuple[int, ...] | None = None
    columns: tuple[str, ...] | None = None
    start: datetime | None = None
    end: datetime | None = None

    def check(self, where: str, manifest: Manifest) -> None:
        """Refuse what the table has not."""
        for name, value in (("start", self.start), ("end", self.end)):
            if value is not None and (value.tzinfo is None or value.utcoffset() != UTC.utcoffset(None)):
                raise ValueError(f"{where}: {name} must be an aware UTC datetime, got {value!r}")
        missing = [name for name in self.columns or () if name not in manifest.schema]
        if missing:
            raise StoreError(
                f"{where}: there is no column {', '.join(missing)}; it has {', '.join(manifest.schema)}"
            )
        if self.instruments is not None and "instrument_id" not in manifest.schema:
            raise StoreError(f"{where}: it has no instrument_id, so it cannot be asked for instruments")

    @property
    def chosen(self) -> pl.Expr | None:
        """The predicate on instruments."""
        if self.instruments is None:
            return None
        return pl.col("instrument_id").is_in(pl.Series(self.instruments, dtype=pl.Int64).implode())

    @property
    def within(self) -> pl.Expr | None:
        """The predicate on ``event_time``."""
        utc = pl.Datetime("us", "UTC")
        within: pl.Expr | None = None
        if self.start is not None:
            within = pl.col("event_time") >= pl.lit(self.start).cast(utc)
        if self.end is not None:
            before = pl.col("event_time") < pl.lit(self.end).cast(utc)
            within = before if within is None else within & before
        return within


def clusters_of(manifest: Manifest, question: Question) -> list[list[DataFile]]:
    """The files that a question needs, in sets that share no key."""
    files = in_months(manifest.files, question.start, question.end)
    moment = micros(question.as_of.moment)
    by = None if question.as_of.ingested_by is None else micros(question.as_of.ingested_by)
    files = [f for f in files if f.available[0] <= moment and (by is None or f.ingested[0] <= by)]
    if question.instruments is not None and "instrument_id" in manifest.key:
        # Every version of a row has its instrument: a file without any of them has nothing to say.
        low, high = (min(question.instruments), max(question.instruments)) if question.instruments else (1, 0)
        files = [f for f in files if _overlaps(f, low, high)]
    return clusters(files)


def _overlaps(file: DataFile, low: int, high: int) -> bool:
    least, greatest = file.hull.get("instrument_id", (low, high))
    return least <= high and low <= greatest


def frame_of(
    folder: Folder, manifest: Manifest, question: Question, sets: Sequence[Sequence[DataFile]]
) -> pl.LazyFrame:
    """The answer from sets of files that share no key with one another."""
    moment = micros(question.as_of.moment)
    by = None if question.as_of.ingested_by is None else micros(question.as_of.ingested_by)
    whole: list[str] = []
    partly: list[str] = []
    frames: list[pl.LazyFrame] = []
    early = question.chosen if "instrument_id" in manifest.key else None
    late = question.chosen if early is None else None
    unresolved: list[Sequence[DataFile]] = []
    for files in sets:
        if len(files) > 1 or not files[0].lone:
            # Sets that share no key are resolved together up to a bound: a scan for each would cost more than it reads.
            if unresolved and _count([*unresolved, files]) > RESOLVED_ROWS:
                frames.append(_resolved(folder, manifest, question, unresolved, early))
                unresolved = []
            unresolved.append(files)
            continue
        (file,) = files
        known = file.available[1] <= moment and (by is None or file.ingested[1] <= by)
        (whole if known else partly).append(file.name)
    if unresolved:
        frames.append(_resolved(folder, manifest, question, unresolved, early))
    if whole:
        frames.append(_kept(folder.scan(whole, manifest.schema), early))
    if partly:
        frames.append(_kept(folder.scan(partly, manifest.schema), early).filter(as_of_filter(question.as_of)))
    if not frames:
        frames.append(pl.LazyFrame(schema=manifest.schema))
    answer = _kept(_kept(frames[0] if len(frames) == 1 else pl.concat(frames), question.within), late)
    return answer if question.columns is None else answer.select(question.columns)


def _kept(frame: pl.LazyFrame, predicate: pl.Expr | None) -> pl.LazyFrame:
    return frame if predicate is None else frame.filter(predicate)


def _resolved(
    folder: Folder,
    manifest: Manifest,
    question: Question,
    sets: Sequence[Sequence[DataFile]],
    early: pl.Expr | None,
) -> pl.LazyFrame:
    """Files that may hold several statements of one key, resolved when the answer is collected."""
    key, as_of = manifest.key, question.as_of
    # Of each set the largest file in which every key stands once: a key that stands twice stands in another one too,
    # so that only the keys of the others, mostly a few corrections, have to be looked at.
    lone = [max((file for file in files if file.lone), key=_rows, default=None) for files in sets]
    base = {file.name for file in lone if file is not None}
    others = [file.name for files in sets for file in files if file.name not in base]

    def known(names: Sequence[str]) -> pl.LazyFrame:
        return _kept(folder.scan(names, manifest.schema), early).filter(as_of_filter(as_of))

    def resolve(frame: pl.DataFrame) -> pl.DataFrame:
        suspects = frame.filter(_OTHER).select(key).unique()
        return latest_known(frame.drop(_OTHER), key, as_of, suspects=suspects)

    parts = [
        known(names).with_columns(pl.lit(other).alias(_OTHER))
        for names, other in ((sorted(base), False), (others, True))
        if names
    ]
    # Which statement holds is decided by every column and before any later predicate: nothing is pushed past it.
    return pl.concat(parts).map_batches(
        resolve,
        predicate_pushdown=False,
        projection_pushdown=False,
        slice_pushdown=False,
        schema=manifest.schema,
        validate_output_schema=True,
    )


def _count(sets: Sequence[Sequence[DataFile]]) -> int:
    return sum(file.rows for files in sets for file in files)


def _rows(file: DataFile) -> int:
    return file.rows
