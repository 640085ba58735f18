"""A day's orders in one call: the same decisions as one by one, to the last number, and rows at fault named."""

from __future__ import annotations

import numpy as np
import pytest

from dnalyaw._native import risk
from tests.native._engine import ONE, SECOND, SESSION, T0, engine, outcome, row

Columns = dict[str, np.ndarray]
CODES = {
    "decision": {"APPROVE": 1, "REDUCE": 2, "REJECT": 3, "FLATTEN": 4},
    "reason": {reason["name"]: reason["code"] for reason in risk.reasons()},
    "trading_state": {"ACTIVE": 1, "REDUCE_ONLY": 2, "HALTED": 3, "KILLED": 4},
    "session_state": {"unknown": 0, "pre-open": 1, "open": 2, "break": 3, "closed": 4},
}
NAMES = 12


def market(seed: int, orders: int, prices: int) -> tuple[Columns, Columns]:
    """A day of `NAMES` names: prices that wander and sometimes jump, orders of every kind, also impossible ones."""
    rng = np.random.default_rng(seed)
    price_ts = np.sort(T0 + rng.integers(0, 6 * 3600 * SECOND, prices))
    names = rng.integers(1, NAMES + 1, prices)
    level = np.full(NAMES + 1, 100 * ONE)
    mid = np.empty(prices, dtype=np.int64)
    for index, name in enumerate(names):
        step = rng.normal(0, 0.003) if rng.random() > 0.01 else rng.normal(0, 0.2)
        level[name] = max(10_000, int(level[name] * (1 + step)) // 10_000 * 10_000)
        mid[index] = level[name]
    crossed = rng.random(prices) < 0.02
    spread = np.where(crossed, -10_000, 10_000)
    order_ts = np.sort(T0 + rng.integers(0, 6 * 3600 * SECOND, orders))
    # Some orders come at the moment of a price: the price is known to them.
    order_ts[::7] = rng.choice(price_ts, len(order_ts[::7]))
    order_ts.sort()
    market_order = rng.random(orders) < 0.2
    return (
        {
            "ts_ns": order_ts,
            "order_id": np.cumsum(rng.choice([1, 1, 1, 0], orders)),
            "instrument_id": rng.integers(1, NAMES + 2, orders),
            "side": rng.choice([1, 2, 3], orders, p=[0.6, 0.38, 0.02]),
            "quantity": rng.choice([1, 10, 100, 155, 1_000, 0], orders),
            "limit_price_micro": np.where(market_order, 0, rng.integers(9_000, 11_000, orders) * 10_000),
            "stop_distance_micro": rng.integers(0, 10, orders) * ONE,
            "time_in_force": rng.choice([0, 3], orders),
            "flags": rng.choice([0, 1, 2, 4], orders, p=[0.6, 0.1, 0.28, 0.02]),
            "strategies": rng.integers(0, 4, orders),
        },
        {
            "ts_ns": price_ts,
            "instrument_id": names,
            "bid_micro": mid - spread,
            "ask_micro": mid + spread,
            "last_micro": np.where(rng.random(prices) < 0.5, mid, 0),
        },
    )


def fresh() -> risk.RiskEngine:
    rows = [row(name, sector=f"s{name % 3}", locate=200 * (name % 2)) for name in range(1, NAMES + 1)]
    built = engine(*rows, strategies=("a", "b"))
    built.set_account(1_000_000 * ONE, [(1, 300), (2, -150)])
    return built


def one_by_one(built: risk.RiskEngine, orders: Columns, prices: Columns) -> list[risk.DecisionRow]:
    """The events in the order of their moments, a price before an order of the same one."""
    events = sorted(
        [(int(ts), 0, index) for index, ts in enumerate(prices["ts_ns"])]
        + [(int(ts), 1, index) for index, ts in enumerate(orders["ts_ns"])]
    )
    found = []
    for ts, kind, index in events:
        source = orders if kind else prices
        one = {name: int(values[index]) for name, values in source.items()}
        if kind == 0:
            built.set_price(
                one["instrument_id"],
                bid_micro=one["bid_micro"],
                ask_micro=one["ask_micro"],
                last_micro=one["last_micro"],
                ts_ns=ts,
            )
            continue
        found.append(
            built.decide(
                one["instrument_id"],
                "buy" if one["side"] == 1 else "sell",
                one["quantity"],
                now_ns=ts,
                order_id=one["order_id"],
                limit_price_micro=one["limit_price_micro"] or None,
                stop_distance_micro=one["stop_distance_micro"],
                reduce_only=bool(one["flags"] & 1),
                sell_short=bool(one["flags"] & 2),
                ioc=one["time_in_force"] == 3,
                strategies=[name for bit, name in enumerate(("a", "b")) if one["strategies"] >> bit & 1],
            )
        )
    return found


@pytest.mark.parametrize("seed", range(4))
def test_the_same_as_one_by_one(seed: int) -> None:
    orders, prices = market(seed, 1_500, 4_000)
    # What the keywords cannot say is left to the test below.
    orders["side"] = np.minimum(orders["side"], 2)
    orders["flags"] &= 3
    single, many = fresh(), fresh()
    expected = one_by_one(single, orders, prices)
    found = many.decide_many(orders, prices)
    assert many.state_hash() == single.state_hash()
    assert set(found) == set(expected[0])
    for name, column in found.items():
        assert column.dtype == np.int64
        values = [one[name] for one in expected]  # type: ignore[literal-required]
        if name in CODES:
            values = [CODES[name][value] for value in values]
        if name == "limits_hash":
            column = column.view(np.uint64)
        np.testing.assert_array_equal(column, np.array(values, dtype=column.dtype), err_msg=name)
    # The day was worth comparing: every decision, and more than a handful of reasons.
    assert {1, 2, 3} <= set(found["decision"].tolist())
    assert len(set(found["reason"].tolist())) >= 10


def test_codes_that_are_none_get_their_reject() -> None:
    orders, prices = market(9, 400, 100)
    found = fresh().decide_many(orders, prices)
    reasons = CODES["reason"]
    first_seen = np.r_[True, np.diff(orders["order_id"]) > 0] & (orders["order_id"] > 0)
    bad_flags = first_seen & (orders["flags"] == 4)
    assert bad_flags.any()
    assert (found["reason"][bad_flags] == reasons["MALFORMED"]).all()
    bad_side = first_seen & (orders["side"] == 3) & (orders["flags"] < 4)
    assert bad_side.any()
    assert (found["reason"][bad_side] == reasons["BAD_SIDE"]).all()


def one_order(**changes: list[int]) -> Columns:
    base = {
        "ts_ns": [T0, T0 + 1],
        "instrument_id": [1, 2],
        "side": [1, 1],
        "quantity": [800, 10],
        "limit_price_micro": [100 * ONE, 100 * ONE],
        "stop_distance_micro": [2 * ONE, 2 * ONE],
    }
    return {name: np.array(values, dtype=np.int64) for name, values in (base | changes).items()}


def test_by_hand() -> None:
    built = engine()
    found = built.decide_many(one_order())
    # 5% of a million is 500 shares of 100.
    assert found["approved_quantity"].tolist() == [500, 10]
    assert found["decision"].tolist() == [2, 1]
    assert found["reason"].tolist() == [CODES["reason"]["INSTRUMENT_LIMIT"], 0]
    assert found["order_id"].tolist() == [1, 2]
    assert built.working() == {1: 500, 2: 10}
    # A price that comes with the second order is known to it: a limit of 100 is then 10% away.
    prices = {"ts_ns": [T0 + 2], "instrument_id": [2], "last_micro": [110 * ONE]}
    columns = {name: np.array(values, dtype=np.int64) for name, values in prices.items()}
    late = built.decide_many(one_order(ts_ns=[T0 + 1, T0 + 2], quantity=[0, 10]), columns)
    assert late["reason"].tolist() == [CODES["reason"]["BAD_QUANTITY"], CODES["reason"]["COLLAR"]]
    assert late["reference_price_micro"].tolist() == [100 * ONE, 110 * ONE]


def test_an_empty_day() -> None:
    nothing = {name: np.array([], dtype=np.int64) for name in ("ts_ns", "instrument_id", "side", "quantity")}
    found = engine().decide_many(nothing)
    assert all(column.shape == (0,) for column in found.values())


def test_the_message_rate_counts_its_own_clock() -> None:
    built = engine(message_rate=1)
    # The same moment twice is one second; by its own clock the second order comes a second later.
    assert built.decide_many(one_order(ts_ns=[T0, T0]))["reason"][1] == CODES["reason"]["RATE_THROTTLE"]
    built = engine(message_rate=1)
    spaced = one_order(ts_ns=[T0, T0], monotonic_ns=[5, 5 + SECOND])
    assert built.decide_many(spaced)["reason"][1] == 0


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"price": [1, 1]}, ValueError, "orders have a column 'price' that nothing reads"),
        ({"quantity": [1]}, ValueError, "column 'quantity' of orders has 1 rows and 'ts_ns' has 2"),
        ({"ts_ns": [T0 + 1, T0]}, ValueError, "row 1 of orders is earlier than the one before it"),
        ({"side": [1, 300]}, ValueError, "row 1 of orders has side 300: give a code from 0 to 255"),
        ({"flags": [-1, 0]}, ValueError, "row 0 of orders has flags -1"),
        ({"instrument_id": [1, -2]}, ValueError, "row 1 of orders has instrument_id -2: give a positive"),
    ],
)
def test_rows_at_fault_are_named_and_nothing_is_applied(
    changes: dict[str, list[int]], error: type[Exception], says: str
) -> None:
    built = engine()
    before = built.state_hash()
    with pytest.raises(error, match=says):
        built.decide_many(one_order(**changes))
    assert built.state_hash() == before


