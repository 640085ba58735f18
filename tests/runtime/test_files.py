"""The files that the runtime reads: to the letter of the contract, and whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from dnalyaw import runtime

DAY = date(2026, 3, 10)
OPEN = datetime(2026, 3, 10, 1, 30, tzinfo=UTC)
CLOSE = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)
LUNCH = (datetime(2026, 3, 10, 4, 0, tzinfo=UTC), datetime(2026, 3, 10, 5, 0, tzinfo=UTC))


def _events() -> pl.DataFrame:
    at = datetime(2026, 3, 10, 1, 30, 0, 250, tzinfo=UTC)
    return pl.DataFrame(
        {
            # Out of order on purpose; instrument 9 has no reference.
            "event_time": [at, OPEN, OPEN, OPEN],
            "instrument_id": [5, 9, 7, 5],
            "kind": ["quote", "quote", "auction", "quote"],
            "bid": [0.0, 1.0, 64.15, 310.2],
            "ask": [310.4, 1.1, 64.15, 310.6],
            "bid_size": [0.0, 1.0, 0.0, 1200.9],
            "ask_size": [800.0, 1.0, 0.0, 900.0],
            "source": ["simulated"] * 4,
        },
        schema_overrides={"event_time": pl.Datetime("us", "UTC")},
    )


def _actions() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "instrument_id": [5, 7, 7, 5],
            "kind": ["split", "dividend", "delisting", "split"],
            "ratio": [1.5, None, None, 0.1],
            "amount": [None, 0.333333, 12.5, None],
        }
    )


def _write(layout: runtime.Layout) -> None:
    runtime.write_market(
        layout,
        DAY,
        _events(),
        {5: "700", 7: "5"},
        times=(OPEN, CLOSE, [LUNCH]),
        actions=_actions(),
        currency="HKD",
        seed=11,
    )


def test_the_market_table_is_what_was_worked_by_hand(tmp_path: Path) -> None:
    layout = runtime.Layout(tmp_path / "hk", "HK")
    _write(layout)
    # 2026-03-10T01:30:00Z is 1,773,106,200 seconds after the epoch.
    assert (tmp_path / "hk" / "market" / "2026-03-10.csv").read_text() == (
        "ts_ns,instrument_id,symbol,kind,bid,ask,bid_size,ask_size,source\n"
        "1773106200000000000,5,700,quote,310200000,310600000,1200,900,simulated\n"
        "1773106200000000000,7,5,auction,64150000,64150000,0,0,simulated\n"
        "1773106200000250000,5,700,quote,0,310400000,0,800,simulated\n"
    )


def test_the_sessions_terms_are_what_was_worked_by_hand(tmp_path: Path) -> None:
    layout = runtime.Layout(tmp_path / "hk", "HK")
    _write(layout)
    document = json.loads((tmp_path / "hk" / "market" / "2026-03-10.json").read_text())
    fees = document.pop("fees")
    assert document == {
        "region": "HK",
        "session": "2026-03-10",
        "currency": "HKD",
        "open_ns": 1773106200000000000,
        "close_ns": 1773129600000000000,
        "breaks": [[1773115200000000000, 1773118800000000000]],
        "actions": [
            {"instrument_id": 5, "kind": "split", "ratio_num": 3, "ratio_den": 2, "amount_micro": 0},
            {"instrument_id": 7, "kind": "dividend", "ratio_num": 1, "ratio_den": 1, "amount_micro": 333_333},
            {"instrument_id": 7, "kind": "delisting", "ratio_num": 1, "ratio_den": 1, "amount_micro": 12_500_000},
            {"instrument_id": 5, "kind": "split", "ratio_num": 1, "ratio_den": 10, "amount_micro": 0},
        ],
        "initial_cash_micro": 50_000_000_000_000,
        "reject_bp": 30,
        "seed": 11,
        "model": {
            "settlement": {"date": "2026-03-12", "proceeds": "usable"},
            "fees": {"schedule": "hk"},
            "instruments": [],
        },
    }  # fmt: skip
    # The venue refuses keys that it does not know.
    assert fees == {"per_share_micro": 0, "bp_milli": 3_000, "sell_bp_milli": 0, "min_micro": 0}


def test_the_same_session_is_written_the_same_to_the_byte(tmp_path: Path) -> None:
    """A venue that resumes refuses market files that have changed."""
    first, second = runtime.Layout(tmp_path / "a", "HK"), runtime.Layout(tmp_path / "b", "HK")
    _write(first)
    _write(second)
    for suffix in (".csv", ".json"):
        one, two = (layout.market(DAY).with_suffix(suffix).read_bytes() for layout in (first, second))
        assert hashlib.sha256(one).digest() == hashlib.sha256(two).digest()


def test_the_reference_is_sorted_and_whole(tmp_path: Path) -> None:
    layout = runtime.Layout(tmp_path, "US")
    rows = [{"instrument_id": 9, "sector": None}, {"instrument_id": 2, "sector": "Energy"}]
    moment = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
    runtime.write_reference(layout, DAY, "USD", rows, moment)
    assert json.loads((tmp_path / "reference.json").read_text()) == {
        "region": "US",
        "session": "2026-03-10",
        "currency": "USD",
        "generated_at": "2026-03-10T09:00:00+00:00",
        "strategies": [],
        "instruments": [{"instrument_id": 2, "sector": "Energy"}, {"instrument_id": 9, "sector": None}],
    }


def _document(layout: runtime.Layout, **terms: object) -> dict[str, object]:
    moment = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
    runtime.write_reference(layout, DAY, "HKD", [], moment, **terms)  # type: ignore[arg-type]
    return json.loads(layout.reference.read_text())  # type: ignore[no-any-return]


def test_the_firms_currency_is_written_where_it_is_another(tmp_path: Path) -> None:
    layout = runtime.Layout(tmp_path, "HK")
    own = _document(layout, firm_currency="HKD", firm_rate=0.5)
    assert not {"firm_currency", "firm_rate_micro"} & set(own)
    dollars = _document(layout, firm_currency="USD", firm_rate=0.1284567)
    assert (dollars["firm_currency"], dollars["firm_rate_micro"]) == ("USD", 128_457)
    # A rate that is not known is not written as one: riskd then takes no new risk.
    unknown = _document(layout, firm_currency="USD")
    assert unknown["firm_currency"] == "USD"
    assert "firm_rate_micro" not in unknown
    for bad in (0.0, -1.0, float("nan"), 1e-7):
        with pytest.raises(ValueError, match="the rate of HKD in USD is"):
            _document(layout, firm_currency="USD", firm_rate=bad)


def test_strategies_have_the_place_in_which_the_register_first_named_them(tmp_path: Path) -> None:
    layout = runtime.Layout(tmp_path, "US")
    at = datetime(2026, 3, 10, tzinfo=UTC)
    stage = runtime.Stage("b", "paper", 0.5, 1.0, "declared")
    assert runtime.registered_strategies(layout) == []
    runtime.update_register(layout, [stage, runtime.Stage("a", "paper", 0.5, 1.0, "declared")], at)
    runtime.update_register(layout, [runtime.Stage("b", "retired", 0.0, 1.0, "declared")], at)
    runtime.update_register(layout, [runtime.Stage("c", "paper", 0.1, 1.0, "declared")], at)
    assert runtime.registered_strategies(layout) == ["b", "a", "c"]
    names = [f"s{number}" for number in range(64)]
    assert _document(layout, strategies=names)["strategies"] == names
    with pytest.raises(ValueError, match="names 65 strategies and an order's mask has 64 bits"):
        _document(layout, strategies=[*names, "one-more"])


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deep" / "file.json"
    runtime.write_atomically(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        runtime.write_atomically(path, b"new, and longer")
    assert path.read_bytes() == b"old"
    monkeypatch.undo()
    runtime.write_atomically(path, b"new")
    assert path.read_bytes() == b"new"


def test_the_bytes_are_on_the_disk_before_the_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    sync, rename = os.fsync, Path.rename
    monkeypatch.setattr(os, "fsync", lambda fd: (order.append("sync"), sync(fd))[1])
    monkeypatch.setattr(Path, "rename", lambda self, to: (order.append("rename"), rename(self, to))[1])
    runtime.write_atomically(tmp_path / "x", b"1")
    assert order[:2] == ["sync", "rename"]


def test_the_register_grows_by_changes_alone(tmp_path: Path) -> None:
    layout = runtime.Layout(tmp_path, "US")
    at = datetime(2026, 3, 10, tzinfo=UTC)
    paper = runtime.Stage("a", "paper", 0.5, 1.0, "declared in a.yaml")
    study = runtime.Stage("b", "research", 0.25, 1.0, "declared in b.yaml")
    assert runtime.update_register(layout, [paper, study], at) == 2
    before = layout.register.read_bytes()
    assert runtime.update_register(layout, [paper, study], at) == 0
    # Another reason for the same stage is no change.
    reworded = runtime.Stage("a", "paper", 0.5, 1.0, "declared elsewhere")
    assert runtime.update_register(layout, [reworded, study], at) == 0
    assert layout.register.read_bytes() == before
    retired = runtime.Stage("a", "retired", 0.5, 1.0, "declared in a.yaml")
    assert runtime.update_register(layout, [retired, study], at) == 1
    # Back again: the line before last says the same, the last one does not.
    assert runtime.update_register(layout, [paper, study], at) == 1
    assert layout.register.read_bytes().startswith(before)
    lines = [json.loads(line) for line in layout.register.read_text().splitlines()]
    assert [line["seq"] for line in lines] == [1, 2, 3, 4]
    assert [(line["strategy_id"], line["stage"]) for line in lines] == [
        ("a", "paper"),
        ("b", "research"),
        ("a", "retired"),
        ("a", "paper"),
    ]
    assert set(lines[0]) == {
        "seq", "at", "strategy_id", "stage", "capital_fraction", "max_leverage", "reason"
    }  # fmt: skip
