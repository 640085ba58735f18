"""``dnalyaw audit``: what it says, and the status that it ends with."""

from __future__ import annotations

import json
import os
import signal

import pytest

from dnalyaw_pipelines.cli import main
from dnalyaw_pipelines.cli._audit import row_line, status_line, verdict_line
from tests.audit.desk import Desk, write_journal

CORRELATION = "00112233445566778899aabbccddeeff"


def _payload(number: int) -> str:
    body = {
        "kind": "exec",
        "order_id": 100 + number,
        "ts_ns": 1_704_465_000_000_000_000 + number,
        "exec_id": f"E{number}",
    }
    return json.dumps(body, separators=(",", ":"))


@pytest.fixture
def shipped(desk: Desk) -> Desk:
    """Forty records in the table."""
    write_journal(desk.risk.journal, [_payload(n) for n in range(1, 41)])
    desk.ship()
    return desk


def test_a_good_trail(shipped: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert shipped.command("verify") == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.splitlines() == [
        "omsd-US: 0 rows, their chain is whole; no journal to compare them with · 0 anchors",
        "riskd-US: 40 rows, as in the journal of 40 records · 1 anchors",
    ]
    assert shipped.command("status") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "omsd-US: no rows"
    assert lines[1].startswith("riskd-US: 40 rows, the last of 2024-01-05 14:30:00.000, inserted 20")
    assert shipped.command("tail", "--count", "2") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["riskd-US", "39"], ["riskd-US", "40"]]
    assert lines[1].endswith(_payload(40))
    assert shipped.command("verify", "--json") == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(v["writer"], v["rows"], v["bad"]) for v in found] == [
        ("omsd-US", 0, None),
        ("riskd-US", 40, None),
    ]


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        (["update audit.events set body = '{}' where seq = 12;"], "row 12 of riskd-US: body changed"),
        (
            ["delete from audit.events where seq = 12;"],
            "row 12 of riskd-US is missing: the next one there is 13",
        ),
        (
            [
                "delete from audit.events where seq > 30;",
                "update audit.heads set seq = 30, hash = (select hash from audit.events where seq = 30);",
            ],
            "riskd-US is cut off after row 30: the journal's anchor says 40",
        ),
        (
            ["truncate audit.events, audit.heads;"],
            "riskd-US is cut off after row 0: the journal's anchor says 40",
        ),
    ],
)
def test_what_was_changed_is_named_and_the_status_is_three(
    shipped: Desk, capsys: pytest.CaptureFixture[str], statements: list[str], says: str
) -> None:
    shipped.tamper(*statements)
    assert shipped.command("verify", "--region", "us") == 3
    assert capsys.readouterr().err == f"{says}\n"
    assert shipped.command("verify", "--json") == 3
    assert json.loads(capsys.readouterr().out.splitlines()[1])["bad"] == says


def test_the_server_is_started_for_a_look_where_it_was_killed(
    shipped: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    pid = shipped.server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert shipped.command("verify") == 0
    assert "riskd-US: 40 rows, as in the journal" in capsys.readouterr().out


def test_faults_are_one_line(desk: Desk, capsys: pytest.CaptureFixture[str], tmp_path: str) -> None:
    for words, status, says in (
        (["verify", "--dsn", "postgresql://u:secret@h/d"], 1, "holds a password"),
        (["status", "--dsn", "postgresql://audit_writer@/audit?host=/nowhere"], 1, "connect to PostgreSQL"),
        (["tail", "--count", "0"], 1, "--count is not between 1 and 100000"),
    ):
        assert desk.command(*words) == status
        said = capsys.readouterr()
        assert said.out == ""
        assert len(said.err.splitlines()) == 1
        assert said.err.startswith("dnalyaw audit: ")
        assert says in said.err
        assert "secret" not in said.err
    with pytest.raises(SystemExit) as ended:
        desk.command("erase")
    assert ended.value.code == 2
    capsys.readouterr()
    assert main(["audit", "status", "--home", f"{tmp_path}/empty"]) == 1
    assert "is empty: fill it with `dnalyaw run`" in capsys.readouterr().err


def test_lines_by_hand() -> None:
    from dnalyaw.audit import Verdict, WriterHead

    verdict = Verdict("omsd-US", 1_234_567, 1_234_600, 33, 3, None, None, None)
    assert verdict_line(verdict) == (
        "omsd-US: 1,234,567 rows, as in the journal of 1,234,600 records · 3 anchors · 33 on their way"
    )
    head = WriterHead("omsd-US", 9, "ab" * 32, 0, None)
    assert (
        status_line("omsd-US", head)
        == f"omsd-US: 9 rows, the last of {'-':<23}, inserted and gone · head abababababababab"
    )
    row = {
        "writer": "omsd-US",
        "seq": 7,
        "ts_ns": 1_704_465_000_123_456_789,
        "kind": "own",
        "order_id": 11,
        "instrument_id": 3,
        "correlation": CORRELATION,
        "body": {"k": "own"},
    }
    assert row_line(row) == (
        "omsd-US        7 2024-01-05 14:30:00.123 own        "
        'order 11 instrument 3 of 00112233445566778899aabbccddeeff {"k":"own"}'
    )
