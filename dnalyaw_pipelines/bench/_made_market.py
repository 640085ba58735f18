"""A made-up market for measurements with the real programs: names at one price, quoted when the measurement wants it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

FIRST_ID = 1_001


def opening(session: date) -> datetime:
    """The open, UTC."""
    return datetime(session.year, session.month, session.day, 13, 30, tzinfo=UTC)


def names(count: int) -> dict[int, str]:
    """Symbols by instrument_id."""
    return {FIRST_ID + number: f"B{number:03d}" for number in range(count)}


def write_market(
    layout: Any,
    session: date,
    symbols: Mapping[int, str],
    quotes: Iterable[tuple[datetime, int]],
    *,
    price: float,
    size: float,
    adv: int,
    minutes: int,
    strategies: Sequence[str] = (),
    day: Mapping[str, Any],
) -> None:
    """Write reference and market.

    Parameters
    ----------
    quotes : iterable of (moment UTC, instrument_id)
        When a name is quoted, a cent around `price` with `size` shares on each side.
    adv : int
        Average daily volume of every name, shares.
    minutes : int
        Length of the session.
    day : mapping
        What stands in the session's file in place of the platform's.
    """
    import polars as pl

    from dnalyaw import runtime

    opened = opening(session)
    reference = [
        {
            "instrument_id": identifier,
            "issuer_id": identifier,
            "label": f"{symbol}.XNYS",
            "symbol": symbol,
            "sector": f"Sector {identifier % 10}",
            "lot": 1,
            "tick_micro": 10_000,
            "currency": "USD",
            "tradable": True,
            "volatility_bp": 200,
            "adv": adv,
            "close_micro": round(price * 1_000_000),
        }
        for identifier, symbol in symbols.items()
    ]
    runtime.write_reference(
        layout, session, "USD", reference, opened - timedelta(minutes=30), strategies=strategies
    )
    rows = [
        (moment, identifier, "quote", price - 0.01, price + 0.01, size, size) for moment, identifier in quotes
    ]
    schema: dict[str, type[pl.DataType] | pl.DataType] = {
        "event_time": pl.Datetime("us", "UTC"),
        "instrument_id": pl.Int64,
        "kind": pl.String,
        "bid": pl.Float64,
        "ask": pl.Float64,
        "bid_size": pl.Float64,
        "ask_size": pl.Float64,
    }
    runtime.write_market(
        layout,
        session,
        pl.DataFrame(rows, schema=schema, orient="row").with_columns(source=pl.lit("made for a measurement")),
        symbols,
        times=(opened, opened + timedelta(minutes=minutes), ()),
        actions=pl.DataFrame(
            schema={"instrument_id": pl.Int64, "kind": pl.String, "ratio": pl.Float64, "amount": pl.Float64}
        ),
        currency="USD",
        seed=1,
    )
    file = layout.market(session).with_suffix(".json")
    file.write_text(json.dumps(json.loads(file.read_text()) | dict(day)))
