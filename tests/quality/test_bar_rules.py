"""Rules on bars: each with a delivery that trips it and a close one that does not."""

import logging
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnalyaw.market import empty, previous_session
from dnalyaw.market.providers import open_provider
from dnalyaw.quality import RULES, Finding, GateContext, Rule, run_rule, run_rules
from tests.quality._market import (
    LAST,
    SESSIONS,
    day_of,
    history_of,
    market,
    quotes_for,
    scaled,
    with_context,
)

BARS = market()


def _rule(name: str, feed: str = "bars") -> Rule:
    return next(rule for rule in RULES[feed] if rule.name == name)


def _run(name: str, frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    return run_rule(_rule(name), frame, context)


def test_a_clean_market_passes_every_rule() -> None:
    day, context = day_of(BARS)
    assert run_rules("bars", day, with_context(context, quotes=quotes_for(day))) == []
    assert run_rules("bars", BARS, history_of(BARS)) == []


def test_rules_have_unique_names_and_a_line_of_description() -> None:
    for rules in RULES.values():
        assert len({rule.name for rule in rules}) == len(rules)
        assert all(rule.description and rule.name.isidentifier() for rule in rules)


def test_the_page_lists_every_rule() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "gates.md").read_text()
    listed = [line for line in page.splitlines() if line.startswith("| ") and "`" in line]
    assert listed == [
        f"| {feed} | `{rule.name}` | {rule.severity} | {rule.description} |"
        for feed, rules in RULES.items()
        for rule in rules
    ]


# -- schema ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message", "rows"),
    [
        (lambda f: f.with_columns(volume=pl.lit("n/a")), "column volume has type String, want Float64", 12),
        (lambda f: f.drop("close"), "column close is missing", 12),
        (lambda f: f.with_columns(colour=pl.lit(1)), "column colour is unknown", 12),
        (
            lambda f: f.with_columns(
                close=pl.when(pl.col("instrument_id") == 3).then(None).otherwise("close")
            ),
            "column close breaks not null",
            1,
        ),
        (
            lambda f: f.with_columns(
                close=pl.when(pl.col("instrument_id") < 3).then(float("inf")).otherwise("close")
            ),
            "column close breaks finite",
            2,
        ),
        (
            lambda f: f.with_columns(instrument_id=pl.col("instrument_id") - 1),
            "column instrument_id breaks greater_than",
            1,
        ),
        (
            lambda f: f.with_columns(event_time=pl.col("event_time").dt.replace_time_zone(None)),
            "column event_time has type Datetime",
            12,
        ),
    ],
)
def test_schema(change, message: str, rows: int) -> None:  # type: ignore[no-untyped-def]
    day, context = day_of(BARS)
    findings = _run("schema", change(day), context)
    assert len(findings) == 1
    assert message in findings[0].message
    assert (findings[0].n_rows, findings[0].severity) == (rows, "error")


def test_schema_lets_bars_lack_an_open_only_when_close_only() -> None:
    day, context = day_of(BARS)
    closes = day.with_columns(pl.lit(None, pl.Float64).alias(c) for c in ("open", "high", "low", "volume"))
    assert {f.message.split("column ")[1].split()[0] for f in _run("schema", closes, context)} == {
        "open",
        "high",
        "low",
        "volume",
    }
    assert run_rules("bars", closes, with_context(context, close_only=True)) == []


def test_a_wrong_type_names_the_cells_that_cannot_be_read() -> None:
    day, context = day_of(BARS)
    text = day.with_columns(
        volume=pl.when(pl.col("instrument_id") == 5).then(pl.lit("n/a")).otherwise(pl.col("volume").cast(str))
    )
    (finding,) = _run("schema", text, context)
    assert finding.rows == ({"instrument_id": 5, "session": LAST, "volume": "n/a"},)


# -- empty, duplicate, missing ------------------------------------------------------------------------------


