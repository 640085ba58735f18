"""The commit log of one table: numbered manifests, each whole and made exclusively.

``log/00000000000000000042.json`` lists every data file of the table's 42nd state. A state becomes the table's by the
one step that creates its manifest; of two writers who want number 43 one gets it and the other starts over from there.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from dnalyaw.pit._errors import StoreError, StoreSchemaError
from dnalyaw.pit._store_folder import Folder

FORMAT = 1
EMPTIED = b"{}"
"""What `vacuum` leaves of an old manifest. The number stays taken: a writer that slept must not get it again."""

UTC_MICRO = pl.Datetime("us", "UTC")

TYPES: dict[str, pl.DataType] = {
    "int64": pl.Int64(),
    "int32": pl.Int32(),
    "uint32": pl.UInt32(),
    "uint64": pl.UInt64(),
    "int8": pl.Int8(),
    "float64": pl.Float64(),
    "float32": pl.Float32(),
    "string": pl.String(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "utc": UTC_MICRO,
}
"""Column types a table may have, by the name they have in a manifest."""

_NAMES = {dtype: name for name, dtype in TYPES.items()}

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet file of a table.

    Attributes
    ----------
    name : str
        Below the table's folder: ``data/2026-11/....parquet``.
    month : str
        ``YYYY-MM`` of the ``event_time`` of its rows, in UTC.
    rows, size : int
        Rows; bytes.
    lone : bool
        Every key stands in it once.
    group : str
        Files of one group share no key: they were written by one compaction.
    hull : dict
        Least and greatest value of the key's dates, moments and whole numbers (days, microseconds, themselves); a
        column that holds null is left out.
    available, ingested : tuple of int
        Least and greatest ``available_at`` and ``ingested_at``, microseconds since the epoch.
    """

    name: str
    month: str
    rows: int
    size: int
    lone: bool
    group: str
    hull: dict[str, tuple[int, int]]
    available: tuple[int, int]
    ingested: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Manifest:
    """One state of a table."""

    seq: int
    key: tuple[str, ...]
    schema: dict[str, pl.DataType]
    files: tuple[DataFile, ...] = ()
    what: str = ""
    at: str = ""
    token: str = ""
    revisions: int = 0
    """Revisions that ever came in."""

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    def to_bytes(self) -> bytes:
        """The manifest as it lies on disk."""
        record: dict[str, Any] = {
            "format": FORMAT,
            "seq": self.seq,
            "what": self.what,
            "at": self.at,
            "token": self.token,
            "revisions": self.revisions,
            "key": self.key,
            "schema": {name: type_name(name, dtype) for name, dtype in self.schema.items()},
            "files": [asdict(file) for file in self.files],
        }
        return json.dumps(record, separators=(",", ":")).encode()


def type_name(column: str, dtype: pl.DataType) -> str:
    """The name of a type in a manifest; StoreSchemaError for one that no table may have."""
    try:
        return _NAMES[dtype]
    except KeyError:
        raise StoreSchemaError(
            f"column {column} is {dtype}; a table holds {', '.join(str(held) for held in _NAMES)}"
        ) from None


def _parse(path: str, data: bytes) -> Manifest:
    try:
        raw = json.loads(data)
        if raw["format"] != FORMAT:
            raise StoreError(f"{path}: format {raw['format']}, this program reads {FORMAT}")
        files = tuple(
            DataFile(
                **{
                    **item,
                    "hull": {name: (low, high) for name, (low, high) in item["hull"].items()},
                    "available": tuple(item["available"]),
                    "ingested": tuple(item["ingested"]),
                }
            )
            for item in raw["files"]
        )
        schema = {name: TYPES[dtype] for name, dtype in raw["schema"].items()}
        return Manifest(
            raw["seq"],
            tuple(raw["key"]),
            schema,
            files,
            raw["what"],
            raw["at"],
            raw["token"],
            raw["revisions"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path}: this manifest is damaged ({error!r}); restore it from a copy") from error


class TableLog:
    """The manifests of one table."""

    def __init__(self, folder: Folder, table: str) -> None:
        self.folder = folder
        self.table = table

    def name(self, seq: int) -> str:
        return f"{self.table}/log/{seq:020d}.json"

    def numbers(self) -> list[int]:
        """Every number taken, ascending."""
        names = self.folder.names(f"{self.table}/log")
        return sorted(int(name[:-5]) for name in names if name.endswith(".json") and name[:-5].isdigit())

    def current(self) -> Manifest | None:
        """The state in force; None for a table that holds nothing yet."""
        numbers = self.numbers()
        return self.at(numbers[-1]) if numbers else None

    def at(self, seq: int) -> Manifest:
        """The state of a number; StoreError where `vacuum` emptied it."""
        name = self.name(seq)
        try:
            data = self.folder.read(name)
        except FileNotFoundError:
            raise StoreError(f"{self.folder.path(name)}: there is no such state of the table") from None
        if data == EMPTIED:
            raise StoreError(f"{self.folder.path(name)}: vacuum removed this state of the table")
        return _parse(self.folder.path(name), data)

    def commit(self, manifest: Manifest) -> bool | None:
        """Make a state the table's.

        Returns
        -------
        bool or None
            False when its number is taken by another; None when it is taken and `vacuum` has emptied it, so that
            nobody can say by whom: what the manifest names must be left where it is.
        """
        name = self.name(manifest.seq)
        if self.folder.create(name, manifest.to_bytes()):
            return True
        # A client that tries again after a lost answer is refused by its own first try.
        taken = self.folder.read(name)
        if taken == EMPTIED:
            return None
        return _parse(self.folder.path(name), taken).token == manifest.token


def micros(value: object) -> int:
    """A key's value as a number that boxes can be compared by."""
    if isinstance(value, datetime):
        return (value - EPOCH) // timedelta(microseconds=1)
    if isinstance(value, date):
        return value.toordinal()
    if isinstance(value, int):
        return value
    raise TypeError(f"{value!r} is no moment, day or whole number")
