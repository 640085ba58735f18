"""What holds the engine back in process: kill switch, drawdown, halts, stops, announced flows, the firm's rate."""

from __future__ import annotations

import pytest

from dnalyaw._native import risk
from tests.native._engine import ONE, SECOND, SESSION, T0, buy, engine, row


def test_a_drawdown_flattens_until_a_person_arms_the_switch_on_another_day() -> None:
    built = risk.RiskEngine([row(1)])
    built.set_session(SESSION)
    built.set_price(1, last_micro=100 * ONE, ts_ns=T0)
    built.set_account(600_000 * ONE, [(1, 4_000)])
    assert built.state()["baseline_micro"] == 1_000_000 * ONE
    # 4,000 shares lose 12.50 each: 50,000, exactly 5%.
    built.set_price(1, last_micro=87_510_000, ts_ns=T0 + 1)
    # The one issuer is far past its 5%: that is said, and nothing else is held up by it.
    assert (built.state()["trading_state"], built.state()["reason"]) == ("ACTIVE", "INSTRUMENT_LIMIT")
    assert built.flatten(T0 + 1) is None
    built.set_price(1, last_micro=87_500_000, ts_ns=T0 + 2)
    state = built.state()
    assert (state["trading_state"], state["reason"], state["drawdown_bp"]) == ("KILLED", "DRAWDOWN", 500)
    flatten = built.flatten(T0 + 2)
    assert flatten is not None
    assert (flatten["reason"], flatten["cancels"]) == ("DRAWDOWN", [])
    (close,) = flatten["closes"]
    # A slice is 1% of a million shares a day: all 4,000. 5% below 87.50 is 83.125, and the tick inside it 83.13.
    assert (close["decision"], close["side"], close["approved_quantity"]) == ("FLATTEN", "sell", 4_000)
    assert close["limit_price_micro"] == 83_130_000
    assert built.fill(close["order_id"], 4_000, 87_500_000) == -4_000
    assert built.positions() == {}
    assert built.flatten(T0 + 3) is None
    assert buy(built, 1)["reason"] == "KILLED"
    with pytest.raises(ValueError, match="arm it again on the next session day"):
        built.rearm()

    built.set_session(SESSION + 1)
    assert built.state()["equity_micro"] is None
    built.set_account(950_000 * ONE, [])
    built.set_price(1, last_micro=100 * ONE, ts_ns=T0 + SECOND)
    assert buy(built, 1, now_ns=T0 + SECOND)["reason"] == "KILLED"
    built.rearm()
    assert built.state()["trading_state"] == "ACTIVE"
    assert buy(built, 1, now_ns=T0 + SECOND)["decision"] == "APPROVE"
    with pytest.raises(ValueError, match="has not fired"):
        built.rearm()


def test_operator_kill() -> None:
    built = engine()
    buy(built, 10)
    built.kill()
    flatten = built.flatten(T0)
    assert flatten == {"reason": "OPERATOR", "cancels": [1], "closes": []}
    assert buy(built, 10)["reason"] == "KILLED"
    built.cancel(1)
    assert built.flatten(T0) is None
    built.rearm()
    assert buy(built, 10)["decision"] == "APPROVE"


def test_halts_hold_up_what_opens_and_let_pass_what_closes() -> None:
    built = engine(row(1), row(2, venue="XNYS"), row(3, restricted=True), strategies=("alpha", "beta"))
    built.set_account(990_000 * ONE, [(1, 100)])
    built.halt_instrument(1, True)
    assert buy(built, 1)["reason"] == "INSTRUMENT_HALTED"
    closing = built.decide(1, "sell", 50, now_ns=T0)
    assert closing["decision"] == "APPROVE"
    built.halt_instrument(1, False)
    # It still works: a buy would trade with it.
    assert buy(built, 1)["reason"] == "SELF_MATCH"
    built.cancel(closing["order_id"])
    built.halt_venue("XNYS", True)
    assert buy(built, 1, 2)["reason"] == "VENUE_HALTED"
    built.halt_strategies(["beta"])
    assert buy(built, 1, strategies=["alpha"])["decision"] == "APPROVE"
    assert buy(built, 2, strategies=["alpha", "beta"])["reason"] == "STRATEGY_HALTED"
    built.halt_strategies([])
    assert buy(built, 3, strategies=["beta"])["decision"] == "APPROVE"
    assert buy(built, 1, 3)["reason"] == "RESTRICTED"
    built.halt(True)
    assert (built.state()["trading_state"], buy(built, 4)["reason"]) == ("HALTED", "HALTED")
    built.halt(False)
    built.reduce_only(True)
    assert (built.state()["trading_state"], buy(built, 4)["reason"]) == ("REDUCE_ONLY", "REDUCE_ONLY")
    built.reduce_only(False)
    built.set_venue(False)
    assert buy(built, 4)["reason"] == "VENUE_DOWN"
    for wrong, says in (
        (lambda: built.halt_instrument(9, True), "instrument 9 is not in the reference"),
        (lambda: built.halt_venue("XLON", True), "no instrument of the reference trades at"),
        (lambda: built.halt_strategies(["gamma"]), "no strategy is called"),
        (lambda: buy(built, 1, strategies=["gamma"]), "no strategy is called"),
    ):
        with pytest.raises(ValueError, match=says):
            wrong()


def test_a_stop_is_held_tightens_and_fires() -> None:
    built = engine()
    order = buy(built, 100)
    built.fill(order["order_id"], 100, 100 * ONE)
    assert built.stops() == [{"instrument_id": 1, "side": "buy", "level_micro": 98 * ONE, "fired": False}]
    built.restore_stop(1, "buy", 97 * ONE)
    built.restore_stop(1, "buy", 99 * ONE)
    assert built.stops()[0]["level_micro"] == 99 * ONE
    built.set_price(1, last_micro=99 * ONE, ts_ns=T0 + 1)
    assert built.stops()[0]["fired"]
    wanted = built.flatten(T0 + 1)
    assert wanted is not None
    assert wanted["reason"] == "STOPPED"
    (close,) = wanted["closes"]
    assert (close["side"], close["approved_quantity"], close["reason"]) == ("sell", 100, "STOPPED")
    built.fill(close["order_id"], 100, 99 * ONE)
    assert (built.stops(), built.flatten(T0 + 2)) == ([], None)
    with pytest.raises(ValueError, match="stop at 1 of instrument 9: not in the reference"):
        built.restore_stop(9, "buy", 1)


def test_money_paid_out_is_no_loss_once_announced() -> None:
    built = engine()
    built.expect_flow(-40_000 * ONE)
    built.set_cash(960_000 * ONE)
    assert (built.state()["flows_micro"], built.state()["drawdown_bp"]) == (-40_000 * ONE, 0)
    # What nobody announced is one.
    built.set_cash(950_000 * ONE)
    assert built.state()["drawdown_bp"] == 100


def test_without_the_firms_rate_nothing_opens() -> None:
    built = risk.RiskEngine([row(1)], firm_rate_micro=None)
    built.set_session(SESSION)
    built.set_cash(1_000_000 * ONE)
    built.set_price(1, last_micro=100 * ONE, ts_ns=T0)
    assert buy(built, 1)["reason"] == "NO_ACCOUNT"
    # Eight of the account's for one of the firm's.
    built.set_firm_rate(125_000)
    assert buy(built, 1)["decision"] == "APPROVE"
    assert built.state()["baseline_micro"] == 125_000 * ONE
