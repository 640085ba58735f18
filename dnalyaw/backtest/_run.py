"""`run_backtest`: checks what it is given, simulates, and works out the figures."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from math import sqrt

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dnalyaw.backtest._costs import CostModel
from dnalyaw.backtest._engine import REASONS, Plan, Simulation, simulate
from dnalyaw.backtest._errors import BacktestError
from dnalyaw.backtest._findings import review
from dnalyaw.backtest._panel import Floats, PricePanel
from dnalyaw.backtest._result import BacktestResult
from dnalyaw.backtest._statistics import moments, sharpe_ratio

_TOLERANCE = 1e-9


def run_backtest(
    weights: pl.DataFrame,
    prices: pl.DataFrame | PricePanel,
    costs: CostModel | None = None,
    initial_cash: float = 1_000_000.0,
    *,
    rebalance_sessions: Iterable[date] | None = None,
    use_stops: bool = False,
    periods_per_year: float = 252.0,
) -> BacktestResult:
    """Simulate target weights: decided after session t's close, traded at the open of t + 1.

    Parameters
    ----------
    weights : polars.DataFrame
        ``session, instrument_id, weight`` and, for `use_stops`, ``stop_distance`` (currency per raw share).
        Weights are fractions of equity in [0, 1], their sum a session at most 1; the rest is cash. A name
        absent from a rebalance session is sold. A session with one row of weight 0 goes to cash.
    prices : polars.DataFrame or PricePanel
        See `PricePanel.from_frame`.
    costs : CostModel or None
        None takes the US defaults.
    initial_cash : float
        Currency of the prices.
    rebalance_sessions : iterable of date or None
        Sessions that rebalance even where `weights` holds no row of them; None takes those in `weights`.
    use_stops : bool
        Sell a name when the raw low reaches its stop; a gap through it fills at the open.
    periods_per_year : float
        Sessions a year, for annual figures.

    Returns
    -------
    BacktestResult

    Raises
    ------
    BacktestError
        Weights not finite, negative, above 1 in sum, repeated, on a session without prices or for an
        instrument without prices; prices as in `PricePanel.from_frame`.
    """
    panel = prices if isinstance(prices, PricePanel) else PricePanel.from_frame(prices)
    model = costs or CostModel()
    if not (np.isfinite(initial_cash) and initial_cash > 0):
        raise BacktestError(f"initial cash must be finite and positive, got {initial_cash}")
    plan, pending = _plan(weights, panel, rebalance_sessions, use_stops)
    sim = simulate(panel, plan, model, float(initial_cash))
    curve = _curve(panel, plan, sim)
    orders = _orders(panel, sim)
    skipped = pl.DataFrame(
        {
            "session": panel.sessions[[row for row, _ in sim.skipped]].astype("datetime64[D]"),
            "instrument_id": panel.ids[[col for _, col in sim.skipped]],
        },
        schema={"session": pl.Date, "instrument_id": pl.Int64},
    )
    stats = _stats(curve, orders, sim, periods_per_year)
    held = np.flatnonzero(sim.units)
    last_value = panel.valuation[-1, held] * sim.units[held]
    return BacktestResult(
        curve=curve,
        orders=orders,
        skipped=skipped,
        holdings=pl.DataFrame(
            {"instrument_id": panel.ids[held], "weight": last_value / sim.equity[-1]},
            schema={"instrument_id": pl.Int64, "weight": pl.Float64},
        ),
        per_year=_per_year(curve, periods_per_year),
        stats=stats,
        pending=pending,
        findings=review(stats),
        costs=model,
        currency=panel.currency,
    )


def _plan(
    weights: pl.DataFrame, panel: PricePanel, rebalance_sessions: Iterable[date] | None, use_stops: bool
) -> tuple[Plan, tuple[date, ...]]:
    needed = ["session", "instrument_id", "weight"] + (["stop_distance"] if use_stops else [])
    missing = [name for name in needed if name not in weights.columns]
    if missing:
        raise BacktestError(f"weights have no column {', '.join(missing)}; they need {', '.join(needed)}")
    if use_stops and not np.isfinite(panel.low[np.isfinite(panel.close)]).all():
        raise BacktestError("stops need the low of every bar; give prices with lows or run without stops")
    if weights.null_count().select(pl.sum_horizontal(*needed[:3])).item():
        raise BacktestError(
            "weights have rows with a null session, instrument or weight; drop or repair them"
        )
    frame = weights.sort("session", "instrument_id")
    _refuse_bad_weights(frame)
    asked = {*frame["session"].unique().to_list(), *(rebalance_sessions or ())}
    if not asked:
        raise BacktestError("weights are empty: there is nothing to simulate")
    decisions = sorted(asked)
    rows = np.array([panel.row_of(day) for day in decisions], dtype=np.int64)
    cols = panel.columns_of(frame["instrument_id"].to_numpy())
    place = np.searchsorted(
        np.array(decisions, dtype="datetime64[D]"), frame["session"].to_numpy().astype("datetime64[D]")
    )
    shape = (len(decisions), len(panel.ids))
    wide = np.zeros(shape)
    wide[place, cols] = frame["weight"].to_numpy()
    stops: Floats | None = None
    if use_stops:
        stops = np.full(shape, np.nan)
        stops[place, cols] = frame["stop_distance"].cast(pl.Float64).fill_null(np.nan).to_numpy()
        with np.errstate(invalid="ignore"):
            if ((stops <= 0) | np.isinf(stops)).any():
                raise BacktestError(
                    "stop distances must be finite and above 0 currency per share; null is no stop"
                )
    trades = rows + 1 < len(panel.sessions)
    pending = tuple(day for day, ok in zip(decisions, trades, strict=True) if not ok)
    return (
        Plan(int(rows[0]), rows[trades] + 1, wide[trades], None if stops is None else stops[trades]),
        pending,
    )


def _refuse_bad_weights(frame: pl.DataFrame) -> None:
    bad = frame.filter(~pl.col("weight").is_finite() | (pl.col("weight") < 0))
    if bad.height:
        row = bad.row(0, named=True)
        raise BacktestError(
            f"weight of instrument {row['instrument_id']} on {row['session']} is {row['weight']} "
            f"({bad.height} such rows); weights are finite and not negative"
        )
    twice = frame.filter(pl.struct("session", "instrument_id").is_duplicated())
    if twice.height:
        row = twice.row(0, named=True)
        raise BacktestError(
            f"instrument {row['instrument_id']} has several weights on {row['session']}; give one"
        )
    over = frame.group_by("session").agg(pl.col("weight").sum()).filter(pl.col("weight") > 1 + _TOLERANCE)
    if over.height:
        row = over.sort("session").row(0, named=True)
        raise BacktestError(
            f"weights on {row['session']} add up to {row['weight']:.6f} ({over.height} such sessions); at "
            f"most 1"
        )


def _curve(panel: PricePanel, plan: Plan, sim: Simulation) -> pl.DataFrame:
    net = sim.equity / sim.base - 1.0
    gross = net + sim.cost / sim.base
    peak = np.maximum.accumulate(sim.equity)
    return pl.DataFrame(
        {
            "session": panel.sessions[plan.start_row :],
            "equity": sim.equity,
            "cash": sim.cash,
            "exposure": 1.0 - sim.cash / sim.equity,
            "net_return": net,
            "gross_return": gross,
            "gross_equity": sim.base[0] * np.cumprod(1.0 + gross),
            "drawdown": sim.equity / peak - 1.0,
            "turnover": sim.traded / sim.base,
            "cost": sim.cost,
        }
    ).with_columns(pl.col("session").cast(pl.Date))


def _orders(panel: PricePanel, sim: Simulation) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "session": panel.sessions[sim.order_row],
            "instrument_id": panel.ids[sim.order_col],
            "reason": np.array(REASONS, dtype=object)[sim.order_reason].tolist(),
            "units": sim.order_units,
            "adj_price": sim.order_price,
            "value": sim.order_value,
            "spread_cost": sim.order_spread,
            "fee_cost": sim.order_fee,
            "impact_cost": sim.order_impact,
        },
        schema={
            "session": pl.Date,
            "instrument_id": pl.Int64,
            "reason": pl.String,
            **dict.fromkeys(
                ("units", "adj_price", "value", "spread_cost", "fee_cost", "impact_cost"), pl.Float64
            ),
        },
    )


def _stats(
    curve: pl.DataFrame, orders: pl.DataFrame, sim: Simulation, periods_per_year: float
) -> dict[str, float]:
    net = curve["net_return"].to_numpy()[1:]
    gross = curve["gross_return"].to_numpy()[1:]
    count = len(net)
    years = max(count, 1) / periods_per_year
    total = float(sim.equity[-1] / sim.base[0])
    drawdown = curve["drawdown"].to_numpy()
    traded = float(sim.traded.sum())
    volatility = float(net.std(ddof=1)) * sqrt(periods_per_year) if count > 1 else 0.0
    downside = sqrt(float((np.minimum(net, 0.0) ** 2).mean())) if count else 0.0
    skew, kurtosis = moments(net)
    growth = _growth(total, years)
    worst = float(drawdown.min())
    return {
        "sessions": float(count),
        "years": years,
        "total_return": total - 1.0,
        "cagr": growth,
        "gross_cagr": _growth(float(np.prod(1.0 + gross)), years),
        "volatility": volatility,
        "sharpe": sharpe_ratio(net, periods_per_year),
        "gross_sharpe": sharpe_ratio(gross, periods_per_year),
        "sortino": float(net.mean()) / downside * sqrt(periods_per_year) if downside > 0 else 0.0,
        "skew": skew,
        "kurtosis": kurtosis,
        "max_drawdown": worst,
        "max_drawdown_sessions": float(_longest_drawdown(drawdown)),
        "calmar": growth / -worst if worst < 0 else 0.0,
        "hit_rate": float((net > 0).mean()) if count else 0.0,
        "average_exposure": float(curve["exposure"].to_numpy()[1:].mean()) if count else 0.0,
        "turnover_per_year": float(curve["turnover"].sum()) / years,
        "cost_total": float(sim.cost.sum()),
        "cost_per_year": float((sim.cost / sim.base).sum()) / years,
        "cost_bp_per_turnover": float(sim.cost.sum()) / traded * 1e4 if traded > 0 else 0.0,
        "orders": float(orders.height),
        "stops_hit": float((orders["reason"] == "stop").sum()),
        "delistings": float((orders["reason"] == "delisting").sum()),
        "assumed_delistings": float(len(sim.assumed_delistings)),
        "skipped_orders": float(len(sim.skipped)),
        "final_equity": float(sim.equity[-1]),
    }


def _growth(ratio: float, years: float) -> float:
    return ratio ** (1.0 / years) - 1.0 if ratio > 0 else -1.0


def _longest_drawdown(drawdown: NDArray[np.float64]) -> int:
    longest = current = 0
    for value in drawdown:
        current = current + 1 if value < 0 else 0
        longest = max(longest, current)
    return longest


def _per_year(curve: pl.DataFrame, periods_per_year: float) -> pl.DataFrame:
    rows = []
    for (year,), part in (
        curve.slice(1).with_columns(year=pl.col("session").dt.year()).group_by("year", maintain_order=True)
    ):
        net, gross = part["net_return"].to_numpy(), part["gross_return"].to_numpy()
        path = np.cumprod(np.concatenate([[1.0], 1.0 + net]))
        rows.append(
            {
                "year": int(year),
                "net_return": float(path[-1] - 1.0),
                "gross_return": float(np.prod(1.0 + gross) - 1.0),
                "volatility": float(net.std(ddof=1)) * sqrt(periods_per_year) if len(net) > 1 else 0.0,
                "sharpe": sharpe_ratio(net, periods_per_year),
                "max_drawdown": float((path / np.maximum.accumulate(path)).min() - 1.0),
                "turnover": float(part["turnover"].sum()),
                "cost_bp": float((gross - net).sum()) * 1e4,
            }
        )
    return pl.DataFrame(
        rows,
        schema={
            "year": pl.Int64,
            **dict.fromkeys(
                ("net_return", "gross_return", "volatility", "sharpe", "max_drawdown", "turnover", "cost_bp"),
                pl.Float64,
            ),
        },
    )