def test_empty() -> None:
    day, context = day_of(BARS)
    (finding,) = _run("empty", empty("bars"), context)
    assert "US bars 2024-06-28: rule empty" in finding.message
    assert _run("empty", day.head(1), context) == []
    assert _run("empty", empty("bars"), with_context(context, carried=False)) == []


def test_a_feed_that_may_be_empty_must_not_fall_silent() -> None:
    day, context = day_of(BARS)
    rule = _rule("empty", "quotes")
    assert run_rule(rule, empty("quotes"), context) == []
    assert run_rule(rule, empty("quotes"), with_context(context, previous=quotes_for(day))) != []
    # A day without an action is usual, whatever the day before brought.
    before = with_context(context, previous=_action(1, LAST, "split", 2.0))
    assert run_rule(_rule("empty", "actions"), empty("actions"), before) == []


def test_duplicate_names_the_repeated_key() -> None:
    day, context = day_of(BARS)
    (finding,) = _run("duplicate", pl.concat([day, day.filter(instrument_id=4)]), context)
    assert finding.n_rows == 1
    assert finding.rows == ({"instrument_id": 4, "session": LAST},)
    # The same name on another session is no repeat.
    assert _run("duplicate", BARS, history_of(BARS)) == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 11), max_size=30))
def test_duplicate_counts_every_extra_row(extra: list[int]) -> None:
    day, context = day_of(BARS)
    findings = _run("duplicate", pl.concat([day, day[extra]]) if extra else day, context)
    assert sum(f.n_rows for f in findings) == len(extra)


def test_missing_session() -> None:
    gone = SESSIONS[40]
    (finding,) = _run("missing_session", BARS.filter(pl.col("session") != gone), history_of(BARS))
    assert finding.rows == ({"session": gone},)
    assert gone.isoformat() in finding.message
    assert _run("missing_session", BARS, history_of(BARS)) == []


def test_too_few_names() -> None:
    # 7 of 12 names is 58%, 8 is 67%; the bound is 60%.
    day, context = day_of(BARS)
    (finding,) = _run("missing_session", day.filter(pl.col("instrument_id") <= 7), context)
    assert (finding.n_rows, finding.rows[0]["names_before"]) == (5, 12)
    assert _run("missing_session", day.filter(pl.col("instrument_id") <= 8), context) == []
    # New names do not make up for lost ones.
    renamed = day.with_columns(instrument_id=pl.col("instrument_id") + 6)
    assert _run("missing_session", renamed, context) != []


def test_too_few_names_within_a_history() -> None:
    thin = BARS.filter((pl.col("session") != SESSIONS[30]) | (pl.col("instrument_id") <= 5))
    (finding,) = _run("missing_session", thin, history_of(BARS))
    assert [row["session"] for row in finding.rows] == [SESSIONS[30]]


# -- calendar and times ------------------------------------------------------------------------------------


def test_off_calendar() -> None:
    day, context = day_of(BARS)
    saturday = day.with_columns(session=pl.lit(date(2024, 6, 29)))
    messages = [f.message for f in _run("off_calendar", saturday, context)]
    assert "did not trade that day" in messages[0]
    earlier = day.with_columns(session=pl.lit(date(2024, 6, 27)))
    (finding,) = _run("off_calendar", earlier, context)
    assert "outside the window 2024-06-28 to 2024-06-28" in finding.message
    assert _run("off_calendar", day, context) == []


def _shifted(frame: pl.DataFrame, by: timedelta) -> pl.DataFrame:
    return frame.with_columns(pl.col("event_time") + by, pl.col("available_at") + by)


def test_stale_times() -> None:
    day, context = day_of(BARS)
    (finding,) = _run("stale", _shifted(day, -timedelta(days=1)), context)
    assert finding.n_rows == 12
    assert "event_time is not of the session" in finding.message
    # A stamp a few minutes after the close is a slow clock, not another session.
    assert _run("stale", _shifted(day, timedelta(minutes=10)), context) == []
    known_early = day.with_columns(available_at=pl.col("event_time") - timedelta(seconds=1))
    assert _run("stale", known_early, context) != []


