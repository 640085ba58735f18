"""The lake: deliveries are landed as versions, and published by pinning a checked version.

Layout below the root, for one region and feed::

    staging/us/bars/2026-11-20/v0001-3f2a9c1b7d42.parquet    a delivery, as received; never changed
    published/us/bars/2026-11-20/pins.jsonl                  append-only; the last line is in force
    accepted/us/bars.jsonl                                   findings an operator accepted, with the reason

Nothing is ever overwritten: a correction is another version, and a pin is another line.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from dnalyaw.pit._errors import LakeError, NotPublishedError


@dataclass(frozen=True, slots=True)
class StagedVersion:
    """One delivery of one partition, immutable on disk."""

    region: str
    feed: str
    partition: str
    version: str
    path: Path
    sha256: str

    def read(self) -> pl.DataFrame:
        """The rows as received; LakeError when the file is gone or no longer what was landed."""
        if not self.path.is_file():
            raise LakeError(f"{self.path}: the staged version is gone; land the delivery again")
        if _sha256(self.path) != self.sha256:
            raise LakeError(f"{self.path}: its bytes are not those that were landed ({self.sha256[:12]})")
        return pl.read_parquet(self.path)


@dataclass(frozen=True, slots=True)
class Pin:
    """The published version of one partition, and the checks it passed."""

    seq: int
    version: str
    sha256: str
    rows: int
    pinned_at: str
    checks: Mapping[str, str]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _now() -> datetime:
    return datetime.now(UTC)


def append_line(path: Path, record: Mapping[str, object]) -> None:
    """Append one JSON object as a line and bring it to the disk before returning."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        # A kill in the middle of an append leaves a line without its end: close it, so that it stays
        # one damaged line instead of swallowing this one.
        if file.seek(0, os.SEEK_END) > 0:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(json.dumps(record, sort_keys=True).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read_lines(path: Path) -> list[dict[str, object]]:
    """The JSON objects of an append-only file; a line cut short by a kill is passed over."""
    if not path.is_file():
        return []
    records: list[dict[str, object]] = []
    for line in path.read_bytes().split(b"\n"):
        if not line.strip():
            continue
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            if not _is_torn(line):
                raise LakeError(f"{path}: a line is not JSON: {line[:80]!r}") from None
    return records


def _is_torn(line: bytes) -> bool:
    """Whether a line is the beginning of an object that a kill cut short."""
    return line.startswith(b"{") and not line.rstrip().endswith(b"}")


class Lake:
    """Deliveries and published versions below one folder.

    Parameters
    ----------
    root : Path
        The lake's folder; made when it does not exist.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    # -- staging ------------------------------------------------------------------------------------

    def _staging(self, region: str, feed: str, partition: str) -> Path:
        return self.root / "staging" / region.lower() / feed / partition

    def land(
        self,
        region: str,
        feed: str,
        partition: str,
        frame: pl.DataFrame,
        *,
        ingested_at: datetime | None = None,
    ) -> StagedVersion:
        """Write a delivery as a new version; a delivery equal to the latest one is that version again.

        The column ``ingested_at`` is added here; equality is judged without it.
        """
        folder = self._staging(region, feed, partition)
        folder.mkdir(parents=True, exist_ok=True)
        content = _content_hash(frame)
        existing = self.versions(region, feed, partition)
        if existing and existing[-1].version.endswith(content[:12]):
            return existing[-1]
        stamped = frame.with_columns(
            pl.lit(ingested_at or _now()).cast(pl.Datetime("us", "UTC")).alias("ingested_at")
        )
        version = f"v{len(existing) + 1:04d}-{content[:12]}"
        path = folder / f"{version}.parquet"
        partial = folder / f".{version}.{os.getpid()}.partial"
        stamped.write_parquet(partial)
        digest = _sha256(partial)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        append_line(folder / "versions.jsonl", {"version": version, "sha256": digest, "rows": frame.height})
        partial.rename(path)
        return StagedVersion(region, feed, partition, version, path, digest)

    def versions(self, region: str, feed: str, partition: str) -> list[StagedVersion]:
        """Every landed version of a partition, oldest first."""
        folder = self._staging(region, feed, partition)
        digests = {str(r["version"]): str(r["sha256"]) for r in read_lines(folder / "versions.jsonl")}
        return [
            StagedVersion(region, feed, partition, path.stem, path, digests[path.stem])
            for path in sorted(folder.glob("v*.parquet"))
            if path.stem in digests
        ]

    def latest(self, region: str, feed: str, partition: str) -> StagedVersion:
        """The newest delivery of a partition; LakeError when nothing was landed."""
        versions = self.versions(region, feed, partition)
        if not versions:
            raise LakeError(
                f"{region} {feed} {partition}: nothing was landed; materialize its staging asset first"
            )
        return versions[-1]

    def version(self, region: str, feed: str, partition: str, version: str) -> StagedVersion:
        """One version by its name."""
        for staged in self.versions(region, feed, partition):
            if staged.version == version:
                return staged
        raise LakeError(f"{region} {feed} {partition}: there is no version {version}")

    # -- publishing ---------------------------------------------------------------------------------

    def _pins(self, region: str, feed: str, partition: str) -> Path:
        return self.root / "published" / region.lower() / feed / partition / "pins.jsonl"

    def publish(self, staged: StagedVersion, *, rows: int, checks: Mapping[str, str]) -> Pin:
        """Pin a version whose checks have passed; pinning the version in force again changes nothing."""
        before = self.pins(staged.region, staged.feed, staged.partition)
        if before and before[-1].version == staged.version:
            return before[-1]
        pin = Pin(len(before) + 1, staged.version, staged.sha256, rows, _now().isoformat(), dict(checks))
        append_line(self._pins(staged.region, staged.feed, staged.partition), asdict(pin))
        return pin

    def pins(self, region: str, feed: str, partition: str) -> list[Pin]:
        """Every version that was ever published for a partition, oldest first."""
        return [Pin(**record) for record in read_lines(self._pins(region, feed, partition))]  # type: ignore[arg-type]

    def published_partitions(self, region: str, feed: str) -> list[str]:
        """Partitions with a published version, ascending."""
        folder = self.root / "published" / region.lower() / feed
        return sorted(p.parent.name for p in folder.glob("*/pins.jsonl") if read_lines(p))

    def read_published(self, region: str, feed: str, partition: str) -> list[pl.DataFrame]:
        """All published versions of a partition, oldest first, each verified against its pin.

        Raises
        ------
        NotPublishedError
            When the partition has no green published version.
        """
        pins = self.pins(region, feed, partition)
        if not pins:
            raise NotPublishedError(
                f"{region} {feed} {partition} has no green published version: its checks have not passed. "
                f"Deliver a good version, or accept the finding with a reason (dnalyaw accept --help)"
            )
        frames = []
        for pin in pins:
            staged = self.version(region, feed, partition, pin.version)
            if staged.sha256 != pin.sha256:
                raise LakeError(f"{staged.path}: it is not the version that was pinned ({pin.sha256[:12]})")
            frames.append(staged.read())
        return frames

    # -- findings accepted by an operator -----------------------------------------------------------

    def _accepted(self, region: str, feed: str) -> Path:
        return self.root / "accepted" / region.lower() / f"{feed}.jsonl"

    def accept(self, staged: StagedVersion, *, rule: str, who: str, reason: str) -> None:
        """Record that an operator takes a version in spite of one rule; it holds for that version only."""
        if not reason.strip():
            raise ValueError("a finding is accepted with a reason; give one")
        append_line(
            self._accepted(staged.region, staged.feed),
            {
                "partition": staged.partition,
                "version": staged.version,
                "rule": rule,
                "who": who,
                "reason": reason.strip(),
                "at": _now().isoformat(),
            },
        )

    def acceptance(self, staged: StagedVersion, rule: str) -> dict[str, object] | None:
        """The operator's acceptance of one rule for one version, if there is one."""
        for record in reversed(read_lines(self._accepted(staged.region, staged.feed))):
            same = record["partition"] == staged.partition and record["version"] == staged.version
            if same and record["rule"] == rule:
                return record
        return None


def _content_hash(frame: pl.DataFrame) -> str:
    """SHA-256 of a frame's schema and rows in the order received."""
    buffer = io.BytesIO()
    frame.rechunk().write_ipc(buffer, compression="uncompressed")
    return hashlib.sha256(buffer.getbuffer()).hexdigest()
