"""``dnalyaw bench NAME``: measurements. Progress goes to stderr; the last line of stdout is one JSON object."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Callable
from typing import Any

from dnalyaw_pipelines.bench import BenchError
from dnalyaw_pipelines.cli._exit import OK, USAGE, CommandError

BENCHES = {
    "oms": "an order's way from a target's update to the venue, and how many of them go (--seconds)",
    "data": "bars read as of a moment, ingested and screened, and the memory that takes",
    "dag": "loading the code location, a first run on an empty data home, and the run of the next session",
    "replay": "orders and quotes a second through the integrated backtest, and its memory",
    "risk": "a risk decision, NautilusTrader's on the same orders (extra `bench`), and the kill switch",
}

MOST_SECONDS = 45.0
"""The session of the market that `oms` is measured in is over after six minutes."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("name", help="; ".join(f"{name}: {text}" for name, text in BENCHES.items()))
    parser.add_argument("--seconds", type=float, help="how long each load of `oms` is measured (30)")
    parser.add_argument(
        "--json", action="store_true", help="print the figures as one JSON object (the default)"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Run one bench."""
    if arguments.name not in BENCHES:
        raise CommandError(f"no bench {arguments.name!r}; there are {', '.join(BENCHES)}", USAGE)
    options: dict[str, Any] = {}
    if arguments.seconds is not None:
        if arguments.name != "oms" or not 0 < arguments.seconds <= MOST_SECONDS:
            raise CommandError(
                f"--seconds is for the bench `oms`, above 0 and at most {MOST_SECONDS:g}", USAGE
            )
        options["seconds"] = arguments.seconds
    measure: Callable[..., dict[str, Any]] = importlib.import_module(
        f"dnalyaw_pipelines.bench.{arguments.name}"
    ).measure
    try:
        figures = measure(lambda line: sys.stderr.write(line + "\n") and None, **options)
    except BenchError as error:
        raise CommandError(f"bench {arguments.name}: {error}") from error
    sys.stdout.write(json.dumps({"bench": arguments.name, **figures}) + "\n")
    return OK
