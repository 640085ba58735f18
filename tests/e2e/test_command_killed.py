"""``dnalyaw run`` is killed from the hand-off on, at any moment, and started again on a home that was built before."""

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
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from dnalyaw import runtime
from dnalyaw_pipelines import trading
from dnalyaw_pipelines.home import Home
from tests.e2e.ledger import read_ledger

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

SESSION = date(2026, 11, 19)


def _command(home: Path, *words: str) -> subprocess.Popen[bytes]:
    """``dnalyaw run`` on the smaller region, in a process group of its own."""
    code = "import sys; from dnalyaw_pipelines.cli import main; sys.exit(main(sys.argv[1:]))"
    words = ("run", "--home", str(home), "--region", "HK", "--session", SESSION.isoformat(), "--json", *words)
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    _, err = process.communicate(timeout=400)
    return process.returncode, err.decode(errors="replace")[-3000:]


@pytest.fixture(scope="module")
def built() -> Iterator[Path]:
    """Everything up to the hand-off, once. Not to be changed."""
    base = Path(tempfile.mkdtemp(prefix="built"))
    status, err = _end(_command(base / "home", "--no-trade"))
    assert status == 0, err
    yield base / "home"
    shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def home(built: Path) -> Iterator[Home]:
    """A copy of the built home; stopped whatever happens."""
    base = Path(tempfile.mkdtemp(prefix="copy"))
    shutil.copytree(built, base / "home")
    made = Home(base / "home")
    try:
        yield made
    finally:
        runtime.down(trading.layout_of(made, "HK"))
        shutil.rmtree(base, ignore_errors=True)


def _agree(home: Home) -> dict[str, Any]:
    """Every order once at the venue, and the kept report is what the venue says."""
    ledger = read_ledger(trading.layout_of(home, "HK").venue_log)
    report: dict[str, Any] = json.loads(trading.execution_path(home, "HK", SESSION).read_text())
    reached = {
        f"HK-{o['order_id']}": int(o["filled_qty"]) for o in report["orders"] if o["state"] != "DENIED"
    }
    never = {f"HK-{o['order_id']}" for o in report["orders"] if o["reason_code"] == 41}
    assert {k: v for k, v in reached.items() if k not in never} == {
        k: o.filled for k, o in ledger.orders.items()
    }
    assert report["open_orders"] == 0
    assert {int(p["instrument_id"]): int(p["qty"]) for p in report["positions"]} == ledger.positions
    assert int(report["cash_micro"]) == ledger.cash
    assert ledger.orders
    return report


@pytest.mark.parametrize("seed", range(3))
def test_killed_from_the_hand_off_on(home: Home, seed: int) -> None:
    moments = random.Random(seed)
    layout = trading.layout_of(home, "HK")
    for _ in range(3):
        process = _command(home.root)
        while not layout.pid("simvenue").exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(moments.uniform(0.0, 6.0))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        status, err = _end(process)
        assert status in (0, -signal.SIGKILL), err
    status, err = _end(_command(home.root))
    assert status == 0, err
    first = _agree(home)
    log = layout.venue_log.read_bytes()
    status, err = _end(_command(home.root))
    assert status == 0, err
    assert layout.venue_log.read_bytes() == log
    assert _agree(home)["frames_to_risk"] == first["frames_to_risk"]
