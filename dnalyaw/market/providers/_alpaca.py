"""Alpaca's history of US equities by REST: raw daily bars, corporate actions, and whose ticker is whose."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Callable, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from typing import Any, TypeVar

import polars as pl

from dnalyaw.market._schema import SCHEMAS, conform, empty
from dnalyaw.market._sessions import (
    next_session,
    session_close,
    session_on_or_before,
    session_times,
    sessions_between,
)
from dnalyaw.market.providers._alpaca_actions import Span, Told, actions_of, renamings, tell
from dnalyaw.market.providers._alpaca_bars import Days, in_force
from dnalyaw.market.providers._alpaca_wire import Asset, Client
from dnalyaw.market.providers._recorded import RecordedProvider
from dnalyaw.market.providers._tickers import SETTLED, gap_of, last_settled, listing, tickers_of
from dnalyaw.market.providers._times import bar_times, event_session

__all__ = ["AlpacaProvider"]

_LOG = logging.getLogger(__name__)

_T = TypeVar("_T")
_TICKER = re.compile(r"[A-Z][A-Z0-9]*(\.[A-Z0-9]+)?")
FIRST = date(2016, 1, 1)
"""Where Alpaca's history begins."""
_BLOCK_YEARS = 5
_GONE = 5
"""Sessions without a bar after which an asset that is inactive is taken to have left the market."""


@dataclass(frozen=True)
class _Listed:
    """One instrument: its asset today, and the tickers it had."""

    asset: Asset
    spans: tuple[Span, ...]
    told: dict[str, list[Told]]
    instrument_id: int


def _daily(method: Callable[[AlpacaProvider], _T]) -> Callable[[AlpacaProvider], _T]:
    """Keep what a method returns for the UTC day and until the next session is over: a process may live for weeks."""

    @wraps(method)
    def kept(self: AlpacaProvider) -> _T:
        moment = (self._now().date(), last_settled(self._now()))
        held = self._memo.get(method.__name__)
        if held is None or held[0] != moment:
            held = self._memo[method.__name__] = (moment, method(self))
        value: _T = held[1]
        return value

    return kept


