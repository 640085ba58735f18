"""riskd's disk fills under load, its switch is thrown, it starts again: its state is what the venue's log adds up to."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.risk import journal
from tests.risk.gateway import Gateway, eventually
from tests.risk.simulated import NAMES, Simulated
from tests.risk.test_kills import settled
from tests.risk.trader import JOURNAL_FAILED, Trader

pytestmark = pytest.mark.e2e

KILLED = 4
SEGMENT_KIB = 1024
"""Of which an eighth is kept for the switch: enough for a close of every name, and soon used up by orders."""


class SmallDisk:
    """A disk of sixteen megabytes in a folder; the test is skipped where this user may not mount one."""

    def __init__(self, at: Path) -> None:
        at.mkdir(parents=True)
        self.at = at
        command = ["mount", "-t", "tmpfs", "-o", "size=16m,mode=0700", "tmpfs", str(at)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"a small disk cannot be mounted here, it needs root: {done.stderr.strip()}")

    def fill(self) -> None:
        """Take every block that is left."""
        with contextlib.suppress(OSError), (self.at / "filler").open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass

    def free(self) -> None:
        """Give them back."""
        (self.at / "filler").unlink()

    def close(self) -> None:
        """Take it away, even from under a process."""
        subprocess.run(["umount", "-l", str(self.at)], check=False)


@pytest.fixture
def disk(root: Path) -> Iterator[SmallDisk]:
    """Mounted where riskd will keep its files."""
    mounted = SmallDisk(root / "us" / "gate" / "risk")
    yield mounted
    mounted.close()


def _refused(trader: Trader) -> bool:
    link = trader.link
    assert link is not None
    return any(f["kind"] == "DECISION" and f["reason"] == JOURNAL_FAILED for f in link.frames)


def _fills(venue: Simulated) -> int:
    return sum(len(order.fills) for order in venue.ledger().orders.values())


@pytest.mark.parametrize(
    "recovers", [True, False], ids=["room again while it runs", "room again once it is dead"]
)
def test_what_happens_while_the_disk_is_full_is_not_lost(root: Path, disk: SmallDisk, recovers: bool) -> None:
    venue = Simulated(root / "us", seed=5, speed=120, size=2000)
    gateway = Gateway(root / "us" / "gate", Simulated.reference())
    gateway.address = venue.layout.venue_address
    trader = Trader(gateway, 5)
    options = ("--journal-segment-kib", str(SEGMENT_KIB))
    try:
        venue.start_clock()
        gateway.start(*options)
        trader.connect().wait_open(prices=len(NAMES))
        trader.start()
        eventually("fills", lambda: _fills(venue) > 20)
        disk.fill()
        # Orders go on until one finds no room, and orders that work go on filling.
        eventually("an order that cannot be written down", lambda: _refused(trader))
        trader.stop()
        filled = _fills(venue)
        eventually("fills on the full disk", lambda: _fills(venue) > filled)
        assert trader.link is not None
        link = trader.link
        link.send("KILL", who="a drill on a full disk")
        eventually("the switch", lambda: link.state()["trading_state"] == KILLED)
        eventually("flat at the venue", lambda: not any(venue.ledger().positions.values()))
        closes = [key for key in venue.ledger().orders if key.startswith("US-K")]
        assert closes, "riskd closed what was held"
        if recovers:
            disk.free()
            written = "the switch and its closes in the journal"
            eventually(written, lambda: gateway.events("journal_well"))
            gateway.kill()
        else:
            gateway.kill()
            disk.free()
        gateway.start(*options)
        link = trader.connect()
        link.wait_open(prices=len(NAMES))
        settled(link, venue)
        assert link.state()["trading_state"] == KILLED
        gateway.stop()
        journal.read(gateway.dir)
    finally:
        gateway.stop()
        venue.stop()
