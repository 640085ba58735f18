"""How long the graph takes: loading it, a first run, and the next session's run."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

LOADS = 5
LOAD = """
import time
start = time.perf_counter()
from dnalyaw_pipelines.definitions import defs
count = len(list(defs().resolve_asset_graph().get_all_asset_keys()))
print(time.perf_counter() - start, count)
"""


def measure(say: Callable[[str], None]) -> dict[str, Any]:
    """Measure on a data home of its own, both regions of the simulated market.

    Returns
    -------
    dict
        ``code_location_load_s`` (median of five fresh processes), ``first_run_s`` and ``second_run_s`` (wall
        seconds of the whole command, the session replayed), the CPU seconds of both, and the stages' seconds.
    """
    from dnalyaw.market import previous_session
    from dnalyaw.market.providers import open_provider

    provider = open_provider("sample")
    today = datetime.now(UTC).date()
    latest = min(provider.default_session(code, today) for code in provider.regions())
    # A day that every region trades, with one before it: the runs are comparable from day to day.
    while any(provider.default_session(code, latest) != latest for code in provider.regions()):
        latest = previous_session("US", latest)
    before = latest
    while before == latest or any(provider.default_session(c, before) != before for c in provider.regions()):
        before = previous_session("US", before)
    with tempfile.TemporaryDirectory(prefix="dnalyaw-bench-") as folder:
        home = Path(folder) / "home"
        say(f"first run: session {before}, empty data home")
        first = _run(home, before.isoformat())
        say(f"  {first['wall_s']:.1f} s")
        say(f"second run: session {latest}")
        second = _run(home, latest.isoformat())
        say(f"  {second['wall_s']:.1f} s")
        loads = []
        for number in range(LOADS):
            loads.append(_load(home))
            say(f"load {number + 1} of {LOADS}: {loads[-1]:.2f} s")
    return {
        "code_location_load_s": round(statistics.median(loads), 3),
        "code_location_loads_s": [round(value, 3) for value in loads],
        "first_run_s": round(first["wall_s"], 2),
        "second_run_s": round(second["wall_s"], 2),
        "first_run_cpu_s": round(first["cpu_s"], 2),
        "second_run_cpu_s": round(second["cpu_s"], 2),
        "limits": {"code_location_load_s": 3, "first_run_s": 120, "second_run_s": 45},
        "sessions": [before.isoformat(), latest.isoformat()],
        "stages": {"first": first["stages"], "second": second["stages"]},
    }


def _environment(home: Path) -> dict[str, str]:
    return os.environ | {"DNALYAW_HOME": str(home)}


def _run(home: Path, session: str) -> dict[str, Any]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "dnalyaw_pipelines.cli", "run", "--session", session, "--json"],
        env=_environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise RuntimeError(f"the run of {session} ended with status {done.returncode}: {done.stderr[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": wall, "cpu_s": cpu, "stages": json.loads(done.stdout.splitlines()[-1])["stages"]}


def _load(home: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOAD],
        env=_environment(home),
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.split()[0])
