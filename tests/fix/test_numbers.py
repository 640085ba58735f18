"""Sequence numbers go wrong in every way that FIX names: nothing is sent twice, no fill is lost or counted twice."""

from __future__ import annotations

import pytest

from tests.fix.acceptor import Message
from tests.fix.desk import Desk
from tests.risk.gateway import eventually
from tests.risk.link import BUY, Link

pytestmark = pytest.mark.e2e

VENUE_DOWN = 15
APPROVE = 1


def _working(desk: Desk, qty: int = 100) -> Link:
    """An order that works at the venue, ten of it filled."""
    link = desk.open()
    assert link.order(1, 1, BUY, qty, 100.0)["decision"] == APPROVE
    desk.venue.order("US-1")
    desk.venue.fill("US-1", 10, "100")
    link.wait("EXEC", order_id=1, cum_qty=10)
    return link


def _gap_fills(messages: list[Message]) -> list[tuple[int, int]]:
    """First number and next number of each gap fill."""
    return [(m.seq, int(m[36])) for m in messages if m.kind == "4" and m.get(123) == "Y"]


def test_a_gap_from_the_venue_is_asked_for_and_filled(desk: Desk) -> None:
    link = _working(desk)
    sender, _ = desk.acceptor.numbers()
    # Five numbers that were never used: QuickFIX has nothing to resend for them but a gap fill.
    desk.acceptor.tell(f"sender {sender + 5}")
    desk.venue.fill("US-1", 20, "99.99")
    link.wait("EXEC", order_id=1, cum_qty=30)
    asked = eventually("a resend request", lambda: desk.acceptor.received("2"))
    assert asked[0][7] == str(sender)
    desk.venue.fill("US-1", 70, "99.98")
    link.wait("EXEC", order_id=1, exec_type=2)
    assert desk.acceptor.ups == 1, "the session outlives the gap"
    desk.agrees()


def test_asked_for_everything_again_riskd_fills_the_gap_and_sends_no_order(desk: Desk) -> None:
    link = _working(desk)
    link.send("CANCEL", order_id=1, correlation="03" * 16)
    link.wait("EXEC", order_id=1, exec_type=4)
    link.order(2, 2, BUY, 10, 50.0)
    desk.venue.order("US-2")
    _, target = desk.acceptor.numbers()
    # QuickFIX believes that it missed all but the logon, and asks for the rest with the next message.
    desk.acceptor.tell("target 2")
    desk.acceptor.send("1", [(112, "again")])
    eventually("a gap fill", lambda: _gap_fills(desk.acceptor.received("4")))
    begin, following = _gap_fills(desk.acceptor.received("4"))[0]
    assert begin == 2
    assert following >= target
    link.order(3, 1, BUY, 10, 100.0)
    desk.venue.order("US-3")
    assert desk.acceptor.ups == 1, "the session outlives the resend"
    assert [m[11] for m in desk.acceptor.received("D")] == ["US-1", "US-2", "US-3"]
    assert len(desk.acceptor.received("F")) == 1
    desk.agrees()


def test_fills_of_a_lost_connection_are_resent_and_count_once(desk: Desk) -> None:
    link = _working(desk)
    desk.acceptor.tell("disconnect")
    eventually("the venue is down", lambda: not link.state()["venue_up"])
    desk.venue.fill("US-1", 20, "99.99")
    desk.venue.fill("US-1", 30, "99.97")
    assert link.order(2, 1, BUY, 10, 100.0)["reason"] == VENUE_DOWN
    desk.wait_up(2)
    desk.open()
    link.wait("EXEC", order_id=1, cum_qty=60)
    resent = [m for m in desk.acceptor.sent("8") if m.get(43) == "Y" and m[150] == "F"]
    assert [m[17] for m in resent][-2:] == [f[0] for f in desk.venue.orders["US-1"].fills[1:]]
    fills = [f["last_qty"] for f in link.execs(1) if f["last_qty"]]
    assert fills == [10, 20, 30]
    desk.agrees()


def test_a_connection_lost_between_an_order_and_its_answer_loses_neither(desk: Desk) -> None:
    link = desk.open()
    # The venue takes the order, and the line ends before it can say so.
    desk.venue.on_order = lambda order: desk.acceptor.tell("disconnect")
    link.order(1, 1, BUY, 40, 100.0)
    desk.venue.order("US-1")
    eventually("the venue is down", lambda: not link.state()["venue_up"])
    desk.venue.on_order = desk.venue.acknowledge
    desk.venue.fill("US-1", 15, "99.99")
    desk.wait_up(2)
    desk.open()
    link.wait("EXEC", order_id=1, cum_qty=15)
    desk.venue.fill("US-1", 25, "100")
    link.wait("EXEC", order_id=1, exec_type=2)
    desk.agrees()


