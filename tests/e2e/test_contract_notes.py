"""What trades cost by the region's own rules: worked by hand to the cent against the venue's log, through all programs."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

import pytest

from dnalyaw import runtime
from tests.e2e import market
from tests.e2e.desk import Desk
from tests.e2e.ledger import VenueOrder

pytestmark = pytest.mark.e2e

PRINT, QUOTED = 401, 202
CENT, DOLLAR, MICRO = Decimal("0.01"), Decimal(1), Decimal(1_000_000)


def round_trip(desk: Desk, region: str, session: date, pieces: float) -> dict[tuple[int, str], VenueOrder]:
    """Buy 3% of a name that fills at its print and a part of one that fills in pieces; sell both twelve minutes later."""
    desk.layout = runtime.Layout(desk.layout.root, region)
    desk.speed = 600
    desk.write(session)
    desk.up()
    wanted = market.portfolio({PRINT: 0.03, QUOTED: pieces}, session=session)
    assert desk.submit(wanted).outcome == runtime.ACCEPTED
    desk.start()
    desk.wait_minute(12)
    assert runtime.control(desk.layout, "account")["unsettled"], "a trade of today has settled"
    later = market.opening(session) + timedelta(minutes=1)
    flat = market.portfolio({PRINT: 0.0, QUOTED: 0.0}, session=session, as_of=later)
    assert desk.submit(flat).outcome == runtime.ACCEPTED
    report = desk.close()
    # Cash, positions and every fill's fee are the same at omsd and at the venue, and riskd's account explains them.
    ledger = desk.check(report)
    assert ledger.positions == {}
    return {(o.instrument_id, o.side): o for o in ledger.orders.values()}


def fees(order: VenueOrder) -> Decimal:
    return sum((Decimal(f["fee"]) for f in order.fills), Decimal(0)) / MICRO


def notional(order: VenueOrder) -> Decimal:
    return sum((Decimal(f["qty"]) * f["px"] for f in order.fills), Decimal(0)) / MICRO


def commission(order: VenueOrder, rate: Decimal) -> Decimal:
    """A fill's, rounded up to a millionth."""
    parts = (rate * f["qty"] * f["px"] / MICRO for f in order.fills)
    return sum((p.quantize(1 / MICRO, ROUND_CEILING) for p in parts), Decimal(0))


def test_a_round_trip_in_new_york(desk: Desk) -> None:
    """April 2026: the SEC's fee is 20.60 dollars a million sold, FINRA's 0.000195 a share, both up to a cent; on sales."""
    orders = round_trip(desk, "US", date(2026, 4, 7), 0.03)
    assert set(orders) == {(i, side) for i in (PRINT, QUOTED) for side in ("buy", "sell")}
    # 300,000 / 33.00 in lots of ten is 9,090 shares, 299,970.00: 6.179382 -> 6.18 and 1.77255 -> 1.78.
    bought, sold = orders[PRINT, "buy"], orders[PRINT, "sell"]
    assert (sold.filled, len(sold.fills), notional(sold)) == (9090, 1, Decimal(299_970))
    assert fees(bought) == Decimal("31.815")  # 0.0035 a share
    assert fees(sold) == Decimal("31.815") + Decimal("6.18") + Decimal("1.78")
    # In pieces: one note for all of them, so the cents are rounded once.
    sold = orders[QUOTED, "sell"]
    assert (sold.filled, len(sold.fills) > 1) == (7400, True)
    note = (notional(sold) * Decimal("0.0000206")).quantize(CENT, ROUND_CEILING) + Decimal("1.45")  # 1.443
    assert fees(sold) == Decimal("25.90") + note
    assert sum((Decimal(f.get("note_fee", 0)) for f in sold.fills), Decimal(0)) / MICRO == note


def test_a_round_trip_in_hong_kong(desk: Desk) -> None:
    """March 2026: stamp duty 0.1% up to a dollar; 0.0027%, 0.00015%, 0.00565%, 0.0042% to the cent; on both sides."""
    orders = round_trip(desk, "HK", date(2026, 3, 10), 0.01)
    # 1,500,000 / 33.00 in lots of ten is 45,450 shares, 1,499,850.00.
    parts = ["1500", "40.50", "2.25", "84.74", "62.99"]  # of 1499.85, 40.49595, 2.249775, 84.741525, 62.9937
    by_hand = sum(map(Decimal, parts), Decimal("449.955"))  # commission 0.03%
    assert by_hand == Decimal("2140.435")
    for side in ("buy", "sell"):
        order = orders[PRINT, side]
        assert (order.filled, notional(order)) == (45_450, Decimal(1_499_850))
        assert fees(order) == by_hand
        pieces = orders[QUOTED, side]
        assert (pieces.filled, len(pieces.fills) > 1) == (12_400, True)
        value = notional(pieces)
        note = (value * Decimal("0.001")).quantize(DOLLAR, ROUND_CEILING) + sum(
            (value * Decimal(rate)).quantize(CENT, ROUND_HALF_UP)
            for rate in ("0.000027", "0.0000015", "0.0000565", "0.000042")
        )
        assert fees(pieces) == note + commission(pieces, Decimal("0.0003"))


def test_a_part_that_was_switched_on_works_beside_them(desk: Desk) -> None:
    """With impact an order does not wait for displayed sizes; what it wants beyond costs more, and fees stay fees."""
    desk.write()
    impact = {"impact": {"temporary": 0.142, "permanent": 0.314}}
    market.write_day(desk.layout, desk.session, market.NAMES, seed=desk.seed, model=impact)
    desk.up()
    assert desk.submit(market.portfolio({QUOTED: 0.03})).outcome == runtime.ACCEPTED
    desk.start()
    ledger = desk.check(desk.close())
    (order,) = ledger.orders.values()
    # 7,400 wanted, 1,500 displayed at 40.03 = 40.02 + 0.01.
    assert order.filled == 7400
    first, *others = order.fills
    assert (first["qty"], first["px"]) == (1500, 40_030_000)
    assert others[0]["ts_ns"] == first["ts_ns"]
    assert others[0]["px"] > first["px"]
    assert fees(order) == sum(max(Decimal("0.35"), Decimal("0.0035") * f["qty"]) for f in order.fills)
