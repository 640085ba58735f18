"""Write golden.jsonl.gz: a day as Python's RiskEngine decides it, event by event, for the test of the Go wrapper.

Run it from the repository's root after a change of the engine::

    .venv/bin/python execution/internal/riskengine/testdata/golden.py

The first line is the reference file; every other is ``[event, arguments..., results..., hash]``, the state's hash cut to
16 digits.
"""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

from dnalyaw._native import risk

ONE, SECOND = 1_000_000, 1_000_000_000
T0 = 1_795_012_200_000_000_000
SESSION = 20261123
NAMES = range(1, 9)
CODES = {
    "decision": {"APPROVE": 1, "REDUCE": 2, "REJECT": 3, "FLATTEN": 4},
    "reason": {reason["name"]: reason["code"] for reason in risk.reasons()},
    "trading_state": {"ACTIVE": 1, "REDUCE_ONLY": 2, "HALTED": 3, "KILLED": 4},
    "session_state": {"unknown": 0, "pre-open": 1, "open": 2, "break": 3, "closed": 4},
}
# The order in which the Go test reads a decision.
FIELDS = [
    "order_id", "instrument_id", "decision", "reason", "requested_quantity", "approved_quantity", "reference_price_micro",
    "equity_micro", "instrument_worst_case_micro", "binding_limit", "limits_hash", "trading_state", "session_state",
    "venue_up", "position", "working_buys", "working_sells", "traded", "bid_micro", "ask_micro", "last_micro", "price_ts_ns",
    "stop_level_micro", "risk_per_share_micro", "cash_micro", "second_equity_micro", "baseline_micro", "flows_micro",
    "drawdown_bp",
    "issuer_exposure_micro", "sector_exposure_micro", "gross_exposure_micro", "net_long_micro", "net_short_micro",
    "buying_power_micro", "working_orders",
]  # fmt: skip


def instrument(number: int) -> dict[str, Any]:
    return {
        "instrument_id": number,
        "issuer_id": 1 if number == 2 else number,
        "label": f"N{number}.{'NYSE' if number % 2 else 'NASDAQ'}",
        "symbol": f"N{number}",
        "sector": None if number % 4 == 0 else f"s{number % 4}",
        "lot": 100 if number == 7 else 1,
        "tick_micro": 10_000,
        "currency": "USD",
        "tradable": True,
        "restricted": number == 8,
        "volatility_bp": 150,
        "gap_bp": 400,
        "adv": 2_000_000,
        "locate": 900 if number % 3 == 0 else 0,
        "close_micro": 100 * ONE,
    }


def codes(decision: Any) -> list[int]:
    return [int(CODES[name][decision[name]] if name in CODES else decision[name]) for name in FIELDS]


