"""The other engine refuses messages of riskd, and reports what riskd cannot read: an answer is found all the same."""

from __future__ import annotations

import pytest

from tests.fix.desk import Desk
from tests.risk.gateway import eventually
from tests.risk.link import BUY

pytestmark = pytest.mark.e2e

APPROVE = 1
VENUE_REJECT, VENUE_NEVER_SAW = 40, 41


def test_an_order_refused_by_the_session_is_found_missing(desk: Desk) -> None:
    link = desk.open()
    desk.acceptor.refuse("session D 44")
    assert link.order(1, 1, BUY, 10, 100.0)["decision"] == APPROVE
    link.wait("EXEC", order_id=1, exec_type=8, reason=VENUE_NEVER_SAW)
    link.order(2, 1, BUY, 10, 100.0)
    desk.venue.order("US-2")
    desk.agrees(refused=1, never_saw=(1,))


def test_an_order_refused_by_the_business_is_found_missing(desk: Desk) -> None:
    link = desk.open()
    desk.acceptor.refuse("business D")
    assert link.order(1, 1, BUY, 10, 100.0)["decision"] == APPROVE
    link.wait("EXEC", order_id=1, exec_type=8, reason=VENUE_NEVER_SAW)
    assert len(desk.acceptor.sent("j")) == 1
    link.order(2, 1, BUY, 10, 100.0)
    desk.venue.order("US-2")
    desk.agrees(never_saw=(1,))


def test_an_order_refused_by_the_venue_is_told_as_such(desk: Desk) -> None:
    link = desk.open()
    desk.venue.on_order = lambda order: desk.venue.end(order.cl_ord_id, "8", "no such thing today")
    link.order(1, 1, BUY, 10, 100.0)
    link.wait("EXEC", order_id=1, exec_type=8, reason=VENUE_REJECT)
    desk.venue.on_order = desk.venue.acknowledge
    link.order(2, 1, BUY, 10, 100.0)
    desk.venue.order("US-2")
    desk.agrees()


def test_a_refused_question_is_asked_again_and_nothing_opens_before(desk: Desk) -> None:
    desk.acceptor.refuse("business AF")
    link = desk.connect()
    eventually("the refusal", lambda: desk.acceptor.sent("j"))
    assert link.order(1, 1, BUY, 10, 100.0)["decision"] == 3
    desk.open()
    assert len(desk.acceptor.received("AF")) >= 2
    link.order(2, 1, BUY, 10, 100.0)
    desk.venue.order("US-2")
    assert set(desk.venue.orders) == {"US-2"}
    desk.agrees()


def test_a_cancel_that_comes_too_late_is_refused_and_the_fill_stands(desk: Desk) -> None:
    link = desk.open()
    link.order(1, 1, BUY, 10, 100.0)
    order = desk.venue.order("US-1")
    # Filled at the venue; the report is still on its way when the cancel leaves.
    desk.acceptor.freeze()
    link.send("CANCEL", order_id=1, correlation="03" * 16)
    link.sync()
    desk.venue.fill("US-1", 10, "100")
    desk.acceptor.thaw()
    link.wait("EXEC", order_id=1, exec_type=2)
    eventually("the refusal", lambda: desk.acceptor.sent("9"))
    assert order.cum == 10
    desk.agrees()


def test_a_report_of_an_order_that_riskd_never_sent_is_not_booked(desk: Desk) -> None:
    link = desk.open()
    desk.acceptor.send(
        "8",
        [
            (37, "V-X"), (11, "US-999"), (17, "X1"), (150, "F"), (39, "2"), (1, "US"), (55, "AAA"), (48, "1"), (22, "8"),
            (54, "1"), (38, "10"), (151, "0"), (14, "10"), (6, "100"), (32, "10"), (31, "100"),
        ],
    )  # fmt: skip
    eventually("the log names it", lambda: desk.gateway.events("report_of_unknown_order"))
    link.order(1, 1, BUY, 10, 100.0)
    desk.venue.order("US-1")
    assert link.positions() == {}
    desk.agrees()
