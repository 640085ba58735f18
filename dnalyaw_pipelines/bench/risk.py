"""How long a risk decision takes, what the same decision takes elsewhere, and how long a kill takes."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dnalyaw_pipelines.bench import BenchError, _kill, _nautilus

ROUNDS = 5
"""Runs of every figure, one after another, so that a slow minute of the machine hits all of them."""

FIGURES = ("loop", "basic", "full_10", "full_500", "full_5000", "full_100k_resting", "reduce")
LIMITS = {
    "basic_ns": 10,
    "full_ns_10": 100,
    "full_ns_500": 100,
    "full_ns_5000": 100,
    "full_ns_100k_resting": 100,
    "reduce_ns": 100,
    "full_ratio": 1.5,
    "allocations": 0,
    "kill_to_first_cancel_us": 1000,
}
ROOT = Path(__file__).resolve().parents[2]


def measure(say: Callable[[str], None]) -> dict[str, Any]:
    """Measure the engine, another platform's check and the kill switch.

    Returns
    -------
    dict
        Nanoseconds a decision (median over the rounds of criterion's medians, in the thread's own processor time),
        ``spread`` with every figure's least and most, ``cold_ns`` (wall time, caches evicted), ``allocations``,
        the figures of `dnalyaw_pipelines.bench._nautilus`, and those of the kill switch with their floors.
    """
    say("building the measurements")
    bench = build("bench", "--bench", "risk")
    with tempfile.TemporaryDirectory(prefix="dnalyaw-bench-") as name:
        figures = engine(bench, Path(name), say)
        figures |= _nautilus.measure(figures, Path(name) / "orders.json", say)
    figures |= _kill.measure(build("build", "--bin", "kill-bench"), say)
    return figures | {"limits": LIMITS, "missed": missed(figures)}


def build(verb: str, *target: str) -> Path:
    """Build a program of the crate ``dnalyaw-bench`` in release; the path of what came out."""
    command = ["cargo", verb, "--locked", "-p", "dnalyaw-bench", *target, "--message-format=json"]
    command.append("--no-run" if verb == "bench" else "--release")
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise BenchError("cargo is missing; `make setup` names what is needed") from None
    if done.returncode != 0:
        raise BenchError(f"{' '.join(command)} ended with status {done.returncode}: {done.stderr[-2000:]}")
    messages = (json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
    programs = [m["executable"] for m in messages if m.get("executable") and m["target"]["name"] in target]
    if len(programs) != 1:
        raise BenchError(f"{' '.join(command)} built {programs or 'nothing'} where one program was expected")
    return Path(programs[0])


def engine(bench: Path, folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Run criterion's bench `ROUNDS` times, and read its estimates and what it wrote beside them."""
    medians: dict[str, list[float]] = {name: [] for name in FIGURES}
    for number in range(ROUNDS):
        environment = os.environ | {"CRITERION_HOME": str(folder / "criterion")}
        if number == 0:
            environment["DNALYAW_BENCH_OUT"] = str(folder)
        done = subprocess.run(
            [str(bench), "--bench", "--noplot"], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise BenchError(f"{bench.name} ended with status {done.returncode}: {done.stderr[-2000:]}")
        for name, values in medians.items():
            values.append(estimate(folder / "criterion", name))
        say(
            f"round {number + 1} of {ROUNDS}: "
            + ", ".join(f"{name} {values[-1]:.1f} ns" for name, values in medians.items())
        )
    facts = json.loads((folder / "facts.json").read_text())
    return summarise(medians) | {
        "cold_ns": facts["cold_ns"]["decide"]["p50"],
        "cold": facts["cold_ns"],
        "allocations": facts["allocations"]["calls"],
        "allocations_counted_over": facts["allocations"]["operations"],
    }


def estimate(criterion: Path, name: str) -> float:
    """Criterion's estimate of the median of one figure, in nanoseconds."""
    path = criterion / "risk" / name / "new" / "estimates.json"
    return float(json.loads(path.read_text())["median"]["point_estimate"])


def key(name: str) -> str:
    """The name of a figure in the answer: ``full_500`` is ``full_ns_500``."""
    head, _, tail = name.partition("_")
    return f"{head}_ns_{tail}" if tail else f"{head}_ns"


def summarise(medians: dict[str, list[float]]) -> dict[str, Any]:
    """Median over the rounds, least and most, and how far the figures of whole decisions lie apart."""
    figures: dict[str, Any] = {
        key(name): round(statistics.median(values), 2) for name, values in medians.items()
    }
    full = [figures[key(name)] for name in FIGURES if name.startswith("full_")]
    figures["full_ratio"] = round(max(full) / min(full), 3)
    figures["spread"] = {
        key(name): [round(min(values), 2), round(max(values), 2)] for name, values in medians.items()
    }
    return figures


def missed(figures: dict[str, Any]) -> list[str]:
    """The figures that are above their limit; of a distribution the 99th percentile counts."""
    found = []
    for name, limit in LIMITS.items():
        value = figures.get(name)
        if isinstance(value, dict):
            value = value["p99"]
        if value is None or value > limit:
            found.append(name)
    return found
