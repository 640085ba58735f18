"""Only a run for the current session reaches the runtime; a schedule makes one a session."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from dnalyaw.market import decision_moment, session_open
from dnalyaw.market import region as region_of
from dnalyaw_pipelines import keys
from dnalyaw_pipelines.components.handoff import BACKFILL_TAG, HANDOFF_TAG
from dnalyaw_pipelines.home import Home
from tests.pipelines._loop import FIRST, NEXT, REGION, Graph, definitions, failures, frame, graph

CURRENT = {HANDOFF_TAG: "2026-11-20"}


@pytest.fixture(scope="module")
def opened(next_home: Home, tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("handoff") / "home")
    shutil.copytree(next_home.root, home.root)
    with graph(home) as found:
        yield found
    shutil.rmtree(home.root)


@pytest.mark.parametrize(
    ("partition", "tags", "reason"),
    [
        (NEXT, {}, "does not carry the tag dnalyaw/handoff=2026-11-20"),
        (NEXT, CURRENT | {BACKFILL_TAG: "abcdefgh"}, "a backfill never trades"),
        (NEXT, {HANDOFF_TAG: "2026-11-19"}, "does not carry the tag dnalyaw/handoff=2026-11-20"),
        (NEXT, {HANDOFF_TAG: "true"}, "does not carry the tag dnalyaw/handoff=2026-11-20"),
        (FIRST, {HANDOFF_TAG: "2026-11-19"}, f"2026-11-19 is not the current session: data of {NEXT}"),
    ],
    ids=["no tag", "backfill", "tag of another session", "tag that names none", "earlier session"],
)
def test_nothing_is_handed_off(partition: str, tags: dict[str, str], reason: str, opened: Graph):
    result = opened.execute(partition, [keys.asset(REGION, "handoff")], tags=tags)
    assert result.success, failures(result)
    row = frame(opened.home, partition, "handoff").row(0, named=True)
    assert (row["outcome"], row["orders_planned"]) == ("not handed off", 0)
    assert reason in row["message"]
    assert not opened.home.runtime(REGION).exists()


def test_a_plain_run_of_everything_hands_nothing_off(built_home: Home):
    assert frame(built_home, FIRST, "handoff")["outcome"].to_list() == ["not handed off"]
    assert not built_home.runtime(REGION).exists()


def test_the_current_session_reaches_the_runtime(opened: Graph, monkeypatch):
    """The guard's other side: with the tag of the current session the runtime is asked."""
    from dnalyaw_pipelines import trading

    asked = []

    def trade(home, region, session, layout, messages, correlation, speed):
        asked.append((region, session, sorted(m.strategy_id for m in messages), correlation))
        return trading.Handoff("accepted", "", 0, correlation)

    monkeypatch.setattr(trading, "trade", trade)
    monkeypatch.setattr(trading, "prepare", lambda *_: None)
    result = opened.execute(NEXT, [keys.asset(REGION, "handoff")], tags=CURRENT)
    assert result.success, failures(result)
    targets = frame(opened.home, NEXT, "target_portfolio")
    strategies = ["hk-ml-cross-section", "hk-short-term-reversal", "hk-time-series-momentum"]
    assert asked == [("HK", date(2026, 11, 20), strategies, targets["correlation_id"][0])]


# -- the schedule -----------------------------------------------------------------------------------


def _tick(home: Home, region: str, moment: datetime):
    with graph(home) as opened:
        location = definitions(home.config_path.read_text())
        schedule = location.resolve_schedule_def(f"{region.lower()}_rebalance")
        context = dg.build_schedule_context(
            instance=opened.instance,
            scheduled_execution_time=moment,
            repository_def=location.get_repository_def(),
        )
        return schedule, schedule.evaluate_tick(context)


def _nine(region: str, day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 9, tzinfo=ZoneInfo(region_of(region).timezone))


@pytest.mark.parametrize(
    ("region", "day"),
    [
        ("US", date(2026, 11, 26)),  # Thanksgiving
        ("US", date(2026, 12, 25)),
        ("HK", date(2026, 12, 25)),
        ("HK", date(2026, 10, 19)),  # the day after Chung Yeung, which falls on a Sunday
    ],
)
def test_the_schedule_skips_holidays_and_says_why(region: str, day: date, next_home: Home):
    _, tick = _tick(next_home, region, _nine(region, day))
    assert tick.run_requests == []
    assert tick.skip_message == f"{day} is no session of {region}; the exchange is closed"


@pytest.mark.parametrize(
    ("region", "day", "partition"),
    [
        ("US", date(2026, 11, 27), "2026-11-25"),  # over Thanksgiving
        ("HK", date(2026, 11, 20), "2026-11-19"),
        ("HK", date(2026, 11, 23), "2026-11-20"),  # over a weekend
        ("HK", date(2026, 12, 28), "2026-12-24"),
    ],
)
def test_the_schedule_asks_for_one_run_a_session(region: str, day: date, partition: str, next_home: Home):
    _, tick = _tick(next_home, region, _nine(region, day))
    (request,) = tick.run_requests
    assert request.run_key == f"{region}-{day}"
    assert request.partition_key == partition
    assert request.tags[HANDOFF_TAG] == str(day)
    assert BACKFILL_TAG not in request.tags


@pytest.mark.parametrize(("region", "name"), [("US", "XNYS"), ("HK", "XHKG")])
def test_the_schedule_fires_at_the_decision_moment_of_every_session(region: str, name: str, next_home: Home):
    schedule, _ = _tick(next_home, region, _nine(region, date(2026, 11, 20)))
    days = [date(2026, month, 10) for month in (2, 3, 6, 11)]  # both sides of each change of the clock
    assert region_of(region).calendar == name
    for day in days:
        start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(region_of(region).timezone))
        fired = next(
            schedule_execution_time_iterator(
                start.timestamp(), schedule.cron_schedule, schedule.execution_timezone
            )
        )
        moment = fired.astimezone(UTC)
        assert moment == decision_moment(region, day) == session_open(region, day) - timedelta(minutes=30)
