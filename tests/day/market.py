"""A long quiet session of thirty names, each quoted again every few moments, with sizes that fill an order in parts."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from dnalyaw import runtime

DAY = date(2026, 11, 23)
OPENING = datetime(2026, 11, 23, 5, tzinfo=UTC)
SPEED = 60.0
"""Replayed seconds a second of the machine's."""
EVERY = timedelta(seconds=5)
"""Between two quotes of a name: a twelfth of a second here."""
NAMES = {n: f"N{n:03d}" for n in range(101, 131)}
STRATEGIES = ("alpha", "beta")
CASH = 10_000_000
DEEP, THIN = (200, 900), (5, 40)
"""What a quote displays, in shares: a part of an order or all of it. Orders in each sixth name work for long."""


def price(instrument_id: int) -> int:
    """Where a name trades all day, give or take two cents; whole units of the currency."""
    return 100 + 5 * (instrument_id - 101)


@dataclass(frozen=True)
class Session:
    """How long it is, and by which seed its sizes are drawn."""

    wall_seconds: float
    seed: int

    @property
    def length(self) -> timedelta:
        return timedelta(seconds=round(self.wall_seconds * SPEED))

    def write(self, layout: runtime.Layout) -> None:
        """Write everything that is read before the open."""
        rows = [
            {
                "instrument_id": n,
                "issuer_id": n,
                "label": f"{symbol}.NYSE",
                "symbol": symbol,
                "sector": f"sector {n % 6}",
                "lot": 1,
                "tick_micro": 10_000,
                "currency": "USD",
                "tradable": True,
                "volatility_bp": 100,
                "adv": 50_000_000,
                "close_micro": price(n) * 1_000_000,
            }
            for n, symbol in NAMES.items()
        ]
        early = OPENING - timedelta(minutes=30)
        runtime.write_reference(layout, DAY, "USD", rows, early, strategies=STRATEGIES)
        stages = [runtime.Stage(name, "paper", 0.5, 1.0, "the day") for name in STRATEGIES]
        runtime.update_register(layout, stages, datetime(2026, 3, 1, tzinfo=UTC))
        stem = layout.market(DAY)
        runtime.write_atomically(stem.with_suffix(".csv"), self._quotes().encode())
        opened = _nanos(OPENING)
        document = {
            "region": "US",
            "session": DAY.isoformat(),
            "currency": "USD",
            "open_ns": opened,
            "close_ns": opened + self.length // timedelta(microseconds=1) * 1000,
            "breaks": [],
            "actions": [],
            "initial_cash_micro": CASH * 1_000_000,
            # Fees that show in every sum and do not use the account up over 200,000 orders.
            "fees": {"per_share_micro": 500, "bp_milli": 15, "sell_bp_milli": 10, "min_micro": 1_000},
            "reject_bp": 30,
            "seed": self.seed,
        }
        runtime.write_atomically(stem.with_suffix(".json"), json.dumps(document).encode())

    def _quotes(self) -> str:
        drawn = random.Random(self.seed)
        lines = ["ts_ns,instrument_id,symbol,kind,bid,ask,bid_size,ask_size,source\n"]
        for step in range(self.length // EVERY):
            at = _nanos(OPENING + step * EVERY)
            for n, symbol in NAMES.items():
                bid = price(n) * 1_000_000 + 10_000 * drawn.randrange(-2, 2)
                sizes = ",".join(str(drawn.randrange(*(THIN if n % 6 == 0 else DEEP))) for _ in range(2))
                lines.append(f"{at},{n},{symbol},quote,{bid},{bid + 10_000},{sizes},made by hand\n")
        return "".join(lines)


def _nanos(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000
