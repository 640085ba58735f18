"""A feed: staging, its checks, and the publish step."""

from datetime import date
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

from dnalyaw_pipelines import keys
from dnalyaw_pipelines.gate import require_green
from dnalyaw_pipelines.home import Home, provider_for
from dnalyaw_pipelines.partitions import session_partitions

if TYPE_CHECKING:
    from dnalyaw.market.providers import Provider
    from dnalyaw.pit import StagedVersion

FAULT_TAG = "dnalyaw/fault"
"""Run tag that names a fault to put into what the provider delivers for the run's partition."""

CONTEXT_SESSIONS = 60
"""Sessions of published bars that a gate compares a delivery with."""


class Feed(dg.Component, dg.Model, dg.Resolvable):
    """One table that a provider delivers for one region.

    Attributes
    ----------
    region : str
        ``US`` or ``HK``.
    feed : str
        ``instruments``, ``bars``, ``quotes``, ``actions`` or ``fundamentals``.
    owners : list of str
        Who is asked when it is blocked.
    """

    region: str
    feed: str
    owners: list[str] = ["team:data"]  # noqa: RUF012 (a pydantic field: every instance has its own)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The staging asset, a check a rule, and the published asset."""
        from dnalyaw.quality import RULES

        region, feed = self.region, self.feed
        rules = RULES[feed]
        blocking = [rule.name for rule in rules if rule.severity == "error"]
        partitions = session_partitions(region)
        staging, published = keys.staging(region, feed), keys.published(region, feed)

        @dg.asset(
            key=staging,
            partitions_def=partitions,
            kinds={"polars", "parquet"},
            owners=self.owners,
            group_name=f"{region.lower()}_feeds",
            description=f"{feed} of {region} as received; a version a delivery, never overwritten.",
        )
        def land(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
            return _land(context, region, feed)

        @dg.asset(
            key=published,
            deps=[staging],
            partitions_def=partitions,
            kinds={"parquet"},
            owners=self.owners,
            group_name=f"{region.lower()}_feeds",
            description=f"{feed} of {region}: the version whose checks passed, pinned; what every reader sees.",
        )
        def publish(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
            return _publish(context, region, feed, blocking)

        checks = [_check(region, feed, rule, staging, partitions) for rule in rules]
        return dg.Definitions(assets=[land, publish], asset_checks=checks)


def _provider(context: dg.AssetExecutionContext, home: Home, region: str) -> "Provider":
    config = home.config()
    fault = context.run.tags.get(FAULT_TAG)
    if fault is None:
        return provider_for(config.provider, config.seed)
    return provider_for(config.provider, config.seed, fault, date.fromisoformat(context.partition_key))


def _land(context: dg.AssetExecutionContext, region: str, feed: str) -> dg.MaterializeResult:
    from dnalyaw.market import empty
    from dnalyaw.market.providers import ProviderError

    home = Home.active()
    partition = context.partition_key
    start, end = home.window(region, feed, partition)
    try:
        provider = _provider(context, home, region)
        carried = feed in provider.feeds(region)
        frame = provider.fetch(feed, region, start, end) if carried else empty(feed)
    except ProviderError as error:
        raise dg.Failure(f"{region} {feed} {partition}: {error}") from error
    staged = home.lake.land(region, feed, partition, frame)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": frame.height,
            "dagster/column_schema": dg.TableSchema(
                [dg.TableColumn(n, str(t)) for n, t in frame.schema.items()]
            ),
            "version": staged.version,
            "sha256": staged.sha256,
            "provider": home.config().provider,
            "carried_by_provider": carried,
            "sessions": f"{start} to {end}",
            "file": dg.MetadataValue.path(staged.path),
        }
    )