def test_an_order_that_died_with_its_connection_is_found_missing_and_not_sent_again(desk: Desk) -> None:
    link = desk.open()
    # QuickFIX stops reading: the order leaves riskd, and its process dies with it unread.
    desk.acceptor.freeze()
    assert link.order(1, 1, BUY, 40, 100.0)["decision"] == APPROVE
    desk.acceptor.kill()
    eventually("the venue is down", lambda: not link.state()["venue_up"])
    desk.acceptor.start()
    desk.open()
    link.wait("EXEC", order_id=1, exec_type=8, reason=41)
    link.order(2, 1, BUY, 10, 100.0)
    desk.venue.order("US-2")
    assert set(desk.venue.orders) == {"US-2"}
    desk.agrees(never_saw=(1,))


def test_reports_marked_as_repeated_count_once(desk: Desk) -> None:
    link = _working(desk)
    exec_id = desk.venue.orders["US-1"].fills[0][0]
    first = next(m for m in desk.acceptor.sent("8") if m.get(17) == exec_id)
    # Under its old number, as a resend nobody asked for, and under a new one as a possible resend.
    desk.venue.repeat("US-1", exec_id, t34=str(first.seq), t43="Y", t122=first[52])
    desk.venue.repeat("US-1", exec_id, t97="Y")
    desk.venue.repeat("US-1", exec_id)
    desk.venue.fill("US-1", 20, "99.99")
    link.wait("EXEC", order_id=1, cum_qty=30)
    assert [f["last_qty"] for f in link.execs(1) if f["last_qty"]] == [10, 20]
    assert desk.acceptor.ups == 1, "a repeated number with PossDupFlag is no fault"
    desk.agrees()


def test_a_number_too_low_ends_the_session_and_loses_no_fill(desk: Desk) -> None:
    link = _working(desk)
    desk.acceptor.tell("sender 2")
    # Not marked as a repetition, so the standard has riskd leave; the fill itself is true.
    desk.venue.fill("US-1", 20, "99.99")
    eventually("the venue is down", lambda: not link.state()["venue_up"])
    eventually("another logon", lambda: desk.acceptor.ups >= 2)
    desk.open()
    link.wait("EXEC", order_id=1, cum_qty=30)
    desk.venue.fill("US-1", 70, "99.98")
    link.wait("EXEC", order_id=1, exec_type=2)
    desk.agrees()


def test_numbers_that_the_venue_finds_too_low_are_reset_at_the_logon(desk: Desk) -> None:
    link = _working(desk)
    _, target = desk.acceptor.numbers()
    desk.acceptor.tell(f"target {target + 50}")
    # Its next message, whatever it is, is too low for QuickFIX, which leaves and refuses the numbers again.
    eventually("the venue is down", lambda: not link.state()["venue_up"])
    eventually("the reason", lambda: [m for m in desk.acceptor.sent("5") if "too low" in (m.get(58) or "")])
    desk.venue.fill("US-1", 20, "99.99")
    eventually("fresh numbers", lambda: [m for m in desk.acceptor.received("A") if m.get(141) == "Y"])
    desk.open()
    link.wait("EXEC", order_id=1, cum_qty=30)
    link.order(2, 2, BUY, 10, 50.0)
    desk.venue.order("US-2")
    desk.agrees()


def test_a_sequence_reset_is_followed(desk: Desk) -> None:
    link = _working(desk)
    sender, _ = desk.acceptor.numbers()
    desk.acceptor.send("4", [(123, "N"), (36, str(sender + 30))])
    desk.acceptor.tell(f"sender {sender + 30}")
    desk.venue.fill("US-1", 20, "99.99")
    link.wait("EXEC", order_id=1, cum_qty=30)
    assert desk.acceptor.ups == 1
    assert not desk.acceptor.received("2"), "a reset leaves no gap"
    desk.agrees()


def test_riskd_killed_in_mid_flight_takes_up_the_session_where_it_was(desk: Desk) -> None:
    _working(desk)
    desk.crash()
    eventually("the line's end", lambda: not desk.acceptor.up)
    desk.venue.fill("US-1", 20, "99.99")
    desk.venue.fill("US-1", 30, "99.97")
    link = desk.open()
    eventually("the fills", lambda: [f["last_qty"] for f in link.execs(1) if f["last_qty"]] == [10, 20, 30])
    assert not [m for m in desk.acceptor.received("A") if m.get(141) == "Y"], "no reset was needed"
    desk.venue.fill("US-1", 40, "100")
    link.wait("EXEC", order_id=1, exec_type=2)
    link.order(2, 2, BUY, 10, 50.0)
    desk.venue.order("US-2")
    desk.agrees()
