"""A riskd of its own for a test: its files, its process, its log."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dnalyaw import runtime
from tests.risk.link import PATIENCE, Link

SESSION = "2026-11-23"


def instrument(instrument_id: int, symbol: str, sector: str | None, **other: Any) -> dict[str, Any]:
    """A row of the reference file: a lot of one, a tick of a cent, daily volatility one per cent, closed at 100."""
    return {
        "instrument_id": instrument_id,
        "issuer_id": instrument_id,
        "label": f"{symbol}.NYSE",
        "symbol": symbol,
        "sector": sector,
        "lot": 1,
        "tick_micro": 10_000,
        "currency": "USD",
        "tradable": True,
        "volatility_bp": 100,
        "adv": 1_000_000,
        "close_micro": 100_000_000,
        **other,
    }


INSTRUMENTS = (
    instrument(1, "AAA", "tech"),
    instrument(2, "BBB", "energy", close_micro=50_000_000),
)


def reference(instruments: Sequence[dict[str, Any]] = INSTRUMENTS, **other: Any) -> dict[str, Any]:
    """What reference.json holds."""
    return {
        "region": "US",
        "session": SESSION,
        "currency": "USD",
        "generated_at": f"{SESSION}T13:00:00Z",
        "instruments": list(instruments),
        **other,
    }


def eventually(what: str, true: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait for something that must come; the time is a bound, not an expectation."""
    deadline = time.monotonic() + seconds
    while not (value := true()):
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)
    return value


class Gateway:
    """riskd in a folder."""

    def __init__(self, root: Path, content: dict[str, Any] | None = None) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.dir = root / "risk"
        self.socket = root / "risk.sock"
        self.reference = root / "reference.json"
        self.address = root / "fix.addr"
        self.log_path = root / "riskd.log"
        self.reference.write_text(json.dumps(content or reference()))
        self.binary = runtime.program_path("riskd")
        self.process: subprocess.Popen[str] | None = None
        self.ready: dict[str, Any] = {}

    def at(self, port: int) -> None:
        """Say where the venue is, to riskd's user alone."""
        self.address.touch(mode=0o600)
        self.address.write_text(f"127.0.0.1:{port}\n")

    def command(self, *more: str) -> list[str]:
        """The command line."""
        return [
            str(self.binary),
            *("--dir", str(self.dir), "--socket", str(self.socket)),
            *("--reference", str(self.reference), "--venue-addr-file", str(self.address)),
            *more,
        ]

    def start(self, *more: str, env: dict[str, str] | None = None, **options: Any) -> dict[str, Any]:
        """Start, and return what READY says."""
        assert self.process is None
        with self.log_path.open("a") as log:
            self.process = subprocess.Popen(
                self.command(*more), stdout=subprocess.PIPE, stderr=log, text=True, env=env, **options
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("READY "), f"no READY but {line!r}; the log: {self.log()[-2000:]}"
        self.ready = json.loads(line[6:])
        return self.ready

    def refuses(self, *more: str, env: dict[str, str] | None = None, **options: Any) -> str:
        """Start where riskd must not: its one line."""
        done = subprocess.run(
            self.command(*more), capture_output=True, text=True, timeout=PATIENCE, env=env, **options
        )
        assert done.returncode == 2, (done.returncode, done.stdout, done.stderr[-500:])
        assert done.stdout == ""
        assert len(done.stderr.splitlines()) == 1, done.stderr
        return done.stderr.strip()

    def link(self, **options: Any) -> Link:
        """A client on the socket."""
        return Link(self.socket, **options)

    def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self.process is not None
        os.kill(self.process.pid, number)

    def stop(self) -> None:
        """SIGTERM; whatever state it is in, it is gone afterwards."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.process = None

    def log(self) -> str:
        """riskd's log so far."""
        return self.log_path.read_text() if self.log_path.exists() else ""

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log's lines of one event."""
        lines = (json.loads(line) for line in self.log().splitlines() if line.startswith("{"))
        return [line for line in lines if line.get("event") == name]

    def metrics(self) -> dict[str, Any]:
        """The counters riskd has written last."""
        path = self.dir / "metrics.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}
