"""Starts and stops the compiled runtime on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from dnalyaw.runtime._files import write_atomically
from dnalyaw.runtime._layout import DEFAULT_SPEED, PROGRAMS, Layout, RuntimeStartError, program_path

READY_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """Whether a program of the runtime runs, and since which session."""

    program: str
    pid: int | None
    session: str | None


def status(layout: Layout) -> list[ProcessStatus]:
    """The state of every program, in starting order."""
    return [_status(layout, program) for program in PROGRAMS]


def _status(layout: Layout, program: str) -> ProcessStatus:
    try:
        record = json.loads(layout.pid(program).read_text())
    except (OSError, ValueError):
        return ProcessStatus(program, None, None)
    pid = int(record["pid"])
    return ProcessStatus(program, pid if _is_ours(pid, layout, program) else None, record["session"])


def _is_ours(pid: int, layout: Layout, program: str) -> bool:
    """Whether a process is this program on this folder: a process id alone may have been given out again."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    if state == "Z":
        return False
    return os.path.basename(words[0]) == program.encode() and any(
        word.startswith(str(layout.root).encode()) for word in words[1:]
    )


def up(layout: Layout, session: date, speed: float = DEFAULT_SPEED) -> list[str]:
    """Start what does not run yet for a session; the programs that were started.

    Programs that still serve an earlier session are stopped first. All of them go on when the
    caller dies, so that a run that was killed finds its orders where it left them.

    Raises
    ------
    RuntimeStartError
        When a program is not built, or did not say READY; the message carries the end of its log.
    """
    for program in PROGRAMS:
        program_path(program)
    current = status(layout)
    if any(p.pid is not None and p.session != session.isoformat() for p in current):
        down(layout)
        current = status(layout)
    if current[0].pid is None and any(p.pid is not None for p in current):
        # Without the venue the others hold a dead session; they rebuild from their journals.
        down(layout)
        current = status(layout)
    started = []
    for process in current:
        if process.pid is None:
            _start(layout, process.program, session, speed)
            started.append(process.program)
    return started


def _start(layout: Layout, program: str, session: date, speed: float) -> None:
    layout.root.mkdir(parents=True, exist_ok=True)
    out_path = layout.root / f"{program}.out"
    with layout.log(program).open("ab") as log, out_path.open("wb") as out:
        process = subprocess.Popen(
            layout.command(program, session, speed),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=log,
            start_new_session=True,
            env={
                k: v
                for k, v in os.environ.items()
                if k in ("PATH", "HOME", "LANG", "RUST_LOG", "RUST_BACKTRACE")
            },
        )
    write_atomically(
        layout.pid(program), json.dumps({"pid": process.pid, "session": session.isoformat()}).encode()
    )
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if b"READY" in out_path.read_bytes():
            return
        if process.poll() is not None:
            break
        time.sleep(0.02)
    process.kill()
    process.wait()
    tail = layout.log(program).read_text(errors="replace").strip().splitlines()[-3:]
    raise RuntimeStartError(
        f"{program} ({layout.region}) did not start (status {process.returncode}); its log "
        f"{layout.log(program)} ends: {' / '.join(tail) or 'empty'}"
    )


def down(layout: Layout, seconds: float = 10.0) -> list[str]:
    """Stop what runs, order management first; the programs that were stopped."""
    stopped = []
    for process in reversed(status(layout)):
        if process.pid is None:
            continue
        _signal(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while _is_ours(process.pid, layout, process.program):
            if time.monotonic() > deadline:
                _signal(process.pid, signal.SIGKILL)
            _reap(process.pid)
            time.sleep(0.02)
        stopped.append(process.program)
    return stopped


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _reap(pid: int) -> None:
    """Collect a child of this process that ended; what another process started is not ours to collect."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
