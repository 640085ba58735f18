"""What providers of recorded data share: the replay of a session, and deliveries of instruments."""

from __future__ import annotations

from collections.abc import Set
from datetime import date
from typing import Any

import polars as pl

from dnalyaw.market._schema import MARKET_EVENTS, conform, empty
from dnalyaw.market._sessions import session_times, sessions_between
from dnalyaw.market.providers._base import ProviderError

__all__ = ["RecordedProvider", "instruments_in", "replay"]


class RecordedProvider:
    """Daily bars of US names, recorded; subclasses say which in `_days`, `_bars_of`, `_actions_of`, `_instrument_rows`."""

    simulated = False
    close_only: bool = False
    carried: tuple[str, ...] = ("instruments", "bars", "actions")
    name: str

    def _days(self) -> Set[date]:
        """The days with at least one bar."""
        raise NotImplementedError

    def _bars_of(self, start: date, end: date) -> pl.DataFrame:
        raise NotImplementedError

    def _actions_of(self, start: date, end: date) -> pl.DataFrame:
        return empty("actions")

    def _instrument_rows(self) -> pl.DataFrame:
        """Feed `instruments` with the column `__session` of `instruments_in`."""
        raise NotImplementedError

    def regions(self) -> tuple[str, ...]:
        """Return ``("US",)``."""
        return ("US",)

    def feeds(self, region: str) -> tuple[str, ...]:
        """Return the feeds that it has."""
        self._check(region)
        return self.carried

    def sessions(self, region: str) -> list[date]:
        """Return the sessions with at least one bar, ascending."""
        self._check(region)
        days = self._days()
        if not days:
            raise ProviderError(f"provider {self.name}: has no bar of any name; check the names and the feed")
        return [day for day in sessions_between("US", min(days), max(days)) if day in days]

    def default_session(self, region: str, today: date) -> date:
        """Return the latest session with bars up to `today`."""
        past = [day for day in self.sessions(region) if day <= today]
        if len(past) < 2:
            raise ProviderError(
                f"provider {self.name}: has {len(past)} sessions up to {today}; a run needs two"
            )
        return past[-1]

    def fetch(self, feed: str, region: str, start: date, end: date) -> pl.DataFrame:
        """Return rows of `feed` for the sessions [`start`, `end`]; feeds that it lacks are empty.

        Actions by ex-date; instruments as changes and what was in force at `start`.
        """
        self._check(region)
        if feed == "bars":
            return self._bars_of(start, end)
        if feed == "actions":
            return self._actions_of(start, end)
        if feed == "instruments":
            return instruments_in(self._instrument_rows(), start, end)
        return empty(feed)

    def market_events(self, region: str, session: date) -> pl.DataFrame:
        """Return the session's quotes, and for each other name with a bar an auction, as `replay` makes it."""
        bars = self.fetch("bars", region, session, session)
        quotes = empty("quotes")
        if "quotes" in self.feeds(region):
            quotes = self.fetch("quotes", region, session, session)
        if bars.is_empty() and quotes.is_empty():
            raise ProviderError(
                f"provider {self.name}: nothing is recorded on {session}; name another session"
            )
        return replay(region, session, bars, quotes)

    def ground_truth(self) -> dict[str, Any] | None:
        """Return None: nothing is planted in recorded data."""
        return None

    def _check(self, region: str) -> None:
        if region != "US":
            raise ProviderError(f"provider {self.name}: has no region {region!r}; use US")


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
