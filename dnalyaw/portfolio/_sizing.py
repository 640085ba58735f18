"""How much: half-Kelly for the strategy, and for each name the smallest of what every constraint allows.

Both are the compiled sizing function (`dnalyaw._native.risk`), which asks the risk engine itself for its limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dnalyaw.portfolio._errors import PortfolioError


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
    from dnalyaw._native import risk

    rules = config or KellyConfig()
    values = np.ascontiguousarray(returns, dtype=np.float64)
    if not np.isfinite(values).all():
        raise PortfolioError(f"{int((~np.isfinite(values)).sum())} of {values.size} returns are not finite")
    try:
        size = risk.half_kelly(
            values,
            fraction=rules.fraction,
            min_sessions=rules.min_sessions,
            floor=rules.floor,
            cap=rules.cap,
        )
    except ValueError as fault:
        raise PortfolioError(f"half-Kelly: {fault}") from fault
    return KellySize(**size)


@dataclass(frozen=True)
class SizingPolicy:
    """What a position may be beside the risk engine's limits; the compiled function checks the ranges.

    Attributes
    ----------
    risk_fraction : float
        Equity that one trade may lose at its stop (R-multiple), in (0, 0.01].
    volatility_budget : float
        What one position alone may add to the account's daily volatility, of equity. The default lets a position at the 5%
        limit move 5% a day.
    participation : float
        Part of an average day's volume that may be traded in a day.
    days_to_exit : float
        Days in which the position must be out again at that participation.
    """

    risk_fraction: float = 0.01
    volatility_budget: float = 0.0025
    participation: float = 0.10
    days_to_exit: float = 5.0


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
    adv: Mapping[int, int],
    equity: float,
    capital_fraction: float,
    kelly: KellySize,
    gap_bp: Mapping[int, int] | None = None,
    policy: SizingPolicy | None = None,
    tighter: Mapping[str, int] | None = None,
) -> pl.DataFrame:
    """Size one session's targets: each is the smallest of what half-Kelly leaves and every constraint allows.

    The constraints: at most 1% of the region's equity is lost between entry and stop (R-multiple), what the position may
    add to the account's volatility, what its market can absorb and let go again, and the risk engine's own limits on an
    account that holds nothing else. Sectors, issuers and what several strategies ask for together are left to the
    gateway, which has the veto.

    Parameters
    ----------
    weights : polars.DataFrame
        ``instrument_id, weight, stop_distance`` (currency per raw share), as `standing_weights` gives.
    prices : mapping
        Instrument to last raw close, currency.
    lots : mapping
        Instrument to board lot; 1 where absent.
    volatility_bp : mapping
        Instrument to daily volatility, basis points; 0 or absent is unknown, and nothing is taken.
    adv : mapping
        Instrument to average daily volume, shares; 0 or absent is unknown, and nothing is taken.
    equity : float
        The region's equity, currency.
    capital_fraction : float
        Part of it that is the strategy's capital, in (0, 1].
    kelly : KellySize
    gap_bp : mapping or None
        Instrument to stressed overnight gap, basis points; where absent the engine's multiple of the volatility.
    policy : SizingPolicy or None
    tighter : mapping or None
        The deployment's limits, as the file has them that riskd is started with; None is the constants. Targets sized
        without them are cut there.

    Returns
    -------
    polars.DataFrame
        ``instrument_id, weight, stop_distance, asked, kelly_weight, most_shares, risk_fraction, binding``:
        weights are of the strategy's capital; `risk_fraction` is what the position loses at its stop, of the
        region's equity; `binding` names what set the weight: NONE, KELLY, R_MULTIPLE, VOLATILITY, LIQUIDITY,
        DAYS_TO_EXIT, or the risk engine's reason. Names whose weight comes to 0 stay, so that a report can
        say why.

    Raises
    ------
    PortfolioError
        Names every instrument without a price, and every weight, stop, lot or amount that is not usable.

    References
    ----------
    See `dnalyaw._native.risk.size_position`.
    """
    from dnalyaw._native import risk

    gaps = gap_bp or {}
    counts = {"volatility": volatility_bp, "gap": gaps, "volume": adv}
    _refuse_unusable(weights, prices, lots, counts, equity, capital_fraction)
    rules = policy or SizingPolicy()
    rows = []
    for row in weights.sort("instrument_id").iter_rows(named=True):
        name = row["instrument_id"]
        try:
            sized = risk.size_position(
                equity=equity,
                capital=equity * capital_fraction,
                weight=row["weight"],
                kelly=kelly.gross,
                price=prices[name],
                stop_distance=row["stop_distance"],
                volatility_bp=volatility_bp.get(name, 0),
                gap_bp=gaps.get(name, 0),
                lot=lots.get(name, 1),
                adv=adv.get(name, 0),
                risk_fraction=rules.risk_fraction,
                volatility_budget=rules.volatility_budget,
                participation=rules.participation,
                days_to_exit=rules.days_to_exit,
                tighter=None if tighter is None else dict(tighter),
            )
        except (ValueError, OverflowError) as fault:
            raise PortfolioError(f"cannot size instrument {name}: {fault}") from fault
        rows.append(
            {
                "instrument_id": name,
                "weight": sized["weight"],
                "stop_distance": row["stop_distance"],
                "asked": row["weight"],
                "kelly_weight": sized["kelly_weight"],
                "most_shares": sized["most"],
                "risk_fraction": sized["risk_fraction"],
                "binding": sized["constraint"],
            }
        )
    return pl.DataFrame(rows, schema=SIZED_SCHEMA)


def _refuse_unusable(
    weights: pl.DataFrame,
    prices: Mapping[int, float],
    lots: Mapping[int, int],
    counts: Mapping[str, Mapping[int, int]],
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
        faults += [
            f"instrument {name} has {what} {values[name]}"
            for what, values in counts.items()
            if values.get(name, 0) < 0
        ]
    if weights["instrument_id"].n_unique() != weights.height:
        faults.append("an instrument is given twice")
    if faults:
        raise PortfolioError("cannot size: " + "; ".join(faults))
