"""Sessions of an exchange: which days trade, and when they open, pause and close (all UTC).

The calendars are those of `exchange_calendars`; Hong Kong's storm days and earlier lunch breaks are put right by
`dnalyaw.market._weather`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

import polars as pl

from dnalyaw.market._region import region
from dnalyaw.market._weather import SEVERE_WEATHER, lunch

__all__ = [
    "DECISION_LEAD",
    "FIRST_DAY",
    "LAST_DAY",
    "SessionError",
    "SessionTimes",
    "calendar_span",
    "decision_moment",
    "is_session",
    "next_session",
    "previous_session",
    "session_close",
    "session_on_or_after",
    "session_on_or_before",
    "session_open",
    "session_table",
    "session_times",
    "sessions_between",
]

DECISION_LEAD = timedelta(minutes=30)
"""How long before the open a run decides."""

# Building a calendar costs time in proportion to its span, so the span is fixed: it covers the oldest data
# that a provider reads and the years to come. Hong Kong's lunar holidays are tabulated to 2049; China's holidays are
# announced a year ahead, so its calendar begins with its exchange and ends with the last year the library knows.
FIRST_DAY = date(1985, 1, 1)
LAST_DAY = date(2035, 12, 31)


class SessionError(ValueError):
    """Raised for a day that is no session, or lies outside the calendar's span."""


@dataclass(frozen=True, slots=True)
class SessionTimes:
    """Moments of one session, UTC.

    Attributes
    ----------
    session : datetime.date
    open, close : datetime.datetime
    breaks : tuple of (datetime, datetime)
        Pauses within the session, e.g. Hong Kong's lunch; empty where there is none.
    """

    session: date
    open: datetime
    close: datetime
    breaks: tuple[tuple[datetime, datetime], ...]


@lru_cache(maxsize=8)
def _table(code: str) -> pl.DataFrame:
    # Imported here: pandas and the holiday tables cost over a second that many commands never need.
    import exchange_calendars

    first, last = calendar_span(code)
    schedule = exchange_calendars.get_calendar(
        region(code).calendar, start=first.isoformat(), end=last.isoformat()
    ).schedule
    moments = {
        name: pl.Series(name, schedule[name].dt.tz_localize(None).to_numpy().astype("datetime64[us]"))
        for name in ("open", "close", "break_start", "break_end")
    }
    days = pl.Series("session", schedule.index.to_numpy().astype("datetime64[us]"))
    table = pl.DataFrame([days, *moments.values()]).select(
        pl.col("session").cast(pl.Date),
        pl.col("open", "close", "break_start", "break_end").dt.replace_time_zone("UTC"),
    )
    return _put_right(table) if code == "HK" else table


def _put_right(table: pl.DataFrame) -> pl.DataFrame:
    """Hong Kong's table with the lunch of its day, and the storm days that the library lacks."""
    zone = region("HK").timezone

    def at(clock: str) -> pl.Expr:
        local = pl.col("session").dt.combine(pl.col(clock)).dt.cast_time_unit("us")
        return local.dt.replace_time_zone(zone).dt.convert_time_zone("UTC")

    days = table["session"].to_list()
    storms = [SEVERE_WEATHER.get(day) for day in days]
    clocks: dict[str, list[time | None]] = {
        "__opened": [storm.opened if storm else None for storm in storms],
        "__closed": [storm.closed if storm else None for storm in storms],
        "__lunch": [lunch(day)[0] for day in days],
        "__noon": [lunch(day)[1] for day in days],
    }
    lost = [day for day, storm in zip(days, storms, strict=True) if storm is not None and storm.lost]
    whole = table.with_columns(
        *(pl.Series(name, clock, pl.Time) for name, clock in clocks.items()),
    ).with_columns(
        pl.coalesce(at("__opened"), "open").alias("open"),
        pl.coalesce(at("__closed"), "close").alias("close"),
        # A day that the library has without a break closes before noon's is over.
        pl.when(pl.col("break_start").is_not_null()).then(at("__lunch")).alias("break_start"),
        pl.when(pl.col("break_start").is_not_null()).then(at("__noon")).alias("break_end"),
    )
    # A session that begins in the afternoon, or ends before it, has no lunch.
    has_break = (pl.col("open") < pl.col("break_start")) & (pl.col("close") > pl.col("break_end"))
    return whole.filter(~pl.col("session").is_in(lost)).select(
        "session",
        "open",
        "close",
        *(pl.when(has_break).then(name).alias(name) for name in ("break_start", "break_end")),
    )


