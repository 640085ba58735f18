"""A generic SQL source: tables or queries of a database as feeds, by a YAML file that maps their columns."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import polars as pl

from dnalyaw.market._region import REGIONS
from dnalyaw.market._schema import FEEDS, empty
from dnalyaw.market.providers._base import ProviderError
from dnalyaw.market.providers._csvdir import _RegionFiles
from dnalyaw.market.providers._csvdir_files import FORMS
from dnalyaw.market.providers._recorded import RecordedProvider, instruments_in
from dnalyaw.market.providers._sql_read import Source, read_mapping

__all__ = ["SqlProvider"]

_BOUND = {
    "bars": "session",
    "series": "session",
    "borrow": "session",
    "actions": "ex_date",
    "quotes": "event_time",
    "fundamentals": "available_at",
}
_SLACK = timedelta(days=14)
"""How far a filing may lie from the session that it is delivered with: more than any holiday."""


class SqlProvider(RecordedProvider):
    """Feeds of one region out of a database, read only, in chunks, with the window pushed down as bound parameters.

    Columns, identities and defaults are those of a user's folder (docs/own-data.md); the password comes from
    ``DNALYAW_SQL_PASSWORD`` and stands in no file.

    Parameters
    ----------
    mapping : str
        Path of the YAML file; docs/own-data.md shows one.
    name : str, optional
        The provider as typed; ``sql:FILE`` when omitted.

    Raises
    ------
    ProviderError
        If the mapping is malformed, the database is out of reach, or a value does not fit its column; the message names the
        file, the feed and the column, never the password.
    """

    def __init__(self, mapping: str, *, name: str | None = None) -> None:
        self.name = name or f"sql:{mapping}"
        self._mapping = read_mapping(Path(mapping).expanduser())
        self._source = Source(self._mapping)
        self._code = self._mapping.region
        self.close_only = "open" not in self._mapping.feeds["bars"].columns

    def regions(self) -> tuple[str, ...]:
        """Return the region that the mapping names."""
        return (self._code,)

    def feeds(self, region: str) -> tuple[str, ...]:
        """Return the feeds that the mapping has; instruments are made from the bars if need be."""
        self._check(region)
        return tuple(f for f in FEEDS if f == "instruments" or f in self._mapping.feeds)

    def sessions(self, region: str) -> list[date]:
        """Return the sessions with bars, ascending."""
        self._check(region)
        return list(self._sessions)

    def fetch(self, feed: str, region: str, start: date, end: date) -> pl.DataFrame:
        """Return rows of `feed` for the sessions [`start`, `end`], asked of the database for that window alone."""
        self._check(region)
        if feed == "instruments":
            return instruments_in(_Window(self, None, None).instruments, start, end)
        if feed not in self._mapping.feeds:
            return empty(feed)
        low, high = start, end
        if feed == "fundamentals":
            # What was known before the first session comes with it.
            low = date.min if start <= self._sessions[0] else start - _SLACK
            high = end + _SLACK
        elif feed == "quotes":
            low, high = start - timedelta(days=1), end + timedelta(days=1)
        window = _Window(self, low, high)
        if feed == "bars" and window.typed("bars") is None:
            return empty("bars")
        rows: pl.DataFrame = getattr(window, feed)
        day = {"actions": "ex_date", "fundamentals": "__session"}.get(feed, "session")
        kept = rows.filter(pl.col(day).is_between(start, end))
        return kept.drop("__session") if feed == "fundamentals" else kept

    def _check(self, region: str) -> None:
        if region != self._code:
            raise ProviderError(f"provider {self.name}: has no region {region!r}; it has {self._code}")

    @cached_property
    def _sessions(self) -> list[date]:
        from dnalyaw.market._sessions import session_table

        days = self._source.days()
        table = session_table(self._code, days[0], days[-1])["session"] if days else pl.Series(dtype=pl.Date)
        held = table.filter(table.is_in(pl.Series(days, dtype=pl.Date).implode())).to_list()
        if not held:
            raise ProviderError(
                f"provider {self.name}: no bar lies on a session of {REGIONS[self._code].calendar}; check the dates"
            )
        return held


class _Window(_RegionFiles):
    """What a folder's files are, out of the database and for one window; without one, bars are first sessions alone."""

    def __init__(self, provider: SqlProvider, low: date | None, high: date | None) -> None:
        super().__init__(provider, provider.regions()[0])  # type: ignore[arg-type]
        self._sql, self._low, self._high = provider, low, high

    def typed(self, feed: str) -> pl.DataFrame | None:
        """The rows of a feed in the window; all of instruments, which are few."""
        if feed not in self._sql._mapping.feeds:
            return None
        if feed not in self._typed:
            source = self._sql._source
            if feed == "bars" and self._low is None:
                self._typed[feed] = source.firsts()
            elif feed == "instruments":
                self._typed[feed] = source.read(feed, None, None, None)
            else:
                self._typed[feed] = source.read(feed, _BOUND[feed], self._low, self._high)
        frame = self._typed[feed]
        return None if frame is None or frame.is_empty() else frame

    @cached_property
    def close_only(self) -> bool:
        """Whether the mapping's bars lack open, high, low and volume."""
        return self._low is None or self._sql.close_only

    @cached_property
    def sessions(self) -> list[date]:
        """Sessions of the whole source, not of the window."""
        return self._sql._sessions


assert set(_BOUND) | {"instruments"} == set(FORMS)
