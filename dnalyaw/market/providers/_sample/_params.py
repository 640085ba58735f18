"""What differs between the simulated regions, and the clock that the simulation runs on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

__all__ = ["BLOCK", "BURN_IN", "HORIZON", "ORIGIN", "PARAMS", "SECTORS", "RegionParams"]

ORIGIN = date(2023, 1, 3)
"""First session with data, in every region."""

HORIZON = date(2031, 12, 31)
"""Last day that can be simulated. The universe is planned up to here, so it is part of the seed's meaning."""

BLOCK = 63
"""Sessions drawn from one random stream; the block's number is the stream's key."""

BURN_IN = 189
"""Sessions simulated before `ORIGIN` so that volatility, momentum and filings have a past."""

SECTORS: tuple[str, ...] = (
    "Technology",
    "Financials",
    "Health Care",
    "Consumer Discretionary",
    "Consumer Staples",
    "Industrials",
    "Energy",
    "Utilities",
    "Real Estate",
    "Communication Services",
)


@dataclass(frozen=True, slots=True)
class RegionParams:
    """Size and manners of one simulated market.

    Attributes
    ----------
    stream : int
        Key of the region in every random stream.
    first_instrument, first_issuer : int
        Where its identifiers begin; regions never share one.
    issuers : int
        Companies listed at `ORIGIN`.
    second_classes : int
        How many of them have a second share class.
    ipos, delistings : int
        Planned a calendar year.
    price, turnover : float
        Median first price and median daily turnover, in currency.
    split_above, reverse_below : float
        Prices at which a company splits its shares, or merges them.
    spread : float
        Median quoted spread in calm trading, as a fraction of the price.
    dividend_every : int
        Sessions between two dividends of a paying company.
    earnings_jumps : int
        Jumps of 20 to 30% planted a block.
    forms : tuple of str
        Names of the quarterly and the annual filing and of their restatements.
    """

    stream: int
    first_instrument: int
    first_issuer: int
    issuers: int
    second_classes: int
    ipos: int
    delistings: int
    price: float
    turnover: float
    split_above: float
    reverse_below: float
    spread: float
    dividend_every: int
    earnings_jumps: int
    forms: tuple[str, str, str, str]


PARAMS: dict[str, RegionParams] = {
    "US": RegionParams(
        stream=1,
        first_instrument=1001,
        first_issuer=10001,
        issuers=96,
        second_classes=2,
        ipos=4,
        delistings=3,
        price=60.0,
        turnover=1.5e8,
        split_above=240.0,
        reverse_below=2.0,
        spread=2.5e-4,
        dividend_every=63,
        earnings_jumps=2,
        forms=("10-Q", "10-K", "10-Q/A", "10-K/A"),
    ),
    "HK": RegionParams(
        stream=2,
        first_instrument=5001,
        first_issuer=50001,
        issuers=48,
        second_classes=1,
        ipos=2,
        delistings=2,
        price=18.0,
        turnover=3.0e8,
        split_above=70.0,
        reverse_below=0.4,
        spread=6.0e-4,
        dividend_every=126,
        earnings_jumps=1,
        forms=(
            "Quarterly Results",
            "Annual Results",
            "Quarterly Results (restated)",
            "Annual Results (restated)",
        ),
    ),
}