def test_columns_of_another_type_or_missing_are_named() -> None:
    built = engine()
    before = built.state_hash()
    floats = one_order() | {"quantity": np.array([1.0, 2.0])}
    with pytest.raises(TypeError, match="column 'quantity' of orders is no one-dimensional int64 array"):
        built.decide_many(floats)
    with pytest.raises(TypeError, match="column 'quantity'"):
        built.decide_many(one_order() | {"quantity": np.ones((2, 1), dtype=np.int64)})
    without = one_order()
    del without["side"]
    with pytest.raises(ValueError, match="orders have no column 'side'"):
        built.decide_many(without)
    prices = {"ts_ns": [T0, T0], "instrument_id": [1, 77], "last_micro": [ONE, ONE]}
    columns = {name: np.array(values, dtype=np.int64) for name, values in prices.items()}
    with pytest.raises(ValueError, match="row 1 of prices names instrument 77: it is not in the reference"):
        built.decide_many(one_order(), columns)
    assert built.state_hash() == before


def test_every_second_element_of_an_array_is_an_array_too() -> None:
    doubled = {name: np.repeat(values, 2)[::2] for name, values in one_order().items()}
    assert engine().decide_many(doubled)["approved_quantity"].tolist() == [500, 10]


def test_a_decision_says_everything_it_was_made_on() -> None:
    built = engine()
    built.set_price(1, bid_micro=99 * ONE, ask_micro=101 * ONE, last_micro=100 * ONE, ts_ns=T0 + 5)
    decision = built.decide(
        1, "buy", 100, now_ns=T0 + 6, limit_price_micro=101 * ONE, stop_distance_micro=2 * ONE
    )
    assert outcome(decision) == ("APPROVE", "NONE", 100)
    expected = {
        "trading_state": "ACTIVE",
        "session_state": "open",
        "venue_up": True,
        "position": 0,
        "working_buys": 100,
        "working_sells": 0,
        "traded": 0,
        "bid_micro": 99 * ONE,
        "ask_micro": 101 * ONE,
        "last_micro": 100 * ONE,
        "price_ts_ns": T0 + 5,
        # The reference price less the distance; at risk are five volatilities of 2%, which is more.
        "stop_level_micro": 98 * ONE,
        "risk_per_share_micro": 10 * ONE,
        "cash_micro": 1_000_000 * ONE,
        "second_equity_micro": 1_000_000 * ONE,
        "baseline_micro": 1_000_000 * ONE,
        "flows_micro": 0,
        "drawdown_bp": 0,
        "issuer_exposure_micro": 10_100 * ONE,
        "sector_exposure_micro": 10_100 * ONE,
        "gross_exposure_micro": 10_100 * ONE,
        "net_long_micro": 10_100 * ONE,
        "net_short_micro": 0,
        # A million over 1.005, rounded down to a millionth, less what is reserved.
        "buying_power_micro": 995_024_875_621 - 10_100 * ONE,
        "working_orders": 1,
    }
    assert {name: decision[name] for name in expected} == expected  # type: ignore[literal-required]
    assert decision["limits_hash"] == int.from_bytes(bytes.fromhex(risk.limits()["hash"])[:8], "little")
    assert built.state()["session"] == SESSION
