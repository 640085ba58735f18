"""The three steps of a feed: landing a delivery, judging it, and publishing the version that was judged."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from dnalyaw.pit import StoreError
from dnalyaw_pipelines import keys
from dnalyaw_pipelines.feed_spec import FeedSpec, JudgedBy
from dnalyaw_pipelines.gate import GateClosedError, judged_version, latest_version, require_green
from dnalyaw_pipelines.home import Home, provider_for
from dnalyaw_pipelines.mirror import mirror
from dnalyaw_pipelines.source_rows import SourceRows, source_rows

if TYPE_CHECKING:
    from dnalyaw.market.providers import Provider
    from dnalyaw.pit import StagedVersion
    from dnalyaw.quality import GateContext

FAULT_TAG = "dnalyaw/fault"
"""Run tag that names a fault to put into what the provider delivers for the run's partition."""

CONTEXT_SESSIONS = 60
"""Sessions of published bars that a gate compares a delivery with."""

INGEST_WAIT_S = 60.0
"""How long one ingest waits for another that writes the same feed."""


@contextmanager
def ingest_lock(home: Home, spec: FeedSpec, wait_s: float = INGEST_WAIT_S) -> Iterator[None]:
    """Hold a feed's files: two ingests write one after the other.

    Raises
    ------
    dagster.Failure
        When another process still holds them after `wait_s` seconds; it is named.
    """
    path = home.root / "locks" / f"{spec.region.lower()}-{spec.name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait_s
    with path.open("a+") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    file.seek(0)
                    raise dg.Failure(
                        f"{spec.region} {spec.name}: process {file.read().strip() or 'unknown'} has been ingesting it "
                        f"for {wait_s:g} s; wait for it and run again",
                        allow_retries=True,
                    ) from None
                time.sleep(0.05)
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield


# -- landing ----------------------------------------------------------------------------------------


def land(context: dg.AssetExecutionContext, spec: FeedSpec) -> dg.MaterializeResult:
    """Fetch a partition from the feed's provider and land it as a version."""
    from dnalyaw.market.providers import ProviderError

    home = Home.active()
    partition = context.partition_key
    start, end = home.window(spec.region, spec.schema, partition)
    try:
        provider = _faulty(context, home) if spec.provider is None else None
        rows = source_rows(home, spec, partition, spec.provider, provider)
    except ProviderError as error:
        raise dg.Failure(f"{spec.region} {spec.name} {partition}: {error}") from error
    with ingest_lock(home, spec):
        staged = home.lake.land(spec.region, spec.name, partition, rows.frame)
    return dg.MaterializeResult(metadata=_landed(rows, staged, start, end))


def _faulty(context: dg.AssetExecutionContext, home: Home) -> Provider | None:
    """The home's provider with the fault that the run's tag names; None without one."""
    fault = context.run.tags.get(FAULT_TAG)
    if fault is None:
        return None
    config = home.config()
    return provider_for(config.provider, config.seed, fault, date.fromisoformat(context.partition_key))


def _landed(rows: SourceRows, staged: StagedVersion, start: date, end: date) -> dict[str, Any]:
    columns = [dg.TableColumn(n, str(t)) for n, t in rows.frame.schema.items()]
    facts: dict[str, Any] = {
        "dagster/row_count": rows.frame.height,
        "dagster/column_schema": dg.TableSchema(columns),
        "version": staged.version,
        "sha256": staged.sha256,
        "provider": rows.provider,
        "carried_by_provider": rows.carried,
        "sessions": f"{start} to {end}",
        "file": dg.MetadataValue.path(staged.path),
    }
    if rows.not_asked:
        facts["rows_not_asked_for"] = rows.not_asked
    if rows.unidentified:
        facts["rows_of_unknown_instruments"] = rows.unidentified
    return facts


# -- judging ----------------------------------------------------------------------------------------


