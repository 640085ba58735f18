"""A day's orders through the real riskd and through the engine that research has: the same decisions, to the last number."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dnalyaw._native import risk
from tests.risk.gateway import Gateway
from tests.risk.link import BUY, IOC, LIMIT, MICRO, SELL, Frame, Link
from tests.risk.simulated import NAMES, Simulated, price

pytestmark = pytest.mark.e2e

SESSION = 20261123
CODES = {row["code"]: row["name"] for row in risk.reasons()}
ROUNDS = 15
REDUCE_ONLY, SELL_SHORT = 1, 2
TERMINAL, ENDED_EARLY = {2, 4, 8, 12}, {4, 8, 12}
LOTS, RESTRICTED, THIN, WILD, UNKNOWN_SECTOR = 103, 110, 108, 116, 112
HELD = (101, 104, 105, 107, WILD)
EXPECTED = {
    "NONE", "INSTRUMENT_LIMIT", "TRADE_RISK", "BAD_LOT", "BAD_TICK", "COLLAR", "RESTRICTED", "SHORT_SALE", "REDUCE_ONLY",
    "NO_LOCATE", "REPEATED_ORDER", "DUPLICATE_ID", "UNKNOWN_INSTRUMENT", "BAD_SIDE", "BAD_QUANTITY", "PARTICIPATION",
    "SELF_MATCH",
}  # fmt: skip
"""Reasons that a day without one of them would not have tried."""

Order = dict[str, Any]


def _reference() -> dict[str, Any]:
    changes: dict[int, dict[str, Any]] = {
        LOTS: {"lot": 100},
        RESTRICTED: {"restricted": True},
        THIN: {"adv": 5_000},
        WILD: {"volatility_bp": 500},
        UNKNOWN_SECTOR: {"sector": None},
    }
    content = Simulated.reference()
    content["instruments"] = [
        {**row, "locate": 1_000, **changes.get(row["instrument_id"], {})} for row in content["instruments"]
    ]
    return content


def _order(name: int, side: int, qty: int, away: float, **more: Any) -> Order:
    """A limit order that no quote of the day reaches, with a stop that none reaches: riskd would sell by itself there."""
    worth = round(price(name) * (1 + away) * 100) * (MICRO // 100)
    terms = {"stop_distance": round(price(name) * 0.05 * MICRO), "flags": 0, "type": LIMIT, "tif": 0}
    return {"instrument_id": name, "side": side, "qty": qty, "limit_px": worth, **terms, **more}


def _kinds(rng: random.Random, name: int) -> list[Order]:
    """One of each kind of order that a desk sends, and of those that it should not."""
    qty, down, up = rng.randrange(1, 3_000), -rng.uniform(0.01, 0.045), rng.uniform(0.01, 0.045)
    same = _order(name, BUY, rng.randrange(1, 200), down)
    return [
        _order(name, BUY, qty, down),
        _order(name, BUY, qty + 1, down, stop_distance=0),
        _order(name, BUY, qty + 2, down, tif=IOC),
        _order(name, BUY, qty, down) | {"limit_px": round(price(name) * 0.98) * MICRO + 1},
        _order(LOTS, BUY, rng.choice([100, 250, 77]), down),
        _order(name, BUY, qty, rng.uniform(0.06, 0.3)),
        _order(name, SELL, qty, up),
        _order(name, SELL, qty + 3, up, flags=REDUCE_ONLY),
        _order(name, SELL, qty + 4, up, flags=SELL_SHORT),
        _order(name, SELL, qty, up) | {"side": rng.choice([0, 3])},
        _order(name, BUY, rng.choice([0, -1]), down),
        _order(RESTRICTED, BUY, qty, down),
        _order(THIN, BUY, qty + 600, down),
        {**_order(name, BUY, qty, down), "instrument_id": 999},
        _order(name, BUY, qty + 5, down, again=True),
        # Against the sell that rests all day.
        _order(HELD[0], BUY, qty, 0.049),
        *([same] * 5),
        _order(name, BUY, rng.randrange(1_000_000, 9_000_000), down),
        _order(name, BUY, 10_000_001, down),
    ]


def _day(seed: int, rounds: int) -> list[Order]:
    rng = random.Random(seed)
    orders = [_order(HELD[0], SELL, 1, 0.02, flags=REDUCE_ONLY)]
    for name in rng.sample(sorted(NAMES), rounds):
        kinds = _kinds(rng, name)
        # The repeated ones stay together, and those that leave no room come last; the rest in any order.
        rest, last = kinds[:-7], kinds[-7:]
        rng.shuffle(rest)
        orders += [*rest, *last]
    return orders


class Both:
    """riskd and the engine in process, told the same."""

    def __init__(self, link: Link) -> None:
        self.link = link
        rows: Any = _reference()["instruments"]
        self.engine = risk.RiskEngine(rows)
        self.engine.set_session(SESSION)
        self.prices = {f["instrument_id"]: f for f in link.sync() if f["kind"] == "PRICE"}
        assert set(self.prices) == set(NAMES)
        self.engine.set_cash(link.state()["cash"])
        for name, told in self.prices.items():
            self.engine.set_price(
                name,
                bid_micro=told["bid"],
                ask_micro=told["ask"],
                last_micro=told["last"],
                ts_ns=told["price_ts_ns"],
            )
        self.last = 0

    def decide(self, order: Order) -> tuple[Frame, dict[str, int]]:
        """The same order to both, and what the venue says of it to the one in process."""
        asked = dict(order)
        self.last += 0 if asked.pop("again", False) else 1
        since = len(self.link.frames)
        self.link.send("NEW_ORDER", order_id=self.last, correlation="07" * 16, **asked)
        told = self.link.wait("DECISION", since=since, order_id=self.last)
        row = self._in_process(asked, told["ts_ns"])
        if told["approved_qty"]:
            self._follow(since, asked["tif"] == IOC)
        return told, row

    def _in_process(self, asked: Order, now: int) -> dict[str, int]:
        columns = {
            "ts_ns": now,
            "order_id": self.last,
            "instrument_id": asked["instrument_id"],
            "side": asked["side"],
            "quantity": asked["qty"],
            "limit_price_micro": asked["limit_px"],
            "stop_distance_micro": asked["stop_distance"],
            "time_in_force": asked["tif"],
            "flags": asked["flags"],
        }
        made = self.engine.decide_many({n: np.array([v], dtype=np.int64) for n, v in columns.items()})
        return {name: int(values[0]) for name, values in made.items()}

    def _follow(self, since: int, ends: bool) -> None:
        """Wait until the venue has taken the order, or is done with it, and tell what came."""
        told = self.link.wait_for(
            "the venue's answer",
            lambda f: (
                f["kind"] == "EXEC"
                and f["order_id"] == self.last
                and (not ends or f["exec_type"] in TERMINAL)
            ),
            since,
        )
        for frame in self.link.frames[since : told["at"] + 1]:
            if frame["kind"] == "EXEC" and frame["order_id"] == self.last and frame["last_qty"]:
                self.engine.fill(self.last, frame["last_qty"], frame["last_px"], fee_micro=frame["fee"])
        if told["exec_type"] in ENDED_EARLY:
            self.engine.cancel(self.last)


def _of_riskd(told: Frame) -> tuple[int, ...]:
    names = (
        "decision",
        "reason",
        "approved_qty",
        "reference_px",
        "equity",
        "worst_case",
        "binding_limit",
        "limits_hash",
    )
    return tuple(int(told[name]) for name in names)


def _of_engine(row: dict[str, int]) -> tuple[int, ...]:
    names = (
        "decision", "reason", "approved_quantity", "reference_price_micro", "equity_micro", "instrument_worst_case_micro",
        "binding_limit", "limits_hash",
    )  # fmt: skip
    return tuple(row[name] for name in names)


@pytest.mark.parametrize("seed", [1, 2])
def test_riskd_and_the_engine_in_process_decide_a_days_orders_alike(root: Path, seed: int) -> None:
    # So slow that no quote changes meanwhile.
    venue = Simulated(root / "us", speed=0.2, seed=seed)
    gateway = Gateway(root / "us" / "gate", _reference())
    gateway.address = venue.layout.venue_address
    try:
        venue.start_clock()
        gateway.start()
        link = gateway.link()
        link.wait_open(prices=len(NAMES))
        both = Both(link)
        for name in HELD:
            both.decide(_order(name, BUY, 300, 0.001, tif=IOC))
        assert both.engine.positions() == link.positions() != {}
        filled = len(venue.ledger().positions)
        found: Counter[str] = Counter()
        for number, order in enumerate(_day(seed, ROUNDS)):
            told, row = both.decide(order)
            assert _of_riskd(told) == _of_engine(row), (number, order, told, row)
            found[CODES[told["reason"]]] += 1
        state = both.engine.state()
        assert (state["cash_micro"], state["equity_micro"]) == tuple(
            link.state()[k] for k in ("cash", "equity")
        )
        assert both.engine.positions() == link.positions(), "none of the day's orders filled"
        assert len(venue.ledger().positions) == filled
    finally:
        gateway.stop()
        venue.stop()
    assert sum(found.values()) > 20 * ROUNDS
    assert set(found) >= EXPECTED, found
