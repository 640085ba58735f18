"""The OMS agrees with the fast engine where what only the OMS knows does not bind.

30 names of at most 4%, 18% a sector, no impact, stops out of reach, lots of one share, moves at every rebalance well
beyond the drift band. What is left is whole shares. From the open of a rebalance k with prices P, weights w and
equity E the OMS holds n = floor(w E_oms / P) shares and the fast engine x = w E_fast / P, so with e = E_oms - E_fast

    |n - x| <= 1 + w |e_k| / P      and      |e_t| <= |e_k| + sum (1 + w |e_k| / P) |P_t - P_k|

until the next one. A fee in proportion f is paid on trades that differ by both fractions, the old one and the new, so it
adds f sum P (|n - x| + |n' - x'|) to |e|, and a millionth a fill, to which the venue rounds up. The bounds below are
these, summed up along the way; nothing in them is fitted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest

from dnalyaw.backtest import (
    BacktestResult,
    CostModel,
    OmsBacktestResult,
    compare_engines,
    run_backtest,
    run_oms_backtest,
)
from tests.backtest.frames import weight_frame
from tests.backtest.oms_frames import NEEDS_PROGRAM, Market, calm_market, with_dividend, with_split

pytestmark = NEEDS_PROGRAM

SESSIONS, NAMES, FIRST, EVERY, CASH = 75, 30, 25, 5, 10_000_000.0
# Equity is a float of the fast engine: sums of 30 products around 1e7.
ROUNDING = 1e-6


def scheme() -> np.ndarray:
    """Weights by rebalance: 2% and 4% by turns, so every name moves by 2% of equity, twenty drift bands."""
    count = len(range(FIRST, SESSIONS - 1, EVERY))
    return np.array([[0.02 + 0.02 * ((j + k) % 2) for j in range(NAMES)] for k in range(count)])


def wanted(market: Market) -> pl.DataFrame:
    decisions = [market.days[row] for row in range(FIRST, SESSIONS - 1, EVERY)]
    weights = scheme()
    return weight_frame(
        [(day, j + 1, float(weights[k, j])) for k, day in enumerate(decisions) for j in range(NAMES)]
    )


@dataclass(frozen=True)
class Bounds:
    equity: np.ndarray  # a value a session of the curve
    shares: dict[int, np.ndarray]  # by row of a rebalance


def bounds(market: Market, fee: float = 0.0) -> Bounds:
    adjusted_open, adjusted_close = market.open * market.factor, market.close * market.factor
    weights, error = scheme(), 0.0
    equity, shares = np.zeros(SESSIONS - FIRST), {}
    trades = list(range(FIRST + 1, SESSIONS, EVERY))
    before, last = np.zeros(NAMES), FIRST
    for k, row in enumerate(trades):
        end = trades[k + 1] if k + 1 < len(trades) else SESSIONS
        price = market.open[row]
        shares[row] = 1.0 + weights[k] * error / price
        kept = before * market.factor[row] / market.factor[last]
        if fee:
            error += fee * float((price * (shares[row] + kept)).sum()) + NAMES * 1e-6
        before, last = shares[row], row

        def grown(
            adjusted: np.ndarray, row: int = row, error: float = error, part: np.ndarray = shares[row]
        ) -> float:
            move = market.open[row] * np.abs(adjusted / adjusted_open[row] - 1.0)
            return error + float((part * move).sum())

        for t in range(row, end):
            equity[t - FIRST] = grown(adjusted_close[t])
        if end < SESSIONS:
            error = grown(adjusted_open[end])
    return Bounds(equity, shares)


def disagreements(
    market: Market, fast: BacktestResult, oms: OmsBacktestResult, fee: float = 0.0
) -> list[str]:
    """Where the two results are further apart than whole shares explain."""
    limit, found = bounds(market, fee), []
    gap = np.abs((oms.curve["equity"] - fast.curve["equity"]).to_numpy())
    for at in np.flatnonzero(gap > limit.equity + ROUNDING):
        found.append(
            f"equity of {fast.curve['session'][int(at)]}: {gap[at]:.4f} apart, at most {limit.equity[at]:.4f}"
        )
    units = np.zeros(NAMES)
    for row, allowed in limit.shares.items():
        day = market.days[row]
        for order in fast.orders.filter(pl.col("session") == day).iter_rows(named=True):
            units[order["instrument_id"] - 1] += order["units"]
        held = np.zeros(NAMES)
        for position in oms.positions.filter(pl.col("session") == day).iter_rows(named=True):
            held[position["instrument_id"] - 1] = position["shares"]
        off = np.abs(held - units * market.factor[row])
        found += [
            f"shares of {j + 1} on {day}: {off[j]:.4f} apart, at most {allowed[j]:.4f}"
            for j in np.flatnonzero(off > allowed + ROUNDING)
        ]
    return found


def both(
    market: Market, costs: CostModel | None = None, **changed: object
) -> tuple[BacktestResult, OmsBacktestResult]:
    weights, prices, model = wanted(market), market.frame(), costs or CostModel.free()
    fast = run_backtest(weights, prices, model, CASH)
    settings = {"actions": market.actions, **changed}
    return fast, run_oms_backtest(weights, prices, model, CASH, **settings)  # type: ignore[arg-type]


def eventful(seed: int) -> Market:
    """A split between rebalances, one on a rebalance that leaves fractions, a dividend on a rebalance."""
    market = with_split(calm_market(SESSIONS, NAMES, seed), 3, FIRST + 8, 2, 1)
    market = with_split(market, 7, FIRST + 1 + 2 * EVERY, 3, 2)
    return with_dividend(market, 11, FIRST + 1 + 3 * EVERY, 0.85)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    "make", [lambda seed: calm_market(SESSIONS, NAMES, seed), eventful], ids=["calm", "eventful"]
)
def test_the_engines_agree_to_whole_shares(make, seed):
    market = make(seed)
    fast, oms = both(market)
    # Nothing that only the OMS knows took part: every name traded at every rebalance, in full and by omsd alone.
    assert oms.rebalances["outcome"].to_list() == ["ACCEPTED"] * len(scheme())
    assert oms.rebalances["orders"].to_list() == [NAMES] * len(scheme())
    assert oms.cuts.is_empty()
    assert set(oms.orders["reason"]) == {"rebalance"}
    # Orders are told in adjusted shares and prices, as the fast engine's.
    pairs = oms.orders.join(fast.orders, on=["session", "instrument_id"], suffix="_fast")
    assert pairs.height == fast.orders.height
    np.testing.assert_allclose(pairs["adj_price"], pairs["adj_price_fast"], rtol=1e-9)
    np.testing.assert_allclose(pairs["units"] * pairs["adj_price"], pairs["value"], rtol=1e-12)
    assert disagreements(market, fast, oms) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_they_agree_on_spread_and_fees_too(seed):
    """2.5 bp of what is traded: the same money in both, but for what the fractions of shares would have paid."""
    market, costs = eventful(seed), CostModel(half_spread_bp=2.0, fee_bp=0.5, impact=0.0)
    fast, oms = both(market, costs)
    assert oms.cuts.is_empty()
    assert disagreements(market, fast, oms, costs.linear_rate) == []
    # A tenth of a basis point more in one of them is seen.
    fast, dearer = both(market, costs, fees={"bp_milli": 2_600})
    assert disagreements(market, fast, dearer, costs.linear_rate) != []


def test_the_bound_is_tight_enough_to_mean_something():
    """Under a thousandth of a percent of equity at the first close, still under a twentieth of one at the end."""
    limit = bounds(eventful(1)).equity
    assert limit[0] == 0.0
    assert 0.0 < limit[1] < 1e-5 * CASH
    assert limit[-1] < 5e-4 * CASH


def planted(market: Market) -> dict[str, dict[str, object]]:
    kept = market.actions
    return {
        "a fee of one basis point": {"fees": {"bp_milli": 1_000}},
        "half a cent a share": {"fees": {"per_share_micro": 5_000}},
        "a dropped dividend": {"actions": kept.filter(pl.col("kind") != "dividend")},
        "a dividend paid twice over": {
            "actions": kept.with_columns(
                pl.when(pl.col("kind") == "dividend").then(pl.col("amount") * 2).alias("amount")
            )
        },
        "a dropped split": {"actions": kept.filter(pl.col("instrument_id") != 3)},
        "other weights": {"rebalance_sessions": [market.days[FIRST + 2]]},
    }


@pytest.mark.parametrize("fault", list(planted(calm_market(SESSIONS, NAMES, 1))))
def test_a_planted_difference_is_found(fault):
    market = eventful(1)
    fast, oms = both(market, **planted(market)[fault])
    assert disagreements(market, fast, oms) != []


def test_the_table_shows_the_figures_and_the_largest_gap():
    market = calm_market(SESSIONS, NAMES, 4)
    fast, oms = both(market)
    table = compare_engines(fast, oms)
    row = {r["figure"]: r for r in table.iter_rows(named=True)}
    assert row["final_equity"]["oms"] - row["final_equity"]["fast"] == row["final_equity"]["difference"]
    gaps = [abs(a - b) / b for a, b in zip(oms.curve["equity"], fast.curve["equity"], strict=True)]
    assert row["largest_gap"]["difference"] == pytest.approx(max(gaps), rel=1e-12)
