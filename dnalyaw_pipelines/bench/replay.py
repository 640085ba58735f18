"""How many orders and quotes a second pass through the integrated backtest, beside what reading the quotes alone takes."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dnalyaw_pipelines.bench import BenchError, _replay_market, _replay_nautilus

ROUNDS = 5
"""Runs of every figure, one after another, so that a slow minute of the machine hits all of them."""
LIMITS = {"orders_per_s": 120_000, "quotes_per_s": 2_400_000, "memory_ratio": 1.2}
"""At least so much a second. Memory with four times the orders at most so many times: the collector's lag is in it."""
BIN_VARIABLE = "DNALYAW_BIN"
ROOT = Path(__file__).resolve().parents[2]
BLOCK = 1 << 20


@dataclass(frozen=True)
class Size:
    """How much is replayed.

    Attributes
    ----------
    days : int
        Sessions of orders; the run for memory at four times the orders has four times as many.
    names, rounds : int
        Every name gets one order a round, so ``days * names * rounds`` orders in all.
    quotes : int
        Quotes of the session of quotes.
    """

    days: int = 20
    names: int = 100
    rounds: int = 100
    quotes: int = 3_000_000


def measure(say: Callable[[str], None], size: Size | None = None, rounds: int = ROUNDS) -> dict[str, Any]:
    """Replay made-up sessions through `oms-backtest`.

    Returns
    -------
    dict
        ``orders_per_s``, ``quotes_per_s``: medians over the rounds, by the program's own clock from the first file read
        to the last line written; the same per second of processor time; ``peak_rss_mb_n`` and ``peak_rss_mb_4n``; the
        floors ``read_quotes_per_s`` (the file's bytes) and ``gate_quotes_per_s`` (read, decoded and gated by
        ``quotes check``); NautilusTrader's figures; ``spread`` with the least and the most of each.
    """
    size, backtest, check = size or Size(), program("oms-backtest"), program("quotes")
    rows: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="dnalyaw-replay-") as name:
        folder = Path(name)
        say("writing the sessions")
        shape = {"names": size.names, "rounds": size.rounds, "seed": 1}
        _replay_market.write_orders(folder / "orders", days=size.days, **shape)
        _replay_market.write_orders(folder / "fourfold", days=4 * size.days, **shape)
        file = _replay_market.write_quotes(
            folder / "quotes", names=size.names, quotes=size.quotes, handoffs=7, seed=1
        )
        for number in range(rounds):
            rows.append(_round(backtest, check, folder, file, size))
            say(
                f"round {number + 1} of {rounds}: "
                + ", ".join(f"{key} {value:,.0f}" for key, value in rows[-1].items())
            )
        fourfold = replay(backtest, folder / "fourfold")
    _expect(fourfold["orders"], 4 * size.days * size.names * size.rounds, "orders")
    figures = summarise(rows)
    figures["peak_rss_mb_4n"] = round(fourfold["peak_rss_mib"], 1)
    figures["memory_ratio"] = round(figures["peak_rss_mb_4n"] / figures["peak_rss_mb_n"], 3)
    figures["orders_per_s_4n"] = round(fourfold["orders"] / fourfold["seconds"])
    figures |= _replay_nautilus.measure(say)
    figures |= {"orders_n": size.days * size.names * size.rounds, "quotes_n": size.quotes, "rounds": rounds}
    return figures | {"limits": LIMITS, "missed": missed(figures)}


def program(name: str) -> Path:
    """Path of a compiled program."""
    folder = os.environ.get(BIN_VARIABLE)
    path = (Path(folder) if folder else ROOT / "build" / "bin") / name
    if not os.access(path, os.X_OK):
        raise BenchError(f"{name} is not built: run `make build`, or name its folder in {BIN_VARIABLE}")
    return path


def replay(backtest: Path, folder: Path) -> dict[str, Any]:
    """Run `oms-backtest` on a folder; what it prints at its end."""
    target = folder.with_name(folder.name + "-output")
    answer = json.loads(_ran([str(backtest), "--input", str(folder), "--output", str(target), "--quiet"]))
    shutil.rmtree(target)
    if answer["refused_handoffs"]:
        raise BenchError(f"{answer['refused_handoffs']} hand-offs of {folder.name} were refused")
    return dict(answer)


def _ran(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"{' '.join(command)} ended with status {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def _expect(got: int, wanted: int, what: str) -> None:
    """A run that traded something else would be fast for the wrong reason."""
    if got != wanted:
        raise BenchError(f"{got} {what} passed where {wanted} were expected")


def _round(backtest: Path, check: Path, folder: Path, file: Path, size: Size) -> dict[str, float]:
    orders = replay(backtest, folder / "orders")
    _expect(orders["orders"], size.days * size.names * size.rounds, "orders")
    _expect(orders["decisions"], orders["orders"], "decisions")
    quotes = replay(backtest, folder / "quotes")
    _expect(quotes["events"], size.quotes, "quotes")
    start = time.perf_counter()
    _ran([str(check), "check", "--examples", "0", str(file)])
    gated = time.perf_counter()
    with file.open("rb", buffering=0) as source:
        while source.read(BLOCK):
            pass
    read = time.perf_counter()
    return {
        "orders_per_s": orders["orders"] / orders["seconds"],
        "orders_per_cpu_s": orders["orders"] / orders["cpu_seconds"],
        "quotes_per_s": quotes["events"] / quotes["seconds"],
        "quotes_per_cpu_s": quotes["events"] / quotes["cpu_seconds"],
        "gate_quotes_per_s": size.quotes / (gated - start),
        "read_quotes_per_s": size.quotes / (read - gated),
        "peak_rss_mb_n": orders["peak_rss_mib"],
        "peak_rss_mb_quotes": quotes["peak_rss_mib"],
    }


def summarise(rows: list[dict[str, float]]) -> dict[str, Any]:
    """The median of every figure, and its least and most."""
    digits = {key: 1 if key.startswith("peak_") else 0 for key in rows[0]}
    figures: dict[str, Any] = {
        key: round(statistics.median(row[key] for row in rows), digits[key]) for key in rows[0]
    }
    spread = {
        key: [round(pick(row[key] for row in rows), digits[key]) for pick in (min, max)] for key in rows[0]
    }
    return figures | {"spread": spread}


def missed(figures: dict[str, Any]) -> list[str]:
    """The figures that are on the wrong side of their limit."""
    found = [name for name in ("orders_per_s", "quotes_per_s") if figures[name] < LIMITS[name]]
    return found + ["memory_ratio"] * (figures["memory_ratio"] > LIMITS["memory_ratio"])
