"""What is published goes to the home's store as well, and is answered alike from there."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from dnalyaw.market import KEYS, conform
from dnalyaw.pit import AsOf, BitemporalStore, PublishedTable, StoreError
from dnalyaw_pipelines.home import Home, HomeConfig, HomeError, RegionConfig
from dnalyaw_pipelines.mirror import mirror
from tests.pipelines._loop import FEEDS, NEXT, NEXT_SESSION, REGION, run

T0 = datetime(2026, 11, 18, 8, tzinfo=UTC)
DAYS = ("2026-11-18", "2026-11-19", "2026-11-20")


def home_with(root: Path, store: str | None) -> Home:
    home = Home(root)
    home.write_config(
        HomeConfig("sample", 7, True, False, {"US": RegionConfig(DAYS[0], DAYS[0])}, store=store)
    )
    return home


def bars(day: str, close: float) -> pl.DataFrame:
    known = datetime.fromisoformat(f"{day}T21:15:00+00:00")
    row = {
        "instrument_id": 1,
        "session": datetime.fromisoformat(day).date(),
        "close": close,
        "currency": "USD",
    }
    frame = pl.DataFrame([row | {"event_time": known - timedelta(minutes=15), "available_at": known}])
    return conform(
        "bars", frame.with_columns(pl.col("event_time", "available_at").cast(pl.Datetime("us", "UTC")))
    )


def publish(home: Home, day: str, close: float, received: datetime) -> None:
    staged = home.lake.land("US", "bars", day, bars(day, close), ingested_at=received)
    home.lake.publish(staged, rows=1, checks={})


def alike(home: Home, region: str, feed: str, *moments: datetime) -> None:
    store = home.store()
    assert store is not None
    partitions = home.lake.published_partitions(region, feed)
    table = PublishedTable(home.lake, region, feed, partitions, KEYS[feed])
    for moment in moments:
        told = store.read(region, feed, AsOf(moment), sort=True)
        assert told.select(table.read(AsOf(moment)).columns).equals(table.read(AsOf(moment))), moment


def test_corrections_and_returns_are_answered_alike(tmp_path):
    home = home_with(tmp_path / "home", str(tmp_path / "store"))
    for hours, close in ((30, 10.0), (60, 11.0), (90, 10.0)):
        publish(home, DAYS[0], close, T0 + timedelta(hours=hours))
        assert mirror(home, "US", "bars") == hours // 30
    publish(home, DAYS[1], 12.0, T0 + timedelta(hours=40))
    mirror(home, "US", "bars")
    moments = [T0 + timedelta(hours=hours) for hours in (0, 14, 59, 60, 89, 90, 999)]
    alike(home, "US", "bars", *moments)
    store = home.store()
    assert store is not None
    closes = [
        store.read("US", "bars", AsOf(at), end=T0 + timedelta(days=1))["close"].to_list() for at in moments
    ]
    assert closes == [[], [10.0], [10.0], [11.0], [11.0], [10.0], [10.0]]


def test_a_store_out_of_reach_is_caught_up_with(tmp_path, monkeypatch):
    home = home_with(tmp_path / "home", str(tmp_path / "store"))
    publish(home, DAYS[0], 10.0, T0)
    publish(home, DAYS[1], 11.0, T0 + timedelta(hours=1))
    append, calls = BitemporalStore.append, []

    def once(self, *args, **kwargs):
        calls.append(args)
        if len(calls) > 1:
            raise StoreError("out of reach")
        return append(self, *args, **kwargs)

    monkeypatch.setattr(BitemporalStore, "append", once)
    with pytest.raises(StoreError, match="out of reach"):
        mirror(home, "US", "bars")
    monkeypatch.setattr(BitemporalStore, "append", append)
    publish(home, DAYS[2], 12.0, T0 + timedelta(hours=2))
    assert mirror(home, "US", "bars") == 3
    assert mirror(home, "US", "bars") == 3
    alike(home, "US", "bars", T0 + timedelta(days=9))
    # A store set later receives all that was ever published.
    home.write_config(HomeConfig(**(vars(home.config()) | {"store": str(tmp_path / "other")})))
    assert mirror(home, "US", "bars") == 3
    alike(home, "US", "bars", T0 + timedelta(days=9))


def test_a_home_without_a_store_has_none(tmp_path):
    home = home_with(tmp_path / "home", None)
    publish(home, DAYS[0], 10.0, T0)
    assert mirror(home, "US", "bars") is None
    assert home.store() is None


@pytest.mark.parametrize(
    ("store", "match"),
    [("", "store is ''; give a folder or an fsspec URL"), (7, "store is 7"), ("nosuch://x", "nosuch")],
)
def test_a_store_that_is_no_place_is_refused(tmp_path, store, match):
    home = home_with(tmp_path / "home", None)
    raw = json.loads(home.config_path.read_text()) | {"store": store}
    home.config_path.write_text(json.dumps(raw))
    with pytest.raises(HomeError, match=match):
        home.store()


def test_publishing_brings_a_feed_to_the_store_with_all_that_was_published_before(
    built_home: Home, copy_of, tmp_path
):
    home = copy_of(built_home)
    home.write_config(HomeConfig(**(vars(home.config()) | {"store": str(tmp_path / "store")})))
    ran = run(home, NEXT_SESSION, "--select", "key:hk/staging/actions or key:hk/published/actions")
    assert ran.status == 0, ran.err
    moment = home.as_of(REGION, NEXT).moment
    assert NEXT in home.lake.published_partitions(REGION, "actions")
    assert home.store().state(REGION, "actions").seq == 2
    for feed in FEEDS:
        mirror(home, REGION, feed)
        alike(home, REGION, feed, moment - timedelta(days=200), moment - timedelta(days=1), moment)
    assert home.store().read(REGION, "bars", AsOf(moment)).height > 1000


def test_a_run_says_what_is_published_but_not_in_the_store(built_home: Home, copy_of, tmp_path):
    home = copy_of(built_home)
    (tmp_path / "file").write_text("no folder")
    home.write_config(HomeConfig(**(vars(home.config()) | {"store": str(tmp_path / "file" / "store")})))
    ran = run(home, NEXT_SESSION, "--select", "key:hk/staging/actions or key:hk/published/actions")
    assert ran.status != 0
    assert "HK actions 2026-11-19 is published, but not in the store" in ran.err
    assert NEXT in home.lake.published_partitions(REGION, "actions")
