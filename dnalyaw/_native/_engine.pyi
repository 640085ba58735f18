"""Types of `dnalyaw._native.risk`: the engine, and stress."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dnalyaw._native._rows import (
    DecisionRow,
    Flatten,
    Leg,
    ReferenceRow,
    Side,
    State,
    StopRow,
    StressRow,
    Utilisation,
)

Int64 = NDArray[np.int64]

class RiskEngine:
    """The production risk engine over one simulated account, for research and backtests.

    It starts flat, without cash, before any session: call `set_session`, `set_cash` and `set_price` first.
    The first equity of a session is the baseline of its drawdown.

    Parameters
    ----------
    reference : sequence of ReferenceRow
        The instruments.
    strategies : sequence of str
        Names that `decide` and `halt_strategies` may use; at most 64.
    firm_rate_micro : int, optional
        Units of the firm's currency for one of the account's, millionths; None = not known, then nothing may be opened.
    instrument_bp, sector_bp, drawdown_bp, trade_risk_bp, gross_bp, net_bp, participation_bp, order_quantity, \
    order_notional_micro, message_rate : int, optional
        Tighter limits; a looser one raises ValueError.

    Examples
    --------
    >>> from dnalyaw._native import risk
    >>> row = dict(instrument_id=1, issuer_id=1, sector="tech", lot=1, tick_micro=10_000, tradable=True,
    ...            volatility_bp=200, adv=1_000_000, close_micro=100_000_000)
    >>> engine = risk.RiskEngine([row])
    >>> engine.set_session(20251124)
    >>> engine.set_cash(1_000_000_000_000)
    >>> engine.set_price(1, last_micro=100_000_000, ts_ns=1)
    >>> decision = engine.decide(1, "buy", 800, now_ns=1, limit_price_micro=100_000_000, stop_distance_micro=2_000_000)
    >>> decision["decision"], decision["reason"], decision["approved_quantity"]
    ('REDUCE', 'INSTRUMENT_LIMIT', 500)
    """

    def __init__(
        self,
        reference: Sequence[ReferenceRow],
        *,
        strategies: Sequence[str] = ...,
        firm_rate_micro: int | None = 1_000_000,
        instrument_bp: int | None = None,
        sector_bp: int | None = None,
        drawdown_bp: int | None = None,
        trade_risk_bp: int | None = None,
        gross_bp: int | None = None,
        net_bp: int | None = None,
        participation_bp: int | None = None,
        order_quantity: int | None = None,
        order_notional_micro: int | None = None,
        message_rate: int | None = None,
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

    def set_venue(self, up: bool) -> None:
        """Say whether there is a session with the venue."""

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

    def set_firm_rate(self, rate_micro: int | None) -> None:
        """Set the units of the firm's currency for one of the account's, millionths; None = not known."""

    def expect_flow(self, amount_micro: int) -> None:
        """Announce money paid in (positive) or out; it counts once the cash that is set differs by it. 0 withdraws."""

    def set_price(
        self, instrument_id: int, *, bid_micro: int = 0, ask_micro: int = 0, last_micro: int = 0, ts_ns: int
    ) -> None:
        """Set the quote and the last print, 0 = absent, and move the clock to `ts_ns` if that is later.

        A jump of more than 20% waits for a second update that agrees, as in production: from the price held; the first price
        of a session from the settlement price, else the row's `close_micro`. With neither, the first price waits as well.
        """

    def set_settlement_price(self, instrument_id: int, price_micro: int) -> None:
        """Set the price at which a position is valued until the first price of the session."""

    def decide(
        self,
        instrument_id: int,
        side: Side,
        quantity: int,
        *,
        now_ns: int,
        order_id: int | None = None,
        limit_price_micro: int | None = None,
        stop_distance_micro: int = 0,
        reduce_only: bool = False,
        sell_short: bool = False,
        ioc: bool = False,
        strategies: Sequence[str] = ...,
        monotonic_ns: int | None = None,
    ) -> DecisionRow:
        """Decide an order and, when accepted, reserve its worst case.

        Parameters
        ----------
        order_id : int, optional
            Increasing; None = the next.
        limit_price_micro : int, optional
            None = a market order.
        strategies : sequence of str
            Those that have a part in it; while one of them is halted it may not open.
        monotonic_ns : int, optional
            The clock by which messages are counted; None = `now_ns`.
        """

    def decide_linked(
        self, legs: Sequence[Leg], *, now_ns: int, monotonic_ns: int | None = None
    ) -> list[DecisionRow]:
        """Decide 2 to 16 legs as one: they scale together, and one that is refused refuses all."""

    def decide_replace(
        self,
        original_id: int,
        quantity: int,
        *,
        now_ns: int,
        order_id: int | None = None,
        limit_price_micro: int | None = None,
        stop_distance_micro: int = 0,
        monotonic_ns: int | None = None,
    ) -> DecisionRow:
        """Decide a modification to a new total quantity, price and stop, as the order that it would become.

        When accepted, tell what became of it: `replaced` or `replace_refused`. Once replaced, the order goes on under the
        modification's id.
        """

    def replaced(self, original_id: int) -> None:
        """Say that the venue took the modification of this order. KeyError when there is none."""

    def replace_refused(self, original_id: int) -> None:
        """Say that the venue refused the modification: the order goes on as it was. KeyError when there is none."""

    def decide_many(
        self, orders: Mapping[str, Int64], prices: Mapping[str, Int64] | None = None
    ) -> dict[str, Int64]:
        """Decide a whole day's orders in one call, prices merged in by time; the same as `set_price` and `decide` in a loop.

        Columns are contiguous one-dimensional int64 arrays of one length, ascending in ``ts_ns``. A price with the moment of
        an order comes before it. Accepted orders stay reserved, as no fill is told. Other threads run meanwhile.

        Parameters
        ----------
        orders : mapping of str to ndarray, shape (n,)
            ``ts_ns, instrument_id, side`` (1 buy, 2 sell), ``quantity``; and, where needed, ``order_id``,
            ``limit_price_micro`` (0 = market), ``stop_distance_micro``, ``time_in_force`` (0 day, 3 IOC), ``flags`` (bit 0
            reduce-only, bit 1 sell short), ``strategies`` (bit i = the i-th), ``monotonic_ns`` (else ``ts_ns``).
        prices : mapping of str to ndarray, shape (m,), optional
            ``ts_ns, instrument_id``, and ``bid_micro``, ``ask_micro``, ``last_micro``, 0 = absent.

        Returns
        -------
        dict of str to ndarray, shape (n,)
            The columns of `DecisionRow`, names as codes: decisions 1 APPROVE, 2 REDUCE, 3 REJECT; reasons as in `reasons`;
            states as on the wire.

        Raises
        ------
        ValueError, TypeError
            Names the column or the row at fault. Nothing was applied then.
        """

    def fill(self, order_id: int, quantity: int, price_micro: int, *, fee_micro: int = 0) -> int:
        """Fill an accepted order, in whole or in part. Returns the signed change of the position.

        Raises
        ------
        KeyError
            When no such order works.
        ValueError
            When it is no possible fill.
        """

    def correct(self, order_id: int, cumulative_quantity: int) -> int:
        """Correct what an order has filled, also downwards. Returns the signed change of the position."""

    def cancel(self, order_id: int) -> None:
        """Give back what is left of an accepted order.

        Raises
        ------
        KeyError
            When no such order works.
        """

    def halt(self, halted: bool) -> None:
        """Halt by hand: nothing opens, closing passes."""

    def reduce_only(self, held: bool) -> None:
        """Hold to reduce-only by hand."""

    def halt_instrument(self, instrument_id: int, halted: bool) -> None:
        """Halt one instrument. ValueError when the reference does not have it."""

    def halt_venue(self, venue: str, halted: bool) -> None:
        """Halt every instrument of a venue. ValueError when the reference has none."""

    def halt_strategies(self, names: Sequence[str]) -> None:
        """Halt exactly these strategies. ValueError when one is not known."""

    def kill(self) -> None:
        """Fire the operator's kill switch: only what closes passes until `rearm`."""

    def rearm(self) -> None:
        """Arm a fired switch again. ValueError when it has not fired, or fired on this session's drawdown."""

    def flatten(self, now_ns: int) -> Flatten | None:
        """Return what a fired switch or a fired stop wants done now; None when nothing.

        The ids to cancel are told until they are gone. Closing orders are limits at the collar, a slice an instrument at a
        time; they count as decided: fill or cancel them, and ask again.
        """

    def stops(self) -> list[StopRow]:
        """Return every stop that is held."""

    def restore_stop(self, instrument_id: int, side: Side, level_micro: int) -> None:
        """Hold a stop from before; `side` is the one that opened the position. It only tightens."""

    def restore_traded(self, instrument_id: int, quantity: int) -> None:
        """Count shares that were traded today already."""

    def state(self) -> State:
        """Return the trading state and the numbers behind it."""

    def positions(self) -> dict[int, int]:
        """Return signed shares by instrument id, zeros left out."""

    def working(self) -> dict[int, int]:
        """Return shares still working by order id."""

    def utilisation(self) -> Utilisation:
        """Return exposures and their share of each limit."""

    def state_hash(self) -> str:
        """Return the SHA-256 of the whole state: two engines fed alike agree."""

def stress(engine: RiskEngine) -> list[StressRow]:
    """Return the engine's book under every stress scenario, its working orders filled where that costs.

    Each of the book's sectors down 10%, and all of them; every name gapping by five daily volatilities against its
    position; and each of its venues gone: its positions cannot be closed, and gap.

    Raises
    ------
    ValueError
        While equity is not known.
    """
