"""Risk: the constant limits, the sizing functions and the engine that decides in production.

Prices and money are whole millionths of the currency unit, quantities whole shares, times nanoseconds since
the Unix epoch (UTC), sessions ``YYYYMMDD``.
"""

from collections.abc import Sequence
from typing import Literal, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

class Limits(TypedDict):
    """The constants, in basis points; ``hash`` is the SHA-256 that names them, in hex."""

    instrument_bp: int
    sector_bp: int
    drawdown_bp: int
    trade_risk_bp: int
    collar_bp: int
    fee_margin_bp: int
    max_price_age_ns: int
    hash: str

class ReasonRow(TypedDict):
    """A reason code, and what its check does to an opening and to a reducing order."""

    code: int
    name: str
    explanation: str
    opening: str
    reducing: str

class ReferenceRow(TypedDict):
    """An instrument as `reference.json` has it; keys beside these are ignored. ``sector`` None = unknown."""

    instrument_id: int
    issuer_id: int
    sector: str | None
    lot: int
    tick_micro: int
    tradable: bool
    volatility_bp: int
    adv: int
    venue: NotRequired[str]
    restricted: NotRequired[bool]
    gap_bp: NotRequired[int]
    locate: NotRequired[int]

class DecisionRow(TypedDict):
    """What the engine decided and on what grounds; ``approved_quantity`` is 0 when rejected."""

    order_id: int
    instrument_id: int
    decision: Literal["APPROVE", "REDUCE", "REJECT", "FLATTEN"]
    reason: str
    requested_quantity: int
    approved_quantity: int
    reference_price_micro: int
    equity_micro: int
    instrument_worst_case_micro: int
    binding_limit_micro: int

class CloseRow(DecisionRow):
    """A closing order of the kill switch."""

    side: Literal["buy", "sell"]

class Flatten(TypedDict):
    """What the kill switch wants done: ids to cancel, closing orders to send."""

    reason: str
    cancels: list[int]
    closes: list[CloseRow]

class State(TypedDict):
    """The engine's state; None = not known."""

    trading_state: Literal["ACTIVE", "REDUCE_ONLY", "HALTED", "KILLED"]
    reason: str
    session: int
    equity_micro: int | None
    baseline_micro: int | None
    cash_micro: int | None
    drawdown_bp: int

def limits() -> Limits:
    """Return the limits that no flag, file or message changes."""

def reasons() -> list[ReasonRow]:
    """Return every reason code, in the order of the codes."""

def largest_quantity(
    equity_micro: int,
    price_micro: int,
    stop_distance_micro: int,
    lot: int,
    *,
    daily_volatility_bp: int = 0,
    gap_bp: int = 0,
    issuer_exposure_micro: int = 0,
    sector_exposure_micro: int = 0,
    held_quantity: int = 0,
    cash_micro: int | None = None,
    limit_price_micro: int | None = None,
    requested: int | None = None,
) -> tuple[int, str]:
    """Return the largest whole-lot quantity that one buy may have, and the name of the limit that binds.

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
    daily_volatility_bp : int
        Daily volatility in basis points, the floor of the stop's distance; 0 = unknown, then the whole
        notional is at risk.
    gap_bp : int
        Stressed overnight gap in basis points, another floor; 0 = five daily volatilities.
    issuer_exposure_micro, sector_exposure_micro : int
        Worst case of the issuer and of the sector without this order.
    held_quantity : int
        Shares of the instrument held or working: they are at risk in the same trade.
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

class KellyRow(TypedDict):
    """Half-Kelly of a strategy and how it came about; ``reason`` is evidence, floor, cap or short record."""

    gross: float
    full: float
    shrinkage: float
    t_statistic: float
    sessions: int
    reason: str

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

class SizingRow(TypedDict):
    """A sized position.

    ``weight`` is of the strategy's capital, ``quantity`` the same in whole lots, ``constraint`` what set it, ``most`` the
    largest quantity inside every cap, ``caps`` each cap in whole lots, ``risk_fraction`` the loss at the stop, of equity.
    """

    weight: float
    quantity: int
    constraint: str
    kelly_weight: float
    most: int
    risk_fraction: float
    caps: dict[str, int]

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
    gap_bp: int = 0,
    held: int = 0,
    issuer_exposure: float = 0.0,
    sector_exposure: float = 0.0,
    cash: float | None = None,
    risk_fraction: float = 0.01,
    volatility_budget: float = 0.0025,
    participation: float = 0.10,
    days_to_exit: float = 5.0,
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
    lot, adv, held : int
        Shares: a lot, average daily volume (0 = unknown: nothing is taken), and what is held on this side already.
    issuer_exposure, sector_exposure : float
        Worst cases without this position, currency.
    cash : float, optional
        Cash that pays for it; None = it does not bind.
    risk_fraction, volatility_budget, participation, days_to_exit : float
        The policy; `risk_fraction` at most 0.01.

    Raises
    ------
    ValueError
        Names the first argument that is not a number, infinite, negative or out of its range.

    References
    ----------
    Tharp, "Trade Your Way to Financial Freedom", 1998 (R-multiples). Moreira and Muir, "Volatility-Managed Portfolios",
    2017. Almgren, Thum, Hauptmann and Li, "Direct Estimation of Equity Market Impact", 2005.
    """