def test_a_frozen_feed() -> None:
    day, context = day_of(BARS)
    numbers = ["open", "high", "low", "close", "volume"]
    before = BARS.filter(session=SESSIONS[-2])
    frozen = day.drop(numbers).join(before.select("instrument_id", *numbers), on="instrument_id")
    (finding,) = _run("stale", frozen.select(day.columns), context)
    assert "the feed is frozen" in finding.message
    assert finding.n_rows == 12
    # Six of twelve may repeat, as illiquid names do.
    half = pl.concat(
        [
            frozen.select(day.columns).filter(pl.col("instrument_id") <= 6),
            day.filter(pl.col("instrument_id") > 6),
        ]
    )
    assert _run("stale", half, context) == []


# -- prices ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value"),
    [("high", 1.0), ("low", 1e6), ("close", -1.0), ("open", 0.0), ("volume", -1.0)],
)
def test_ohlc(column: str, value: float) -> None:
    day, context = day_of(BARS)
    hit = pl.col("instrument_id") == 2
    bad = day.with_columns(pl.when(hit).then(value).otherwise(column).alias(column))
    (finding,) = _run("ohlc", bad, context)
    assert [row["instrument_id"] for row in finding.rows] == [2]
    # A bar without any movement is possible.
    flat = day.with_columns(pl.col("close").alias(c) for c in ("open", "high", "low"))
    assert _run("ohlc", flat, context) == []


_CENTS = st.integers(1, 400).map(lambda c: c / 100)


@settings(max_examples=100, deadline=None)
@given(st.tuples(_CENTS, _CENTS, _CENTS, _CENTS))
def test_ohlc_agrees_with_the_definition(bar: tuple[float, float, float, float]) -> None:
    day, context = day_of(BARS)
    first, high, low, last = bar
    one = day.head(1).with_columns(open=pl.lit(first), high=pl.lit(high), low=pl.lit(low), close=pl.lit(last))
    possible = low <= min(first, last) <= max(first, last) <= high
    assert (_run("ohlc", one, context) == []) == possible


def test_a_spike_is_found_and_named() -> None:
    day, context = day_of(BARS)
    (finding,) = _run("spike", scaled(day, 5, 3.2), context)
    assert (finding.n_rows, finding.rows[0]["instrument_id"]) == (1, 5)
    assert "rule spike: 1 row" in finding.message
    assert "instrument_id 5" in finding.message


@pytest.mark.parametrize("factor", [0.3, 0.75, 1.3, 10.0])
def test_spikes_of_other_sizes(factor: float) -> None:
    day, context = day_of(BARS)
    assert _run("spike", scaled(day, 5, factor), context) != []


def test_a_jump_of_a_quarter_with_heavy_volume_passes() -> None:
    day, context = day_of(BARS)
    jump = scaled(day, 5, 1.25)
    # A million shares are usual; two and a half times that is the bound.
    assert _run("spike", jump.with_columns(volume=pl.lit(2.9e6)), context) == []
    assert _run("spike", jump.with_columns(volume=pl.lit(2.2e6)), context) != []


def test_quotes_confirm_or_refute_a_jump() -> None:
    day, context = day_of(BARS)
    jump = scaled(day, 5, 1.25)
    assert _run("spike", jump, with_context(context, quotes=quotes_for(jump))) == []
    # Heavy volume does not help against quotes that say otherwise.
    heavy = scaled(jump, 5, 9.0, "volume")
    refuting = quotes_for(day)
    assert _run("spike", heavy, with_context(context, quotes=refuting)) != []
    assert _run("quote_bar", heavy, with_context(context, quotes=refuting)) != []


