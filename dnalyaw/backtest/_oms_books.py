"""The account of an OMS backtest, kept again from its fills and corporate actions, and what risk let through."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dnalyaw.backtest._engine import Simulation
from dnalyaw.backtest._errors import BacktestError
from dnalyaw.backtest._oms_decisions import first_orders
from dnalyaw.backtest._oms_files import OmsInput
from dnalyaw.backtest._oms_market import MICRO, Action, micro

REBALANCE, RISK, DELISTING = 0, 1, 2
"""Places in the engine's REASONS; the second is told as ``risk``: a stop of riskd's, or its kill switch."""
DRIFT_BAND = 1_000
"""omsd leaves a difference below one in so many of equity alone unless it closes a position."""


@dataclass(frozen=True, slots=True)
class Fill:
    """What one order-side of a session came to."""

    col: int
    reason: int
    shares: int  # signed
    value_micro: int  # signed
    fee_micro: int


@dataclass
class Books:
    """Account and records, row by row."""

    run: OmsInput
    cash: int
    shares: dict[int, int] = field(default_factory=dict)
    mark: dict[int, int] = field(default_factory=dict)
    positions: list[dict[str, Any]] = field(default_factory=list)
    cuts: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[tuple[int, int]] = field(default_factory=list)
    traded: list[tuple[int, Fill]] = field(default_factory=list)
    sessions: list[dict[str, Any]] = field(default_factory=list)
    ordered: dict[int, dict[int, int]] = field(default_factory=dict)
    """What omsd first asked risk for, signed shares by column, by session number: of sessions of quotes."""

    def apply(self, action: Action, row: int, first: dict[int, int]) -> None:
        """One corporate action, in whole shares and millionths, as docs/simvenue.md has it."""
        held = self.shares.get(action.col, 0)
        if action.kind == "split":
            num, den = action.ratio.numerator, action.ratio.denominator
            whole = held * num // den
            price = first.get(action.col) or self.mark.get(action.col, 0) * den // num
            self.cash += (held * num - whole * den) * price // den
            self._hold(action.col, whole)
            if action.col in self.mark:
                self.mark[action.col] = self.mark[action.col] * den // num
            return
        self.cash += held * action.amount_micro
        if action.kind == "delisting" and held:
            self._hold(action.col, 0)
            self.traded.append((row, Fill(action.col, DELISTING, -held, -held * action.amount_micro, 0)))

    def _hold(self, col: int, shares: int) -> None:
        self.shares[col] = shares
        if not shares:
            del self.shares[col]

    def value(self) -> int:
        return self.cash + sum(held * self.mark.get(col, 0) for col, held in self.shares.items())

    def session(self, row: int, fills: list[Fill], answer: dict[str, Any] | None) -> None:
        """A whole session: actions, what was wanted, what was filled."""
        panel, run = self.run.panel, self.run
        can = panel.tradable[row]
        prices = micro(panel.open[row])
        first = {int(c): int(prices[c]) for c in run.cols if can[c]}
        for action in run.actions.get(row, ()):
            self.apply(action, row, first)
        self.mark.update(first)
        if row in run.quotes:
            # The price that omsd counted at is the market's at the hand-off, which only its orders tell.
            wanted = self.ordered.get(run.number(row), {})
            first = {col: first.get(col) or self.mark.get(col, 0) for col in wanted}
        else:
            wanted = self.wanted(row, first, answer)
        done: dict[int, int] = {}
        for fill in fills:
            self.cash -= fill.value_micro + fill.fee_micro
            self._hold(fill.col, self.shares.get(fill.col, 0) + fill.shares)
            if fill.reason == REBALANCE:
                done[fill.col] = done.get(fill.col, 0) + fill.shares
            self.traded.append((row, fill))
        self.compare(row, wanted, done, first, answer)
        last = micro(panel.close[row])
        self.mark.update({int(c): int(last[c]) for c in run.cols if last[c] > 0})
        self.positions.extend(
            {"session": panel.sessions[row].item(), "instrument_id": int(panel.ids[col]), "shares": held}
            for col, held in sorted(self.shares.items())
        )

    def wanted(self, row: int, first: dict[int, int], answer: dict[str, Any] | None) -> dict[int, int]:
        """Shares that omsd has to trade by its own rule: whole lots of weight times equity, beyond the drift band."""
        asked = self.run.asked(row)
        if asked is None or answer is None:
            return {}
        equity, orders = self.value(), {}
        at = int(np.searchsorted(self.run.plan.trade_rows, row))
        self.skipped.extend(
            (row, int(col))
            for col in self.run.cols
            if int(col) not in first and (col in self.shares or self.run.plan.weights[at, col] > 0)
        )
        for col in {*asked, *(c for c in self.shares if c in first)}:
            lot, held = int(self.run.panel.lot[col]), self.shares.get(col, 0)
            target = max(0, asked.get(col, 0) * equity // (MICRO * first[col])) // lot * lot
            move = target - held
            if move and (target == 0 or abs(move) * first[col] * DRIFT_BAND >= equity):
                orders[col] = move
        return orders

    def compare(
        self,
        row: int,
        wanted: dict[int, int],
        done: dict[int, int],
        first: dict[int, int],
        answer: dict[str, Any] | None,
    ) -> None:
        """Note where less was traded than omsd wanted."""
        if answer is None:
            return
        session, asked_value, cut_value = self.run.panel.sessions[row].item(), 0, 0
        for col, move in sorted(wanted.items()):
            asked_value += abs(move) * first[col]
            # A retry after sells may land a lot beside: only what is short of a lot or more is a cut.
            short = abs(move) - max(0, done.get(col, 0) * (1 if move > 0 else -1))
            if short >= int(self.run.panel.lot[col]):
                cut_value += short * first[col]
                self.cuts.append(
                    {
                        **{"session": session, "instrument_id": int(self.run.panel.ids[col])},
                        **{
                            "wanted": move,
                            "traded": done.get(col, 0),
                            "cut_value": short * first[col] / MICRO,
                        },
                    }
                )
        self.sessions.append(
            {
                **{"session": session, "outcome": answer["outcome"], "message": _message(answer)},
                **{"orders": answer["orders"], "wanted_value": asked_value / MICRO},
                "cut_value": cut_value / MICRO,
            }
        )

    def check(self, row: int, day: dict[str, Any]) -> None:
        """Both accounts must agree to the millionth; anything else is a fault in one of them."""
        mine = (self.cash, self.value(), len(self.shares))
        venue = (day["cash_micro"], day["value_micro"], day["positions"])
        if row in self.run.quotes:
            # The venue marks at the last quote, and pays a split's fraction at the opening's indication.
            if self.run.ratios(row) and abs(mine[0] - venue[0]) <= self._fractions(row):
                self.cash = venue[0]
            mine, venue = (self.cash, 0, mine[2]), (venue[0], 0, venue[2])
        if mine != venue:
            raise BacktestError(
                f"session {self.run.panel.sessions[row]}: fills and actions add up to cash, value and positions {mine}, "
                f"the venue has {venue}; report this with the input (keep=DIR)"
            )

    def _fractions(self, row: int) -> int:
        """The most that the fractions of a row's splits can be worth: a share each, at half as much again."""
        return sum(3 * self.mark.get(col, 0) // 2 for col in self.run.ratios(row))


def _message(answer: dict[str, Any]) -> str:
    faults = [
        f"{f.get('Code') or f.get('code')}: {f.get('Message') or f.get('message')}"
        for f in answer["faults"] or ()
    ]
    return "; ".join(faults) or answer["message"]


def read_output(run: OmsInput, folder: Path) -> tuple[Simulation, Books]:
    """The account at every close, from what `oms-backtest` wrote."""
    fills = _fills(run, folder / "orders.jsonl")
    answers = {row["session"]: row for row in _lines(folder / "handoffs.jsonl")}
    days = list(_lines(folder / "days.jsonl"))
    books = Books(run, run.cash_micro, ordered=first_orders(run, folder))
    span = len(run.rows) + 1
    equity, cash = np.full(span, run.cash_micro / MICRO), np.full(span, run.cash_micro / MICRO)
    if len(days) != len(run.rows):
        raise BacktestError(f"oms-backtest traded {len(days)} of {len(run.rows)} sessions")
    for at, (row, day) in enumerate(zip(run.rows, days, strict=True), 1):
        number = run.number(row)
        books.session(row, fills.get(number, []), answers.get(number))
        books.check(row, day)
        equity[at], cash[at] = day["value_micro"] / MICRO, day["cash_micro"] / MICRO
    return _simulation(run, books, equity, cash), books


def _fills(run: OmsInput, path: Path) -> dict[int, list[Fill]]:
    """Fills of each session by instrument and maker, in the order in which the first of each came."""
    cols = {int(run.panel.ids[col]): int(col) for col in run.cols}
    sums: dict[tuple[int, int, int, int], list[int]] = {}
    for row in _lines(path):
        if row["kind"] != "fill":
            continue
        sign = 1 if row["side"] == "buy" else -1
        reason = RISK if row["cl_ord_id"].startswith(f"{run.region}-K") else REBALANCE
        key = (row["session_number"], cols[row["instrument_id"]], reason, sign)
        total = sums.setdefault(key, [0, 0, 0])
        total[0] += sign * row["qty"]
        total[1] += sign * row["qty"] * row["px"]
        total[2] += row.get("fee", 0)
    found: dict[int, list[Fill]] = {}
    for (session, col, reason, _), (shares, value, fee) in sums.items():
        found.setdefault(session, []).append(Fill(col, reason, shares, value, fee))
    return found


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open() as file:
        for line in file:
            yield json.loads(line)


def _simulation(run: OmsInput, books: Books, equity: np.ndarray, cash: np.ndarray) -> Simulation:
    panel, start = run.panel, run.plan.start_row
    rows = np.array([row for row, _ in books.traded], dtype=np.int64)
    fills = [fill for _, fill in books.traded]
    col = np.array([f.col for f in fills], dtype=np.int64)
    reason = np.array([f.reason for f in fills], dtype=np.int64)
    shares = np.array([f.shares for f in fills], dtype=np.float64)
    value = np.array([f.value_micro for f in fills], dtype=np.float64) / MICRO
    fee = np.array([f.fee_micro for f in fills], dtype=np.float64) / MICRO
    # Adjusted shares of a raw one: as of the session's open, of its last close where there is no open.
    factor = np.ones(len(fills))
    for at, (row, fill) in enumerate(books.traded):
        opened = panel.open[row, fill.col]
        known = np.isfinite(opened)
        last = row if known else int(np.flatnonzero(np.isfinite(panel.close[: row + 1, fill.col]))[-1])
        adjusted, raw = (panel.adj_open, panel.open) if known else (panel.adj_close, panel.close)
        factor[at] = adjusted[last, fill.col] / raw[last, fill.col]
    cost, traded = np.zeros(len(equity)), np.zeros(len(equity))
    np.add.at(cost, rows - start, fee)
    np.add.at(traded, rows - start, np.where(reason == DELISTING, 0.0, np.abs(value)))
    units = np.zeros(len(panel.ids))
    for held, count in books.shares.items():
        last = int(np.flatnonzero(np.isfinite(panel.close[:, held]))[-1])
        units[held] = count * panel.close[last, held] / panel.adj_close[last, held]
    return Simulation(
        equity=equity,
        cash=cash,
        cost=cost,
        traded=traded,
        base=np.concatenate([equity[:1], equity[:-1]]),
        order_row=rows,
        order_col=col,
        order_reason=reason,
        order_units=shares / factor,
        order_price=np.divide(value * factor, shares, out=np.zeros(len(fills)), where=shares != 0),
        order_value=value,
        order_spread=np.zeros(len(fills)),
        order_fee=fee,
        order_impact=np.zeros(len(fills)),
        skipped=books.skipped,
        assumed_delistings=[
            f.col for f in fills if f.reason == DELISTING and not np.isfinite(panel.delisting_price[f.col])
        ],
        units=units,
    )
