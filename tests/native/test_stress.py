"""Stress scenarios worked by hand."""

from __future__ import annotations

from fractions import Fraction
from itertools import chain, combinations
from math import floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnalyaw._native import risk
from tests.native._engine import ONE, SESSION, T0, engine, row


def book() -> risk.RiskEngine:
    """300 of a tech name at 100 on X and 200 of an energy name at 50 on Y, a buy of 100 more of the first at 101."""
    built = engine(
        row(1, venue="X"),
        row(2, sector="energy", venue="Y", volatility_bp=100),
        row(3, sector="banks", venue="Z"),
    )
    built.set_price(2, last_micro=50 * ONE, ts_ns=T0 + 1)
    built.set_price(2, last_micro=50 * ONE, ts_ns=T0 + 2)
    built.set_account(960_000 * ONE, [(1, 300), (2, 200)])
    order = built.decide(
        1, "buy", 100, now_ns=T0 + 2, limit_price_micro=101 * ONE, stop_distance_micro=10 * ONE
    )
    assert order["decision"] == "APPROVE"
    return built


def test_every_scenario_by_hand() -> None:
    before = book()
    hashed = before.state_hash()
    found = {one["scenario"]: one for one in risk.stress(before)}
    assert before.state_hash() == hashed
    # Filled at 101, the order costs 11 a share where the name falls to 90, and 1 where it stands.
    # Volatilities of 2% and 1% gap by 10% and 5%: 10.00 and 2.50.
    losses = {
        "sector_down:energy": 200 * 5 + 100 * 1,
        "sector_down:tech": 300 * 10 + 100 * 11,
        "all_sectors_down": 200 * 5 + 300 * 10 + 100 * 11,
        "gap_5_sigma": 300 * 10 + 100 * 11 + 200 * 2.5,
        "venue_gone:X": 300 * 10 + 100 * 11,
        "venue_gone:Y": 200 * 2.5 + 100 * 1,
    }
    assert {name: one["loss_micro"] for name, one in found.items()} == {
        name: round(loss * ONE) for name, loss in losses.items()
    }
    assert list(found) == list(losses)
    for name, loss in losses.items():
        assert found[name]["equity_micro"] == round((1_000_000 - loss) * ONE)
        # A basis point of the baseline is 100.
        assert found[name]["drawdown_bp"] == loss // 100
        assert (found[name]["kills"], found[name]["breaks"]) == (False, [])
    assert found["venue_gone:X"]["stuck"] == {1: 300}
    assert found["venue_gone:X"]["stuck_exposure_micro"] == (300 * 100 + 100 * 101) * ONE
    assert found["venue_gone:Y"]["stuck"] == {2: 200}
    assert found["venue_gone:Y"]["stuck_exposure_micro"] == 10_000 * ONE
    assert found["gap_5_sigma"]["stuck"] == {}
    # What falls to 90 counts at that, the order still at its 101.
    assert found["sector_down:tech"]["gross_micro"] == (300 * 90 + 100 * 101 + 200 * 50) * ONE
    assert found["sector_down:tech"]["net_micro"] == (300 * 90 + 100 * 101 + 200 * 50) * ONE


def test_a_short_gaps_up_and_breaks_its_limit() -> None:
    built = engine(row(1, locate=1_000))
    built.set_account(1_050_000 * ONE, [(1, -500)])
    found = {one["scenario"]: one for one in risk.stress(built)}
    # A sector that falls earns the short what others lose.
    assert found["sector_down:tech"]["loss_micro"] == -5_000 * ONE
    assert found["sector_down:tech"]["drawdown_bp"] == -50
    gap = found["gap_5_sigma"]
    assert gap["loss_micro"] == 5_000 * ONE
    # 500 at 110 against 5% of 995,000.
    assert gap["breaks"] == [
        {
            "limit": "INSTRUMENT_LIMIT",
            "issuer_id": 1,
            "sector": None,
            "amount_micro": 55_000 * ONE,
            "limit_micro": 49_750 * ONE,
        }
    ]
    assert gap["net_micro"] == 55_000 * ONE


def test_orders_fill_only_where_that_costs() -> None:
    built = engine(row(1, locate=1_000))
    # A short sale at 104 that rests: when the name falls it is not what fills, when it gaps up it is.
    order = built.decide(
        1, "sell", 100, now_ns=T0, sell_short=True, limit_price_micro=104 * ONE, stop_distance_micro=10 * ONE
    )
    assert order["decision"] == "APPROVE"
    found = {one["scenario"]: one for one in risk.stress(built)}
    assert found["sector_down:tech"]["loss_micro"] == 0
    assert found["gap_5_sigma"]["loss_micro"] == 100 * 6 * ONE


