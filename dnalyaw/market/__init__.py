"""Instruments, regions, sessions and the tables that providers deliver.

Importing this package is cheap: calendars and providers load when they are first used.
"""

from dnalyaw.market._adjust import AdjustError, adjust_bars, total_returns
from dnalyaw.market._bars import AUCTIONS, AuctionWindow, Bars, BarsError, minute_bars, session_bars
from dnalyaw.market._identity import Assigned, IdentityError, Instrument, InstrumentMaster
from dnalyaw.market._instrument import Label, LabelError, parse_label
from dnalyaw.market._region import REGIONS, Region, RegionError, region
from dnalyaw.market._schema import (
    ACTION_KINDS,
    ASSET_CLASSES,
    FEEDS,
    KEYS,
    MARKET_EVENTS,
    NULLABLE,
    SCHEMAS,
    UTC,
    SchemaError,
    conform,
    empty,
)
from dnalyaw.market._sessions import (
    DECISION_LEAD,
    SessionError,
    SessionTimes,
    calendar_span,
    decision_moment,
    is_session,
    next_session,
    previous_session,
    session_close,
    session_on_or_after,
    session_on_or_before,
    session_open,
    session_table,
    session_times,
    sessions_between,
)
from dnalyaw.market._ticks import REDUCED_FROM, session_ticks
from dnalyaw.market._universe import (
    UniverseError,
    UniverseRules,
    index_members,
    universe,
    universe_history,
)
from dnalyaw.market._volume import volume_profile

__all__ = [
    "ACTION_KINDS",
    "ASSET_CLASSES",
    "AUCTIONS",
    "DECISION_LEAD",
    "FEEDS",
    "KEYS",
    "MARKET_EVENTS",
    "NULLABLE",
    "REDUCED_FROM",
    "REGIONS",
    "SCHEMAS",
    "UTC",
    "AdjustError",
    "Assigned",
    "AuctionWindow",
    "Bars",
    "BarsError",
    "IdentityError",
    "Instrument",
    "InstrumentMaster",
    "Label",
    "LabelError",
    "Region",
    "RegionError",
    "SchemaError",
    "SessionError",
    "SessionTimes",
    "UniverseError",
    "UniverseRules",
    "adjust_bars",
    "calendar_span",
    "conform",
    "decision_moment",
    "empty",
    "index_members",
    "is_session",
    "minute_bars",
    "next_session",
    "parse_label",
    "previous_session",
    "region",
    "session_bars",
    "session_close",
    "session_on_or_after",
    "session_on_or_before",
    "session_open",
    "session_table",
    "session_ticks",
    "session_times",
    "sessions_between",
    "total_returns",
    "universe",
    "universe_history",
    "volume_profile",
]
