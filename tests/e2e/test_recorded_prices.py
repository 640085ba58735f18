"""The whole graph on recorded prices: LEAN's folder, as of a session in its past, filled at what was recorded."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
LEAN = ROOT.parent / "shared" / "data" / "lean"
SESSION = "2013-10-11"
QUOTED = ("ibm", "spy")


def dnalyaw(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dnalyaw_pipelines.cli", *words, "--home", str(home), "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={k: v for k, v in os.environ.items() if k != "DNALYAW_HOME"},
    )


def recorded_open(symbol: str) -> int:
    """The open of the session in ten-thousandths, read from LEAN's zip by hand."""
    with zipfile.ZipFile(LEAN / "equity" / "usa" / "daily" / f"{symbol}.zip") as archive:
        text = archive.read(archive.namelist()[0]).decode()
    day = SESSION.replace("-", "")
    return next(int(row[1]) for row in csv.reader(io.StringIO(text)) if row[0].startswith(day))


def recorded_quotes(symbol: str) -> set[int]:
    """Every bid and ask close of the session's minutes, in ten-thousandths."""
    folder = LEAN / "equity" / "usa" / "minute" / symbol
    with zipfile.ZipFile(folder / f"{SESSION.replace('-', '')}_quote.zip") as archive:
        text = archive.read(archive.namelist()[0]).decode()
    rows = list(csv.reader(io.StringIO(text)))
    return {int(row[column]) for row in rows for column in (4, 9) if row[column]}


@pytest.mark.skipif(not LEAN.is_dir(), reason=f"the recorded data is not here: {LEAN}")
def test_a_past_session_fills_at_recorded_prices_and_a_second_run_sends_nothing(tmp_path):
    home = tmp_path / "home"
    first = dnalyaw(home, "run", "--data", f"lean:{LEAN}")
    assert first.returncode == 0, first.stderr[-3000:]
    outcome = json.loads(first.stdout.splitlines()[-1])["regions"]["US"]
    assert outcome["session"] == SESSION
    assert outcome["handoff"]["outcome"] == "accepted"
    assert outcome["orders"]["orders_filled"] > 0

    reference = json.loads((home / "runtime" / "us" / "reference.json").read_text())
    symbols = {row["instrument_id"]: row["symbol"].lower() for row in reference["instruments"]}
    log = home / "runtime" / "us" / "venue" / "log.jsonl"
    events = [json.loads(line) for line in log.read_text().splitlines()]
    fills = [event for event in events if event["kind"] == "fill"]
    assert fills
    for fill in fills:
        symbol = symbols[fill["instrument_id"]]
        allowed = recorded_quotes(symbol) if symbol in QUOTED else {recorded_open(symbol)}
        assert fill["px"] in {price * 100 for price in allowed}, (symbol, fill["px"])
        local = datetime.fromtimestamp(fill["ts_ns"] / 1e9, UTC).astimezone(ZoneInfo("America/New_York"))
        assert local.date().isoformat() == SESSION
        assert 9 * 60 + 30 <= local.hour * 60 + local.minute < 16 * 60

    # A name with nothing but its daily open cannot be traded later: an order of many days' volume went at once as well.
    rule = json.loads((home / "runtime" / "us" / "session.json").read_text())["rule"]
    sent = [event for event in events if event["kind"] == "order"]
    adv = {row["instrument_id"]: row["adv"] for row in reference["instruments"]}
    assert max(event["qty"] / adv[event["instrument_id"]] for event in sent) > 0.02
    assert rule["small_adv_ppm"] > 1e12
    filled = {event["cl_ord_id"]: event["leaves"] for event in fills}
    assert filled == {event["cl_ord_id"]: 0 for event in sent}

    page = Path(outcome["report"]).read_text()
    assert "recorded daily open" in page
    assert "SIMULATED" not in page

    second = dnalyaw(home, "run", "--data", f"lean:{LEAN}")
    assert second.returncode == 0, second.stderr[-3000:]
    again = json.loads(second.stdout.splitlines()[-1])["regions"]["US"]
    assert again["handoff"]["outcome"] == "already taken"
    later = [json.loads(line) for line in log.read_text().splitlines()]
    assert [e for e in later if e["kind"] == "order"] == [e for e in events if e["kind"] == "order"]
    assert [e for e in later if e["kind"] == "fill"] == fills
