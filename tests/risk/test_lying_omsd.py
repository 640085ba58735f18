"""A lying omsd on the real socket: whatever it says, no limit moves.

What is expected is worked here from `docs/risk-engine.md`, the account's cash and the prices that the venue shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.native.make_golden import LAYOUTS
from tests.risk.conftest import Floor
from tests.risk.gateway import Gateway, eventually
from tests.risk.link import BUY, IOC, KINDS, LIMIT, MARKET, MICRO, SELL, Frame, Link, LinkClosed
from tests.risk.simulated import NAMES, Simulated, price
from tests.risk.worked import below, equity, mark, most_by_instrument, reserve

pytestmark = pytest.mark.e2e

APPROVE, REDUCE, REJECT = 1, 2, 3
INSTRUMENT_LIMIT, SECTOR_LIMIT, TRADE_RISK, UNKNOWN_INSTRUMENT, NO_ACCOUNT, KILLED = 1, 2, 4, 10, 14, 19
BAD_QUANTITY, DUPLICATE_ID, BAD_SIDE, MALFORMED, SHORT_SALE = 20, 26, 27, 28, 25
WILD, CALM = 116, 104
"""One with a daily volatility of five per cent, so that trade risk binds; the others have one."""
LOCATE = 1_000
ALONE = 112


def _reference() -> dict[str, Any]:
    content = Simulated.reference()
    for row in content["instruments"]:
        # Two sectors of eight: enough to fill one.
        row["sector"] = "even" if row["instrument_id"] % 2 == 0 else "odd"
        row["locate"] = LOCATE
        if row["instrument_id"] == WILD:
            row["volatility_bp"] = 500
    return content


@pytest.fixture
def floor(root: Path) -> Iterator[Floor]:
    """An account that holds nothing, in an open market."""
    # The clock stands almost still: a quote a minute of the venue, and none in between.
    venue = Simulated(root / "us", speed=1, lends=LOCATE)
    gateway = Gateway(root / "us" / "gate", _reference())
    gateway.address = venue.layout.venue_address
    try:
        venue.start_clock()
        gateway.start()
        yield Floor(venue, gateway)
    finally:
        gateway.stop()
        venue.stop()


def _most_by_risk(link: Link, name: int, distance: int, volatility_bp: int) -> int:
    worth = reserve(link, name)
    gap = -(-mark(link, name) * 5 * volatility_bp // 10_000)
    per_share = worth if distance == 0 else min(worth, max(distance, gap))
    return equity(link) * 100 // 10_000 // per_share


def _buy(link: Link, order_id: int, name: int, qty: int, **fields: Any) -> Frame:
    return link.order(order_id, name, BUY, qty, below(name), **fields)


def test_a_frame_has_no_room_for_what_omsd_might_lie_about() -> None:
    said = {field for field, _, _ in LAYOUTS[KINDS["NEW_ORDER"]][1]}
    assert said == {
        "order_id", "instrument_id", "qty", "limit_px", "stop_distance", "correlation", "side", "type", "tif", "flags",
        "leg", "legs", "path", "strategies",
    }  # fmt: skip
    from_omsd = {field for kind, (_, layout) in LAYOUTS.items() if kind < 64 for field, _, _ in layout}
    for word in (
        "equity",
        "cash",
        "price",
        "mark",
        "sector",
        "issuer",
        "position",
        "limit_bp",
        "volatility",
        "adv",
        "locate",
    ):
        assert not [field for field in from_omsd if word in field]


def test_an_order_far_too_large_is_cut_to_the_instruments_limit(floor: Floor) -> None:
    link = floor.connect()
    most = most_by_instrument(link, CALM)
    told = _buy(link, 1, CALM, 5_000_000, stop_distance=MICRO)
    assert (told["decision"], told["reason"], told["approved_qty"]) == (REDUCE, INSTRUMENT_LIMIT, most)
    assert told["equity"] == equity(link)
    assert _buy(link, 2, CALM, 1)["decision"] == REJECT


def test_a_tiny_stop_does_not_make_a_trade_less_risky(floor: Floor) -> None:
    link = floor.connect()
    most = _most_by_risk(link, WILD, 1, 500)
    assert most < most_by_instrument(link, WILD)
    told = _buy(link, 1, WILD, 5_000_000, stop_distance=1)
    assert (told["decision"], told["reason"], told["approved_qty"]) == (REDUCE, TRADE_RISK, most)


def test_no_stop_puts_the_whole_notional_at_risk(floor: Floor) -> None:
    link = floor.connect()
    told = _buy(link, 1, CALM, 5_000_000, stop_distance=0)
    assert (told["reason"], told["approved_qty"]) == (TRADE_RISK, _most_by_risk(link, CALM, 0, 100))


def test_a_stop_that_is_none_is_malformed(floor: Floor) -> None:
    link = floor.connect()
    for number, distance in enumerate((-1, -(2**63), 10_000_000 * MICRO + 1, 2**63 - 1), 1):
        assert _buy(link, number, CALM, 1, stop_distance=distance)["reason"] == MALFORMED, distance


def test_a_later_stop_further_away_frees_nothing(floor: Floor) -> None:
    link = floor.connect()
    most = _most_by_risk(link, WILD, 1, 500)
    half = _buy(link, 1, WILD, most // 2, stop_distance=1)
    assert half["decision"] == APPROVE
    rest = _buy(link, 2, WILD, 5_000_000, stop_distance=1000 * MICRO)
    assert half["approved_qty"] + rest["approved_qty"] <= most


def test_another_session_or_region_is_shown_the_door(floor: Floor) -> None:
    for session, region in ((20200101, "US"), (20261124, "US"), (0, "HK"), (0, "us"), (0, "")):
        link = floor.gateway.link(greet=False)
        link.send("HELLO", session=session, region=region)
        link.wait_closed()
        assert link.frames == [], (session, region)
    assert floor.connect().state()["session"] == 20261123


def test_an_id_serves_once_whatever_is_said_under_it_later(floor: Floor) -> None:
    link = floor.connect()
    first = _buy(link, 10, CALM, 100)
    assert first["decision"] == APPROVE
    for qty, name in ((101, CALM), (100, WILD), (5_000_000, CALM)):
        assert _buy(link, 10, name, qty)["reason"] == DUPLICATE_ID
    assert _buy(link, 9, CALM, 100)["reason"] == DUPLICATE_ID
    # The same again is the same answer, and no second order.
    assert _buy(link, 10, CALM, 100)["approved_qty"] == 100
    assert _buy(link, 11, CALM, 100)["decision"] == APPROVE
    eventually("two orders", lambda: set(floor.venue.ledger().orders) == {"US-10", "US-11"})


def test_an_id_of_riskds_own_is_malformed(floor: Floor) -> None:
    link = floor.connect()
    for order_id in (0, 2**62, 2**62 + 1, 2**63, 2**64 - 1):
        assert _buy(link, order_id, CALM, 1)["reason"] == MALFORMED, order_id
    assert _buy(link, 1, CALM, 1)["decision"] == APPROVE, "none took a place among the ids"


def test_no_mask_of_strategies_makes_room(floor: Floor) -> None:
    link = floor.connect()
    for number, mask in enumerate((0, 1, 1 << 63, 2**64 - 1), 1):
        name = CALM + 2 * number - 1
        told = _buy(link, number, name, 5_000_000, strategies=mask, stop_distance=MICRO)
        assert told["approved_qty"] <= most_by_instrument(link, name), mask


def test_no_flag_makes_room(floor: Floor) -> None:
    link = floor.connect()
    most = most_by_instrument(link, CALM)
    taken = []
    for flags in range(256):
        told = _buy(link, flags + 1, CALM, 5_000_000, flags=flags, stop_distance=MICRO)
        if told["approved_qty"]:
            taken.append((flags, told["approved_qty"]))
    # Reduce-only of nothing held, a short sale that buys, and every bit that means nothing: none gets anything.
    assert taken == [(0, most)]


def test_no_path_makes_room(floor: Floor) -> None:
    link = floor.connect()
    most = most_by_instrument(link, CALM)
    first = _buy(link, 1, CALM, most // 2, path=1, stop_distance=MICRO)
    second = _buy(link, 2, CALM, 5_000_000, path=2, stop_distance=MICRO)
    assert (first["decision"], first["path"], second["path"]) == (APPROVE, 1, 2)
    assert first["approved_qty"] + second["approved_qty"] == most
    # The id again by another way is another order, and the venue takes both ways.
    assert _buy(link, 1, CALM, most // 2, path=2, stop_distance=MICRO)["reason"] == DUPLICATE_ID
    eventually("two orders", lambda: set(floor.venue.ledger().orders) == {"US-1", "US-2"})
    assert link.wait("EXEC", order_id=1)["exec_type"] == link.wait("EXEC", order_id=2)["exec_type"] == 0
    link.send("NEW_ORDER", **{"order_id": 3, "instrument_id": CALM, "side": BUY, "qty": 1, "path": 3})
    link.wait_closed()


NONSENSE: tuple[tuple[dict[str, int], int], ...] = (
    *(({"side": side}, BAD_SIDE) for side in (0, 3, 255)),
    *(({"type": kind}, MALFORMED) for kind in (0, 3, MARKET)),
    *(({"tif": tif}, MALFORMED) for tif in (1, 255)),
    *(({"qty": qty}, BAD_QUANTITY) for qty in (0, -1, -(2**63), 2**63 - 1)),
    *(({"limit_px": limit}, MALFORMED) for limit in (0, -1, 2**63 - 1)),
    *(({"instrument_id": name}, UNKNOWN_INSTRUMENT) for name in (0, 117, 2**64 - 1, 2**63 + CALM)),
    ({"side": SELL}, SHORT_SALE),
)


def test_nonsense_is_rejected_by_its_name(floor: Floor) -> None:
    link = floor.connect()
    sound = {
        "instrument_id": CALM,
        "side": BUY,
        "qty": 10,
        "type": LIMIT,
        "limit_px": round(below(CALM) * MICRO),
    }
    for number, (fields, reason) in enumerate(NONSENSE, 1):
        link.send("NEW_ORDER", **{**sound, "order_id": number, "tif": IOC, "stop_distance": MICRO, **fields})
        told = link.wait("DECISION", order_id=number)
        assert (told["decision"], told["reason"], told["approved_qty"]) == (REJECT, reason, 0), fields


def test_many_small_orders_add_up_to_one_limit(floor: Floor) -> None:
    link = floor.connect()
    most = most_by_instrument(link, CALM)
    # Each differs, or the throttle on repeated ones would stop them first.
    told = [_buy(link, n, CALM, most // 12 + n, stop_distance=MICRO) for n in range(1, 31)]
    assert sum(f["approved_qty"] for f in told) == most


def test_many_names_add_up_to_one_sectors_limit(floor: Floor) -> None:
    link = floor.connect()
    limit = equity(link) * 2_500 // 10_000
    spent, reasons = 0, set()
    for number, name in enumerate(sorted(n for n in NAMES if n % 2 == 0), 1):
        told = _buy(link, number, name, 5_000_000, stop_distance=MICRO)
        spent += told["approved_qty"] * reserve(link, name)
        reasons.add(told["reason"])
    assert SECTOR_LIMIT in reasons
    assert limit - max(reserve(link, n) for n in NAMES) < spent <= limit


def test_a_short_is_marked_located_and_no_larger(floor: Floor) -> None:
    link = floor.connect()
    above = round(price(ALONE) * 1.02, 2)
    assert link.order(1, ALONE, SELL, 10, above)["reason"] == SHORT_SALE
    told = link.order(2, ALONE, SELL, 5_000_000, above, flags=2, stop_distance=MICRO)
    assert 0 < told["approved_qty"] <= LOCATE
    # It works at the venue: one that was refused there would be free to be lent again.
    assert link.wait("EXEC", order_id=2)["exec_type"] == 0
    more = link.order(3, ALONE, SELL, 5_000_001, above, flags=2, stop_distance=MICRO)
    assert told["approved_qty"] + more["approved_qty"] <= LOCATE


def test_coming_back_or_starting_again_forgets_nothing(floor: Floor) -> None:
    link = floor.connect()
    most = most_by_instrument(link, CALM)
    assert _buy(link, 1, CALM, most, stop_distance=MICRO)["decision"] == APPROVE
    link.close()
    link = floor.connect()
    assert _buy(link, 2, CALM, 1)["decision"] == REJECT
    floor.gateway.kill()
    floor.gateway.start()
    link = floor.connect()
    assert _buy(link, 1, CALM, 1)["reason"] == DUPLICATE_ID
    assert _buy(link, 3, CALM, 1)["decision"] == REJECT


def _kept_out(link: Link, order_id: int) -> None:
    told = _buy(link, order_id, CALM, 1)
    # A fired switch asks for the account again, and until that is known its absence comes first.
    assert (told["decision"], told["approved_qty"]) == (REJECT, 0)
    assert told["reason"] in (KILLED, NO_ACCOUNT)


def test_nothing_that_omsd_can_say_takes_the_kill_switch_back(floor: Floor) -> None:
    link = floor.connect()
    link.send("KILL", who="omsd: to see")
    eventually("the switch", lambda: link.state()["trading_state"] == 4)
    _kept_out(link, 1)
    link.close()
    link = floor.gateway.link()
    for name in (n for n, k in KINDS.items() if k < 64 and n not in ("HELLO", "KILL", "NEW_ORDER")):
        link.send(name)
    _kept_out(link, 2)
    link.send("HELLO", region="US")
    with pytest.raises(LinkClosed):
        link.wait("WELCOME", since=len(link.frames))
    floor.gateway.kill()
    floor.gateway.start()
    link = floor.connect()
    assert link.state()["trading_state"] == 4
    _kept_out(link, 3)
    assert floor.venue.ledger().orders == {}
