"""Parsers of the files in LEAN's folder layout: map files, factor files, daily bars, minute quotes and trades."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from dnalyaw.market.providers._base import ProviderError
from dnalyaw.market.providers._raw import mistaken, read_bytes
from dnalyaw.market.providers._text import Cells, read_cells, to_type

__all__ = [
    "FactorRow",
    "MapRow",
    "read_daily",
    "read_factor_file",
    "read_map_file",
    "read_minute_quotes",
    "read_minute_volume",
]

PRICE_SCALE = 10_000.0
"""LEAN writes US equity prices as integers, in ten-thousandths of a dollar."""


@dataclass(frozen=True, slots=True)
class MapRow:
    """One line of a map file: `ticker` was in use up to and including `until`; `venue_code` may be empty."""

    until: date
    ticker: str
    venue_code: str


@dataclass(frozen=True, slots=True)
class FactorRow:
    """One line of a factor file: factors of prices up to and including `until`, and the close of that day."""

    until: date
    price_factor: float
    split_factor: float
    reference_price: float


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    data = read_bytes(path)
    other = mistaken(data)
    if other is not None:
        raise ProviderError(f"{path}: is no text but {other[0]}; {other[1]}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ProviderError(f"{path}: is not UTF-8 text; restore the file from its source") from error
    return [
        (number, [field.strip() for field in line.split(",")])
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip()
    ]


def _day(text: str, path: Path, line: int) -> date:
    if len(text) == 8 and text.isascii() and text.isdigit():
        try:
            return datetime.strptime(text, "%Y%m%d").date()
        except ValueError:
            pass
    raise ProviderError(f"{path}: line {line}, column date holds {text[:40]!r}; want YYYYMMDD")


def read_map_file(path: Path) -> list[MapRow]:
    """Read the tickers that one instrument has had, oldest first.

    Raises
    ------
    ProviderError
        If a line is malformed or dates do not ascend.
    """
    rows: list[MapRow] = []
    for line, fields in _lines(path):
        if len(fields) < 2 or not fields[1]:
            raise ProviderError(f"{path}: line {line} lacks a ticker; want date,ticker[,venue]")
        row = MapRow(_day(fields[0], path, line), fields[1].upper(), fields[2] if len(fields) > 2 else "")
        if rows and row.until < rows[-1].until:
            raise ProviderError(
                f"{path}: line {line}, {row.until} comes after {rows[-1].until}; sort by date"
            )
        rows.append(row)
    if not rows:
        raise ProviderError(f"{path}: is empty; want date,ticker[,venue] lines, or remove the file")
    return rows


def read_factor_file(path: Path) -> list[FactorRow]:
    """Read the adjustment factors of one instrument, oldest first.

    Raises
    ------
    ProviderError
        If a line is malformed, a factor is not positive, or dates do not ascend.
    """
    rows: list[FactorRow] = []
    for line, fields in _lines(path):
        if len(fields) < 4:
            raise ProviderError(
                f"{path}: line {line} has {len(fields)} fields; "
                f"want date,price factor,split factor,reference price"
            )
        numbers = []
        for name, text in zip(("price factor", "split factor", "reference price"), fields[1:4], strict=True):
            try:
                number = float(text)
            except ValueError:
                number = float("nan")
            # The reference of the open-ended last line is 0; a factor of 0 would make prices vanish.
            if not 0 <= number < 1e12 or (number == 0 and name != "reference price"):
                raise ProviderError(
                    f"{path}: line {line}, column {name} holds {text[:40]!r}; want a positive number"
                )
            numbers.append(number)
        row = FactorRow(_day(fields[0], path, line), *numbers)
        if rows and row.until <= rows[-1].until:
            raise ProviderError(f"{path}: line {line}, {row.until} does not follow {rows[-1].until}")
        rows.append(row)
    return rows


_DAMAGED = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    EOFError,
    NotImplementedError,
    RuntimeError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
)
"""What `zipfile` raises on files that are cut, damaged, encrypted or something else."""


def _member(path: Path) -> tuple[str, bytes]:
    """The one file inside a zip: its name for messages, and its bytes."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if not n.endswith("/")]
            if len(names) != 1:
                raise ProviderError(f"{path}: holds {len(names)} files, want one CSV")
            return f"{path}!{names[0]}", archive.read(names[0])
    except _DAMAGED as error:
        with path.open("rb") as file:
            other = mistaken(file.read(1024))
        if other is not None and not other[0].startswith("a zip"):
            raise ProviderError(f"{path}: is no zip but {other[0]}; fetch the file again") from error
        raise ProviderError(f"{path}: is no readable zip ({error}); fetch the file again") from error
    except OSError as error:
        raise ProviderError(f"{path}: cannot be read ({error}); check the file") from error
    except ValueError as error:
        if isinstance(error, ProviderError):
            raise
        raise ProviderError(f"{path}: is no readable zip ({error}); fetch the file again") from error


