"""Faults planted into recorded markets are named; the true moves in them block nothing."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from dnalyaw.market import sessions_between
from dnalyaw.quality import RULES, Finding, GateContext, run_rule
from tests.quality._plants import ACTION_FAULTS, BAR_FAULTS, Plant, Site
from tests.quality._recorded import Recorded, action, lean, zipline

MARKETS = {"lean": lean, "zipline": zipline}
# A name that pays steadily, far from splits, and a session in the middle of it.
SITES = {"lean": ("IBM", date(2013, 6, 12)), "zipline": ("MMM", date(2010, 6, 15))}


@pytest.fixture(scope="module", params=MARKETS)
def recorded(request: pytest.FixtureRequest) -> tuple[str, Recorded]:
    market = MARKETS[request.param]()
    if request.param == "zipline":
        # Bars of days on which the exchange was shut are a fault of the bundle, asserted below.
        market = market._replace(bars=_sessions_only(market.bars))
    return request.param, market


def _sessions_only(bars: pl.DataFrame) -> pl.DataFrame:
    held = bars["session"]
    return bars.filter(pl.col("session").is_in(sessions_between("US", held.min(), held.max())))


def _site(name: str, market: Recorded) -> Site:
    ticker, day = SITES[name]
    days = market.bars.filter(instrument_id=market.ids[ticker])["session"].sort().to_list()
    return Site(market.ids[ticker], days, days.index(day))


def _run(feed: str, rule: str, frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    return run_rule(next(r for r in RULES[feed] if r.name == rule), frame, context)


def _judge(market: Recorded, site: Site, plant: Plant, feed: str, rule: str) -> list[Finding]:
    planted = plant(market.bars, market.actions, site)
    other = market._replace(bars=planted.bars, actions=planted.actions)
    frame = other.bars if feed == "bars" else other.actions
    context = market.context(actions=other.actions, bars=other.bars, **planted.changes)
    return _run(feed, rule, frame, context)


@pytest.mark.parametrize("fault", BAR_FAULTS)
def test_a_fault_in_recorded_bars_is_named(fault: str, recorded: tuple[str, Recorded]) -> None:
    name, market = recorded
    rule, plant = BAR_FAULTS[fault]
    site = _site(name, market)
    findings = _judge(market, site, plant, "bars", rule)
    assert findings, fault
    assert all(f.rule == rule for f in findings)
    said = [row for f in findings for row in f.rows]
    assert any(row.get("instrument_id") == site.key or row.get("session") == site.day for row in said)


@pytest.mark.parametrize("fault", ACTION_FAULTS)
def test_a_fault_in_recorded_actions_is_named(fault: str, recorded: tuple[str, Recorded]) -> None:
    name, market = recorded
    rule, plant = ACTION_FAULTS[fault]
    site = _site(name, market)
    findings = _judge(market, site, plant, "actions", rule)
    before = _run("actions", rule, market.actions, market.context())
    new = [row for f in findings for row in f.rows if row not in [r for b in before for r in b.rows]]
    assert sum(f.n_rows for f in findings) > sum(f.n_rows for f in before)
    assert any(row["instrument_id"] == site.key for row in new)


def test_nothing_true_in_lean_blocks() -> None:
    market = lean()
    found = {
        (f.feed, f.rule, f.message)
        for feed, frame in (("bars", market.bars), ("actions", market.actions))
        for rule in RULES[feed]
        for f in run_rule(rule, frame, market.context())
        if f.severity == "error"
    }
    assert found == set()


def test_zipline_has_its_own_faults_and_no_other() -> None:
    market = zipline()
    context = market.context()
    found = {
        (f.feed, f.rule): f
        for feed, frame in (("bars", market.bars), ("actions", market.actions))
        for rule in RULES[feed]
        for f in run_rule(rule, frame, context)
        if f.severity == "error"
    }
    assert set(found) == {("bars", "off_calendar"), ("actions", "dividend_split")}
    # Dell has twenty bars without volume on holidays.
    odd = found["bars", "off_calendar"]
    assert odd.n_rows == 20
    assert {row["instrument_id"] for row in odd.rows} == {market.ids["DELL"]}
    assert date(2011, 11, 24) in {row["session"] for row in odd.rows}


def test_apple_s_dividends_are_named_unprompted() -> None:
    """Eight dividends before the 7:1 split of 2014 are a seventh of what was paid."""
    market = zipline()
    (finding,) = _run("actions", "dividend_split", market.actions, market.context())
    (row,) = finding.rows
    assert (row["instrument_id"], row["split_on"]) == (market.ids["AAPL"], date(2014, 6, 9))
    assert row["split"] == pytest.approx(7.0, abs=0.01)
    assert (row["dividends_before"], finding.n_rows) == (8, 8)
    # Declared were 3.05 and 3.29 dollars a share before the split.
    paid = market.actions.filter(
        pl.col("instrument_id") == market.ids["AAPL"], pl.col("ex_date") < date(2014, 6, 9), kind="dividend"
    )
    declared = paid.with_columns(pl.col("amount") * 7)
    assert declared["amount"].to_list()[-2:] == pytest.approx([3.05, 3.29], abs=0.01)
    right = market.actions.join(paid, on=["instrument_id", "ex_date", "kind"], how="anti")
    right = pl.concat([right, declared])
    assert _run("actions", "dividend_split", right, market.context(actions=right)) == []


def test_the_same_fault_in_lean_s_apple_is_named_too() -> None:
    market = lean()
    apple = market.ids["AAPL"]
    here = (pl.col("instrument_id") == apple) & (pl.col("ex_date") < date(2014, 6, 9))
    wrong = market.actions.with_columns(
        pl.when(here & (pl.col("kind") == "dividend"))
        .then(pl.col("amount") / 7)
        .otherwise("amount")
        .alias("amount")
    )
    (finding,) = _run("actions", "dividend_split", wrong, market.context(actions=wrong))
    assert [(r["instrument_id"], r["split_on"]) for r in finding.rows] == [(apple, date(2014, 6, 9))]


def test_a_split_taken_off_the_file_is_missed() -> None:
    market = lean()
    apple, day = market.ids["AAPL"], date(2014, 6, 9)
    gone = market.actions.filter(
        ~((pl.col("instrument_id") == apple) & (pl.col("ex_date") == day) & (pl.col("kind") == "split"))
    )
    before = _run("bars", "split_like", market.bars, market.context())
    (finding,) = _run("bars", "split_like", market.bars, market.context(actions=gone))
    assert finding.n_rows == sum(f.n_rows for f in before) + 1
    assert (apple, day) in {(r["instrument_id"], r["session"]) for r in finding.rows}


def test_a_split_booked_a_month_late_has_no_jump() -> None:
    market = lean()
    apple, day = market.ids["AAPL"], date(2014, 6, 9)
    real = (pl.col("instrument_id") == apple) & (pl.col("ex_date") == day) & (pl.col("kind") == "split")
    moved = pl.concat(
        [market.actions.filter(~real), action(apple, day + timedelta(days=30), "split", 7.0, None)]
    )
    (finding,) = _run("actions", "no_jump", moved, market.context(actions=moved))
    assert [(r["instrument_id"], r["ex_date"]) for r in finding.rows] == [(apple, day + timedelta(days=30))]


def test_true_extremes_pass_day_by_day() -> None:
    """The forty wildest days of all LEAN files, each delivered alone: crashes, AIG in 2008, March 2020."""
    market = lean()
    move = (pl.col("close") / pl.col("open") - 1).abs()
    gap = (pl.col("open") / pl.col("close").shift(1).over("instrument_id") - 1).abs()
    split_days = market.actions.filter(pl.col("kind") == "split")["ex_date"]
    wild = (
        market.bars.sort("instrument_id", "session")
        .with_columns(pl.max_horizontal(move, gap).alias("wild"))
        .sort("wild", descending=True, nulls_last=True)["session"]
        .unique(maintain_order=True)
        .head(40)
        .to_list()
    )
    days = sorted({*wild, *split_days, date(2008, 9, 15), date(2010, 5, 6), date(2020, 3, 16)})
    sessions = market.bars["session"].unique().sort().to_list()
    refused = {}
    for day in days:
        at = sessions.index(day)
        context = GateContext(
            region="US",
            session=day,
            expected_sessions=(day,),
            history=market.bars.filter(
                pl.col("session").is_between(sessions[max(at - 60, 0)], sessions[max(at - 1, 0)])
            ),
            actions=market.actions.filter(ex_date=day),
            past_actions=market.actions.filter(pl.col("ex_date") < day),
            bars=market.bars.filter(session=day),
        )
        for feed, frame in (("bars", context.bars), ("actions", context.actions)):
            for rule in RULES[feed]:
                if rule.severity == "error" and rule.name != "expectations":
                    for f in run_rule(rule, frame, context):
                        refused[day, rule.name] = f.message
    assert len(days) >= 40
    # One is no true move: LEAN's Google closes at 294.57 with a low of 0.01 on 2008-09-30, a day of erroneous
    # trades. Its volume confirmed it that evening; the return to 412.25 is what nothing confirms.
    assert set(refused) == {(date(2008, 10, 1), "spike")}
    assert f"instrument_id {market.ids['GOOGL']}" in refused[date(2008, 10, 1), "spike"]
