"""The rows that `dnalyaw._native.risk` takes and gives. For type checkers only: at run time they are plain dicts."""

from collections.abc import Sequence
from typing import Literal, TypedDict

Side = Literal["buy", "sell"]
TradingState = Literal["ACTIVE", "REDUCE_ONLY", "HALTED", "KILLED"]
SessionState = Literal["unknown", "pre-open", "open", "break", "closed"]

class _RequiredReference(TypedDict):
    instrument_id: int
    issuer_id: int
    sector: str | None
    lot: int
    tick_micro: int
    tradable: bool
    volatility_bp: int
    adv: int

class ReferenceRow(_RequiredReference, total=False):
    """An instrument as `reference.json` has it; keys beside these are ignored.

    ``sector`` None = unknown. ``adv`` 0 = unknown: nothing may be opened. What may be left out has the file's
    defaults: `venue` is what stands after the label's last dot. ``close_micro`` is the last close on the session's share
    basis, which the first price of the session is held against; 0 = unknown: without a settlement price either, nothing may
    be opened before two prices agree.
    """

    label: str
    venue: str
    restricted: bool
    gap_bp: int
    locate: int
    close_micro: int

class DecisionRow(TypedDict):
    """What the engine decided and on what grounds: every number is that of the moment after the decision.

    ``approved_quantity`` is 0 when rejected. ``binding_limit`` is in the limit's own unit: millionths, or shares.
    What is not known is 0. ``limits_hash`` is the first eight bytes of the hash of the limits in force.
    """

    order_id: int
    instrument_id: int
    decision: Literal["APPROVE", "REDUCE", "REJECT", "FLATTEN"]
    reason: str
    requested_quantity: int
    approved_quantity: int
    reference_price_micro: int
    equity_micro: int
    instrument_worst_case_micro: int
    binding_limit: int
    limits_hash: int
    trading_state: TradingState
    session_state: SessionState
    venue_up: bool
    position: int
    working_buys: int
    working_sells: int
    traded: int
    bid_micro: int
    ask_micro: int
    last_micro: int
    price_ts_ns: int
    stop_level_micro: int
    risk_per_share_micro: int
    cash_micro: int
    second_equity_micro: int
    baseline_micro: int
    flows_micro: int
    drawdown_bp: int
    issuer_exposure_micro: int
    sector_exposure_micro: int
    gross_exposure_micro: int
    net_long_micro: int
    net_short_micro: int
    buying_power_micro: int
    working_orders: int

class CloseRow(DecisionRow):
    """A closing order of the engine's own. ``limit_price_micro`` 0 = at the market."""

    side: Side
    limit_price_micro: int

class Flatten(TypedDict):
    """What the engine wants done, by a fired switch (its reason) or a fired stop (STOPPED): cancels, then closing orders."""

    reason: str
    cancels: list[int]
    closes: list[CloseRow]

class StopRow(TypedDict):
    """A stop that is held; ``side`` is the one that opened the position. ``fired``: it is being closed."""

    instrument_id: int
    side: Side
    level_micro: int
    fired: bool

class _RequiredLeg(TypedDict):
    instrument_id: int
    side: Side
    quantity: int

class Leg(_RequiredLeg, total=False):
    """A leg of a linked order: the arguments of `RiskEngine.decide`."""

    order_id: int
    limit_price_micro: int | None
    stop_distance_micro: int
    reduce_only: bool
    sell_short: bool
    ioc: bool
    strategies: Sequence[str]

class State(TypedDict):
    """The engine's state; None = not known. ``flows_micro`` is what was paid in and counted today."""

    trading_state: TradingState
    reason: str
    session: int
    equity_micro: int | None
    baseline_micro: int | None
    cash_micro: int | None
    flows_micro: int
    drawdown_bp: int

class Used(TypedDict):
    """What a limit is used for, in its own unit; ``share_bp`` 10,000 is all of it."""

    amount: int
    limit: int
    share_bp: int

class IssuerUse(Used):
    """What one issuer uses of the instrument limit."""

    issuer_id: int

class SectorUse(Used):
    """What one sector uses of the sector limit; None is the bucket of the unknown ones."""

    sector: str | None

class Utilisation(TypedDict):
    """Exposures and their share of each limit: the largest ten issuers and sectors, the book, drawdown, cash, orders."""

    issuers: list[IssuerUse]
    sectors: list[SectorUse]
    gross: Used
    net: Used
    drawdown: Used
    buying_power: Used
    orders: Used

class Break(TypedDict):
    """A limit that breaks under stress, and whose it is."""

    limit: str
    issuer_id: int | None
    sector: str | None
    amount_micro: int
    limit_micro: int

class StressRow(TypedDict):
    """The book under one scenario: ``sector_down:NAME``, ``all_sectors_down``, ``gap_5_sigma``, ``venue_gone:NAME``.

    ``kills``: the drawdown would fire the kill switch. ``stuck``: positions that cannot be closed, by instrument, and their
    exposure.
    """

    scenario: str
    equity_micro: int
    loss_micro: int
    drawdown_bp: int
    kills: bool
    gross_micro: int
    net_micro: int
    stuck: dict[int, int]
    stuck_exposure_micro: int
    breaks: list[Break]

class KellyRow(TypedDict):
    """Half-Kelly of a strategy and how it came about; ``reason`` is evidence, floor, cap or short record."""

    gross: float
    full: float
    shrinkage: float
    t_statistic: float
    sessions: int
    reason: str

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