class AlpacaProvider(RecordedProvider):
    """The names of a list, as Alpaca's Market Data API v2 (bars) and v1 (corporate actions) has them.

    An instrument is Alpaca's asset, not its ticker: bars are asked for as of today, which gives the history of the
    company that holds the ticker now, under its earlier tickers, and none of an earlier holder's. What comes before a gap
    of more than 30 sessions is dropped with a warning, since nothing says that it is the same company. The names
    of a list are chosen today: whoever measures returns on them has chosen among survivors. Venues are today's.

    Parameters
    ----------
    text : str
        Tickers with commas, such as ``"AAPL,BRK.B"``.
    name : str, optional
        The provider as typed.
    now : callable, optional
        For tests: the present moment, UTC.
    http : optional
        ``sleep``, ``clock``, ``tries`` and ``timeout_s`` of `HttpSource`.

    Raises
    ------
    ProviderError
        If a ticker is none, or the keys are not in the environment.
    """

    def __init__(
        self,
        text: str,
        *,
        name: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        **http: Any,
    ) -> None:
        self.name = name or f"alpaca:{text}"
        self._symbols = tickers_of(text, _TICKER, self.name, "alpaca:AAPL,BRK.B")
        self._now = now
        self._client = Client(self.name, now, **http)
        self._blocks: dict[tuple[str, date], tuple[date, Days]] = {}
        self._told_gaps: set[tuple[str, date]] = set()
        self._memo: dict[str, tuple[tuple[date, date], Any]] = {}

    def fetch(self, feed: str, region: str, start: date, end: date) -> pl.DataFrame:
        """Return rows of `feed` for the sessions [`start`, `end`].

        A bar's `available_at` is the close + 15 minutes; where a later answer changed what an earlier one had said,
        it is when the change was received. Actions by ex-date; instruments as changes and what was in force at `start`.
        """
        try:
            return super().fetch(feed, region, start, end)
        finally:
            self._client.report()

    def _days(self) -> Set[date]:
        return set(self._bars()["session"])

    def _bars_of(self, start: date, end: date) -> pl.DataFrame:
        return self._bars().filter(pl.col("session").is_between(start, end))

    def _actions_of(self, start: date, end: date) -> pl.DataFrame:
        return self._actions().filter(pl.col("ex_date").is_between(start, end))

    def _instrument_rows(self) -> pl.DataFrame:
        return self._instruments()

    # -- bars ------------------------------------------------------------------------------------------

    def _days_of(self, asset: Asset) -> Days:
        """All bars of an asset up to the last session that is over.

        Never of a part: whether a gap lies ahead decides whose the bars before it are, and a window that ends
        before the gap must not give them the later company's id.
        """
        days: Days = {}
        settled = last_settled(self._now())
        for year in range(FIRST.year, settled.year + 1, _BLOCK_YEARS):
            start, end = date(year, 1, 1), date(year + _BLOCK_YEARS - 1, 12, 31)
            need = session_on_or_before("US", min(end, settled))
            done, held = self._blocks.get((asset.id, start), (date.min, {}))
            if done < need:
                held = in_force(self._client.bars(asset, start, end, session_close("US", need) + SETTLED))
                self._blocks[asset.id, start] = (need, held)
            days |= held
        return self._of_one_company(asset, dict(sorted(days.items())))

    def _of_one_company(self, asset: Asset, days: Days) -> Days:
        gap = gap_of(days)
        if gap is None:
            return days
        before, after, sessions = gap
        kept = {day: bar for day, bar in days.items() if day >= after}
        if (asset.id, before) not in self._told_gaps:
            self._told_gaps.add((asset.id, before))
            _LOG.warning(
                "%s: %d bars of %s up to %s are dropped: after them nothing traded for %d sessions, and nothing "
                "says that it is the same company",
                *(self.name, len(days) - len(kept), asset.symbol, before, sessions),
            )
        return kept

    @_daily
    def _bars(self) -> pl.DataFrame:
        rows = []
        began = time.monotonic()
        for place, listed in enumerate(self._listed(), 1):
            for day, (bar, corrected) in self._days_of(listed.asset).items():
                prices = (bar.open, bar.high, bar.low, bar.close, bar.volume)
                rows.append((listed.instrument_id, day, *prices, corrected))
            if time.monotonic() - began > 5:
                began = time.monotonic()
                _LOG.info("%s: bars of %d of %d names are here", self.name, place, len(self._listed()))
        schema = {k: SCHEMAS["bars"][k] for k in list(SCHEMAS["bars"])[:7]} | {
            "__corrected": SCHEMAS["bars"]["available_at"]
        }
        frame = pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.lit("USD").alias("currency"))
        timed = bar_times(frame, "US").with_columns(pl.max_horizontal("available_at", "__corrected"))
        return conform("bars", timed.drop("__corrected")).sort("session", "instrument_id")

    # -- identity --------------------------------------------------------------------------------------

    @_daily
    def _listed(self) -> list[_Listed]:
        listed = []
        for symbol in self._symbols:
            asset = self._client.asset(symbol)
            spans, told = self._tickers(asset)
            digest = hashlib.sha256(f"alpaca/{asset.id}".encode()).digest()
            listed.append(_Listed(asset, spans, told, int.from_bytes(digest[:6], "big") or 1))
        return listed

    def _tickers(self, asset: Asset) -> tuple[tuple[Span, ...], dict[str, list[Told]]]:
        """The tickers of an asset, earliest first, and what happened under each."""
        spans: list[Span] = []
        told: dict[str, list[Told]] = {}
        symbol, end = asset.symbol, None
        while True:
            if symbol not in told:
                told[symbol] = tell(self._client.actions(asset, symbol, FIRST))
            where = f"provider {self.name}: {symbol}"
            renamed = renamings(told[symbol], symbol, end, where)
            spans.append(Span(symbol, renamed[1] if renamed else None, end))
            if renamed is None:
                return tuple(reversed(spans)), told
            symbol, end = renamed

    @property
    def _by_symbol(self) -> dict[str, int]:
        return {listed.asset.symbol: listed.instrument_id for listed in self._listed()}

    @_daily
    def _actions(self) -> pl.DataFrame:
        rows: list[dict[str, Any]] = []
        for listed in self._listed():
            days = self._days_of(listed.asset)
            if not days:
                continue
            first = min(days)
            for span in listed.spans:
                where = f"provider {self.name}: {span.symbol}"
                for row in actions_of(listed.told[span.symbol], span, where, self._other):
                    # Before the first bar there is no price that it could change.
                    if row["ex_date"] > first:
                        rows.append(row | {"instrument_id": listed.instrument_id})
            if self._end(listed) is not None and not any(
                row["instrument_id"] == listed.instrument_id and row["kind"] in ("merger", "delisting")
                for row in rows
            ):
                gone = {"kind": "delisting", "ratio": None, "amount": None, "other_id": None}
                after = next_session("US", max(days))
                known = {"ex_date": after, "available_at": listed.asset.seen_at}
                rows.append(gone | known | {"instrument_id": listed.instrument_id})
        frame = pl.DataFrame(
            [
                row | {"currency": "USD", "price": None, "event_time": self._opening(row["ex_date"])}
                for row in rows
            ],
            schema=empty("actions").schema,
        )
        return conform("actions", frame).sort("ex_date", "instrument_id", "kind")

    def _opening(self, day: date) -> datetime:
        session = next_session("US", day - timedelta(days=1))
        return session_times("US", session).open

    def _other(self, symbol: str | None) -> int | None:
        return self._by_symbol.get(symbol or "")

    def _end(self, listed: _Listed) -> date | None:
        """The last day of an asset that left the market; None where it trades."""
        days = self._days_of(listed.asset)
        if listed.asset.active or not days:
            return None
        last = max(days)
        return last if len(sessions_between("US", last, last_settled(self._now()))) > _GONE else None

    @_daily
    def _instruments(self) -> pl.DataFrame:
        """Each ticker as it began and, as a later version of the row, as it ended."""
        first = self.sessions("US")[0]
        rows: list[dict[str, Any]] = []
        for listed in self._listed():
            days = self._days_of(listed.asset)
            if not days:
                continue
            own, last = min(days), self._end(listed)
            for span in listed.spans:
                start = max(own, span.start or own)
                if span.end is not None and span.end <= start:
                    continue
                row = listing(listed.instrument_id, span.symbol, listed.asset.venue, start, own)
                rows.append(row | event_session("US", start, first))
                if span.end is not None:
                    ended = {"valid_to": span.end - timedelta(days=1)}
                    rows.append(row | ended | event_session("US", span.end, first))
                elif last is not None:
                    gone = {"delisted_on": next_session("US", last), "last_price": days[last][0].close}
                    rows.append(row | {"valid_to": last} | gone | self._when_known(listed, first))
        return pl.DataFrame(rows, schema=pl.Schema({**SCHEMAS["instruments"], "__session": pl.Date()}))

    def _when_known(self, listed: _Listed, first: date) -> dict[str, Any]:
        """When its leaving the market was known: by a dated action, or else when Alpaca was asked."""
        ends = self._actions().filter(
            (pl.col("instrument_id") == listed.instrument_id) & pl.col("kind").is_in(["merger", "delisting"])
        )
        known = ends["available_at"][-1]
        dated = event_session("US", ends["ex_date"][-1], first)
        if known <= dated["available_at"]:
            return dated
        session = session_on_or_before("US", known.date())
        return {"event_time": dated["event_time"], "available_at": known, "__session": session}
