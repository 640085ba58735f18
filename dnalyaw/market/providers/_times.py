"""Times that recorded data does not state, from stated lags."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import polars as pl

from dnalyaw.market._region import region as region_of
from dnalyaw.market._sessions import (
    calendar_span,
    previous_session,
    session_on_or_after,
    session_table,
    session_times,
)
from dnalyaw.market.providers._base import ProviderError

__all__ = ["BAR_LAG", "bar_times", "event_session", "known_before"]

BAR_LAG = timedelta(minutes=15)
"""How long after the close a backfilled bar is taken to have been available."""

_USUAL_CLOSE = {"CN": time(15, 0)}
_OTHER_CLOSE = time(16, 0)


def bar_times(frame: pl.DataFrame, region: str) -> pl.DataFrame:
    """Add `event_time` (the session's close) and `available_at` (15 minutes later) to bars.

    A row on a day that the exchange did not trade gets 16:00 local time (15:00 in mainland China): it is delivered as it
    was found, and the gates refuse it.
    """
    days = frame["session"]
    first, last = days.min(), days.max()
    if not isinstance(first, date) or not isinstance(last, date):
        first = last = date(2000, 1, 3)
    low, high = calendar_span(region)
    if first < low or last > high:
        odd = first if first < low else last
        raise ProviderError(
            f"a bar is dated {odd}; the {region} calendar covers {low} to {high}: correct its file"
        )
    closes = session_table(region, first, last)
    usual = (
        pl.col("session")
        .dt.combine(_USUAL_CLOSE.get(region, _OTHER_CLOSE))
        .dt.replace_time_zone(region_of(region).timezone)
        .dt.convert_time_zone("UTC")
        .dt.cast_time_unit("us")
    )
    return (
        frame.join(
            closes.select("session", pl.col("close").alias("event_time")),
            on="session",
            how="left",
            maintain_order="left",
        )
        .with_columns(pl.coalesce("event_time", usual))
        .with_columns((pl.col("event_time") + BAR_LAG).alias("available_at"))
    )


def known_before(day: date) -> datetime:
    """Return 20:00 UTC on the day before: when what takes effect on `day` is known at the latest."""
    return datetime.combine(day - timedelta(days=1), time(20, 0), tzinfo=UTC)


def event_session(region: str, day: date, first: date) -> dict[str, Any]:
    """Return the times of a change that takes effect on `day`, and the session it is delivered with.

    It is delivered with the session before, after whose close it is taken to be known. What took effect up to
    the first session of a source comes with that session, known the evening before.
    """
    session = session_on_or_after(region, max(day, first))
    if session <= first:
        return {"event_time": known_before(first), "available_at": known_before(first), "__session": first}
    before = previous_session(region, session)
    close = session_times(region, before).close
    return {"event_time": close, "available_at": close + BAR_LAG, "__session": before}