def read_daily(path: Path) -> pl.DataFrame:
    """Read one zip of daily bars.

    Returns
    -------
    polars.DataFrame
        Columns `session` (date), `open`, `high`, `low`, `close` (currency units, raw) and `volume` (shares).

    Raises
    ------
    ProviderError
        If the zip or a line is malformed; the message names line and column.
    """
    where, data = _member(path)
    columns = ("date", "open", "high", "low", "close", "volume")
    cells = read_cells(data, where, columns=columns, hint="YYYYMMDD HH:MM,open,high,low,close,volume")
    days = Cells(where, cells.frame.select(pl.col("date").str.split(" ").list.first()), cells.lines)
    session = to_type(days, "date", pl.Date, date_format="%Y%m%d")
    numbers = [to_type(cells, name, pl.Float64) for name in columns[1:]]
    return _prices(pl.DataFrame([session.alias("session"), *numbers]), "open", "high", "low", "close")


def read_minute_quotes(path: Path) -> pl.DataFrame:
    """Read one zip of minute quote bars, keeping the quote that stood when each minute ended.

    Returns
    -------
    polars.DataFrame
        Columns `minute_end` (milliseconds of the exchange's local day), `bid`, `ask` (currency units, 0 where
        that side was absent), `bid_size`, `ask_size` (shares).

    Raises
    ------
    ProviderError
        If the zip or a line is malformed; the message names line and column.
    """
    where, data = _member(path)
    sides = [f"{side}_{part}" for side in ("bid", "ask") for part in ("open", "high", "low", "close", "size")]
    cells = read_cells(data, where, columns=("ms", *sides))
    start = to_type(cells, "ms", pl.Int64)
    outside = ((start < 0) | (start >= 86_400_000)).arg_true()
    if len(outside):
        line = cells.lines[int(outside[0])]
        raise ProviderError(f"{where}: line {line}, column ms is not within a day; want 0 to 86399999")
    wanted = {"bid": "bid_close", "ask": "ask_close", "bid_size": "bid_size", "ask_size": "ask_size"}
    numbers = [
        # An empty cell is a side without a quote: 0, as the platform writes it.
        to_type(cells, source, pl.Float64, nullable=True).fill_null(0.0).alias(name)
        for name, source in wanted.items()
    ]
    return _prices(pl.DataFrame([(start + 60_000).alias("minute_end"), *numbers]), "bid", "ask")


def _prices(frame: pl.DataFrame, *names: str) -> pl.DataFrame:
    """The named columns in currency units, each the double nearest to its decimal.

    Divided by NumPy: polars multiplies by the reciprocal instead, which is one bit off for a third of all prices.
    """
    return frame.with_columns(pl.Series(name, frame[name].to_numpy() / PRICE_SCALE) for name in names)


def read_minute_volume(path: Path) -> pl.DataFrame:
    """Read one zip of minute trade bars, keeping what traded in each minute.

    Returns
    -------
    polars.DataFrame
        Columns `minute_end` (milliseconds of the exchange's local day) and `volume` (shares).

    Raises
    ------
    ProviderError
        If the zip or a line is malformed; the message names line and column.
    """
    where, data = _member(path)
    cells = read_cells(data, where, columns=("ms", "open", "high", "low", "close", "volume"))
    start, volume = to_type(cells, "ms", pl.Int64), to_type(cells, "volume", pl.Float64)
    for name, outside, want in (
        ("ms", (start < 0) | (start >= 86_400_000), "0 to 86399999"),
        ("volume", ~(volume >= 0), "0 or more"),
    ):
        wrong = outside.arg_true()
        if len(wrong):
            raise ProviderError(f"{where}: line {cells.lines[int(wrong[0])]}, column {name}: want {want}")
    return pl.DataFrame([(start + 60_000).alias("minute_end"), volume.alias("volume")])
