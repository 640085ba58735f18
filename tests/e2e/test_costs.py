"""What orders cost: omsd's rows against the venue's log and the file of quotes, worked here on their own."""

from __future__ import annotations

import csv
import json
from bisect import bisect_right
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from dnalyaw import runtime
from dnalyaw.calibration import path_comparison, read_shortfall, shortfall_lines
from tests.e2e import market
from tests.e2e.desk import Desk
from tests.e2e.ledger import exec_hash

pytestmark = pytest.mark.e2e

WISH = {101: 0.04, 201: 0.045, 202: 0.03, 301: 0.04, 302: 0.02, 303: 0.03, 401: 0.03}
WHOLE = {101: 7990, 201: 4490, 202: 7400, 302: 7990}
"""Worked by hand in test_session: weight x 10,000,000 / first mid, down to whole lots."""

ROUTER = {
    "design": {"seed": 11, "block": 4},
    "buckets": {
        "by_instrument": False,
        "notional_micro": [],
        "displayed_ppm": [],
        "adv_ppm": [],
        "spread_ppm": [],
        "time_ns": [],
    },
    "paths": {
        "XNYS": [{"id": 1, "name": "one", "venue": "XNYS"}, {"id": 2, "name": "two", "venue": "XNYS"}],
    },
    "floor_ppm": 100_000,
}
"""One stratum: every block of four orders has two on each path."""

SECOND, MINUTE = 10**9, 60 * 10**9


def _session_file(desk: Desk) -> None:
    """Above half a per cent of the daily million is worked by TWAP in slices of three minutes; two paths to the market."""
    opened = int(market.opening(desk.session).timestamp()) * SECOND
    desk.layout.root.mkdir(parents=True, exist_ok=True)
    (desk.layout.root / "session.json").write_text(
        json.dumps(
            {
                "region": "US",
                "session": desk.session.isoformat(),
                "open_ns": opened,
                "close_ns": opened + market.MINUTES * MINUTE,
                "breaks": [],
                "router": ROUTER,
                "rule": {
                    "small_adv_ppm": 5000,
                    "min_duration_ns": 0,
                    "large": "TWAP",
                    "base": {
                        "algorithm": "TWAP",
                        "slice_ns": 3 * MINUTE,
                        "style": "MARKETABLE",
                        "mid_behind_ppm": 1_000_000,
                        "cross_behind_ppm": 1_000_000,
                        "collar_bp": 50,
                        "at_end": "SWEEP",
                        "sweep_ns": MINUTE,
                        "catch_up_ppm": 1_000_000,
                        "min_gap_ns": 0,
                        "max_displayed_ppm": 1_000_000,
                        "max_refusals": 3,
                    },
                },
            }
        )
    )


class Quotes:
    """The market's file: the mid that stood at a moment, in millionths, by plain reading."""

    def __init__(self, path: Path) -> None:
        self.at: dict[int, list[int]] = defaultdict(list)
        self.mids: dict[int, list[Fraction]] = defaultdict(list)
        with path.open() as file:
            for row in csv.DictReader(file):
                instrument = int(row["instrument_id"])
                self.at[instrument].append(int(row["ts_ns"]))
                self.mids[instrument].append(Fraction(int(row["bid"]) + int(row["ask"]), 2))

    def mid(self, instrument: int, ns: int) -> Fraction:
        return self.mids[instrument][bisect_right(self.at[instrument], ns) - 1]


def _rounded(x: Fraction) -> int:
    """To a whole millionth, halves away from zero."""
    whole = int(2 * abs(x) + 1) // 2
    return whole if x >= 0 else -whole


