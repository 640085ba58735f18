"""Starts the programs that `bench oms` measures, with the audit table, and stops them."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dnalyaw_pipelines.bench import BenchError, _made_market, _oms_market

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 30.0
STOP_SECONDS = 20.0
NICE = 10

BACKLOG = 50_000_000
"""Records that the audit table may be behind: the load is longer than any day's bursts, and how far it is behind is told."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Programs that run, and where they write what is measured.

    Attributes
    ----------
    processes : dict
        Process ids by program.
    dsn : list of str
        The options that name the audit table's database to auditd.
    """

    layout: Any
    load: Path
    processes: dict[str, int]
    dsn: list[str]

    @property
    def oms_stamps(self) -> Path:
        return self.layout.root / "oms.stamps"

    @property
    def venue_stamps(self) -> Path:
        return self.layout.root / "venue.stamps"

    @property
    def echo(self) -> Path:
        return self.layout.root / "echo.sock"


def build() -> Path:
    """Build the load generator; its path."""
    go = subprocess.run(
        ["bash", str(ROOT / "tools" / "go.sh")], capture_output=True, text=True, check=False
    ).stdout.strip()
    if not go:
        raise BenchError("Go is missing; `make setup` fetches it")
    target = ROOT / "build" / "bin" / "omsload"
    done = subprocess.run(
        [go, "build", "-o", str(target), "./cmd/omsload"],
        cwd=ROOT / "execution",
        env=os.environ | {"CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"the load generator does not build: {done.stderr[-2000:]}")
    return target


@contextmanager
def programs(home: Path, load: Path, *, sink: bool = False) -> Iterator[Desk]:
    """Run venue, riskd and omsd (or omsd on a sink), auditd and PostgreSQL, and a bare echo, in a folder of their own."""
    from dnalyaw import audit, runtime
    from dnalyaw.runtime import program_path

    layout = runtime.Layout(home / "runtime" / _oms_market.REGION, _oms_market.REGION)
    layout.root.mkdir(parents=True)
    _oms_market.write(layout)
    table = audit.server(home)
    dsn = layout.root / "audit.dsn"
    dsn.touch(mode=0o600)
    dsn.write_text(table.dsn()[1])
    desk = Desk(layout, load, {"postgres": table.pid} if table.pid else {}, table.dsn())

    with ExitStack() as stack:
        stack.callback(table.stop)

        def start(name: str, command: Sequence[str], ready: bool = True) -> None:
            desk.processes[name] = stack.enter_context(_program(layout.root, name, command, ready))

        start("echo", [str(load), "echo", "--socket", str(desk.echo)], ready=False)
        if sink:
            command = [
                str(load),
                "sink",
                "--socket",
                str(layout.risk_socket),
                "--reference",
                str(layout.reference),
            ]
            start("sink", command, ready=False)
            _wait_for(layout.risk_socket)
        else:
            venue = layout.command("simvenue", _oms_market.SESSION, _oms_market.SPEED)
            start("simvenue", [*venue, "--open-seconds", "0", "--stamps", str(desk.venue_stamps)])
            start("riskd", layout.command("riskd", _oms_market.SESSION, _oms_market.SPEED))
            # The table follows the journals, at PostgreSQL's own priority; what trades goes first.
            command = ["nice", "-n", str(NICE), str(program_path("auditd")), "--dsn-file", str(dsn)]
            command += ["--journal", str(layout.root / "risk" / "journal"), "--kind", "riskd"]
            command += ["--writer", f"riskd-{_oms_market.REGION}", "--anchors", str(layout.root / "anchors")]
            command += ["--status", str(layout.root / "riskd.audit.json")]
            start("auditd", command)
        oms = layout.command("omsd", _oms_market.SESSION, _oms_market.SPEED)
        oms += ["--audit", str(dsn), "--audit-backlog", str(BACKLOG)]
        start("omsd", [*oms, "--stamps", str(desk.oms_stamps)])
        _wait_for(desk.echo)
        if not sink:
            runtime.control(layout, "start")
        yield desk


@contextmanager
def _program(root: Path, name: str, command: Sequence[str], ready: bool) -> Iterator[int]:
    """Run a program until the block ends; its process id."""
    log, out = root / f"{name}.log", root / f"{name}.out"
    with log.open("wb") as errors, out.open("wb") as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=errors)
    try:
        deadline = time.monotonic() + READY_SECONDS
        while ready and b"READY" not in out.read_bytes():
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"{name} does not come to serve; its log ends: {tail(log)}")
            time.sleep(0.02)
        yield process.pid
        if process.poll() is not None:
            raise BenchError(f"{name} ended with status {process.returncode}; its log ends: {tail(log)}")
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(socket: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not socket.exists():
        if time.monotonic() > deadline:
            raise BenchError(f"nobody serves {socket}")
        time.sleep(0.02)


def tail(log: Path) -> str:
    """The end of a log."""
    return log.read_text(errors="replace")[-1500:]


def generate(desk: Desk, verb: str, strategy: str, names: int, out: Path, **more: object) -> dict[str, Any]:
    """Run the load generator to its end; its answer."""
    out.mkdir()
    command = [
        *(str(desk.load), verb, "--socket", str(desk.layout.oms_socket), "--echo", str(desk.echo)),
        *("--stamps", str(desk.oms_stamps), "--strategy", strategy, "--out", str(out)),
        *("--session", f"{_oms_market.SESSION:%Y%m%d}", "--first", str(_made_market.FIRST_ID)),
        *("--names", str(names), "--weight", str(_oms_market.WEIGHT)),
        *(word for name, value in more.items() for word in (f"--{name}", str(value))),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        end = tail(desk.layout.root / "omsd.log")
        raise BenchError(f"the load generator: {done.stderr.strip()}; omsd's log ends: {end}")
    return dict(json.loads(done.stdout))


def audit_rows(desk: Desk) -> int:
    """Rows that the audit table has of all writers."""
    from dnalyaw import audit

    return sum(head.seq for head in audit.writers(desk.dsn))


def processor_seconds(desk: Desk) -> dict[str, float]:
    """Processor time that each program has used so far, PostgreSQL with the processes that it made."""
    names = {pid: name for name, pid in desk.processes.items()}
    used = dict.fromkeys(names.values(), 0.0)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it has ended
        name = names.get(int(stat.parent.name)) or names.get(int(words[1]))
        if name is not None:
            used[name] += (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    return used
