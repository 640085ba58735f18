"""The fast engine: it works only at rebalances and multiplies prices between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnalyaw.backtest._costs import CostModel
from dnalyaw.backtest._panel import Floats, PricePanel, average_dollar_volume, daily_volatility

REASONS = ("rebalance", "stop", "delisting")
_REBALANCE, _STOP, _DELISTING = range(3)
# Differences below this fraction of equity are rounding, not orders.
_DUST = 1e-12


@dataclass(frozen=True, eq=False)
class Plan:
    """Checked targets as arrays: R rebalances of N instruments.

    Attributes
    ----------
    start_row : int
        Row of the session on whose close the first decision was made.
    trade_rows : ndarray of int64, shape (R,)
        Row at whose open each rebalance trades, strictly ascending.
    weights : ndarray, shape (R, N)
        Fraction of equity at the open.
    stops : ndarray, shape (R, N), or None
        Stop distance, currency per raw share; NaN is no stop.
    """

    start_row: int
    trade_rows: NDArray[np.int64]
    weights: Floats
    stops: Floats | None


@dataclass(frozen=True, eq=False)
class Simulation:
    """What came out, row by row from ``Plan.start_row``; order arrays are in time order.

    Attributes
    ----------
    equity, cash, cost, traded, base : ndarray, shape (T - start_row,)
        At the close, in currency; `cost` and `traded` (absolute value) are the session's own, `base` is the
        equity the session's turnover refers to (before trading).
    order_row, order_col, order_reason : ndarray of int64, shape (M,)
    order_units, order_price, order_value, order_spread, order_fee, order_impact : ndarray, shape (M,)
        Signed adjusted units, adjusted price, signed value, and the three costs in currency.
    skipped : list of (row, col)
        Orders that could not trade because the name had no open.
    assumed_delistings : list of int
        Columns whose delisting payment was assumed.
    units : ndarray, shape (N,)
        Adjusted units held at the end.
    """

    equity: Floats
    cash: Floats
    cost: Floats
    traded: Floats
    base: Floats
    order_row: NDArray[np.int64]
    order_col: NDArray[np.int64]
    order_reason: NDArray[np.int64]
    order_units: Floats
    order_price: Floats
    order_value: Floats
    order_spread: Floats
    order_fee: Floats
    order_impact: Floats
    skipped: list[tuple[int, int]]
    assumed_delistings: list[int]
    units: Floats


class _Run:
    """State of one simulation; `simulate` drives it from rebalance to rebalance."""

    def __init__(self, panel: PricePanel, plan: Plan, costs: CostModel, initial_cash: float) -> None:
        self.panel, self.plan, self.costs = panel, plan, costs
        total, width = panel.shape
        span = total - plan.start_row
        self.cash = float(initial_cash)
        self.units: Floats = np.zeros(width)
        self.levels: Floats = np.full(width, np.nan)
        self.equity_at: Floats = np.full(span, float(initial_cash))
        self.cash_at: Floats = np.full(span, float(initial_cash))
        self.cost_at: Floats = np.zeros(span)
        self.traded_at: Floats = np.zeros(span)
        self.orders: list[tuple[Floats, ...]] = []
        self.order_keys: list[tuple[int, NDArray[np.int64], int]] = []
        self.skipped: list[tuple[int, int]] = []
        self.assumed: list[int] = []
        self.volatility: Floats | None = None
        self.adv: Floats | None = None

    def record(self, row: int, cols: NDArray[np.int64], units: Floats, price: Floats, reason: int) -> float:
        """Note orders, and return the change in cash: what sells bring less what buys and costs take."""
        value = units * price
        size = np.abs(value)
        free = reason == _DELISTING
        spread = size * (0.0 if free else self.costs.half_spread_bp * 1e-4)
        fee = size * (0.0 if free else self.costs.fee_bp * 1e-4)
        impact = np.zeros_like(size) if free else self.impact(cols, size)
        cost = float(spread.sum() + fee.sum() + impact.sum())
        self.order_keys.append((row, cols, reason))
        self.orders.append((units, price, value, spread, fee, impact))
        at = row - self.plan.start_row
        self.cost_at[at] += cost
        if not free:
            self.traded_at[at] += float(size.sum())
        return -float(value.sum()) - cost

    def impact(self, cols: NDArray[np.int64], size: Floats) -> Floats:
        if self.volatility is None or self.adv is None:
            return np.zeros_like(size)
        return self.costs.impact_cost(size, self.volatility[cols], self.adv[cols])

    def pay_delistings(self, row: int) -> None:
        """Turn held names whose delisting falls on this row's open into cash."""
        for col in np.flatnonzero((self.units != 0.0) & (self.panel.delisting_row == row)):
            self.cash += self.close_out(row, int(col), self.delisting_price(int(col)), _DELISTING)

    def delisting_price(self, col: int) -> float:
        price, assumed = self.panel.delisting_value(col, self.costs.missing_delisting_return)
        if assumed:
            self.assumed.append(col)
        return price

    def close_out(self, row: int, col: int, price: float, reason: int) -> float:
        """Sell all of one column and return the cash it brings."""
        cols = np.array([col])
        units = -self.units[cols]
        self.units[col] = 0.0
        return self.record(row, cols, units, np.array([price]), reason)

    def rebalance(self, index: int) -> None:
        """Trade at the open towards the target weights; sells first, buys cut to the cash there is."""
        panel, row = self.panel, int(self.plan.trade_rows[index])
        weights = self.plan.weights[index]
        price = panel.adj_open[row]
        held = self.units != 0.0
        mark = np.where(np.isfinite(price), price, panel.valuation[row - 1])
        position = np.where(held, self.units * np.where(held, mark, 0.0), 0.0)
        value = self.cash + float(position.sum())
        wanted = weights * value - position
        moves = np.abs(wanted) > _DUST * value
        can = panel.tradable[row]
        self.skipped.extend((row, int(col)) for col in np.flatnonzero(moves & ~can))
        if self.costs.impact > 0.0:
            self.volatility = daily_volatility(panel, row - 1)
            self.adv = average_dollar_volume(panel, row - 1)
        sells = np.flatnonzero(moves & can & (wanted < 0.0))
        buys = np.flatnonzero(moves & can & (wanted > 0.0))
        if sells.size:
            # A full exit sells the exact units, so that no dust of a position stays behind.
            units = np.where(weights[sells] == 0.0, -self.units[sells], wanted[sells] / price[sells])
            self.cash += self.record(row, sells, units, price[sells], _REBALANCE)
            self.units[sells] += units
        if buys.size:
            units = wanted[buys] * self.affordable(buys, wanted[buys]) / price[buys]
            if units[0] > 0.0:
                self.cash += self.record(row, buys, units, price[buys], _REBALANCE)
                self.units[buys] += units
        if self.plan.stops is not None:
            distance = self.plan.stops[index] * (price / panel.open[row])
            reset = can & (self.units > 0.0)
            self.levels = np.where(reset, price - distance, self.levels)

    def affordable(self, cols: NDArray[np.int64], wanted: Floats) -> float:
        """Return the fraction of the wanted buys that cash pays for, costs included."""
        total = float(wanted.sum())
        linear = total * (1.0 + self.costs.linear_rate)
        part = 1.0
        # Impact per unit falls as the order shrinks, so every step stays near the root; it converges in a
        # few.
        for _ in range(60):
            need = linear + float(self.impact(cols, wanted * part).sum()) / part
            step = min(1.0, max(self.cash, 0.0) / need)
            if step == 0.0 or abs(step - part) <= 1e-15:
                return step
            part = step
        return part

    def carry(self, row: int, end: int) -> None:
        """Value the positions at every close of rows [row, end), with stops and delistings on the way."""
        panel, first = self.panel, self.plan.start_row
        held = np.flatnonzero(self.units != 0.0)
        values = panel.valuation[row:end, held] * self.units[held]
        cash = np.full(end - row, self.cash)
        for at, place, price, reason in self.exits(row, end, held):
            col = int(held[place])
            cash[at - row :] += self.close_out(at, col, price, reason)
            values[at - row :, place] = 0.0
        self.cash = float(cash[-1])
        self.cash_at[row - first : end - first] = cash
        self.equity_at[row - first : end - first] = cash + values.sum(axis=1)

    def exits(self, row: int, end: int, held: NDArray[np.int64]) -> list[tuple[int, int, float, int]]:
        """Return (row, place in held, adjusted price, reason) of what leaves on the way, in time order."""
        panel = self.panel
        found: dict[int, tuple[int, int, float, int]] = {}
        if self.plan.stops is not None and held.size:
            level = self.levels[held]
            with np.errstate(invalid="ignore"):
                low = panel.low[row:end, held] * (panel.adj_close[row:end, held] / panel.close[row:end, held])
                hit = low <= level
            for place in np.flatnonzero(hit.any(axis=0)):
                at = row + int(hit[:, place].argmax())
                # A gap through the stop fills at the open, not at the stop.
                price = min(float(level[place]), float(panel.adj_open[at, held[place]]))
                found[int(place)] = (at, int(place), price, _STOP)
        gone = panel.delisting_row[held]
        for place in np.flatnonzero((gone > row) & (gone < end)):
            if int(place) not in found or found[int(place)][0] >= gone[place]:
                price = self.delisting_price(int(held[place]))
                found[int(place)] = (int(gone[place]), int(place), price, _DELISTING)
        return sorted(found.values())


