"""How long the kill switch takes against the real programs: the folder they run in, and the program that measures."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from dnalyaw_pipelines.bench import BenchError
from dnalyaw_pipelines.bench._made_market import names, opening, write_market

SESSION = date(2026, 3, 10)
REGION = "US"
NAMES = 500
PRICE = 100.0
KILLS = 200
FLATTENINGS = 5
MINUTES = 120


def measure(program: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Throw the switch again and again, on a runtime of its own.

    Returns
    -------
    dict
        ``kill_to_reduce_only_us``: control command written until the refusal of an order sent right behind it is back.
        ``kill_to_latch_us``: omsd killed first, until the latch's word is set, as another process sees it.
        ``kill_to_first_cancel_us``: until the first cancel has come out of riskd's connection to the venue; half of
        the kills with omsd killed first (``kill_to_first_cancel_omsd_dead_us``).
        ``kill_to_flat_ms``: omsd killed first, 500 positions, until riskd has the venue's own report that all is flat.
        Each with ``n``, ``min``, ``p50``, ``p99``, ``max``; ``kill_floors`` is what the machine takes for the hops alone.
    """
    from dnalyaw.runtime import Layout, RuntimeStartError, program_path

    try:
        binaries = {program_path(name).parent for name in ("simvenue", "riskd", "omsd")}
    except RuntimeStartError as error:
        return {"kill_to_reduce_only_us": None, "kill_reason": str(error)}
    with tempfile.TemporaryDirectory(prefix="dnalyaw-") as name:
        root = Path(name)
        write(Layout(root, REGION))
        say(f"kill switch: {FLATTENINGS} kills with {NAMES} positions, then {KILLS} with orders at rest")
        command = [
            *(str(program), str(root), str(binaries.pop()), SESSION.isoformat(), REGION),
            *(str(NAMES), str(round(PRICE * 1_000_000)), str(KILLS), str(FLATTENINGS)),
        ]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            logs = {path.name: path.read_text()[-1500:] for path in sorted(root.glob("*.log"))}
            raise BenchError(f"{program.name} ended with status {done.returncode}: {json.dumps(logs)}")
    return figures(json.loads(done.stdout.splitlines()[-1]))


def figures(answer: dict[str, Any]) -> dict[str, Any]:
    """The program's answer, flat, with every figure's ratio to its floor."""
    floors, latency, flat = answer["floors"], answer["latency"], answer["flat"]
    return {
        **latency,
        **flat,
        "kill_floors": floors,
        "kill_ratios": {
            "reduce_only_to_order_round_trip_p50": ratio(
                latency["kill_to_reduce_only_us"], latency["order_round_trip_us"]
            ),
            "first_cancel_to_hops_p50": ratio(latency["kill_to_first_cancel_us"], floors["hops_us"]),
            "order_round_trip_to_unix_round_trip_p50": ratio(
                latency["order_round_trip_us"], floors["unix_round_trip_us"]
            ),
        },
    }


def ratio(figure: dict[str, float], floor: dict[str, float]) -> float:
    """How many times its floor a figure is, at the median."""
    return round(figure["p50"] / floor["p50"], 2)


def write(layout: Any) -> None:
    """What the programs read before the open: 500 names at one price, quoted every minute."""
    from dnalyaw import runtime

    opened, symbols = opening(SESSION), names(NAMES)
    write_market(
        layout,
        SESSION,
        symbols,
        [
            (opened + timedelta(minutes=minute), identifier)
            for minute in range(MINUTES)
            for identifier in symbols
        ],
        price=PRICE,
        size=1e6,
        adv=5_000_000,
        minutes=MINUTES,
        # A venue that refuses an order now and then would leave some names without the position that is measured.
        day={"reject_bp": 0},
    )
    runtime.update_register(layout, [runtime.Stage("bench", "paper", 1.0, 1.0, "measurement")], opened)
