"""Made daily bars for measurements: a random walk a name, stamped like the contract's, a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import polars as pl

REGION = "US"
LAST_SESSION = date(2026, 11, 20)
DELAY = timedelta(minutes=15)
"""A bar is available this long after its session's close (docs/contracts.md)."""


def sessions(count: int) -> pl.DataFrame:
    """The last `count` sessions, with their closes."""
    from dnalyaw.market import session_table

    start = LAST_SESSION - timedelta(days=count * 7 // 5 + count // 10 + 20)
    table = session_table(REGION, start, LAST_SESSION)
    return table.select("session", pl.col("close").alias("event_time")).tail(count)


def bars(names: int, days: pl.DataFrame, seed: int, *, first: int = 1) -> pl.DataFrame:
    """Bars of `names` instruments on every one of `days`, in the columns of the feed."""
    from dnalyaw.market import SCHEMAS

    chance = np.random.default_rng(seed)
    size = (days.height, names)
    # A few trades a day move a price in both directions: no bar is flat, none is impossible.
    close = 50 * np.exp(np.cumsum(chance.normal(0, 0.015, size), axis=0)) + 1
    opened = close * np.exp(chance.normal(0, 0.004, size))
    spread = np.abs(chance.normal(0, 0.006, size)) + 0.001
    values = {
        "open": opened,
        "high": np.maximum(opened, close) * (1 + spread),
        "low": np.minimum(opened, close) * (1 - spread),
        "close": close,
        "volume": np.round(chance.lognormal(13, 0.5, size)),
    }
    return pl.DataFrame(
        {
            "instrument_id": np.tile(np.arange(first, first + names), days.height),
            "session": days["session"].gather(np.repeat(np.arange(days.height), names)),
            **{name: value.ravel() for name, value in values.items()},
            "event_time": days["event_time"].gather(np.repeat(np.arange(days.height), names)),
        }
    ).select(
        pl.lit("USD").alias(name)
        if name == "currency"
        else ((pl.col("event_time") + DELAY).alias(name) if name == "available_at" else pl.col(name))
        for name in SCHEMAS["bars"]
    )


def dividends(frame: pl.DataFrame) -> pl.DataFrame:
    """A dividend of 0.5% of the price a name and 63 sessions, as the feed `actions` has them."""
    from dnalyaw.market import conform

    due = (
        frame.sort("instrument_id", "session")
        .with_columns(
            pl.col("close").shift(1).over("instrument_id").alias("before"),
            pl.int_range(pl.len()).over("instrument_id").alias("n"),
        )
        .filter((pl.col("n") % 63 == 62) & pl.col("before").is_not_null())
    )
    return conform(
        "actions",
        due.select(
            "instrument_id",
            pl.col("session").alias("ex_date"),
            pl.lit("dividend").alias("kind"),
            (pl.col("before") * 0.005).round(4).alias("amount"),
            "currency",
            pl.col("session").cast(pl.Datetime("us", "UTC")).alias("event_time"),
            (pl.col("session").cast(pl.Datetime("us", "UTC")) - timedelta(hours=4)).alias("available_at"),
        ),
    )


def pieces(names: int, days: pl.DataFrame, rows: int) -> Iterator[pl.DataFrame]:
    """The bars of all days in pieces of about `rows` rows, oldest first: as a history is delivered."""
    step = max(1, rows // names)
    for start in range(0, days.height, step):
        yield bars(names, days.slice(start, step), seed=start)