def simulate(panel: PricePanel, plan: Plan, costs: CostModel, initial_cash: float) -> Simulation:
    """Run a plan over a panel.

    Parameters
    ----------
    panel : PricePanel
        T sessions of N instruments.
    plan : Plan
        Checked targets, see `run_backtest`.
    costs : CostModel
    initial_cash : float
        Currency, > 0.

    Returns
    -------
    Simulation
    """
    run = _Run(panel, plan, costs, initial_cash)
    ends = np.append(plan.trade_rows[1:], len(panel.sessions))
    for index, row in enumerate(plan.trade_rows):
        run.pay_delistings(int(row))
        run.rebalance(index)
        run.carry(int(row), int(ends[index]))
    keys, fields = run.order_keys, run.orders
    lengths = [len(cols) for _, cols, _ in keys]
    columns = [
        np.concatenate(part) if keys else np.empty(0)
        for part in (zip(*fields, strict=True) if keys else [()] * 6)
    ]
    base = np.concatenate([[initial_cash], run.equity_at[:-1]])
    return Simulation(
        equity=run.equity_at,
        cash=run.cash_at,
        cost=run.cost_at,
        traded=run.traded_at,
        base=base,
        order_row=np.repeat(np.array([k[0] for k in keys], dtype=np.int64), lengths),
        order_col=np.concatenate([k[1] for k in keys]) if keys else np.empty(0, dtype=np.int64),
        order_reason=np.repeat(np.array([k[2] for k in keys], dtype=np.int64), lengths),
        order_units=columns[0],
        order_price=columns[1],
        order_value=columns[2],
        order_spread=columns[3],
        order_fee=columns[4],
        order_impact=columns[5],
        skipped=run.skipped,
        assumed_delistings=run.assumed,
        units=run.units,
    )
