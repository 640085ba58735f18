"""Doing something as another user of the system, really: a child process that gives up root and says what came of it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import pwd
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLONE_NEWNET = 0x40000000


@dataclass(frozen=True)
class User:
    """An account that every Debian has."""

    name: str

    @property
    def uid(self) -> int:
        return pwd.getpwnam(self.name).pw_uid

    @property
    def gid(self) -> int:
        return pwd.getpwnam(self.name).pw_gid

    @property
    def process(self) -> dict[str, Any]:
        """Options that make `subprocess` start a program as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def missing() -> str | None:
    """Why users cannot be changed here; None when they can."""
    if os.geteuid() != 0:
        return "changing users needs root: run the tests as root to have separate users tested"
    return None


def _become(user: User, isolated: bool) -> None:
    if isolated:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "a network namespace of its own is not to be had here")
    os.setgroups([])
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)


def as_user(user: User, do: Callable[[], Any]) -> Any:
    """What `do` returns, or raises, in a child of this process that has become the user."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _become(user, isolated=False)
            answer: tuple[bool, Any] = (True, do())
        except BaseException as error:  # noqa: BLE001  # told to the parent, which raises it
            answer = (False, error)
        os.write(writable, pickle.dumps(answer))
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable, "rb") as pipe:
        done, value = pickle.loads(pipe.read())
    os.waitpid(child, 0)
    if not done:
        raise value
    return value


class Connected:
    """A Unix socket connected by a process of the user, which lives as long as this is open: its credentials count."""

    def __init__(self, user: User, path: Path, *, isolated: bool) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._child = os.fork()
        if self._child == 0:
            ours.close()
            try:
                _become(user, isolated)
                link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                link.connect(str(path))
                socket.send_fds(theirs, [b"+"], [link.fileno()])
                # The parent has a copy; without this one it is the only one.
                link.close()
            except OSError as error:
                theirs.sendall(b"-" + str(error).encode())
            theirs.recv(1)
            os._exit(0)
        theirs.close()
        self._ours = ours
        said, descriptors, _, _ = socket.recv_fds(ours, 200, 1)
        if said[:1] != b"+":
            self.close()
            raise PermissionError(said[1:].decode())
        self.socket = socket.socket(fileno=descriptors[0])

    def close(self) -> None:
        """Let the process go."""
        # A word rather than the end of the line: children forked later hold a copy of it.
        with contextlib.suppress(BrokenPipeError):
            self._ours.sendall(b".")
        self._ours.close()
        os.waitpid(self._child, 0)
