"""The statistical screens on a made market: each fault by its rule, each true extreme by none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnalyaw.market import KEYS, NULLABLE, SCHEMAS, conform, empty
from dnalyaw.quality import RULES, SCREENS, Finding, GateContext, compare, run_rule
from tests.quality._long import SESSIONS, SPLIT, long_market, whole
from tests.quality._market import day_of, market
from tests.quality._plants import ACTION_FAULTS, BAR_FAULTS, PRICES, Site
from tests.quality._recorded import action

BARS, ACTIONS = long_market()
SITE = Site(4, SESSIONS, 300)


def _run(feed: str, rule: str, frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    return run_rule(next(r for r in RULES[feed] if r.name == rule), frame, context)


def _errors(bars: pl.DataFrame, actions: pl.DataFrame, context: GateContext) -> set[str]:
    return {
        f"{feed}/{f.rule}: {f.message}"
        for feed, frame in (("bars", bars), ("actions", actions))
        for rule in RULES[feed]
        if rule.name != "expectations"
        for f in run_rule(rule, frame, context)
        if f.severity == "error"
    }


def test_a_clean_market_has_no_finding_at_all() -> None:
    for feed, frame in (("bars", BARS), ("actions", ACTIONS)):
        for rule in RULES[feed]:
            if rule.name != "expectations":
                assert run_rule(rule, frame, whole(BARS, ACTIONS, other=BARS)) == [], rule.name


def test_every_screen_is_a_rule_and_every_rule_with_a_fault_is_tried() -> None:
    for feed, names in SCREENS.items():
        assert set(names) <= {rule.name for rule in RULES[feed]}
    tried = {rule for rule, _ in BAR_FAULTS.values()} | {"split_like", "price_limit"}
    assert set(SCREENS["bars"]) <= tried
    assert set(SCREENS["actions"]) <= {rule for rule, _ in ACTION_FAULTS.values()} | {"dividend_split"}


@pytest.mark.parametrize("fault", BAR_FAULTS)
def test_a_fault_of_bars_is_named(fault: str) -> None:
    rule, plant = BAR_FAULTS[fault]
    planted = plant(BARS, ACTIONS, SITE)
    findings = _run("bars", rule, planted.bars, whole(planted.bars, planted.actions, **planted.changes))
    said = [row for f in findings for row in f.rows]
    assert any(row.get("instrument_id") == SITE.key or row.get("session") == SITE.day for row in said)
    assert {f.severity for f in findings} == {r.severity for r in RULES["bars"] if r.name == rule}


@pytest.mark.parametrize("fault", ACTION_FAULTS)
def test_a_fault_of_actions_is_named(fault: str) -> None:
    rule, plant = ACTION_FAULTS[fault]
    planted = plant(BARS, ACTIONS, SITE)
    findings = _run("actions", rule, planted.actions, whole(planted.bars, planted.actions, **planted.changes))
    assert any(row["instrument_id"] == SITE.key for f in findings for row in f.rows)
    assert {f.severity for f in findings} == {r.severity for r in RULES["actions"] if r.name == rule}


def test_dividends_that_do_not_follow_a_split_are_named() -> None:
    day = SESSIONS[SPLIT]
    before = (pl.col("instrument_id") == 1) & (pl.col("ex_date") < day) & (pl.col("kind") == "dividend")
    wrong = ACTIONS.with_columns(
        pl.when(before).then(pl.col("amount") / 5).otherwise("amount").alias("amount")
    )
    (finding,) = _run("actions", "dividend_split", wrong, whole(BARS, wrong))
    assert [(r["instrument_id"], r["split_on"]) for r in finding.rows] == [(1, day)]
    assert finding.n_rows == ACTIONS.filter(before).height
    # A raise by half on the day of the split is none of the vendor's doing.
    raised = ACTIONS.with_columns(
        pl.when((pl.col("instrument_id") == 1) & (pl.col("ex_date") > day) & (pl.col("kind") == "dividend"))
        .then(pl.col("amount") * 1.5)
        .otherwise("amount")
        .alias("amount")
    )
    assert _run("actions", "dividend_split", raised, whole(BARS, raised)) == []


def test_a_delivery_is_judged_by_the_dividends_before_it() -> None:
    """A day's delivery holds one action: what was published tells that it is wrong."""
    day = ACTIONS.filter(instrument_id=4)["ex_date"][-1]
    past = ACTIONS.filter(pl.col("ex_date") < day)
    one = ACTIONS.filter(instrument_id=4, ex_date=day)
    context = replace(whole(BARS, one), past_actions=past)
    cents = one.with_columns(pl.col("amount") * 100)
    assert _run("actions", "dividend_units", one, context) == []
    assert _run("actions", "dividend_units", cents, context) != []
    again = past.filter(instrument_id=4).tail(1).with_columns(pl.col("ex_date") + timedelta(days=5))
    assert _run("actions", "dividend_twice", again, context) != []
    assert _run("actions", "dividend_twice", again, replace(context, past_actions=None)) == []


