"""Several regions at once: a process a region, all of them gone when the command is."""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

from dnalyaw_pipelines.cli._exit import FAILED, OK
from dnalyaw_pipelines.home import Home
from dnalyaw_pipelines.progress import Progress

PR_SET_PDEATHSIG = 1


def run_regions(
    arguments: argparse.Namespace, home: Home, sessions: dict[str, date], progress: Progress
) -> dict[str, Any]:
    """Run every region in a process of its own, and put their outcomes together.

    The regions share nothing but the home: one that is blocked does not hold up another.
    """
    with ThreadPoolExecutor(len(sessions)) as pool:
        waiting = {
            region: pool.submit(_run_one, _command(arguments, home, region, session))
            for region, session in sessions.items()
        }
        found = {region: future.result() for region, future in waiting.items()}
    outcome: dict[str, Any] = {"status": "ok", "exit_status": OK, "home": str(home.root), "regions": {}}
    for region, (status, part) in found.items():
        progress.seconds.update(part.get("stages", {}))
        outcome["regions"][region] = part.get("regions", {}).get(region) or {
            "region": region,
            "session": sessions[region].isoformat(),
            "partition": "",
            "status": "failed",
            "exit_status": status or FAILED,
            "message": "its process ended without a result; what it said stands above",
        }
        if outcome["exit_status"] == OK and outcome["regions"][region]["exit_status"] != OK:
            first = outcome["regions"][region]
            names = ("status", "exit_status", "feed", "rule", "rows", "message")
            outcome |= {name: first[name] for name in names if name in first}
    return outcome


def _command(arguments: argparse.Namespace, home: Home, region: str, session: date) -> list[str]:
    words = [sys.executable, "-m", "dnalyaw_pipelines.cli", "run", "--json"]
    words += ["--part-of", str(os.getpid()), "--data", arguments.data, "--home", str(home.root)]
    words += ["--seed", str(arguments.seed), "--region", region, "--session", session.isoformat()]
    for option in ("fault", "select", "speed"):
        value = getattr(arguments, option)
        words += [f"--{option}", str(value)] if value is not None else []
    return [*words, "--no-trade"] if arguments.no_trade else words


def _run_one(command: list[str]) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    lines = done.stdout.strip().splitlines()
    return done.returncode, json.loads(lines[-1]) if lines else {}


def end_with_parent(parent: int) -> None:
    """Make the kernel kill this process when its parent dies: a killed command leaves no half of itself behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