def judge(
    home: Home,
    spec: FeedSpec,
    judged: JudgedBy,
    partition: str,
    version: str | None = None,
    run_id: str | None = None,
) -> dg.AssetCheckResult:
    """One rule on one version of a partition, the newest when none is named; `run_id` lets a run read it once."""
    from dnalyaw.quality import run_rule

    lake, rule, severity = home.lake, judged.rule, judged.severity
    newest = lake.latest(spec.region, spec.name, partition)
    staged = newest if version is None else lake.version(spec.region, spec.name, partition, version)
    frame, gate = _read(home, spec, staged, partition, run_id)
    findings = run_rule(rule, frame, gate)
    accepted = lake.acceptance(staged, rule.name) if findings else None
    metadata: dict[str, Any] = {
        "version": staged.version,
        "rule": rule.name,
        "findings": len(findings),
        "severity": severity,
        "owner": ", ".join(spec.owners),
    }
    if judged.reason is not None:
        metadata["severity_reason"] = f"{rule.severity} by the rule, {severity} here: {judged.reason}"
    if findings:
        metadata["message"] = " | ".join(finding.message for finding in findings)
        metadata["rows"] = sum(finding.n_rows for finding in findings)
        metadata["examples"] = dg.MetadataValue.json(
            [{k: str(v) for k, v in row.items()} for finding in findings for row in finding.rows[:20]]
        )
    if accepted is not None:
        metadata["accepted"] = f"{accepted['who']}: {accepted['reason']}"
        metadata["accepted_at"] = str(accepted["at"])
    return dg.AssetCheckResult(
        passed=not findings or accepted is not None,
        severity=dg.AssetCheckSeverity.ERROR if severity == "error" else dg.AssetCheckSeverity.WARN,
        description=str(metadata.get("message", "nothing found")),
        metadata=metadata,
    )


def _read(
    home: Home, spec: FeedSpec, staged: StagedVersion, partition: str, run_id: str | None
) -> tuple[pl.DataFrame, GateContext]:
    """A delivery's rows and its context, read once for all the rules that judge it in one run."""
    if run_id is None:
        return staged.read().drop("ingested_at"), gate_context(home, spec, partition)
    # A feed beside it may land between two of its checks: they must see it.
    beside = tuple(
        _newest(home, spec.region, feed, partition) for feed in ("bars", "quotes", "actions", "instruments")
    )
    return _read_once(home.root, spec, staged, partition, (run_id, *beside))


def _newest(home: Home, region: str, feed: str, partition: str) -> str | None:
    versions = home.lake.versions(region, feed, partition)
    return versions[-1].version if versions else None


@lru_cache(maxsize=2)
def _read_once(
    root: Path, spec: FeedSpec, staged: StagedVersion, partition: str, token: tuple[str | None, ...]
) -> tuple[pl.DataFrame, GateContext]:
    return staged.read().drop("ingested_at"), gate_context(Home(root), spec, partition)


def gate_context(home: Home, spec: FeedSpec, partition: str) -> GateContext:
    """What a gate may compare a delivery with: earlier published bars, the same session's other feeds, a second source."""
    from dnalyaw.market import sessions_between
    from dnalyaw.market.providers import is_close_only
    from dnalyaw.quality import GateContext

    config, region = home.config(), spec.region
    start, end = home.window(region, "bars", partition)
    provider = provider_for(spec.provider or config.provider, config.seed)
    bars = spec.name if spec.schema == "bars" else "bars"
    known: dict[str, Any] = {
        "region": region,
        "session": end,
        "expected_sessions": tuple(sessions_between(region, start, end)),
        "genesis": partition == config.regions[region].genesis,
        "carried": spec.schema in provider.feeds(region),
        "close_only": is_close_only(provider),
        "history": published_tail(home, region, partition, bars),
        "quotes": _staged_frame(home, region, "quotes", partition),
        "actions": _staged_frame(home, region, "actions", partition),
        "instruments": _staged_frame(home, region, "instruments", partition),
        "previous": _previous(home, region, spec.name, partition),
    }
    if spec.schema == "actions":
        # Actions are judged by the prices they should have moved and by those that came before.
        known["bars"] = _staged_frame(home, region, "bars", partition)
        known["past_actions"] = _past_actions(home, region, partition)
    if spec.compare_with is not None:
        known["other"] = source_rows(home, spec, partition, spec.compare_with).frame
    return GateContext(**known)


