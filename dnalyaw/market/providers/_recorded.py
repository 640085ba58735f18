"""What providers of recorded data share: the replay of a session, and deliveries of instruments."""

from __future__ import annotations

from datetime import date

import polars as pl

from dnalyaw.market._schema import MARKET_EVENTS, conform
from dnalyaw.market._sessions import session_times

__all__ = ["instruments_in", "replay"]


def replay(region: str, session: date, bars: pl.DataFrame, quotes: pl.DataFrame) -> pl.DataFrame:
    """Return market events of a session from its quotes, and one auction for each other name with a bar.

    The auction stands at the open and prints the recorded open. Where only a close is recorded it prints the
    close, still at the open, so that orders have a price to be judged by; its source says so.

    Parameters
    ----------
    region : str
    session : datetime.date
    bars, quotes : polars.DataFrame
        Feeds of that session.
    """
    recorded = quotes.select(
        "event_time",
        "instrument_id",
        pl.lit("quote").alias("kind"),
        "bid",
        "ask",
        "bid_size",
        "ask_size",
        pl.lit("recorded quote").alias("source"),
    )
    opening = pl.lit(session_times(region, session).open).cast(MARKET_EVENTS["event_time"])
    has_open = pl.col("open").is_not_null()
    print_price = pl.coalesce("open", "close")
    # Unknown volume must not starve an auction that any marketable order fills at.
    size = pl.col("volume").fill_null(1e9)
    auctions = bars.filter(~pl.col("instrument_id").is_in(quotes["instrument_id"].implode())).select(
        opening.alias("event_time"),
        "instrument_id",
        pl.lit("auction").alias("kind"),
        print_price.alias("bid"),
        print_price.alias("ask"),
        size.alias("bid_size"),
        size.alias("ask_size"),
        pl.when(has_open)
        .then(pl.lit("recorded daily open"))
        .otherwise(pl.lit("recorded daily close"))
        .alias("source"),
    )
    return conform("market_events", pl.concat([recorded, auctions])).sort("event_time", "instrument_id")


def instruments_in(rows: pl.DataFrame, start: date, end: date) -> pl.DataFrame:
    """Return the rows of instruments delivered for the sessions [`start`, `end`].

    Parameters
    ----------
    rows : polars.DataFrame
        Feed `instruments` with the column `__session`: the session that a row is delivered with.

    Returns
    -------
    polars.DataFrame
        The changes of the window, and what was in force at `start`, so that a window may begin anywhere.
    """
    key = ["instrument_id", "valid_from"]
    ordered = rows.sort(*key, "available_at")
    in_force = ordered.filter(pl.col("__session") < start).unique(key, keep="last", maintain_order=True)
    changes = ordered.filter(pl.col("__session").is_between(start, end))
    return pl.concat([in_force, changes]).drop("__session").sort(*key, "available_at")
