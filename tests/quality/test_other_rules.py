"""Rules on quotes, actions, fundamentals and instruments."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnalyaw.market import SCHEMAS
from dnalyaw.quality import RULES, Finding, GateContext, run_rule, run_rules
from tests.quality._market import LAST, day_of, market, quotes_for, with_context

DAY, CONTEXT = day_of(market())
QUOTES = quotes_for(DAY)
FILED = datetime(2024, 5, 2, 21, 0, tzinfo=UTC)


def _run(feed: str, name: str, frame: pl.DataFrame, context: GateContext = CONTEXT) -> list[Finding]:
    return run_rule(next(rule for rule in RULES[feed] if rule.name == name), frame, context)


def _frame(feed: str, *rows: dict) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SCHEMAS[feed])


# -- quotes ------------------------------------------------------------------------------------------------


def test_clean_quotes_pass() -> None:
    assert run_rules("quotes", QUOTES, CONTEXT) == []


def test_crossed() -> None:
    hit = pl.col("instrument_id") == 7
    over = QUOTES.with_columns(bid=pl.when(hit).then(pl.col("ask") + 0.01).otherwise("bid"))
    (finding,) = _run("quotes", "crossed", over)
    assert finding.n_rows == 2
    assert {row["instrument_id"] for row in finding.rows} == {7}
    assert "the bid is above the ask" in finding.message
    # Locked is allowed, and so is one side alone.
    assert _run("quotes", "crossed", QUOTES.with_columns(bid=pl.col("ask"))) == []
    assert _run("quotes", "crossed", QUOTES.with_columns(ask=pl.lit(0.0))) == []
    assert _run("quotes", "crossed", QUOTES.with_columns(bid_size=pl.lit(-1.0))) != []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=24, max_size=24))
def test_crossed_agrees_with_the_definition(sides: list[tuple[int, int]]) -> None:
    frame = QUOTES.with_columns(
        bid=pl.Series([float(b) for b, _ in sides]), ask=pl.Series([float(a) for _, a in sides])
    )
    want = sum(1 for bid, ask in sides if bid > ask > 0)
    assert sum(f.n_rows for f in _run("quotes", "crossed", frame)) == want


def test_stale_quotes() -> None:
    day = timedelta(days=1)
    shifted = QUOTES.with_columns(pl.col("event_time") - day, pl.col("available_at") - day)
    (finding,) = _run("quotes", "stale", shifted)
    assert finding.n_rows == 24
    before_open = timedelta(hours=1)
    early = QUOTES.with_columns(pl.col("event_time") - before_open)
    assert _run("quotes", "stale", early) == []
    late = QUOTES.with_columns(available_at=pl.col("event_time") + 2 * day)
    assert _run("quotes", "stale", late) != []


def test_quotes_off_calendar() -> None:
    sunday = QUOTES.with_columns(session=pl.lit(date(2024, 6, 30)))
    assert "did not trade" in _run("quotes", "off_calendar", sunday)[0].message


# -- actions -----------------------------------------------------------------------------------------------


def _action(**change: object) -> dict:
    row = {
        "instrument_id": 1,
        "ex_date": LAST,
        "kind": "dividend",
        "ratio": None,
        "amount": 0.5,
        "currency": "USD",
        "event_time": datetime(2024, 6, 28, 13, 30, tzinfo=UTC),
        "available_at": datetime(2024, 6, 27, 20, 0, tzinfo=UTC),
    }
    return row | change


def test_clean_actions_pass() -> None:
    frame = _frame(
        "actions",
        _action(),
        _action(instrument_id=2, kind="split", ratio=2.0, amount=None),
        _action(instrument_id=3, kind="delisting", amount=None),
        _action(instrument_id=4, kind="delisting", amount=12.5),
    )
    assert run_rules("actions", frame, CONTEXT) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"amount": None}, "a positive amount"),
        ({"amount": -0.1}, "a positive amount"),
        ({"kind": "split", "ratio": None, "amount": None}, "a split needs a ratio"),
        ({"kind": "split", "ratio": 1.0, "amount": None}, "a split needs a ratio"),
        ({"kind": "split", "ratio": -2.0, "amount": None}, "a split needs a ratio"),
        ({"kind": "split", "ratio": 2.0}, "neither has the other's"),
        ({"amount": 5000.0}, "a dividend is not smaller than the price before it"),
    ],
)
def test_action_amounts(change: dict, message: str) -> None:
    findings = _run("actions", "amounts", _frame("actions", _action(**change), _action(instrument_id=2)))
    assert len(findings) == 1
    assert message in findings[0].message
    assert findings[0].n_rows == 1


def test_an_action_is_known_before_its_date() -> None:
    late = _action(available_at=datetime(2024, 6, 28, 0, 0, tzinfo=UTC))
    (finding,) = _run("actions", "times", _frame("actions", late, _action(instrument_id=2)))
    assert finding.rows[0]["instrument_id"] == 1
    just = _action(available_at=datetime(2024, 6, 27, 23, 59, tzinfo=UTC))
    assert _run("actions", "times", _frame("actions", just)) == []


def test_unknown_kinds_are_refused() -> None:
    (finding,) = _run("actions", "schema", _frame("actions", _action(kind="gift"), _action()))
    assert "column kind breaks isin" in finding.message


# -- fundamentals ------------------------------------------------------------------------------------------


def _figure(**change: object) -> dict:
    row = {
        "instrument_id": 1,
        "metric": "revenue",
        "period_end": date(2024, 3, 31),
        "value": 1e9,
        "form": "10-Q",
        "event_time": datetime(2024, 3, 31, tzinfo=UTC),
        "available_at": FILED,
    }
    return row | change


def test_fundamentals() -> None:
    restated = _figure(value=9e8, available_at=FILED + timedelta(days=90))
    assert run_rules("fundamentals", _frame("fundamentals", _figure(), restated), CONTEXT) == []
    early = _figure(available_at=datetime(2024, 3, 30, 23, tzinfo=UTC))
    (finding,) = _run("fundamentals", "filing_order", _frame("fundamentals", early))
    assert "nobody knew the figure then" in finding.message
    twice = _frame("fundamentals", _figure(), _figure(value=2.0))
    assert _run("fundamentals", "duplicate", twice) != []
    shares = _frame("fundamentals", _figure(metric="shares_outstanding", value=0.0))
    assert "shares is not positive" in _run("fundamentals", "values", shares)[0].message
    ahead = _frame("fundamentals", _figure(period_end=date(2044, 3, 31)))
    assert "ten years ahead" in _run("fundamentals", "values", ahead)[0].message


# -- instruments -------------------------------------------------------------------------------------------


def _listed(**change: object) -> dict:
    row = {
        "instrument_id": 1,
        "issuer_id": 1,
        "label": "TAP.A.NYSE",
        "ticker": "TAP.A",
        "venue": "NYSE",
        "currency": "USD",
        "sector": None,
        "lot": 1,
        "tick": 0.01,
        "valid_from": date(2010, 1, 4),
        "valid_to": None,
        "listed_on": date(2010, 1, 4),
        "delisted_on": None,
        "last_price": None,
        "event_time": datetime(2010, 1, 4, tzinfo=UTC),
        "available_at": datetime(2010, 1, 4, tzinfo=UTC),
    }
    return row | change


def test_a_renamed_and_a_reused_label_pass() -> None:
    frame = _frame(
        "instruments",
        # Renamed in 2015, delisted in 2018; its first label is another company's from 2016.
        _listed(),
        _listed(valid_to=date(2014, 12, 31), available_at=datetime(2015, 1, 1, tzinfo=UTC)),
        _listed(label="ZZ.NYSE", ticker="ZZ", valid_from=date(2015, 1, 1), delisted_on=date(2018, 5, 1)),
        _listed(instrument_id=2, valid_from=date(2016, 1, 4), listed_on=date(2016, 1, 4)),
        _listed(
            instrument_id=3,
            label="ZZ.NYSE",
            ticker="ZZ",
            valid_from=date(2018, 5, 1),
            listed_on=date(2018, 5, 1),
        ),
    )
    assert run_rules("instruments", frame, CONTEXT) == []


def test_one_label_for_two_instruments_on_one_day() -> None:
    frame = _frame(
        "instruments",
        _listed(valid_to=date(2016, 1, 4)),
        _listed(instrument_id=2, valid_from=date(2016, 1, 4), listed_on=date(2016, 1, 4)),
    )
    (finding,) = _run("instruments", "spans", frame)
    assert finding.rows[0]["label"] == "TAP.A.NYSE"
    assert (finding.rows[0]["instrument_id"], finding.rows[0]["other_instrument"]) == (2, 1)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"valid_to": date(2009, 1, 1)}, "spans"),
        ({"delisted_on": date(2009, 1, 1)}, "spans"),
        ({"valid_from": date(2009, 1, 1)}, "spans"),
        ({"label": "TAP.A"}, "labels"),
        ({"ticker": "TAP"}, "labels"),
        ({"venue": "HKEX", "label": "TAP.A.HKEX"}, "labels"),
        ({"currency": "HKD"}, "labels"),
        ({"tick": -0.01}, "labels"),
        ({"lot": 0}, "schema"),
        ({"label": ""}, "schema"),
    ],
)
def test_bad_instruments(change: dict, rule: str) -> None:
    assert _run("instruments", rule, _frame("instruments", _listed(**change))) != []


def test_a_whole_history_needs_instruments() -> None:
    rule = next(r for r in RULES["instruments"] if r.name == "empty")
    none = _frame("instruments").clear()
    assert run_rule(rule, none, CONTEXT) == []
    assert run_rule(rule, none, with_context(CONTEXT, genesis=True)) != []