def _by_hand(desk: Desk, report: Any, closes: dict[int, int]) -> dict[int, dict[str, int]]:
    """Each instrument's costs from the venue's fills, prices and fees, and the market's file. All are buys.

    When a fill was heard of is the report's: the venue's own time only says how late that is.
    """
    quotes = Quotes(desk.layout.market(desk.session).with_suffix(".csv"))
    opened = int(market.opening(desk.session).timestamp()) * SECOND
    heard = {fill.exec_id: fill.ts_ns for order in report.orders for fill in order.fills}
    fills = defaultdict(list)
    for order in desk.ledger().of_session(desk.session.isoformat()).values():
        for fill in order.fills:
            fills[order.instrument_id].append(fill)
    found = {}
    for instrument, wanted in WHOLE.items():
        decided = quotes.mid(instrument, opened)
        end = Fraction(closes.get(instrument) or quotes.mid(instrument, opened + market.MINUTES * MINUTE))
        paid = sum(f["qty"] * f["px"] for f in fills[instrument])
        filled = sum(f["qty"] for f in fills[instrument])
        at_fill = sum(
            f["qty"] * quotes.mid(instrument, heard[exec_hash(f["exec_id"])]) for f in fills[instrument]
        )
        fees = sum(f["fee"] for f in fills[instrument])
        found[instrument] = {
            "filled": filled,
            "fees": fees,
            "delay": 0,
            "spread": _rounded(paid - at_fill),
            "timing and impact": _rounded(at_fill - filled * decided),
            "opportunity": _rounded((wanted - filled) * (end - decided)),
            "shortfall": _rounded(paid - filled * decided + fees + (wanted - filled) * (end - decided)),
        }
    return found


def test_the_parts_are_what_the_venues_log_and_the_quotes_make(desk: Desk, tmp_path: Path) -> None:
    desk.write()
    _session_file(desk)
    desk.speed = 600
    desk.up()
    answer = desk.submit(market.portfolio(WISH))
    assert answer.outcome == runtime.ACCEPTED, answer
    desk.start()
    # omsd dies in the middle: what it counted and kept goes on where it was.
    desk.wait_minute(10)
    desk.kill("omsd")
    desk.up()
    report = desk.close()
    desk.check(report)
    closes = {302: 25_130_000}
    # The quotes that omsd kept; when it is asked while it still serves, nothing is different.
    basis = runtime.session_costs(desk.layout, desk.session, closes, tmp_path / "early.jsonl")
    desk.down()
    out = tmp_path / "tca.jsonl"
    basis = runtime.session_costs(desk.layout, desk.session, closes, out)
    assert basis["skipped"] == []
    assert basis["torn_lines"] <= 1
    frames = read_shortfall(out)  # refuses rows whose parts do not make the whole
    parents = {row["instrument_id"]: row for row in frames["parent"].iter_rows(named=True)}
    assert set(parents) == set(WISH)
    # Worked over the half hour: in ten slices, and the small one at once.
    assert parents[101]["scheduled"]
    assert parents[101]["algorithm"] == "TWAP"
    assert parents[101]["children"] >= 9
    assert not parents[201]["scheduled"]
    assert parents[201]["children"] == 1
    for instrument, want in _by_hand(desk, report, closes).items():
        row = parents[instrument]
        assert row["qty"] == WHOLE[instrument]
        got = {name: row[name] for name in want if name in row}
        got["timing and impact"] = row["timing"] + row["impact"]
        assert got == pytest.approx(want, abs=row["children"]), (
            instrument
        )  # a child's parts are rounded one by one
        assert abs(row["shortfall"] - want["shortfall"]) == 0, instrument
        assert row["unsplit"] == 0
        assert row["missing"] == ["vwap"]
    # Nobody told of a trade, so there is no VWAP; a print is a price without a spread.
    assert (parents[401]["spread"], parents[401]["decision_px"]) == (0, 33_000_000)
    # The router's experiment: two in four on each path, and the interval holds what there is, nothing.
    children = frames["child"]
    assert children["experiment"].all()
    compared = path_comparison(frames)
    assert compared is not None
    assert sum(compared.n) + sum(compared.missing) == children.height
    assert abs(compared.n[0] - compared.n[1]) <= 2
    assert compared.low_bp is not None
    assert compared.high_bp is not None
    assert compared.low_bp <= compared.high_bp
    (whole,) = [line for line in shortfall_lines(frames) if line.by == "all"]
    assert whole.n + whole.n_missing == len(WISH)
    # The same files give the same rows.
    again = tmp_path / "again.jsonl"
    runtime.session_costs(desk.layout, desk.session, closes, again)
    assert again.read_bytes() == out.read_bytes()
