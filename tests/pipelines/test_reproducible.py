"""The same data gives the same bits: in another home, in another process, day by day or at once, and whatever
comes later."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from dnalyaw.market import next_session, previous_session
from dnalyaw_pipelines import delivery as delivery_module
from dnalyaw_pipelines import keys
from dnalyaw_pipelines import source_rows as source_rows_module
from dnalyaw_pipelines.components.feature_store import features_path
from dnalyaw_pipelines.home import Home, provider_for
from dnalyaw_pipelines.io import partition_path
from tests.pipelines._loop import (
    FIRST,
    LATER,
    LATER_SESSION,
    NEXT,
    NEXT_SESSION,
    REGION,
    exact,
    frame,
    pins,
    run,
)
from tests.pipelines.conftest import Twin

DERIVED = (("factors",), ("predictions",), ("backtest",), ("sizing",), ("target_portfolio",))
FEEDS_ONLY = "key:hk/staging/* or key:hk/published/*"


@pytest.fixture(scope="module", autouse=True)
def _twin_begins_first(twin: Twin) -> None:
    """Start the other process before the first test of this module, so that it runs beside them."""


def test_a_session_added_gives_the_bits_of_a_home_that_begins_with_it(next_home: Home, tmp_path: Path):
    home = Home(tmp_path / "whole")
    ran = run(home, NEXT_SESSION, "--select", "+hk/factors")
    assert ran.status == 0, ran.err
    added = frame(next_home, NEXT, "factors")
    assert added["session"].unique().to_list() == [date(2026, 11, 19)]
    assert len(added.columns) >= 40
    whole = frame(home, NEXT, "factors").filter(pl.col("session") == date(2026, 11, 19))
    assert whole.columns == added.columns
    differing = [name for name in added.columns if exact(added.select(name)) != exact(whole.select(name))]
    assert differing == []
    shutil.rmtree(home.root)


class _Perturbed:
    """The provider, with every price of the sessions after a day moved by up to 3%, each name by its own."""

    def __init__(self, provider, after: date) -> None:
        self._provider, self._after = provider, after

    def __getattr__(self, name: str):
        return getattr(self._provider, name)

    def fetch(self, feed: str, region: str, start: date, end: date) -> pl.DataFrame:
        rows = self._provider.fetch(feed, region, start, end)
        if feed not in ("bars", "quotes"):
            return rows
        moved = 1 + 0.03 * (pl.col("instrument_id") % 7 - 3) / 3
        prices = [name for name in ("open", "high", "low", "close", "bid", "ask") if name in rows.columns]
        later = pl.col("session") > self._after
        return rows.with_columns(pl.when(later).then(pl.col(p) * moved).otherwise(p).alias(p) for p in prices)


@pytest.fixture(scope="module")
def rerun_home(next_home: Home, tmp_path_factory) -> Iterator[tuple[Home, dict[str, str]]]:
    """The last session computed again after later, perturbed data came in and after a bad redelivery."""
    home = Home(tmp_path_factory.mktemp("rerun") / "home")
    shutil.copytree(next_home.root, home.root)
    with pytest.MonkeyPatch.context() as patch:
        moved = _Perturbed(provider_for("sample", 7), date.fromisoformat(NEXT))
        patch.setattr(source_rows_module, "provider_for", lambda *_: moved)
        patch.setattr(delivery_module, "provider_for", lambda *_: moved)
        ran = run(home, LATER_SESSION, "--select", FEEDS_ONLY)
        assert ran.status == 0, ran.err
    original = provider_for("sample", 7).fetch("bars", REGION, date(2026, 11, 20), date(2026, 11, 20))
    received = home.lake.read_published(REGION, "bars", LATER)[-1]
    assert not received["close"].equals(original["close"])
    # Features of the later session, as wrong as can be.
    values = pl.read_parquet(features_path(home, REGION) / f"{NEXT}.parquet")
    day = timedelta(days=1)
    wrong = values.with_columns(
        pl.col("session", "event_time", "available_at") + day, pl.selectors.float() * 0 + 1e6
    )
    wrong.write_parquet(features_path(home, REGION) / f"{LATER}.parquet")
    before = pins(home)

    blocked = run(home, NEXT_SESSION, "--fault", "spike", trade=True)
    assert blocked.status == 3, blocked.err
    assert (blocked.last["feed"], blocked.last["rule"]) == ("hk/bars", "spike")

    for path in DERIVED:
        partition_path(home, keys.asset(REGION, *path), NEXT).unlink()
    again = run(home, NEXT_SESSION, "--select", "hk/adjusted_prices+")
    assert again.status == 0, again.err
    yield home, before
    shutil.rmtree(home.root)


def test_a_bad_redelivery_leaves_the_published_version_in_use(rerun_home, next_home: Home):
    home, before = rerun_home
    assert len(home.lake.versions(REGION, "bars", NEXT)) == 2
    assert pins(home) == before
    assert not home.runtime(REGION).exists()
    published = home.lake.read_published(REGION, "bars", NEXT)[-1]
    assert exact(published) == exact(next_home.lake.read_published(REGION, "bars", NEXT)[-1])


@pytest.mark.parametrize("path", DERIVED, ids="/".join)
def test_neither_later_data_nor_a_bad_redelivery_changes_a_bit(
    path: tuple[str, ...], rerun_home, next_home: Home
):
    home, _ = rerun_home
    assert exact(frame(home, NEXT, *path)) == exact(frame(next_home, NEXT, *path))


def test_true_crash_days_pass(built_home: Home, tmp_path: Path):
    truth = provider_for("sample", 7).ground_truth()["regions"][REGION]
    crashes = [date.fromisoformat(c["session"]) for c in truth["market_crashes"]]
    history = built_home.lake.read_published(REGION, "bars", FIRST)[-1]["session"].unique().to_list()
    assert len([day for day in crashes if day in history]) >= 2
    # The deepest of those, as the delivery of one day.
    past = {c["return"]: date.fromisoformat(c["session"]) for c in truth["market_crashes"]}
    crash = past[min(r for r, day in past.items() if day <= date.fromisoformat(FIRST))]
    assert min(past) < -0.08
    home = Home(tmp_path / "crash")
    assert run(home, crash, "--select", FEEDS_ONLY).status == 0
    ran = run(home, next_session(REGION, crash), "--select", FEEDS_ONLY)
    assert ran.status == 0, ran.err
    assert home.lake.published_partitions(REGION, "bars") == [
        str(previous_session(REGION, crash)),
        str(crash),
    ]
    before, after = (
        home.lake.read_published(REGION, "bars", str(day))[-1].select("instrument_id", "session", "close")
        for day in (previous_session(REGION, crash), crash)
    )
    last = before.filter(pl.col("session") == pl.col("session").max())
    falls = last.join(after, on="instrument_id").select(pl.col("close_right") / pl.col("close") - 1)
    assert falls["close_right"].median() < -0.05
    shutil.rmtree(home.root)


def test_two_homes_give_the_same_bits(built_home: Home, twin: Twin):
    out, err = twin.process.communicate(timeout=300)
    assert twin.process.returncode == 0, err
    assert json.loads(out.splitlines()[-1])["status"] == "ok"
    for path in DERIVED:
        assert exact(frame(twin.home, FIRST, *path)) == exact(frame(built_home, FIRST, *path)), path
