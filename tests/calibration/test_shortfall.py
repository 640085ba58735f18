"""Rows of parent orders' costs: read strictly, and summed up as worked by hand."""

from __future__ import annotations

import json
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnalyaw.calibration import (
    SHORTFALL_PARTS,
    SHORTFALL_SCHEMA,
    CostError,
    path_comparison,
    read_shortfall,
    shortfall_lines,
)
from dnalyaw.calibration._shortfall import student_quantile

DOCUMENT = Path(__file__).parents[2] / "docs" / "cost-analysis.md"


def _row(kind: str, **values: Any) -> dict[str, Any]:
    """A row of a kind with nothing in it but what is said."""
    blank = {"Int64": 0, "Float64": None, "String": "", "Boolean": False}
    row = {name: blank.get(str(dtype), []) for name, dtype in SHORTFALL_SCHEMA[kind].items()}
    return {"kind": kind, **row, "schema": 2, **values}


def _parent(number: int, notional: int, parts: dict[str, int], **more: Any) -> dict[str, Any]:
    return _row(
        "parent",
        parent_id=number,
        currency="USD",
        algorithm="TWAP",
        notional=notional,
        **parts,
        shortfall=sum(parts.values()),
        **more,
    )


def _write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_columns_are_the_documents() -> None:
    """The tables in docs/cost-analysis.md are made of omsd's own types: the columns here are the same."""
    text = DOCUMENT.read_text()
    for kind, columns in SHORTFALL_SCHEMA.items():
        table = text.split(f"### {kind}\n")[1].split("### ")[0].split("<!-- end")[0]
        fields = [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")]
        assert ["kind", *columns] == fields, kind


def test_the_mean_and_its_interval_by_hand(tmp_path: Path) -> None:
    # 100 on 1,000,000 and 900 on 3,000,000 millionths: 1000 / 4,000,000 = 2.5 bp. The orders' own are 1 and 3 bp; the
    # ratio's error is sqrt(2/1 x ((1/4 x -1.5)^2 + (3/4 x 0.5)^2)) = 0.75; Student's 97.5% at one degree is 12.7062.
    path = _write(
        tmp_path / "rows.jsonl",
        _parent(1, 1_000_000, {"spread": 150, "fees": -50}),
        _parent(2, 3_000_000, {"spread": 600, "impact": 300}),
        {
            **_parent(3, 5_000_000, {"spread": 7}),
            "shortfall": None,
            "opportunity": None,
            "missing": ["close"],
        },
    )
    (line, by_algorithm) = shortfall_lines(read_shortfall(path))
    assert (line.by, line.key, by_algorithm.by, by_algorithm.key) == (
        "all",
        "all orders",
        "algorithm",
        "TWAP",
    )
    assert (line.n, line.n_missing, line.notional, line.currency) == (2, 1, 4.0, "USD")
    assert line.mean_bp == pytest.approx(2.5)
    assert line.low_bp == pytest.approx(2.5 - 12.7062 * 0.75, abs=1e-3)
    assert line.high_bp == pytest.approx(2.5 + 12.7062 * 0.75, abs=1e-3)
    assert line.parts["spread"] == pytest.approx(750 / 4_000_000 * 1e4)
    assert line.parts["fees"] == pytest.approx(-0.125)
    assert (by_algorithm.mean_bp, by_algorithm.n) == (line.mean_bp, 2)


def test_one_order_has_no_interval_and_currencies_do_not_mix(tmp_path: Path) -> None:
    rows = [
        _parent(1, 1_000_000, {"spread": 150}),
        {**_parent(2, 2_000_000, {"fees": 100}), "currency": "HKD"},
        _row("child", child_id=1, venue="NYSE", path=0, currency="USD", cost=10, notional=1_000_000),
        _row("child", child_id=2, venue="NYSE", path=2, currency="USD", cost=30, notional=1_000_000),
        _row("child", child_id=3, venue="NYSE", path=2, currency="USD", cost=None, notional=1_000_000),
    ]
    lines = {
        (x.by, x.key, x.currency): x for x in shortfall_lines(read_shortfall(_write(tmp_path / "r", *rows)))
    }
    assert lines["all", "all orders", "USD"].mean_bp == pytest.approx(1.5)
    assert lines["all", "all orders", "HKD"].mean_bp == pytest.approx(0.5)
    assert lines["all", "all orders", "HKD"].low_bp is None
    two = lines["path", "NYSE 2", "USD"]
    assert (two.n, two.n_missing, two.mean_bp) == (1, 1, pytest.approx(0.3))
    assert lines["path", "NYSE default", "USD"].n == 1


def test_the_paths_are_the_latest_sessions(tmp_path: Path) -> None:
    older = _row("paths", session=20260309, n1=3, n2=4, diff_bp=-9.0, low_bp=-10.0, high_bp=-8.0, p=0.01)
    newer = _row("paths", session=20260310, n1=30, n2=31, missing2=1, forced=2, confidence=0.95)
    found = path_comparison(read_shortfall(_write(tmp_path / "r", newer, older)))
    assert found is not None
    assert (found.session, found.n, found.missing, found.forced) == (20260310, (30, 31), (0, 1), 2)
    assert (found.diff_bp, found.low_bp, found.confidence) == (None, None, 0.95)
    assert path_comparison(read_shortfall(_write(tmp_path / "none"))) is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "rows:1: not a row of costs"),
        ("[]", "rows:1: not a row of costs"),
        (json.dumps({"kind": "parent"}), "rows:1: not a row of costs"),
        (json.dumps({"kind": "parent", "schema": 1}), "schema 1, this release reads 2"),
        (json.dumps({"kind": "order", "schema": 2}), "rows of kind 'order' are not known"),
        (
            json.dumps({"kind": "paths", "schema": 2, "odd": 1}),
            "fields of a paths are other ones: confidence",
        ),
        (
            json.dumps({**_parent(7, 1, {"spread": 5}), "shortfall": 6}),
            "parts of parent 7 make 5 millionths, its shortfall is 6",
        ),
    ],
)
def test_what_is_not_a_row_is_refused(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "rows"
    path.write_text(line + "\n")
    with pytest.raises(CostError, match=said):
        read_shortfall(path)


@pytest.mark.parametrize(
    ("df", "quantile"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (29, 2.045), (120, 1.980)],
)
def test_students_quantile_is_the_tables(df: int, quantile: float) -> None:
    assert student_quantile(0.975, df) == pytest.approx(quantile, rel=5e-3)
    assert student_quantile(0.025, df) == pytest.approx(-quantile, rel=5e-3)


money = st.integers(-(10**12), 10**12)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 10**14), *(money for _ in SHORTFALL_PARTS)), min_size=1, max_size=12)
)
def test_parts_make_the_mean_and_the_order_of_rows_is_nothing(tmp_path_factory, drawn) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("rows")
    rows = [
        _parent(i, notional, dict(zip(SHORTFALL_PARTS, parts, strict=True)))
        for i, (notional, *parts) in enumerate(drawn)
    ]
    one = shortfall_lines(read_shortfall(_write(folder / "a", *rows)))[0]
    two = shortfall_lines(read_shortfall(_write(folder / "b", *reversed(rows))))[0]
    total, weight = sum(r["shortfall"] for r in rows), sum(r["notional"] for r in rows)
    scale = (
        1e-6 * max(1.0, *(abs(part) for row in drawn for part in row[1:])) / weight * 1e4
    )  # floats cancel to this
    assert one.mean_bp == pytest.approx(total / weight * 1e4, abs=scale)
    assert sum(v for v in one.parts.values() if v is not None) == pytest.approx(
        one.mean_bp, rel=1e-6, abs=1e-6
    )
    assert two.mean_bp == one.mean_bp
    if len(rows) > 1:
        off = [r["shortfall"] - total / weight * r["notional"] for r in rows]
        error = sqrt(sum(x * x for x in off) * len(rows) / (len(rows) - 1)) / weight * 1e4
        assert one.high_bp is not None and one.low_bp is not None  # noqa: PT018
        assert one.high_bp - one.low_bp == pytest.approx(
            2 * student_quantile(0.975, len(rows) - 1) * error, rel=1e-6, abs=scale
        )
