"""What is planted can be found in the delivered tables alone; where nothing is planted nothing is found."""

from __future__ import annotations

from bisect import bisect_left
from datetime import date

import numpy as np
import polars as pl
import pytest

from dnalyaw.market.providers import open_provider
from tests.sample.conftest import LAST


def _panel(provider, region: str) -> dict[str, np.ndarray]:
    """Wide arrays [session, name] from bars, actions and fundamentals, by another road."""
    bars = provider.fetch("bars", region, date(2023, 1, 1), LAST)
    close = bars.pivot("instrument_id", index="session", values="close").sort("session")
    ids = [int(c) for c in close.columns[1:]]
    days = close["session"].to_list()
    place, column = {d: i for i, d in enumerate(days)}, {n: j for j, n in enumerate(ids)}
    price = close.drop("session").to_numpy()
    split, cash = np.ones(price.shape), np.zeros(price.shape)
    for name, day, kind, ratio, amount in (
        provider.fetch("actions", region, date(2023, 1, 1), LAST)
        .select("instrument_id", "ex_date", "kind", "ratio", "amount")
        .iter_rows()
    ):
        if kind == "split":
            split[place[day], column[name]] = ratio
        elif kind == "dividend":
            cash[place[day], column[name]] = amount
    total = np.full(price.shape, np.nan)
    total[1:] = (price[1:] + cash[1:]) / (price[:-1] / split[1:]) - 1
    book = np.full(price.shape, np.nan)
    shares = np.full(price.shape, np.nan)
    filings = provider.fetch("fundamentals", region, date(2023, 1, 1), LAST).sort(
        "available_at", "period_end"
    )
    for name, metric, known, value in filings.select(
        "instrument_id", "metric", pl.col("available_at").dt.date(), "value"
    ).iter_rows():
        start = bisect_left(days, known)
        if metric == "book_equity":
            book[start:, column[name]] = value
        elif metric == "shares_outstanding":
            # Carried from the filing on over later splits.
            later = np.cumprod(split[start + 1 :, column[name]])
            shares[start:, column[name]] = value * np.r_[1.0, later][: len(days) - start]
    latest = provider.fetch("instruments", region, date(2023, 1, 1), LAST)
    sector = dict(latest.select("instrument_id", "sector").iter_rows())
    return {
        "log": np.log1p(total),
        "return": total,
        "value": np.log(book / (price * shares)),
        "sector": np.array([sector[n] for n in ids]),
    }


def _ranks(x: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(x)).astype(float)


def _ics(panel: dict[str, np.ndarray]) -> dict[str, float]:
    """Mean rank correlation of each described effect with the return over its horizon, every other day."""
    log, sector = panel["log"], panel["sector"]
    out: dict[str, list[float]] = {"reversal": [], "momentum": [], "value": [], "low_volatility": []}
    for t in range(130, len(log) - 22, 2):
        week = log[t - 4 : t + 1].sum(axis=0)
        means = {s: np.nanmean(week[sector == s]) for s in set(sector)}
        peers = np.array([means[s] for s in sector])
        scores = {
            "reversal": (peers - week, 5),
            "momentum": (log[t - 125 : t - 20].sum(axis=0), 21),
            "value": (panel["value"][t], 21),
            "low_volatility": (-panel["return"][t - 62 : t + 1].std(axis=0), 21),
        }
        for name, (score, horizon) in scores.items():
            later = log[t + 1 : t + 1 + horizon].sum(axis=0)
            ok = np.isfinite(score) & np.isfinite(later)
            out[name].append(float(np.corrcoef(_ranks(score[ok]), _ranks(later[ok]))[0, 1]))
    return {name: float(np.mean(v)) for name, v in out.items()}


@pytest.fixture(scope="module")
def found() -> dict[bool, dict[str, float]]:
    """Mean over two regions and two seeds, with effects planted and without."""
    out = {}
    for null in (False, True):
        runs = [
            _ics(_panel(open_provider("sample:null" if null else "sample", seed=seed), region))
            for seed in (7, 1)
            for region in ("US", "HK")
        ]
        out[null] = {name: float(np.mean([run[name] for run in runs])) for name in runs[0]}
    return out


@pytest.mark.parametrize("name", ["reversal", "momentum", "value", "low_volatility"])
def test_a_planted_effect_is_found_near_its_stated_strength(found, name):
    stated = {
        e["name"]: e["typical_rank_ic"]
        for e in open_provider("sample").ground_truth(date(2023, 2, 1))["effects"]
    }
    assert 0.4 * stated[name] < found[False][name] < 2.2 * stated[name]


@pytest.mark.parametrize("name", ["reversal", "momentum", "value", "low_volatility"])
def test_planting_makes_the_difference(found, name):
    # The same shocks with and without: their common luck cancels.
    assert found[False][name] - found[True][name] > 0.012


def test_nothing_is_found_where_nothing_is_planted(found):
    assert abs(found[True]["reversal"]) < 0.015
    assert abs(np.mean(list(found[True].values()))) < 0.015


def test_the_null_market_says_so_and_keeps_the_structure():
    truth = open_provider("sample:null").ground_truth(LAST)
    assert truth["provider"] == "sample:null"
    assert truth["effects"] == []
    assert truth["regions"]["US"]["market_crashes"]
    planted = open_provider("sample").ground_truth(LAST)
    assert truth["regions"]["US"]["reused_tickers"] == planted["regions"]["US"]["reused_tickers"]
