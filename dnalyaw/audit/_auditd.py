"""Asks auditd: it alone speaks SQL."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dnalyaw.audit._errors import AuditError
from dnalyaw.audit._trails import Trail
from dnalyaw.runtime import RuntimeStartError, program_path

TAMPERED = 3
"""auditd's exit status when a row is not as it was written."""


@dataclass(frozen=True, slots=True)
class WriterHead:
    """How far the table has a writer's rows.

    Attributes
    ----------
    seq : int
        The last row; rows count from 1.
    ts_ns : int
        Its time in ns UTC as the record says it; 0 where it says none.
    inserted_at : str or None
        When it was inserted, ISO 8601; None when the row itself is gone.
    """

    writer: str
    seq: int
    hash: str
    ts_ns: int
    inserted_at: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verifying a writer's rows found.

    Attributes
    ----------
    rows : int
        Rows that are good, from the first on.
    records : int
        Records of the journal; 0 when it was not read.
    behind : int
        Records that are not in the table yet.
    anchors : int
        Anchors that were compared.
    bad : str or None
        The first bad, missing or cut-off row, in words; None when everything is good.
    row : int or None
        Its number; of a cut-off tail the last row that is there.
    kind : str or None
        ``changed``, ``missing``, ``cut``, ``extra``, ``rewrote``, ``journal`` or ``metadata``.
    """

    writer: str
    rows: int
    records: int
    behind: int
    anchors: int
    bad: str | None
    row: int | None
    kind: str | None


def migrate(dsn: Sequence[str]) -> dict[str, Any]:
    """Make the schema, as the role that is to own it, or leave it where it is this version's."""
    return dict(json.loads(_ask("migrate", *dsn)))


def writers(dsn: Sequence[str]) -> list[WriterHead]:
    """Every writer that the table has rows of."""
    found = json.loads(_ask("status", *dsn))["writers"] or []
    return [WriterHead(**{"inserted_at": None, **row}) for row in found]


def tail(dsn: Sequence[str], writer: str | None = None, count: int = 20) -> list[dict[str, Any]]:
    """The last rows of a writer, or of all, the newest last."""
    more = ("--writer", writer) if writer else ()
    lines = _ask("tail", *dsn, "--count", str(count), *more).splitlines()
    return [json.loads(line) for line in lines]


def verify(dsn: Sequence[str], trail: Trail) -> Verdict:
    """Compare a writer's rows with its journal and with the anchors, all of them.

    Raises
    ------
    AuditError
        When the table or the journal's files cannot be read. What was changed is a verdict and no error.
    """
    more: list[str] = []
    if trail.journal.exists():
        more += ["--journal", str(trail.journal), "--kind", trail.program]
    if trail.anchors.exists():
        more += ["--anchors", str(trail.anchors)]
    done = _run("verify", *dsn, "--writer", trail.writer, *more)
    if done.returncode not in (0, TAMPERED) or not done.stdout:
        raise AuditError(_why(done))
    said = json.loads(done.stdout)
    bad = said.get("bad")
    return Verdict(
        writer=trail.writer,
        rows=said["rows"],
        records=said["records"],
        behind=said["behind"],
        anchors=said["anchors"],
        bad=bad and bad["text"],
        row=bad and bad["seq"],
        kind=bad and bad["kind"],
    )


def _ask(*words: str) -> str:
    done = _run(*words)
    if done.returncode != 0:
        raise AuditError(_why(done))
    return done.stdout


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [str(program_path("auditd")), *words], capture_output=True, text=True, check=False
        )
    except RuntimeStartError as error:
        raise AuditError(str(error)) from error


def _why(done: subprocess.CompletedProcess[str]) -> str:
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"auditd ended with status {done.returncode} and said nothing"
