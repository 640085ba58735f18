"""The tables that providers deliver: their columns, types, keys and nullability.

`docs/contracts.md` is the source; this module is its form in code.
"""

from __future__ import annotations

import polars as pl

__all__ = [
    "ACTION_KINDS",
    "ASSET_CLASSES",
    "FEEDS",
    "KEYS",
    "MARKET_EVENTS",
    "NULLABLE",
    "SCHEMAS",
    "UTC",
    "SchemaError",
    "conform",
    "empty",
]

UTC = pl.Datetime("us", "UTC")
"""Type of every moment in a table."""

_TIMES: dict[str, pl.DataType] = {"event_time": UTC, "available_at": UTC}

SCHEMAS: dict[str, dict[str, pl.DataType]] = {
    "instruments": {
        "instrument_id": pl.Int64(),
        "issuer_id": pl.Int64(),
        "label": pl.String(),
        "ticker": pl.String(),
        "venue": pl.String(),
        "currency": pl.String(),
        "sector": pl.String(),
        "lot": pl.Int64(),
        "tick": pl.Float64(),
        "valid_from": pl.Date(),
        "valid_to": pl.Date(),
        "listed_on": pl.Date(),
        "delisted_on": pl.Date(),
        "last_price": pl.Float64(),
        "asset_class": pl.String(),
        "multiplier": pl.Float64(),
        "expires_on": pl.Date(),
        **_TIMES,
    },
    "bars": {
        "instrument_id": pl.Int64(),
        "session": pl.Date(),
        "open": pl.Float64(),
        "high": pl.Float64(),
        "low": pl.Float64(),
        "close": pl.Float64(),
        "volume": pl.Float64(),
        "currency": pl.String(),
        **_TIMES,
    },
    "quotes": {
        "instrument_id": pl.Int64(),
        "session": pl.Date(),
        "bid": pl.Float64(),
        "ask": pl.Float64(),
        "bid_size": pl.Float64(),
        "ask_size": pl.Float64(),
        "currency": pl.String(),
        **_TIMES,
    },
    "actions": {
        "instrument_id": pl.Int64(),
        "ex_date": pl.Date(),
        "kind": pl.String(),
        "ratio": pl.Float64(),
        "amount": pl.Float64(),
        "currency": pl.String(),
        "price": pl.Float64(),
        "other_id": pl.Int64(),
        **_TIMES,
    },
    "fundamentals": {
        "instrument_id": pl.Int64(),
        "metric": pl.String(),
        "period_end": pl.Date(),
        "value": pl.Float64(),
        "form": pl.String(),
        "period_start": pl.Date(),
        "unit": pl.String(),
        "accession": pl.String(),
        **_TIMES,
    },
    "series": {
        "series": pl.String(),
        "session": pl.Date(),
        "value": pl.Float64(),
        "unit": pl.String(),
        **_TIMES,
    },
    "borrow": {
        "instrument_id": pl.Int64(),
        "session": pl.Date(),
        "fee": pl.Float64(),
        "available": pl.Float64(),
        **_TIMES,
    },
}
"""Column types of each feed, in column order."""

ASSET_CLASSES: tuple[str, ...] = ("equity", "etf", "index", "future")
"""What an instrument can be; null in a table means equity."""

ACTION_KINDS: tuple[str, ...] = (
    "split",
    "dividend",
    "stock_dividend",
    "rights",
    "spin_off",
    "merger",
    "symbol_change",
    "delisting",
)
"""What can happen to an instrument; `docs/contracts.md` says which columns each fills."""

FEEDS: tuple[str, ...] = tuple(SCHEMAS)

KEYS: dict[str, tuple[str, ...]] = {
    "instruments": ("instrument_id", "valid_from"),
    "bars": ("instrument_id", "session"),
    "quotes": ("instrument_id", "event_time"),
    "actions": ("instrument_id", "ex_date", "kind"),
    "fundamentals": ("instrument_id", "metric", "period_start", "period_end", "available_at"),
    "series": ("series", "session"),
    "borrow": ("instrument_id", "session"),
}
"""Columns that identify one row of a feed."""

