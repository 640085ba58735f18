"""The Dagster instance of a data home: SQLite below the home, no telemetry."""

from __future__ import annotations

import fcntl
import os

import dagster as dg

from dnalyaw_pipelines.home import HOME_VARIABLE, Home

CONFIG = """\
telemetry:
  enabled: false
# No dialog over the UI on the first visit.
nux:
  enabled: false
# DuckDB takes one writer: assets that share a pool run one at a time.
concurrency:
  pools:
    default_limit: 1
    granularity: op
"""


def prepare(home: Home) -> None:
    """Make the instance's folder, and point this process and its children at the home."""
    home.dagster.mkdir(parents=True, exist_ok=True)
    path = home.dagster / "dagster.yaml"
    if not path.exists():
        path.write_text(CONFIG)
    os.environ[HOME_VARIABLE] = str(home.root)
    os.environ["DAGSTER_HOME"] = str(home.dagster)
    _make_databases(home)


def _make_databases(home: Home) -> None:
    """Make the instance's databases once: two processes that both find none spoil them for good (two schema heads)."""
    made = home.dagster / "databases.made"
    if made.exists():
        return
    with (home.dagster / "databases.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if made.exists():
            return
        with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
            # Each storage makes its tables when it is opened.
            _ = instance.run_storage, instance.event_log_storage, instance.schedule_storage
        made.touch()


def open_instance(home: Home) -> dg.DagsterInstance:
    """Open the instance; the caller closes it (it is a context manager)."""
    prepare(home)
    return dg.DagsterInstance.from_config(str(home.dagster))
