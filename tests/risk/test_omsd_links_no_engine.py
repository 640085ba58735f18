"""omsd's program has no engine in it: nothing is loaded into it, and none of the engine's own texts are there."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

from dnalyaw import runtime

pytestmark = pytest.mark.e2e

PT_DYNAMIC, PT_INTERP = 2, 3
ENGINES_OWN = (b"dnalyaw-limits v", b" from positions, marks and orders (")
"""The text that the limits' hash is of, and how a shadow's difference is told: whoever decides has both."""


def _segments(program: Path) -> set[int]:
    """The kinds of segments that the system maps, from a 64-bit ELF file's program headers."""
    data = program.read_bytes()
    assert data[:6] == b"\x7fELF\x02\x01", f"{program} is no little-endian 64-bit ELF file"
    (at,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    return {struct.unpack_from("<I", data, at + size * nth)[0] for nth in range(count)}


def test_omsd_is_static_so_that_no_library_gets_into_it() -> None:
    assert {PT_INTERP, PT_DYNAMIC} <= _segments(Path(sys.executable)), (
        "a program that is not static is seen as such"
    )
    assert not {PT_INTERP, PT_DYNAMIC} & _segments(runtime.program_path("omsd"))


def test_omsd_has_none_of_the_engines_texts_and_riskd_all() -> None:
    riskd = runtime.program_path("riskd").read_bytes()
    omsd = runtime.program_path("omsd").read_bytes()
    for text in ENGINES_OWN:
        assert text in riskd, f"{text!r} is the engine's no more: name another"
        assert text not in omsd
