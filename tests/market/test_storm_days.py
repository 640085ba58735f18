"""Hong Kong's storms and lunches, and mainland China's calendar."""

from datetime import date, time
from zoneinfo import ZoneInfo

import pytest

from dnalyaw.market import SessionError, calendar_span, is_session, next_session, region, session_times
from dnalyaw.market._weather import SEVERE_WEATHER, TRADES_THROUGH_STORMS


def _clock(code: str, day: date) -> tuple[time, time, tuple[time, ...]]:
    times, zone = session_times(code, day), ZoneInfo(region(code).timezone)
    breaks = tuple(at.astimezone(zone).time() for pause in times.breaks for at in pause)
    return times.open.astimezone(zone).time(), times.close.astimezone(zone).time(), breaks


NOON = (time(12), time(13))


@pytest.mark.parametrize("day", [date(2023, 7, 17), date(2023, 9, 1), date(2023, 9, 8), date(2020, 10, 13)])
def test_days_lost_to_storms(day: date) -> None:
    assert not is_session("HK", day)
    with pytest.raises(SessionError, match=f"{day} is no session of HK"):
        session_times("HK", day)


def test_the_day_after_a_lost_one_follows_the_day_before() -> None:
    assert next_session("HK", date(2023, 8, 31)) == date(2023, 9, 4)


def test_days_that_a_storm_shortened() -> None:
    assert _clock("HK", date(2022, 8, 25)) == (time(13), time(16), ())
    assert _clock("HK", date(2022, 11, 2)) == (time(9, 30), time(13, 55), NOON)
    assert _clock("HK", date(2023, 10, 9)) == (time(14), time(16), ())
    assert _clock("HK", date(2021, 6, 28)) == (time(13, 30), time(16), ())
    assert _clock("HK", date(2008, 6, 25)) == (time(14, 30), time(16), ())


def test_storms_stop_nothing_since_the_rule_changed() -> None:
    assert max(SEVERE_WEATHER) < TRADES_THROUGH_STORMS
    # Toraji, signal 8, and Ragasa, signal 10: whole days.
    assert _clock("HK", date(2024, 11, 14)) == (time(9, 30), time(16), NOON)
    assert _clock("HK", date(2025, 9, 24)) == (time(9, 30), time(16), NOON)


def test_every_storm_day_is_in_force() -> None:
    for day, storm in SEVERE_WEATHER.items():
        assert is_session("HK", day) is not storm.lost, day
        if not storm.lost:
            opened, closed, _ = _clock("HK", day)
            assert (storm.opened or opened, storm.closed or closed) == (opened, closed)


def test_lunch_was_longer_before_2012() -> None:
    assert _clock("HK", date(2011, 3, 4)) == (time(10), time(16), (time(12, 30), time(14, 30)))
    assert _clock("HK", date(2011, 3, 7)) == (time(9, 30), time(16), (time(12), time(13, 30)))
    assert _clock("HK", date(2012, 3, 5)) == (time(9, 30), time(16), NOON)
    # Half days have none.
    assert _clock("HK", date(2010, 12, 31)) == (time(10), time(12, 30), ())
    assert _clock("HK", date(2024, 12, 24)) == (time(9, 30), time(12), ())


def test_mainland_china() -> None:
    assert _clock("CN", date(2024, 3, 1)) == (time(9, 30), time(15), (time(11, 30), time(13)))
    assert not is_session("CN", date(2024, 2, 9))
    first, last = calendar_span("CN")
    with pytest.raises(
        SessionError, match=f"1989-01-03 is outside the CN calendar, which covers {first} to {last}"
    ):
        is_session("CN", date(1989, 1, 3))
