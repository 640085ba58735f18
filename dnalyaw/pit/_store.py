"""The bitemporal store: append-only Parquet by region and month, read as of a moment.

Layout below the store's URL, for one region and feed::

    us/bars/log/00000000000000000042.json       every data file of the table's 42nd state; made once, exclusively
    us/bars/data/2026-11/9c1b7d42....parquet    rows of one month of event_time, sorted by key; never changed

`docs/point-in-time.md` says what the three times mean and what a revision is.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from dnalyaw.pit._asof import AsOf
from dnalyaw.pit._errors import StoreError
from dnalyaw.pit._store_care import compact, vacuum
from dnalyaw.pit._store_folder import Folder
from dnalyaw.pit._store_log import DataFile, Manifest, TableLog
from dnalyaw.pit._store_read import Question, clusters_of, frame_of
from dnalyaw.pit._store_write import Appended, append

_LOG = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class BitemporalStore:
    """Tables of one fsspec URL, each append-only and read as of a moment.

    Parameters
    ----------
    url : str or Path
        A local folder, ``memory://NAME``, ``s3://BUCKET/PREFIX``, ...
    keys : mapping of feed to columns, optional
        Keys of feeds beside those of `dnalyaw.market.KEYS`.
    single_writer : bool
        Needed for a filesystem without exclusive create: the caller promises that one process at a time writes.
    **storage_options
        Options of the fsspec filesystem, such as ``endpoint_url``, ``key`` and ``secret`` for S3.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> import polars as pl
    >>> from dnalyaw.pit import AsOf, BitemporalStore
    >>> store = BitemporalStore("memory://example", keys={"points": ("name",)})
    >>> monday, tuesday = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 6, tzinfo=UTC)
    >>> rows = pl.DataFrame(
    ...     {"name": ["a"], "value": [1.0], "event_time": [monday], "available_at": [monday]},
    ...     schema_overrides={t: pl.Datetime("us", "UTC") for t in ("event_time", "available_at")},
    ... )
    >>> store.append("US", "points", rows, ingested_at=monday).rows
    1
    >>> store.append("US", "points", rows.with_columns(value=2.0), ingested_at=tuesday).revisions
    1
    >>> [store.read("US", "points", AsOf(at))["value"].item() for at in (monday, tuesday)]
    [1.0, 2.0]
    """

    def __init__(
        self,
        url: Any,
        *,
        keys: Mapping[str, Sequence[str]] | None = None,
        single_writer: bool = False,
        **storage_options: Any,
    ) -> None:
        self.folder = Folder(str(url), storage_options, single_writer=single_writer)
        self._keys = {feed: tuple(key) for feed, key in (keys or {}).items()}
        self._step: Callable[[str], None] = lambda _: None

    @property
    def url(self) -> str:
        return self.folder.url

    # -- writing ------------------------------------------------------------------------------------

    def append(self, region: str, feed: str, frame: pl.DataFrame, *, ingested_at: datetime) -> Appended:
        """Add what a delivery says that the table does not hold yet; all of it becomes visible in one step.

        Parameters
        ----------
        region, feed : str
        frame : polars.DataFrame
            Rows with the feed's key, ``event_time`` and ``available_at`` (UTC, microseconds).
        ingested_at : datetime
            When they were received, aware and in UTC. An append tried again with the same moment adds nothing.

        Raises
        ------
        StoreSchemaError
            If rows do not fit the table or contradict one another; nothing was written.
        StoreConflictError
            If other writers were faster at every try; nothing was written.
        StoreError
            If the place cannot be written, with what to do.
        """
        if ingested_at.tzinfo is None or ingested_at.utcoffset() != timedelta(0):
            raise ValueError(f"ingested_at must be an aware UTC datetime, got {ingested_at!r}")
        return append(
            self.folder, self._log(region, feed), self._key_of(feed), frame, ingested_at, self._step
        )

    def ingest(
        self, region: str, feed: str, frames: Iterable[pl.DataFrame], *, ingested_at: datetime
    ) -> Appended:
        """Append deliveries of any length piece by piece: memory holds one piece and the months it touches.

        Every piece is visible once it is committed. After a failure the whole may be ingested again with the same
        `ingested_at`: pieces that are held add nothing.
        """
        rows = revisions = commit = 0
        for number, frame in enumerate(frames, 1):
            done = self.append(region, feed, frame, ingested_at=ingested_at)
            rows, revisions, commit = rows + done.rows, revisions + done.revisions, done.commit
            _LOG.info("%s: %s %s: piece %d, %d rows so far", self.url, region, feed, number, rows)
        return Appended(rows, revisions, commit)

    # -- reading ------------------------------------------------------------------------------------

    def scan(
        self,
        region: str,
        feed: str,
        as_of: AsOf,
        *,
        instruments: Sequence[int] | None = None,
        columns: Sequence[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pl.LazyFrame:
        """The rows known at a moment, one a key, as a lazy frame in no promised order.

        Parameters
        ----------
        region, feed : str
        as_of : AsOf
            The moment of knowledge; required, with no default.
        instruments : sequence of int, optional
            Only these ``instrument_id``.
        columns : sequence of str, optional
            Only these columns.
        start, end : datetime, optional
            Only rows with ``start <= event_time < end``, aware and in UTC; only the months needed are read.

        Raises
        ------
        TypeError
            If `as_of` is no `AsOf`.
        StoreError
            If there is no such table or column.
        """
        question, manifest = self._question(region, feed, as_of, instruments, columns, start, end)
        return frame_of(self.folder, manifest, question, clusters_of(manifest, question))

    def read(self, region: str, feed: str, as_of: AsOf, **options: Any) -> pl.DataFrame:
        """The rows of `scan`, in memory; the same parameters, and ``sort=True`` sorts them by key."""
        sort = options.pop("sort", False)
        rows = self.scan(region, feed, as_of, **options).collect()
        if not sort:
            return rows
        return rows.sort([name for name in self.key(region, feed) if name in rows.columns])

    def batches(
        self, region: str, feed: str, as_of: AsOf, *, rows: int = 2_000_000, **options: Any
    ) -> Iterator[pl.DataFrame]:
        """The rows of `scan` in pieces, month after month, each of about `rows` rows: for what memory cannot hold."""
        named = ("instruments", "columns", "start", "end")
        given = [options.pop(name, None) for name in named]
        if options:
            raise TypeError(f"batches has no {', '.join(sorted(options))}; it has {', '.join(named)}")
        question, manifest = self._question(region, feed, as_of, *given)
        pending: list[list[DataFile]] = []
        count = 0
        for cluster in sorted(clusters_of(manifest, question), key=lambda c: min(f.month for f in c)):
            size = sum(file.rows for file in cluster)
            if pending and count + size > rows:
                yield frame_of(self.folder, manifest, question, pending).collect()
                pending, count = [], 0
            pending.append(cluster)
            count += size
        if pending:
            yield frame_of(self.folder, manifest, question, pending).collect()

    def _question(
        self,
        region: str,
        feed: str,
        as_of: AsOf,
        instruments: Sequence[int] | None,
        columns: Sequence[str] | None,
        start: datetime | None,
        end: datetime | None,
    ) -> tuple[Question, Manifest]:
        if not isinstance(as_of, AsOf):
            raise TypeError(f"{region} {feed} is read as of a moment: give an AsOf, not {as_of!r}")
        manifest = self.state(region, feed)
        question = Question(
            as_of=as_of,
            instruments=None if instruments is None else tuple(int(i) for i in instruments),
            columns=None if columns is None else tuple(columns),
            start=start,
            end=end,
        )
        question.check(f"{self.url}: {region} {feed}", manifest)
        return question, manifest

    # -- what is there ------------------------------------------------------------------------------

    def state(self, region: str, feed: str) -> Manifest:
        """The table's state in force; StoreError where nothing was ever appended."""
        manifest = self._log(region, feed).current()
        if manifest is None:
            raise StoreError(f"{self.url}: there is no table {region} {feed}; append to it first")
        return manifest

    def holds(self, region: str, feed: str) -> bool:
        """Whether there is a table."""
        return bool(self._log(region, feed).numbers())

    def key(self, region: str, feed: str) -> tuple[str, ...]:
        """The columns that name a row of a table."""
        return self.state(region, feed).key

    def files(self, region: str, feed: str) -> list[str]:
        """Paths of the data files of the state in force."""
        return [self.folder.path(file.name) for file in self.state(region, feed).files]

    # -- care ---------------------------------------------------------------------------------------

    def compact(self, region: str, feed: str) -> int:
        """Merge the small files of each month; see `dnalyaw.pit._store_care.compact`."""
        return compact(self.folder, self._log(region, feed), self._step)

    def vacuum(self, region: str, feed: str, *, older_than: timedelta) -> int:
        """Remove what no reader needs any more; see `dnalyaw.pit._store_care.vacuum`."""
        return vacuum(self.folder, self._log(region, feed), older_than, self._step)

    def _log(self, region: str, feed: str) -> TableLog:
        for name in (region, feed):
            if not _NAME.fullmatch(name):
                raise StoreError(f"{self.url}: {name!r} names no region or feed; use letters, digits, _ . -")
        return TableLog(self.folder, f"{region.lower()}/{feed}")

    def _key_of(self, feed: str) -> tuple[str, ...] | None:
        """The key of a feed as far as it is known without the table."""
        key = self._keys.get(feed)
        if key is None:
            from dnalyaw.market import KEYS

            key = KEYS.get(feed)
        return key
