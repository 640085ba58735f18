"""The folder in which `bench oms` runs: a market whose orders all fill at once, and an account that carries them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from dnalyaw_pipelines.bench._made_market import names, opening, write_market

SESSION = date(2026, 3, 10)
REGION = "US"
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
    from dnalyaw import runtime

    opened, symbols = opening(SESSION), names(NAMES)
    quotes = [
        (opened + (turn * QUOTED_EVERY + number * QUOTED_EVERY / NAMES if turn else timedelta()), identifier)
        for turn in range(timedelta(minutes=MINUTES) // QUOTED_EVERY)
        for number, identifier in enumerate(symbols)
    ]
    write_market(
        layout,
        SESSION,
        symbols,
        quotes,
        price=PRICE,
        size=SIZE,
        adv=10_000_000_000,
        minutes=MINUTES,
        strategies=STRATEGIES,
        # No order is refused by chance, and the account carries half a million orders and their fees.
        day={"reject_bp": 0, "initial_cash_micro": CASH * 1_000_000},
    )
    stages = [runtime.Stage(name, "paper", 1.0, 1.0, "measurement") for name in STRATEGIES]
    runtime.update_register(layout, stages, opened)
