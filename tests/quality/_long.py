"""Four made years of eight names with quarterly dividends and a split, each with its effect on the price."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import polars as pl

from dnalyaw.market import conform, session_table, sessions_between
from dnalyaw.quality import GateContext
from tests.quality._market import with_context
from tests.quality._recorded import action

SESSIONS = sessions_between("US", date(2019, 1, 2), date(2022, 12, 30))
NAMES = 8
SPLIT = 520
"""Place of the session on which name 1 splits 5:1."""


@lru_cache(maxsize=4)
def long_market(
    seed: int = 3, shock: tuple[tuple[int, int, float, float], ...] = ()
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Bars and actions; `shock` adds (session, name, log return, times the volume)."""
    rng = np.random.default_rng(seed)
    days = len(SESSIONS)
    moves = 0.012 * rng.standard_normal((days, NAMES))
    times = np.ones((days, NAMES))
    for at, name, size, surge in shock:
        moves[at, name] += size
        times[at, name] *= surge
    shares, rows = 1.0, []
    closes = np.zeros((days, NAMES))
    price = np.full(NAMES, 100.0)
    for t in range(days):
        price = price * np.exp(moves[t])
        if t % 63 == 40:
            paid = 0.5 * np.ones(NAMES)
            paid[0] /= shares
            price = price - paid
            rows += [action(i + 1, SESSIONS[t], "dividend", None, float(paid[i])) for i in range(NAMES)]
        if t == SPLIT:
            price[0] /= 5
            shares = 5.0
            rows.append(action(1, SESSIONS[t], "split", 5.0, None))
        closes[t] = price
    closes = np.round(closes, 4)
    opens = np.vstack([np.full(NAMES, 100.0), closes[:-1]])
    opens[SPLIT, 0] = closes[SPLIT, 0]
    high = np.maximum(opens, closes) * (1 + 0.002 + 0.006 * rng.random(closes.shape))
    low = np.minimum(opens, closes) * (1 - 0.002 - 0.006 * rng.random(closes.shape))
    volume = np.round(2e6 * np.exp(0.25 * rng.standard_normal(closes.shape)) * times)
    hours = session_table("US", SESSIONS[0], SESSIONS[-1]).select(
        "session", pl.col("close").alias("event_time")
    )
    frame = pl.DataFrame(
        {
            "session": pl.Series(SESSIONS).gather(np.repeat(np.arange(days), NAMES)),
            "instrument_id": np.tile(np.arange(1, NAMES + 1), days),
            "open": opens.ravel(),
            "high": high.ravel(),
            "low": low.ravel(),
            "close": closes.ravel(),
            "volume": volume.ravel(),
        }
    ).join(hours, on="session", maintain_order="left")
    bars = frame.with_columns(
        currency=pl.lit("USD"), available_at=pl.col("event_time") + timedelta(minutes=15)
    )
    return conform("bars", bars), pl.concat(rows)


def whole(bars: pl.DataFrame, actions: pl.DataFrame, **changes: object) -> GateContext:
    """The whole history as one delivery."""
    context = GateContext(
        region="US",
        session=SESSIONS[-1],
        expected_sessions=tuple(SESSIONS),
        genesis=True,
        actions=actions,
        bars=bars,
    )
    return with_context(context, **changes)
