"""Two processes that ingest one partition at once, and one that is killed at every step."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from dnalyaw_pipelines.cli._doctor import ROOT
from dnalyaw_pipelines.home import Home
from tests.pipelines.test_feed_component import OWN, PARTITION, home

__all__ = ["home"]


def start(home: Home, project: Path, *words: str) -> subprocess.Popen[str]:
    """An ingest in a process of its own."""
    project.mkdir(exist_ok=True)
    (project / "feeds.yaml").write_text(OWN)
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.pipelines._ingest", str(project), PARTITION, *words],
        cwd=ROOT,
        env=os.environ | {"DNALYAW_HOME": str(home.root), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, _ = process.communicate(timeout=300)
    return process.returncode, out.splitlines()[-1] if out else ""


def whole(home: Home) -> pl.DataFrame:
    """The published bars: every pin's file is there, is the one that was pinned, and holds every row once."""
    versions = home.lake.read_published("US", "bars", PARTITION)
    rows = versions[-1].drop("ingested_at")
    assert rows.height == 150
    assert rows.n_unique(["instrument_id", "session"]) == 150
    return rows.sort("instrument_id", "session")


def test_a_home_opened_by_many_at_once_for_the_first_time_is_sound(home: Home):
    """Found by the two ingests below: both made Dagster's databases, which had two schema heads from then on."""
    shutil.rmtree(home.dagster)
    code = (
        "from dnalyaw_pipelines.home import Home\n"
        "from dnalyaw_pipelines.instance import open_instance\n"
        "print('imported', flush=True)\n"
        "input()\n"
        "with open_instance(Home.active()) as instance: instance.get_runs(limit=1)\n"
    )
    for together in (3, 1):
        opened = [
            subprocess.Popen(
                [sys.executable, "-W", "ignore", "-c", code],
                cwd=ROOT,
                env=os.environ | {"DNALYAW_HOME": str(home.root), "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for _ in range(together)
        ]
        for process in opened:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline() == "imported\n"
        for process in opened:
            process.stdin.write("\n")
            process.stdin.flush()
        assert [finished(process) for process in opened] == [(0, "")] * together


@pytest.mark.soak
def test_two_ingests_of_one_partition_leave_the_lake_whole(home: Home, tmp_path: Path):
    both = [start(home, tmp_path / f"project{n}") for n in range(2)]
    ended = [finished(process) for process in both]

    assert all(
        status == 0 or "another run has landed" in out or "is not fit" in out for status, out in ended
    ), ended
    assert any(status == 0 for status, _ in ended), ended
    rows = whole(home)
    # One content, one version, whoever came first.
    assert len(home.lake.versions("US", "bars", PARTITION)) == 1
    assert len(home.lake.pins("US", "bars", PARTITION)) == 1
    status, out = finished(start(home, tmp_path / "project0"))
    assert status == 0, out
    assert whole(home).equals(rows)


@pytest.mark.soak
def test_a_kill_at_any_step_leaves_what_was_published_and_the_next_run_goes_on(home: Home, tmp_path: Path):
    status, out = finished(start(home, tmp_path / "project"))
    assert status == 0, out
    good = whole(home)
    # The vendor corrects its file: another delivery of the same partition.
    bars = tmp_path / "own" / "bars.csv"
    corrected = pl.read_csv(bars).with_columns(close=pl.col("close") + 0.01)
    corrected.write_csv(bars)

    kills = 0
    for step in range(1, 60):
        status, out = finished(start(home, tmp_path / "project", str(step)))
        if status == 0:
            break
        assert status == -signal.SIGKILL, out
        kills += 1
        # Old or new, never a part.
        now = whole(home)
        assert now.equals(good) or (now["close"] - good["close"]).min() > 0.009
    else:
        raise AssertionError("it never got through")

    assert kills >= 3
    new = whole(home)
    assert (new["close"] - good["close"]).min() == pytest.approx(0.01)
    assert (
        home.lake.read_published("US", "bars", PARTITION)[0]
        .drop("ingested_at")
        .sort("instrument_id", "session")
        .equals(good)
    )


def test_one_kill_between_landing_and_publishing_is_made_good(home: Home, tmp_path: Path):
    status, out = finished(start(home, tmp_path / "project", "6"))
    assert status == -signal.SIGKILL, out
    assert home.lake.published_partitions("US", "bars") == []
    status, out = finished(start(home, tmp_path / "project"))
    assert status == 0, out
    whole(home)
