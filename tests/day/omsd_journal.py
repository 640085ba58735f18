"""Reads omsd's journal from the description of its bytes in `execution/internal/journal/block.go` and
`execution/internal/core/codec.go`, sharing no code with what wrote it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

HEADER = 56
OWN, DECISION, EXEC = 1, 2, 3


def read(folder: Path) -> list[bytes]:
    """Every record from the first segment on; AssertionError where the chain breaks or anything follows its end."""
    chain, records = bytes(32), []
    for number, path in enumerate(sorted((folder / "journal").glob("*.log")), 1):
        assert path.name == f"{number:06d}.log", path
        data, at = path.read_bytes(), 0
        while at < len(data):
            assert data[at : at + 4] == b"OMSK", (path, at)
            body = data[at + HEADER : at + HEADER + int.from_bytes(data[at + 4 : at + 8], "little")]
            chain = hashlib.sha256(chain + body).digest()
            assert chain == data[at + 12 : at + 44], f"{path}: the block at {at} does not follow"
            records += _split(body)
            at += HEADER + len(body)
        assert at == len(data), f"{path}: the last block is cut short"
    return records


def _split(body: bytes) -> list[bytes]:
    at, out = 0, []
    while at < len(body):
        length = int.from_bytes(body[at : at + 4], "little")
        out.append(body[at + 4 : at + 4 + length])
        at += 4 + length
    assert at == len(body)
    return out


def decode(record: bytes) -> dict[str, Any]:
    """What a record says: the JSON ones as they stand, the others with the names of their fields."""
    if record[:1] == b"{":
        return dict(json.loads(record))
    tag, data = record[0], _Reader(record[1:])
    said: dict[str, Any] = {"ts": data.signed(), "order_id": data.unsigned()}
    if tag == OWN:
        said |= {"k": "own", "event": data.byte(), "why": data.text()}
    elif tag == DECISION:
        said |= {"k": "decision", "code": data.byte(), "reason": data.unsigned(), "approved": data.signed()}
        said |= {"reference_px": data.signed(), "equity": data.signed(), "worst_case": data.signed()}
        said |= {"binding_limit": data.signed(), "limits_hash": data.fixed(), "ts_ns": data.signed()}
        said |= {"arrival_bid": data.signed(), "arrival_ask": data.signed()}
    else:
        assert tag == EXEC, record
        said |= {"k": "exec", "exec_id": data.fixed(), "type": data.byte()}
        said |= {n: data.signed() for n in ("last_qty", "last_px", "cum", "leaves", "fee")}
        said |= {"reason": data.unsigned(), "bid": data.signed(), "ask": data.signed()}
        said |= {"ts_ns": data.signed(), "replayed": data.byte()}
    assert not data.left, record
    return said


class _Reader:
    def __init__(self, left: bytes) -> None:
        self.left = left

    def byte(self) -> int:
        return self._take(1)[0]

    def fixed(self) -> int:
        return int.from_bytes(self._take(8), "little")

    def text(self) -> str:
        return self._take(self.unsigned()).decode()

    def signed(self) -> int:
        value = self.unsigned()
        return (value >> 1) ^ -(value & 1)

    def unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def _take(self, n: int) -> bytes:
        out, self.left = self.left[:n], self.left[n:]
        assert len(out) == n
        return out
