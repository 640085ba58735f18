"""The Python side is killed in the middle of a hand-off, and started again: nothing is lost, nothing traded twice."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dnalyaw import runtime
from dnalyaw_pipelines import trading
from dnalyaw_pipelines.home import Home
from tests.e2e import market
from tests.e2e.desk import Desk
from tests.e2e.starter import MOMENTS, WISHES

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
FAST = ("before submit", "taken", "mid-session")


@pytest.fixture
def home() -> Iterator[Home]:
    """A home with a prepared session; stopped whatever happens."""
    base = Path(tempfile.mkdtemp(prefix="start"))
    made = Home(base)
    layout = trading.layout_of(made, "US")
    try:
        for program in runtime.PROGRAMS:
            runtime.program_path(program)
        desk = Desk(layout.root)
        desk.write()
        yield made
    finally:
        runtime.down(layout)
        shutil.rmtree(base, ignore_errors=True)


def _start(home: Home, moment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.starter", str(home.root), moment], cwd=ROOT, stderr=subprocess.PIPE
    )


def _end(process: subprocess.Popen[bytes], seconds: float = 120) -> tuple[int, str]:
    _, err = process.communicate(timeout=seconds)
    return process.returncode, err.decode(errors="replace")


def _trades_once(home: Home, *, again: bool = True) -> None:
    """Run to the end, and again; the venue has every order once, and the kept report says what it says."""
    desk = Desk(trading.layout_of(home, "US").root)
    status, err = _end(_start(home, "never"))
    assert status == 0, err
    assert [p.pid for p in runtime.status(desk.layout)] == [None] * 4
    first = desk.layout.venue_log.read_bytes()
    _agrees(home, desk)
    if not again:
        return
    status, err = _end(_start(home, "never"))
    assert status == 0, err
    assert desk.layout.venue_log.read_bytes() == first
    _agrees(home, desk)


def _agrees(home: Home, desk: Desk) -> None:
    ledger = desk.ledger()
    assert {o.instrument_id for o in ledger.orders.values()} == set(WISHES)
    assert len(ledger.orders) == len(WISHES)
    report: dict[str, Any] = json.loads(trading.execution_path(home, "US", market.DAY_ONE).read_text())
    assert report["open_orders"] == 0
    assert int(report["frames_to_risk"]) == len(WISHES)
    assert {f"US-{o['order_id']}": int(o["filled_qty"]) for o in report["orders"]} == {
        key: order.filled for key, order in ledger.orders.items()
    }
    assert {int(p["instrument_id"]): int(p["qty"]) for p in report["positions"]} == ledger.positions
    assert int(report["cash_micro"]) == ledger.cash


@pytest.mark.parametrize(
    "moment", [pytest.param(m, marks=() if m in FAST else pytest.mark.soak) for m in MOMENTS]
)
def test_killed_at_a_moment_of_the_hand_off(home: Home, moment: str) -> None:
    status, err = _end(_start(home, moment))
    assert status == -signal.SIGKILL, (status, err)
    _trades_once(home, again=moment not in FAST)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(6))
def test_killed_again_and_again_at_any_moment(home: Home, seed: int) -> None:
    moments = random.Random(seed)
    for _ in range(4):
        process = _start(home, "never")
        time.sleep(moments.uniform(0.3, 5.0))
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        status, err = _end(process)
        assert status in (0, -signal.SIGKILL), err
    _trades_once(home)