class Day:
    """Events in Python's engine, written down with what came of them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.reference = [instrument(number) for number in NAMES]
        self.engine = risk.RiskEngine(self.reference, strategies=("alpha", "beta"))  # type: ignore[arg-type]
        self.now = T0
        self.price = dict.fromkeys(NAMES, 100 * ONE)
        self.cash = 2_000_000 * ONE
        self.held = {3: 400, 6: -300}
        self.side: dict[int, tuple[int, str]] = {}
        self.renamed: set[int] = set()
        self.lines: list[list[Any]] = []

    def write(self, *line: Any) -> None:
        self.lines.append([*line, self.engine.state_hash()[:16]])

    def account(self) -> None:
        positions = sorted((number, held) for number, held in self.held.items() if held)
        self.engine.set_account(self.cash, positions)
        self.write("account", self.cash, positions)

    def quote(self, number: int) -> None:
        step = 2_600 if self.random.random() < 0.01 else 60
        moved = self.price[number] * (10_000 + self.random.randint(-step, step)) // 10_000
        px = self.price[number] = max(ONE, moved // 10_000 * 10_000)
        spread = self.random.choice([10_000, 20_000, 20_000, -10_000])
        last = px if self.random.random() < 0.5 else 0
        quote = {"bid_micro": px - spread, "ask_micro": px + spread, "last_micro": last}
        self.engine.set_price(number, **quote, ts_ns=self.now)
        self.write("quote", number, *quote.values(), self.now)

    def order(self) -> dict[str, Any]:
        number = self.random.randint(1, 9)
        px = self.price.get(number, 100 * ONE)
        side = self.random.choice(["buy", "buy", "sell"])
        limit = px + self.random.randint(-500, 500) * 10_000
        return {
            "instrument_id": number,
            "side": side,
            "quantity": self.random.choice([1, 10, 50, 100, 300, 800, 5_000, 0]),
            "limit_price_micro": None if self.random.random() < 0.2 else limit,
            "stop_distance_micro": self.random.choice([0, ONE, 2 * ONE, 5 * ONE]),
            "sell_short": side == "sell" and self.held.get(number, 0) <= 0,
            "reduce_only": self.random.random() < 0.05,
            "ioc": self.random.random() < 0.2,
            "strategies": self.random.choice([["alpha"], ["beta"], ["alpha", "beta"], []]),
        }

    def plain(self, order: dict[str, Any], order_id: int) -> list[int]:
        return [
            order_id,
            order["instrument_id"],
            order["quantity"],
            order["limit_price_micro"] or 0,
            order["stop_distance_micro"],
            sum({"alpha": 1, "beta": 2}[name] for name in order["strategies"]),
            {"buy": 1, "sell": 2}[order["side"]],
            1 if order["limit_price_micro"] is None else 2,
            3 if order["ioc"] else 0,
            order["reduce_only"] + 2 * order["sell_short"],
        ]

    def took(self, order: dict[str, Any], decision: Any) -> None:
        if decision["approved_quantity"]:
            self.side[decision["order_id"]] = (order["instrument_id"], order["side"])

    def decide(self) -> None:
        order = self.order()
        decision = self.engine.decide(**order, now_ns=self.now)
        self.took(order, decision)
        self.write("decide", self.now, self.plain(order, decision["order_id"]), codes(decision))

    def linked(self) -> None:
        legs = [self.order() for _ in range(self.random.randint(2, 3))]
        decisions = self.engine.decide_linked(legs, now_ns=self.now)  # type: ignore[arg-type]
        for leg, decision in zip(legs, decisions, strict=True):
            self.took(leg, decision)
        plain = [self.plain(leg, decision["order_id"]) for leg, decision in zip(legs, decisions, strict=True)]
        self.write("linked", self.now, plain, [codes(decision) for decision in decisions])

    def pick(self) -> tuple[int, int] | None:
        working = sorted(self.engine.working().items())
        return self.random.choice(working) if working else None

    def replace(self) -> None:
        picked = self.pick()
        # The desk names an order by its first id, Python by its last: one that was modified is not modified again.
        if picked is None or picked[0] in self.renamed:
            return
        order_id, left = picked
        number, _ = self.side[order_id]
        quantity = max(1, left + self.random.randint(-20, 60))
        limit = self.price[number] + self.random.randint(-300, 300) * 10_000
        decision = self.engine.decide_replace(order_id, quantity, now_ns=self.now, limit_price_micro=limit)
        plain = [decision["order_id"], order_id, quantity, limit, 0]
        self.write("replace", self.now, plain, codes(decision))
        if not decision["approved_quantity"]:
            return
        if self.random.random() < 0.3:
            self.engine.replaced(order_id)
            self.write("answered", order_id, 5)
            self.renamed.add(decision["order_id"])
            self.side[decision["order_id"]] = self.side.pop(order_id)
        else:
            self.engine.replace_refused(order_id)
            self.write("answered", order_id, 65)

    def fill(self) -> None:
        picked = self.pick()
        if picked is None:
            return
        order_id, left = picked
        number, side = self.side[order_id]
        quantity = self.random.choice([left, self.random.randint(1, left)])
        self.filled(order_id, number, side, quantity, left - quantity)

    def filled(self, order_id: int, number: int, side: str, quantity: int, left: int) -> None:
        px, fee = self.price[number], quantity * 5_000
        change = self.engine.fill(order_id, quantity, px, fee_micro=fee)
        self.held[number] = self.held.get(number, 0) + change
        self.cash -= change * px + fee
        self.write("fill", order_id, number, quantity, px, left, fee, change)
        if left == 0:
            self.side.pop(order_id)

    def cancel(self) -> None:
        picked = self.pick()
        if picked is not None:
            self.engine.cancel(picked[0])
            self.side.pop(picked[0])
            self.write("cancelled", picked[0])

    def flow(self) -> None:
        amount = self.random.randint(-9_000, 9_000) * ONE
        self.engine.expect_flow(amount)
        self.write("flow", amount)
        self.cash += amount
        self.engine.set_cash(self.cash)
        self.write("cash", self.cash)

    def halt(self) -> None:
        what = self.random.choice(["all", "instrument", "venue", "strategy"])
        on = self.random.random() < (0.1 if what == "all" else 0.4)
        if what == "all":
            self.engine.halt(on)
        elif what == "instrument":
            self.engine.halt_instrument(5, on)
        elif what == "venue":
            self.engine.halt_venue("NYSE", on)
        else:
            self.engine.halt_strategies(["beta"] if on else [])
        self.write("halt", what, on)

    def settle(self) -> None:
        """What a stop or the switch wants: all of it filled at once, so that no pause differs."""
        wanted = self.engine.flatten(self.now)
        if wanted is None:
            # It moved the clock all the same.
            self.write("clock", self.now)
            return
        closes = []
        for close in wanted["closes"]:
            self.side[close["order_id"]] = (close["instrument_id"], close["side"])
            closes.append([close["limit_price_micro"], codes(close)])
        self.write("settle", self.now, wanted["cancels"], closes)
        for order_id in wanted["cancels"]:
            self.engine.cancel(order_id)
            self.side.pop(order_id, None)
            self.write("cancelled", order_id)
        for close in wanted["closes"]:
            if close["approved_quantity"]:
                number, side = self.side[close["order_id"]]
                self.filled(close["order_id"], number, side, close["approved_quantity"], 0)

    def play(self, steps: int) -> None:
        self.engine.set_session(SESSION)
        self.write("session", 2)
        self.account()
        for number in NAMES:
            self.quote(number)
        events = [
            (self.decide, 34), (self.linked, 4), (self.replace, 8), (self.fill, 16), (self.cancel, 6), (self.flow, 1),
            (self.halt, 1),
        ]  # fmt: skip
        moves, weights = zip(*events, strict=True)
        for _ in range(steps):
            self.now += self.random.choice([0, 1, SECOND // 4, 2 * SECOND, 10 * SECOND])
            if self.random.random() < 0.3:
                self.quote(self.random.choice(NAMES))
            else:
                self.random.choices(moves, weights)[0]()
            self.settle()

    def end(self) -> None:
        """Everything off, then the switch."""
        while (working := sorted(self.engine.working())) != []:
            self.engine.cancel(working[0])
            self.write("cancelled", working[0])
        self.engine.kill()
        self.write("kill", self.now)
        self.account()
        self.settle()
        assert not self.engine.positions()


def main() -> None:
    day = Day(4)
    day.play(2_000)
    day.end()
    file = {
        "region": "US",
        "session": "2026-11-23",
        "currency": "USD",
        "generated_at": None,
        "strategies": ["alpha", "beta"],
        "instruments": day.reference,
    }
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in [file, *day.lines])
    path = Path(__file__).with_name("golden.jsonl.gz")
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    seen: dict[str, int] = {}
    reasons: dict[int, int] = {}
    for line in day.lines:
        seen[line[0]] = seen.get(line[0], 0) + 1
        if line[0] == "decide":
            reasons[line[3][3]] = reasons.get(line[3][3], 0) + 1
    print(path.stat().st_size, "bytes", seen, dict(sorted(reasons.items())))  # noqa: T201


if __name__ == "__main__":
    main()