def test_the_kill_switch_would_fire() -> None:
    built = engine()
    built.set_account(400_000 * ONE, [(1, 6_000)])
    found = {one["scenario"]: one for one in risk.stress(built)}
    fallen = found["all_sectors_down"]
    assert (fallen["kills"], fallen["drawdown_bp"]) == (True, 600)
    # 540,000 of 940,000 in one issuer, which is one sector too.
    assert [(one["limit"], one["amount_micro"], one["limit_micro"]) for one in fallen["breaks"]] == [
        ("INSTRUMENT_LIMIT", 540_000 * ONE, 47_000 * ONE),
        ("SECTOR_LIMIT", 540_000 * ONE, 235_000 * ONE),
        ("DRAWDOWN", 60_000 * ONE, 50_000 * ONE),
    ]


def test_an_unknown_volatility_loses_everything() -> None:
    built = engine(row(1, volatility_bp=0, sector=None), row(2, volatility_bp=0, gap_bp=1_500))
    built.set_account(980_000 * ONE, [(1, 100), (2, 100)])
    found = {one["scenario"]: one for one in risk.stress(built)}
    assert found["gap_5_sigma"]["loss_micro"] == (10_000 + 1_500) * ONE
    # The bucket of unknown sectors has no name.
    assert found["sector_down:"]["loss_micro"] == 1_000 * ONE


def test_nothing_is_stressed_while_equity_is_not_known() -> None:
    built = risk.RiskEngine([row(1)])
    built.set_session(SESSION)
    with pytest.raises(ValueError, match="equity is not known"):
        risk.stress(built)
    assert risk.stress(engine()) == [
        {
            "scenario": name,
            "equity_micro": 1_000_000 * ONE,
            "loss_micro": 0,
            "drawdown_bp": 0,
            "kills": False,
            "gross_micro": 0,
            "net_micro": 0,
            "stuck": {},
            "stuck_exposure_micro": 0,
            "breaks": [],
        }
        for name in ("all_sectors_down", "gap_5_sigma")
    ]


Order = tuple[int, str, int, int]


def worst(position: int, mark: int, moves: tuple[int, ...], orders: list[Order]) -> int:
    """The least that a name's moves and any subset of its orders leave, tried one by one; in millionths, rounded down."""
    least = None
    for move in moves:
        then = Fraction(mark * (10_000 + move), 10_000)
        for filled in chain.from_iterable(combinations(orders, size) for size in range(len(orders) + 1)):
            change = position * (then - mark)
            for _, side, quantity, limit in filled:
                # A market order may trade as far away as the collar.
                price = limit or (mark * 105 // 100 if side == "buy" else -(-mark * 95 // 100))
                change += quantity * (then - price if side == "buy" else price - then)
            least = change if least is None else min(least, change)
    assert least is not None
    return floor(least)


@settings(deadline=None)
@given(
    positions=st.lists(st.integers(-400, 400), min_size=3, max_size=3),
    asked=st.lists(
        st.tuples(
            st.integers(1, 3),
            st.sampled_from(["buy", "sell"]),
            st.integers(1, 200),
            st.sampled_from([0, 9_600, 9_990, 10_010, 10_400]),
        ),
        max_size=5,
    ),
)
def test_no_subset_of_fills_costs_more(positions: list[int], asked: list[Order]) -> None:
    names = [
        row(1, sector="a", venue="X", locate=10_000),
        row(2, sector="a", venue="Y", locate=10_000, volatility_bp=350),
        row(3, sector="b", venue="Y", locate=10_000, volatility_bp=2_100),
    ]
    built = engine(*names)
    cash = 1_000_000 - 100 * sum(positions)
    held = [(name, quantity) for name, quantity in enumerate(positions, 1) if quantity]
    built.set_account(cash * ONE, held)
    working: dict[int, list[Order]] = {1: [], 2: [], 3: []}
    for name, side, quantity, cents in asked:
        order = built.decide(
            name,
            side,  # type: ignore[arg-type]
            quantity,
            now_ns=T0,
            sell_short=side == "sell" and positions[name - 1] <= 0,
            limit_price_micro=cents * 10_000 or None,
            stop_distance_micro=2 * ONE,
        )
        if order["approved_quantity"]:
            working[name].append((name, side, order["approved_quantity"], cents * 10_000))
    gaps = {1: 1_000, 2: 1_750, 3: 10_500}

    def loss(falls: set[int], gapping: set[int]) -> int:
        total = 0
        for name, position in enumerate(positions, 1):
            moves = (0,)
            if name in falls:
                moves = (-1_000,)
            elif name in gapping:
                # Nothing falls below nothing.
                moves = (-min(gaps[name], 10_000), gaps[name])
            total -= worst(position, 100 * ONE, moves, working[name])
        return total

    book = {name for name, position in enumerate(positions, 1) if position or working[name]}
    expected = {"all_sectors_down": loss({1, 2, 3}, set()), "gap_5_sigma": loss(set(), {1, 2, 3})}
    expected |= {f"sector_down:{s}": loss(of, set()) for s, of in (("a", {1, 2}), ("b", {3})) if of & book}
    expected |= {f"venue_gone:{v}": loss(set(), of) for v, of in (("X", {1}), ("Y", {2, 3})) if of & book}
    found = {one["scenario"]: one["loss_micro"] for one in risk.stress(built)}
    assert found == expected
