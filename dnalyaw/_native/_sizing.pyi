"""Types of `dnalyaw._native.risk`: sizing."""

import numpy as np
from numpy.typing import NDArray

from dnalyaw._native._rows import KellyRow, Side, SizingRow

def largest_quantity(
    equity_micro: int,
    price_micro: int,
    stop_distance_micro: int,
    lot: int,
    *,
    adv: int,
    side: Side = "buy",
    daily_volatility_bp: int = 0,
    gap_bp: int = 0,
    issuer_exposure_micro: int = 0,
    sector_exposure_micro: int = 0,
    gross_exposure_micro: int = 0,
    net_exposure_micro: int = 0,
    held_quantity: int = 0,
    traded_quantity: int = 0,
    locate: int = 0,
    cash_micro: int | None = None,
    limit_price_micro: int | None = None,
    requested: int | None = None,
) -> tuple[int, str]:
    """Return the largest whole-lot quantity that one opening order may have, and the name of the limit that binds.

    Parameters
    ----------
    equity_micro : int
        Equity of the account.
    price_micro : int
        Reference price, the middle of the quote or the last print.
    stop_distance_micro : int
        Distance from entry to stop; 0 = no stop, then the whole notional is at risk.
    lot : int
        Shares a lot.
    adv : int
        Average daily volume; 0 = unknown, then nothing fits.
    side : str
        A sell opens a short.
    daily_volatility_bp, gap_bp : int
        Daily volatility and stressed overnight gap in basis points, the floors of the stop's distance. Volatility
        0 = unknown, then the whole notional is at risk; gap 0 = five volatilities.
    issuer_exposure_micro, sector_exposure_micro, gross_exposure_micro, net_exposure_micro : int
        Worst cases without this order; the net one in its direction.
    held_quantity, traded_quantity : int
        Shares held or working on this side (they are at risk in the same trade); shares traded today or working.
    locate : int
        Shares that may be short.
    cash_micro : int, optional
        Cash, net of what is reserved; None = cash does not bind.
    limit_price_micro : int, optional
        Limit price; None = a market order, counted at the collar (5% above the reference price).
    requested : int, optional
        Shares wanted; None = as many as fit.

    Returns
    -------
    tuple of (int, str)
        Shares, and the reason's name; ``NONE`` when all of `requested` fits.

    Raises
    ------
    ValueError
        When a value is negative or impossible; it names the argument.
    """

def half_kelly(
    returns: NDArray[np.float64],
    *,
    fraction: float = 0.5,
    min_sessions: int = 126,
    floor: float = 0.25,
    cap: float = 1.0,
) -> KellyRow:
    """Return the gross multiplier that a strategy's record justifies.

    The growth-optimal multiple, mean over variance, shrunk by ``1 - 1/t^2`` (positive-part James-Stein; nothing below
    t = 1) and multiplied by `fraction`, within `floor` and `cap`.

    Parameters
    ----------
    returns : ndarray, shape (n,)
        Contiguous float64: net simple returns a session, out of sample, each above -1.
    fraction : float
        Of the Kelly optimum, in (0, 1].
    min_sessions : int
        Below so many returns the floor holds; at least 20.
    floor, cap : float
        ``0 <= floor <= cap <= 1``.

    Raises
    ------
    ValueError
        Names the return or the argument that has no meaning.

    References
    ----------
    Kelly, "A New Interpretation of Information Rate", 1956. Thorp, "The Kelly Criterion in Blackjack, Sports Betting
    and the Stock Market", 2006. James and Stein, "Estimation with Quadratic Loss", 1961.
    """

def size_position(
    *,
    equity: float,
    capital: float,
    weight: float,
    kelly: float,
    price: float,
    stop_distance: float,
    volatility_bp: int,
    lot: int,
    adv: int,
    side: Side = "buy",
    gap_bp: int = 0,
    held: int = 0,
    traded: int = 0,
    locate: int = 0,
    issuer_exposure: float = 0.0,
    sector_exposure: float = 0.0,
    gross_exposure: float = 0.0,
    net_exposure: float = 0.0,
    cash: float | None = None,
    risk_fraction: float = 0.01,
    volatility_budget: float = 0.0025,
    participation: float = 0.10,
    days_to_exit: float = 5.0,
    tighter: dict[str, int] | None = None,
) -> SizingRow:
    """Size one position: the smallest of the wish, half-Kelly and every constraint.

    ``R_MULTIPLE``: shares times the distance to the stop, at most `risk_fraction` of equity. ``VOLATILITY``: shares times
    price times daily volatility, at most `volatility_budget` of equity. ``LIQUIDITY``: at most `participation` of a day's
    volume. ``DAYS_TO_EXIT``: out again in that many days at that participation. And the risk engine's own limits, by
    their reasons. ``KELLY`` and ``NONE`` say that none of these bound.

    Parameters
    ----------
    equity, capital : float
        The account's equity and the part of it that the strategy may use, currency.
    weight, kelly : float
        Weight asked for, of the capital, and the strategy's half-Kelly multiplier; both in [0, 1].
    price, stop_distance : float
        Currency a share; a distance of 0 is no stop, and puts the whole price at risk.
    volatility_bp, gap_bp : int
        Daily volatility (0 = unknown: nothing is taken) and stressed overnight gap (0 = the engine's multiple of it).
    lot, adv, held, traded : int
        Shares: a lot, average daily volume (0 = unknown: nothing is taken), what is held on this side already, and what was
        traded today or works.
    side : str
        A sell opens a short, of which `locate` shares at most.
    issuer_exposure, sector_exposure, gross_exposure, net_exposure : float
        Worst cases without this position, currency; the net one in the position's direction.
    cash : float, optional
        Cash that pays for it; None = it does not bind.
    risk_fraction, volatility_budget, participation, days_to_exit : float
        The policy; `risk_fraction` at most 0.01.
    tighter : dict, optional
        The deployment's limits, as the file has them that riskd is started with (``--tighter``); None = the constants. What
        is sized without them is cut by riskd (``TIGHTER_LIMIT``).

    Raises
    ------
    ValueError
        Names the first argument that is not a number, infinite, negative or out of its range; the limit of `tighter` that is
        unknown, or looser than its constant.

    References
    ----------
    Tharp, "Trade Your Way to Financial Freedom", 1998 (R-multiples). Moreira and Muir, "Volatility-Managed Portfolios",
    2017. Almgren, Thum, Hauptmann and Li, "Direct Estimation of Equity Market Impact", 2005.
    """
