"""A folder of PostgreSQL's: how it is made, who gets in, and as whom its programs run.

Nobody gets in by a password: the server asks the system who is at the other end (``peer``), lets in the user who owns the
home, and knows him as the table's owner or as its writer, never as a superuser. Started by root, whom PostgreSQL refuses,
its programs run as an account of their own. That account gets into no folder that it could not enter before, because it
inherits the folder as its working directory and is told to look there (`HERE`).
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dnalyaw.audit._errors import AuditError
from dnalyaw.audit._programs import account, programs

HERE = "/proc/self/cwd"

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_directories": "../socket",
    "max_connections": "20",
    "shared_buffers": "64MB",
    # Nothing follows this server: its log needs to bring back itself alone.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    # An acknowledged row is on the disk.
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %u ",
}

BOOTSTRAP = """\
create role audit_owner login createrole;
create database audit owner audit_owner encoding 'UTF8' template template0;
"""


def make(data: Path, socket: Path) -> None:
    """Make a cluster with the owner and the database in it, there whole or not at all.

    Parameters
    ----------
    data, socket : Path
        Where its data and its socket are to lie, both in one folder.
    """
    partial = data.with_name(f"{data.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    # The account passes through here, and nowhere else.
    data.parent.chmod(0o711)
    for folder, mode in ((partial, 0o700), (socket, 0o711)):
        folder.mkdir(exist_ok=True)
        folder.chmod(mode)
        _give(folder)
    finish(
        partial,
        *("initdb", "-D", HERE, "-U", "postgres", "--auth-local=peer", "--auth-host=reject"),
        *("--encoding=UTF8", "--no-locale"),
    )
    finish(partial, "postgres", "--single", "-D", HERE, "postgres", words=BOOTSTRAP)
    partial.rename(data)


def configure(data: Path) -> None:
    """Write down who gets in and how it runs; at every start, so that a new version's settings hold."""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise AuditError(
            f"user {os.geteuid()} has no name on this system and PostgreSQL knows users by name: give it one"
        ) from None
    files = {
        "postgresql.conf": "".join(f"{name} = '{value}'\n" for name, value in SETTINGS.items()),
        "pg_hba.conf": "local audit audit_owner,audit_writer peer map=home\n",
        "pg_ident.conf": "".join(f'home "{user}" {role}\n' for role in ("audit_owner", "audit_writer")),
    }
    for name, text in files.items():
        partial = data / f"{name}.partial"
        partial.write_text(text)
        partial.chmod(0o600)
        _give(partial)
        partial.rename(data / name)


def program(data: Path, name: str, *words: str) -> list[str]:
    """The command line of a program of the version that the data is of."""
    version = data / "PG_VERSION"
    return [str(programs(version.read_text().strip() if version.exists() else None) / name), *words]


_BECOME = """\
import os, sys
group, user = map(int, sys.argv[1:3])
os.setgroups([])
os.setgid(group)
os.setuid(user)
os.execv(sys.argv[3], sys.argv[3:])
"""


def as_account(command: list[str]) -> list[str]:
    """The command line under which a program runs as PostgreSQL's account.

    It changes user in a process of its own: `subprocess` can do that too, but forks for it, and gRPC's threads in the
    caller can take the child down.
    """
    name = account()
    if name is None:
        return command
    entry = pwd.getpwnam(name)
    return [sys.executable, "-I", "-S", "-c", _BECOME, str(entry.pw_gid), str(entry.pw_uid), *command]


def process(data: Path) -> dict[str, Any]:
    """Options that make `subprocess` start a program in the folder; nothing of the caller's settings reaches it."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
    return {"cwd": data, "env": environment}


def finish(data: Path, name: str, *more: str, words: str = "") -> None:
    """Run a program in the folder to its end, with these words on its standard input."""
    done = subprocess.run(
        as_account(program(data, name, *more)),
        input=words,
        capture_output=True,
        text=True,
        check=False,
        **process(data),
    )
    # In single-user mode a statement that fails changes no exit status.
    faults = [line for line in done.stderr.splitlines() if "ERROR" in line or "FATAL" in line]
    if done.returncode != 0 or faults:
        lines = faults or done.stderr.strip().splitlines() or ["nothing"]
        raise AuditError(f"{name} failed (status {done.returncode}) in {data}: {lines[-1]}")


def _give(path: Path) -> None:
    """Let PostgreSQL's account have a file or folder."""
    name = account()
    if name is not None:
        entry = pwd.getpwnam(name)
        os.chown(path, entry.pw_uid, entry.pw_gid)
