"""Readers of feed `series` as of a moment: indices, volatility indices, interest rates."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

import polars as pl

from dnalyaw.market._known import known_rows, last_rows
from dnalyaw.market._sessions import sessions_between

if TYPE_CHECKING:
    from dnalyaw.pit import AsOf

__all__ = [
    "DAY_COUNTS",
    "DayCount",
    "SeriesError",
    "SeriesPoint",
    "StaleSeriesError",
    "accrued",
    "known_series",
    "series_value",
    "year_fraction",
]

DayCount = Literal["ACT/360", "ACT/365F", "30/360"]

DAY_COUNTS: dict[str, DayCount] = {"USD": "ACT/360", "HKD": "ACT/365F", "CNY": "ACT/360"}
"""How the money market of each currency counts days."""


class SeriesError(LookupError):
    """Raised when a series is not known at a moment, or holds what cannot be used; the message names it."""


class StaleSeriesError(SeriesError):
    """Raised when the last known value is older than its reader allows.

    Attributes
    ----------
    series : str
    session : datetime.date
        The day that the last known value describes.
    age_sessions : int
        Sessions since.
    """

    def __init__(self, message: str, series: str, session: date, age_sessions: int) -> None:
        super().__init__(message)
        self.series, self.session, self.age_sessions = series, session, age_sessions


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """A value of a series as it was known.

    Attributes
    ----------
    series : str
    session : datetime.date
        The day that it describes.
    value : float
    unit : str
    age_sessions : int
        Sessions of the reader's region after `session`, up to the one it was asked for.
    """

    series: str
    session: date
    value: float
    unit: str
    age_sessions: int


def known(frame: pl.DataFrame, key: list[str], as_of: AsOf) -> pl.DataFrame:
    """Return the last version of each row that was known at `as_of`."""
    from dnalyaw.pit import AsOf

    if not isinstance(as_of, AsOf):
        raise TypeError(f"as_of must be a dnalyaw.pit.AsOf, got {type(as_of).__name__}")
    return last_rows(known_rows(frame, as_of, "rows", TypeError), key)


def known_series(frame: pl.DataFrame, as_of: AsOf, *names: str) -> pl.DataFrame:
    """Return series as they were known: one row a series and session, corrections applied.

    Parameters
    ----------
    frame : polars.DataFrame
        Rows of feed `series`; every version of them.
    as_of : AsOf
    *names : str
        Which series; all when none is named.

    Returns
    -------
    polars.DataFrame
        Rows of `frame`, sorted by series and session.
    """
    if names:
        frame = frame.filter(pl.col("series").is_in(list(names)))
    return known(frame, ["series", "session"], as_of)


def series_value(
    frame: pl.DataFrame, name: str, session: date, as_of: AsOf, *, region: str, max_age_sessions: int
) -> SeriesPoint:
    """Return the last value of a series that describes `session` or a day before, as known at `as_of`.

    Parameters
    ----------
    frame : polars.DataFrame
        Rows of feed `series`.
    name : str
        E.g. ``"VOL.US"``.
    session : datetime.date
        The day to be described; later days are not looked at, whether known or not.
    as_of : AsOf
    region : str
        Whose sessions the age is counted in.
    max_age_sessions : int
        How old the value may be: 0 is of `session` itself, 1 of the session before.

    Raises
    ------
    SeriesError
        If no value is known, or it is not a finite number.
    StaleSeriesError
        If the last known value is older than allowed.

    Examples
    --------
    >>> from datetime import UTC, date, datetime
    >>> from dnalyaw.market.providers import open_provider
    >>> from dnalyaw.pit import AsOf
    >>> frame = open_provider("sample").fetch("series", "US", date(2026, 11, 16), date(2026, 11, 20))
    >>> evening = AsOf(datetime(2026, 11, 20, 12, 0, tzinfo=UTC))
    >>> point = series_value(
    ...     frame, "VOL.US", date(2026, 11, 20), evening, region="US", max_age_sessions=1
    ... )
    >>> (point.session, point.age_sessions)
    (datetime.date(2026, 11, 19), 1)
    """
    rows = known_series(frame, as_of, name).filter(pl.col("session") <= session)
    if rows.is_empty():
        raise SeriesError(
            f"series {name}: no value of {session} or before is known as of {as_of}; it has {_have(frame)}"
        )
    day, value, unit = rows.select("session", "value", "unit").row(-1)
    age = sessions_since(region, day, session)
    if age > max_age_sessions:
        raise StaleSeriesError(
            f"series {name}: the last value known as of {as_of} is of {day}, {age} {region} sessions before "
            f"{session}, and {max_age_sessions} are allowed; deliver the newer ones, or allow more",
            *(name, day, age),
        )
    if value is None or not math.isfinite(value):
        raise SeriesError(f"series {name}: its value of {day} is {value}; correct the feed")
    return SeriesPoint(name, day, value, unit, age)


def sessions_since(region: str, day: date, session: date) -> int:
    """Return how many sessions lie after `day`, up to and including `session`."""
    sessions = sessions_between(region, day, session)
    return len(sessions) - bisect_right(sessions, day)


def _have(frame: pl.DataFrame) -> str:
    names = frame["series"].unique().sort().to_list()
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "") if names else "no series at all"


def year_fraction(start: date, end: date, day_count: DayCount) -> float:
    """Return the part of a year between two days (ISDA 2006 definitions, section 4.16).

    Parameters
    ----------
    start, end : datetime.date
        `start` counts and `end` does not.
    day_count : str
        ``ACT/360``, ``ACT/365F`` or ``30/360`` (bond basis).

    Raises
    ------
    SeriesError
        If `end` is before `start`, or the day count is unknown.
    """
    if end < start:
        raise SeriesError(f"the period ends on {end}, before it starts on {start}: swap them")
    if day_count == "ACT/360":
        return (end - start).days / 360
    if day_count == "ACT/365F":
        return (end - start).days / 365
    if day_count == "30/360":
        first = min(start.day, 30)
        last = 30 if end.day == 31 and first == 30 else end.day
        return (360 * (end.year - start.year) + 30 * (end.month - start.month) + last - first) / 360
    raise SeriesError(f"unknown day count {day_count!r}: use ACT/360, ACT/365F or 30/360")


def accrued(
    frame: pl.DataFrame,
    currency: str,
    tenor: str,
    start: date,
    end: date,
    as_of: AsOf,
    *,
    region: str,
    max_age_sessions: int,
    day_count: DayCount | None = None,
) -> float:
    """Return the simple interest that one unit of money earns from `start` to `end` at the rate known of `start`.

    Parameters
    ----------
    frame : polars.DataFrame
        Rows of feed `series`; ``RATE.<currency>.<tenor>`` is a fraction a year.
    currency, tenor : str
        E.g. ``"USD"``, ``"3M"``.
    start, end : datetime.date
    as_of : AsOf
    region, max_age_sessions
        As in `series_value`.
    day_count : str, optional
        The money market's own (`DAY_COUNTS`) when omitted.

    Raises
    ------
    SeriesError, StaleSeriesError
        As `series_value`, and where no day count is known for the currency or the rate's unit is another.
    """
    counted = day_count or DAY_COUNTS.get(currency)
    if counted is None:
        raise SeriesError(f"no day count is known for {currency}: name one of ACT/360, ACT/365F, 30/360")
    name = f"RATE.{currency}.{tenor}"
    point = series_value(frame, name, start, as_of, region=region, max_age_sessions=max_age_sessions)
    # A rate in percent would earn a hundred times too much.
    if point.unit != "fraction a year":
        raise SeriesError(
            f"series {name}: its unit is {point.unit!r}, want 'fraction a year'; convert the feed"
        )
    return point.value * year_fraction(start, end, counted)
