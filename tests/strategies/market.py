"""A small random market for strategy tests: gaps, a delisting, a late listing, a split, unknown sectors."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import polars as pl


def sessions(count: int, start: date = date(2021, 1, 4)) -> list[date]:
    out: list[date] = []
    day = start
    while len(out) < count:
        if day.weekday() < 5:
            out.append(day)
        day += timedelta(days=1)
    return out


def moment(session: date) -> datetime:
    return datetime.combine(session, time(21, 15), tzinfo=UTC)


def market(
    total: int = 420, width: int = 13, seed: int = 1, *, known_sectors: bool = False, drift: float = 0.0004
) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    days = sessions(total)
    vol = rng.uniform(0.008, 0.03, width)
    close = 40 * np.exp(np.cumsum(drift + vol * rng.normal(size=(total, width)), axis=0))
    open_ = np.vstack([close[:1], close[:-1]]) * np.exp(rng.normal(0, 0.003, (total, width)))
    rows = []
    for j in range(width):
        for t in range(total):
            if (j == 1 and t > 300) or (j == 2 and t < 150) or (j == 3 and t % 97 == 50):
                continue
            split = 0.5 if j == 0 and t >= 200 else 1.0
            o, c = float(open_[t, j]), float(close[t, j])
            rows.append(
                {
                    "instrument_id": 100 + j,
                    "session": days[t],
                    "available_at": moment(days[t]),
                    "open": o * split,
                    "high": max(o, c) * 1.004 * split,
                    "low": min(o, c) * 0.996 * split,
                    "close": c * split,
                    "volume": float(1e5 * (j + 1) / split),
                    "adj_open": o,
                    "adj_close": c,
                    "sector": f"S{j % 3}" if known_sectors else None,
                    "lot": 1,
                    "currency": "USD",
                    "delisted_on": days[300] if j == 1 else None,
                }
            )
    return pl.DataFrame(rows, schema_overrides={"sector": pl.String, "delisted_on": pl.Date}).sort(
        "session", "instrument_id"
    )


def predictions(prices: pl.DataFrame, seed: int = 3, first: int = 100) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    days = sorted(prices["session"].unique())
    kept = prices.filter(pl.col("session") >= days[first]).sort("session", "instrument_id")
    return kept.select("instrument_id", "session", "available_at").with_columns(
        score=pl.Series(rng.normal(size=kept.height))
    )
