"""Hand-worked costs: every expected figure below is computed on paper from the fills in the test."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnalyaw.calibration import COST_SCHEMA, CostError, ExecutedFill, ExecutedOrder, analyse_costs, read_order
from dnalyaw.runtime._gen import oms_pb2

M = 1_000_000


def _fill(exec_id, qty, px, bid, ask, fee=0.0):
    return ExecutedFill(exec_id, qty, round(px * M), round(fee * M), 0, round(bid * M), round(ask * M))


def _order(order_id, side, bid, ask, fills, *, approved=None, source="simulated", decision=0.0):
    filled = sum(f.qty for f in fills)
    return ExecutedOrder(
        order_id=order_id,
        instrument_id=1000 + order_id,
        side=side,
        requested_qty=approved or filled,
        approved_qty=approved or filled,
        filled_qty=filled,
        arrival_bid_micro=round(bid * M),
        arrival_ask_micro=round(ask * M),
        decision_px_micro=round(decision * M),
        fills=tuple(fills),
        source=source,
    )


# Arrival 99.90/100.10, mid 100. 60 at 100.10 (mid 100) and 40 at 100.30 (mid 100.20), fees 0.50 each.
# Spread: 60 x 0.10 + 40 x 0.10 = 10. Impact: 40 x 0.20 = 8. Fees 1. Shortfall 19 on 10,000: 19 bp.
BUY = _order(
    1,
    "BUY",
    99.90,
    100.10,
    [_fill(1, 60, 100.10, 99.90, 100.10, 0.5), _fill(2, 40, 100.30, 100.10, 100.30, 0.5)],
)
# Arrival 49.95/50.05, mid 50. 100 sold at 50.15 (mid 50.20): spread 5, impact -20, fee 0.25: -14.75 on 5,000.
SELL = _order(2, "SELL", 49.95, 50.05, [_fill(3, 100, 50.15, 50.15, 50.25, 0.25)])


def test_a_buy_in_two_parts():
    row = analyse_costs([BUY]).orders.row(0, named=True)
    assert row["arrival_mid"] == 100.0
    assert row["average_fill"] == pytest.approx(100.18)
    assert (row["spread_cost"], row["impact_cost"], row["fees"]) == (10.0, 8.0, 1.0)
    assert row["shortfall"] == 19.0
    assert (row["spread_bp"], row["impact_bp"], row["fee_bp"], row["shortfall_bp"]) == (10.0, 8.0, 1.0, 19.0)
    assert row["benchmark"] == "arrival mid"


def test_a_sell_into_a_rising_market_gains():
    row = analyse_costs([SELL]).orders.row(0, named=True)
    assert (row["spread_cost"], row["impact_cost"], row["fees"]) == (5.0, -20.0, 0.25)
    assert row["shortfall_bp"] == pytest.approx(-29.5)


def test_the_summary_weighs_by_notional():
    s = analyse_costs([SELL, BUY]).summary
    # 19 - 14.75 = 4.25 on 15,000 is 2.8333 bp; a plain mean of 19 and -29.5 would be -5.25.
    assert s.notional == 15_000.0
    assert s.shortfall == 4.25
    assert s.shortfall_bp == pytest.approx(4.25 / 15_000 * 10_000)
    assert s.spread_bp == pytest.approx(10.0)
    assert s.impact_bp == pytest.approx(-8.0)
    assert s.fee_bp == pytest.approx(1.25 / 1.5)
    assert (s.orders, s.filled_orders, s.filled_qty) == (2, 2, 200)
    assert s.notes == ()


def test_a_print_has_no_spread_and_the_summary_says_so():
    # Recorded open of 20.00, arrival at the same print; 10 shares, fee 0.01.
    auction = _order(3, "BUY", 20, 20, [_fill(4, 10, 20.0, 20.0, 20.0, 0.01)], source="recorded daily open")
    alone = analyse_costs([auction]).summary
    assert alone.spread_bp is None
    assert alone.impact_bp == 0.0
    assert alone.shortfall_bp == pytest.approx(0.5)
    assert alone.by_source[0].spread_measured is False
    assert "1 orders filled at prints (recorded daily open)" in alone.notes[0]
    assert "lower bound" in alone.notes[0]
    both = analyse_costs([auction, BUY]).summary
    assert [s.source for s in both.by_source] == ["simulated", "recorded daily open"]
    assert both.by_source[0].shortfall_bp == 19.0
    assert both.by_source[1].spread_bp is None


def test_the_price_before_a_print_makes_delay_not_spread():
    # Quoted 19.99/20.01 at arrival, printed at 20.10: 10 bp... 0.10 x 10 = 1.00 on 200 is 50 bp, all delay.
    late = _order(3, "BUY", 19.99, 20.01, [_fill(4, 10, 20.10, 20.10, 20.10)])
    row = analyse_costs([late]).orders.row(0, named=True)
    assert (row["spread_bp"], row["impact_bp"]) == (0.0, 50.0)
    assert row["auction_qty"] == 10


def test_a_one_sided_market_is_named():
    fill = _fill(5, 10, 10.05, 0, 10.05)
    s = analyse_costs([_order(4, "BUY", 9.95, 10.05, [fill])]).summary
    assert s.spread_bp is None
    assert s.impact_bp == pytest.approx(50.0)
    assert any("1 fills had one side" in note for note in s.notes)


def test_without_a_market_at_arrival_the_decision_price_serves():
    order = _order(5, "BUY", 0, 10.0, [_fill(6, 10, 10.01, 9.99, 10.01)], decision=10.0)
    analysis = analyse_costs([order])
    assert analysis.orders["benchmark"].to_list() == ["decision price"]
    assert analysis.summary.shortfall_bp == pytest.approx(10.0)
    assert any("decision price" in note for note in analysis.summary.notes)


def test_an_order_without_any_price_is_left_out_of_the_basis_points():
    blind = _order(6, "SELL", 0, 0, [_fill(7, 10, 9.99, 9.99, 10.01, 0.3)])
    analysis = analyse_costs([blind, BUY])
    assert analysis.summary.unmeasured_orders == 1
    assert analysis.summary.shortfall_bp == 19.0
    assert analysis.summary.fees == 1.0
    assert analysis.summary.all_fees == pytest.approx(1.3)
    row = analysis.orders.row(1, named=True)
    assert row["shortfall_bp"] is None
    assert row["fees"] == pytest.approx(0.3)


def test_no_orders_and_no_fills():
    nothing = analyse_costs([])
    assert nothing.orders.is_empty()
    assert dict(nothing.orders.schema) == COST_SCHEMA
    assert nothing.summary.shortfall_bp is None
    assert nothing.summary.notes == ("No order was filled: there is no cost to measure.",)
    unfilled = analyse_costs([_order(1, "BUY", 9, 10, [], approved=50)])
    assert unfilled.summary.notional == 0.0
    assert unfilled.summary.shortfall_bp is None
    assert unfilled.orders["average_fill"].to_list() == [None]


def test_what_was_not_filled_is_counted():
    part = replace(BUY, approved_qty=250, requested_qty=300)
    assert any("150 approved shares were not filled" in n for n in analyse_costs([part]).summary.notes)


def test_sources_come_from_the_caller():
    summary = analyse_costs([BUY, SELL], sources={1001: "recorded quote"}).summary
    assert {s.source: s.orders for s in summary.by_source} == {"recorded quote": 1, "simulated": 1}


def test_reports_of_the_oms_are_read_as_messages_and_as_json():
    fill = oms_pb2.FillReport(exec_id=9, qty=10, px_micro=10_050_000, fee_micro=1000, bid_micro=9_950_000)
    fill.ask_micro = 10_050_000
    message = oms_pb2.OrderReport(
        order_id=7,
        instrument_id=5,
        side="BUY",
        requested_qty=10,
        approved_qty=10,
        filled_qty=10,
        fills=[fill],
    )
    message.arrival_bid_micro, message.arrival_ask_micro = 9_950_000, 10_050_000
    plain = {
        "order_id": "7",
        "instrument_id": "5",
        "side": "BUY",
        "requested_qty": "10",
        "approved_qty": "10",
        "filled_qty": "10",
        "arrival_bid_micro": "9950000",
        "arrival_ask_micro": "10050000",
        "fills": [
            {
                "exec_id": "9",
                "qty": "10",
                "px_micro": "10050000",
                "fee_micro": "1000",
                "bid_micro": "9950000",
                "ask_micro": "10050000",
            }
        ],
    }
    assert read_order(message) == read_order(plain)
    # 0.05 on 10.00 is 50 bp, 0.001 on 100 is 0.1 bp.
    assert analyse_costs([message]).summary.shortfall_bp == pytest.approx(50.1)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"side": "HOLD"}, "order 1: side is 'HOLD', want BUY or SELL"),
        ({"filled_qty": 99}, "order 1: filled_qty is 99, its 2 fills make 100"),
        ({"fills": (BUY.fills[0], BUY.fills[0]), "filled_qty": 120}, "order 1: a fill stands in it twice"),
    ],
)
def test_an_order_that_contradicts_itself_is_refused(change, match):
    with pytest.raises(CostError, match=match):
        replace(BUY, **change)


def test_bad_fields_are_named():
    with pytest.raises(CostError, match="order 1 stands twice"):
        analyse_costs([BUY, BUY])
    with pytest.raises(CostError, match=r"order 3: instrument_id is 1\.5, want a whole number"):
        read_order({"order_id": 3, "side": "BUY", "instrument_id": 1.5})
    with pytest.raises(CostError, match="order 3: fill: qty is 'many', want a whole number"):
        read_order({"order_id": 3, "side": "BUY", "fills": [{"exec_id": 1, "qty": "many"}]})
    with pytest.raises(CostError, match="fill 1: qty is 0"):
        _fill(1, 0, 1, 1, 1)
    with pytest.raises(CostError, match="fill 1: px_micro is -1000000"):
        _fill(1, 1, -1, 1, 1)


_PRICE = st.integers(1, 10**9)


@given(
    side=st.sampled_from(["BUY", "SELL"]),
    arrival=st.tuples(_PRICE, _PRICE),
    fills=st.lists(
        st.tuples(
            st.integers(1, 10**6),
            _PRICE,
            st.integers(0, 10**9),
            st.integers(0, 10**9),
            st.integers(-(10**6), 10**7),
        ),
        min_size=1,
        max_size=6,
    ),
)
def test_the_parts_always_make_the_whole(side, arrival, fills):
    made = tuple(
        ExecutedFill(k, qty, px, fee, 0, bid, ask) for k, (qty, px, bid, ask, fee) in enumerate(fills)
    )
    filled = sum(f.qty for f in made)
    order = ExecutedOrder(1, 2, side, filled, filled, filled, *arrival, 0, made)
    s = analyse_costs([order]).summary
    sign = 1 if side == "BUY" else -1
    # Doubled, so that the mid is a whole number: no rounding on this side of the comparison.
    doubled = sign * (2 * sum(f.qty * f.px_micro for f in made) - filled * sum(arrival)) + 2 * sum(
        f.fee_micro for f in made
    )
    assert s.shortfall == pytest.approx(doubled / 2 / M, rel=1e-12, abs=1e-9)
    assert s.spread_cost + s.impact_cost + s.fees == pytest.approx(s.shortfall, rel=1e-9, abs=1e-3)
