"""The audit trail of a runtime: which database, and what ships riskd's journal to it."""

from __future__ import annotations

import os
from pathlib import Path

from dnalyaw.audit._dsn import DSN_VARIABLE
from dnalyaw.audit._server import Server, server
from dnalyaw.audit._trails import trails
from dnalyaw.runtime import AuditTable, Layout, RuntimeStartError, status, write_atomically


def audit_table(home: Path, layout: Layout) -> AuditTable:
    """Have the audit trail's database running, and say how a region's runtime ships to it.

    It is the one that ``DNALYAW_AUDIT_DSN_FILE`` names, else the home's embedded server.

    Raises
    ------
    AuditError
        When the embedded server does not start, or auditd cannot make the table there; nothing trades then.
    RuntimeStartError
        When ``DNALYAW_AUDIT_DSN_FILE`` names no file.
    """
    named = os.environ.get(DSN_VARIABLE)
    if named:
        file = Path(named)
        if not file.is_file():
            raise RuntimeStartError(
                f"{DSN_VARIABLE} names {named}, which is no file: name one that holds the DSN"
            )
    else:
        file = layout.root / "audit" / "dsn"
        write_atomically(file, f"{server(home).uri()}\n".encode())
        file.chmod(0o600)
    (risk,) = (trail for trail in trails(layout) if trail.program == "riskd")
    return AuditTable(file, tuple(risk.ship(["--dsn-file", str(file)])))


def rest(home: Path, layouts: list[Layout]) -> bool:
    """Stop the home's embedded server when no runtime of the home needs it; whether it was stopped.

    Parameters
    ----------
    home : Path
    layouts : list of Layout
        Every region of the home.
    """
    if any(process.pid is not None for layout in layouts for process in status(layout)):
        return False
    return Server(home).stop()
