"""A faulty delivery is blocked at its check, in its run, in later ones, and in every window that needs it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import polars as pl
import pytest

from dnalyaw_pipelines import keys
from dnalyaw_pipelines.delivery import judge
from dnalyaw_pipelines.feed_spec import plain_spec
from dnalyaw_pipelines.home import Home
from tests.pipelines._loop import (
    FEEDS,
    FIRST,
    LATER,
    LATER_SESSION,
    NEXT,
    NEXT_SESSION,
    REGION,
    command,
    exact,
    failures,
    frame,
    graph,
    pins,
    run,
)

# Each fault with the feed and the rule that must name it, and how many rows it corrupts at least.
FAULTS = {
    "spike": ("hk/bars", "spike", 1),
    "stale": ("hk/bars", "stale", 40),
    "crossed": ("hk/quotes", "crossed", 5),
    "missing-session": ("hk/bars", "missing_session", 0),
    "duplicate": ("hk/bars", "duplicate", 3),
    "schema": ("hk/bars", "schema", 40),
    # A delivery of one session without a row is a missing session; rule empty refuses it too.
    "empty": ("hk/bars", "missing_session", 0),
}


def test_every_fault_of_the_provider_is_tried():
    from dnalyaw.market.providers._faults import FAULTS as offered

    assert set(FAULTS) == set(offered)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_blocked_in_its_run_and_in_those_after_it(fault: str, built_home: Home, copy_of):
    home = copy_of(built_home)
    before = pins(home)
    feed, rule, rows = FAULTS[fault]
    name = feed.partition("/")[2]

    ran = run(home, NEXT_SESSION, "--fault", fault, trade=True)

    assert ran.status == 3, ran.err
    assert (ran.last["status"], ran.last["exit_status"]) == ("blocked", 3)
    assert (ran.last["feed"], ran.last["rule"]) == (feed, rule)
    assert ran.last["regions"][REGION]["row_count"] >= rows
    assert isinstance(ran.last["rows"], list)
    assert len(ran.last["rows"]) >= min(rows, 20)
    assert f"rule {rule}" in ran.last["message"]
    assert NEXT in ran.last["message"]
    assert f"BLOCKED   {feed}: rule {rule}" in ran.err
    # Nothing was prepared for omsd and riskd, let alone started: no frame can have reached riskd.
    assert not home.runtime(REGION).exists()

    with graph(home) as opened:
        found = opened.materialized(NEXT)
        # Feeds that were good may be published; the bad one is not, and nothing is computed on any.
        assert found >= {f"hk/staging/{n}" for n in FEEDS}
        assert found <= {f"hk/{layer}/{n}" for n in FEEDS for layer in ("staging", "published")}
        assert f"hk/published/{name}" not in found
        for first, refusal in (
            (keys.asset(REGION, "adjusted_prices"), f": no green published version of {NEXT}."),
            (keys.published(REGION, name), f"{rule} is failed"),
            (keys.asset(REGION, "factors"), "mart_factor_panel 2026-11-19 was never materialized"),
        ):
            after = opened.execute(NEXT, opened.downstream(first))
            assert not after.success
            assert refusal in failures(after)
        assert opened.materialized(NEXT) == found
    assert NEXT not in home.lake.published_partitions(REGION, name)
    assert not home.runtime(REGION).exists()

    # What was good before stays as it was, and can be read.
    now = pins(home)
    assert {key: now[key] for key in before} == before
    assert not home.lake.read_published(REGION, name, FIRST)[-1].is_empty()
    assert exact(frame(home, FIRST, "factors")) == exact(frame(built_home, FIRST, "factors"))


FEEDS_ONLY = "key:hk/staging/* or key:hk/published/*"


@pytest.fixture(scope="module")
def blocked_home(built_home: Home, tmp_path_factory) -> Iterator[Home]:
    """A home whose next session was blocked by a spike. Not to be changed."""
    home = Home(tmp_path_factory.mktemp("blocked") / "home")
    shutil.copytree(built_home.root, home.root)
    assert run(home, NEXT_SESSION, "--fault", "spike", trade=True).status == 3
    yield home
    shutil.rmtree(home.root)


@pytest.mark.parametrize(
    "select", ["hk/factors+", "hk/adjusted_prices+", "hk/target_portfolio+", "hk/handoff"]
)
def test_a_run_that_selects_only_what_is_downstream_is_refused(select: str, blocked_home: Home):
    ran = run(blocked_home, NEXT_SESSION, "--select", select)
    assert ran.status == 3, ran.err
    assert ran.last["status"] == "blocked"
    assert NEXT in ran.last["message"]
    assert "Traceback" not in ran.err


def test_a_later_session_runs_only_when_the_blocked_one_is_good(blocked_home: Home, copy_of):
    home = copy_of(blocked_home)
    ran = run(home, LATER_SESSION, "--select", FEEDS_ONLY)
    assert ran.status == 0, ran.err
    assert LATER in home.lake.published_partitions(REGION, "bars")
    with graph(home) as opened:
        after = opened.execute(LATER, opened.downstream(keys.asset(REGION, "adjusted_prices")))
        assert not after.success
        assert f"HK bars: no green published version of {NEXT}." in failures(after)
        assert {
            n for n in opened.materialized(LATER) if not n.startswith(("hk/staging", "hk/published"))
        } == set()


def test_a_good_redelivery_supersedes_a_blocked_one(blocked_home: Home, next_home: Home, copy_of):
    """The run of the next session fetches the blocked one again, and goes on when it is good."""
    home = copy_of(blocked_home)
    ran = run(home, LATER_SESSION)
    assert ran.status == 0, ran.err
    assert f"data of {NEXT} (catching up)" in ran.err
    assert [v.version[:5] for v in home.lake.versions(REGION, "bars", NEXT)] == ["v0001", "v0002"]
    assert [p.version[:5] for p in home.lake.pins(REGION, "bars", NEXT)] == ["v0002"]
    # The bad delivery has left no trace in what is computed.
    assert exact(frame(home, NEXT, "factors")) == exact(frame(next_home, NEXT, "factors"))
    assert frame(home, LATER, "target_portfolio").height > 0


def test_a_home_begun_before_a_feed_was_there_gets_it_for_its_earlier_sessions(built_home: Home, copy_of):
    home = copy_of(built_home)
    for layer in ("staging", "published"):
        shutil.rmtree(home.lake.root / layer / REGION.lower() / "series")
    ran = run(home, NEXT_SESSION, "--select", "hk/adjusted_prices+")
    assert ran.status != 0  # a part of the graph fetches nothing
    ran = run(home, NEXT_SESSION)
    assert ran.status == 0, ran.err
    assert f"data of {FIRST}: series (not there when it was run)" in ran.err
    assert home.lake.published_partitions(REGION, "series") == [FIRST, NEXT]


def test_an_operator_accepts_a_finding_with_a_reason(blocked_home: Home, copy_of):
    home = copy_of(blocked_home)
    bad = home.lake.latest(REGION, "bars", NEXT)
    accepted = ("accept", "hk/bars", NEXT, "--home", home.root, "--rule", "spike", "--reason")
    assert command(*accepted, "  ").status == 2
    assert home.lake.acceptance(bad, "spike") is None

    assert command(*accepted, "a takeover bid, seen in the filing").status == 0

    record = home.lake.acceptance(bad, "spike")
    assert record is not None
    assert record["reason"] == "a takeover bid, seen in the filing"
    assert record["version"] == bad.version
    assert record["who"]
    # The same delivery comes again: it is the version that was accepted, for this rule alone.
    ran = run(home, NEXT_SESSION, "--fault", "spike", "--select", FEEDS_ONLY)
    others = [text.rpartition(" ")[2] for text in ran.last["regions"][REGION].get("also", [])]
    rules = [ran.last["rule"], *others] if ran.status == 3 else []
    assert "spike" not in rules
    for rule in rules:
        again = ("accept", "hk/bars", NEXT, "--home", home.root, "--rule", rule, "--reason", "the same bid")
        assert command(*again).status == 0
    if rules:
        ran = run(
            home, NEXT_SESSION, "--fault", "spike", "--select", "key:hk/staging/* or key:hk/published/*"
        )
    assert ran.status == 0, ran.err
    assert home.lake.pins(REGION, "bars", NEXT)[-1].version == bad.version
    with graph(home) as opened:
        metadata = opened.verdict(keys.staging(REGION, "bars"), "spike", NEXT).metadata
        assert metadata["accepted"].value.endswith(": a takeover bid, seen in the filing")
        assert "spike" in metadata["message"].value


def test_an_acceptance_holds_for_its_own_delivery_only(blocked_home: Home, copy_of):
    home = copy_of(blocked_home)
    words = ("accept", "hk/bars", NEXT, "--home", home.root, "--rule", "spike", "--reason", "seen")
    assert command(*words).status == 0
    with graph(home) as opened:
        doubled = (
            home.lake.latest(REGION, "bars", NEXT)
            .read()
            .drop("ingested_at")
            .with_columns(pl.col("close") * 2)
        )
        home.lake.land(REGION, "bars", NEXT, doubled)
        bars = plain_spec(REGION, "bars")
        result = judge(home, bars, next(j for j in bars.rules if j.rule.name == "spike"), NEXT)
        assert not result.passed
        assert opened.home is home
