"""Where a region's compiled runtime keeps its files, and where its programs are."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

PROGRAMS = ("simvenue", "riskd", "auditd", "omsd")
"""In the order in which they start: the venue, the gateway that alone reaches it, what ships the gateway's journal to the
audit table, the order management."""

STOPPING = ("omsd", "riskd", "auditd", "simvenue")
"""In the order in which they stop: auditd has riskd's last records yet to ship."""

AUDIT_BACKLOG = 200_000
"""Records of omsd that the audit table may be behind before nothing is opened: about 40,000 orders, or what four seconds of
omsd's highest rate make."""

BIN_VARIABLE = "DNALYAW_BIN"

DEFAULT_SPEED = 20_000.0
"""Replayed seconds of the simulated venue in one second, after its slow opening."""


class RuntimeStartError(Exception):
    """A part of the compiled runtime is missing or did not start; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths below ``$DNALYAW_HOME/runtime/<region>``."""

    root: Path
    region: str

    @property
    def reference(self) -> Path:
        return self.root / "reference.json"

    @property
    def register(self) -> Path:
        return self.root / "register.jsonl"

    @property
    def oms_socket(self) -> Path:
        return self.root / "oms.sock"

    @property
    def risk_socket(self) -> Path:
        return self.root / "risk.sock"

    @property
    def risk_control(self) -> Path:
        return self.root / "risk" / "control.sock"

    @property
    def kill_latch(self) -> Path:
        return self.root / "risk" / "kill.latch"

    @property
    def venue_control(self) -> Path:
        return self.root / "venue.sock"

    @property
    def session(self) -> Path:
        """How omsd trades the session; beside the register, where omsd looks for it."""
        return self.root / "session.json"

    @property
    def quotes_socket(self) -> Path:
        """Where the quotes that the venue trades on are served: outside its folder, for no order can go that way."""
        return self.root / "quotes.sock"

    @property
    def venue_address(self) -> Path:
        return self.root / "venue" / "fix.addr"

    @property
    def venue_log(self) -> Path:
        return self.root / "venue" / "log.jsonl"

    def market(self, session: date) -> Path:
        """Stem of the two market files of a session."""
        return self.root / "market" / session.isoformat()

    def pid(self, program: str) -> Path:
        """The file that names a program's process."""
        return self.root / f"{program}.pid"

    def log(self, program: str) -> Path:
        """The file that holds a program's JSON log."""
        return self.root / f"{program}.log"

    @property
    def home(self) -> Path | None:
        """The data home, whose audit trail the regions share; None where the folder is not ``HOME/runtime/REGION``."""
        return self.root.parent.parent if self.root.parent.name == "runtime" else None

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the region's runtime for one hand-off; RuntimeStartError when another one has it."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "handoff.lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RuntimeStartError(
                    f"another hand-off is going on in {self.root}; wait until it has ended"
                ) from None
            yield

    def command(self, program: str, session: date, speed: float, audit: Path | None = None) -> list[str]:
        """The command line of a program; only riskd is told where the venue is.

        `audit` is the file that says how to reach the audit table; the runtime never starts omsd without one.
        """
        root = self.root
        binary = str(program_path(program))
        if program == "simvenue":
            return [
                binary,
                *("--dir", str(root / "venue"), "--control", str(self.venue_control)),
                *("--market", str(self.market(session)), "--speed", f"{speed:g}"),
                *("--addr-file", str(self.venue_address), "--quotes", str(self.quotes_socket)),
            ]
        if program == "riskd":
            return [
                binary,
                *("--dir", str(root / "risk"), "--socket", str(self.risk_socket)),
                *("--reference", str(self.reference), "--venue-addr-file", str(self.venue_address)),
                # Any free port: riskd writes which one to risk/prometheus.json, which Prometheus reads by itself.
                *("--metrics", "127.0.0.1:0"),
            ]
        if program == "auditd":
            if audit is None:
                raise ValueError("auditd needs the file that says how to reach the audit table")
            return [
                binary,
                *("--journal", str(root / "risk" / "journal"), "--kind", "riskd"),
                *("--writer", f"riskd-{self.region}", "--dsn-file", str(audit)),
                *("--status", str(root / "audit" / "riskd.json")),
                *("--anchors", str(root / "audit" / "riskd.anchors")),
            ]
        return [
            binary,
            *("--dir", str(root / "oms"), "--socket", str(self.oms_socket), "--risk", str(self.risk_socket)),
            *("--register", str(self.register), "--reference", str(self.reference), "--region", self.region),
            *("--feed", str(self.quotes_socket)),
            *(("--audit", str(audit), "--audit-backlog", str(AUDIT_BACKLOG)) if audit else ()),
        ]

    def costs(self, session: date, out: Path, closes: Path) -> list[str]:
        """The command line that analyses what a session's orders cost, from what omsd has left of it."""
        return [
            str(program_path("omsd")),
            *("costs", "--dir", str(self.root / "oms"), "--hours", f"{self.market(session)}.json"),
            *("--reference", str(self.reference), "--closes", str(closes), "--out", str(out)),
        ]

    def second_wire(self, reason: str) -> list[str]:
        """The command line that flattens the account of a riskd that is dead."""
        return [
            str(program_path("riskd")),
            *("--flatten", "--dir", str(self.root / "risk"), "--reference", str(self.reference)),
            *("--venue-addr-file", str(self.venue_address), "--reason", reason),
        ]


def program_path(program: str) -> Path:
    """Path of a compiled program; RuntimeStartError names the command that builds it."""
    folder = os.environ.get(BIN_VARIABLE)
    base = Path(folder) if folder else Path(__file__).resolve().parents[2] / "build" / "bin"
    path = base / program
    if not os.access(path, os.X_OK):
        raise RuntimeStartError(f"{program} is not built ({path} is missing): run `make build`")
    return path
