"""The folder in which `bench oms` runs: a market whose orders all fill at once, and an account that carries them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

SESSION = date(2026, 3, 10)
REGION = "US"
FIRST_ID = 1_001
NAMES = 800
"""Half of them are held at a time. At 9,070 updates a second a name has 88 ms for each of its orders."""

WEIGHT = 0.001_01
"""Of a name that is held: above the drift band of a thousandth, and small, for omsd hears of cash ten times a second."""

PRICE = 1_000.0
CASH = 10_000_000_000
SPEED = 60.0
"""Replayed seconds a second: riskd lets a name have three equal orders in one of them."""

MINUTES = 380
QUOTED_EVERY = timedelta(minutes=5)
SIZE = 1e8
STRATEGIES = ("slow", "fast", "full")


def write(layout: Any) -> None:
    """Write reference, market and register: `NAMES` names at one price, each quoted every five minutes in its turn."""
    import polars as pl

    from dnalyaw import runtime

    opening = datetime(SESSION.year, SESSION.month, SESSION.day, 13, 30, tzinfo=UTC)
    symbols = {FIRST_ID + number: f"B{number:03d}" for number in range(NAMES)}
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
            "adv": 10_000_000_000,
            "close_micro": round(PRICE * 1_000_000),
        }
        for identifier, symbol in symbols.items()
    ]
    runtime.write_reference(
        layout, SESSION, "USD", reference, opening - timedelta(minutes=30), strategies=STRATEGIES
    )
    rounds = timedelta(minutes=MINUTES) // QUOTED_EVERY
    moments = [
        (opening + (turn * QUOTED_EVERY + number * QUOTED_EVERY / NAMES if turn else timedelta()), identifier)
        for turn in range(rounds)
        for number, identifier in enumerate(symbols)
    ]
    rows = [
        (moment, identifier, "quote", PRICE - 0.01, PRICE + 0.01, SIZE, SIZE)
        for moment, identifier in moments
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
        SESSION,
        pl.DataFrame(rows, schema=schema, orient="row").with_columns(source=pl.lit("made for a measurement")),
        symbols,
        times=(opening, opening + timedelta(minutes=MINUTES), ()),
        actions=pl.DataFrame(
            schema={"instrument_id": pl.Int64, "kind": pl.String, "ratio": pl.Float64, "amount": pl.Float64}
        ),
        currency="USD",
        seed=1,
    )
    day = layout.market(SESSION).with_suffix(".json")
    # No order is refused by chance, and the account carries half a million orders and their fees.
    day.write_text(
        json.dumps(json.loads(day.read_text()) | {"reject_bp": 0, "initial_cash_micro": CASH * 1_000_000})
    )
    stages = [runtime.Stage(name, "paper", 1.0, 1.0, "measurement") for name in STRATEGIES]
    runtime.update_register(layout, stages, opening)