def test_weekly_payers_may_repeat_an_amount() -> None:
    weekly = pl.concat(
        [action(2, date(2022, 1, 7) + timedelta(days=7 * i), "dividend", None, 0.2) for i in range(20)]
    )
    assert _run("actions", "dividend_twice", weekly, whole(BARS, weekly)) == []


# -- true extremes -----------------------------------------------------------------------------------------


def test_a_crash_of_a_fifth_passes() -> None:
    # 1987-10-19: the whole market by 20%, on heavy volume, and half of it back over two days.
    shock = tuple((700, i, -0.22, 3.0) for i in range(8)) + tuple((701, i, 0.06, 3.0) for i in range(8))
    bars, actions = long_market(5, shock)
    assert _errors(bars, actions, whole(bars, actions)) == set()


def test_a_bankrupt_name_that_loses_99_percent_passes() -> None:
    bars, actions = long_market(6, ((700, 5, -4.6, 30.0), (701, 5, 0.4, 20.0)))
    # It pays nothing afterwards.
    actions = actions.filter((pl.col("instrument_id") != 6) | (pl.col("ex_date") < SESSIONS[700]))
    gone = bars.filter((pl.col("instrument_id") != 6) | (pl.col("close") > 0.2))
    assert _errors(gone, actions, whole(gone, actions)) == set()


@pytest.mark.parametrize("ratio", [10.0, 0.1, 0.01, 100.0])
def test_a_split_with_its_action_on_file_passes_and_without_does_not(ratio: float) -> None:
    day = SESSIONS[800]
    after = (pl.col("instrument_id") == 3) & (pl.col("session") >= day)
    bars = BARS.with_columns(pl.when(after).then(pl.col(c) / ratio).otherwise(c).alias(c) for c in PRICES)
    paid = (pl.col("instrument_id") == 3) & (pl.col("ex_date") >= day) & (pl.col("kind") == "dividend")
    fair = ACTIONS.with_columns(
        pl.when(paid).then(pl.col("amount") / ratio).otherwise("amount").alias("amount")
    )
    fair = pl.concat([fair, action(3, day, "split", ratio, None)])
    assert _errors(bars, fair, whole(bars, fair)) == set()
    assert _run("bars", "split_like", bars, whole(bars, ACTIONS)) != []


@pytest.mark.parametrize(
    ("kind", "ratio", "price", "drop"),
    [
        ("stock_dividend", 0.5, None, 1 / 1.5),
        # 3 for 10 at 60% of the price: the ex-right reference price is (1 + 0.3 * 0.6) / 1.3.
        ("rights", 0.3, 0.6, (1 + 0.3 * 0.6) / 1.3),
        ("spin_off", 0.25, 1.0, 0.75),
    ],
)
def test_other_actions_explain_their_jump(kind: str, ratio: float, price: float | None, drop: float) -> None:
    day = SESSIONS[800]
    after = (pl.col("instrument_id") == 3) & (pl.col("session") >= day)
    bars = BARS.with_columns(pl.when(after).then(pl.col(c) * drop).otherwise(c).alias(c) for c in PRICES)
    close = BARS.filter(instrument_id=3, session=SESSIONS[799])["close"][0]
    row = action(3, day, kind, ratio, None).with_columns(
        price=pl.lit(None if price is None else price * close, pl.Float64)
    )
    actions = pl.concat([ACTIONS, row])
    for rule in ("spike", "split_like"):
        assert _run("bars", rule, bars, whole(bars, actions)) == []
    assert _run("actions", "no_jump", actions, whole(bars, actions)) == []
    assert _run("actions", "no_jump", actions, whole(BARS, actions)) != []


