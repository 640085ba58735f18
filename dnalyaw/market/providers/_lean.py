"""Recorded US equities in LEAN's folder layout."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from dnalyaw.market._region import region as region_of
from dnalyaw.market._schema import SCHEMAS, conform, empty
from dnalyaw.market._sessions import session_on_or_after, session_table, session_times
from dnalyaw.market.providers._base import ProviderError
from dnalyaw.market.providers._lean_actions import actions_of, delisting_of
from dnalyaw.market.providers._lean_files import read_daily, read_factor_file
from dnalyaw.market.providers._lean_identity import Identity, Span, read_identities
from dnalyaw.market.providers._lean_minutes import minute_files, quotes_of, volume_before
from dnalyaw.market.providers._recorded import instruments_in, replay
from dnalyaw.market.providers._times import bar_times, event_session, known_before

__all__ = ["Dropped", "LeanProvider"]

_LOG = logging.getLogger(__name__)
_TICK = 0.01
_FUND_VENUES = frozenset({"ARCA", "BATS"})


@dataclass(frozen=True, slots=True)
class Dropped:
    """Rows of a daily file that belong to no known instrument: no map file covers those days."""

    ticker: str
    rows: int
    first: date
    last: date


class LeanProvider:
    """LEAN's `Data` folder: daily bars, factor files, map files and minute quotes of US equities.

    Identity comes from the map files: every ticker file is cut at their dates, so that a reused ticker is
    another instrument, and rows that no map file covers are dropped, counted in `dropped` and logged. Only
    instruments with at least one bar or recorded quote are listed. The folder knows no sectors (null), no
    issuers (each instrument is its own), no fundamentals, and no classes but what the venue says:
    those of ARCA and BATS are funds, the others count as equities (QQQ among them). Quotes are the last of each recorded
    minute of the regular session; `available_at` is the minute's end.

    Parameters
    ----------
    folder : pathlib.Path
        Folder that holds `equity/usa/{daily,map_files,factor_files,minute}`.
    name : str, optional
        The provider as typed; ``lean:FOLDER`` when omitted.

    Raises
    ------
    ProviderError
        If the folder has no daily bars or map files, or a file is malformed (when it is first read).
    """

    simulated = False
    close_only = False

    def __init__(self, folder: Path, *, name: str | None = None) -> None:
        self.name = name or f"lean:{folder}"
        self._root = folder / "equity" / "usa"
        for part in ("daily", "map_files"):
            if not (self._root / part).is_dir():
                raise ProviderError(
                    f"provider {self.name}: {self._root / part} is missing; give the folder in which LEAN "
                    f"keeps equity/usa/daily and equity/usa/map_files"
                )
        self._identities = read_identities(self._root / "map_files")
        self._spans: dict[str, list[tuple[Span, Identity]]] = {}
        for identity in self._identities:
            for span in identity.spans:
                self._spans.setdefault(span.ticker, []).append((span, identity))

    # -- what it holds ---------------------------------------------------------------------------------

    def regions(self) -> tuple[str, ...]:
        """Return ``("US",)``: other markets of the layout are not read."""
        return ("US",)

    def feeds(self, region: str) -> tuple[str, ...]:
        """Return the feeds it has; `quotes` only where minute quotes are recorded."""
        self._check(region)
        base = ("instruments", "bars", "actions")
        return (*base, "quotes") if self._quote_files else base

    def sessions(self, region: str) -> list[date]:
        """Return the sessions with at least one daily bar, ascending."""
        self._check(region)
        return list(self._sessions)

    def default_session(self, region: str, today: date) -> date:
        """Return the latest session up to `today` with daily bars and recorded quotes, else with bars."""
        self._check(region)
        past = [day for day in self._sessions if day <= today]
        if not past:
            raise ProviderError(
                f"provider {self.name}: has no daily bars up to {today}; name a later session"
            )
        recorded = {day for days in self._quote_files.values() for day in days}
        both = [day for day in past if day in recorded]
        return both[-1] if both else past[-1]

    def ground_truth(self) -> dict[str, Any] | None:
        """Return None: nothing is planted in recorded data."""
        return None

    @property
    def dropped(self) -> list[Dropped]:
        """Rows that no map file covers, by ticker."""
        return self._daily[1]

    # -- tables ----------------------------------------------------------------------------------------

    def fetch(self, feed: str, region: str, start: date, end: date) -> pl.DataFrame:
        """Return rows of `feed` whose event falls in the sessions [`start`, `end`].

        An action's event is its ex-date. A row of instruments is a change, delivered with the session before
        it takes effect, which is when it is known: the ticker as it begins, and again, closed, as it ends.
        Every delivery also repeats what was in force at `start`, so that a window may begin anywhere.
        """
        self._check(region)
        if feed == "bars":
            return self._bars.filter(pl.col("session").is_between(start, end))
        if feed == "actions":
            return self._actions.filter(pl.col("ex_date").is_between(start, end))
        if feed == "instruments":
            return instruments_in(self._instruments, start, end)
        if feed == "quotes":
            days = {day for days in self._quote_files.values() for day in days if start <= day <= end}
            frames = [self._quotes_of(day) for day in sorted(days)]
            return pl.concat([empty("quotes"), *frames])
        if feed == "fundamentals":
            return empty("fundamentals")
        return empty(feed)

    def market_events(self, region: str, session: date) -> pl.DataFrame:
        """Return recorded minute quotes where there are any, else an auction at the recorded daily open."""
        self._check(region)
        quotes = self._quotes_of(session)
        bars = self._bars.filter(pl.col("session") == session)
        if bars.is_empty() and quotes.is_empty():
            raise ProviderError(
                f"provider {self.name}: nothing is recorded on {session}; its daily bars cover "
                f"{self._sessions[0]} to {self._sessions[-1]}"
            )
        return replay(region, session, bars, quotes)

    def minute_volume(self, region: str, before: date, sessions: int) -> pl.DataFrame:
        """Return what traded in each minute of the last recorded sessions before a day.

        Parameters
        ----------
        region : str
        before : datetime.date
            Exclusive: nothing of this day or of a later one is read.
        sessions : int
            How many sessions, at most.

        Returns
        -------
        polars.DataFrame
            Columns ``session, instrument_id, event_time`` (the minute's end, UTC) and ``volume`` (shares); minutes without
            a trade and those outside the regular session are left out.
        """
        self._check(region)
        files = minute_files(self._root, self._spans, "trade")
        return volume_before(files, before, sessions)

    # -- reading ---------------------------------------------------------------------------------------

    def _check(self, region: str) -> None:
        if region != "US":
            raise ProviderError(f"provider {self.name}: has no region {region!r}; use US")

    @cached_property
    def _daily(self) -> tuple[pl.DataFrame, list[Dropped]]:
        frames: list[pl.DataFrame] = []
        dropped: list[Dropped] = []
        for path in sorted((self._root / "daily").glob("*.zip")):
            ticker = path.stem.upper()
            rows = read_daily(path)
            covered = pl.lit(False)
            for span, identity in self._spans.get(ticker, []):
                inside = pl.col("session") >= span.start
                if span.end is not None:
                    inside &= pl.col("session") <= span.end
                covered |= inside
                frames.append(
                    rows.filter(inside).select(
                        pl.lit(identity.instrument_id).alias("instrument_id"), pl.all()
                    )
                )
            orphans = rows.filter(~covered)["session"]
            if len(orphans):
                lost = Dropped(ticker, len(orphans), orphans.min(), orphans.max())  # type: ignore[arg-type]
                dropped.append(lost)
                _LOG.warning(
                    "%s: %d rows of %s from %s to %s are dropped: no map file says whose they are",
                    self.name,
                    lost.rows,
                    lost.ticker,
                    lost.first,
                    lost.last,
                )
        frames = [frame for frame in frames if frame.height]
        if not frames:
            raise ProviderError(
                f"provider {self.name}: no daily file has a row that a map file covers; "
                f"check that {self._root / 'daily'} and map_files belong together"
            )
        return pl.concat(frames), dropped

    @cached_property
    def _bars(self) -> pl.DataFrame:
        raw = self._daily[0].with_columns(pl.lit(region_of("US").currency).alias("currency"))
        return conform("bars", bar_times(raw, "US")).sort("session", "instrument_id")

    @cached_property
    def _sessions(self) -> list[date]:
        days = self._bars["session"].unique()
        table = session_table("US", days.min(), days.max())  # type: ignore[arg-type]
        return table["session"].filter(table["session"].is_in(days.implode())).to_list()

    @cached_property
    def _listed(self) -> list[Identity]:
        """Instruments with at least one bar or recorded quote."""
        present = set(self._bars["instrument_id"].unique()) | set(self._quote_files)
        return [identity for identity in self._identities if identity.instrument_id in present]

    @cached_property
    def _last_close(self) -> dict[tuple[int, date], float]:
        days = [(i.instrument_id, i.last_day) for i in self._listed if i.last_day is not None]
        found = {}
        for key, day in days:
            close = self._bars.filter((pl.col("instrument_id") == key) & (pl.col("session") == day))["close"]
            if len(close):
                found[key, day] = float(close[-1])
        return found

    @cached_property
    def _actions(self) -> pl.DataFrame:
        rows: list[dict[str, Any]] = []
        for identity in self._listed:
            path = self._root / "factor_files" / f"{identity.file}.csv"
            found = actions_of(read_factor_file(path)) if path.is_file() else []
            if identity.last_day is not None:
                close = self._last_close.get((identity.instrument_id, identity.last_day))
                # An action dated past the last trading day cannot reach a holder any more.
                found = [a for a in found if a[0] <= identity.last_day]
                found.append(delisting_of(identity.last_day, close))
            for ex_date, kind, ratio, amount in found:
                rows.append(
                    {
                        "instrument_id": identity.instrument_id,
                        "ex_date": ex_date,
                        "kind": kind,
                        "ratio": ratio,
                        "amount": amount,
                        "currency": "USD",
                        "event_time": session_times("US", ex_date).open,
                        "available_at": known_before(ex_date),
                    }
                )
        frame = pl.DataFrame(rows, schema=empty("actions").schema)
        return conform("actions", frame).sort("ex_date", "instrument_id", "kind")

    @cached_property
    def _instruments(self) -> pl.DataFrame:
        """Each ticker of each instrument as it began and, as a later version of the row, as it ended."""
        first = self._sessions[0]
        rows: list[dict[str, Any]] = []
        for identity in self._listed:
            for span in identity.spans:
                row = {
                    "instrument_id": identity.instrument_id,
                    "issuer_id": identity.instrument_id,
                    "label": f"{span.ticker}.{span.venue}",
                    "ticker": span.ticker,
                    "venue": span.venue,
                    "currency": "USD",
                    "sector": None,
                    "lot": 1,
                    "tick": _TICK,
                    "valid_from": span.start,
                    "valid_to": None,
                    "listed_on": identity.listed_on,
                    "delisted_on": None,
                    "last_price": None,
                    # Map files state no class, but these two list funds alone.
                    "asset_class": "etf" if span.venue in _FUND_VENUES else None,
                    "multiplier": None,
                    "expires_on": None,
                }
                rows.append(row | event_session("US", span.start, first))
                if span.end is not None:
                    gone, after = span.end == identity.last_day, span.end + timedelta(days=1)
                    closed = {
                        "valid_to": span.end,
                        "delisted_on": session_on_or_after("US", after) if gone else None,
                        "last_price": self._last_close.get((identity.instrument_id, span.end))
                        if gone
                        else None,
                    }
                    rows.append(row | closed | event_session("US", after, first))
        schema = pl.Schema({**SCHEMAS["instruments"], "__session": pl.Date()})
        return pl.DataFrame(rows, schema=schema)

    @cached_property
    def _quote_files(self) -> dict[int, dict[date, Path]]:
        """Recorded quote files by instrument and day; those of unknown instruments are logged."""
        return minute_files(self._root, self._spans, "quote")

    def _quotes_of(self, session: date) -> pl.DataFrame:
        files = {key: days[session] for key, days in self._quote_files.items() if session in days}
        return quotes_of(files, session)
