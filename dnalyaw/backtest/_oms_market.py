"""What every session of an OMS backtest begins with: corporate actions, fees and statistics, from a price panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dnalyaw.backtest._costs import CostModel
from dnalyaw.backtest._errors import BacktestError
from dnalyaw.backtest._panel import Floats, PricePanel, average_dollar_volume, daily_volatility
from dnalyaw.market import AccountActions, account_actions

MICRO = 1_000_000
UNKNOWN_VOLATILITY_BP = 1_000
"""Daily volatility assumed of a name too young to be measured: high, so that risk lets little of it through."""
GAP_SIGMAS = 5
"""Daily volatilities that an overnight gap is taken to be at least: the risk engine's constant of this name."""
GAP_SESSIONS = 252
_KINDS = ("dividend", "split", "delisting")
_FEE_KEYS = ("per_share_micro", "bp_milli", "sell_bp_milli", "min_micro")
_LARGEST_PART = 1_000_000
_SAME_FACTOR = 1e-9


@dataclass(frozen=True, slots=True)
class Action:
    """A corporate action as the venue applies it.

    Attributes
    ----------
    col : int
        Column of the panel.
    kind : str
        dividend, split or delisting; of one day they come in this order, so a dividend is per old share.
    ratio : Fraction
        New shares for one old share; 1 for what is no split.
    amount_micro : int
        Cash a share, millionths of the currency.
    """

    col: int
    kind: str
    ratio: Fraction
    amount_micro: int


def micro(values: Floats) -> NDArray[np.int64]:
    """Currency to whole millionths; 0 for NaN, which is no price."""
    return np.rint(np.nan_to_num(values, nan=0.0) * MICRO).astype(np.int64)


def venue_fees(costs: CostModel, fees: Mapping[str, int] | None) -> dict[str, int]:
    """The venue's fee keys: `fees` where given, else spread and fees of the cost model, in proportion to value."""
    if fees is None:
        return {"bp_milli": round((costs.half_spread_bp + costs.fee_bp) * 1_000)}
    unknown = sorted(set(fees) - set(_FEE_KEYS))
    if unknown:
        raise BacktestError(f"the venue has no fee {', '.join(unknown)}; its fees are {', '.join(_FEE_KEYS)}")
    bad = {name: value for name, value in fees.items() if type(value) is not int or value < 0}
    if bad:
        raise BacktestError(f"fees are whole numbers not below 0, got {bad}")
    return dict(fees)


def actions_by_row(
    panel: PricePanel, cols: NDArray[np.int64], actions: pl.DataFrame | None, costs: CostModel, start: int
) -> dict[int, list[Action]]:
    """Corporate actions of the columns by the row at whose open the venue applies them.

    One between two sessions takes effect on the later, as in `adjust_bars`. Delistings are the panel's, and so are mergers:
    `price_frame` says what they pay. Bonus shares are a split.

    Raises
    ------
    BacktestError
        When the prices are adjusted after row `start` and `actions` does not say for what, or says something that the
        account cannot be told (rights, a spin-off, a merger that the panel does not end).
    """
    wanted = {int(panel.ids[col]): int(col) for col in cols}
    found: dict[int, list[Action]] = {}
    if actions is None:
        _refuse_unexplained(panel, cols, start)
    else:
        missing = [c for c in ("instrument_id", "ex_date", "kind", "ratio", "amount") if c not in actions]
        if missing:
            raise BacktestError(f"actions have no column {', '.join(missing)}; give the feed `actions`")
        told = account_actions(actions.filter(pl.col("instrument_id").is_in(list(wanted))))
        _refuse_inexpressible(panel, wanted, told, start)
        due = told.applied.filter(pl.col("kind").is_in(["split", "dividend"]))
        for row in due.sort("ex_date", "instrument_id", "kind").iter_rows(named=True):
            day = np.datetime64(str(row["ex_date"]), "D")
            at, col = int(np.searchsorted(panel.sessions, day)), wanted[row["instrument_id"]]
            if at < len(panel.sessions):
                found.setdefault(at, []).append(_action(row, col))
    for col in cols:
        at = int(panel.delisting_row[col])
        if at < len(panel.sessions):
            price = _delisting_price(panel, int(col), costs)
            found.setdefault(at, []).append(Action(int(col), "delisting", Fraction(1), round(price * MICRO)))
    for row_actions in found.values():
        row_actions.sort(key=lambda a: (a.col, _KINDS.index(a.kind)))
    return found


