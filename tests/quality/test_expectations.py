"""The Great Expectations suite is in the path: without it nothing passes."""

import json
import os
from pathlib import Path

import polars as pl
import pytest

import dnalyaw.quality._expectations as module
from dnalyaw.quality import RULES, SUITE_PATH, SuiteError, run_rule
from dnalyaw.quality._expectations import expectations
from tests.quality._market import day_of, history_of, market, with_context

BARS = market()
RULE = next(rule for rule in RULES["bars"] if rule.name == "expectations")


def test_the_suite_is_committed_and_judges_what_it_says() -> None:
    suite = json.loads(SUITE_PATH.read_text())
    kinds = [rule["type"] for rule in suite["expectations"]]
    assert "expect_table_columns_to_match_ordered_list" in kinds
    assert len(kinds) >= 6
    day, context = day_of(BARS)
    assert run_rule(RULE, day, context) == []
    # Usage reports are off before the library is imported.
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"


@pytest.mark.parametrize("content", [None, "", "{}", '{"expectations": []}', "[1]", '{"expectations": 3}'])
def test_without_a_suite_nothing_passes(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bars.json"
    if content is not None:
        path.write_text(content)
    day, context = day_of(BARS)
    monkeypatch.setattr(module, "SUITE_PATH", path)
    (finding,) = run_rule(RULE, day, context)
    assert finding.severity == "error"
    assert "restore it" in finding.message
    with pytest.raises(SuiteError):
        expectations(day, context, path)


def test_an_expectation_that_cannot_be_evaluated_refuses(tmp_path: Path) -> None:
    path = tmp_path / "bars.json"
    rule = {"type": "expect_column_max_to_be_between", "kwargs": {"column": "nothing"}, "applies": "always"}
    path.write_text(json.dumps({"expectations": [rule]}))
    day, context = day_of(BARS)
    findings = expectations(day, context, path)
    assert len(findings) == 1
    assert "column nothing" in findings[0].message


def test_parameters_and_groups_must_be_known(tmp_path: Path) -> None:
    path = tmp_path / "bars.json"
    day, context = day_of(BARS)
    rule = {"type": "expect_column_max_to_be_between", "kwargs": {"column": {"$PARAMETER": "x"}}}
    path.write_text(json.dumps({"expectations": [rule | {"applies": "always"}]}))
    with pytest.raises(SuiteError, match="unknown parameter 'x'"):
        expectations(day, context, path)
    path.write_text(json.dumps({"expectations": [rule | {"applies": "never"}]}))
    with pytest.raises(SuiteError, match="no expectation"):
        expectations(day, context, path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda f: f.select(pl.all().reverse()).select(reversed(f.columns)),
            "match_ordered_list fails on the table",
        ),
        (lambda f: f.with_columns(currency=pl.lit("EUR")), "fails on column currency"),
        (lambda f: f.with_columns(volume=pl.lit(0.0)), "fails on column zero_volume"),
        (lambda f: f.with_columns(volume=pl.col("volume") + 0.5), "fails on column volume_fraction"),
        (lambda f: f.with_columns(volume=pl.col("volume") * 1000), "fails on column volume_against_history"),
    ],
)
def test_it_sees_what_no_other_rule_sees(change, message: str) -> None:  # type: ignore[no-untyped-def]
    day, context = day_of(BARS)
    findings = run_rule(RULE, change(day), context)
    assert any(message in f.message for f in findings)
    for rule in RULES["bars"]:
        if rule.name != "expectations":
            assert run_rule(rule, change(day), context) == [], rule.name


def test_five_times_the_volume_is_a_busy_day() -> None:
    day, context = day_of(BARS)
    assert run_rule(RULE, day.with_columns(volume=pl.col("volume") * 5), context) == []


def test_a_history_needs_a_label_for_its_names() -> None:
    context = history_of(BARS)
    known = pl.DataFrame({"instrument_id": list(range(1, 13))})
    assert run_rule(RULE, BARS, with_context(context, instruments=known)) == []
    (finding,) = run_rule(RULE, BARS, with_context(context, instruments=known.head(11)))
    assert "fails on column has_label" in finding.message
    assert {row["instrument_id"] for row in finding.rows} == {12}
