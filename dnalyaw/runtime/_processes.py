"""Starts and stops the compiled runtime on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from dnalyaw.runtime._files import write_atomically
from dnalyaw.runtime._layout import (
    DEFAULT_SPEED,
    PROGRAMS,
    STOPPING,
    Layout,
    RuntimeStartError,
    program_path,
)
from dnalyaw.runtime._signals import reap, send_signal
from dnalyaw.runtime._trail import release_server, trail_server

READY_SECONDS = 20.0

SHIPPING = ("auditd", "omsd")
"""Programs that write to the audit table."""

SOCKET_PATH_LIMIT = 107
"""Longest path of a socket in bytes, the system's own."""


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
        pid, session = int(record["pid"]), str(record["session"])
    except (OSError, ValueError, KeyError, TypeError):
        return ProcessStatus(program, _unrecorded(layout, program), None)
    if _is_ours(pid, layout, program):
        return ProcessStatus(program, pid, session)
    orphan = _unrecorded(layout, program)
    return ProcessStatus(program, orphan, None if orphan else session)


def _unrecorded(layout: Layout, program: str) -> int | None:
    """A process of ours without a record: its starter was killed between the start and the record."""
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        if pid != os.getpid() and _is_ours(pid, layout, program):
            return pid
    return None


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
        word.startswith(f"{layout.root}/".encode()) for word in words[1:]
    )


def up(layout: Layout, session: date, speed: float = DEFAULT_SPEED) -> list[str]:
    """Start what does not run yet for a session; the programs that were started.

    Programs that still serve an earlier session are stopped first. All of them go on when the
    caller dies, so that a run that was killed finds its orders where it left them.

    Raises
    ------
    RuntimeStartError
        When a program is not built, when a socket's path is too long, or when a program did not say
        READY; the message carries the end of its log.
    """
    for program in PROGRAMS:
        program_path(program)
    _check_sockets(layout)
    current = status(layout)
    if any(p.pid is not None and p.session != session.isoformat() for p in current):
        down(layout)
        current = status(layout)
    if current[0].pid is None and any(p.pid is not None for p in current):
        # Without the venue the others hold a dead session; they rebuild from their journals.
        down(layout)
        current = status(layout)
    started = []
    # The table's server comes up beside venue and gateway. Where it does not, these two serve, and omsd is not started.
    with trail_server(layout) as server:
        for process in current:
            if process.pid is None:
                audit = server() if process.program in SHIPPING else None
                _start(layout, process.program, session, speed, audit)
                started.append(process.program)
            else:
                # Whoever started it may have been killed before it served.
                _await_ready(layout, process.program, process.pid)
    return started


def _check_sockets(layout: Layout) -> None:
    for path in (
        layout.oms_socket,
        layout.risk_socket,
        layout.risk_control,
        layout.venue_control,
        layout.quotes_socket,
    ):
        length = len(os.fsencode(path))
        if length > SOCKET_PATH_LIMIT:
            raise RuntimeStartError(
                f"the path of the socket {path} has {length} bytes, the most is {SOCKET_PATH_LIMIT}: "
                "put the data home into a shorter folder (--home, DNALYAW_HOME)"
            )


def _out(layout: Layout, program: str) -> Path:
    """What a program says on its standard output: READY, once it serves."""
    return layout.root / f"{program}.out"


def _start(
    layout: Layout, program: str, session: date, speed: float, audit: tuple[Path, tuple[int, ...]] | None
) -> None:
    file, held = audit or (None, ())
    layout.root.mkdir(parents=True, exist_ok=True)
    with (
        layout.log(program).open("ab") as log,
        _out(layout, program).open("wb") as out,
        _stoppable_children(),
    ):
        process = subprocess.Popen(
            layout.command(program, session, speed, file),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=log,
            start_new_session=True,
            # While it lives the table's server is not stopped as unused.
            pass_fds=held,
            env={
                k: v
                for k, v in os.environ.items()
                if k in ("PATH", "HOME", "LANG", "RUST_LOG", "RUST_BACKTRACE")
            },
        )
    write_atomically(
        layout.pid(program), json.dumps({"pid": process.pid, "session": session.isoformat()}).encode()
    )
    _await_ready(layout, program, process.pid, process)


@contextmanager
def _stoppable_children() -> Iterator[None]:
    """Start children that heed SIGTERM, also where this process ignores it.

    An ignored signal is inherited, and a process in the background of a script ignores SIGINT, to which
    Dagster ties SIGTERM.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        yield
    finally:
        if before is signal.SIG_IGN:
            signal.signal(signal.SIGTERM, before)


def _await_ready(
    layout: Layout, program: str, pid: int, child: subprocess.Popen[bytes] | None = None
) -> None:
    """Wait until a process serves; one that does not is stopped, and RuntimeStartError says why."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if b"READY" in _out(layout, program).read_bytes():
            return
        if child.poll() is not None if child else not _is_ours(pid, layout, program):
            break
        time.sleep(0.02)
    if child is not None:
        child.kill()
        child.wait()
    elif _is_ours(pid, layout, program):
        send_signal(pid, signal.SIGKILL)
    tail = layout.log(program).read_text(errors="replace").strip().splitlines()[-3:]
    how = f" (status {child.returncode})" if child else ""
    raise RuntimeStartError(
        f"{program} ({layout.region}) did not start{how}; its log "
        f"{layout.log(program)} ends: {' / '.join(tail) or 'empty'}"
    )


def down(layout: Layout, seconds: float = 10.0) -> list[str]:
    """Stop what runs, order management first, and the audit table's server with the last region; the programs stopped."""
    stopped = []
    for process in sorted(status(layout), key=lambda process: STOPPING.index(process.program)):
        if process.pid is None:
            continue
        send_signal(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while _is_ours(process.pid, layout, process.program):
            if time.monotonic() > deadline:
                send_signal(process.pid, signal.SIGKILL)
            reap(process.pid)
            time.sleep(0.02)
        stopped.append(process.program)
    release_server(layout)
    return stopped
