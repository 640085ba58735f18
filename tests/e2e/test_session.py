"""A session from targets to fills: the report is the venue's log, and the limits hold."""

from __future__ import annotations

import hashlib

import pytest

from dnalyaw import runtime
from tests.e2e import market
from tests.e2e.desk import Desk

pytestmark = pytest.mark.e2e

CALM = {101: 0.04, 201: 0.045, 202: 0.03, 302: 0.02, 401: 0.03, 402: 0.02}
CASH = 10_000_000 * 10**6
INSTRUMENT_LIMIT, SECTOR_LIMIT, TRADE_RISK, STALE_PRICE, VENUE_REJECT = 1, 2, 4, 13, 40


def test_the_report_is_the_venues_log_fill_by_fill(desk: Desk) -> None:
    desk.write()
    assert desk.up() == ["simvenue", "riskd", "auditd", "omsd"]
    answer = desk.submit(market.portfolio(CALM))
    assert (answer.outcome, answer.orders_planned) == (runtime.ACCEPTED, 6)
    desk.start()
    report = desk.close()
    ledger = desk.check(report)
    # Worked by hand: weight x 10,000,000 / decision price, down to whole lots. The decision price of a quoted
    # name is its first mid, price + 0.01 x (id mod 4); of an auction name the print.
    assert ledger.positions == {101: 7990, 201: 4490, 202: 7400, 302: 7990, 401: 9090, 402: 16_000}
    assert {o.decision for o in report.orders} == {"APPROVE"}
    assert {o.state for o in report.orders} == {"FILLED"}
    assert report.baseline_micro == CASH
    assert report.frames_to_risk == desk.lines("order") == 6
    # Both prints filled at the recorded price, to the last share.
    for order in report.orders:
        if order.instrument_id in (401, 402):
            print_px = {401: 33_000_000, 402: 12_500_000}[order.instrument_id]
            assert {f.px_micro for f in order.fills} == {print_px}
    # What a name shows in a minute is less than the order: several partial fills at the ask.
    assert len(next(o for o in report.orders if o.instrument_id == 101).fills) > 5
    # Worked by hand: what could be sold at. The last bids of the session, a cent below the mids, which are
    # price + 0.01 x ((30 + id) mod 4); and the prints.
    bids = {101: 50.02, 201: 100.02, 202: 39.99, 302: 24.99, 401: 33.00, 402: 12.50}
    worth = sum(qty * round(bids[i] * 1_000_000) for i, qty in ledger.positions.items())
    assert report.equity_micro == ledger.cash + worth
    digest = hashlib.sha256(desk.layout.reference.read_bytes()).hexdigest()
    assert report.reference_hash == digest


def test_every_limit_reduces_and_says_which(desk: Desk) -> None:
    """12% in one name, 40% in one sector, a stop at half the price, no stop at all."""
    desk.write()
    desk.up()
    sector = {101 + i: 0.045 for i in range(9)}
    answer = desk.submit(market.portfolio({201: 0.12, **sector, 301: (0.04, 40.0), 302: (0.03, 0.0)}))
    assert answer.outcome == runtime.ACCEPTED, answer
    desk.start()
    report = desk.close()
    ledger = desk.check(report)
    orders = {o.instrument_id: o for o in report.orders}
    lots = {n.id: n.lot for n in market.NAMES}
    assert all(o.approved_qty % lots[i] == 0 for i, o in orders.items())

    def held_to(value: int, limit: float) -> bool:
        # Equity moves by the costs of the orders that filled before: a tenth of a per cent is plenty.
        return limit * CASH * 0.989 <= value <= limit * CASH * 1.001

    big = orders[201]
    assert (big.decision, big.reason_code) == ("REDUCE", INSTRUMENT_LIMIT)
    assert held_to(big.approved_qty * big.decision_px_micro, 0.05)
    assert big.requested_qty > 2 * big.approved_qty

    tech = [orders[i] for i in sector]
    assert held_to(sum(o.approved_qty * o.decision_px_micro for o in tech), 0.25)
    assert {o.reason_code for o in tech if o.decision != "APPROVE"} == {SECTOR_LIMIT}
    assert [o.decision for o in tech].count("APPROVE") == 5  # 5 x 4.5% fit into 25%, the sixth in part
    assert [o.decision for o in tech].count("REDUCE") == 1
    assert [o.state for o in tech if o.decision == "REJECT"] == ["DENIED"] * 3

    wide, none = orders[301], orders[302]
    assert (wide.decision, wide.reason_code) == ("REDUCE", TRADE_RISK)
    # From the worst entry, its limit, to the stop, which stands 40 below the price it was decided at.
    entry = wide.limit_px_micro - wide.decision_px_micro
    assert held_to(wide.approved_qty * (entry + 40_000_000), 0.01)
    assert (none.decision, none.reason_code) == ("REDUCE", TRADE_RISK)
    assert held_to(none.approved_qty * none.decision_px_micro, 0.01)

    # What the venue has is what was approved: no share more.
    for instrument, order in orders.items():
        assert ledger.positions.get(instrument, 0) <= order.approved_qty
    assert all(o.reason for o in report.orders if o.decision != "APPROVE")


def test_a_price_that_is_too_old_opens_nothing(desk: Desk) -> None:
    desk.write()
    desk.speed = 600
    desk.up()
    desk.submit(market.portfolio({201: 0.02, 303: 0.02}))
    desk.start()
    desk.wait_minute(18)
    later = market.opening(desk.session).replace(minute=31)
    # ENEC was quoted at the open and never again.
    answer = desk.submit(market.portfolio({201: 0.03, 303: 0.04}, as_of=later))
    assert answer.outcome == runtime.ACCEPTED, answer
    report = desk.close()
    desk.check(report)
    stale = [o for o in report.orders if o.instrument_id == 303 and o.reason_code == STALE_PRICE]
    assert stale
    assert all((o.state, o.decision, o.filled_qty) == ("DENIED", "REJECT", 0) for o in stale)
    assert sum(o.filled_qty for o in report.orders if o.instrument_id == 201) > 2000


def test_what_the_venue_refuses_is_reported_and_changes_nothing(desk: Desk) -> None:
    desk.seed = market.rejecting_seed("US-2")
    desk.speed = 3600
    desk.write()
    desk.up()
    desk.submit(market.portfolio(CALM))
    desk.start()
    report = desk.close()
    ledger = desk.check(report)
    assert ledger.orders["US-2"].end == "reject"
    refused = next(o for o in report.orders if o.order_id == 2)
    assert (refused.state, refused.reason_code, refused.filled_qty) == ("REJECTED", VENUE_REJECT, 0)
    assert refused.instrument_id not in ledger.positions
