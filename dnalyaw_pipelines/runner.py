"""Runs a region's graph in this process, partition after partition."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import Any

import dagster as dg
from dagster.components.core.component_tree import ComponentTreeException

from dnalyaw_pipelines import keys
from dnalyaw_pipelines.cli._exit import BLOCKED, FAILED, OK, REFUSED, USAGE, CommandError
from dnalyaw_pipelines.components.handoff import HANDOFF_TAG, SPEED_TAG
from dnalyaw_pipelines.components.marts import INPUTS
from dnalyaw_pipelines.dbt_project import DbtError
from dnalyaw_pipelines.delivery import FAULT_TAG
from dnalyaw_pipelines.home import Home
from dnalyaw_pipelines.instance import open_instance
from dnalyaw_pipelines.progress import Progress
from dnalyaw_pipelines.watch import follow

COMMAND_TAG = "dnalyaw/command"
"""Run tag of what a command of ours runs in its own process."""


@dataclass(frozen=True)
class RunRequest:
    """One region's part of ``dnalyaw run``."""

    region: str
    session: date
    fault: str | None
    select: str | None
    trade: bool
    speed: float


class Runner:
    """Holds the Dagster instance and the definitions of one home.

    Parameters
    ----------
    home : Home
        With its configuration written: the partitions are read from it when the definitions load.
    progress : Progress
        Where the lines of the stages go.
    regions : list of str
        The regions that this process runs; it holds their locks.
    """

    def __init__(self, home: Home, progress: Progress, regions: list[str]) -> None:
        self.home = home
        self.progress = progress
        self.instance = open_instance(home)
        self._close_killed_runs(regions)
        from dnalyaw_pipelines.definitions import defs

        try:
            self.definitions: dg.Definitions = defs()
            self.definitions.get_repository_def()
        except (dg.DagsterError, ComponentTreeException, DbtError) as error:
            raise CommandError(f"the graph does not load: {_deepest(error)}") from error
        follow(progress)

    def __enter__(self) -> Runner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        follow(None)
        self.instance.dispose()

    def run(self, request: RunRequest) -> dict[str, Any]:
        """Run what is missing up to the request's session, then the session itself.

        Returns
        -------
        dict
            ``status``, ``exit_status``, what was blocked if anything, and the region's figures.
        """
        from dnalyaw.market import previous_session

        region = request.region
        partition = previous_session(region, request.session).isoformat()
        if request.select is None:
            for earlier, feeds in self._feeds_begun_later(region, partition).items():
                self.progress.line(
                    f"{region} · data of {earlier}: {', '.join(feeds)} (not there when it was run)"
                )
                chosen = [layer(region, feed) for feed in feeds for layer in (keys.staging, keys.published)]
                found = self._execute(request, earlier, chosen, fault=None, trade=False)
                if found["exit_status"] != OK:
                    return found
            for earlier in self._unfinished(region, partition):
                self.progress.line(f"{region} · data of {earlier} (catching up)")
                found = self._execute(request, earlier, self._data_assets(region), fault=None, trade=False)
                if found["exit_status"] != OK:
                    return found
            selection = None
        else:
            selection = self._selected(request.select, region)
        self.progress.line(f"{region} · session {request.session} on data up to {partition}")
        return self._execute(request, partition, selection, fault=request.fault, trade=request.trade)

    def _close_killed_runs(self, regions: list[str]) -> None:
        """Mark what a killed command left running as failed: the home's lock says that it runs no more."""
        for region in regions:
            left = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED], tags={COMMAND_TAG: f"run {region}"})
            for run in self.instance.get_runs(left):
                self.instance.report_run_failed(
                    run, "its process was killed; a later `dnalyaw run` took over"
                )

    # -- what to run --------------------------------------------------------------------------------

    def _unfinished(self, region: str, partition: str) -> list[str]:
        """Earlier sessions whose features were never stored: days on which nobody ran."""
        done = self.instance.get_materialized_partitions(keys.asset(region, "feature_store"))
        return [p for p in self.home.partitions_until(region, partition)[:-1] if p not in done]

    def _feeds_begun_later(self, region: str, partition: str) -> dict[str, list[str]]:
        """Feeds of the marts that earlier sessions, run before there were such feeds, have no version of.

        A feed that was blocked has its delivery; it is not asked for here.
        """
        done = set(self.home.partitions_until(region, partition)[:-1]) - set(
            self._unfinished(region, partition)
        )
        lacking: dict[str, list[str]] = {}
        for feed in INPUTS:
            for earlier in sorted(done - set(self.home.lake.published_partitions(region, feed))):
                if not self.home.lake.versions(region, feed, earlier):
                    lacking.setdefault(earlier, []).append(feed)
        return dict(sorted(lacking.items()))

    def _data_assets(self, region: str) -> list[dg.AssetKey]:
        """The features and all that they are made of, with every feed: the step that builds the marts reads them all."""
        upstream = dg.AssetSelection.assets(keys.asset(region, "feature_store")).upstream()
        whole = upstream.required_multi_asset_neighbors().upstream()
        return sorted(whole.resolve(self.definitions.resolve_asset_graph()))

    def _selected(self, text: str, region: str) -> list[dg.AssetKey]:
        graph = self.definitions.resolve_asset_graph()
        try:
            named = dg.AssetSelection.from_string(_as_key_syntax(text))
            # dbt builds its models in one step: one of them brings the others, and where feeds are chosen, theirs too.
            asked = named.resolve(graph)
            chosen = named.required_multi_asset_neighbors().resolve(graph)
            if chosen - asked and any("published" in key.path for key in asked):
                chosen |= dg.AssetSelection.assets(*(chosen - asked)).upstream().resolve(graph)
        except (ValueError, dg.DagsterError) as error:
            raise CommandError(
                f"--select {text!r} is no selection: {str(error).splitlines()[0]}", USAGE
            ) from error
        mine = sorted(key for key in chosen if key.path[0] == region.lower())
        if not mine:
            raise CommandError(f"--select {text!r} names no asset of {region}; see `dnalyaw ui`", USAGE)
        return mine

    # -- running it ---------------------------------------------------------------------------------

    def _execute(
        self,
        request: RunRequest,
        partition: str,
        selection: list[dg.AssetKey] | None,
        *,
        fault: str | None,
        trade: bool,
    ) -> dict[str, Any]:
        tags = {"dnalyaw/session": request.session.isoformat(), COMMAND_TAG: f"run {request.region}"}
        if fault is not None:
            tags[FAULT_TAG] = fault
        if trade:
            tags |= {HANDOFF_TAG: request.session.isoformat(), SPEED_TAG: f"{request.speed:g}"}
        job = self.definitions.resolve_job_def(f"{request.region.lower()}_daily")
        result = job.execute_in_process(
            run_config={"loggers": {"progress": {}}},
            instance=self.instance,
            partition_key=partition,
            raise_on_error=False,
            asset_selection=selection,
            tags=tags,
        )
        return self._outcome(request, partition, result)

    def _outcome(
        self, request: RunRequest, partition: str, result: dg.ExecuteInProcessResult
    ) -> dict[str, Any]:
        from dnalyaw_pipelines.figures import region_figures

        figures = {"region": request.region, "session": request.session.isoformat(), "partition": partition}
        blocked = _blocked(result)
        if blocked:
            return figures | {"status": "blocked", "exit_status": BLOCKED} | blocked
        if not result.success:
            reason, gate = _failure(result)
            status = BLOCKED if gate else REFUSED if "refused" in reason else FAILED
            word = {BLOCKED: "blocked", REFUSED: "refused", FAILED: "failed"}[status]
            return figures | {"status": word, "exit_status": status, "message": reason}
        return (
            figures
            | {"status": "ok", "exit_status": OK}
            | region_figures(self.home, request.region, partition)
        )


