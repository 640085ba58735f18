"""What the risk bench makes of the figures that the compiled measurements hand it."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from dnalyaw import runtime
from dnalyaw_pipelines.bench import BenchError, _kill, _made_market, _nautilus, risk
from tests.pipelines._loop import command


def _rounds(**changed: list[float]) -> dict[str, list[float]]:
    return {name: [20.0, 30.0, 22.0] for name in risk.FIGURES} | changed


def test_a_figure_is_the_median_of_its_rounds_with_the_extremes_beside_it() -> None:
    figures = risk.summarise(_rounds(full_10=[41.0, 39.0, 40.0], full_100k_resting=[60.0, 50.0, 55.0]))
    assert (figures["basic_ns"], figures["full_ns_10"], figures["full_ns_100k_resting"]) == (22.0, 40.0, 55.0)
    assert figures["spread"]["full_ns_10"] == [39.0, 41.0]
    # The furthest apart of whole decisions: 55 and 22.
    assert figures["full_ratio"] == 2.5
    assert set(figures) >= {"reduce_ns", "full_ns_500", "full_ns_5000"}


def test_a_limit_is_missed_by_more_than_it_or_by_nothing_measured() -> None:
    good = dict.fromkeys(risk.LIMITS, 0.0) | {"kill_to_first_cancel_us": {"p50": 1_500.0, "p99": 1_000.0}}
    assert risk.missed(good) == []
    assert risk.missed(good | {"basic_ns": 10.01}) == ["basic_ns"]
    assert risk.missed(good | {"allocations": 1}) == ["allocations"]
    late = {"kill_to_first_cancel_us": {"p50": 1.0, "p99": 1_000.1}}
    assert risk.missed(good | late) == ["kill_to_first_cancel_us"]
    assert risk.missed(good | {"kill_to_first_cancel_us": None}) == ["kill_to_first_cancel_us"]


def test_criterions_estimate_is_read_where_criterion_writes_it(tmp_path: Path) -> None:
    folder = tmp_path / "risk" / "full_500" / "new"
    folder.mkdir(parents=True)
    document = {"mean": {"point_estimate": 9.0}, "median": {"point_estimate": 7.5}}
    (folder / "estimates.json").write_text(json.dumps(document))
    assert risk.estimate(tmp_path, "full_500") == 7.5


def test_a_program_that_does_not_build_is_named() -> None:
    with pytest.raises(BenchError, match="no-such-program"):
        risk.build("build", "--bin", "no-such-program")


def test_without_the_wheel_every_figure_is_null_and_the_reason_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    said: list[str] = []
    figures = _nautilus.measure({}, tmp_path / "orders.json", said.append)
    assert all(figures[name] is None for name in (*_nautilus.KEYS, "nautilus_ratio"))
    assert "uv sync --extra bench" in figures["nautilus_reason"]
    assert len(said) == 1


def test_the_kill_switch_is_measured_on_a_market_that_fills_everything(tmp_path: Path) -> None:
    layout = runtime.Layout(tmp_path, _kill.REGION)
    _kill.write(layout)
    reference = json.loads(layout.reference.read_text())["instruments"]
    assert [row["instrument_id"] for row in reference] == list(
        range(_made_market.FIRST_ID, _made_market.FIRST_ID + _kill.NAMES)
    )
    # The first quote is taken at once: it is held against a close at the same price.
    assert {row["close_micro"] for row in reference} == {100_000_000}
    stem = layout.market(_kill.SESSION)
    day = json.loads(stem.with_suffix(".json").read_text())
    assert day["reject_bp"] == 0
    # Every position is bought with this cash, fees aside.
    assert day["initial_cash_micro"] > _kill.NAMES * 15_000 * 1_000_000
    lines = stem.with_suffix(".csv").read_text().splitlines()
    assert len(lines) == 1 + _kill.NAMES * _kill.MINUTES


def _spread(p50: float) -> dict[str, float]:
    return {"n": 3, "min": p50, "p50": p50, "p99": p50, "max": p50}


def _killed() -> dict[str, Any]:
    """What the program that throws the switch prints at its end."""
    latency = {
        "kill_to_reduce_only_us": _spread(300.0),
        "kill_to_latch_us": _spread(40.0),
        "order_round_trip_us": _spread(200.0),
        "kill_to_first_cancel_us": _spread(450.0),
        "kill_to_first_cancel_omsd_dead_us": _spread(440.0),
    }
    floors = {"unix_round_trip_us": _spread(50.0), "hops_us": _spread(90.0)}
    return {"floors": floors, "latency": latency, "flat": {"kill_to_flat_ms": _spread(800.0)}}


def test_a_kill_figure_stands_beside_the_floor_of_its_hops() -> None:
    figures = _kill.figures(_killed())
    assert figures["kill_ratios"] == {
        "reduce_only_to_order_round_trip_p50": 1.5,
        "first_cancel_to_hops_p50": 5.0,
        "order_round_trip_to_unix_round_trip_p50": 4.0,
    }
    assert figures["kill_to_flat_ms"]["p50"] == 800.0


NAMED = {
    "basic_ns",
    "full_ns_10",
    "full_ns_500",
    "full_ns_5000",
    "full_ns_100k_resting",
    "reduce_ns",
    "cold_ns",
    "allocations",
    "nautilus_us",
    "nautilus_ratio",
    "kill_to_reduce_only_us",
    "kill_to_first_cancel_us",
    "kill_to_flat_ms",
}
"""Figures of the specification, by name."""

CRITERION = """#!{python}
import json, os, pathlib
home = pathlib.Path(os.environ["CRITERION_HOME"])
for name, median in {medians}.items():
    folder = home / "risk" / name / "new"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "estimates.json").write_text(json.dumps({{"median": {{"point_estimate": median}}}}))
if "DNALYAW_BENCH_OUT" in os.environ:
    facts = {{"cold_ns": {{"decide": {{"p50": 900.0}}}}, "allocations": {{"calls": 0, "operations": 10}}}}
    (pathlib.Path(os.environ["DNALYAW_BENCH_OUT"]) / "facts.json").write_text(json.dumps(facts))
"""
KILLER = """#!{python}
print("progress")
print({answer!r})
"""


def test_the_commands_last_line_is_an_object_with_every_figure_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    medians = {name: 20.0 + number for number, name in enumerate(risk.FIGURES)}
    programs = {
        "risk": CRITERION.format(python=sys.executable, medians=medians),
        "kill-bench": KILLER.format(python=sys.executable, answer=json.dumps(_killed())),
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(risk, "build", lambda verb, kind, name: tmp_path / name)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    ran = command("bench", "risk", "--json")
    assert ran.status == 0, ran.err
    figures = json.loads(ran.out.splitlines()[-1])
    assert set(figures) >= NAMED, NAMED - set(figures)
    # loop and basic come first among the stand-in's medians.
    assert (figures["basic_ns"], figures["full_ns_10"], figures["cold_ns"], figures["allocations"]) == (
        21,
        22,
        900,
        0,
    )
    assert figures["nautilus_us"] is None, "there is no wheel"
    assert figures["kill_to_first_cancel_us"]["p99"] == 450.0
    assert figures["missed"] == ["basic_ns"]
