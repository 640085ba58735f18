"""Splits and dividends of Zipline's bundle, applied to its raw prices, against jumps and plain arithmetic."""

from __future__ import annotations

import csv
import gzip
import math
from bisect import bisect_left
from collections import defaultdict
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from dnalyaw.market import adjust_bars, conform, total_return_index
from tests.market.action_frames import EVER


@pytest.fixture(scope="module")
def zipline_folder(lean_folder: Path) -> Path:
    folder = lean_folder.parent / "us_daily_zipline"
    if not folder.is_dir():
        pytest.skip(f"recorded data is not at {folder}")
    return folder


Raw = dict[str, list[tuple[date, float, float, float]]]


@pytest.fixture(scope="module")
def raw(zipline_folder: Path) -> Raw:
    """Session, open, close and volume by symbol."""
    found: Raw = defaultdict(list)
    with gzip.open(zipline_folder / "bundle_daily_bars.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            found[row["symbol"]].append(
                (
                    date.fromisoformat(row["date"]),
                    float(row["open"]),
                    float(row["close"]),
                    float(row["volume"]),
                )
            )
    return {symbol: sorted(rows) for symbol, rows in found.items()}


def _ratios(path: Path) -> list[tuple[str, date, float]]:
    with path.open() as file:
        return [
            (r["symbol"], date.fromisoformat(r["effective_date"]), float(r["ratio"]))
            for r in csv.DictReader(file)
        ]


@pytest.fixture(scope="module")
def splits(zipline_folder: Path) -> list[tuple[str, date, float]]:
    return _ratios(zipline_folder / "bundle_splits.csv")


@pytest.fixture(scope="module")
def dividends(zipline_folder: Path) -> list[tuple[str, date, float]]:
    return _ratios(zipline_folder / "bundle_dividends.csv")


def _before(rows: list[tuple[date, float, float, float]], ex_date: date) -> float:
    """The last close before a day."""
    return rows[bisect_left([row[0] for row in rows], ex_date) - 1][2]


def _tables(
    raw: Raw, splits: list[tuple[str, date, float]], dividends: list[tuple[str, date, float]]
) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, int]]:
    """The feeds: a ratio of the bundle multiplies what came before, so a split gives 1 / ratio new shares for an old one,
    and a dividend takes (1 - ratio) off the close before it."""
    keys = {symbol: i for i, symbol in enumerate(sorted(raw), 1)}
    noon = {"event_time": datetime(2004, 1, 1, tzinfo=UTC), "available_at": datetime(2004, 1, 1, tzinfo=UTC)}
    bars = [
        {
            **{
                "instrument_id": keys[symbol],
                "session": session,
                "currency": "USD",
                "volume": volume,
                **noon,
            },
            **{"open": opened, "high": max(opened, close), "low": min(opened, close), "close": close},
        }
        for symbol, rows in raw.items()
        for session, opened, close, volume in rows
    ]
    acts = [
        {
            "instrument_id": keys[s],
            "ex_date": d,
            "kind": "split",
            "ratio": 1 / r,
            "amount": None,
            "currency": "USD",
        }
        | noon
        for s, d, r in splits
    ] + [
        {
            **{"instrument_id": keys[s], "ex_date": d, "kind": "dividend", "ratio": None, "currency": "USD"},
            **{"amount": _before(raw[s], d) * (1 - r), **noon},
        }
        for s, d, r in dividends
    ]
    when = {name: pl.Datetime("us", "UTC") for name in noon}
    frames = [pl.DataFrame(rows, schema_overrides=when, infer_schema_length=None) for rows in (bars, acts)]
    return conform("bars", frames[0]), conform("actions", frames[1]), keys


def test_the_five_splits_are_the_jumps_of_the_raw_prices(
    raw: Raw, splits: list[tuple[str, date, float]], dividends: list[tuple[str, date, float]]
) -> None:
    """Nothing but prices is looked at: a night that takes away a third or more is found on those five days alone."""
    jumps = {}
    for symbol, rows in raw.items():
        for (_, _, close, _), (session, opened, _, _) in pairwise(rows):
            if close / opened > 1.5:
                jumps[symbol, session] = round(close / opened)
    assert jumps == {(symbol, ex_date): round(1 / ratio) for symbol, ex_date, ratio in splits}
    bars, acts, keys = _tables(raw, splits, dividends)
    out = adjust_bars(bars, acts, EVER)
    adjusted_jumps = (
        out.with_columns(night=pl.col("adj_close").shift(1).over("instrument_id") / pl.col("adj_open"))
        .filter(pl.col("night") > 1.5)
        .height
    )
    assert adjusted_jumps == 0
    for symbol, ex_date, ratio in splits:
        one = out.filter(instrument_id=keys[symbol])
        at = one["session"].to_list().index(ex_date)
        assert one["split_factor"][at] / one["split_factor"][at - 1] == pytest.approx(1 / ratio, rel=1e-12)
        assert one["adj_volume"][at] * one["split_factor"][at] == pytest.approx(one["volume"][at], rel=1e-12)


def test_total_returns_are_those_of_plain_arithmetic(
    raw: Raw, splits: list[tuple[str, date, float]], dividends: list[tuple[str, date, float]]
) -> None:
    assert (len(splits), len(dividends)) == (5, 233)
    bars, acts, keys = _tables(raw, splits, dividends)
    index = total_return_index(bars, acts, EVER)
    for symbol, rows in raw.items():
        due = sorted((d, r) for s, d, r in [*splits, *dividends] if s == symbol)
        # Whoever holds one share has 1 / ratio after a split, and after a dividend that is reinvested at once.
        shares, wealth = 1.0, []
        for session, _, close, _ in rows:
            while due and due[0][0] <= session:
                shares /= due.pop(0)[1]
            wealth.append(shares * close / rows[0][2])
        mine = index.filter(instrument_id=keys[symbol])
        assert mine["total_return_index"].to_list() == pytest.approx(wealth, rel=1e-9), symbol
        assert mine["close"].to_list() == [row[2] for row in rows]
    # It matters: with dividends Costco made more of it than its price alone did.
    costco = index.filter(instrument_id=keys["COST"])
    assert costco["total_return_index"][-1] > 1.2 * costco["price_index"][-1]
    assert math.isclose(costco["price_index"][-1], raw["COST"][-1][2] / raw["COST"][0][2], rel_tol=1e-12)
