"""What a FIX engine that is not ours sees of riskd: its sessions, its numbers, its orders."""

from __future__ import annotations

import pytest

from tests.fix.desk import Desk
from tests.risk.gateway import eventually
from tests.risk.link import BUY, SELL

pytestmark = pytest.mark.e2e

VENUE_DOWN = 15
APPROVE, REJECT = 1, 3


def test_orders_fills_and_cancels_pass_the_dictionary_of_another_engine(desk: Desk) -> None:
    link = desk.open()
    assert link.order(1, 1, BUY, 100, 100.0)["decision"] == APPROVE
    assert link.order(2, 2, BUY, 200, 50.0, path=2)["decision"] == APPROVE
    desk.venue.order("US-1")
    desk.venue.order("US-2")
    desk.venue.fill("US-1", 40, "99.98")
    desk.venue.fill("US-1", 60, "100")
    desk.venue.fill("US-2", 50, "49.995")
    link.wait("EXEC", order_id=1, cum_qty=100)
    link.wait("EXEC", order_id=2, cum_qty=50)
    link.send("CANCEL", order_id=2, correlation="03" * 16)
    link.wait("EXEC", order_id=2, exec_type=4)
    assert link.order(3, 1, SELL, 30)["decision"] == APPROVE
    desk.venue.order("US-3")
    desk.venue.fill("US-3", 30, "99.99")
    link.wait("EXEC", order_id=3, exec_type=2)
    desk.agrees()
    limit, market = desk.acceptor.received("D")[0], desk.acceptor.received("D")[2]
    assert (limit[55], limit[48], limit[22], limit[1]) == ("AAA", "1", "8", "US")
    assert (limit[54], limit[38], limit[40], limit[44], limit[59]) == ("1", "100", "2", "100", "0")
    assert (market[54], market[40], market.get(44)) == ("2", "1", None)
    assert [order.get(100) for order in desk.acceptor.received("D")] == [None, "2", None], "the paths"
    # The numbers of one session are without a gap, and QuickFIX expects the next.
    numbers = [m.seq for m in desk.acceptor.received()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert desk.acceptor.numbers()[1] >= numbers[-1] + 1


def test_a_refused_logon_lets_nothing_through_and_is_tried_again(desk: Desk) -> None:
    desk.acceptor.refuse("logon not today")
    link = desk.connect()
    eventually("a logon", lambda: desk.acceptor.received("A"))
    assert (link.order(1, 1, BUY, 10, 100.0)["reason"]) == VENUE_DOWN
    eventually("the refusal", lambda: desk.acceptor.sent("5"))
    assert desk.acceptor.sent("5")[0][58].endswith("not today")
    assert (link.order(2, 1, BUY, 10, 100.0)["reason"]) == VENUE_DOWN
    desk.acceptor.refuse("logon")
    desk.wait_up(1)
    link = desk.open()
    assert link.order(3, 1, BUY, 10, 100.0)["decision"] == APPROVE
    desk.venue.order("US-3")
    # What was asked while nobody was there is gone: nothing waited for the logon.
    assert set(desk.venue.orders) == {"US-3"}
    desk.agrees()


def test_a_test_request_is_answered_in_its_words(desk: Desk) -> None:
    desk.open()
    desk.acceptor.send("1", [(112, "are you there")])
    eventually(
        "a heartbeat", lambda: [m for m in desk.acceptor.received("0") if m.get(112) == "are you there"]
    )
    desk.agrees()


def test_a_logout_is_answered_and_the_session_comes_back(desk: Desk) -> None:
    link = desk.open()
    link.order(1, 1, BUY, 10, 100.0)
    desk.venue.order("US-1")
    desk.acceptor.tell("logout end of the hour")
    eventually("a logout in answer", lambda: desk.acceptor.received("5"))
    eventually("the venue is down", lambda: not link.state()["venue_up"])
    assert link.order(2, 1, BUY, 10, 100.0)["reason"] == VENUE_DOWN
    desk.acceptor.tell("logon")
    desk.wait_up(2)
    desk.open()
    assert link.order(3, 1, BUY, 10, 100.0)["decision"] == APPROVE
    desk.venue.order("US-3")
    assert set(desk.venue.orders) == {"US-1", "US-3"}
    desk.agrees()


def test_a_venue_that_says_nothing_is_taken_for_gone(desk: Desk) -> None:
    link = desk.open()
    link.order(1, 1, BUY, 10, 100.0)
    desk.venue.order("US-1")
    desk.acceptor.freeze()
    eventually("the venue is down", lambda: not link.state()["venue_up"])
    assert link.order(2, 1, BUY, 10, 100.0)["reason"] == VENUE_DOWN
    desk.acceptor.thaw()
    eventually("a logon after it", lambda: desk.acceptor.ups >= 2)
    desk.open()
    desk.venue.fill("US-1", 10, "100")
    link.wait("EXEC", order_id=1, exec_type=2)
    assert set(desk.venue.orders) == {"US-1"}
    desk.agrees()


def test_a_venue_that_is_killed_and_started_again_keeps_its_numbers(desk: Desk) -> None:
    link = desk.open()
    link.order(1, 1, BUY, 30, 100.0)
    desk.venue.order("US-1")
    desk.venue.fill("US-1", 10, "100")
    link.wait("EXEC", order_id=1, cum_qty=10)
    desk.acceptor.kill()
    eventually("the venue is down", lambda: not link.state()["venue_up"])
    assert link.order(2, 1, BUY, 10, 100.0)["reason"] == VENUE_DOWN
    desk.acceptor.start()
    desk.venue.fill("US-1", 10, "99.99")
    desk.open()
    link.wait("EXEC", order_id=1, cum_qty=20)
    desk.venue.fill("US-1", 10, "99.98")
    link.wait("EXEC", order_id=1, exec_type=2)
    desk.agrees()
