"""Costs of parent orders in the lake: what a later day may know of them, and when."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dnalyaw import runtime
from dnalyaw.calibration import SHORTFALL_SCHEMA
from dnalyaw.pit import AsOf
from dnalyaw_pipelines import shortfall
from dnalyaw_pipelines.home import Home, HomeConfig, RegionConfig, provider_for
from dnalyaw_pipelines.trading import execution_path

PARTITION, SESSION = "2026-11-18", datetime(2026, 11, 19, tzinfo=UTC)
CLOSE = datetime(2026, 11, 19, 8, 0, tzinfo=UTC)  # Hong Kong, 16:00


def _row(kind: str, **values: Any) -> dict[str, Any]:
    blank = {"Int64": 0, "Float64": None, "String": "HKD", "Boolean": False}
    row = {name: blank.get(str(dtype), []) for name, dtype in SHORTFALL_SCHEMA[kind].items()}
    return {"kind": kind, **row, "schema": 2, "session": 20261119, **values}


def _ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 10**9


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home that traded one session."""
    made = Home(tmp_path)
    made.write_config(
        HomeConfig("sample", 7, True, True, {"HK": RegionConfig("2026-11-02", PARTITION)}),
    )
    path = execution_path(made, "HK", SESSION.date())
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"orders": []}))
    return made


def _asked(rows: list[dict[str, Any]], asked: list[Any]) -> Any:
    """Stands where omsd writes its rows; what it says of them is omsd's own test."""

    def session_costs(layout: Any, session: Any, closes: Any, out: Path) -> dict[str, Any]:
        asked.append((layout.root.name, session, dict(closes)))
        out.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return {"skipped": []}

    return session_costs


def test_rows_are_known_a_quarter_of_an_hour_after_the_close(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = datetime(2026, 11, 19, 3, 30, tzinfo=UTC)
    rows = [
        _row("parent", parent_id=1, end_ns=_ns(ended), spread=40, shortfall=40, notional=1_000_000),
        _row("child", parent_id=1, child_id=9, done_ns=_ns(ended)),
        _row("strategy", parent_id=1, strategy="a", spread=40, shortfall=40, notional=1_000_000),
    ]
    asked: list[Any] = []
    monkeypatch.setattr(runtime, "session_costs", _asked(rows, asked))
    measured = shortfall.measure(home, "HK", PARTITION)
    assert measured is not None
    (folder, session, closes) = asked[0]
    assert (folder, session) == ("hk", SESSION.date())
    # The closes are the session's own bars, in millionths.
    bars = provider_for("sample", 7).fetch("bars", "HK", SESSION.date(), SESSION.date())
    assert closes == {i: round(px * 1e6) for i, px in bars.select("instrument_id", "close").iter_rows()}
    known = CLOSE.replace(minute=15)
    before = shortfall.shortfall_frames(home, "HK", AsOf(known.replace(minute=14)))
    after = shortfall.shortfall_frames(home, "HK", AsOf(known))
    assert {kind: frame.height for kind, frame in before.items()} == dict.fromkeys(shortfall.DATASETS, 0)
    assert {kind: frame.height for kind, frame in after.items()} == {
        "parent": 1,
        "child": 1,
        "strategy": 1,
        "paths": 0,
    }
    (staged,) = home.lake.versions("HK", "costs_parents", "2026-11-19")
    stamps = staged.read().select("event_time", "available_at").row(0)
    assert stamps == (ended, known)
    day = shortfall.day_shortfall(home, "HK", PARTITION)
    assert day is not None
    assert (day.sessions, day.lines[0].mean_bp, day.paths) == (1, pytest.approx(0.4), None)


def test_a_second_look_is_another_version_only_when_it_says_something_else(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(spread: int) -> None:
        row = _row(
            "parent", parent_id=1, end_ns=_ns(CLOSE), spread=spread, shortfall=spread, notional=1_000_000
        )
        monkeypatch.setattr(runtime, "session_costs", _asked([row], []))
        shortfall.measure(home, "HK", PARTITION)

    look(40)
    look(40)
    assert len(home.lake.versions("HK", "costs_parents", "2026-11-19")) == 1
    look(50)  # the official close was mended
    assert len(home.lake.pins("HK", "costs_parents", "2026-11-19")) == 2
    # On the evening itself nobody knew of the mended close; the page of the session shows what is known today.
    evening = shortfall.shortfall_frames(home, "HK", AsOf(CLOSE.replace(hour=9)))["parent"]
    assert evening["spread"].to_list() == [40]
    frame = shortfall.shortfall_frames(home, "HK", AsOf(datetime.now(UTC)))["parent"]
    assert frame["spread"].to_list() == [50]
    day = shortfall.day_shortfall(home, "HK", PARTITION)
    assert day is not None
    assert day.lines[0].mean_bp == pytest.approx(0.5)
    assert frame.schema == pl.Schema(SHORTFALL_SCHEMA["parent"])


def test_a_session_without_a_handoff_measures_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    home.write_config(HomeConfig("sample", 7, True, True, {"HK": RegionConfig("2026-11-02", PARTITION)}))
    asked: list[Any] = []
    monkeypatch.setattr(runtime, "session_costs", _asked([], asked))
    assert shortfall.measure(home, "HK", PARTITION) is None
    assert shortfall.day_shortfall(home, "HK", PARTITION) is None
    assert asked == []
