"""The provider `sample`: simulated tables on real exchange calendars."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl

from dnalyaw.market import FEEDS, conform, empty, session_on_or_before, session_times
from dnalyaw.market import region as known_region
from dnalyaw.market.providers._base import ProviderError
from dnalyaw.market.providers._sample._around import Around
from dnalyaw.market.providers._sample._bars import Bars, bars_of_block
from dnalyaw.market.providers._sample._dynamics import Market
from dnalyaw.market.providers._sample._frames import (
    actions_frame,
    bars_frame,
    fundamentals_frame,
    instrument_rows,
    instruments_frame,
)
from dnalyaw.market.providers._sample._params import BLOCK, BURN_IN, HORIZON, ORIGIN, PARAMS
from dnalyaw.market.providers._sample._quotes import SessionQuotes, moments, session_quotes
from dnalyaw.market.providers._sample._truth import region_truth, truth_header

__all__ = ["QUOTE_SESSIONS", "SampleProvider"]

QUOTE_SESSIONS = 20
"""Quotes are delivered for at most this many sessions, the last of the range: they are bulky."""

_SNAPSHOTS = 13


class SampleProvider:
    """A simulated market, the same for a seed whatever is asked of it and whenever.

    Parameters
    ----------
    seed : int, default 7
        Not negative.
    null : bool, default False
        Plant no effect: the same structure, and no relation between what is known and later returns.

    Examples
    --------
    >>> from datetime import date
    >>> SampleProvider().default_session("US", date(2026, 11, 22))
    datetime.date(2026, 11, 20)
    """

    simulated = True
    close_only = False

    def __init__(self, seed: int = 7, null: bool = False) -> None:
        if seed < 0:
            raise ProviderError(f"seed {seed} is negative: provider sample needs a whole number from 0")
        self.name = "sample:null" if null else "sample"
        self.seed, self.null = seed, null
        self._markets: dict[str, Market] = {}
        self._arounds: dict[str, Around] = {}
        self._blocks: dict[tuple[str, int], Bars] = {}

    def regions(self) -> tuple[str, ...]:
        """Return ``("US", "HK")``."""
        return tuple(PARAMS)

    def feeds(self, region: str) -> tuple[str, ...]:
        """Return all the tables of the contract."""
        self._check(region)
        return FEEDS

    def sessions(self, region: str) -> list[date]:
        """Return every session from `ORIGIN` to `HORIZON`: the market can be asked for any of them."""
        self._check(region)
        return list(_days(region))

    def default_session(self, region: str, today: date) -> date:
        """Return the latest session on or before `today`."""
        self._check(region)
        if today < ORIGIN + timedelta(days=7) or today > HORIZON:
            raise ProviderError(
                f"provider {self.name} simulates {ORIGIN} to {HORIZON}; {today} is outside it"
            )
        return session_on_or_before(region, today)

    def fetch(self, feed: str, region: str, start: date, end: date) -> pl.DataFrame:
        """Return the rows of `feed` that belong to the sessions [`start`, `end`].

        Quotes cover the last `QUOTE_SESSIONS` sessions of the range. A fundamental belongs to the session it
        was filed on, what was filed before `ORIGIN` to the first session. A row of instruments belongs to the
        session before the day from which it holds: that is when it is known.

        Raises
        ------
        ProviderError
            If the region or feed is unknown, or the range lies beyond what can be simulated.
        """
        self._check(region)
        if feed not in FEEDS:
            raise ProviderError(f"provider {self.name} has no feed {feed!r}: use one of {', '.join(FEEDS)}")
        if end > HORIZON:
            raise ProviderError(f"provider {self.name} simulates {ORIGIN} to {HORIZON}, not {end}")
        days = _days(region)
        low, high = bisect_left(days, start), bisect_right(days, end) - 1
        if high < low:
            return empty(feed)
        first, last = low + BURN_IN, high + BURN_IN
        market = self._market(region, last)
        if feed == "bars":
            return bars_frame(market, [(t, *self._row(market, t)) for t in range(first, last + 1)])
        if feed == "quotes":
            return self._quotes(market, range(max(first, last - QUOTE_SESSIONS + 1), last + 1))
        if feed == "actions":
            return actions_frame(market, first, last)
        if feed == "fundamentals":
            return fundamentals_frame(market, first, last)
        if feed in ("series", "borrow"):
            around = self._arounds.setdefault(region, Around(market))
            return around.series(first, last) if feed == "series" else around.borrow(first, last)
        # A delisting is delivered on the last session traded, so its price is known by then.
        paid = {a.index: a.amount for a in market.actions if a.kind == "delisting" and a.amount is not None}
        return instruments_frame(instrument_rows(market), paid, first, last)

    def market_events(self, region: str, session: date) -> pl.DataFrame:
        """Return a quote about every five minutes for every name listed on `session`.

        Raises
        ------
        ProviderError
            If `session` is not one of the simulated sessions.
        """
        self._check(region)
        days = _days(region)
        place = bisect_left(days, session)
        if place == len(days) or days[place] != session:
            raise ProviderError(f"provider {self.name} has no session {session} in {region}")
        frame = self._session_quotes(self._market(region, place + BURN_IN), place + BURN_IN, None)
        return conform(
            "market_events",
            frame.select(
                "event_time",
                "instrument_id",
                pl.lit("quote").alias("kind"),
                "bid",
                "ask",
                "bid_size",
                "ask_size",
                pl.lit("simulated").alias("source"),
            ),
        )

    def ground_truth(self, until: date | None = None) -> dict[str, Any]:
        """Return all that was planted: effects, crash days, jumps, splits, reused tickers, restatements.

        Parameters
        ----------
        until : datetime.date, optional
            Last day to report; the horizon when omitted.
        """
        stop = HORIZON if until is None else min(until, HORIZON)
        regions = {}
        for code in PARAMS:
            last = BURN_IN + bisect_right(_days(code), stop) - 1
            regions[code] = region_truth(self._market(code, last), last) if last >= BURN_IN else {}
        return {**truth_header(self.seed, self.null, stop), "regions": regions}

    def _check(self, region: str) -> None:
        if region not in PARAMS:
            raise ProviderError(
                f"provider {self.name} has no region {region!r}: use one of {', '.join(PARAMS)}"
            )

    def _market(self, region: str, ordinal: int) -> Market:
        if region not in self._markets:
            self._markets[region] = Market(region, self.seed, self.null)
        market = self._markets[region]
        market.extend(ordinal)
        return market

    def _row(self, market: Market, ordinal: int) -> tuple[int, Bars]:
        number, row = divmod(ordinal, BLOCK)
        key = (market.region, number)
        if key not in self._blocks:
            self._blocks[key] = bars_of_block(market, number)
        return row, self._blocks[key]

    def _quotes(self, market: Market, ordinals: range) -> pl.DataFrame:
        currency = known_region(market.region).currency
        frame = pl.concat([self._session_quotes(market, t, _SNAPSHOTS) for t in ordinals])
        return conform(
            "quotes",
            frame.with_columns(
                # Quotes are received a second after they are made.
                available_at=pl.col("event_time") + timedelta(seconds=1),
                currency=pl.lit(currency),
            ),
        )

    def _session_quotes(self, market: Market, t: int, snapshots: int | None) -> pl.DataFrame:
        """Return quotes of session ordinal `t`, all of them or `snapshots` spread evenly over the session."""
        day, u = market.clock.days[t], market.universe
        when = moments(session_times(market.region, day))
        row, bars = self._row(market, t)
        q: SessionQuotes = session_quotes(market.region, self.seed, t, bars, row, u.lot, len(when))
        chosen = np.arange(len(when))
        if snapshots is not None:
            chosen = np.unique(np.linspace(0, len(when) - 1, snapshots).round().astype(int))
        live = np.flatnonzero((t >= u.listed) & (t < u.delisted))
        at = np.array([m.replace(tzinfo=None) for m in when], dtype="datetime64[us]")[chosen]
        pick = np.ix_(live, chosen)
        # In order of time, then of name.
        return pl.DataFrame(
            {
                "instrument_id": np.tile(u.instrument_id[live], len(chosen)),
                "bid": q.bid[pick].T.ravel(),
                "ask": q.ask[pick].T.ravel(),
                "bid_size": q.bid_size[pick].T.ravel(),
                "ask_size": q.ask_size[pick].T.ravel(),
                "event_time": np.repeat(at, len(live)),
            }
        ).with_columns(
            session=pl.lit(day),
            event_time=pl.col("event_time").dt.replace_time_zone("UTC"),
        )


@lru_cache(maxsize=4)
def _days(region: str) -> tuple[date, ...]:
    from dnalyaw.market.providers._sample._universe import clock

    return clock(region).days[BURN_IN:]
