"""50 million bars through the store, in a process of its own whose memory is measured."""

import os

import pytest

from dnalyaw_pipelines.bench import data

BARS = int(os.environ.get("SOAK_BARS", "50000000"))
SESSIONS = 2500


@pytest.mark.soak
def test_fifty_million_bars_on_a_small_machine(tmp_path):
    lines: list[str] = []
    figures = data.streamed(tmp_path / "store", BARS // SESSIONS, SESSIONS, lines.append)
    assert figures["streamed_rows"] == BARS
    assert figures["streamed_revisions"] >= BARS // 10_007
    assert figures["peak_mb"] < 4000
    assert any("rows/s" in line for line in lines)
