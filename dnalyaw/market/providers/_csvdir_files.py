"""Files of a user's folder, CSV or Parquet, as typed columns with errors that name file, line and column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from dnalyaw.market._schema import UTC
from dnalyaw.market._sessions import FIRST_DAY, LAST_DAY
from dnalyaw.market.providers._base import ProviderError
from dnalyaw.market.providers._text import Cells, read_cells, to_type

__all__ = ["FORMS", "Column", "find_file", "read_file"]

_MOMENT = "a time with offset, e.g. 2024-03-01T21:00:00Z"


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a file may have.

    Attributes
    ----------
    dtype : polars type
    required : bool
        Whether the file must have it.
    nullable : bool
        Whether a cell may be empty.
    """

    dtype: pl.DataType = field(default_factory=pl.Float64)
    required: bool = False
    nullable: bool = False


_TEXT, _WHOLE, _DAY = pl.String(), pl.Int64(), pl.Date()
_WHO = {"instrument_id": Column(_WHOLE), "label": Column(_TEXT), "region": Column(_TEXT)}
_WHEN = {"event_time": Column(UTC), "available_at": Column(UTC), "currency": Column(_TEXT)}

FORMS: Mapping[str, Mapping[str, Column]] = {
    "bars": {
        **_WHO,
        "session": Column(_DAY, required=True),
        "open": Column(),
        "high": Column(),
        "low": Column(),
        "close": Column(required=True),
        "volume": Column(),
        **_WHEN,
    },
    "instruments": {
        **_WHO,
        "label": Column(_TEXT, required=True),
        "issuer_id": Column(_WHOLE, nullable=True),
        "sector": Column(_TEXT, nullable=True),
        "lot": Column(_WHOLE, nullable=True),
        "tick": Column(nullable=True),
        "valid_from": Column(_DAY, nullable=True),
        "valid_to": Column(_DAY, nullable=True),
        "listed_on": Column(_DAY, nullable=True),
        "delisted_on": Column(_DAY, nullable=True),
        "last_price": Column(nullable=True),
        "asset_class": Column(_TEXT, nullable=True),
        "multiplier": Column(nullable=True),
        "expires_on": Column(_DAY, nullable=True),
        "currency": Column(_TEXT),
    },
    "actions": {
        **_WHO,
        "ex_date": Column(_DAY, required=True),
        "kind": Column(_TEXT, required=True),
        "ratio": Column(nullable=True),
        "amount": Column(nullable=True),
        **_WHEN,
    },
    "quotes": {
        **_WHO,
        "bid": Column(required=True, nullable=True),
        "ask": Column(required=True, nullable=True),
        "bid_size": Column(nullable=True),
        "ask_size": Column(nullable=True),
        **_WHEN,
        "event_time": Column(UTC, required=True),
    },
    "fundamentals": {
        **_WHO,
        "metric": Column(_TEXT, required=True),
        "period_end": Column(_DAY, required=True),
        "value": Column(required=True),
        "form": Column(_TEXT, nullable=True),
        "event_time": Column(UTC),
        "available_at": Column(UTC, required=True),
    },
}
"""Columns of each file, as docs/own-data.md describes them."""


def find_file(folder: Path, feed: str) -> Path | None:
    """Return the file of a feed in a folder, None where there is none.

    Raises
    ------
    ProviderError
        If both a CSV and a Parquet file are there.
    """
    found = [path for suffix in (".csv", ".parquet") if (path := folder / f"{feed}{suffix}").is_file()]
    if len(found) > 1:
        raise ProviderError(f"{folder}: holds both {feed}.csv and {feed}.parquet; remove one of them")
    return found[0] if found else None


