"""Nobody but the gateway is told where the venue is: read from the sources and from the command lines."""

from __future__ import annotations

import ast
from datetime import date
from pathlib import Path

import pytest

from dnalyaw import runtime

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("dnalyaw", "dnalyaw_pipelines", "strategies")
LAYOUT_FILE = "dnalyaw/runtime/_layout.py"


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins, so that command lines can be asked for without a build."""
    for program in runtime.PROGRAMS:
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("DNALYAW_BIN", str(tmp_path))


def _sources() -> list[Path]:
    found = [p for room in ROOMS for p in (ROOT / room).rglob("*.py")]
    assert len(found) > 50
    return found


def test_the_address_file_is_named_in_the_layout_alone() -> None:
    named = {
        str(path.relative_to(ROOT))
        for path in _sources()
        for word in ("fix.addr", "fix_addr", "venue_address", "venue-addr")
        if word in path.read_text()
    }
    assert named == {LAYOUT_FILE}


def test_the_layout_names_the_address_and_never_opens_it() -> None:
    """`venue_address` is read in three places, the three command lines; no file is opened in the module at all."""
    tree = ast.parse((ROOT / LAYOUT_FILE).read_text())
    uses = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr == "venue_address"]
    lines = [
        range(n.lineno, (n.end_lineno or 0) + 1)
        for n in ast.walk(tree)
        if isinstance(n, ast.FunctionDef) and n.name in ("command", "second_wire")
    ]
    assert len(uses) == 3
    assert all(any(use.lineno in line for line in lines) for use in uses)
    reads = {"read_text", "read_bytes"}
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr in reads]


def test_no_module_of_research_opens_a_socket_to_the_venue() -> None:
    """FIX is spoken by the gateway; in Python nobody connects over TCP in the rooms that trade."""
    for path in (ROOT / "dnalyaw" / "runtime").glob("*.py"):
        text = path.read_text()
        assert "AF_INET" not in text, path
        assert "create_connection" not in text, path


@pytest.mark.usefixtures("built")
def test_command_lines_tell_the_address_to_the_venue_and_the_gateway_alone() -> None:
    layout = runtime.Layout(Path("/x/runtime/us"), "US")
    lines = {
        p: layout.command(p, date(2026, 3, 10), 5000.0, Path("/x/audit/writer.dsn")) for p in runtime.PROGRAMS
    }
    address = "/x/runtime/us/venue/fix.addr"
    assert [p for p, words in lines.items() if address in words] == ["simvenue", "riskd"]
    assert lines["simvenue"][lines["simvenue"].index(address) - 1] == "--addr-file"
    assert lines["riskd"][lines["riskd"].index(address) - 1] == "--venue-addr-file"
    # omsd is given nothing below the venue's folder, and not its control socket either.
    assert not [word for word in lines["omsd"] if "venue" in word]
    # The venue is given nothing of the others, and riskd no socket of the venue's.
    assert not [word for word in lines["simvenue"] if "risk" in word or "oms" in word]
    assert "/x/runtime/us/venue.sock" not in lines["riskd"]


@pytest.mark.usefixtures("built")
def test_command_lines_are_the_contracts() -> None:
    layout = runtime.Layout(Path("/r"), "HK")
    day = date(2026, 3, 10)
    tail = {p: " ".join(layout.command(p, day, 2500.0, Path("/a.dsn"))[1:]) for p in runtime.PROGRAMS}
    assert tail["simvenue"] == (
        "--dir /r/venue --control /r/venue.sock --market /r/market/2026-03-10 --speed 2500 --addr-file /r/venue/fix.addr "
        "--quotes /r/quotes.sock"
    )
    assert tail["riskd"] == (
        "--dir /r/risk --socket /r/risk.sock --reference /r/reference.json --venue-addr-file /r/venue/fix.addr "
        "--metrics 127.0.0.1:0"
    )
    assert tail["omsd"] == (
        "--dir /r/oms --socket /r/oms.sock --risk /r/risk.sock --register /r/register.jsonl "
        "--reference /r/reference.json --region HK --feed /r/quotes.sock "
        "--audit /a.dsn --audit-backlog 200000"
    )
    assert tail["auditd"] == (
        "--journal /r/risk/journal --kind riskd --writer riskd-HK --dsn-file /a.dsn --status /r/audit/riskd.json "
        "--anchors /r/audit/riskd.anchors"
    )


def test_a_missing_program_is_not_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DNALYAW_BIN", str(tmp_path))
    with pytest.raises(runtime.RuntimeStartError, match=r"riskd is not built .* run `make build`"):
        runtime.program_path("riskd")