def _deepest(error: BaseException) -> str:
    """What a fault of the declarations says of itself, in one line: Dagster wraps it in a picture of the folder."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split())


def _as_key_syntax(text: str) -> str:
    """``us/factors+`` as Dagster's selection language wants it: ``key:"us/factors"+``."""
    if ":" in text or " " in text:
        return text
    stem = text.strip("+")
    before, after = text[: len(text) - len(text.lstrip("+"))], text[len(text.rstrip("+")) :]
    return f'{before}key:"{stem}"{after}'


def _blocked(result: dg.ExecuteInProcessResult) -> dict[str, Any] | None:
    """The blocking checks that failed, the most telling first."""
    failed = [
        e
        for e in result.get_asset_check_evaluations()
        if not e.passed and e.severity == dg.AssetCheckSeverity.ERROR
    ]
    if not failed:
        return None
    first = min(failed, key=_rank)
    return {
        "feed": "/".join(p for p in first.asset_key.path if p != "staging"),
        "rule": first.check_name,
        "rows": _value(first, "examples") or [],
        "row_count": _value(first, "rows"),
        "message": _value(first, "message") or first.description,
        "also": [f"{'/'.join(e.asset_key.path)}: {e.check_name}" for e in failed if e is not first],
    }


ORDER = (
    "schema",
    "missing_session",
    "empty",
    "duplicate",
    "stale",
    "off_calendar",
    "crossed",
    "ohlc",
    "spike",
)
"""Rules by how directly they name a fault: a wrong type makes others fail after it."""


def _rank(evaluation: dg.AssetCheckEvaluation) -> tuple[int, str]:
    name = evaluation.check_name
    return (ORDER.index(name) if name in ORDER else len(ORDER), name)


def _value(evaluation: dg.AssetCheckEvaluation, name: str) -> Any:
    entry = evaluation.metadata.get(name)
    return getattr(entry, "value", None) if entry is not None else None


def _failure(result: dg.ExecuteInProcessResult) -> tuple[str, bool]:
    """The first step's own error, and whether it was the gate that refused."""
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.error is not None:
            error = event.step_failure_data.error
            names = {error.cls_name}
            while error.cause is not None:
                error = error.cause
                names.add(error.cls_name)
            gate = bool(names & {"GateClosedError", "NotPublishedError"})
            text = error.message.strip().splitlines()[0]
            # Dagster puts the class before the message of what was raised.
            head, _, rest = text.partition(": ")
            return rest if rest and head.rpartition(".")[2] == error.cls_name else text, gate
    return "the run failed before its first step; see `dnalyaw ui`", False
