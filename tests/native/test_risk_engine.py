"""The production engine in process: four decisions, fills, drawdown, and the constants."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from dnalyaw._native import risk

ONE = 1_000_000
T0 = 1_763_994_600_000_000_000
SESSION = 20251124


def row(instrument_id: int, **changes: object) -> dict[str, object]:
    base: dict[str, object] = {
        "instrument_id": instrument_id,
        "issuer_id": instrument_id,
        "sector": "tech",
        "lot": 1,
        "tick_micro": 10_000,
        "tradable": True,
        "volatility_bp": 200,
        "gap_bp": 200,
        "adv": 10_000_000,
        "label": "ignored",
    }
    return base | changes


def engine(**limits: int) -> risk.RiskEngine:
    """A million in cash, instruments 1 and 2 at 100.00."""
    built = risk.RiskEngine([row(1), row(2)], **limits)  # type: ignore[list-item]
    built.set_session(SESSION)
    built.set_cash(1_000_000 * ONE)
    for instrument_id in (1, 2):
        built.set_price(instrument_id, last_micro=100 * ONE, ts_ns=T0)
    return built


def buy(built: risk.RiskEngine, quantity: int, instrument_id: int = 1) -> risk.DecisionRow:
    return built.decide(
        instrument_id,
        "buy",
        quantity,
        now_ns=T0,
        limit_price_micro=100 * ONE,
        stop_distance_micro=2 * ONE,
    )


def outcome(decision: risk.DecisionRow) -> tuple[str, str, int]:
    return decision["decision"], decision["reason"], decision["approved_quantity"]


def test_limits_are_the_constants_and_their_hash_is_of_their_text() -> None:
    limits = risk.limits()
    assert limits["instrument_bp"] == 500
    assert limits["sector_bp"] == 2_500
    assert limits["drawdown_bp"] == 500
    assert limits["trade_risk_bp"] == 100
    page = (Path(__file__).parents[2] / "docs" / "reasons.md").read_text(encoding="utf-8")
    text = page.split("```\n")[1]
    assert text.startswith("dnalyaw-limits v2\ninstrument_bp=500\nsector_bp=2500\n")
    assert limits["hash"] == hashlib.sha256(text.encode()).hexdigest()


def test_reasons_are_those_of_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reasons.md").read_text(encoding="utf-8")
    reasons = risk.reasons()
    assert reasons[1]["name"] == "INSTRUMENT_LIMIT"
    assert len({reason["code"] for reason in reasons}) == len(reasons) == 55
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
    assert second["binding_limit_micro"] == 50_000 * ONE
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


def test_drawdown_flattens_until_a_person_arms_it_again() -> None:
    built = risk.RiskEngine([row(1)])  # type: ignore[list-item]
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
    assert (close["decision"], close["side"], close["approved_quantity"]) == ("FLATTEN", "sell", 4_000)
    assert built.fill(close["order_id"], 4_000, 87_500_000) == -4_000
    assert built.positions() == {}
    assert built.flatten(T0 + 3) is None
    assert buy(built, 1)["reason"] == "KILLED"

    with pytest.raises(ValueError, match="on the next session day"):
        built.rearm()
    built.set_session(SESSION + 1)
    assert built.state()["equity_micro"] is None
    assert built.state()["trading_state"] == "KILLED"
    built.rearm()
    built.set_account(950_000 * ONE, [])
    built.set_price(1, last_micro=100 * ONE, ts_ns=T0)
    assert built.state()["trading_state"] == "ACTIVE"
    assert buy(built, 1)["decision"] == "APPROVE"


def test_operator_kill() -> None:
    built = engine()
    buy(built, 10)
    built.kill()
    flatten = built.flatten(T0)
    assert flatten == {"reason": "OPERATOR", "cancels": [1], "closes": []}
    assert buy(built, 10)["reason"] == "KILLED"


def test_tighter_limits_bind_and_looser_ones_are_refused() -> None:
    assert buy(engine(instrument_bp=100), 300)["approved_quantity"] == 100
    assert buy(engine(instrument_bp=100), 300)["reason"] == "TIGHTER_LIMIT"
    with pytest.raises(ValueError, match="instrument_bp = 501 is looser than the constant 500"):
        engine(instrument_bp=501)


def test_bad_reference_is_named() -> None:
    broken = row(3)
    del broken["lot"]
    with pytest.raises(ValueError, match="reference row 1 has no 'lot'"):
        risk.RiskEngine([row(1), broken])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="reference row 0, lot: "):
        risk.RiskEngine([row(1, lot="ten")])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="instrument 1: named twice"):
        risk.RiskEngine([row(1), row(1)])  # type: ignore[list-item]


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
