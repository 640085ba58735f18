"""Which server holds the audit table."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dnalyaw.audit._auditd import writers
from dnalyaw.audit._errors import AuditError
from dnalyaw.audit._server import Server, server

DSN_VARIABLE = "DNALYAW_AUDIT_DSN_FILE"
"""Names a file that holds the DSN of a server to use instead of the embedded one."""


def dsn(home: Path, given: str | None = None) -> list[str]:
    """The options that name the audit table's server to auditd, as the login that may insert and read.

    Parameters
    ----------
    home : Path
        The data home, whose embedded server is meant when nothing else is.
    given : str, optional
        A DSN without a password.

    Returns
    -------
    list of str
        ``--dsn`` or ``--dsn-file`` with its value: `given`, else the file that ``DNALYAW_AUDIT_DSN_FILE`` names, else the
        embedded server, which is started when it does not run.
    """
    return _named(given) or server(home).dsn()


@contextmanager
def reading(home: Path, given: str | None = None) -> Iterator[list[str]]:
    """The same for one who only looks: the embedded server is stopped again when it did not run, and never made.

    Raises
    ------
    AuditError
        When the home has no audit trail.
    """
    named = _named(given)
    if named:
        yield named
        return
    embedded = Server(home)
    if not embedded.data.exists():
        raise AuditError(
            f"there is no audit trail in {home}: it begins when the runtime starts (dnalyaw runtime up)"
        )
    running = embedded.pid is not None
    try:
        with embedded.in_use():
            embedded.start()
            yield embedded.dsn()
    finally:
        if not running:
            embedded.stop_unused()


@contextmanager
def serving(home: Path) -> Iterator[tuple[Path, tuple[int, ...]]]:
    """For one who starts programs that write the trail: the server is there, started or found.

    Yields
    ------
    file : Path
        Holds the DSN of the login that may insert.
    held : tuple of int
        Descriptors that the programs are to inherit: while they live the server is not stopped as unused.

    Raises
    ------
    AuditError
        When the server cannot be started, or another than the home's own does not answer.
    """
    named = os.environ.get(DSN_VARIABLE)
    if named:
        try:
            writers(["--dsn-file", named])
        except AuditError as error:
            raise AuditError(f"{error} (the server that {DSN_VARIABLE}={named} names)") from error
        yield Path(named).absolute(), ()
        return
    embedded = Server(home)
    with embedded.in_use() as held:
        embedded.start()
        yield embedded.dsn_file, (held,)


def release(home: Path) -> bool:
    """Stop the home's own server when nobody uses it any more; whether it was stopped."""
    return False if os.environ.get(DSN_VARIABLE) else Server(home).stop_unused()


def _named(given: str | None) -> list[str]:
    if given:
        return ["--dsn", given]
    file = os.environ.get(DSN_VARIABLE)
    return ["--dsn-file", file] if file else []
