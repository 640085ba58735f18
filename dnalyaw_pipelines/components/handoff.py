"""The hand-off: the one asset that reaches the compiled runtime."""

import dagster as dg
import polars as pl

from dnalyaw_pipelines import keys
from dnalyaw_pipelines.components.strategy import declared
from dnalyaw_pipelines.home import Home
from dnalyaw_pipelines.partitions import session_partitions

HANDOFF_TAG = "dnalyaw/handoff"
"""Run tag that names the session to be traded. Without it nothing is handed off: a backfill or a plain
materialize-all carries none."""

SPEED_TAG = "dnalyaw/speed"
"""Run tag: replayed seconds of the simulated venue in one second."""

BACKFILL_TAG = "dagster/backfill"


def handoff_asset(region: str) -> dg.AssetsDefinition:
    """Hands the target portfolio over, for the current session only."""

    @dg.asset(
        key=keys.asset(region, "handoff"),
        ins={
            "targets": dg.AssetIn(keys.asset(region, "target_portfolio")),
            "panel_frame": dg.AssetIn(keys.asset(region, "dbt", "marts", "mart_factor_panel")),
        },
        partitions_def=session_partitions(region),
        kinds={"go", "rust"},
        owners=["team:trading"],
        group_name=f"{region.lower()}_execution",
        description="Target weights to omsd; riskd approves, reduces or rejects, the venue fills. Paper by default.",
    )
    def handoff(
        context: dg.AssetExecutionContext, targets: pl.DataFrame, panel_frame: pl.DataFrame
    ) -> pl.DataFrame:
        from dnalyaw.runtime import DEFAULT_SPEED
        from dnalyaw_pipelines.trading import HandoffRefusedError, portfolios, prepare, trade

        home, partition = Home.active(), context.partition_key
        session = home.traded_session(region, partition)
        reason = why_not(home, region, partition, dict(context.run.tags))
        if reason:
            context.log.info("nothing is handed off: %s", reason)
            context.add_output_metadata({"outcome": "not handed off", "reason": reason})
            return _row("not handed off", reason, 0, "")
        messages, correlation = portfolios(targets, home, region, partition)
        speed = float(context.run.tags.get(SPEED_TAG, DEFAULT_SPEED))
        try:
            layout = prepare(home, region, partition, panel_frame, declared(region), speed)
            done = trade(home, region, session, layout, messages, correlation, speed)
        except HandoffRefusedError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        context.add_output_metadata(
            {
                "outcome": done.outcome,
                "orders_planned": done.orders_planned,
                "correlation_id": done.correlation_id,
                "session": session.isoformat(),
            }
        )
        return _row(done.outcome, done.message, done.orders_planned, done.correlation_id)

    return handoff


def why_not(home: Home, region: str, partition: str, tags: dict[str, str]) -> str:
    """Why a run may not hand off; empty when it may."""
    session = home.traded_session(region, partition).isoformat()
    if BACKFILL_TAG in tags:
        return "a backfill never trades"
    if tags.get(HANDOFF_TAG) != session:
        return (
            f"nobody asked this run to trade: it does not carry the tag {HANDOFF_TAG}={session}; "
            f"`dnalyaw run` and the schedule set it"
        )
    published = home.lake.published_partitions(region, "bars")
    if not published or published[-1] != partition:
        return f"{session} is not the current session: data of {published[-1] if published else '?'} is published"
    return ""


def _row(outcome: str, message: str, orders: int, correlation: str) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "outcome": [outcome],
            "message": [message],
            "orders_planned": [orders],
            "correlation_id": [correlation],
        }
    )
