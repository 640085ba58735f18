"""The simulated venue, riskd and a client, each a process or a connection of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.risk.gateway import Gateway
from tests.risk.link import Link
from tests.risk.simulated import NAMES, Simulated


@pytest.fixture
def root() -> Iterator[Path]:
    """A short folder of the system's: pytest's own is too deep for a socket's path."""
    base = Path(tempfile.mkdtemp(prefix="risk"))
    yield base
    shutil.rmtree(base, ignore_errors=True)


@dataclass
class Floor:
    """An open market with riskd before it."""

    venue: Simulated
    gateway: Gateway

    def connect(self) -> Link:
        """A client, once riskd trades."""
        link = self.gateway.link()
        link.wait_open(prices=len(NAMES))
        return link


@pytest.fixture
def floor(root: Path) -> Iterator[Floor]:
    """Both running, the clock too."""
    venue = Simulated(root / "us")
    gateway = Gateway(root / "us" / "gate", Simulated.reference())
    gateway.address = venue.layout.venue_address
    try:
        venue.start_clock()
        gateway.start()
        yield Floor(venue, gateway)
    finally:
        gateway.stop()
        venue.stop()
