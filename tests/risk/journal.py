"""Reads riskd's journal from the description of its bytes in `docs/riskd.md`, sharing no code with what wrote it."""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HEADER = 4096
CHAIN = 32


@dataclass(frozen=True)
class Segment:
    """One file: its records, and where they end."""

    path: Path
    records: list[dict[str, Any]]
    end: int
    chain: bytes
    size: int


def read(folder: Path, *, killed: bool = False) -> list[Segment]:
    """Every segment from the first; AssertionError where the chain breaks or anything but zeros follows its end.

    A riskd that was `killed` in the middle of a store may have left a record without its length at the very
    end; the next start counts it and takes it away.
    """
    segments: list[Segment] = []
    chain, count, unfinished = None, 0, ""
    for number, path in enumerate(sorted((folder / "journal").glob("*.seg")), 1):
        data = path.read_bytes()
        head = data[:64]
        if not any(head):
            # Allocated ahead of need, and not begun.
            assert not any(data), path
            continue
        assert head[:8] == b"DNRJ0002", path
        assert zlib.crc32(head[:60]) == int.from_bytes(head[60:64], "little"), path
        assert int.from_bytes(head[8:16], "little") == number, path
        assert int.from_bytes(head[16:24], "little") == count, path
        assert chain is None or head[24:56] == chain, f"{path} does not follow from the segment before"
        assert not unfinished, unfinished
        segment = _records(path, data, head[24:56])
        if any(data[segment.end :]):
            unfinished = f"{path}: something follows the end at {segment.end}"
        segments.append(segment)
        chain, count = segment.chain, count + len(segment.records)
    assert killed or not unfinished, unfinished
    assert segments, f"{folder} has no journal"
    return segments


def _records(path: Path, data: bytes, chain: bytes) -> Segment:
    at, records = HEADER, []
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "little")
        if length == 0:
            break
        payload = data[at + 8 : at + 8 + length]
        own = data[at + 8 + length : at + 8 + length + CHAIN]
        assert zlib.crc32(payload + own) == int.from_bytes(data[at + 4 : at + 8], "little"), (path, at)
        assert own == hashlib.sha256(chain + payload).digest(), (path, at)
        chain = own
        records.append(json.loads(payload))
        at += 8 + length + CHAIN
    return Segment(path, records, at, chain, len(data))


def tear(folder: Path, bytes_of_it: int) -> None:
    """Leave the beginning of one more record at the end, as a process killed in the middle of a store would."""
    last = read(folder, killed=True)[-1]
    payload = b'{"kind":"exec","order_id":' + b"7" * 200 + b"}"
    own = hashlib.sha256(last.chain + payload).digest()
    frame = (
        len(payload).to_bytes(4, "little") + zlib.crc32(payload + own).to_bytes(4, "little") + payload + own
    )
    assert 0 < bytes_of_it < len(frame)
    with last.path.open("r+b") as file:
        file.seek(last.end)
        file.write(frame[:bytes_of_it])
