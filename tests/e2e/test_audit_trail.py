"""A session that is audited: every fill leads back to its hand-off, and what is killed or changed is found out."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dnalyaw import audit, runtime
from dnalyaw.audit import Server
from dnalyaw.audit._cluster import program
from tests.e2e import market
from tests.e2e.desk import Desk

pytestmark = pytest.mark.e2e

WEIGHTS = {101: 0.04, 201: 0.045, 202: 0.03, 302: 0.02, 401: 0.03, 402: 0.02}


@pytest.fixture
def server(desk: Desk) -> Iterator[Server]:
    """The home's database, which every runtime ships to."""
    assert desk.layout.home is not None
    found = Server(desk.layout.home)
    yield found
    desk.down()
    assert found.pid is None, "a database is left running"


def rows(server: Server, query: str) -> list[dict[str, object]]:
    """What a query finds."""
    done = subprocess.run(
        [
            *program(server.data, "psql"),
            *(server.dsn()[1], "-XAtqc", f"select coalesce(json_agg(q), '[]') from ({query}) q"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def test_every_fill_leads_back_to_its_hand_off_through_kills_of_all_that_audits(
    desk: Desk, server: Server
) -> None:
    desk.write()
    assert desk.up() == list(runtime.PROGRAMS)
    asked = market.portfolio(WEIGHTS)
    assert desk.submit(asked).outcome == runtime.ACCEPTED
    desk.start()
    desk.wait("a fill", lambda: desk.lines("fill") > 0)
    # The database first, in mid-session; what ships to it is killed while it has nowhere to go.
    database = server.pid
    assert database is not None
    os.kill(database, signal.SIGKILL)
    desk.kill("auditd")
    report = desk.close()
    ledger = desk.check(report)
    assert len(ledger.positions) == len(WEIGHTS)
    # The next start finds both dead and has them back.
    assert desk.up() == ["auditd"]
    every = "select order_id, correlation, exec_id from audit.fills"
    count = sum(len(order.fills) for order in report.orders)
    desk.wait("the table", lambda: len(rows(server, every)) == count)
    fills = rows(server, every)
    assert {row["correlation"] for row in fills} == {asked.correlation_id}
    assert {row["order_id"] for row in fills} == {order.order_id for order in report.orders if order.fills}
    assert runtime.down(desk.layout) == ["omsd", "riskd", "auditd", "simvenue"]
    with audit.reading(server.root.parent) as dsn:
        found = {trail.program: audit.verify(dsn, trail) for trail in audit.trails(desk.layout)}
    for verdict in found.values():
        assert verdict.bad is None, verdict
        assert verdict.rows > 0
    assert found["riskd"].behind == 0


def test_a_changed_byte_of_a_journal_is_named(desk: Desk, server: Server, tmp_path: Path) -> None:
    desk.write()
    desk.up()
    desk.submit(market.portfolio({101: 0.04}))
    desk.start()
    desk.close()
    desk.down()
    for trail in audit.trails(desk.layout):
        changed = tmp_path / trail.program
        shutil.copytree(trail.journal, changed)
        segment = sorted(p for p in changed.iterdir() if p.suffix in (".log", ".seg"))[0]
        data = bytearray(segment.read_bytes())
        # A digit of a record's time, in the middle of what was written.
        at = data.index(b'"', data.index(b'"k', 4096 if trail.program == "riskd" else 0)) + 1
        data[at] ^= 1
        segment.write_bytes(data)
        with audit.reading(server.root.parent) as dsn:
            verdict = audit.verify(dsn, replace(trail, journal=changed))
        assert trail.writer in (verdict.bad or ""), verdict