def _check(
    region: str, feed: str, rule: object, staging: dg.AssetKey, partitions: dg.PartitionsDefinition
) -> dg.AssetChecksDefinition:
    severity = getattr(rule, "severity")  # noqa: B009
    name = getattr(rule, "name")  # noqa: B009

    @dg.asset_check(
        asset=staging,
        name=name,
        blocking=severity == "error",
        partitions_def=partitions,
        description=getattr(rule, "description", None),
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        return _judge(Home.active(), region, feed, rule, context.op_execution_context.partition_key)

    return check


def _judge(home: Home, region: str, feed: str, rule: object, partition: str) -> dg.AssetCheckResult:
    from dnalyaw.quality import run_rule

    staged = home.lake.latest(region, feed, partition)
    findings = run_rule(rule, staged.read().drop("ingested_at"), gate_context(home, region, feed, partition))
    name, severity = rule.name, rule.severity
    accepted = home.lake.acceptance(staged, name) if findings else None
    metadata: dict[str, object] = {"version": staged.version, "rule": name, "findings": len(findings)}
    if findings:
        metadata["message"] = " | ".join(finding.message for finding in findings)
        metadata["rows"] = sum(finding.n_rows for finding in findings)
        metadata["examples"] = dg.MetadataValue.json(
            [{k: str(v) for k, v in row.items()} for finding in findings for row in finding.rows[:20]]
        )
    if accepted is not None:
        metadata["accepted"] = f"{str(accepted['at'])[:10]} {accepted['who']}: {accepted['reason']}"
    return dg.AssetCheckResult(
        passed=not findings or accepted is not None,
        severity=dg.AssetCheckSeverity.ERROR if severity == "error" else dg.AssetCheckSeverity.WARN,
        description=str(metadata.get("message", "nothing found")),
        metadata=metadata,
    )


def gate_context(home: Home, region: str, feed: str, partition: str):
    """What a gate may compare a delivery with: earlier published bars, and the same session's other feeds."""
    from dnalyaw.market import sessions_between
    from dnalyaw.market.providers import is_close_only
    from dnalyaw.quality import GateContext

    config = home.config()
    start, end = home.window(region, "bars", partition)
    genesis = partition == config.regions[region].genesis
    provider = provider_for(config.provider, config.seed)
    return GateContext(
        region=region,
        session=end,
        expected_sessions=tuple(sessions_between(region, start, end)),
        genesis=genesis,
        carried=feed in provider.feeds(region),
        close_only=is_close_only(provider),
        history=_published_tail(home, region, partition),
        quotes=_staged_frame(home, region, "quotes", partition),
        actions=_staged_frame(home, region, "actions", partition),
        instruments=_staged_frame(home, region, "instruments", partition),
        previous=_previous(home, region, feed, partition),
        # Actions are judged by the prices they should have moved and by the dividends that came before.
        bars=_staged_frame(home, region, "bars", partition) if feed == "actions" else None,
        past_actions=_published_actions(home, region, partition) if feed == "actions" else None,
    )


def _published_tail(home: Home, region: str, partition: str) -> pl.DataFrame | None:
    """The last published bars before a partition; None at the beginning."""
    earlier = [p for p in home.lake.published_partitions(region, "bars") if p < partition]
    frames: list[pl.DataFrame] = []
    sessions = 0
    for name in reversed(earlier):
        frame = home.lake.read_published(region, "bars", name)[-1].drop("ingested_at")
        frames.append(frame)
        sessions += frame["session"].n_unique()
        if sessions >= CONTEXT_SESSIONS:
            break
    if not frames:
        return None
    history = pl.concat(frames[::-1], how="vertical_relaxed")
    keep = history["session"].unique().sort().tail(CONTEXT_SESSIONS)
    return history.filter(pl.col("session").is_in(keep.implode())).sort("session", "instrument_id")


def _published_actions(home: Home, region: str, partition: str) -> pl.DataFrame | None:
    """Every published action before a partition; None at the beginning."""
    earlier = [p for p in home.lake.published_partitions(region, "actions") if p < partition]
    frames = [home.lake.read_published(region, "actions", p)[-1].drop("ingested_at") for p in earlier]
    return pl.concat(frames, how="vertical_relaxed") if frames else None


def _previous(home: Home, region: str, feed: str, partition: str) -> pl.DataFrame | None:
    """The same feed's published rows of the session before; None at the beginning."""
    earlier = [p for p in home.lake.published_partitions(region, feed) if p < partition]
    if not earlier:
        return None
    frame = home.lake.read_published(region, feed, earlier[-1])[-1].drop("ingested_at")
    return frame.filter(pl.col("session") == pl.col("session").max()) if "session" in frame.columns else frame


def _staged_frame(home: Home, region: str, feed: str, partition: str) -> pl.DataFrame | None:
    versions: list[StagedVersion] = home.lake.versions(region, feed, partition)
    return versions[-1].read().drop("ingested_at") if versions else None


def _publish(
    context: dg.AssetExecutionContext, region: str, feed: str, blocking: list[str]
) -> dg.MaterializeResult:
    home = Home.active()
    partition = context.partition_key
    verdicts = require_green(context.instance, keys.staging(region, feed), blocking, partition)
    staged = home.lake.latest(region, feed, partition)
    rows = staged.read().height
    pin = home.lake.publish(staged, rows=rows, checks=verdicts)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows,
            "version": pin.version,
            "sha256": pin.sha256,
            "pin": pin.seq,
            "checks": dg.MetadataValue.json(dict(pin.checks)),
            "file": dg.MetadataValue.path(staged.path),
        }
    )