def _refuse_inexpressible(
    panel: PricePanel, wanted: Mapping[int, int], told: AccountActions, start: int
) -> None:
    for row in told.inexpressible.sort("ex_date", "instrument_id").iter_rows(named=True):
        at = int(np.searchsorted(panel.sessions, np.datetime64(str(row["ex_date"]), "D")))
        ended = row["kind"] == "merger" and panel.delisting_row[wanted[row["instrument_id"]]] <= at
        # At the first decision's close nobody holds anything yet, and what comes after the last session is not traded.
        if start < at < len(panel.sessions) and not ended:
            raise BacktestError(
                f"{row['kind']} of instrument {row['instrument_id']} on {row['ex_date']}: the account knows splits, "
                f"dividends and delistings and cannot hold what this gives; leave the name out, end the test before, or "
                f"use run_backtest, which reinvests its value"
            )


def _action(row: Mapping[str, object], col: int) -> Action:
    name, ratio, amount = (
        f"instrument {row['instrument_id']} on {row['ex_date']}",
        row["ratio"],
        row["amount"],
    )
    if row["kind"] == "split":
        if not isinstance(ratio, float | int) or not np.isfinite(ratio) or ratio <= 0:
            raise BacktestError(f"split of {name} has the ratio {ratio}; give new shares for one old share")
        whole = Fraction(ratio).limit_denominator(10_000)
        return Action(col, "split", whole.limit_denominator(_LARGEST_PART // max(1, ceil(whole))), 0)
    if not isinstance(amount, float | int) or not np.isfinite(amount) or amount < 0:
        raise BacktestError(f"dividend of {name} is {amount}; give cash a share, not below 0")
    return Action(col, "dividend", Fraction(1), round(amount * MICRO))


def _delisting_price(panel: PricePanel, col: int, costs: CostModel) -> float:
    """Raw cash per share, the last close less the assumed loss where none is recorded."""
    if np.isfinite(panel.delisting_price[col]):
        return float(panel.delisting_price[col])
    last = np.flatnonzero(np.isfinite(panel.close[:, col]))[-1]
    return float(panel.close[last, col] * (1.0 + costs.missing_delisting_return))


def _refuse_unexplained(panel: PricePanel, cols: NDArray[np.int64], start: int) -> None:
    for col in cols:
        rows = np.flatnonzero(np.isfinite(panel.close[:, col]))
        factor = panel.adj_close[rows, col] / panel.close[rows, col]
        moved = np.flatnonzero((np.abs(np.diff(factor)) > _SAME_FACTOR * factor[:-1]) & (rows[1:] > start))
        if moved.size:
            raise BacktestError(
                f"prices of instrument {panel.ids[col]} are adjusted on {panel.sessions[rows[moved[0] + 1]]} for a "
                f"split or dividend that the account has to be paid; give the feed `actions`"
            )


def worst_gaps(panel: PricePanel) -> Floats:
    """Each session's overnight gap of the adjusted price, as an absolute return; NaN where unknown. Shape (T, N)."""
    gaps = np.full(panel.shape, np.nan)
    gaps[1:] = np.abs(panel.adj_open[1:] / panel.valuation[:-1] - 1.0)
    return gaps


@dataclass(frozen=True, eq=False)
class Standing:
    """What is known of the columns before a session's open, as the reference file says it. Arrays of length n."""

    volatility_bp: NDArray[np.int64]
    gap_bp: NDArray[np.int64]
    adv: NDArray[np.int64]
    close_micro: NDArray[np.int64]


def standing(
    panel: PricePanel, gaps: Floats, cols: NDArray[np.int64], row: int, last_close: Floats
) -> Standing:
    """Statistics of the sessions before `row`; `last_close` is raw, on the share basis of `row`. Shape (N,)."""
    volatility = daily_volatility(panel, row - 1)[cols] * 1e4
    volatility = np.where(np.isfinite(volatility), np.maximum(np.rint(volatility), 1), UNKNOWN_VOLATILITY_BP)
    past = gaps[max(0, row - GAP_SESSIONS) : row, cols]
    worst = np.nanmax(np.where(np.isfinite(past), past, 0.0), axis=0, initial=0.0) * 1e4
    adv = average_dollar_volume(panel, row - 1)[cols] / last_close[cols]
    return Standing(
        volatility_bp=volatility.astype(np.int64),
        gap_bp=np.maximum(GAP_SIGMAS * volatility, np.ceil(worst)).astype(np.int64),
        adv=np.nan_to_num(adv, nan=0.0, posinf=0.0).astype(np.int64),
        close_micro=micro(last_close[cols]),
    )
