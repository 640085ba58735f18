"""How fast bars come in, are screened, and are read as of a moment, and how much memory that takes."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from dnalyaw_pipelines.bench import BenchError
from dnalyaw_pipelines.bench import _made_bars as made

NAMES, SESSIONS = 500, 2520
"""What the as-of read reads: 500 instruments x 10 years."""

ROUNDS = 15
"""Reads of each kind, one after another, so that a slow moment of the machine hits both."""

STREAMED = (2000, 2500)
"""Names x sessions that a process of its own ingests by streaming: 5 million bars."""

GATED = (500, 2520)
"""Names x sessions of the delivery that is screened: a first delivery, with a dividend a name and quarter."""

GATE_ROUNDS = 5

CORRECTED = 0.001
"""Share of the bars that is corrected later."""

LIMITS = {"as_of_read_x": 1.5, "gate_rows_per_s": 2_000_000, "peak_mb": 8000}
RECEIVED = datetime(2026, 11, 24, tzinfo=UTC)


def measure(say: Callable[[str], None]) -> dict[str, Any]:
    """Measure on made bars, in a folder of its own.

    Returns
    -------
    dict
        ``as_of_read_x`` (time of an as-of read of 500 instruments x 10 years of bars, one in a thousand of them corrected,
        to the time polars takes to read the same files with no time logic; medians of interleaved reads), the same
        before the corrections are compacted and without any, ``ingest_rows_per_s`` and ``peak_mb`` (of a process that
        ingests 5 million bars by streaming and reads them), ``gate_rows_per_s`` (bars, by
        the time that all statistical screens of bars and actions take together, what they share included).
    """
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="dnalyaw-bench-") as folder:
        figures |= _reads(Path(folder) / "read", say)
        figures |= streamed(Path(folder) / "stream", *STREAMED, say)
    figures |= _gates(say)
    missed = [
        name
        for name, limit in LIMITS.items()
        if (figures[name] < limit if name.endswith("_per_s") else figures[name] > limit)
    ]
    return figures | {"limits": LIMITS, "missed": missed}


def _reads(place: Path, say: Callable[[str], None]) -> dict[str, Any]:
    from dnalyaw.pit import BitemporalStore

    store = BitemporalStore(place)
    frame = made.bars(NAMES, made.sessions(SESSIONS), seed=7)
    store.append(made.REGION, "bars", frame, ingested_at=RECEIVED)
    clean = _compare(store, frame.height, say, "no corrections")
    corrected = frame.sample(fraction=CORRECTED, seed=7).with_columns(pl.col("close") * 1.01)
    store.append(made.REGION, "bars", corrected, ingested_at=RECEIVED + timedelta(days=1))
    fresh = _compare(store, frame.height, say, "corrections in files of their own")
    store.compact(made.REGION, "bars")
    compacted = _compare(store, frame.height, say, "compacted")
    return {
        "as_of_read_x": compacted[0],
        "as_of_read_ms": compacted[1],
        "plain_read_ms": compacted[2],
        "as_of_read_x_uncompacted": fresh[0],
        "as_of_read_x_uncorrected": clean[0],
        "as_of_read_rows": frame.height,
    }


def _compare(store: Any, rows: int, say: Callable[[str], None], what: str) -> tuple[float, float, float]:
    from dnalyaw.pit import AsOf

    files = store.files(made.REGION, "bars")
    as_of = AsOf(RECEIVED + timedelta(days=2))
    plain, known = [], []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        pl.scan_parquet(files).collect()
        plain.append(time.perf_counter() - start)
        start = time.perf_counter()
        read = store.read(made.REGION, "bars", as_of)
        known.append(time.perf_counter() - start)
        if read.height != rows:
            raise BenchError(f"the as-of read gave {read.height} rows, not {rows}")
    ours, theirs = statistics.median(known), statistics.median(plain)
    say(f"as-of read, {what}: {ours * 1e3:.0f} ms, polars {theirs * 1e3:.0f} ms, {ours / theirs:.2f}x")
    return round(ours / theirs, 3), round(ours * 1e3, 1), round(theirs * 1e3, 1)


def streamed(folder: Path, names: int, sessions: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Ingest and read names x sessions bars in a process of its own; its figures, checked for what they claim."""
    say(f"streaming {names * sessions:,} bars")
    process = subprocess.Popen(
        [sys.executable, "-m", "dnalyaw_pipelines.bench._stream", str(folder), str(names), str(sessions)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line.rstrip())
        say(f"  {lines[-1]}")
    out, _ = process.communicate()
    if process.returncode:
        raise BenchError(f"streaming ended with status {process.returncode}: {' '.join(lines[-3:])}")
    figures: dict[str, Any] = json.loads(out.splitlines()[-1])
    if not figures["rows"] == figures["ingested"] == figures["read_rows"]:
        raise BenchError(
            f"of {figures['rows']} bars {figures['ingested']} came in and {figures['read_rows']} out"
        )
    if abs(figures["corrected_by"] - figures["expected_by"]) > 1e-6 * abs(figures["expected_by"]):
        raise BenchError(
            f"corrections moved the closes by {figures['corrected_by']}, not {figures['expected_by']}"
        )
    return {f"streamed_{k}" if k in ("rows", "revisions") else k: v for k, v in figures.items() if k in SHOWN}


SHOWN = ("rows", "ingest_rows_per_s", "revisions", "compact_s", "read_rows_per_s", "peak_mb")


def _gates(say: Callable[[str], None]) -> dict[str, Any]:
    """All screens over one delivery of bars and actions, each round with nothing kept of the one before."""
    from dnalyaw.quality import RULES, SCREENS, GateContext, run_rule

    names, sessions = GATED
    days = made.sessions(sessions)
    bars = made.bars(names, days, seed=11)
    actions = made.dividends(bars)
    expected = tuple(days["session"].to_list())
    rules = [(feed, rule) for feed in SCREENS for rule in RULES[feed] if rule.name in SCREENS[feed]]
    rounds: list[dict[str, float]] = []
    findings: dict[str, int] = {}
    for _ in range(GATE_ROUNDS):
        # What the screens share is kept in the context: a fresh one pays for it again, in the rule that asks first.
        context = GateContext(
            region=made.REGION,
            session=expected[-1],
            expected_sessions=expected,
            genesis=True,
            bars=bars,
            actions=actions,
        )
        taken: dict[str, float] = {}
        for feed, rule in rules:
            frame = bars if feed == "bars" else actions
            start = time.perf_counter()
            found = run_rule(rule, frame, context)
            taken[rule.name] = time.perf_counter() - start
            refused = [
                finding.message
                for finding in found
                if "could not judge" in finding.message or "raised" in finding.message
            ]
            if refused:
                raise BenchError(refused[0])
            findings[rule.name] = sum(finding.n_rows for finding in found)
        rounds.append(taken)
    seconds = {name: statistics.median(taken[name] for taken in rounds) for name in rounds[0]}
    for name, value in seconds.items():
        say(f"screen {name}: {value * 1e3:.1f} ms, {findings[name]} found")
    whole = statistics.median(sum(taken.values()) for taken in rounds)
    say(f"all screens: {whole * 1e3:.0f} ms, {bars.height / whole:,.0f} bars/s")
    return {
        "gate_rows_per_s": round(bars.height / whole),
        "gate_rows": bars.height,
        "gate_actions": actions.height,
        "gate_ms": {name: round(value * 1e3, 1) for name, value in seconds.items()},
        "gate_found": findings,
    }
