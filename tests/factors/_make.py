"""Panels for the tests of this room."""

from __future__ import annotations

import numpy as np

from dnalyaw.factors import Panel

FUNDAMENTALS = (
    "market_cap",
    "shares_outstanding",
    "book_equity",
    "total_assets",
    "total_debt",
    "net_income_ttm",
    "revenue_ttm",
    "gross_profit_ttm",
    "operating_cash_flow_ttm",
    "dividends_ttm",
)


def market(sessions: int, instruments: int, seed: int = 1, absent: float = 0.01, ties: bool = True) -> Panel:
    """A market with every field of the language; cells are absent at random, values tie if wanted."""
    rng = np.random.default_rng(seed)
    shape = (sessions, instruments)
    cents = 2 if ties else 12
    returns = np.round(rng.normal(0.0003, 0.02, shape), cents + 1)
    close = np.round(50 * np.exp(np.cumsum(returns, axis=0)), cents)
    high = close + np.round(rng.random(shape) * 0.02 * close, cents)
    low = close - np.round(rng.random(shape) * 0.02 * close, cents)
    fields = {
        "open": np.round(low + (high - low) * rng.random(shape), 2),
        "high": high,
        "low": low,
        "close": close,
        "vwap": np.round((high + low + close) / 3, 4),
        "volume": np.round(rng.lognormal(10, 0.7, shape), -2) + 100,
        "returns": returns,
    }
    fields["amount"] = fields["volume"] * fields["vwap"]
    quarter = np.arange(sessions) // 63
    for name in FUNDAMENTALS:
        start = rng.lognormal(18, 1, instruments)
        fields[name] = (
            start * np.exp(rng.normal(0.01, 0.1, (quarter.max() + 1, instruments)).cumsum(0))[quarter]
        )
    for values in fields.values():
        values[rng.random(shape) < absent] = np.nan
    sectors = np.broadcast_to(rng.integers(-1, 4, instruments), shape).copy()
    days = np.datetime64("2015-01-01") + np.arange(sessions)
    return Panel(days, np.arange(instruments) + 11, fields, {"sector": sectors})


def same_bits(left: np.ndarray, right: np.ndarray) -> bool:
    """Equal to the bit, with absent equal to absent."""
    both = np.isnan(left) & np.isnan(right)
    return left.shape == right.shape and bool((both | (left.view(np.uint64) == right.view(np.uint64))).all())
