"""Session partitions: a region's exchange calendar as Dagster sees it."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import dagster as dg

from dnalyaw.market import region as region_of
from dnalyaw_pipelines.home import Home, HomeError

WEEKENDS = "0 0 * * 6,0"


def session_partitions(region: str) -> dg.DailyPartitionsDefinition:
    """The sessions of a region from the home's first one on.

    The holidays were written into the home when it was made, so that loading the code location needs
    no calendar. Before the first run there is no session yet and the definition starts on an arbitrary day.
    """
    timezone = region_of(region).timezone
    try:
        facts = Home.active().config().regions.get(region)
    except HomeError:
        facts = None
    if facts is None:
        return _partitions(timezone, "2026-01-02", ())
    return _partitions(timezone, facts.genesis, tuple(facts.holidays))


@lru_cache(maxsize=16)
def _partitions(timezone: str, start: str, holidays: tuple[str, ...]) -> dg.DailyPartitionsDefinition:
    if not holidays:
        return dg.DailyPartitionsDefinition(start_date=start, timezone=timezone)
    closed = [datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(timezone)) for day in holidays]
    return dg.DailyPartitionsDefinition(
        start_date=start, timezone=timezone, exclusions=[WEEKENDS, *closed], end_offset=1
    )
