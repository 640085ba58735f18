"""Yahoo's history through the yfinance library, and its backward adjustment undone."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from dnalyaw.market.providers._base import ProviderError
from dnalyaw.market.providers._cache import PageCache
from dnalyaw.market.providers._http_retry import again
from dnalyaw.market.providers._http_rules import Counters, HttpError, Passing, bucket_of

__all__ = ["DECIMALS", "Day", "History", "YahooClient", "raw_of"]

_LOG = logging.getLogger(__name__)

DECIMALS = 4
"""Raw prices are rounded to this many: Yahoo sends 32-bit floats, exact to about 6e-8 of a price."""

_RATE_PER_S = 1.0
_TRIES = 4
_VENUES = {
    "NMS": "NASDAQ",
    "NGM": "NASDAQ",
    "NCM": "NASDAQ",
    "NYQ": "NYSE",
    "PCX": "ARCA",
    "ASE": "AMEX",
    "BTS": "BATS",
    "PNK": "OTC",
    "OQB": "OTC",
    "OQX": "OTC",
}
_CLASSES = {"EQUITY": "equity", "ETF": "etf"}


@dataclass(frozen=True, slots=True)
class Day:
    """One day: prices and volume None where Yahoo has none; a split as new shares per old, 0 for none."""

    session: date
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: float | None
    dividend: float
    split: float


@dataclass(frozen=True, slots=True)
class History:
    """What Yahoo has of a ticker.

    Attributes
    ----------
    venue, asset_class : str
        Today's.
    days : list of Day
        Ascending.
    """

    venue: str
    asset_class: str
    days: list[Day]


class YahooClient:
    """yfinance, asked slowly, with its answers kept and its faults named.

    Parameters
    ----------
    name : str
        The provider as typed.
    now : callable
        The present moment, UTC.
    session : optional
        A session of curl_cffi for yfinance to use; its own when omitted.
    sleep : callable
        Waits seconds.

    Raises
    ------
    ProviderError
        If yfinance is not installed.
    """

    def __init__(
        self,
        name: str,
        now: Callable[[], datetime],
        session: Any = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        try:
            import yfinance
        except ImportError:
            raise ProviderError(
                f"provider {name}: needs the library yfinance; install it with `uv sync --extra vendors`"
            ) from None
        self._yfinance = yfinance
        self.name, self.counters = name, Counters()
        self._session, self._sleep = session, sleep
        self._cache = PageCache("yfinance", now=now)
        # Its cookies and time zones are no data: they may live and die with our cache.
        yfinance.set_tz_cache_location(str(self._cache.folder / "library"))

    def history(self, symbol: str, since: datetime) -> History:
        """Return the whole daily history of `symbol`, asked for again where what is held came before `since`."""
        page = self._cache.get(f"history/{symbol}", lambda: self._ask(symbol), since=since)
        held = json.loads(page.body)
        days = [Day(date.fromisoformat(row[0]), *row[1:]) for row in held["days"]]
        return History(held["venue"], held["asset_class"], days)

    def _ask(self, symbol: str) -> bytes:
        bucket = bucket_of("query2.finance.yahoo.com", _RATE_PER_S)

        def once() -> bytes:
            self._sleep(bucket.reserve(time.monotonic()))
            self.counters.add(requests=1)
            return self._once(symbol)

        return again(once, tries=_TRIES, sleep=self._sleep, counters=self.counters)

    def _once(self, symbol: str) -> bytes:
        from yfinance.config import YfConfig
        from yfinance.data import YfData
        from yfinance.exceptions import YFPricesMissingError, YFRateLimitError, YFTzMissingError

        where = f"provider {self.name}: Yahoo's history of {symbol}"
        # yfinance keeps bad answers too; an earlier one must not answer for Yahoo now.
        YfData.cache_get.cache_clear()
        hidden, YfConfig.debug.hide_exceptions = YfConfig.debug.hide_exceptions, False
        try:
            ticker = self._yfinance.Ticker(symbol, session=self._session)
            frame = ticker.history(period="max", interval="1d", auto_adjust=False, actions=True, keepna=True)
            meta = ticker.get_history_metadata()
        except YFRateLimitError:
            raise Passing(f"{where}: answered 429 (too many requests); run again later", 429) from None
        except YFTzMissingError:
            raise HttpError(f"{where}: Yahoo has no such ticker; check it, as Yahoo writes it") from None
        except YFPricesMissingError as error:
            if error.yahoo_reason:
                raise HttpError(
                    f"{where}: {error.yahoo_reason}; check the ticker, as Yahoo writes it"
                ) from None
            raise Passing(f"{where}: came without prices; run again later, or check the ticker") from None
        # Whatever the library meets in an answer that it does not expect, of any type, is a fault of the answer.
        except Exception as error:  # noqa: BLE001
            text = " ".join(str(error).split())[:160] or type(error).__name__
            raise Passing(
                f"{where}: could not be read ({text}); run again later, or check the network"
            ) from None
        finally:
            YfConfig.debug.hide_exceptions = hidden
        return _kept(frame, meta, where)


def _kept(frame: Any, meta: Any, where: str) -> bytes:
    """The history in our own form, for the cache."""
    venue, kind, currency = (meta.get(key) for key in ("exchangeName", "instrumentType", "currency"))
    if venue not in _VENUES or kind not in _CLASSES or currency != "USD":
        raise ProviderError(
            f"{where}: is {kind} on {venue} in {currency}; name equities and ETFs listed in the US in dollars"
        )
    columns = ("Open", "High", "Low", "Close", "Volume", "Dividends", "Stock Splits")
    if frame.empty or any(column not in frame for column in columns):
        raise Passing(f"{where}: came without prices; run again later, or check the ticker")
    rows = []
    for moment, *values in frame[list(columns)].itertuples(name=None):
        numbers = [None if value is None or math.isnan(value) else float(value) for value in values]
        if any(number is not None and math.isinf(number) for number in numbers):
            raise ProviderError(f"{where}: holds an infinite number on {moment.date()}; tell Yahoo")
        rows.append([moment.date().isoformat(), *numbers[:5], numbers[5] or 0.0, numbers[6] or 0.0])
    body = {"venue": _VENUES[venue], "asset_class": _CLASSES[kind], "days": rows}
    return json.dumps(body, separators=(",", ":")).encode()


def raw_of(days: list[Day], where: str) -> list[Day]:
    """Return the days with what was really paid, traded and distributed per share of their day.

    Yahoo divides everything before a split by its ratio, and multiplies volumes. Each day is multiplied by the ratios
    of all later splits (a dividend by those after its own day) and rounded to `DECIMALS`, dividends to six.

    Parameters
    ----------
    days : list of Day
        As Yahoo has them, ascending; days without a close are left out unless something happened on them.
    where : str
        Provider and ticker, for messages.

    Raises
    ------
    ProviderError
        Where it cannot be undone: a ratio that is none, a split that Yahoo's prices do not carry (they jump by
        it), or one after the last price.
    """
    last_price = max((day.session for day in days if day.close is not None), default=None)
    before: Day | None = None
    for day in days:
        if day.split:
            if not (math.isfinite(day.split) and day.split > 0):
                raise ProviderError(
                    f"{where}: a split of {day.split:g} on {day.session} cannot be undone; use another provider"
                )
            if last_price is None or day.session > last_price:
                raise ProviderError(
                    f"{where}: the split on {day.session} has no price after it, so that nobody can tell whether the "
                    f"earlier ones are divided by it already; run again after that day's close"
                )
            _carried(before, day, days, where)
        if day.close is not None:
            before = day
    factor = 1.0
    raw: list[Day] = []

    def price(adjusted: float | None) -> float | None:
        return None if adjusted is None else round(adjusted * factor, DECIMALS)

    for day in reversed(days):
        raw.append(
            replace(
                day,
                open=price(day.open),
                high=price(day.high),
                low=price(day.low),
                close=price(day.close),
                volume=None if day.volume is None else float(round(day.volume / factor)),
                dividend=round(day.dividend * factor, 6),
            )
        )
        if day.split:
            factor *= day.split
    return raw[::-1]


def _carried(before: Day | None, day: Day, days: list[Day], where: str) -> None:
    """Refuse a split that is still in the prices: they must not jump by its ratio."""
    after = next((d for d in days if d.session >= day.session and d.close is not None), None)
    if before is None or after is None or not before.close or not after.close:
        return
    jump, ratio = math.log(before.close / after.close), math.log(day.split)
    # Under 1.5 a true move may look the same, and the rest of the check is the gates'.
    if abs(ratio) > math.log(1.5) and abs(jump - ratio) < abs(ratio) / 3:
        raise ProviderError(
            f"{where}: the split of {day.split:g} on {day.session} is still in its prices ({before.close:g} to "
            f"{after.close:g}), so that undoing it would be wrong; use another provider for this name"
        )
