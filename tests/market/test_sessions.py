"""Sessions against dates and hours published by the exchanges."""

from datetime import UTC, date, datetime

import pytest

from dnalyaw.market import (
    SessionError,
    decision_moment,
    is_session,
    next_session,
    previous_session,
    session_table,
    session_times,
    sessions_between,
)


def test_new_york_open_follows_daylight_saving() -> None:
    assert session_times("US", date(2013, 10, 11)).open == datetime(2013, 10, 11, 13, 30, tzinfo=UTC)
    assert session_times("US", date(2013, 12, 11)).open == datetime(2013, 12, 11, 14, 30, tzinfo=UTC)


def test_decision_is_half_an_hour_before_the_open() -> None:
    assert decision_moment("HK", date(2024, 3, 1)) == datetime(2024, 3, 1, 1, 0, tzinfo=UTC)


def test_half_days_and_lunch() -> None:
    # The Friday after Thanksgiving closes at 13:00 in New York; Lunar New Year's eve has no afternoon.
    assert session_times("US", date(2013, 11, 29)).close == datetime(2013, 11, 29, 18, 0, tzinfo=UTC)
    eve = session_times("HK", date(2024, 2, 9))
    assert (eve.close, eve.breaks) == (datetime(2024, 2, 9, 4, 0, tzinfo=UTC), ())
    lunch = session_times("HK", date(2024, 3, 1)).breaks
    assert lunch == ((datetime(2024, 3, 1, 4, 0, tzinfo=UTC), datetime(2024, 3, 1, 5, 0, tzinfo=UTC)),)
    assert session_times("US", date(2024, 3, 1)).breaks == ()


def test_closures() -> None:
    # New York stayed shut for four days after 11 September 2001.
    assert next_session("US", date(2001, 9, 10)) == date(2001, 9, 17)
    assert previous_session("US", date(2001, 9, 17)) == date(2001, 9, 10)
    assert not is_session("HK", date(2024, 2, 12))


def test_between_includes_both_ends() -> None:
    assert sessions_between("US", date(2021, 3, 29), date(2021, 4, 5)) == [
        date(2021, 3, 29),
        date(2021, 3, 30),
        date(2021, 3, 31),
        date(2021, 4, 1),
        date(2021, 4, 5),
    ]
    assert sessions_between("US", date(2021, 4, 5), date(2021, 3, 29)) == []


def test_table_agrees_with_single_sessions() -> None:
    table = session_table("HK", date(2024, 2, 5), date(2024, 2, 16))
    assert table["session"].to_list() == sessions_between("HK", date(2024, 2, 5), date(2024, 2, 16))
    for row in table.iter_rows(named=True):
        times = session_times("HK", row["session"])
        assert (row["open"], row["close"]) == (times.open, times.close)


def test_a_day_off_names_the_next_session() -> None:
    with pytest.raises(SessionError, match=r"2021-04-02 is no session of US.*2021-04-05"):
        session_times("US", date(2021, 4, 2))
    with pytest.raises(SessionError, match="outside the US calendar"):
        next_session("US", date(1901, 1, 1))
