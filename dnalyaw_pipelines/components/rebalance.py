"""A region's trading day: from strategies to the report, with the job and the schedule that run it."""

import dagster as dg

from dnalyaw_pipelines.components.aftermath import aftermath_assets
from dnalyaw_pipelines.components.handoff import HANDOFF_TAG, handoff_asset
from dnalyaw_pipelines.components.research import research_assets


class Rebalance(dg.Component, dg.Model, dg.Resolvable):
    """Backtest, sizing, target portfolio, hand-off, execution, cost and report of one region.

    Attributes
    ----------
    region : str
        ``US`` or ``HK``.
    cron : str
        When the schedule fires, in the exchange's time zone: at the decision moment.
    """

    region: str
    cron: str = "0 9 * * 1-5"

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The assets, the region's daily job and its schedule."""
        region = self.region
        job = dg.define_asset_job(
            f"{region.lower()}_daily",
            selection=dg.AssetSelection.key_prefixes([region.lower()]),
            description=f"One session of {region}, from feed to fills.",
            executor_def=dg.in_process_executor,
        )
        return dg.Definitions(
            assets=[*research_assets(region), handoff_asset(region), *aftermath_assets(region)],
            jobs=[job],
            schedules=[rebalance_schedule(region, self.cron, job)],
        )


def rebalance_schedule(region: str, cron: str, job: object) -> dg.ScheduleDefinition:
    """Fires on every weekday at the decision moment, and skips what is no session."""
    from dnalyaw.market import region as region_of

    @dg.schedule(
        name=f"{region.lower()}_rebalance",
        cron_schedule=cron,
        execution_timezone=region_of(region).timezone,
        job=job,
        description=f"Rebalances {region} on every session of its exchange; holidays are skipped.",
    )
    def rebalance(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        from dnalyaw.market import is_session, previous_session

        day = context.scheduled_execution_time.date()
        if not is_session(region, day):
            return dg.SkipReason(f"{day} is no session of {region}; the exchange is closed")
        partition = previous_session(region, day)
        return dg.RunRequest(
            run_key=f"{region}-{day.isoformat()}",
            partition_key=partition.isoformat(),
            tags={HANDOFF_TAG: day.isoformat(), "dnalyaw/session": day.isoformat()},
        )

    return rebalance
