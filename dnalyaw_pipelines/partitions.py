"""Session partitions: a region's exchange calendar as Dagster sees it."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import dagster as dg

from dnalyaw.market import region as region_of
from dnalyaw_pipelines.home import Home, HomeError

WEEKENDS = "0 0 * * 6,0"


@lru_cache(maxsize=16)
def session_partitions(region: str) -> dg.DailyPartitionsDefinition:
    """The sessions of a region from the home's first one on.

    The holidays were written into the home when it was made, so that loading the code location needs
    no calendar. Before the first run there is no session yet and the definition starts on an arbitrary day.
    """
    timezone = region_of(region).timezone
    try:
        config = Home.active().config()
    except HomeError:
        return dg.DailyPartitionsDefinition(start_date="2026-01-02", timezone=timezone)
    if region not in config.regions:
        return dg.DailyPartitionsDefinition(start_date="2026-01-02", timezone=timezone)
    facts = config.regions[region]
    closed = [datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(timezone)) for day in facts.holidays]
    return dg.DailyPartitionsDefinition(
        start_date=facts.genesis, timezone=timezone, exclusions=[WEEKENDS, *closed], end_offset=1
    )
