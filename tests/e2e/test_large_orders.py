"""Large orders as the platform works them by default: its own session.json, whole days, the speed of a replay."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from dnalyaw import runtime
from dnalyaw.calibration import read_shortfall
from tests.e2e.desk import Desk
from tests.e2e.whole_day import SECOND, Day

pytestmark = pytest.mark.e2e

DAYS = {"US": date(2026, 3, 10), "HK": date(2026, 3, 10)}
WISH = {101: 0.04, 301: 0.03, 202: 0.03}
WHOLE = {
    "US": {101: 7990, 301: 3740, 202: 7400},
    "HK": {101: 39_990, 301: 18_740, 202: 37_400},
}
"""Worked by hand: weight x 10,000,000 (Hong Kong 50,000,000) / first mid, price + 0.01 x (id mod 5); whole lots."""
ADV = {
    "US": {101: 200_000, 301: 200_000, 202: 20_000_000},
    "HK": {101: 1_000_000, 301: 1_000_000, 202: 20_000_000},
}
"""Four and two per cent of the first two: above the half per cent that goes at once. Nothing of the third."""


@pytest.mark.parametrize("region", DAYS)
def test_a_large_order_is_worked_over_the_day(desk: Desk, tmp_path: Path, region: str) -> None:
    day = Day(desk, region, DAYS[region], runtime.DEFAULT_SPEED)
    day.write(ADV[region])
    # Slower than the file was written for: a slice is a second, and a machine that is busy elsewhere misses none.
    desk.speed = runtime.DEFAULT_SPEED / 5
    desk.up()
    answer = desk.submit(day.portfolio(WISH))
    assert answer.outcome == runtime.ACCEPTED, answer
    desk.start()
    report = desk.close()
    ledger = desk.check(report)
    desk.down()

    # Everything was got before the close; no slice met a stale price, a closed venue or a limit.
    assert ledger.positions == WHOLE[region]
    assert {o.state for o in report.orders} <= {"FILLED", "CANCELLED"}
    assert {o.decision for o in report.orders} == {"APPROVE"}
    runtime.session_costs(desk.layout, desk.session, {}, tmp_path / "tca.jsonl")
    frames = read_shortfall(tmp_path / "tca.jsonl")
    parents = {row["instrument_id"]: row for row in frames["parent"].iter_rows(named=True)}
    # The small one at once; the large ones by the trajectory of Almgren and Chriss, in five or six slices.
    assert {i: row["scheduled"] for i, row in parents.items()} == {101: True, 301: True, 202: False}
    assert parents[202]["children"] == 1
    for instrument in (101, 301):
        assert parents[instrument]["algorithm"] == "ALMGREN_CHRISS"
        assert (parents[instrument]["qty"], parents[instrument]["filled"]) == (
            (WHOLE[region][instrument],) * 2
        )
        filled = [o for o in report.orders if o.instrument_id == instrument and o.filled_qty]
        assert len(filled) >= 4
        # Over the day, and not in its first or last hour.
        moments = [f.ts_ns for o in filled for f in o.fills]
        assert max(moments) - min(moments) > day.trading_ns // 2

    # Every child was assigned to one of the two paths, and both were used.
    children = frames["child"]
    assert children["child_id"].sort().to_list() == sorted(o.order_id for o in report.orders)
    assert set(children["path"]) == {1, 2}
    # Nothing was sent by omsd's clock, and nothing filled by the venue's, where the session has a break. Between the two a
    # replay at this speed lies seconds for each part of a millisecond.
    moments = children["sent_ns"].to_list() + [
        line["ts_ns"] for line in ledger.lines if line["kind"] == "fill"
    ]
    pauses = [(int(a.timestamp()) * SECOND, int(b.timestamp()) * SECOND) for a, b in day.hours[2]]
    assert len(pauses) == (region == "HK")
    assert not [at for at in moments if any(a <= at < b for a, b in pauses)]


def _rate(document: dict[str, Any]) -> None:
    document["rule"]["rate_ppm"] = 0


def _close(document: dict[str, Any]) -> None:
    document["close_ns"] = document["open_ns"]


def _block(document: dict[str, Any]) -> None:
    document["router"]["design"]["block"] = 3


def _curve(document: dict[str, Any]) -> None:
    document["volume"]["cum_ppm"][-1] = 999_999


def _slice(document: dict[str, Any]) -> None:
    document["rule"]["base"]["slice_ns"] = 0


def _key(document: dict[str, Any]) -> None:
    document["colour"] = "green"


SPOILT = {
    "rate_ppm is 0": _rate,
    "the close must follow the open": _close,
    "block": _block,
    "the last fraction is 999999": _curve,
    "slice_ns is 0": _slice,
    "colour": _key,
}


def test_a_figure_that_is_spoilt_is_named_and_nothing_is_traded(desk: Desk) -> None:
    day = Day(desk, "HK", DAYS["HK"], 1200)
    day.write(ADV["HK"])
    for says, spoil in SPOILT.items():
        day.write_session(spoil)
        desk.up()
        answer = desk.submit(day.portfolio(WISH))
        assert answer.outcome == runtime.REFUSED, (says, answer)
        assert any(says in fault.message for fault in answer.faults), (says, answer)
        desk.kill("omsd")
    # The same desk takes the file as it is written.
    day.write_session()
    desk.up()
    assert desk.submit(day.portfolio(WISH)).outcome == runtime.ACCEPTED