def _before(home: Home, region: str, feed: str, partition: str) -> Iterator[pl.DataFrame]:
    """The versions in force of a feed's published partitions before one, the last partition first."""
    for name in reversed(home.lake.published_partitions(region, feed)):
        if name < partition:
            yield home.lake.read_published(region, feed, name)[-1].drop("ingested_at")


def published_tail(home: Home, region: str, partition: str, feed: str = "bars") -> pl.DataFrame | None:
    """The last published bars before a partition; None at the beginning."""
    frames: list[pl.DataFrame] = []
    sessions = 0
    for frame in _before(home, region, feed, partition):
        frames.append(frame)
        sessions += frame["session"].n_unique()
        if sessions >= CONTEXT_SESSIONS:
            break
    if not frames:
        return None
    history = pl.concat(frames[::-1], how="vertical_relaxed")
    keep = history["session"].unique().sort().tail(CONTEXT_SESSIONS)
    return history.filter(pl.col("session").is_in(keep.implode())).sort("session", "instrument_id")


def _past_actions(home: Home, region: str, partition: str) -> pl.DataFrame | None:
    """The published actions before a partition; None when there are none."""
    frames = list(_before(home, region, "actions", partition))
    # A column that the feed got later is null in what was delivered before it.
    return pl.concat(frames[::-1], how="diagonal_relaxed") if frames else None


def _previous(home: Home, region: str, feed: str, partition: str) -> pl.DataFrame | None:
    """The same feed's published rows of the session before; None at the beginning."""
    frame = next(_before(home, region, feed, partition), None)
    if frame is None:
        return None
    return frame.filter(pl.col("session") == pl.col("session").max()) if "session" in frame.columns else frame


def _staged_frame(home: Home, region: str, feed: str, partition: str) -> pl.DataFrame | None:
    versions: list[StagedVersion] = home.lake.versions(region, feed, partition)
    return versions[-1].read().drop("ingested_at") if versions else None


# -- publishing -------------------------------------------------------------------------------------


def publish(context: dg.AssetExecutionContext, spec: FeedSpec) -> dg.MaterializeResult:
    """Pin the version that every blocking check judged and passed."""
    home, partition = Home.active(), context.partition_key
    asset = keys.staging(spec.region, spec.name)
    with ingest_lock(home, spec):
        verdicts = require_green(context.instance, asset, spec.blocking, partition)
        version = latest_version(context.instance, asset, partition)
        for name in spec.blocking:
            judged = judged_version(context.instance, asset, name, partition)
            if judged != version:
                raise GateClosedError(
                    f"{asset.to_user_string()} {partition} is not fit to be read: {name} judged {judged}, "
                    f"another run has landed {version} since; run it again"
                )
        staged = home.lake.version(spec.region, spec.name, partition, version)
        rows = staged.read().height
        pin = home.lake.publish(staged, rows=rows, checks=verdicts)
        try:
            state = mirror(home, spec.region, spec.name, spec.schema)
        except StoreError as error:
            raise dg.Failure(
                f"{spec.region} {spec.name} {partition} is published, but not in the store: {error}. The next publish "
                f"brings it there"
            ) from None
    accepted = {name: home.lake.acceptance(staged, name) for name in (j.rule.name for j in spec.rules)}
    facts: dict[str, Any] = {
        "dagster/row_count": rows,
        "version": pin.version,
        "sha256": pin.sha256,
        "pin": pin.seq,
        "checks": dg.MetadataValue.json(dict(pin.checks)),
        "file": dg.MetadataValue.path(staged.path),
    }
    if state is not None:
        facts |= {"store": home.config().store, "store_state": state}
    if any(accepted.values()):
        facts["accepted"] = dg.MetadataValue.json(
            {name: f"{a['who']}, {a['at']}: {a['reason']}" for name, a in accepted.items() if a is not None}
        )
    if spec.left_out:
        facts["rules_left_out"] = dg.MetadataValue.json(dict(spec.left_out))
    return dg.MaterializeResult(metadata=facts)
