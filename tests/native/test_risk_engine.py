"""The production engine in process: four decisions, fills, shorts, modifications, linked legs, and the constants."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from dnalyaw._native import risk
from tests.native._engine import ONE, SESSION, T0, buy, engine, outcome, row


def test_limits_are_the_constants_and_their_hash_is_of_their_text() -> None:
    limits = risk.limits()
    assert limits["instrument_bp"] == 500
    assert limits["sector_bp"] == 2_500
    assert limits["drawdown_bp"] == 500
    assert limits["trade_risk_bp"] == 100
    assert limits["gross_bp"] == 20_000
    assert limits["net_bp"] == 10_000
    assert limits["participation_bp"] == 1_000
    assert limits["order_notional_micro"] == 500_000_000 * ONE
    text = (
        "dnalyaw-limits v3\ninstrument_bp=500\nsector_bp=2500\ndrawdown_bp=500\ntrade_risk_bp=100\n"
        "gross_bp=20000\nnet_bp=10000\nparticipation_bp=1000\norder_quantity=10000000\n"
        "order_notional_micro=500000000000000\nmessage_rate=20000\nrepeat=3/8\nthrottle_ns=1000000000\n"
        "collar_bp=500\nwide_collar_bp=2000\nfee_margin_bp=50\nshort_margin_bp=5000\ngap_sigmas=5\n"
        "max_price_age_ns=900000000000\nmax_mark_age_ns=1800000000000\nprice_jump_bp=2000\n"
        "max_spread_bp=1000\nmax_ahead_ns=5000000000\nunannounced_bp=10\n"
        "close_slice_bp=100\nclose_retry_ns=1000000000\nmax_working_orders=131072\nended_orders_kept=32768\n"
        "max_legs=16\n"
    )
    assert limits["hash"] == hashlib.sha256(text.encode()).hexdigest()


def test_reasons_are_those_of_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reasons.md").read_text(encoding="utf-8")
    reasons = risk.reasons()
    assert reasons[1]["name"] == "INSTRUMENT_LIMIT"
    assert len({reason["code"] for reason in reasons}) == len(reasons)
    for reason in reasons:
        assert f"| {reason['code']} | `{reason['name']}` | {reason['explanation']} |" in page


def test_approve_reduce_reject() -> None:
    built = engine()
    first = buy(built, 300)
    assert outcome(first) == ("APPROVE", "NONE", 300)
    second = buy(built, 300)
    assert outcome(second) == (
        "REDUCE",
        "INSTRUMENT_LIMIT",
        200,
    )
    assert second["binding_limit"] == 50_000 * ONE
    assert second["instrument_worst_case_micro"] == 50_000 * ONE
    third = buy(built, 1)
    assert outcome(third) == (
        "REJECT",
        "INSTRUMENT_LIMIT",
        0,
    )
    assert built.working() == {1: 300, 2: 200}


def test_fill_and_cancel() -> None:
    built = engine()
    order_id = buy(built, 300)["order_id"]
    assert built.fill(order_id, 100, 99 * ONE, fee_micro=ONE) == 100
    assert built.positions() == {1: 100}
    # 9,900 and a fee of 1 paid for what is worth 10,000.
    assert built.state()["cash_micro"] == 990_099 * ONE
    assert built.state()["equity_micro"] == 1_000_099 * ONE
    built.cancel(order_id)
    assert built.working() == {}
    with pytest.raises(KeyError, match="no working order has the id 1"):
        built.fill(order_id, 1, 100 * ONE)
    with pytest.raises(KeyError, match="no working order has the id 9"):
        built.cancel(9)


def test_impossible_fills_are_refused() -> None:
    built = engine()
    order_id = buy(built, 300)["order_id"]
    with pytest.raises(ValueError, match="a fill of 301 is more than the 300 that are left"):
        built.fill(order_id, 301, 100 * ONE)
    with pytest.raises(ValueError, match="is no fill"):
        built.fill(order_id, 0, 100 * ONE)
    with pytest.raises(ValueError, match="is no fill"):
        built.fill(order_id, 1, 0)


def test_a_short_needs_its_mark_a_locate_and_a_margin() -> None:
    built = engine(row(1, locate=300), row(2))

    def sell(quantity: int, instrument_id: int = 1, sell_short: bool = True) -> risk.DecisionRow:
        return built.decide(
            instrument_id,
            "sell",
            quantity,
            now_ns=T0,
            limit_price_micro=100 * ONE,
            stop_distance_micro=2 * ONE,
            sell_short=sell_short,
        )

    assert outcome(sell(100, sell_short=False)) == ("REJECT", "SHORT_SALE", 0)
    assert outcome(sell(100, 2)) == ("REJECT", "NO_LOCATE", 0)
    cut = sell(400)
    assert outcome(cut) == ("REDUCE", "NO_LOCATE", 300)
    assert cut["binding_limit"] == 300
    assert built.fill(cut["order_id"], 300, 100 * ONE) == -300
    # Buying it back reduces; the mark of a short sale on a buy is a mistake.
    marked = built.decide(1, "buy", 100, now_ns=T0, limit_price_micro=100 * ONE, sell_short=True)
    assert outcome(marked) == ("REJECT", "SHORT_MARKING", 0)
    back = built.decide(1, "buy", 500, now_ns=T0, limit_price_micro=100 * ONE, reduce_only=True)
    assert outcome(back) == ("REDUCE", "REDUCE_ONLY", 300)


def test_participation_counts_what_was_traded() -> None:
    built = engine(row(1, adv=5_000))
    # A tenth of 5,000.
    built.restore_traded(1, 200)
    assert outcome(buy(built, 400)) == ("REDUCE", "PARTICIPATION", 300)
    with pytest.raises(ValueError, match="traded of instrument 9: not in the reference"):
        built.restore_traded(9, 1)
    assert outcome(buy(engine(row(1, adv=0)), 1)) == ("REJECT", "PARTICIPATION", 0)


def test_the_venue_is_the_labels_last_part() -> None:
    plain = {name: value for name, value in row(1, label="BRK.B.XNYS").items() if name != "venue"}
    built = engine(plain)  # type: ignore[arg-type]
    built.halt_venue("XNYS", True)
    assert buy(built, 1)["reason"] == "VENUE_HALTED"


def test_a_modification_is_checked_as_the_order_it_would_become() -> None:
    built = engine()
    buy(built, 100)
    huge = built.decide_replace(
        1, 100_000, now_ns=T0, limit_price_micro=100 * ONE, stop_distance_micro=2 * ONE
    )
    assert outcome(huge) == ("REDUCE", "INSTRUMENT_LIMIT", 500)
    assert built.working() == {1: 100}
    built.replaced(1)
    assert built.working() == {huge["order_id"]: 500}
    smaller = built.decide_replace(huge["order_id"], 200, now_ns=T0, limit_price_micro=100 * ONE)
    assert smaller["decision"] == "APPROVE"
    built.replace_refused(huge["order_id"])
    assert built.working() == {huge["order_id"]: 500}
    assert built.decide_replace(77, 10, now_ns=T0)["reason"] == "UNKNOWN_ORDER"
    with pytest.raises(KeyError, match="77"):
        built.replaced(77)
    with pytest.raises(KeyError, match="77"):
        built.replace_refused(77)


def test_linked_legs_scale_together() -> None:
    built = engine()
    legs: list[risk.Leg] = [
        {
            "instrument_id": name,
            "side": "buy",
            "quantity": quantity,
            "limit_price_micro": 100 * ONE,
            "stop_distance_micro": 2 * ONE,
        }
        for name, quantity in ((1, 1_000), (2, 300))
    ]
    # The first may be 500, and takes half of the second with it.
    decisions = built.decide_linked(legs, now_ns=T0)
    assert [outcome(one) for one in decisions] == [
        ("REDUCE", "INSTRUMENT_LIMIT", 500),
        ("REDUCE", "INSTRUMENT_LIMIT", 150),
    ]
    legs[1]["instrument_id"] = 9
    assert [one["reason"] for one in built.decide_linked(legs, now_ns=T0)] == [
        "LINKED_LEG",
        "UNKNOWN_INSTRUMENT",
    ]
    with pytest.raises(ValueError, match="1 linked legs; give 2 to 16"):
        built.decide_linked(legs[:1], now_ns=T0)


def test_a_correction_sets_what_has_filled() -> None:
    built = engine()
    order = buy(built, 100)
    built.fill(order["order_id"], 60, 100 * ONE)
    assert built.correct(order["order_id"], 20) == -40
    assert built.positions() == {1: 20}


def test_a_settlement_price_values_and_prices_nothing() -> None:
    built = risk.RiskEngine([row(1)])
    built.set_session(SESSION)
    built.set_account(990_000 * ONE, [(1, 100)])
    assert built.state()["equity_micro"] is None
    built.set_settlement_price(1, 100 * ONE)
    assert built.state()["equity_micro"] == 1_000_000 * ONE
    assert buy(built, 1)["reason"] == "NO_PRICE"
    with pytest.raises(ValueError, match="settlement price 1 of instrument 9"):
        built.set_settlement_price(9, 1)


def test_utilisation_is_a_share_of_each_limit() -> None:
    built = engine()
    buy(built, 250)
    used = built.utilisation()
    # 25,000 of the issuer's 50,000, of the sector's 250,000, of the book's two million gross and one million net.
    assert used["issuers"] == [
        {"issuer_id": 1, "amount": 25_000 * ONE, "limit": 50_000 * ONE, "share_bp": 5_000}
    ]
    assert used["sectors"] == [
        {"sector": "tech", "amount": 25_000 * ONE, "limit": 250_000 * ONE, "share_bp": 1_000}
    ]
    assert used["gross"] == {"amount": 25_000 * ONE, "limit": 2_000_000 * ONE, "share_bp": 125}
    assert used["net"] == {"amount": 25_000 * ONE, "limit": 1_000_000 * ONE, "share_bp": 250}
    assert used["drawdown"]["amount"] == 0
    assert used["orders"]["amount"] == 1


def test_tighter_limits_bind_and_looser_ones_are_refused() -> None:
    assert buy(engine(instrument_bp=100), 300)["approved_quantity"] == 100
    assert buy(engine(instrument_bp=100), 300)["reason"] == "TIGHTER_LIMIT"
    with pytest.raises(ValueError, match="instrument_bp = 501 is looser than the constant 500"):
        engine(instrument_bp=501)


def test_bad_reference_is_named() -> None:
    broken = {name: value for name, value in row(3).items() if name != "lot"}
    with pytest.raises(ValueError, match="reference row 1 has no 'lot'"):
        risk.RiskEngine([row(1), broken])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="reference row 0, lot: "):
        risk.RiskEngine([row(1, lot="ten")])
    with pytest.raises(ValueError, match="instrument 1: named twice"):
        risk.RiskEngine([row(1), row(1)])


def test_bad_arguments_are_named() -> None:
    built = engine()
    with pytest.raises(ValueError, match="give 'buy' or 'sell'"):
        built.decide(1, "hold", 1, now_ns=T0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="give pre-open, open, break or closed"):
        built.set_session(SESSION, "lunch")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="sessions only go forward"):
        built.set_session(SESSION - 1)
    with pytest.raises(ValueError, match="instrument 9: it is not in the reference"):
        built.set_price(9, last_micro=ONE, ts_ns=T0)
    with pytest.raises(ValueError, match="instrument 9: not in the reference"):
        built.set_position(9, 1)


def test_two_engines_fed_alike_agree() -> None:
    one, other = engine(), engine()
    assert one.state_hash() == other.state_hash()
    buy(one, 10)
    assert one.state_hash() != other.state_hash()
    buy(other, 10)
    assert one.state_hash() == other.state_hash()


def test_without_a_close_the_first_price_waits_for_a_second() -> None:
    built = risk.RiskEngine([row(1, close_micro=0)])
    built.set_session(SESSION)
    built.set_cash(1_000_000 * ONE)
    told = []
    for moment in (T0, T0 + 1):
        built.set_price(1, last_micro=100 * ONE, ts_ns=moment)
        bought = built.decide(1, "buy", 1, now_ns=moment, limit_price_micro=100 * ONE)
        told.append(bought["reason"])
    assert told == ["NO_PRICE", "NONE"]
