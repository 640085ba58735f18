"""The hash of the limits: the same in every decision's record, in `riskd --limits` and in the engine that research has."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dnalyaw import runtime
from dnalyaw._native import risk
from tests.risk import journal
from tests.risk.gateway import Gateway, eventually
from tests.risk.link import BUY, IOC
from tests.risk.simulated import NAMES, Simulated, price
from tests.risk.worked import below

pytestmark = pytest.mark.e2e

APPROVE, REDUCE, REJECT, FLATTEN = 1, 2, 3, 4
TIGHTER = {"instrument_bp": 400, "drawdown_bp": 300}


def _prefix(text: str) -> int:
    """A record's number: the first eight bytes, the least first."""
    return int.from_bytes(bytes.fromhex(text)[:8], "little")


def _stated(*arguments: str) -> str:
    command = [str(runtime.program_path("riskd")), "--limits", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return str(json.loads(done.stdout)["hash"])


def _of_research(limits: dict[str, int]) -> int:
    """What a decision of the in-process engine carries; one that refuses carries it too."""
    rows: Any = Simulated.reference()["instruments"]
    return risk.RiskEngine(rows, **limits).decide(101, "buy", 1, now_ns=1)["limits_hash"]  # type: ignore[arg-type]


@pytest.mark.parametrize("limits", [{}, TIGHTER], ids=["constants", "tighter"])
def test_each_of_the_four_decisions_is_recorded_with_the_hash(root: Path, limits: dict[str, int]) -> None:
    options: tuple[str, ...] = ()
    if limits:
        file = root / "tighter.json"
        file.write_text(json.dumps(limits))
        options = ("--tighter", str(file))
    stated = _stated(*options)
    assert (stated == risk.limits()["hash"]) == (not limits)
    assert _of_research(limits) == _prefix(stated)
    venue = Simulated(root / "us", speed=1)
    gateway = Gateway(root / "us" / "gate", Simulated.reference())
    gateway.address = venue.layout.venue_address
    try:
        venue.start_clock()
        assert gateway.start(*options)["limits_hash"] == stated
        link = gateway.link()
        link.wait_open(prices=len(NAMES))
        bought = link.order(1, 104, BUY, 50, price(104) + 0.1, tif=IOC)
        assert link.order(2, 101, BUY, 5_000_000, below(101))["decision"] == REDUCE
        assert link.order(3, 999, BUY, 1, below(101))["decision"] == REJECT
        assert bought["decision"] == APPROVE
        eventually("the position", lambda: link.positions().get(104) == 50)
        link.send("KILL", who="a drill")
        eventually("flat", lambda: not link.positions())
    finally:
        gateway.stop()
        venue.stop()
    records = [r for s in journal.read(gateway.dir) for r in s.records if r["kind"] == "decision"]
    assert {r["decision"] for r in records} == {APPROVE, REDUCE, REJECT, FLATTEN}
    assert {r["limits_hash"] for r in records} == {_prefix(stated)}
