"""Small price frames for the backtest tests."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl


def weekdays(count: int, start: date = date(2020, 1, 6)) -> list[date]:
    days: list[date] = []
    day = start
    while len(days) < count:
        if day.weekday() < 5:
            days.append(day)
        day += timedelta(days=1)
    return days


def frame(
    open_: np.ndarray, close: np.ndarray, *, low: np.ndarray | None = None, **extra: object
) -> pl.DataFrame:
    """Long frame of [T, N] arrays; instruments are 1..N, adjusted equals raw; NaN cells have no row."""
    total, width = close.shape
    days = weekdays(total)
    rows = []
    for t in range(total):
        for j in range(width):
            if np.isnan(close[t, j]):
                continue
            o, c = float(open_[t, j]), float(close[t, j])
            rows.append(
                {
                    "instrument_id": j + 1,
                    "session": days[t],
                    "open": o,
                    "high": max(o, c),
                    "low": min(o, c) if low is None else float(low[t, j]),
                    "close": c,
                    "volume": 1e6,
                    "adj_open": o,
                    "adj_close": c,
                    "currency": "USD",
                }
            )
    out = pl.DataFrame(rows)
    return out.with_columns(**{k: pl.lit(v) for k, v in extra.items()}) if extra else out


def random_prices(total: int, width: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0003, 0.02, (total, width)), axis=0))
    open_ = np.vstack([close[:1] * 0.99, close[:-1]]) * np.exp(rng.normal(0, 0.005, (total, width)))
    return open_, close


def weight_frame(rows: list[tuple[date, int, float]]) -> pl.DataFrame:
    return pl.DataFrame(
        rows, schema={"session": pl.Date, "instrument_id": pl.Int64, "weight": pl.Float64}, orient="row"
    )


def random_weights(days: list[date], every: int, width: int, gross: float, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    rows = []
    for day in days[::every]:
        raw = rng.random(width) * (rng.random(width) < 0.6)
        if raw.sum() == 0:
            raw[0] = 1.0
        rows.extend((day, j + 1, float(w)) for j, w in enumerate(gross * raw / raw.sum()))
    return weight_frame(rows)
