"""Every record of a real riskd reaches the table, as it stands in the journal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dnalyaw.audit import tail, verify
from tests.audit.desk import Desk
from tests.risk import journal
from tests.risk.gateway import Gateway, eventually
from tests.risk.simulated import NAMES, Simulated
from tests.risk.trader import Trader

pytestmark = pytest.mark.e2e


@pytest.fixture
def traded(desk: Desk) -> Iterator[Gateway]:
    """A riskd before an open market, with small segments."""
    venue = Simulated(desk.layout.root)
    gateway = Gateway(desk.layout.root, Simulated.reference())
    gateway.address = venue.layout.venue_address
    try:
        venue.start_clock()
        gateway.start("--journal-segment-kib", "64")
        yield gateway
    finally:
        gateway.stop()
        venue.stop()


def _rows(desk: Desk) -> list[dict]:
    return tail(desk.server.dsn(), "riskd-US", 100_000)


def test_every_decision_reaches_the_table_with_its_metrics(desk: Desk, traded: Gateway) -> None:
    trader = Trader(traded, 5)
    trader.connect().wait_open(prices=len(NAMES))
    trader.start()
    eventually("orders", lambda: len(trader.sent) > 150)
    # While riskd writes: what the table has is what the journal had.
    assert desk.ship()["acked"] > 0
    assert verify(desk.server.dsn(), desk.risk).bad is None
    traded.kill()
    trader.stop()
    journal_tail = traded.dir
    desk.ship()
    traded.start("--journal-segment-kib", "64")
    trader.connect().wait_open(prices=len(NAMES))
    trader.start()
    sent = len(trader.sent)
    eventually("more orders", lambda: len(trader.sent) > sent + 50)
    trader.stop()
    traded.stop()

    status = desk.ship()
    written = [record for segment in journal.read(journal_tail) for record in segment.records]
    assert len(journal.read(journal_tail)) > 2
    assert status["acked"] == status["source"] == len(written)
    rows = _rows(desk)
    assert [row["seq"] for row in rows] == list(range(1, len(written) + 1))
    decisions = 0
    for row, record in zip(rows, written, strict=True):
        assert row["body"] == record
        assert row["kind"] == record["kind"]
        assert row["ts_ns"] == (record.get("ts_ns") or record.get("wall_ns", 0))
        if record["kind"] == "decision":
            decisions += 1
            assert row["order_id"] == record["order"]["order_id"]
            assert row["instrument_id"] == record["order"]["instrument_id"]
            assert len(row["body"]["metrics"]) == 25
        elif record["kind"] in ("exec", "cancel"):
            assert row["order_id"] == record["order_id"]
    assert decisions >= len(set(trader.sent) - trader.refused)
    verdict = verify(desk.server.dsn(), desk.risk)
    assert (verdict.bad, verdict.rows, verdict.records, verdict.behind) == (
        None,
        len(written),
        len(written),
        0,
    )
    assert verdict.anchors > 0


def test_a_torn_end_is_waited_for_and_a_changed_byte_is_named(desk: Desk, traded: Gateway) -> None:
    trader = Trader(traded, 6)
    trader.connect().wait_open(prices=len(NAMES))
    trader.start()
    eventually("orders", lambda: len(trader.sent) > 30)
    trader.stop()
    traded.stop()
    whole = len([r for segment in journal.read(traded.dir) for r in segment.records])
    journal.tear(traded.dir, 100)
    assert desk.ship()["acked"] == whole
    assert verify(desk.server.dsn(), desk.risk).bad is None

    path = sorted((traded.dir / "journal").glob("*.seg"))[0]
    data = bytearray(path.read_bytes())
    at = data.index(b'"kind":"decision"')
    number = data[:at].count(b'{"kind":') + 1
    data[at + 9] ^= 1
    path.write_bytes(data)
    verdict = verify(desk.server.dsn(), desk.risk)
    assert verdict.kind == "journal"
    assert verdict.row == number
    assert verdict.bad is not None
    assert f"row {number} of riskd-US: its record cannot be read" in verdict.bad


def test_other_files_of_riskds_are_not_needed(desk: Desk, traded: Gateway, tmp_path: Path) -> None:
    traded.stop()
    kept = {p.name for p in traded.dir.iterdir()}
    desk.ship()
    assert {p.name for p in traded.dir.iterdir()} == kept, "auditd writes nothing into riskd's folder"
