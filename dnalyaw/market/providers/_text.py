"""Reading delimited text so that every error names file, line, column and what to do."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from dnalyaw.market.providers._base import ProviderError
from dnalyaw.market.providers._raw import mistaken

__all__ = ["Cells", "read_cells", "to_type"]

_FORMATS = {pl.Date: "YYYY-MM-DD", pl.Int64: "a whole number", pl.Float64: "a finite number"}


@dataclass(frozen=True, slots=True)
class Cells:
    """Strings of a delimited file, null where a cell was empty, and the line that holds each row."""

    where: str
    frame: pl.DataFrame
    lines: Sequence[int]


def read_cells(data: bytes, where: str, *, columns: Sequence[str] | None = None, hint: str = "") -> Cells:
    """Read comma-separated text as strings.

    Parameters
    ----------
    data : bytes
        UTF-8 text.
    where : str
        Name of the file in messages.
    columns : sequence of str, optional
        Names of the columns of a file without a header; None when the first line is the header.
    hint : str
        What a line should look like, for messages.

    Raises
    ------
    ProviderError
        If it evidently is no CSV (gzip, a web page, ...), is not UTF-8 or holds NUL bytes, quotes are unbalanced, a
        line has another number of fields, or a header repeats a name.
    """
    other = mistaken(data)
    if other is not None:
        raise ProviderError(f"{where}: is no CSV but {other[0]}; {other[1]}")
    if b"\0" in data:
        line = data[: data.index(b"\0")].count(b"\n") + 1
        raise ProviderError(
            f"{where}: line {line} holds a NUL byte: it is UTF-16, or damaged; save it as UTF-8, or fetch it again"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ProviderError(f"{where}: line {line} is not UTF-8 text; save the file as UTF-8") from error
    # csv, not polars: polars pads short lines with null, and loses the number of the line.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    names = list(columns) if columns is not None else None
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if names is None:
                names = _header(row, where)
                continue
            # A file that was appended to itself, or to another of its kind.
            if columns is None and [cell.strip() for cell in row] == names:
                raise ProviderError(
                    f"{where}: line {reader.line_num} is the header again; keep one header at the top"
                )
            if len(row) != len(names):
                raise ProviderError(
                    f"{where}: line {reader.line_num} has {len(row)} fields, want {len(names)}: "
                    f"{hint or ','.join(names)}"
                )
            rows.append(row)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise ProviderError(f"{where}: line {reader.line_num}: {error}; correct the quoting") from error
    if names is None:
        raise ProviderError(f"{where}: is empty; the first line should be the header{hint and ': ' + hint}")
    transposed = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    frame = pl.DataFrame(
        [pl.Series(name, cells, dtype=pl.String) for name, cells in zip(names, transposed, strict=True)]
    )
    return Cells(where, frame.with_columns(pl.all().str.strip_chars().replace("", None)), lines)


def _header(row: list[str], where: str) -> list[str]:
    names = [cell.strip() for cell in row]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ProviderError(f"{where}: the header names {', '.join(map(repr, repeated))} twice; keep one")
    if len(names) == 1:
        for mark, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if mark in names[0]:
                raise ProviderError(
                    f"{where}: line 1 separates by {word}; separate by commas and write decimal points"
                )
    if "" in names:
        raise ProviderError(
            f"{where}: column {names.index('') + 1} of the header has no name; name or remove it"
        )
    return names


def to_type(
    cells: Cells,
    column: str,
    dtype: pl.DataType | type[pl.DataType],
    *,
    nullable: bool = False,
    date_format: str = "%Y-%m-%d",
) -> pl.Series:
    """Turn a column of strings into numbers or dates.

    Parameters
    ----------
    cells : Cells
    column : str
    dtype : polars type
        `Int64`, `Float64`, `Date` or `String`.
    nullable : bool, default False
        Whether an empty cell is allowed.
    date_format : str
        `strftime` form of dates.

    Raises
    ------
    ProviderError
        If a cell is empty or malformed; the message names line, column and cell.
    """
    raw = cells.frame[column]
    base = dtype if isinstance(dtype, type) else type(dtype)
    if base is pl.String:
        typed = raw
    elif base is pl.Date:
        typed = raw.str.to_date(date_format, strict=False, exact=True)
    elif base is pl.Int64:
        typed = raw.cast(pl.Int64, strict=False)
    else:
        typed = raw.cast(pl.Float64, strict=False)
        typed = typed.set(typed.is_nan() | typed.is_infinite(), None)
    bad = typed.is_null()
    if nullable:
        bad &= raw.is_not_null()
    if bad.any():
        index = bad.arg_true()[0]
        cell = raw[index]
        form = _FORMATS.get(base, "text")
        if base is pl.Date and date_format != "%Y-%m-%d":
            form = f"a date as {date_format}"
        if base in (pl.Float64, pl.Int64) and cell is not None and {",", "'", " ", "\u00a0"} & set(str(cell)):
            form += " with a decimal point and no thousands separators, e.g. 1234.5"
        found = "is empty" if cell is None else f"holds {str(cell)[:40]!r}"
        raise ProviderError(f"{cells.where}: line {cells.lines[index]}, column {column} {found}; want {form}")
    return typed
