"""The result of an OMS backtest: the fast engine's figures, and what only the OMS can say."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date

import polars as pl

from dnalyaw.backtest import _run
from dnalyaw.backtest._costs import CostModel
from dnalyaw.backtest._engine import Simulation
from dnalyaw.backtest._findings import review
from dnalyaw.backtest._oms_books import RISK, Books
from dnalyaw.backtest._oms_files import OmsInput
from dnalyaw.backtest._oms_market import MICRO
from dnalyaw.backtest._result import BacktestResult, Finding


@dataclass(frozen=True, eq=False)
class OmsBacktestResult(BacktestResult):
    """`BacktestResult` and what only the OMS can say.

    `orders` has the reason ``risk`` where riskd sold by itself: a stop that was reached, or the kill switch.
    Spread and fees are one charge of the venue and stand under `fee_cost`.

    Attributes
    ----------
    positions : polars.DataFrame
        ``session, instrument_id, shares`` at every close; raw whole shares.
    rebalances : polars.DataFrame
        ``session, outcome, message, orders, wanted_value, cut_value`` of every hand-off: omsd's answer, how many orders
        it planned, what its own rule wanted to trade, and how much of it was not traded, in currency.
    cuts : polars.DataFrame
        ``session, instrument_id, wanted, traded, cut_value``: the orders behind `cut_value`, signed shares.
    decisions : polars.DataFrame
        Every decision of the risk engine: ``session, at, order_id, instrument_id, side, decision, reason, qty, approved,
        price, equity, exposure, limit``. `decision` is APPROVE, REDUCE, REJECT or, where riskd closes by itself, FLATTEN;
        `reason` a name of docs/reasons.md; `price` the one it was made on; `exposure` that of the instrument afterwards,
        `limit` the one that bound, or the instrument's. Prices and money in currency.
    """

    positions: pl.DataFrame
    rebalances: pl.DataFrame
    cuts: pl.DataFrame
    decisions: pl.DataFrame


def oms_result(
    run: OmsInput,
    simulation: Simulation,
    books: Books,
    costs: CostModel,
    pending: tuple[date, ...],
    periods_per_year: float,
    decisions: pl.DataFrame,
) -> OmsBacktestResult:
    """Work out the figures as `run_backtest` does, and the frames and findings of the OMS."""
    panel = run.panel
    curve = _run._curve(panel, run.plan, simulation)
    orders = _run._orders(panel, simulation).with_columns(
        reason=pl.when(pl.Series(simulation.order_reason) == RISK)
        .then(pl.lit("risk"))
        .otherwise(pl.col("reason"))
    )
    stats = _run._stats(curve, orders, simulation, periods_per_year)
    positions = _frame(books.positions, {"session": pl.Date, "instrument_id": pl.Int64, "shares": pl.Int64})
    rebalances = _frame(
        books.sessions,
        {
            **{"session": pl.Date, "outcome": pl.String, "message": pl.String, "orders": pl.Int64},
            **{"wanted_value": pl.Float64, "cut_value": pl.Float64},
        },
    )
    cuts = _frame(
        books.cuts,
        {
            **{"session": pl.Date, "instrument_id": pl.Int64, "wanted": pl.Int64, "traded": pl.Int64},
            "cut_value": pl.Float64,
        },
    )
    wanted = float(rebalances["wanted_value"].sum())
    stats |= {
        "risk_orders": float((orders["reason"] == "risk").sum()),
        "refused_handoffs": float((rebalances["outcome"] == "REFUSED").sum()),
        "cut_of_wanted": float(rebalances["cut_value"].sum()) / wanted if wanted > 0 else 0.0,
    }
    total = simulation.equity[-1]
    held = sorted(books.shares)
    base = BacktestResult(
        curve=curve,
        orders=orders,
        skipped=pl.DataFrame(
            {
                "session": panel.sessions[[row for row, _ in simulation.skipped]].astype("datetime64[D]"),
                "instrument_id": panel.ids[[col for _, col in simulation.skipped]],
            },
            schema={"session": pl.Date, "instrument_id": pl.Int64},
        ),
        holdings=pl.DataFrame(
            {
                "instrument_id": panel.ids[held],
                "weight": [books.shares[c] * books.mark[c] / MICRO / total for c in held],
            },
            schema={"instrument_id": pl.Int64, "weight": pl.Float64},
        ),
        per_year=_run._per_year(curve, periods_per_year),
        stats=stats,
        pending=pending,
        findings=(*review(stats), *_findings(rebalances, stats, costs)),
        costs=costs,
        currency=panel.currency,
    )
    parts = {f.name: getattr(base, f.name) for f in fields(base)}
    return OmsBacktestResult(
        **parts, positions=positions, rebalances=rebalances, cuts=cuts, decisions=decisions
    )


def _frame(rows: list[dict], schema: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    return pl.DataFrame({name: [row[name] for row in rows] for name in schema}, schema=schema)


def _findings(rebalances: pl.DataFrame, stats: dict[str, float], costs: CostModel) -> list[Finding]:
    found = []
    refused = rebalances.filter(pl.col("outcome") == "REFUSED")
    if refused.height:
        row = refused.row(0, named=True)
        found.append(
            Finding(
                "HANDOFFS_REFUSED",
                f"omsd refused {refused.height} of {rebalances.height} hand-offs, first on {row['session']}: "
                f"{row['message']}",
                ("whether the kill switch was thrown before it", "whether the weights are what omsd takes"),
            )
        )
    if stats["risk_orders"]:
        found.append(
            Finding(
                "RISK_SOLD",
                f"riskd closed positions by itself with {stats['risk_orders']:.0f} orders",
                (
                    "the stops of these names",
                    "sessions that lost 5% from their first equity: the kill switch",
                ),
            )
        )
    if stats["cut_of_wanted"] > 0:
        found.append(
            Finding(
                "RISK_CUT",
                f"{stats['cut_of_wanted']:.1%} of the value that was to be traded was not",
                ("result.cuts", "weights above 5% a name, 25% a sector, 1% of equity at risk a trade"),
            )
        )
    if costs.impact > 0:
        found.append(
            Finding(
                "NO_IMPACT",
                "the venue prints the daily open to every order: the cost model's impact was not charged",
                ("the fast engine's impact_cost for these orders",),
            )
        )
    return found