def test_a_special_dividend_that_the_price_follows_passes() -> None:
    day = SESSIONS[800]
    close = BARS.filter(instrument_id=3, session=SESSIONS[799])["close"][0]
    amount = round(close * 0.12, 2)
    after = (pl.col("instrument_id") == 3) & (pl.col("session") >= day)
    bars = BARS.with_columns(pl.when(after).then(pl.col(c) * 0.88).otherwise(c).alias(c) for c in PRICES)
    actions = pl.concat([ACTIONS, action(3, day, "dividend", None, amount)])
    assert _errors(bars, actions, whole(bars, actions)) == set()
    alone, fitted = _run("actions", "dividend_drop", actions, whole(BARS, actions))
    assert [(r["instrument_id"], r["ex_date"]) for r in alone.rows] == [(3, day)]
    # One dividend of a year's worth bends the name's whole statistic.
    assert [r["instrument_id"] for r in fitted.rows] == [3]


def test_a_suspended_name_is_shown_and_not_blocked() -> None:
    """A mainland or Hong Kong suspension: the last price again and again, and no volume."""
    last = BARS.filter(instrument_id=5, session=SESSIONS[399])["close"][0]
    away = (pl.col("instrument_id") == 5) & pl.col("session").is_in(SESSIONS[400:440])
    bars = BARS.with_columns(pl.when(away).then(last).otherwise(c).alias(c) for c in PRICES).with_columns(
        pl.when(away).then(0.0).otherwise("volume").alias("volume")
    )
    actions = ACTIONS.filter((pl.col("instrument_id") != 5) | ~pl.col("ex_date").is_in(SESSIONS[399:441]))
    assert _errors(bars, actions, whole(bars, actions)) == set()
    (finding,) = _run("bars", "zero_volume", bars, whole(bars, actions))
    assert (finding.severity, finding.n_rows) == ("warn", 40)


# -- mainland limits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ticker", "move", "found"),
    [
        ("600000", 1.10, False),
        ("600000", 1.16, True),
        ("600000", 0.88, True),
        ("688981", 1.16, False),
        ("688981", 1.23, True),
        ("300750", 1.19, False),
    ],
)
def test_mainland_closes_are_held_to_their_board(ticker: str, move: float, found: bool) -> None:
    day, context = day_of(market())
    names = pl.DataFrame({"instrument_id": [5], "ticker": [ticker], "listed_on": [date(2010, 1, 4)]})
    before = context.history.filter(instrument_id=5, session=context.history["session"].max())["close"][0]
    moved = day.with_columns(
        pl.when(pl.col("instrument_id") == 5).then(before * move).otherwise("close").alias("close")
    )
    context = replace(context, region="CN", instruments=names)
    assert bool(_run("bars", "price_limit", moved, context)) is found
    # Elsewhere there is no limit, and a new listing has none.
    assert _run("bars", "price_limit", moved, replace(context, region="US")) == []
    young = names.with_columns(listed_on=pl.lit(day["session"][0]))
    assert _run("bars", "price_limit", moved, replace(context, instruments=young)) == []


def test_a_mainland_share_locked_at_its_limit_is_no_flat_bar() -> None:
    day, context = day_of(market())
    before = context.history.filter(instrument_id=5, session=context.history["session"].max())["close"][0]
    here = pl.col("instrument_id") == 5
    locked = day.with_columns(pl.when(here).then(before * 1.1).otherwise(c).alias(c) for c in PRICES)
    assert _run("bars", "flat", locked, context) != []
    assert _run("bars", "flat", locked, replace(context, region="CN")) == []


# -- two providers -----------------------------------------------------------------------------------------


