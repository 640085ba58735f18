"""The replay bench on a small day, with the real programs; and what it makes of its figures."""

from __future__ import annotations

import json
import os
import subprocess

import numpy as np
import pytest

from dnalyaw.backtest import oms_program
from dnalyaw_pipelines.bench import BenchError, _replay_market, replay


def test_a_figure_is_the_median_of_its_rounds_with_the_extremes_beside_it() -> None:
    rows = [
        {"orders_per_s": value, "peak_rss_mb_n": value / 1_000} for value in (120_000.4, 90_000.0, 130_000.0)
    ]
    figures = replay.summarise(rows)
    assert (figures["orders_per_s"], figures["peak_rss_mb_n"]) == (120_000, 120.0)
    assert figures["spread"] == {"orders_per_s": [90_000, 130_000], "peak_rss_mb_n": [90.0, 130.0]}


def test_a_figure_on_the_wrong_side_of_its_limit_is_missed() -> None:
    good = {"orders_per_s": 120_000, "quotes_per_s": 2_400_000, "memory_ratio": 1.2}
    assert replay.missed(good) == []
    assert replay.missed(good | {"orders_per_s": 119_999}) == ["orders_per_s"]
    assert replay.missed(good | {"quotes_per_s": 1, "memory_ratio": 1.21}) == ["quotes_per_s", "memory_ratio"]


def test_the_sessions_are_the_same_for_a_seed_and_others_for_another(tmp_path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        _replay_market.write_orders(tmp_path / name, days=1, names=3, rounds=2, seed=seed)
        _replay_market.write_quotes(tmp_path / f"{name}q", names=3, quotes=50, handoffs=2, seed=seed)
    files = {
        name: {
            path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")
        }
        for name in ("a", "b", "c", "aq", "bq", "cq")
    }
    assert files["a"] == files["b"] != files["c"]
    assert files["aq"] == files["bq"] != files["cq"]
    assert np.all(_replay_market.prices(5, 5_000, 1) > 0)


@pytest.mark.skipif(oms_program() is None, reason="oms-backtest is not built: run `make build`")
def test_every_order_and_quote_is_replayed_and_timed() -> None:
    said: list[str] = []
    figures = replay.measure(said.append, replay.Size(days=1, names=10, rounds=20, quotes=5_000), rounds=1)
    assert (figures["orders_n"], figures["quotes_n"], figures["rounds"]) == (200, 5_000, 1)
    for name in (
        "orders_per_s",
        "quotes_per_s",
        "orders_per_cpu_s",
        "gate_quotes_per_s",
        "read_quotes_per_s",
    ):
        assert figures[name] > 0
    assert figures["peak_rss_mb_n"] > 5
    assert figures["nautilus_published_orders_per_s"] == 12_000
    assert any(line.startswith("round 1 of 1") for line in said)


@pytest.mark.skipif(oms_program() is None, reason="oms-backtest is not built: run `make build`")
@pytest.mark.parametrize("what", ["orders", "quotes"])
def test_the_same_input_gives_the_same_bytes_whatever_the_machine_is_like(what, tmp_path) -> None:
    if what == "orders":
        _replay_market.write_orders(tmp_path / "in", days=2, names=10, rounds=20, seed=5)
    else:
        _replay_market.write_quotes(tmp_path / "in", names=10, quotes=20_000, handoffs=5, seed=5)
    written, answers = [], []
    for threads, zone in (("1", "UTC"), ("4", "Asia/Hong_Kong")):
        target = tmp_path / threads
        done = subprocess.run(
            [replay.program("oms-backtest"), "--input", tmp_path / "in", "--output", target, "--quiet"],
            env=os.environ | {"GOMAXPROCS": threads, "TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        )
        written.append({path.name: path.read_bytes() for path in target.iterdir()})
        answers.append(json.loads(done.stdout)["state_hash"])
    assert written[0] == written[1]
    assert answers[0] == answers[1]
    assert written[0]["orders.jsonl"].count(b"\n") > 20
    assert written[0]["decisions.jsonl"].count(b"\n") > 20


def test_a_run_that_trades_something_else_is_no_figure() -> None:
    with pytest.raises(BenchError, match="199 orders passed where 200 were expected"):
        replay._expect(199, 200, "orders")


def test_a_program_that_is_not_built_is_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DNALYAW_BIN", str(tmp_path))
    with pytest.raises(BenchError, match="oms-backtest is not built"):
        replay.measure(lambda line: None)
