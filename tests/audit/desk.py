"""What the tests do with an audit trail, and with PostgreSQL behind its back."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dnalyaw.audit import Server, Trail, trails
from dnalyaw.audit._cluster import HERE, finish
from dnalyaw.runtime import Layout
from dnalyaw_pipelines.cli import main
from dnalyaw_pipelines.home import Home


@dataclass
class Desk:
    """A home, its server, and its region's journals."""

    home: Path
    server: Server

    @property
    def layout(self) -> Layout:
        return Layout(Home(self.home).runtime("US"), "US")

    @property
    def risk(self) -> Trail:
        """riskd's."""
        return next(t for t in trails(self.layout) if t.program == "riskd")

    def ship(self) -> dict[str, Any]:
        """Bring riskd's journal into the table, all of it; what auditd says of it."""
        done = subprocess.run(
            [*self.risk.ship(self.server.dsn()), "--once"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(self.risk.status.read_text()))

    def tamper(self, *statements: str) -> None:
        """Do something to the table as a superuser, with the triggers off: what no login of the server's can."""
        self.server.stop()
        words = "".join(f"{line}\n" for line in ("set session_replication_role = replica;", *statements))
        finish(self.server.data, "postgres", "--single", "-D", HERE, "audit", words=words)
        self.server.start()

    def command(self, *words: str) -> int:
        """``dnalyaw audit ...`` on this home."""
        return main(["audit", *words, "--home", str(self.home)])


def write_journal(folder: Path, payloads: list[str], *, size: int = 1 << 16) -> None:
    """A journal as riskd's, of one segment, from the description of its bytes in docs/riskd.md."""
    from hashlib import sha256
    from zlib import crc32

    folder.mkdir(parents=True, exist_ok=True)
    head = b"DNRJ0002" + (1).to_bytes(8, "little") + bytes(8) + bytes(32) + size.to_bytes(4, "little")
    parts, chain = [], bytes(32)
    for text in payloads:
        payload = text.encode()
        chain = sha256(chain + payload).digest()
        crc = crc32(payload + chain)
        parts += [len(payload).to_bytes(4, "little"), crc.to_bytes(4, "little"), payload, chain]
    records = b"".join(parts)
    end = (4096 + len(records)).to_bytes(4, "little")
    synced = end + crc32((1).to_bytes(8, "little") + end).to_bytes(4, "little")
    page = (head + crc32(head).to_bytes(4, "little") + synced).ljust(4096, b"\0")
    (folder / "00000001.seg").write_bytes((page + records).ljust(size, b"\0"))
