"""What trading costs: half the spread, fees in proportion, and impact by the square root of size."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from dnalyaw.backtest._errors import BacktestError
from dnalyaw.backtest._panel import Floats


@dataclass(frozen=True)
class CostModel:
    """Costs of a trade, all charged in cash on top of the open price.

    Impact of a trade of value Q is ``impact * sigma * sqrt(Q / ADV)`` of Q, with sigma the daily volatility
    and ADV the average daily dollar volume of the 21 sessions before the trade (the square-root law:
    Almgren, Thum, Hauptmann and Li, "Direct Estimation of Equity Market Impact", 2005).

    Attributes
    ----------
    half_spread_bp : float
        Half the quoted spread, basis points of traded value.
    fee_bp : float
        Commissions, levies and stamp duty, basis points of traded value, both sides.
    impact : float
        Coefficient of the square-root law; 0 switches impact off.
    unknown_impact_bp : float
        Charged instead where volume or volatility is unknown (and `impact` is not 0).
    missing_delisting_return : float
        Return assumed at a delisting whose payment is unknown (Shumway, "The Delisting Bias in CRSP Data",
        1997).
    """

    half_spread_bp: float = 2.0
    fee_bp: float = 0.5
    impact: float = 1.0
    unknown_impact_bp: float = 10.0
    missing_delisting_return: float = -0.30

    def __post_init__(self) -> None:
        bad = [
            f"{f.name}={getattr(self, f.name)}"
            for f in fields(self)
            if not np.isfinite(getattr(self, f.name))
            or (f.name != "missing_delisting_return" and getattr(self, f.name) < 0)
        ]
        if bad:
            raise BacktestError(f"cost model: {', '.join(bad)} must be finite and not negative")
        if not -1.0 <= self.missing_delisting_return <= 0.0:
            raise BacktestError("cost model: missing_delisting_return must lie in [-1, 0]")
        if self.linear_rate >= 0.5:
            raise BacktestError(
                "cost model: spread and fees take half of every trade; they are in basis points"
            )

    @classmethod
    def for_region(cls, region: str) -> CostModel:
        """Return the defaults of a region (`US`, `HK`); Hong Kong pays 0.1% stamp duty on both sides."""
        if region == "US":
            return cls()
        if region == "HK":
            return cls(half_spread_bp=5.0, fee_bp=10.9)
        raise BacktestError(f"no cost defaults for region {region!r}; known: US, HK")

    @classmethod
    def free(cls) -> CostModel:
        """Return a model in which trading costs nothing; for cross-checks."""
        return cls(half_spread_bp=0.0, fee_bp=0.0, impact=0.0)

    @property
    def linear_rate(self) -> float:
        """Spread and fees as a fraction of traded value."""
        return (self.half_spread_bp + self.fee_bp) * 1e-4

    def impact_cost(self, value: Floats, volatility: Floats | None, adv: Floats | None) -> Floats:
        """Impact of trades in currency.

        Parameters
        ----------
        value : ndarray, shape (n,)
            Absolute traded value, currency.
        volatility, adv : ndarray, shape (n,), or None when `impact` is 0
            Daily return volatility; average daily dollar volume.
        """
        if self.impact == 0.0 or volatility is None or adv is None:
            return np.zeros_like(value)
        with np.errstate(invalid="ignore", divide="ignore"):
            rate = self.impact * volatility * np.sqrt(value / adv)
        known = np.isfinite(rate) & (adv > 0)
        # A trade never costs more than it is worth, however thin the name; it is refused by liquidity, not
        # by sign.
        return value * np.minimum(np.where(known, rate, self.unknown_impact_bp * 1e-4), 0.5)
