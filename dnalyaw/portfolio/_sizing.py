"""How much: half-Kelly for the strategy, R-multiples for each name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite, sqrt

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dnalyaw.portfolio._errors import PortfolioError
from dnalyaw.portfolio._target import MICRO

QuantityFunction = Callable[[int, int, int, int, int], tuple[int, str]]
"""``(equity_micro, price_micro, stop_distance_micro, lot, volatility_bp) -> (shares, reason)``."""


@dataclass(frozen=True)
class KellyConfig:
    """How evidence becomes gross exposure.

    Attributes
    ----------
    fraction : float
        Of the Kelly optimum; a half keeps three quarters of the growth at half the volatility.
    min_sessions : int
        Below so many out-of-sample returns nothing is proved and the floor holds.
    floor : float
        Gross multiplier without evidence: what a paper strategy needs to earn a record; 0 for live capital.
    cap : float
        Largest multiplier, at most 1: strategies are not leveraged.
    """

    fraction: float = 0.5
    min_sessions: int = 126
    floor: float = 0.25
    cap: float = 1.0

    def __post_init__(self) -> None:
        if not (0 < self.fraction <= 1 and 0 <= self.floor <= self.cap <= 1 and self.min_sessions >= 20):
            raise PortfolioError(
                "Kelly: 0 < fraction <= 1, 0 <= floor <= cap <= 1 and min_sessions >= 20 must hold, got "
                f"fraction {self.fraction}, floor {self.floor}, cap {self.cap}, min_sessions "
                f"{self.min_sessions}"
            )

    @classmethod
    def for_stage(cls, stage: str) -> KellyConfig:
        """Return the defaults of a stage: only what is not yet live has a floor."""
        return cls(floor=0.0) if stage == "live" else cls()


@dataclass(frozen=True)
class KellySize:
    """Half-Kelly of a strategy and how it came about.

    Attributes
    ----------
    gross : float
        Multiplier of the strategy's weights, in [floor, cap].
    full : float
        Unshrunk optimum, mean over variance.
    shrinkage : float
        In [0, 1], what was kept of it.
    t_statistic : float
        Of the mean return.
    sessions : int
    reason : str
        evidence, floor, cap or short record.
    """

    gross: float
    full: float
    shrinkage: float
    t_statistic: float
    sessions: int
    reason: str


def half_kelly(returns: NDArray[np.float64], config: KellyConfig | None = None) -> KellySize:
    """Gross multiplier from out-of-sample returns.

    The optimum mean / variance is shrunk by ``1 - 1/t^2`` (nothing below t = 1, nor for a negative mean): a
    mean that is not distinguishable from zero is bet on as zero (positive-part James-Stein).

    Parameters
    ----------
    returns : ndarray, shape (n,)
        Net simple returns a session of the strategy at its own weights, out of sample.
    config : KellyConfig or None

    References
    ----------
    Thorp, "The Kelly Criterion in Blackjack, Sports Betting and the Stock Market", 2006.
    """
    rules = config or KellyConfig()
    values = np.asarray(returns, dtype=np.float64)
    if not np.isfinite(values).all():
        raise PortfolioError(f"{int((~np.isfinite(values)).sum())} of {values.size} returns are not finite")
    count = len(values)
    deviation = float(values.std(ddof=1)) if count > 1 else 0.0
    if count < rules.min_sessions or deviation <= 1e-12:
        return KellySize(rules.floor, 0.0, 0.0, 0.0, count, "short record")
    mean = float(values.mean())
    t = mean / (deviation / sqrt(count))
    full = mean / deviation**2
    shrinkage = max(0.0, 1.0 - 1.0 / t**2) if t > 0 else 0.0
    wanted = rules.fraction * shrinkage * full
    gross = min(max(wanted, rules.floor), rules.cap)
    reason = "evidence" if gross == wanted else ("cap" if wanted > rules.cap else "floor")
    return KellySize(gross, full, shrinkage, t, count, reason)


SIZED_SCHEMA = {
    "instrument_id": pl.Int64,
    "weight": pl.Float64,
    "stop_distance": pl.Float64,
    "asked": pl.Float64,
    "kelly_weight": pl.Float64,
    "most_shares": pl.Int64,
    "risk_fraction": pl.Float64,
    "binding": pl.String,
}


def size_targets(
    weights: pl.DataFrame,
    *,
    prices: Mapping[int, float],
    lots: Mapping[int, int],
    volatility_bp: Mapping[int, int],
    equity: float,
    capital_fraction: float,
    kelly: KellySize,
    largest: QuantityFunction | None = None,
) -> pl.DataFrame:
    """Size one session's targets: half-Kelly for all of them, then what one trade may risk for each.

    The second step is the risk engine's own function on an empty account: at most 1% of the region's equity
    is lost between entry and stop (R-multiple), and no single strategy asks for more of a name than the
    region may hold. Sectors, issuers and what several strategies ask for together are left to the gateway,
    which has the veto.

    Parameters
    ----------
    weights : polars.DataFrame
        ``instrument_id, weight, stop_distance`` (currency per raw share), as `standing_weights` gives.
    prices : mapping
        Instrument to last raw close, currency.
    lots : mapping
        Instrument to board lot; 1 where absent.
    volatility_bp : mapping
        Instrument to daily volatility, basis points; 0 or absent is unknown, and puts the whole price at
        risk.
    equity : float
        The region's equity, currency.
    capital_fraction : float
        Part of it that is the strategy's capital, in (0, 1].
    kelly : KellySize
    largest : callable or None
        Largest quantity of one trade; None takes the risk engine's own.

    Returns
    -------
    polars.DataFrame
        ``instrument_id, weight, stop_distance, asked, kelly_weight, most_shares, risk_fraction, binding``:
        weights are of the strategy's capital; `risk_fraction` is what the position loses at its stop, of the
        region's equity; `binding` is none, kelly, or the risk engine's reason. Names whose weight comes to 0
        stay, so that a report can say why.

    Raises
    ------
    PortfolioError
        Names every instrument without a price, and every weight, stop, lot or amount that is not usable.
    """
    _refuse_unusable(weights, prices, lots, volatility_bp, equity, capital_fraction)
    quantity_of = largest or engine_quantity
    capital = equity * capital_fraction
    rows = []
    for row in weights.sort("instrument_id").iter_rows(named=True):
        name, stop, asked = row["instrument_id"], row["stop_distance"], row["weight"]
        price = prices[name]
        most, reason = quantity_of(
            int(equity * MICRO),
            max(1, round(price * MICRO)),
            max(1, round(stop * MICRO)),
            int(lots.get(name, 1)),
            int(volatility_bp.get(name, 0)),
        )
        wished = asked * kelly.gross
        weight = min(wished, most * price / capital)
        rows.append(
            {
                "instrument_id": name,
                "weight": weight,
                "stop_distance": stop,
                "asked": asked,
                "kelly_weight": wished,
                "most_shares": most,
                "risk_fraction": weight * capital_fraction * min(stop / price, 1.0),
                "binding": reason if weight < wished else ("kelly" if wished < asked else "none"),
            }
        )
    return pl.DataFrame(rows, schema=SIZED_SCHEMA)


def engine_quantity(
    equity_micro: int, price_micro: int, stop_distance_micro: int, lot: int, volatility_bp: int
) -> tuple[int, str]:
    """Ask the risk engine how many shares one trade of an empty account may be, and what binds.

    Parameters
    ----------
    equity_micro, price_micro, stop_distance_micro : int
        Millionths of the currency unit.
    lot : int
        Shares.
    volatility_bp : int
        Daily, basis points; 0 is unknown.

    Returns
    -------
    tuple of (int, str)
        Shares in whole lots, and the reason's name.
    """
    # The gateway's own function, so that research and production size by the same arithmetic.
    from dnalyaw._native import largest_quantity

    # Counted at the price itself: at what price the order is worked is not research's to say.
    return largest_quantity(
        equity_micro,
        price_micro,
        stop_distance_micro,
        lot,
        daily_volatility_bp=volatility_bp,
        limit_price_micro=price_micro,
    )


def _refuse_unusable(
    weights: pl.DataFrame,
    prices: Mapping[int, float],
    lots: Mapping[int, int],
    volatility_bp: Mapping[int, int],
    equity: float,
    capital_fraction: float,
) -> None:
    faults = []
    if not (isfinite(equity) and equity > 0):
        faults.append(f"equity {equity} must be finite and above 0")
    if not (isfinite(capital_fraction) and 0 < capital_fraction <= 1):
        faults.append(f"capital fraction {capital_fraction} must lie in (0, 1]")
    for row in weights.iter_rows(named=True):
        name, price = row["instrument_id"], prices.get(row["instrument_id"])
        if price is None or not (isfinite(price) and price > 0):
            faults.append(f"instrument {name} has no usable price ({price})")
        if row["weight"] is None or not (isfinite(row["weight"]) and 0 <= row["weight"] <= 1):
            faults.append(f"instrument {name} has weight {row['weight']}")
        if row["stop_distance"] is None or not (isfinite(row["stop_distance"]) and row["stop_distance"] > 0):
            faults.append(f"instrument {name} has stop distance {row['stop_distance']}")
        if lots.get(name, 1) < 1:
            faults.append(f"instrument {name} has lot {lots[name]}")
        if volatility_bp.get(name, 0) < 0:
            faults.append(f"instrument {name} has volatility {volatility_bp[name]} bp")
    if weights["instrument_id"].n_unique() != weights.height:
        faults.append("an instrument is given twice")
    if faults:
        raise PortfolioError("cannot size: " + "; ".join(faults))
