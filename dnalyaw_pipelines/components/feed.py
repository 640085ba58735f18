"""A feed: staging, its checks, and the publish step, declared in YAML."""

import warnings
from typing import Annotated, Any

import dagster as dg
from pydantic import BaseModel

from dnalyaw_pipelines import keys
from dnalyaw_pipelines.components.feed_scaffold import FeedScaffolder
from dnalyaw_pipelines.components.feed_schedule import feed_schedule
from dnalyaw_pipelines.delivery import judge, land, publish
from dnalyaw_pipelines.feed_spec import (
    FeedError,
    FeedSpec,
    JudgedBy,
    Place,
    checked_instruments,
    checked_name,
    checked_provider,
    checked_region,
    checked_schema,
    judged_by,
    require_variables,
)
from dnalyaw_pipelines.gate import latest_version
from dnalyaw_pipelines.home import Home
from dnalyaw_pipelines.partitions import session_partitions


class Gates(dg.Model, dg.Resolvable):
    """Which rules judge a feed: all of its table's but those that are left out with a reason."""

    leave_out: dict[str, str] = {}  # noqa: RUF012 (a pydantic field: every instance has its own)


class Severity(dg.Model, dg.Resolvable):
    """Another severity than the rule's own, and why."""

    level: str
    reason: str = ""


class When(dg.Model, dg.Resolvable):
    """When a feed is ingested by itself: by cron, or a lag after the session's close."""

    cron: str | None = None
    timezone: str | None = None
    after_close: str | None = None


class Retries(dg.Model, dg.Resolvable):
    """How often a provider that fails is asked again within a run, and after how many seconds."""

    times: int = 0
    wait_s: float = 30.0


def _text(context: dg.ResolutionContext, value: Any) -> Any:
    return context.resolve_value(value)


@dg.scaffold_with(FeedScaffolder)
class Feed(dg.Component, dg.Model, dg.Resolvable):
    """One table that a provider delivers for one region.

    Attributes
    ----------
    region : str
        ``US``, ``HK`` or ``CN``.
    feed : str
        The name under which it is published: ``bars`` is what the platform reads; any other name stands beside it.
    table : str, optional
        ``schema`` in YAML: the contract's table that its rows are, the feed's name when left out.
    provider : str, optional
        As ``dnalyaw run --data`` takes it; the home's own when left out.
    instruments : list of str
        Labels, patterns (``*.NASDAQ``) or names of series; empty takes everything.
    schedule : When, optional
    gates : Gates
    severity : dict of str to Severity
    compare_with : str, optional
        A second provider, for the cross-vendor rules.
    retries : Retries
    owners : list of str
        Who is asked when it is blocked.
    """

    region: str
    feed: str
    table: Annotated[
        str | None, dg.Resolver(_text, model_field_name="schema", model_field_type=str | None)
    ] = None
    provider: str | None = None
    instruments: list[str] = []  # noqa: RUF012
    schedule: When | None = None
    gates: Gates = Gates()
    severity: dict[str, Severity] = {}  # noqa: RUF012
    compare_with: str | None = None
    retries: Retries = Retries()
    owners: list[str] = ["team:data"]  # noqa: RUF012

    @classmethod
    def model(cls) -> type[BaseModel]:
        """The YAML's form; its field ``schema`` hides a method of pydantic's that nobody calls."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message='Field name "schema"')
            return super().model()

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> "Feed":
        """Refuse a variable that is not set, before its template becomes the text None."""
        if attributes is not None:
            require_variables(_file(context), attributes.model_dump())
        return super().load(attributes, context)

    def spec(self, file: object) -> FeedSpec:
        """The declaration, judged.

        Raises
        ------
        FeedError
            One line that names `file`, the field and what to write.
        """
        place = Place(str(file), self.feed)
        region = checked_region(place, self.region)
        name = checked_name(place, self.feed)
        schema = checked_schema(place, self.table or self.feed)
        if self.compare_with is not None and schema in ("instruments", "series"):
            raise place.error("compare_with", f"{schema} is not compared between providers; remove it")
        changed = {rule: (s.level, s.reason) for rule, s in self.severity.items()}
        if not self.owners:
            raise place.error("owners", "is empty; name who is asked when the feed is blocked, as team:data")
        if self.retries.times < 0 or self.retries.wait_s < 0:
            raise place.error("retries", "times and wait_s are 0 or more")
        return FeedSpec(
            region=region,
            name=name,
            schema=schema,
            rules=judged_by(schema, self.gates.leave_out, changed, place),
            provider=checked_provider(place, "provider", self.provider),
            compare_with=checked_provider(place, "compare_with", self.compare_with),
            instruments=checked_instruments(place, region, schema, self.instruments),
            left_out=tuple(self.gates.leave_out.items()),
            owners=tuple(self.owners),
        )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The staging asset, a check a rule, the published asset, and the job of a scheduled feed."""
        file = _file(context)
        spec = self.spec(file)
        partitions = session_partitions(spec.region)
        staging, published = keys.staging(spec.region, spec.name), keys.published(spec.region, spec.name)
        # Rows of another provider are told apart by the home's own instruments.
        foreign = spec.schema not in ("instruments", "series") and (spec.provider or spec.compare_with)
        shared: dict[str, Any] = {
            "partitions_def": partitions,
            "owners": list(spec.owners),
            "group_name": f"{spec.region.lower()}_feeds",
        }

        @dg.asset(
            key=staging,
            deps=[keys.published(spec.region, "instruments")] if foreign else [],
            kinds={"polars", "parquet"},
            description=f"{spec.name} of {spec.region} as received; a version a delivery, never overwritten.",
            retry_policy=self._retry_policy(),
            **shared,
        )
        def land_delivery(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
            return land(context, spec)

        @dg.asset(
            key=published,
            deps=[staging],
            kinds={"parquet"},
            description=(
                f"{spec.name} of {spec.region}: the version whose checks passed, pinned; what every reader sees."
            ),
            **shared,
        )
        def publish_version(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
            return publish(context, spec)

        checks = [_check(spec, judged, staging, partitions) for judged in spec.rules]
        place = Place(str(file), self.feed)
        jobs, schedules = feed_schedule(spec, self.schedule, place) if self.schedule else ([], [])
        return dg.Definitions(
            assets=[land_delivery, publish_version], asset_checks=checks, jobs=jobs, schedules=schedules
        )

    def _retry_policy(self) -> dg.RetryPolicy | None:
        if self.retries.times == 0:
            return None
        return dg.RetryPolicy(
            max_retries=self.retries.times, delay=self.retries.wait_s, backoff=dg.Backoff.EXPONENTIAL
        )


def _file(context: dg.ComponentLoadContext) -> str:
    """The YAML file of a component, as a person finds it."""
    folder = context.path
    for name in ("defs.yaml", "defs.yml"):
        if (folder / name).is_file():
            return str(folder / name)
    return str(folder)


def _check(
    spec: FeedSpec, judged: JudgedBy, staging: dg.AssetKey, partitions: dg.PartitionsDefinition
) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=staging,
        name=judged.rule.name,
        blocking=judged.severity == "error",
        partitions_def=partitions,
        description=judged.rule.description,
        metadata={"severity": judged.severity, "owner": ", ".join(spec.owners)},
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        partition = context.op_execution_context.partition_key
        version = latest_version(context.instance, staging, partition)
        return judge(Home.active(), spec, judged, partition, version, context.op_execution_context.run_id)

    return check


__all__ = ["Feed", "FeedError", "Gates", "Retries", "Severity", "When"]