def test_compare_names_what_differs_between_two_providers() -> None:
    assert compare(BARS, BARS, "US") == []
    _, plant = BAR_FAULTS["another provider adjusted for a split"]
    other = plant(BARS, ACTIONS, SITE).changes["other"]
    (adjusted, *rest) = compare(BARS, other, "US")
    assert "one of the two is adjusted" in adjusted.message
    assert adjusted.rows[0]["ratio"] == pytest.approx(2.0, abs=1e-3)
    assert adjusted.rows[0]["to"] == SESSIONS[SITE.at - 1]
    assert {f.rule for f in rest} == {"vendor_closes"}
    _, plant = BAR_FAULTS["another provider's dates are shifted"]
    messages = [f.message for f in compare(BARS, plant(BARS, ACTIONS, SITE).changes["other"], "US")]
    assert "dates are shifted" in messages[0]
    assert compare(BARS.clear(), BARS, "US") == []


def test_without_a_second_provider_nothing_is_compared() -> None:
    for name in ("vendor_prices", "vendor_closes", "vendor_coverage"):
        assert _run("bars", name, BARS.with_columns(pl.col("close") * 2), whole(BARS, ACTIONS)) == []


# -- any frame ---------------------------------------------------------------------------------------------

_ODD = [
    None,
    float("nan"),
    float("inf"),
    -float("inf"),
    0.0,
    -1.0,
    1e-300,
    1e300,
    1.0,
    10.0,
    10.1,
    9.9,
    1000.0,
]
_DAYS = [date(1969, 12, 31), *(date(2024, 6, d) for d in range(17, 30)), date(2099, 1, 1)]
_TEXTS = {
    "kind": ["split", "dividend", "stock_dividend", "rights", "spin_off", "merger", "delisting"],
    "series": ["FX.USDHKD", "RATE.USD.3M"],
}
_MOMENTS = [datetime(2024, 6, d, 20, tzinfo=UTC) for d in range(17, 30)] + [datetime(1960, 1, 1, tzinfo=UTC)]


def _frame(feed: str, random: Random) -> pl.DataFrame:
    """A frame of the feed's form with any values: nulls where they are allowed, NaN, infinities, repeats."""
    height = random.choice([0, 1, 1, 2, 5, 40])
    columns: dict[str, list[object]] = {}
    for name, dtype in SCHEMAS[feed].items():
        if dtype == pl.Float64:
            values: list[object] = list(_ODD)
        elif dtype == pl.Int64:
            values = [1, 2, 3, 4, 5, 2**50]
        elif dtype == pl.Date:
            values = list(_DAYS)
        elif dtype == pl.String:
            values = list(_TEXTS.get(name, ["USD", "AAPL.NASDAQ", "AAPL", ""]))
        else:
            values = list(_MOMENTS)
        values = [v for v in values if v is not None] + ([None] if name in NULLABLE[feed] else [])
        columns[name] = [random.choice(values) for _ in range(height)]
    return conform(feed, pl.DataFrame(columns, schema=SCHEMAS[feed]))


@pytest.mark.parametrize("feed", list(SCHEMAS))
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_no_rule_raises_on_any_frame_of_the_form(feed: str, seed: int) -> None:
    random = Random(seed)

    def maybe(name: str) -> pl.DataFrame | None:
        return _frame(name, random) if random.random() < 0.8 else None

    frame = _frame(feed, random)
    context = GateContext(
        region=random.choice(["US", "HK"]),
        session=date(2024, 6, 28),
        expected_sessions=(date(2024, 6, 27), date(2024, 6, 28)),
        history=maybe("bars"),
        actions=maybe("actions"),
        quotes=maybe("quotes"),
        bars=maybe("bars"),
        past_actions=maybe("actions"),
        other=maybe("bars"),
        instruments=maybe("instruments"),
    )
    for rule in RULES[feed]:
        # The suites take seconds to load; what they do with odd frames has a test of its own.
        if rule.name not in ("expectations", "schema"):
            for finding in rule.check(frame, context):
                assert finding.rule == rule.name
        if rule.name in ("flat", "price_limit"):
            rule.check(frame, replace(context, region="CN"))


@pytest.mark.parametrize("feed", list(SCHEMAS))
def test_no_rule_raises_on_an_empty_frame_or_one_row(feed: str) -> None:
    context = GateContext(region="US", session=date(2024, 6, 28), expected_sessions=(date(2024, 6, 28),))
    assert KEYS[feed]
    for rule in RULES[feed]:
        if rule.name != "expectations":
            rule.check(empty(feed), context)
