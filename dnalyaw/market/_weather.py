"""Hong Kong's trading hours where `exchange_calendars` 4.13 does not have them: storms, and the lunch of earlier years.

Since 23 September 2024 the exchange trades through typhoons and black rain, so no later day belongs here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time

__all__ = ["LUNCHES", "SEVERE_WEATHER", "TRADES_THROUGH_STORMS", "StormDay", "lunch"]

TRADES_THROUGH_STORMS = date(2024, 9, 23)
"""First day of HKEX's severe weather trading."""


@dataclass(frozen=True, slots=True)
class StormDay:
    """What a storm left of a session; local times.

    Attributes
    ----------
    why : str
        The signal, and where it is on record.
    opened : datetime.time or None
        When trading began, None where it began as usual; the afternoon's usual start where the minute is not on record.
    closed : datetime.time or None
        When trading ended, None where it ended as usual.
    lost : bool
        Whether there was no trading at all.
    """

    why: str
    opened: time | None = None
    closed: time | None = None
    lost: bool = False


_MORNING = "morning lost, as exchange_calendars notes beside its table; it keeps the day whole"

# The notices and signals are named from memory of them; none could be consulted when this was written.
SEVERE_WEATHER: dict[date, StormDay] = {
    date(2008, 6, 25): StormDay(f"Fengshen: {_MORNING}", opened=time(14, 30)),
    date(2009, 9, 15): StormDay(f"Koppu: {_MORNING}", opened=time(14, 30)),
    date(2012, 7, 24): StormDay(f"Vicente: {_MORNING}", opened=time(13, 0)),
    date(2013, 5, 22): StormDay(f"black rain: {_MORNING}", opened=time(13, 0)),
    date(2013, 9, 23): StormDay(f"Usagi: {_MORNING}", opened=time(13, 0)),
    date(2014, 9, 16): StormDay(f"Kalmaegi: {_MORNING}", opened=time(13, 0)),
    date(2021, 6, 28): StormDay(
        "black rain: HKEX notice of the day, trading from 13:30", opened=time(13, 30)
    ),
    date(2022, 8, 25): StormDay(
        "Ma-on, signal 8 until 09:20: HKEX notice, trading from 13:00", opened=time(13, 0)
    ),
    date(2022, 11, 2): StormDay(
        "Nalgae, signal 8 at 13:40: HKEX ends trading 15 minutes later", closed=time(13, 55)
    ),
    date(2023, 9, 1): StormDay("Saola, signal 8 and above all day: HKEX notice", lost=True),
    date(2023, 9, 8): StormDay("black rain of 7 to 8 September: HKEX notice", lost=True),
    date(2023, 10, 9): StormDay("Koinu: HKEX notice, trading from 14:00", opened=time(14, 0)),
}
"""Storm days that the library lacks, or has whole. Others are left as the library has them."""

LUNCHES: tuple[tuple[date, time, time], ...] = (
    (date.min, time(12, 30), time(14, 30)),
    (date(2011, 3, 7), time(12, 0), time(13, 30)),
    (date(2012, 3, 5), time(12, 0), time(13, 0)),
)
"""First day, start and end of the lunch break (HKEX extended its hours twice); the library has the last throughout."""


def lunch(day: date) -> tuple[time, time]:
    """Return start and end of Hong Kong's lunch break on `day`, local time."""
    return next((start, end) for first, start, end in reversed(LUNCHES) if day >= first)