NULLABLE: dict[str, frozenset[str]] = {
    "instruments": frozenset(
        {"sector", "valid_to", "delisted_on", "last_price", "asset_class", "multiplier", "expires_on"}
    ),
    # open, high, low and volume are null in close-only data; the gates allow that for such providers alone.
    "bars": frozenset({"open", "high", "low", "volume"}),
    "quotes": frozenset(),
    "actions": frozenset({"ratio", "amount", "price", "other_id"}),
    "fundamentals": frozenset({"period_start", "unit", "accession"}),
    "series": frozenset(),
    "borrow": frozenset({"fee", "available"}),
}
"""Columns of each feed that may hold null."""

MARKET_EVENTS: dict[str, pl.DataType] = {
    "event_time": UTC,
    "instrument_id": pl.Int64(),
    "kind": pl.String(),
    "bid": pl.Float64(),
    "ask": pl.Float64(),
    "bid_size": pl.Float64(),
    "ask_size": pl.Float64(),
    "source": pl.String(),
}
"""Columns of what the simulated venue replays on one session."""


class SchemaError(ValueError):
    """Raised when a frame does not have the columns and types of its feed."""


def _schema_of(feed: str) -> dict[str, pl.DataType]:
    if feed == "market_events":
        return MARKET_EVENTS
    try:
        return SCHEMAS[feed]
    except KeyError:
        raise SchemaError(f"unknown feed {feed!r}: use one of {', '.join(FEEDS)}") from None


def empty(feed: str) -> pl.DataFrame:
    """Return a frame of no rows with the columns of `feed` (or of ``"market_events"``)."""
    return pl.DataFrame(schema=_schema_of(feed))


def conform(feed: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Return `frame` with exactly the columns of `feed`, in order and in type.

    A missing nullable column is added as null; integers become floats and coarser or finer UTC times
    become microseconds where the value survives. Nothing else is guessed.

    Parameters
    ----------
    feed : str
        One of `FEEDS`, or ``"market_events"``.
    frame : polars.DataFrame
        Rows to bring into form.

    Raises
    ------
    SchemaError
        If a column is missing, unknown, of another kind, or holds values that do not fit its type.
    """
    schema = _schema_of(feed)
    nullable = NULLABLE.get(feed, frozenset())
    missing = [c for c in schema if c not in frame.columns and c not in nullable]
    extra = [c for c in frame.columns if c not in schema]
    if missing or extra:
        parts = []
        if missing:
            parts.append(f"lacks {', '.join(missing)}")
        if extra:
            parts.append(f"has unknown {', '.join(extra)}")
        raise SchemaError(f"feed {feed}: frame {' and '.join(parts)}; its columns are {', '.join(schema)}")
    columns = []
    for name, dtype in schema.items():
        if name not in frame.columns:
            columns.append(pl.lit(None, dtype=dtype).alias(name))
            continue
        have = frame.schema[name]
        if have != dtype and not _convertible(have, dtype):
            raise SchemaError(f"feed {feed}: column {name} is {have}, want {dtype}")
        columns.append(pl.col(name).cast(dtype, strict=True))
    try:
        return frame.select(columns)
    except pl.exceptions.InvalidOperationError as error:
        raise SchemaError(f"feed {feed}: a value does not fit its column: {error}") from error


def _convertible(have: pl.DataType, want: pl.DataType) -> bool:
    """Whether every value of `have` that fits means the same in `want`."""
    if have == pl.Null:
        return True
    if want == pl.Int64:
        return have.is_integer()
    if want == pl.Float64:
        return have.is_numeric()
    if want == UTC:
        return isinstance(have, pl.Datetime) and have.time_zone == "UTC"
    if want == pl.String:
        return isinstance(have, pl.Categorical | pl.Enum)
    return False
