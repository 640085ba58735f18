"""Risk: the constant limits, the sizing functions and the engine that decides in production.

Prices and money are whole millionths of the currency unit, quantities whole shares, times nanoseconds since
the Unix epoch (UTC), sessions ``YYYYMMDD``.
"""

from typing import TypedDict

from dnalyaw._native._engine import RiskEngine as RiskEngine
from dnalyaw._native._engine import stress as stress
from dnalyaw._native._rows import Break as Break
from dnalyaw._native._rows import CloseRow as CloseRow
from dnalyaw._native._rows import DecisionRow as DecisionRow
from dnalyaw._native._rows import Flatten as Flatten
from dnalyaw._native._rows import IssuerUse as IssuerUse
from dnalyaw._native._rows import KellyRow as KellyRow
from dnalyaw._native._rows import Leg as Leg
from dnalyaw._native._rows import ReferenceRow as ReferenceRow
from dnalyaw._native._rows import SectorUse as SectorUse
from dnalyaw._native._rows import SessionState as SessionState
from dnalyaw._native._rows import Side as Side
from dnalyaw._native._rows import SizingRow as SizingRow
from dnalyaw._native._rows import State as State
from dnalyaw._native._rows import StopRow as StopRow
from dnalyaw._native._rows import StressRow as StressRow
from dnalyaw._native._rows import TradingState as TradingState
from dnalyaw._native._rows import Used as Used
from dnalyaw._native._rows import Utilisation as Utilisation
from dnalyaw._native._sizing import half_kelly as half_kelly
from dnalyaw._native._sizing import largest_quantity as largest_quantity
from dnalyaw._native._sizing import size_position as size_position

class Limits(TypedDict):
    """The constants; ``hash`` is the SHA-256 that names them, in hex. ``_bp`` are basis points, ``_ns`` nanoseconds."""

    instrument_bp: int
    sector_bp: int
    drawdown_bp: int
    trade_risk_bp: int
    gross_bp: int
    net_bp: int
    order_quantity: int
    order_notional_micro: int
    participation_bp: int
    message_rate: int
    repeat: int
    collar_bp: int
    wide_collar_bp: int
    fee_margin_bp: int
    short_margin_bp: int
    gap_sigmas: int
    max_price_age_ns: int
    max_mark_age_ns: int
    price_jump_bp: int
    close_slice_bp: int
    max_working_orders: int
    max_legs: int
    hash: str

class ReasonRow(TypedDict):
    """A reason code, and what its check does to an opening and to a reducing order."""

    code: int
    name: str
    explanation: str
    opening: str
    reducing: str

def limits() -> Limits:
    """Return the limits that no flag, file or message changes."""

def reasons() -> list[ReasonRow]:
    """Return every reason code, in the order of the codes."""
