"""Every feed has a suite that judges it, and data docs that open without a network."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

import dnalyaw.quality._expectations as module
from dnalyaw.market import SCHEMAS
from dnalyaw.quality import RULES, GateContext, evaluate, run_rule, suite_path, write_data_docs
from tests.quality._market import day_of, market, quotes_for

DAY, CONTEXT = day_of(market())
_AT = datetime(2024, 6, 27, 20, 0, tzinfo=UTC)
_TIMES = {"event_time": _AT, "available_at": _AT}


def _rows(feed: str, *rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame([_TIMES | row for row in rows], schema=SCHEMAS[feed])


GOOD: dict[str, pl.DataFrame] = {
    "instruments": _rows(
        "instruments",
        *(
            {
                "instrument_id": i,
                "issuer_id": i,
                "label": f"T{i}.NYSE",
                "ticker": f"T{i}",
                "venue": "NYSE",
                "currency": "USD",
                "lot": 1,
                "tick": 0.01,
                "valid_from": date(2020, 1, 2),
                "listed_on": date(2020, 1, 2),
                "asset_class": "equity",
            }
            for i in (1, 2, 3)
        ),
    ),
    "bars": DAY,
    "quotes": quotes_for(DAY),
    "actions": _rows(
        "actions",
        {
            "instrument_id": 1,
            "ex_date": date(2024, 6, 28),
            "kind": "dividend",
            "amount": 0.5,
            "currency": "USD",
        },
        {"instrument_id": 2, "ex_date": date(2024, 6, 28), "kind": "split", "ratio": 2.0, "currency": "USD"},
    ),
    "fundamentals": _rows(
        "fundamentals",
        {
            "instrument_id": 1,
            "metric": "revenue",
            "period_end": date(2024, 3, 31),
            "value": 1e9,
            "form": "10-Q",
        },
    ),
    "series": _rows(
        "series",
        {"series": "RATE.USD.3M", "session": date(2024, 6, 28), "value": 0.0525, "unit": "fraction a year"},
        {"series": "FX.USDHKD", "session": date(2024, 6, 28), "value": 7.81, "unit": "HKD per USD"},
    ),
    "borrow": _rows(
        "borrow", {"instrument_id": 1, "session": date(2024, 6, 28), "fee": 0.003, "available": 1e6}
    ),
}
_Change = Callable[[pl.DataFrame], pl.DataFrame]
BAD: dict[str, tuple[_Change, str]] = {
    "instruments": (lambda f: f.with_columns(label=pl.lit("T1 NYSE")), "column label"),
    "bars": (lambda f: f.with_columns(currency=pl.lit("EUR")), "column currency"),
    # A tenth of the price between bid and ask, in every quote.
    "quotes": (lambda f: f.with_columns(bid=pl.col("ask") * 0.9), "column width"),
    "actions": (lambda f: f.with_columns(amount=pl.col("amount") * 1e5), "column amount"),
    "fundamentals": (lambda f: f.with_columns(period_end=pl.lit(date(2010, 3, 31))), "column days_to_filing"),
    # A rate in percent.
    "series": (lambda f: f.with_columns(pl.col("value") * 100), "column rate"),
    "borrow": (lambda f: f.with_columns(fee=pl.lit(150.0)), "column fee"),
}


def _rule(feed: str):  # type: ignore[no-untyped-def]
    return next(rule for rule in RULES[feed] if rule.name == "expectations")


@pytest.mark.parametrize("feed", list(SCHEMAS))
def test_a_suite_passes_good_rows_and_names_bad_ones(feed: str) -> None:
    assert run_rule(_rule(feed), GOOD[feed], CONTEXT) == []
    change, subject = BAD[feed]
    findings = run_rule(_rule(feed), change(GOOD[feed]), CONTEXT)
    assert any(subject in f.message for f in findings)
    assert {(f.feed, f.rule, f.severity) for f in findings} == {(feed, "expectations", "error")}


@pytest.mark.parametrize("feed", list(SCHEMAS))
@pytest.mark.parametrize("content", [None, '{"expectations": []}', "{"])
def test_without_its_suite_a_feed_is_refused(
    feed: str, content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SUITES", tmp_path)
    monkeypatch.setattr(module, "SUITE_PATH", tmp_path / "bars.json")
    if content is not None:
        (tmp_path / f"{feed}.json").write_text(content)
    # Not even a delivery without rows passes.
    for frame in (GOOD[feed], GOOD[feed].clear()):
        (finding,) = run_rule(_rule(feed), frame, CONTEXT)
        assert finding.severity == "error"
        assert "restore it" in finding.message


@pytest.mark.parametrize("feed", list(SCHEMAS))
def test_suites_hold_what_the_library_knows(feed: str) -> None:
    suite = json.loads(suite_path(feed).read_text())
    assert suite["name"] == feed
    kinds = [rule["type"] for rule in suite["expectations"]]
    assert kinds[0] == "expect_table_columns_to_match_ordered_list"
    assert len(kinds) >= 4


@pytest.mark.parametrize("feed", ["bars", "quotes", "borrow"])
def test_odd_numbers_are_judged_and_raise_nothing(feed: str) -> None:
    numbers = [n for n, t in SCHEMAS[feed].items() if t == pl.Float64]
    for value in (None, float("nan"), float("inf"), -1.0):
        odd = GOOD[feed].with_columns(pl.lit(value, pl.Float64).alias(n) for n in numbers)
        messages = [f.message for f in run_rule(_rule(feed), odd, CONTEXT)]
        assert not any("raised" in m for m in messages), messages


def test_a_huge_feed_is_judged_on_a_sample_that_keeps_its_extremes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 50)
    days = market()
    context = GateContext(region="US", session=CONTEXT.session, expected_sessions=())
    said = evaluate("bars", days, context)
    assert said.success
    assert 50 <= said.judged <= 80 < said.rows == days.height
    # One row of another currency, and one volume beyond every bound, are seen among thousands.
    one = days.with_row_index().with_columns(
        pl.when(pl.col("index") == 411).then(pl.lit("EUR")).otherwise("currency").alias("currency"),
        pl.when(pl.col("index") == 613).then(1e15).otherwise("volume").alias("volume"),
    )
    messages = [f.message for f in run_rule(_rule("bars"), one.drop("index"), context)]
    assert any("column currency" in m and "(judged on " in m for m in messages)
    assert any("column_max_to_be_between fails on column volume" in m for m in messages)


def test_data_docs_open_without_a_network(tmp_path: Path) -> None:
    bad = BAD["series"][0](GOOD["series"])
    results = [evaluate("bars", DAY, CONTEXT), evaluate("series", bad, CONTEXT)]
    assert [r.success for r in results] == [True, False]
    pages = write_data_docs(results, tmp_path / "docs")
    assert [p.name for p in pages] == ["index.html", "us-bars-2024-06-28.html", "us-series-2024-06-28.html"]
    index = pages[0].read_text()
    assert 'href="us-bars-2024-06-28.html"' in index
    assert index.count("passed") - index.count(".passed") == 2
    for page in pages:
        text = page.read_text()
        # Nothing is loaded from elsewhere, and nobody is told.
        assert not re.findall(r"(?:src|href)=[\"']?https?:", text)
        assert "<script" not in text
    said = pages[2].read_text()
    assert "US series 2024-06-28: 2 of 2 rows judged" in said
    assert "5.25" in said
    # Written again they are the same files.
    assert write_data_docs(results, tmp_path / "docs") == pages
    assert len(list((tmp_path / "docs").iterdir())) == 3