def test_a_crash_of_the_whole_market_passes() -> None:
    last = len(SESSIONS) - 1
    crash = market(shock={(last, i): -0.128 * (0.5 + i / 11) for i in range(12)})
    day, context = day_of(crash)
    returns = day["close"] / day["open"] - 1
    assert returns.median() < -0.11
    assert _run("spike", day, context) == []
    # One name that falls by half on the same day stands out from its peers.
    assert _run("spike", scaled(day, 12, 0.5), context) != []


def test_an_action_explains_a_jump() -> None:
    day, context = day_of(BARS)
    split = _action(5, LAST, "split", 4.0)
    quarter = scaled(scaled(scaled(scaled(day, 5, 0.25), 5, 0.25, "open"), 5, 0.25, "high"), 5, 0.25, "low")
    assert _run("spike", quarter, context) != []
    assert _run("split_like", quarter, context) != []
    explained = with_context(context, actions=split)
    assert _run("spike", quarter, explained) == []
    assert _run("split_like", quarter, explained) == []
    # An action on file without its jump is as wrong.
    assert _run("spike", day, explained) != []


def _action(key: int, ex_date: date, kind: str, value: float) -> pl.DataFrame:
    moment = datetime.combine(ex_date - timedelta(days=1), datetime.min.time()).replace(hour=20)
    row = {
        "instrument_id": key,
        "ex_date": ex_date,
        "kind": kind,
        "ratio": value if kind == "split" else None,
        "amount": None if kind == "split" else value,
        "currency": "USD",
        "event_time": moment,
        "available_at": moment,
    }
    frame = pl.DataFrame(row, schema_overrides={"ratio": pl.Float64, "amount": pl.Float64})
    return frame.with_columns(
        pl.col("event_time", "available_at").dt.cast_time_unit("us").dt.replace_time_zone("UTC")
    )


def test_within_a_history_a_spike_reverses_and_a_jump_stays() -> None:
    at = 50
    jump = market(shock={(at, 4): 0.3})
    assert _run("spike", jump, history_of(jump)) == []
    hit = (pl.col("instrument_id") == 5) & (pl.col("session") == SESSIONS[at])
    bad = BARS.with_columns(close=pl.when(hit).then(pl.col("close") * 3.2).otherwise("close"))
    (finding,) = _run("spike", bad, history_of(BARS))
    assert finding.rows[0]["session"] == SESSIONS[at]


def test_split_like_warns() -> None:
    assert _rule("split_like").severity == "warn"
    day, context = day_of(BARS)
    (finding,) = _run("split_like", scaled(day, 5, 0.5), context)
    assert (finding.severity, finding.rows[0]["instrument_id"]) == ("warn", 5)
    assert _run("split_like", scaled(day, 5, 0.58), context) == []


def test_quote_bar() -> None:
    day, context = day_of(BARS)
    close = day.filter(instrument_id=5)["close"][0]
    near = quotes_for(day, i5=close * 1.04)
    assert _run("quote_bar", day, with_context(context, quotes=near)) == []
    far = quotes_for(day, i5=close * 1.07)
    (finding,) = _run("quote_bar", day, with_context(context, quotes=far))
    assert [row["instrument_id"] for row in finding.rows] == [5]
    # A wide market says less.
    wide = far.with_columns(bid=pl.col("bid") * 0.95)
    assert _run("quote_bar", day, with_context(context, quotes=wide)) == []


# -- a rule that cannot judge ------------------------------------------------------------------------------