@lru_cache(maxsize=8)
def calendar_span(code: str) -> tuple[date, date]:
    """Return the first and the last day that the calendar of region `code` covers.

    Shanghai opened in December 1990, and China decrees its holidays a year at a time: its calendar ends where the
    installed exchange_calendars knows them no further.
    """
    if region(code).calendar != "XSHG":
        return FIRST_DAY, LAST_DAY
    from exchange_calendars.exchange_calendar_xshg import XSHGExchangeCalendar

    low, high = XSHGExchangeCalendar.bound_min().date(), XSHGExchangeCalendar.bound_max().date()
    return max(FIRST_DAY, low), min(LAST_DAY, high)


@lru_cache(maxsize=8)
def _days(code: str) -> tuple[date, ...]:
    return tuple(_table(code)["session"].to_list())


def _in_span(code: str, day: date) -> None:
    first, last = calendar_span(code)
    if not first <= day <= last:
        raise SessionError(f"{day} is outside the {code} calendar, which covers {first} to {last}")


def sessions_between(code: str, start: date, end: date) -> list[date]:
    """Return the sessions of region `code` in [`start`, `end`], ascending; empty when `end` < `start`."""
    region(code)
    if end < start:
        return []
    _in_span(code, start)
    _in_span(code, end)
    days = _days(code)
    return list(days[bisect_left(days, start) : bisect_right(days, end)])


def is_session(code: str, day: date) -> bool:
    """Whether the exchange of region `code` trades on `day`."""
    _in_span(code, day)
    days = _days(code)
    i = bisect_left(days, day)
    return i < len(days) and days[i] == day


def session_on_or_after(code: str, day: date) -> date:
    """Return the first session at or after `day`."""
    _in_span(code, day)
    days = _days(code)
    i = bisect_left(days, day)
    if i == len(days):
        raise SessionError(f"the {code} calendar has no session on or after {day}; it ends {days[-1]}")
    return days[i]


def session_on_or_before(code: str, day: date) -> date:
    """Return the last session at or before `day`."""
    _in_span(code, day)
    days = _days(code)
    i = bisect_right(days, day)
    if i == 0:
        raise SessionError(f"the {code} calendar has no session on or before {day}; it starts {days[0]}")
    return days[i - 1]


def next_session(code: str, day: date) -> date:
    """Return the first session strictly after `day` (which need not be a session)."""
    return session_on_or_after(code, day + timedelta(days=1))


def previous_session(code: str, day: date) -> date:
    """Return the last session strictly before `day` (which need not be a session)."""
    return session_on_or_before(code, day - timedelta(days=1))


@lru_cache(maxsize=65536)
def session_times(code: str, session: date) -> SessionTimes:
    """Return open, close and breaks of one session, UTC.

    Raises
    ------
    SessionError
        If the exchange does not trade on that day; the message names the next session.
    """
    if not is_session(code, session):
        raise SessionError(
            f"{session} is no session of {code} ({region(code).calendar}); "
            f"the next one is {next_session(code, session)}"
        )
    row = _table(code).row(bisect_left(_days(code), session), named=True)
    breaks: tuple[tuple[datetime, datetime], ...] = ()
    if row["break_start"] is not None:
        breaks = ((_utc(row["break_start"]), _utc(row["break_end"])),)
    return SessionTimes(session=session, open=_utc(row["open"]), close=_utc(row["close"]), breaks=breaks)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def session_table(code: str, start: date, end: date) -> pl.DataFrame:
    """Return the sessions in [`start`, `end`] as a frame, ascending.

    Returns
    -------
    polars.DataFrame
        Columns `session` (date), `open`, `close`, `break_start`, `break_end` (UTC; breaks null where none).
    """
    region(code)
    if end >= start:
        _in_span(code, start)
        _in_span(code, end)
    return _table(code).filter(pl.col("session").is_between(start, end))


def session_open(code: str, session: date) -> datetime:
    """Return the moment the session opens, UTC."""
    return session_times(code, session).open


def session_close(code: str, session: date) -> datetime:
    """Return the moment the session closes, UTC (half days close early)."""
    return session_times(code, session).close


def decision_moment(code: str, session: date) -> datetime:
    """Return the moment a run for `session` decides: 30 minutes before its open, UTC."""
    return session_open(code, session) - DECISION_LEAD