class RiskEngine:
    """The production risk engine over one simulated account, for backtests.

    It starts flat, without cash, before any session: call `set_session`, `set_cash` and `set_price` first.
    The first equity of a session is the baseline of its drawdown.

    Parameters
    ----------
    reference : sequence of ReferenceRow
        The instruments.
    instrument_bp, sector_bp, drawdown_bp, trade_risk_bp, order_notional_micro : int, optional
        Tighter limits; a looser one raises ValueError.
    """

    def __init__(
        self,
        reference: Sequence[ReferenceRow],
        *,
        instrument_bp: int | None = None,
        sector_bp: int | None = None,
        drawdown_bp: int | None = None,
        trade_risk_bp: int | None = None,
        order_notional_micro: int | None = None,
    ) -> None: ...
    def set_session(
        self, session: int, state: Literal["pre-open", "open", "break", "closed"] = "open"
    ) -> None:
        """Set the session and its state. A later one forgets prices and account: call `set_account` again.

        Raises
        ------
        ValueError
            When the session is before the current one.
        """

    def set_account(self, cash_micro: int, positions: Sequence[tuple[int, int]]) -> None:
        """Set cash and every position (instrument id, signed shares) that is not zero."""

    def set_cash(self, cash_micro: int) -> None:
        """Set cash."""

    def set_position(self, instrument_id: int, quantity: int) -> None:
        """Set one position, signed.

        Raises
        ------
        ValueError
            When the reference does not have the instrument; no new risk is taken from then on.
        """

    def set_price(
        self, instrument_id: int, *, bid_micro: int = 0, ask_micro: int = 0, last_micro: int = 0, ts_ns: int
    ) -> None:
        """Set the quote and the last print, 0 = absent, and move the clock to `ts_ns` if that is later."""

    def decide(
        self,
        instrument_id: int,
        side: Literal["buy", "sell"],
        quantity: int,
        *,
        now_ns: int,
        order_id: int | None = None,
        limit_price_micro: int | None = None,
        stop_distance_micro: int = 0,
        reduce_only: bool = False,
        ioc: bool = False,
    ) -> DecisionRow:
        """Decide an order and, when accepted, reserve its worst case. `order_id` defaults to the next."""

    def fill(self, order_id: int, quantity: int, price_micro: int, *, fee_micro: int = 0) -> int:
        """Fill an accepted order, in whole or in part. Returns the signed change of the position.

        Raises
        ------
        KeyError
            When no such order works.
        ValueError
            When it is no possible fill.
        """

    def cancel(self, order_id: int) -> None:
        """Give back what is left of an accepted order.

        Raises
        ------
        KeyError
            When no such order works.
        """

    def kill(self) -> None:
        """Fire the operator's kill switch: flatten, then reduce-only until `rearm`."""

    def rearm(self) -> None:
        """Arm a fired kill switch again; after a drawdown not in the same session (ValueError)."""

    def flatten(self, now_ns: int) -> Flatten | None:
        """Return what the kill switch wants done now. Its closing orders count as decided; fill them."""

    def state(self) -> State:
        """Return the trading state and the numbers behind it."""

    def positions(self) -> dict[int, int]:
        """Return signed shares by instrument id, zeros left out."""

    def working(self) -> dict[int, int]:
        """Return shares still working by order id."""

    def state_hash(self) -> str:
        """Return the SHA-256 of the whole state: two engines fed alike agree."""