def read_file(path: Path, feed: str) -> pl.DataFrame:
    """Read a file of a feed into typed columns; columns that it lacks are left out.

    Returns
    -------
    polars.DataFrame
        The file's columns and `__line`, the line (CSV) or row (Parquet) that each row stands on.

    Raises
    ------
    ProviderError
        If a column is missing or unknown, or a cell is malformed.
    """
    form = FORMS[feed]
    if path.suffix == ".csv":
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ProviderError(
                f"{path}: cannot be read ({error.strerror}); check its permissions"
            ) from error
        cells = read_cells(data, str(path), hint=",".join(c for c, how in form.items() if how.required))
        _check_columns(cells.frame.columns, path, feed)
        series = [_from_text(cells, name, form[name]) for name in cells.frame.columns]
        lines = pl.Series("__line", cells.lines, dtype=pl.Int64)
    else:
        try:
            frame = pl.read_parquet(path)
        # A damaged file makes the reader panic, and a panic is no Exception.
        except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            first = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ProviderError(f"{path}: is no readable Parquet file ({first}); write it again") from error
        _check_columns(frame.columns, path, feed)
        series = [_from_parquet(frame[name], form[name], path) for name in frame.columns]
        lines = pl.Series("__line", range(1, frame.height + 1), dtype=pl.Int64)
    frame = pl.DataFrame([*series, lines])
    _check_span(frame, path)
    return frame


def _check_span(frame: pl.DataFrame, path: Path) -> None:
    """Refuse days outside the calendars; a listing may be older than they are."""
    first, last = pl.lit(FIRST_DAY), pl.lit(LAST_DAY)
    for name, dtype in frame.schema.items():
        if dtype == pl.Date and name != "period_end":
            day = pl.col(name)
        elif dtype == UTC:
            day = pl.col(name).dt.date()
        else:
            continue
        old = name in ("valid_from", "listed_on")
        odd = frame.filter((day > last) if old else ~day.is_between(first, last))
        if odd.height:
            line, seen = odd.select("__line", name).row(0)
            hint = "; leave it empty while it holds" if name in ("valid_to", "delisted_on") else ""
            raise ProviderError(
                f"{path}: line {line}, column {name} holds {seen}; "
                f"want a day from {FIRST_DAY} to {LAST_DAY}{hint}"
            )


def _check_columns(names: list[str], path: Path, feed: str) -> None:
    form = FORMS[feed]
    unknown = [name for name in names if name not in form]
    missing = [name for name, how in form.items() if how.required and name not in names]
    if missing:
        raise ProviderError(f"{path}: lacks the column {', '.join(missing)}; see docs/own-data.md")
    if unknown:
        raise ProviderError(
            f"{path}: has the unknown column {', '.join(unknown)}; remove it, or use one of {', '.join(form)}"
        )
    if "instrument_id" not in names and "label" not in names:
        raise ProviderError(f"{path}: says not whose rows these are; add a column label or instrument_id")


def _from_text(cells: Cells, name: str, how: Column) -> pl.Series:
    if how.dtype != UTC:
        typed = to_type(cells, name, how.dtype, nullable=how.nullable)
    else:
        raw = cells.frame[name]
        iso = raw.str.replace(r"[zZ]$", "+00:00").str.replace(" ", "T", literal=True)
        typed = iso.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", time_unit="us", strict=False)
        bad = typed.is_null() & raw.is_not_null() if how.nullable else typed.is_null()
        if bad.any():
            at = int(bad.arg_true()[0])
            seen = "is empty" if raw[at] is None else f"holds {raw[at][:40]!r}"
            raise ProviderError(
                f"{cells.where}: line {cells.lines[at]}, column {name} {seen}; want {_MOMENT}"
            )
    return typed.alias(name)


def _from_parquet(raw: pl.Series, how: Column, path: Path) -> pl.Series:
    have, want = raw.dtype, how.dtype
    fits = (
        have == want
        or have == pl.Null
        or (want == pl.Float64 and have.is_numeric())
        or (want == pl.Int64 and have.is_integer())
        or (want == pl.String and isinstance(have, pl.Categorical | pl.Enum))
        or (want == UTC and isinstance(have, pl.Datetime) and have.time_zone is not None)
    )
    if not fits:
        wanted = _MOMENT if want == UTC else str(want)
        raise ProviderError(f"{path}: column {raw.name} has type {have}; want {wanted}")
    if want == UTC and isinstance(have, pl.Datetime):
        raw = raw.dt.convert_time_zone("UTC")
    typed = raw.cast(want, strict=False)
    if want == pl.Float64:
        typed = typed.set(typed.is_nan() | typed.is_infinite(), None)
    bad = typed.is_null() & raw.is_not_null() if how.nullable else typed.is_null()
    if bad.any():
        at = int(bad.arg_true()[0])
        seen = "is null" if raw[at] is None else f"holds {raw[at]!r}"
        raise ProviderError(f"{path}: row {at + 1}, column {raw.name} {seen}; want {want}")
    return typed
