"""Yahoo's daily history of US names through yfinance, as raw prices and dated actions."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Callable, Set
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import polars as pl

from dnalyaw.market._schema import SCHEMAS, conform, empty
from dnalyaw.market._sessions import next_session, session_close, session_times
from dnalyaw.market.providers._recorded import RecordedProvider
from dnalyaw.market.providers._tickers import SETTLED, gap_of, last_settled, listing, tickers_of
from dnalyaw.market.providers._times import bar_times, event_session, known_before
from dnalyaw.market.providers._yfinance_wire import Day, History, YahooClient, raw_of

__all__ = ["YfinanceProvider"]

_LOG = logging.getLogger(__name__)

_TICKER = re.compile(r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)?")
_SMALL = 20
"""A split has small numbers; 1281 for 1000 is how Yahoo writes a spin-off."""


class YfinanceProvider(RecordedProvider):
    """Names of a list as Yahoo has them today, through the library yfinance (extra ``vendors``).

    Yahoo's prices are divided by every later split; that is undone, see `raw_of`. Yahoo knows tickers alone: an
    instrument is today's ticker, what comes before a gap of more than 30 sessions is dropped with a warning, and a
    company that was renamed or left the market is not there at all. Good for a look, not for a result.

    Parameters
    ----------
    text : str
        Tickers with commas, as Yahoo writes them, such as ``"AAPL,BRK-B"``.
    name : str, optional
        The provider as typed.
    now : callable, optional
        For tests: the present moment, UTC.
    session : optional
        For tests: a session of curl_cffi.
    sleep : callable, optional
        For tests.

    Raises
    ------
    ProviderError
        If a ticker is none, or yfinance is not installed.
    """

    simulated = False

    def __init__(
        self,
        text: str,
        *,
        name: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        session: Any = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name or f"yfinance:{text}"
        self._symbols = tickers_of(text, _TICKER, self.name, "yfinance:AAPL,BRK-B")
        self._now = now
        self._client = YahooClient(self.name, now, session, sleep)
        self._held: dict[str, tuple[date, History]] = {}

    def _days(self) -> Set[date]:
        return {day.session for symbol in self._symbols for day in self._priced(symbol)}

    def _bars_of(self, start: date, end: date) -> pl.DataFrame:
        return self._bars(start, end)

    def _actions_of(self, start: date, end: date) -> pl.DataFrame:
        return self._actions().filter(pl.col("ex_date").is_between(start, end))

    def _instrument_rows(self) -> pl.DataFrame:
        return self._instruments()

    def _history(self, symbol: str) -> History:
        """Raw days of a ticker up to the last session that is over, read once a session."""
        settled = last_settled(self._now())
        held = self._held.get(symbol)
        if held is None or held[0] != settled:
            since = session_close("US", settled) + SETTLED
            got = self._client.history(symbol, since)
            where = f"provider {self.name}: {symbol}"
            # Undone before it is cut: a split of today is in Yahoo's earlier prices already.
            raw = [day for day in raw_of(got.days, where) if day.session <= settled]
            held = self._held[symbol] = (
                settled,
                History(got.venue, got.asset_class, self._of_one_company(raw, symbol)),
            )
        return held[1]

    def _of_one_company(self, days: list[Day], symbol: str) -> list[Day]:
        gap = gap_of(day.session for day in days if day.close is not None)
        if gap is None:
            return days
        _LOG.warning(
            "%s: what Yahoo has of %s up to %s is dropped: after it nothing traded for %d sessions, and nothing says "
            "that it is the same company",
            *(self.name, symbol, gap[0], gap[2]),
        )
        return [day for day in days if day.session >= gap[1]]

    def _priced(self, symbol: str) -> list[Day]:
        return [day for day in self._history(symbol).days if day.close is not None]

    def _bars(self, start: date, end: date) -> pl.DataFrame:
        rows = [
            (_id(symbol), day.session, day.open, day.high, day.low, day.close, day.volume)
            for symbol in self._symbols
            for day in self._priced(symbol)
            if start <= day.session <= end
        ]
        schema = {k: SCHEMAS["bars"][k] for k in list(SCHEMAS["bars"])[:7]}
        frame = pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.lit("USD").alias("currency"))
        return conform("bars", bar_times(frame, "US")).sort("session", "instrument_id")

    def _actions(self) -> pl.DataFrame:
        rows: list[tuple[str, date, str, float | None, float | None]] = []
        for symbol in self._symbols:
            first = min((day.session for day in self._priced(symbol)), default=date.max)
            for day in self._history(symbol).days:
                if day.session <= first:
                    continue
                if day.split:
                    self._look_at(symbol, day)
                    rows.append((symbol, day.session, "split", day.split, None))
                if day.dividend:
                    rows.append((symbol, day.session, "dividend", None, day.dividend))
        frame = pl.DataFrame(
            [
                {
                    "instrument_id": _id(symbol),
                    "ex_date": day,
                    "kind": kind,
                    "ratio": ratio,
                    "amount": amount,
                    "currency": "USD",
                    "event_time": session_times("US", next_session("US", day - timedelta(days=1))).open,
                    "available_at": known_before(day),
                }
                for symbol, day, kind, ratio, amount in rows
            ],
            schema={k: v for k, v in empty("actions").schema.items() if k not in ("price", "other_id")},
        )
        return conform("actions", frame).sort("ex_date", "instrument_id", "kind")

    def _look_at(self, symbol: str, day: Day) -> None:
        ratio = Fraction(day.split).limit_denominator(10_000)
        if min(ratio.numerator, ratio.denominator) > _SMALL:
            _LOG.warning(
                "%s: %s has a split of %g on %s, which is more likely a spin-off that Yahoo writes so: shares would be "
                "multiplied that were not",
                *(self.name, symbol, day.split, day.session),
            )

    def _instruments(self) -> pl.DataFrame:
        first = self.sessions("US")[0]
        rows = []
        for symbol in self._symbols:
            days, of = self._priced(symbol), self._history(symbol)
            if not days:
                continue
            ticker, start = symbol.replace("-", "."), days[0].session
            row = listing(_id(symbol), ticker, of.venue, start, start) | {"asset_class": of.asset_class}
            rows.append(row | event_session("US", start, first))
        return pl.DataFrame(rows, schema=pl.Schema({**SCHEMAS["instruments"], "__session": pl.Date()}))


def _id(symbol: str) -> int:
    """A permanent id: 48 bits of a hash, apart from those of other providers."""
    return int.from_bytes(hashlib.sha256(f"yfinance/{symbol}".encode()).digest()[:6], "big") or 1
