"""The wire misbehaves: reports come twice, late, in the wrong order, or not at all, and the connection breaks."""

from __future__ import annotations

import pytest

from dnalyaw import runtime
from tests.e2e import market
from tests.e2e.desk import Desk

pytestmark = pytest.mark.e2e

WISHES = {101: 0.04, 103: 0.03, 201: 0.045, 202: 0.03, 302: 0.02, 401: 0.03}


def _through(desk: Desk, *kinds: str) -> None:
    desk.speed = 600
    desk.write()
    desk.up()
    desk.submit(market.portfolio(WISHES))
    desk.start()
    for number, kind in enumerate(kinds, 1):
        desk.wait("fills", lambda number=number: desk.lines("fill") >= 6 * number)
        runtime.control(desk.layout, "fault", kind=kind, n=1 if kind == "disconnect" else 5)
    report = desk.close()
    # A report that was lost is learnt from the order's sum: quantities and money are exact, single fills may be merged.
    desk.check(report, fill_by_fill=False)


def test_reports_twice_late_and_out_of_order_count_once(desk: Desk) -> None:
    _through(desk, "duplicate", "reorder", "late")


def test_a_broken_connection_loses_nothing(desk: Desk) -> None:
    _through(desk, "disconnect", "duplicate")


def test_reports_that_never_come_are_learnt_of(desk: Desk) -> None:
    _through(desk, "silence")
