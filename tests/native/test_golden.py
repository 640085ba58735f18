"""The golden vectors on disk are what their own encoder writes, and cover every kind."""

import json

import pytest

from . import make_golden


def test_files_are_current() -> None:
    listed = json.loads((make_golden.GOLDEN / "frames.json").read_text(encoding="utf-8"))
    assert listed == make_golden.entries()
    for entry in listed:
        want = make_golden.encode(entry["kind"], entry["seq"], entry["ts_ns"], entry["fields"])
        assert (make_golden.GOLDEN / entry["file"]).read_bytes() == want, entry["name"]
        assert len(want) == 128


def test_no_stray_vector() -> None:
    names = {path.name for path in make_golden.GOLDEN.glob("*.bin")}
    assert names == {entry["file"] for entry in make_golden.entries()}


def test_every_kind_has_one() -> None:
    assert {kind for _, kind, _, _, _ in make_golden.VECTORS} == set(make_golden.LAYOUTS)


def _crc32_bitwise(data: bytes) -> int:
    """CRC-32 (IEEE), bit by bit from its reflected polynomial."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xEDB88320 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def test_hand_worked_bytes() -> None:
    """The SYNC frame, byte by byte from the contract's table."""
    frame = (make_golden.GOLDEN / "sync.bin").read_bytes()
    assert frame[:4] == bytes([1, 5, 0, 0])
    assert frame[8:16] == bytes([7, 0, 0, 0, 0, 0, 0, 0])
    assert frame[4:8] == _crc32_bitwise(frame[:4] + frame[8:]).to_bytes(4, "little")
    assert frame[24:32] == bytes([0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11])
    assert frame[32:] == bytes(96)


def test_encoder_refuses_missing_field() -> None:
    with pytest.raises(ValueError, match="are not the payload's"):
        make_golden.encode(5, 1, 0, {})
