"""Instruments, regions, sessions and the tables that providers deliver.

Importing this package is cheap: calendars and providers load when they are first used.
"""

from dnalyaw.market._adjust import AdjustError, adjust_bars, total_returns
from dnalyaw.market._borrow import borrow_on
from dnalyaw.market._fx import FxRate, StaleRateError, convert_money, fx_rate
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
from dnalyaw.market._series import (
    DAY_COUNTS,
    DayCount,
    SeriesError,
    SeriesPoint,
    StaleSeriesError,
    accrued,
    known_series,
    series_value,
    year_fraction,
)
from dnalyaw.market._sessions import (
    DECISION_LEAD,
    SessionError,
    SessionTimes,
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
from dnalyaw.market._volume import volume_profile

__all__ = [
    "ACTION_KINDS",
    "ASSET_CLASSES",
    "DAY_COUNTS",
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
    "DayCount",
    "FxRate",
    "Label",
    "LabelError",
    "Region",
    "RegionError",
    "SchemaError",
    "SeriesError",
    "SeriesPoint",
    "SessionError",
    "SessionTimes",
    "StaleRateError",
    "StaleSeriesError",
    "accrued",
    "adjust_bars",
    "borrow_on",
    "conform",
    "convert_money",
    "decision_moment",
    "empty",
    "fx_rate",
    "is_session",
    "known_series",
    "next_session",
    "parse_label",
    "previous_session",
    "region",
    "series_value",
    "session_close",
    "session_on_or_after",
    "session_on_or_before",
    "session_open",
    "session_table",
    "session_ticks",
    "session_times",
    "sessions_between",
    "total_returns",
    "volume_profile",
    "year_fraction",
]
