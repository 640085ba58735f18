"""A small clean market made with NumPy alone, for gates to judge."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from dnalyaw.market import conform, session_times, sessions_between
from dnalyaw.quality import GateContext

LAST = date(2024, 6, 28)
SESSIONS = sessions_between("US", date(2024, 3, 1), LAST)
NAMES = 12


def market(seed: int = 1, shock: dict[tuple[int, int], float] | None = None) -> pl.DataFrame:
    """Bars of 12 names over some 80 sessions, daily volatility 1.5%; `shock` adds log returns."""
    rng = np.random.default_rng(seed)
    returns = 0.015 * rng.standard_normal((len(SESSIONS), NAMES))
    for (at, name), size in (shock or {}).items():
        returns[at, name] += size
    closes = np.round(100 * np.exp(np.cumsum(returns, axis=0)), 2)
    before = np.vstack([np.full(NAMES, 100.0), closes[:-1]])
    volume = np.round(1e6 * np.exp(0.2 * rng.standard_normal(closes.shape)))
    rows: list[dict[str, Any]] = []
    for t, day in enumerate(SESSIONS):
        close = session_times("US", day).close
        for i in range(NAMES):
            low, high = sorted((before[t, i], closes[t, i]))
            rows.append(
                {
                    "instrument_id": i + 1,
                    "session": day,
                    "open": before[t, i],
                    "high": round(high * 1.004, 2),
                    "low": round(low * 0.996, 2),
                    "close": closes[t, i],
                    "volume": volume[t, i],
                    "currency": "USD",
                    "event_time": close,
                    "available_at": close + timedelta(minutes=15),
                }
            )
    return conform("bars", pl.DataFrame(rows, schema_overrides=TIMES))


TIMES = {"event_time": pl.Datetime("us", "UTC"), "available_at": pl.Datetime("us", "UTC")}


def day_of(bars: pl.DataFrame, index: int = -1) -> tuple[pl.DataFrame, GateContext]:
    """The bars of one session, and the context of its delivery."""
    day = SESSIONS[index]
    context = GateContext(
        region="US",
        session=day,
        expected_sessions=(day,),
        history=bars.filter(pl.col("session") < day),
    )
    return bars.filter(session=day), context


def history_of(bars: pl.DataFrame) -> GateContext:
    """The context of the whole history as one delivery."""
    return GateContext(region="US", session=LAST, expected_sessions=tuple(SESSIONS), genesis=True)


def quotes_for(bars: pl.DataFrame, **middles: float) -> pl.DataFrame:
    """Two quotes a name and session a cent wide, the last at the close or at `middles["i<id>"]`."""
    rows = []
    for row in bars.iter_rows(named=True):
        times = session_times("US", row["session"])
        middle = middles.get(f"i{row['instrument_id']}", row["close"])
        for at, price in ((times.open, row["open"]), (times.close, middle)):
            rows.append(
                {
                    "instrument_id": row["instrument_id"],
                    "session": row["session"],
                    "bid": price - 0.005,
                    "ask": price + 0.005,
                    "bid_size": 100.0,
                    "ask_size": 100.0,
                    "currency": "USD",
                    "event_time": at,
                    "available_at": at,
                }
            )
    return conform("quotes", pl.DataFrame(rows, schema_overrides=TIMES))


def scaled(bars: pl.DataFrame, key: int, factor: float, column: str = "close") -> pl.DataFrame:
    """The bars with one name's column multiplied, highs and lows kept possible."""
    hit = pl.col("instrument_id") == key
    return bars.with_columns(
        pl.when(hit).then(pl.col(column) * factor).otherwise(column).alias(column)
    ).with_columns(
        pl.max_horizontal("open", "high", "low", "close").alias("high"),
        pl.min_horizontal("open", "high", "low", "close").alias("low"),
    )


def with_context(context: GateContext, **changes: Any) -> GateContext:
    """The context with some of its fields replaced."""
    return replace(context, **changes)
