"""The simulated venue as a process, with a long session made for load: sixteen names, a quote each minute for each."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from dnalyaw import runtime
from tests.e2e.ledger import Ledger, read_ledger
from tests.e2e.market import NO_ACTIONS
from tests.risk.gateway import eventually, instrument, reference

DAY = date(2026, 11, 23)
OPENING = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
HOURS = 6.5
SECTORS = ("tech", "energy", "health", "banks")
NAMES = {n: f"N{n:03d}" for n in range(101, 117)}
"""Symbol by instrument."""


def price(instrument_id: int) -> float:
    """Where a name trades all day, give or take three cents."""
    return 20.0 + 5 * (instrument_id - 101)


def instruments() -> list[dict[str, Any]]:
    """The rows of the reference file."""
    return [
        instrument(
            n,
            symbol,
            SECTORS[n % len(SECTORS)],
            adv=10_000_000,
            locate=1_000_000,
            close_micro=round(price(n) * 1_000_000),
        )
        for n, symbol in NAMES.items()
    ]


def _events(size: int) -> pl.DataFrame:
    rows = []
    for minute in range(int(HOURS * 60) + 1):
        for number in NAMES:
            mid = price(number) + 0.01 * ((minute + number) % 4)
            at = OPENING + timedelta(minutes=minute)
            rows.append((at, number, "quote", mid - 0.01, mid + 0.01, float(size), float(size)))
    schema = {
        "event_time": pl.Datetime("us", "UTC"),
        "instrument_id": pl.Int64,
        "kind": pl.String,
        "bid": pl.Float64,
        "ask": pl.Float64,
        "bid_size": pl.Float64,
        "ask_size": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(source=pl.lit("made by hand"))


class Simulated:
    """simvenue in a folder of its own."""

    def __init__(
        self, root: Path, *, speed: float = 60.0, size: int = 400, seed: int = 1, lends: int = 0
    ) -> None:
        """`lends` is how many shares of each name may be sold short; 0: the venue rejects short sales."""
        self.layout = runtime.Layout(root, "US")
        runtime.write_market(
            self.layout,
            DAY,
            _events(size),
            NAMES,
            times=(OPENING, OPENING + timedelta(hours=HOURS), ()),
            actions=NO_ACTIONS,
            currency="USD",
            seed=seed,
        )
        if lends:
            described = self.layout.market(DAY).with_suffix(".json")
            document = json.loads(described.read_text())
            document["locate"] = [{"instrument_id": n, "qty": lends} for n in NAMES]
            described.write_text(json.dumps(document))
        self.process = subprocess.Popen(
            self.layout.command("simvenue", DAY, speed),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("READY "), line
        self.ready = json.loads(line[6:])

    @staticmethod
    def reference() -> dict[str, Any]:
        """The reference file of this market."""
        return reference(instruments())

    @property
    def port(self) -> int:
        """Where it takes FIX."""
        return int(self.layout.venue_address.read_text().strip().rpartition(":")[2])

    def start_clock(self) -> None:
        """Let the session begin."""
        self.control("start")

    def control(self, command: str, **fields: object) -> dict[str, Any]:
        """One command on its control socket."""
        return runtime.control(self.layout, command, **fields)

    def ledger(self) -> Ledger:
        """Its own log, booked."""
        return read_ledger(self.layout.venue_log)

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(20)

    def wait_logon(self) -> None:
        """Wait until riskd is logged on."""
        eventually("a logon", lambda: self.control("status")["logged_on"])