def test_a_rule_that_raises_refuses(caplog: pytest.LogCaptureFixture) -> None:
    def broken(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
        raise ZeroDivisionError("by\nzero")

    day, context = day_of(BARS)
    with caplog.at_level(logging.CRITICAL):
        (finding,) = run_rule(Rule("bars", "broken", "warn", "raises", (), broken), day, context)
    assert (finding.severity, finding.n_rows) == ("error", 12)
    assert "rule broken raised ZeroDivisionError: by zero" in finding.message
    assert "\n" not in finding.message


def test_every_rule_refuses_a_frame_of_another_form() -> None:
    _, context = day_of(BARS)
    odd = pl.DataFrame({"instrument_id": ["x"], "session": ["2024-06-28"]})
    for feed, rules in RULES.items():
        for rule in rules:
            if rule.name in ("empty", "duplicate"):
                continue
            findings = run_rule(rule, odd, context)
            assert findings, (feed, rule.name)
            assert all(f.severity == "error" for f in findings)


# -- real and simulated markets ----------------------------------------------------------------------------


def test_three_years_of_recorded_prices_pass() -> None:
    folder = Path(__file__).resolve().parents[3] / "shared" / "data" / "lean"
    if not folder.is_dir():
        pytest.skip(f"recorded data is not at {folder}")
    provider = open_provider(f"lean:{folder}")
    sessions = [d for d in provider.sessions("US") if date(2007, 6, 1) <= d <= date(2010, 6, 30)]
    feeds = {
        feed: provider.fetch(feed, "US", sessions[0], sessions[-1])
        for feed in ("bars", "actions", "instruments")
    }
    context = GateContext(
        region="US",
        session=sessions[-1],
        expected_sessions=tuple(sessions),
        genesis=True,
        actions=feeds["actions"],
        instruments=feeds["instruments"],
    )
    # The autumn of 2008 and the day in May 2010 are in there; nothing may be called an error.
    for feed, frame in feeds.items():
        assert [f.message for f in run_rules(feed, frame, context) if f.severity == "error"] == []


@pytest.mark.parametrize("region", ["US", "HK"])
def test_true_crashes_and_jumps_of_the_simulation_pass(region: str) -> None:
    provider = open_provider("sample")
    truth = provider.ground_truth()
    assert truth is not None
    planted = truth["regions"][region]
    sessions = provider.sessions(region)
    days = sorted(
        {date.fromisoformat(x["session"]) for x in planted["market_crashes"]}
        | {date.fromisoformat(x["session"]) for x in planted["jumps"][:12]}
    )
    days = [d for d in days if sessions[61] < d < date(2025, 1, 1)]
    assert len(days) >= 4
    bars = provider.fetch("bars", region, sessions[0], days[-1])
    for day in days:
        at = sessions.index(day)
        context = GateContext(
            region=region,
            session=day,
            expected_sessions=(day,),
            history=bars.filter(pl.col("session").is_between(sessions[at - 60], sessions[at - 1])),
            quotes=provider.fetch("quotes", region, day, day),
            actions=provider.fetch("actions", region, day, day),
        )
        frame = bars.filter(session=day)
        for name in ("spike", "quote_bar", "stale", "missing_session", "ohlc"):
            assert [f.message for f in _run(name, frame, context)] == [], (day, name)


@pytest.mark.parametrize(
    ("fault", "feed", "rule"),
    [
        ("spike", "bars", "spike"),
        ("stale", "bars", "stale"),
        ("stale", "quotes", "stale"),
        ("crossed", "quotes", "crossed"),
        ("missing-session", "bars", "missing_session"),
        ("duplicate", "bars", "duplicate"),
        ("schema", "bars", "schema"),
        ("empty", "bars", "empty"),
    ],
)
@pytest.mark.parametrize("region", ["US", "HK"])
def test_every_fault_is_caught_by_its_rule(region: str, fault: str, feed: str, rule: str) -> None:
    day = date(2023, 6, 15)
    good = open_provider("sample")
    bad = open_provider("sample", fault=fault, fault_session=day)
    before = previous_session(region, day)
    context = GateContext(
        region=region,
        session=day,
        expected_sessions=(day,),
        history=good.fetch("bars", region, good.sessions(region)[40], before),
        quotes=bad.fetch("quotes", region, day, day),
        actions=bad.fetch("actions", region, day, day),
    )
    assert run_rule(_rule(rule, feed), good.fetch(feed, region, day, day), context) == []
    findings = run_rule(_rule(rule, feed), bad.fetch(feed, region, day, day), context)
    assert findings
    assert all(f.severity == "error" and f.rule == rule and f.feed == feed for f in findings)
