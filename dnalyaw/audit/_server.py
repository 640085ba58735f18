"""The embedded PostgreSQL: one server a data home, on a Unix socket, for the home's owner alone.

Its files lie in ``HOME/audit``: ``pgdata``, ``socket`` and ``postgres.log``.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from dnalyaw.audit._auditd import migrate
from dnalyaw.audit._cluster import HERE, as_account, configure, make, program
from dnalyaw.audit._cluster import process as options
from dnalyaw.audit._errors import AuditError
from dnalyaw.runtime import reap, send_signal

READY_SECONDS = 60.0
"""What a start may take: after a crash it first reads the log of what was written."""

STOP_SECONDS = 30.0
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_LIMIT = 107
"""Longest path of a socket in bytes, the system's own."""

NICE = 10
"""The table follows the journals; what trades goes first."""

LOG_BYTES = 16 << 20


class Server:
    """The server of one data home.

    Parameters
    ----------
    home : Path
        The data home; the server's files lie in its folder ``audit``.
    """

    def __init__(self, home: Path) -> None:
        self.root = home.resolve() / "audit"
        self.data = self.root / "pgdata"
        self.socket = self.root / "socket"
        self.log = self.root / "postgres.log"
        self.dsn_file = self.root / "writer.dsn"
        """Where programs read how to reach it, as its writer."""

    def dsn(self, role: Literal["writer", "owner"] = "writer") -> list[str]:
        """The options that name the database to auditd; the owner is for `migrate` alone."""
        return ["--dsn", f"postgresql://audit_{role}@/audit?host={quote(str(self.socket), safe='')}"]

    @property
    def pid(self) -> int | None:
        """The server's first process, None when none runs on these files."""
        pid = self._recorded()
        return pid if pid is not None and self._is_ours(pid) else None

    def start(self) -> Server:
        """Have it running with this version's schema in it: made, started, or left as it is.

        It goes on when the caller dies, and comes back whole from SIGKILL.

        Raises
        ------
        AuditError
            When PostgreSQL is missing or does not start; the message has the end of its log.
        """
        self._check_socket()
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                with self._exclusive():
                    if not self.data.exists():
                        make(self.data, self.socket)
                    if not self._serves():
                        self._run()
            except OSError as error:
                raise AuditError(f"the audit trail's PostgreSQL in {self.root}: {error}") from error
            try:
                migrate(self.dsn("owner"))
            except AuditError:
                # It may have been killed just now.
                if self._serves() or time.monotonic() > deadline:
                    raise
            else:
                self._write_dsn()
                return self

    @contextmanager
    def in_use(self) -> Iterator[int]:
        """Keep it from being stopped as unused.

        Yields
        ------
        int
            A descriptor that holds the server; a process that inherits it holds the server for as long as it lives.
        """
        self._check_socket()
        self.root.mkdir(parents=True, exist_ok=True)
        with self._users().open("a") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            yield file.fileno()

    def stop_unused(self) -> bool:
        """Stop it unless somebody uses it; whether it was stopped."""
        if not self.root.exists():
            return False
        with self._users().open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            # Whoever wants it meanwhile waits, and then starts it.
            return self.stop()

    def _users(self) -> Path:
        return self.root / "users"

    def _write_dsn(self) -> None:
        text = f"{self.dsn()[1]}\n"
        if self.dsn_file.exists() and self.dsn_file.read_text() == text:
            return
        partial = self.dsn_file.with_name(f"writer.dsn.{os.getpid()}.partial")
        partial.write_text(text)
        partial.chmod(0o600)
        partial.rename(self.dsn_file)

    def stop(self) -> bool:
        """Stop it in good order; False when it did not run."""
        if not self.root.exists():
            return False
        with self._exclusive():
            pid = self.pid
            if pid is None:
                return False
            deadline = time.monotonic() + STOP_SECONDS
            send_signal(pid, signal.SIGINT)
            while self._is_ours(pid):
                if time.monotonic() > deadline:
                    # What it had not yet tidied up it reads from its log at the next start.
                    send_signal(pid, signal.SIGQUIT)
                    deadline += STOP_SECONDS
                reap(pid)
                time.sleep(0.02)
            return True

    def _check_socket(self) -> None:
        path = self.socket / SOCKET_NAME
        length = len(os.fsencode(path))
        if length > SOCKET_LIMIT:
            raise AuditError(
                f"the path of the socket {path} has {length} bytes, the most is {SOCKET_LIMIT}: "
                "put the data home into a shorter folder (--home, DNALYAW_HOME)"
            )

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _run(self) -> None:
        """Start it and wait until it serves."""
        configure(self.data)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.rename(self.log.with_suffix(".log.1"))
        deadline = time.monotonic() + READY_SECONDS
        while True:
            # Somebody started it and was killed before it served, or it reads its log after a crash.
            while self.pid is not None:
                if self._serves():
                    return
                if time.monotonic() > deadline:
                    raise AuditError(f"PostgreSQL does not come to serve; see its log {self.log}")
                time.sleep(0.02)
            if self._recorded() is not None:
                # Its number may be another process's by now, which PostgreSQL would take for its predecessor. That no
                # child of a predecessor is left it sees by their shared memory.
                (self.data / "postmaster.pid").unlink(missing_ok=True)
            begun = self.log.stat().st_size if self.log.exists() else 0
            with self.log.open("ab") as log:
                process = subprocess.Popen(
                    ["nice", "-n", str(NICE), *as_account(program(self.data, "postgres", "-D", HERE))],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    **options(self.data),
                )
            while process.poll() is None:
                if self._serves():
                    return
                if time.monotonic() > deadline:
                    process.send_signal(signal.SIGQUIT)
                    process.wait()
                time.sleep(0.02)
            if time.monotonic() > deadline or not self._lingers(begun):
                lines = self.log.read_text(errors="replace").strip().splitlines()
                raise AuditError(
                    f"PostgreSQL did not start (status {process.returncode}); its log {self.log} ends: "
                    f"{' / '.join(lines[-3:]) or 'empty'}"
                )
            time.sleep(0.1)

    def _lingers(self, begun: int) -> bool:
        """Whether the last start was refused because children of a killed predecessor are still going."""
        with self.log.open("rb") as log:
            log.seek(begun)
            said = log.read()
        return b"still in use" in said or b"already exists" in said

    def _record(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _recorded(self) -> int | None:
        lines = self._record()
        return int(lines[0]) if lines and lines[0].strip().isdigit() else None

    def _serves(self) -> bool:
        lines = self._record()
        if self.pid is None or len(lines) <= 7 or lines[7].strip() != "ready":
            return False
        try:
            with socket.socket(socket.AF_UNIX) as link:
                link.connect(str(self.socket / SOCKET_NAME))
        except OSError:
            return False  # a process that was killed is there until the system has tidied it up
        return True

    def _is_ours(self, pid: int) -> bool:
        """Whether a process is a PostgreSQL on this folder: a number alone may have been given out again."""
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
            name = Path(f"/proc/{pid}/comm").read_text().strip()
            here, data = os.stat(f"/proc/{pid}/cwd"), self.data.stat()
        except OSError:
            return False
        same = (here.st_dev, here.st_ino) == (data.st_dev, data.st_ino)
        return same and name == "postgres" and state != "Z"


def server(home: Path) -> Server:
    """The data home's PostgreSQL, running: see `Server.start`."""
    return Server(home).start()
