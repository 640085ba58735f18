"""Which journals of a region are audited, and where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dnalyaw.runtime import Layout, program_path


@dataclass(frozen=True, slots=True)
class Trail:
    """One writer of the audit table.

    Attributes
    ----------
    program : str
        Whose journal it is, ``omsd`` or ``riskd``.
    writer : str
        Its name in the table.
    journal : Path
        The journal's folder.
    status : Path
        Where auditd says how far it is, when it ships the journal.
    anchors : Path
        auditd's own journal of anchors; omsd's stand in omsd's journal.
    """

    program: str
    writer: str
    journal: Path
    status: Path
    anchors: Path

    def ship(self, dsn: Sequence[str]) -> list[str]:
        """The command line of the auditd that ships it; `dsn` as `dnalyaw.audit.dsn` gives it."""
        return [
            str(program_path("auditd")),
            *("--journal", str(self.journal), "--kind", self.program, "--writer", self.writer),
            *("--status", str(self.status), "--anchors", str(self.anchors), *dsn),
        ]


def trails(layout: Layout) -> list[Trail]:
    """The writers of a region."""
    return [
        Trail(
            program,
            f"{program}-{layout.region}",
            layout.root / folder / "journal",
            layout.root / "audit" / f"{program}.json",
            layout.root / "audit" / f"{program}.anchors",
        )
        for program, folder in (("omsd", "oms"), ("riskd", "risk"))
    ]
