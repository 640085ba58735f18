"""When a feed ingests itself: a job and a schedule, stopped until somebody switches it on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dagster as dg

from dnalyaw_pipelines import keys
from dnalyaw_pipelines.feed_spec import FeedSpec, Place, lag_minutes
from dnalyaw_pipelines.home import Home, HomeError

if TYPE_CHECKING:
    from dnalyaw_pipelines.components.feed import When

CLOSES = {"US": (16, 0), "HK": (16, 0), "CN": (15, 0)}
"""Regular close of each exchange on its own clock: a lag counts from it, on a short day too."""


def feed_schedule(
    spec: FeedSpec, when: When, place: Place
) -> tuple[list[dg.UnresolvedAssetJobDefinition], list[dg.ScheduleDefinition]]:
    """The job that ingests one feed, and the schedule that runs it for every session."""
    cron, timezone, days = _cron(spec, when, place)
    name = f"{spec.region.lower()}_{spec.name}_ingest"
    staging, published = keys.staging(spec.region, spec.name), keys.published(spec.region, spec.name)
    job = dg.define_asset_job(
        name,
        selection=dg.AssetSelection.assets(staging, published),
        description=f"{spec.name} of {spec.region}, from the provider to published.",
        executor_def=dg.in_process_executor,
    )

    @dg.schedule(
        name=name,
        cron_schedule=cron,
        execution_timezone=timezone,
        job=job,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=f"Ingests {spec.name} of {spec.region} after every session of its exchange; holidays are skipped.",
    )
    def ingest(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        return request_of(spec, context.scheduled_execution_time, days)

    return [job], [ingest]


def request_of(spec: FeedSpec, moment: datetime, days: int = 0) -> dg.RunRequest | dg.SkipReason:
    """What a tick asks for: the last session that had closed, once; nothing on a holiday.

    Parameters
    ----------
    spec : FeedSpec
    moment : datetime
        Of the tick, with a time zone.
    days : int
        Days that the lag carries the tick past the session.
    """
    from dnalyaw.market import is_session, session_close
    from dnalyaw.market import region as region_of

    local = moment.astimezone(ZoneInfo(region_of(spec.region).timezone))
    day = local.date() - timedelta(days=days)
    if not is_session(spec.region, day):
        return dg.SkipReason(f"{day} is no session of {spec.region}; the exchange is closed")
    close = session_close(spec.region, day)
    if moment < close:
        return dg.SkipReason(f"{spec.region} closes at {close.isoformat()} on {day}; the tick is before it")
    try:
        regions = Home.active().config().regions
    except HomeError as error:
        return dg.SkipReason(str(error))
    if spec.region not in regions or day.isoformat() < regions[spec.region].genesis:
        return dg.SkipReason(
            f"the home holds no data of {spec.region} up to {day}; fill it with `dnalyaw run`"
        )
    return dg.RunRequest(
        run_key=f"{spec.region}-{spec.name}-{day.isoformat()}",
        partition_key=day.isoformat(),
        tags={"dnalyaw/feed": f"{spec.region.lower()}/{spec.name}"},
    )


def _cron(spec: FeedSpec, when: When, place: Place) -> tuple[str, str, int]:
    """Cron, time zone, and by how many days the tick comes after the session's date."""
    from dnalyaw.market import region as region_of

    exchange = region_of(spec.region).timezone
    if (when.cron is None) == (when.after_close is None):
        raise place.error("schedule", "write either cron or after_close")
    if when.after_close is not None:
        if when.timezone is not None:
            raise place.error("schedule.timezone", "after_close is on the exchange's clock; remove it")
        hour, minute = CLOSES[spec.region]
        days, rest = divmod(hour * 60 + minute + lag_minutes(place, when.after_close), 24 * 60)
        if days > 1:
            raise place.error("schedule.after_close", "is more than a day; write a cron")
        weekdays = "1-5" if days == 0 else "2-6"
        return f"{rest % 60} {rest // 60} * * {weekdays}", exchange, days
    from dagster._utils.schedules import is_valid_cron_string

    if not is_valid_cron_string(str(when.cron)):
        raise place.error("schedule.cron", f"{when.cron!r} is no cron; write minute hour day month weekday")
    timezone = when.timezone or exchange
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise place.error(
            "schedule.timezone", f"{timezone!r} is no time zone; write one as {exchange}"
        ) from None
    return str(when.cron), timezone, 0
