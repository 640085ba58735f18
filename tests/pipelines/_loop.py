"""The command line in this process, and what the tests read of a home afterwards."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import dagster as dg
import polars as pl

from dnalyaw_pipelines import keys
from dnalyaw_pipelines.cli import main
from dnalyaw_pipelines.home import Home
from dnalyaw_pipelines.instance import open_instance, prepare
from dnalyaw_pipelines.io import partition_path

REGION = "HK"
"""The smaller region: a whole day of it takes seconds."""

FIRST_SESSION, FIRST = date(2026, 11, 19), "2026-11-18"
"""The session that the shared home was built for, and its partition: the data of the session before."""

NEXT_SESSION, NEXT = date(2026, 11, 20), "2026-11-19"
LATER_SESSION, LATER = date(2026, 11, 23), "2026-11-20"


FEEDS = ("instruments", "bars", "quotes", "actions", "fundamentals", "series", "borrow")


class Ran(NamedTuple):
    """One command: its exit status and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def last(self) -> dict[str, Any]:
        """The last line of stdout, which ``--json`` makes an object."""
        return json.loads(self.out.splitlines()[-1])


@contextmanager
def environment() -> Iterator[None]:
    """Put the environment back afterwards: commands point the process at their home."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def command(*words: str | Path) -> Ran:
    """Run ``dnalyaw WORDS`` in this process."""
    out, err = io.StringIO(), io.StringIO()
    with environment(), redirect_stdout(out), redirect_stderr(err):
        try:
            status = main([str(word) for word in words])
        except SystemExit as ended:
            status = int(ended.code or 0)
    return Ran(status, out.getvalue(), err.getvalue())


def run(home: Home, session: date, *words: str, trade: bool = False) -> Ran:
    """Run ``dnalyaw run`` on one session of the small region; without the hand-off unless asked."""
    stop = () if trade else ("--no-trade",)
    options = ("--home", home.root, "--region", REGION, "--session", session.isoformat(), "--json")
    return command("run", *options, *stop, *words)


@lru_cache(maxsize=2)
def definitions(config: str) -> dg.Definitions:
    """The code location for homes of one configuration: its partitions come from there."""
    from dnalyaw_pipelines.definitions import defs

    return defs()


class Graph:
    """The code location and the instance of a home, for what the command line does not offer."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.instance = open_instance(home)
        self.definitions = definitions(home.config_path.read_text())

    def execute(
        self,
        partition: str,
        selection: list[dg.AssetKey] | None = None,
        *,
        tags: Mapping[str, str] | None = None,
        checks: list[dg.AssetCheckKey] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Execute the region's job on a partition as Dagster itself does, without ``dnalyaw run``."""
        job = self.definitions.resolve_job_def(f"{REGION.lower()}_daily")
        if checks is not None:
            job = job.get_subset(asset_selection=set(selection or ()), asset_check_selection=set(checks))
            selection = None
        return job.execute_in_process(
            instance=self.instance,
            partition_key=partition,
            raise_on_error=False,
            asset_selection=selection,
            tags=dict(tags or {}),
        )

    def downstream(self, key: dg.AssetKey) -> list[dg.AssetKey]:
        """An asset and everything that depends on it."""
        chosen = dg.AssetSelection.assets(key).downstream().required_multi_asset_neighbors()
        return sorted(chosen.resolve(self.definitions.resolve_asset_graph()))

    def verdict(self, asset: dg.AssetKey, check: str, partition: str) -> dg.AssetCheckEvaluation:
        """The last evaluation of a check for a partition."""
        records = self.instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(asset, check), limit=20
        )
        for record in records:
            event = record.event.dagster_event if record.event else None
            found = event.asset_check_evaluation_data if event else None
            if found is not None and found.partition == partition:
                return found
        raise AssertionError(f"{asset.to_user_string()} {check} was never evaluated for {partition}")

    def materialized(self, partition: str) -> set[str]:
        """The assets of the region that have this partition."""
        graph = self.definitions.resolve_asset_graph()
        return {
            key.to_user_string()
            for key in graph.get_all_asset_keys()
            if key.path[0] == REGION.lower() and partition in self.instance.get_materialized_partitions(key)
        }


@contextmanager
def graph(home: Home) -> Iterator[Graph]:
    """Open a home's graph; the environment points at the home meanwhile."""
    with environment():
        prepare(home)
        opened = Graph(home)
        try:
            yield opened
        finally:
            opened.instance.dispose()


def failures(result: dg.ExecuteInProcessResult) -> str:
    """Every error of a run's steps, causes included, as one text."""
    lines = []
    for event in result.all_events:
        error = event.step_failure_data.error if event.is_step_failure else None
        while error is not None:
            lines.append(f"{error.cls_name}: {error.message.strip()}")
            error = error.cause
    return "\n".join(lines)


def frame(home: Home, partition: str, *path: str) -> pl.DataFrame:
    """One partition of a derived asset."""
    return pl.read_parquet(partition_path(home, keys.asset(REGION, *path), partition))


def exact(values: pl.DataFrame) -> list[tuple[str, str, bytes]]:
    """A frame's columns with every bit of their values; what lies under a null counts for nothing."""
    return [
        (name, str(column.dtype), _bits(column)) for name, column in zip(values.columns, values, strict=True)
    ]


def _bits(column: pl.Series) -> bytes:
    if not column.dtype.is_float():
        return repr(column.to_list()).encode()
    return column.is_null().to_numpy().tobytes() + column.fill_null(0.0).to_numpy().tobytes()


def pins(home: Home) -> dict[str, str]:
    """Every append-only file of what is published, by name."""
    root = home.lake.root / "published"
    return {str(p.relative_to(root)): p.read_text() for p in sorted(root.rglob("pins.jsonl"))}
