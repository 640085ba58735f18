"""Implementation shortfall of executed orders, split into spread, impact and delay, and fees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import polars as pl

from dnalyaw.calibration._orders import CostError, ExecutedOrder, read_order

__all__ = ["COST_SCHEMA", "CostAnalysis", "CostSummary", "SourceCosts", "analyse_costs"]

COST_SCHEMA: dict[str, pl.DataType] = {
    "order_id": pl.Int64(),
    "instrument_id": pl.Int64(),
    "side": pl.String(),
    "source": pl.String(),
    "requested_qty": pl.Int64(),
    "approved_qty": pl.Int64(),
    "filled_qty": pl.Int64(),
    "fills": pl.Int64(),
    "auction_qty": pl.Int64(),
    "benchmark": pl.String(),
    "arrival_mid": pl.Float64(),
    "average_fill": pl.Float64(),
    "notional": pl.Float64(),
    "spread_cost": pl.Float64(),
    "impact_cost": pl.Float64(),
    "fees": pl.Float64(),
    "shortfall": pl.Float64(),
    "spread_bp": pl.Float64(),
    "impact_bp": pl.Float64(),
    "fee_bp": pl.Float64(),
    "shortfall_bp": pl.Float64(),
}
"""Columns of `CostAnalysis.orders`; prices and money in currency units, bp of the notional at arrival."""

_MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class SourceCosts:
    """Costs of the orders whose prices come from one source; see `CostSummary` for the units.

    Attributes
    ----------
    spread_measured : bool
        False where fills are at prints: a spread was not seen, which is not the same as none.
    """

    source: str
    orders: int
    filled_orders: int
    notional: float
    spread_bp: float | None
    impact_bp: float | None
    fee_bp: float | None
    shortfall_bp: float | None
    spread_measured: bool


@dataclass(frozen=True, slots=True)
class CostSummary:
    """Costs of a session, weighted by notional.

    Attributes
    ----------
    orders, filled_orders, unmeasured_orders : int
        All orders; those with a fill; filled ones with no price at arrival, left out of the basis points.
    requested_qty, approved_qty, filled_qty : int
        Shares, both sides.
    notional : float
        Filled quantity at the arrival price, in currency, measured orders.
    spread_cost, impact_cost, fees, shortfall : float
        In currency; `shortfall` is their sum over measured orders. Positive is money lost.
    all_fees : float
        Fees of every fill, unmeasured orders included, in currency.
    spread_bp, impact_bp, fee_bp, shortfall_bp : float or None
        The same in basis points of `notional`; None where nothing was measured.
    by_source : tuple of SourceCosts
        The same for each source of prices, largest notional first.
    notes : tuple of str
        What the figures do not say, for people.
    """

    orders: int
    filled_orders: int
    unmeasured_orders: int
    requested_qty: int
    approved_qty: int
    filled_qty: int
    notional: float
    spread_cost: float
    impact_cost: float
    fees: float
    shortfall: float
    all_fees: float
    spread_bp: float | None
    impact_bp: float | None
    fee_bp: float | None
    shortfall_bp: float | None
    by_source: tuple[SourceCosts, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CostAnalysis:
    """Costs an order (`COST_SCHEMA`, a row an order, in order of order_id) and in sum."""

    orders: pl.DataFrame
    summary: CostSummary


@dataclass(slots=True)
class _Costs:
    """Exact sums in millionths; fractions because a mid may end in half a millionth."""

    notional: Fraction = Fraction(0)
    spread: Fraction = Fraction(0)
    impact: Fraction = Fraction(0)
    fees: Fraction = Fraction(0)

    def add(self, other: _Costs) -> None:
        self.notional += other.notional
        self.spread += other.spread
        self.impact += other.impact
        self.fees += other.fees

    @property
    def shortfall(self) -> Fraction:
        return self.spread + self.impact + self.fees

    def bp(self, part: Fraction) -> float | None:
        return float(part * 10_000 / self.notional) if self.notional else None


def analyse_costs(orders: Iterable[Any], *, sources: Mapping[int, str] | None = None) -> CostAnalysis:
    """Measure what executed orders cost against the market when they arrived.

    For each fill, in the order's direction: price less the mid at the fill is spread, the mid at the fill
    less the mid at arrival is impact and delay. With fees they sum to the implementation shortfall of what
    was filled; what was not filled is counted in shares, its missed gain or loss is not estimated. A fill at
    an auction print, or with one side of the market absent, shows no spread: all of its price difference is
    impact and delay.

    Parameters
    ----------
    orders : iterable
        What `read_order` takes: `ExecutedOrder`, mappings or `OrderReport` messages. An order_id stands once.
    sources : mapping of int to str, optional
        Source of prices of each instrument_id; what the orders say otherwise.

    Returns
    -------
    CostAnalysis

    Raises
    ------
    CostError
        If an order contradicts itself or stands twice.

    References
    ----------
    Perold, "The Implementation Shortfall: Paper versus Reality", Journal of Portfolio Management, 1988.
    """
    read = sorted((_read(report, sources) for report in orders), key=lambda order: order.order_id)
    for first, second in pairwise(read):
        if first.order_id == second.order_id:
            raise CostError(f"order {first.order_id} stands twice in the report; give each order once")
    total = _Costs()
    groups: dict[str, tuple[_Costs, list[ExecutedOrder]]] = {}
    rows, unmeasured = [], 0
    for order in read:
        benchmark, price = _benchmark(order)
        costs = _measure(order, price) if order.fills and price is not None else None
        unmeasured += bool(order.fills) and costs is None
        group, members = groups.setdefault(order.source, (_Costs(), []))
        members.append(order)
        if costs is not None:
            total.add(costs)
            group.add(costs)
        rows.append(_row(order, benchmark, price, costs))
    return CostAnalysis(
        orders=pl.DataFrame(rows, schema=COST_SCHEMA),
        summary=_summary(read, total, groups, unmeasured),
    )


def _read(report: Any, sources: Mapping[int, str] | None) -> ExecutedOrder:
    order = read_order(report)
    source = (sources or {}).get(order.instrument_id)
    return order if source is None else read_order(order, source)


def _benchmark(order: ExecutedOrder) -> tuple[str, Fraction | None]:
    """Return the price that the order is held against, and its name."""
    if order.arrival_bid_micro > 0 and order.arrival_ask_micro > 0:
        return "arrival mid", Fraction(order.arrival_bid_micro + order.arrival_ask_micro, 2)
    if order.decision_px_micro > 0:
        return "decision price", Fraction(order.decision_px_micro)
    return "none", None


def _measure(order: ExecutedOrder, arrival: Fraction) -> _Costs:
    costs = _Costs(notional=arrival * order.filled_qty)
    for fill in order.fills:
        # Where no spread is seen the fill's own price stands for the mid.
        seen = fill.two_sided and not fill.at_auction
        mid = Fraction(fill.bid_micro + fill.ask_micro, 2) if seen else Fraction(fill.px_micro)
        costs.spread += order.sign * (fill.px_micro - mid) * fill.qty
        costs.impact += order.sign * (mid - arrival) * fill.qty
        costs.fees += fill.fee_micro
    return costs


def _row(
    order: ExecutedOrder, benchmark: str, arrival: Fraction | None, costs: _Costs | None
) -> dict[str, Any]:
    paid = sum(fill.px_micro * fill.qty for fill in order.fills)
    row: dict[str, Any] = {
        "order_id": order.order_id,
        "instrument_id": order.instrument_id,
        "side": order.side,
        "source": order.source,
        "requested_qty": order.requested_qty,
        "approved_qty": order.approved_qty,
        "filled_qty": order.filled_qty,
        "fills": len(order.fills),
        "auction_qty": sum(fill.qty for fill in order.fills if fill.at_auction),
        "benchmark": benchmark,
        "arrival_mid": None if arrival is None else float(arrival / _MICRO),
        "average_fill": float(Fraction(paid, order.filled_qty * _MICRO)) if order.fills else None,
        "fees": float(Fraction(sum(fill.fee_micro for fill in order.fills), _MICRO)),
    }
    if costs is not None:
        parts = {"spread": costs.spread, "impact": costs.impact}
        row |= {f"{name}_cost": float(part / _MICRO) for name, part in parts.items()}
        row |= {
            "notional": float(costs.notional / _MICRO),
            "shortfall": float(costs.shortfall / _MICRO),
            "spread_bp": costs.bp(costs.spread),
            "impact_bp": costs.bp(costs.impact),
            "fee_bp": costs.bp(costs.fees),
            "shortfall_bp": costs.bp(costs.shortfall),
        }
    return {name: row.get(name) for name in COST_SCHEMA}


def _summary(
    orders: list[ExecutedOrder],
    total: _Costs,
    groups: dict[str, tuple[_Costs, list[ExecutedOrder]]],
    unmeasured: int,
) -> CostSummary:
    by_source = tuple(
        SourceCosts(
            source=source,
            orders=len(members),
            filled_orders=sum(bool(o.fills) for o in members),
            notional=float(costs.notional / _MICRO),
            spread_bp=costs.bp(costs.spread) if _spread_seen(members) else None,
            impact_bp=costs.bp(costs.impact),
            fee_bp=costs.bp(costs.fees),
            shortfall_bp=costs.bp(costs.shortfall),
            spread_measured=_spread_seen(members),
        )
        for source, (costs, members) in sorted(groups.items(), key=lambda g: (-g[1][0].notional, g[0]))
    )
    return CostSummary(
        orders=len(orders),
        filled_orders=sum(bool(o.fills) for o in orders),
        unmeasured_orders=unmeasured,
        requested_qty=sum(o.requested_qty for o in orders),
        approved_qty=sum(o.approved_qty for o in orders),
        filled_qty=sum(o.filled_qty for o in orders),
        notional=float(total.notional / _MICRO),
        spread_cost=float(total.spread / _MICRO),
        impact_cost=float(total.impact / _MICRO),
        fees=float(total.fees / _MICRO),
        shortfall=float(total.shortfall / _MICRO),
        all_fees=float(Fraction(sum(f.fee_micro for o in orders for f in o.fills), _MICRO)),
        spread_bp=total.bp(total.spread) if _spread_seen(orders) else None,
        impact_bp=total.bp(total.impact),
        fee_bp=total.bp(total.fees),
        shortfall_bp=total.bp(total.shortfall),
        by_source=by_source,
        notes=_notes(orders, unmeasured),
    )


def _spread_seen(orders: list[ExecutedOrder]) -> bool:
    return any(f.two_sided and not f.at_auction for o in orders for f in o.fills)


def _notes(orders: list[ExecutedOrder], unmeasured: int) -> tuple[str, ...]:
    if not any(order.fills for order in orders):
        return ("No order was filled: there is no cost to measure.",)
    notes = []
    at_print = [o for o in orders if any(f.at_auction for f in o.fills)]
    if at_print:
        named = ", ".join(sorted({o.source for o in at_print}))
        notes.append(
            f"{len(at_print)} orders filled at prints ({named}), which have no spread: "
            "their cost is a lower bound, a real order would have paid a spread and moved the price."
        )
    one_sided = sum(not f.two_sided for o in orders for f in o.fills)
    if one_sided:
        notes.append(
            f"{one_sided} fills had one side of the market: spread and impact cannot be told apart there."
        )
    by_decision = sum(bool(o.fills) and _benchmark(o)[0] == "decision price" for o in orders)
    if by_decision:
        notes.append(
            f"{by_decision} orders had no two-sided market at arrival: held against the decision price."
        )
    if unmeasured:
        notes.append(f"{unmeasured} orders had no price at arrival: left out of the basis points.")
    unfilled = sum(max(o.approved_qty - o.filled_qty, 0) for o in orders)
    if unfilled:
        notes.append(
            f"{unfilled:,} approved shares were not filled; what that cost or saved is not estimated."
        )
    return tuple(notes)
