"""Alpaca's servers: what is asked of them, kept as it came, and read with every field checked."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dnalyaw.market.providers._alpaca_bars import Answer, bars_in
from dnalyaw.market.providers._base import ProviderError
from dnalyaw.market.providers._cache import Page, PageCache
from dnalyaw.market.providers._http import HttpSource

__all__ = ["FEEDS_OF_ALPACA", "Asset", "Client", "Wire"]

KEYS = ("APCA_API_KEY_ID", "APCA_API_SECRET_KEY")
DATA_URL, TRADING_URL, FEED = "APCA_API_DATA_URL", "APCA_API_BASE_URL", "APCA_API_DATA_FEED"
FEEDS_OF_ALPACA = ("sip", "iex", "otc", "boats")
"""Which exchanges a bar counts; `sip` is the whole market, `iex` one exchange with a few percent of its volume."""

_VENUES = {"NASDAQ": "NASDAQ", "NYSE": "NYSE", "ARCA": "ARCA", "NYSEARCA": "ARCA", "AMEX": "AMEX"}
_VENUES |= {"BATS": "BATS", "OTC": "OTC"}
_NEW_YORK = ZoneInfo("America/New_York")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_RATE_PER_S = 3.0
"""Of the 200 requests a minute that the free plan has, 180."""
_DELAY = timedelta(minutes=16)
"""The free plan refuses SIP data of the last 15 minutes."""

Wire = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asset:
    """What `/v2/assets` says of a ticker today.

    Attributes
    ----------
    id : str
        Alpaca's id of the asset, which a ticker's next holder does not inherit.
    symbol, venue : str
    active : bool
    seen_at : datetime.datetime
        When it was said, UTC.
    """

    id: str
    symbol: str
    venue: str
    active: bool
    seen_at: datetime


class Client:
    """The two servers (market data v2 and v1, trading v2) and the cache of their answers.

    Parameters
    ----------
    name : str
        The provider as typed.
    now : callable
        The present moment, UTC.
    sleep, clock : callable, optional
        As in `HttpSource`, for tests.

    Raises
    ------
    ProviderError
        If the keys are not in the environment, or the feed is none.
    """

    def __init__(self, name: str, now: Callable[[], datetime], **http: Any) -> None:
        missing = [key for key in KEYS if not os.environ.get(key)]
        if missing:
            raise ProviderError(
                f"provider {name}: needs {' and '.join(missing)} in the environment; set them"
            )
        self.name, self.now = name, now
        self.feed = os.environ.get(FEED, "sip")
        if self.feed not in FEEDS_OF_ALPACA:
            raise ProviderError(
                f"provider {name}: {FEED}={self.feed!r} is no feed; use one of {', '.join(FEEDS_OF_ALPACA)}"
            )
        self.cache = PageCache("alpaca", now=now)
        secrets = {"APCA-API-KEY-ID": os.environ[KEYS[0]], "APCA-API-SECRET-KEY": os.environ[KEYS[1]]}

        def source(variable: str, usual: str) -> HttpSource:
            return HttpSource(
                os.environ.get(variable) or usual,
                name=name,
                secrets=secrets,
                rate_per_s=_RATE_PER_S,
                keys=f"{', '.join(KEYS)} and {variable}",
                **http,
            )

        self.data = source(DATA_URL, "https://data.alpaca.markets")
        # Keys of paper accounts, which is what the platform trades by default, are known to this server alone.
        self.trading = source(TRADING_URL, "https://paper-api.alpaca.markets")

    def asset(self, symbol: str) -> Asset:
        """Return what the ticker means today, asked for once a UTC day."""
        path = f"v2/assets/{symbol}"

        where = f"provider {self.name}: {path}"

        def check(value: Any) -> None:
            fields = [
                str(value.get(key)) if isinstance(value, dict) else "" for key in ("id", "symbol", "exchange")
            ]
            if not _ID.fullmatch(fields[0].lower()):
                raise ProviderError(
                    f"{where} describes no asset; run again, and tell the provider if it stays"
                )
            if value.get("class") != "us_equity":
                raise ProviderError(
                    f"{where} is of class {value.get('class')!r}; name US equities and ETFs only"
                )
            if fields[1] != symbol:
                raise ProviderError(f"{where} answers for {fields[1]!r}; write that ticker")
            if fields[2] not in _VENUES:
                raise ProviderError(
                    f"{where} is listed on {fields[2]!r}, which is none of {', '.join(_VENUES)}"
                )

        page = self._get(self.trading, path, {}, f"asset/{symbol}", check, self._today())
        value = json.loads(page.body)
        return Asset(
            id=value["id"].lower(),
            symbol=symbol,
            venue=_VENUES[value["exchange"]],
            active=value.get("status") == "active",
            seen_at=page.fetched_at,
        )

    def bars(self, asset: Asset, start: date, end: date, since: datetime) -> list[Answer]:
        """Return what was ever received of the raw daily bars of [`start`, `end`], oldest first.

        Parameters
        ----------
        asset : Asset
        start, end : datetime.date
        since : datetime.datetime
            Pages received earlier than this are asked for again.
        """
        now = self.now()
        midnight = datetime(end.year, end.month, end.day, 23, 59, 59, tzinfo=_NEW_YORK)
        params = {
            "symbols": asset.symbol,
            "timeframe": "1Day",
            "start": start.isoformat(),
            "end": min(midnight.astimezone(UTC), now - _DELAY).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "limit": "10000",
            "adjustment": "raw",
            "feed": self.feed,
            "currency": "USD",
            "sort": "asc",
            # Whose bars these are: the company that holds the ticker today, under its earlier tickers too, and
            # nobody's who held this ticker before.
            "asof": now.astimezone(_NEW_YORK).date().isoformat(),
        }
        found: list[Answer] = []
        key, first = f"bars/{self.feed}/raw/{asset.id}/{start}", start
        where = f"provider {self.name}: v2/stocks/bars {asset.symbol}"

        def check(value: Any) -> None:
            bars_in(value, asset.symbol, where)

        for page_key in self._chain("v2/stocks/bars", params, key, check, since):
            for page in self.cache.versions(page_key):
                value = json.loads(page.body)
                bars = bars_in(value, asset.symbol, where)
                last = bars[-1].session if value.get("next_page_token") and bars else date.max
                found.append(Answer(page.fetched_at, first, last, bars))
            first = date.max if found[-1].last == date.max else found[-1].last + timedelta(days=1)
        return sorted(found, key=lambda answer: answer.at)

    def actions(self, asset: Asset, symbol: str, start: date) -> list[tuple[datetime, dict[str, list[Wire]]]]:
        """Return corporate actions (v1) of a ticker since `start` as received, by category, oldest answer first."""
        end = self.now().date() + timedelta(days=366)
        params = {
            "symbols": symbol,
            "start": start.isoformat(),
            # It filters by the day of processing, which for a dividend is when it is paid, weeks after its ex-date.
            "end": end.isoformat(),
            "limit": "1000",
            "sort": "asc",
        }
        key = f"actions/{asset.id}/{symbol}"

        where = f"provider {self.name}: v1/corporate-actions {symbol}"

        def check(value: Any) -> None:
            held = value.get("corporate_actions") if isinstance(value, dict) else None
            if not isinstance(held, dict) or not all(
                isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
                for rows in held.values()
            ):
                raise ProviderError(
                    f"{where} holds no corporate_actions by kind; run again, or tell the provider"
                )

        found = []
        for page_key in self._chain("v1/corporate-actions", params, key, check, self._today()):
            for page in self.cache.versions(page_key):
                found.append((page.fetched_at, json.loads(page.body)["corporate_actions"]))
        return sorted(found, key=lambda item: item[0])

    def report(self) -> None:
        """Log what was asked of both servers since the last report."""
        self.data.report()
        self.trading.report()

    # -- pages -----------------------------------------------------------------------------------------

    def _today(self) -> datetime:
        return self.now().replace(hour=0, minute=0, second=0, microsecond=0)

    def _get(
        self,
        source: HttpSource,
        path: str,
        params: dict[str, str],
        key: str,
        check: Callable[[Any], None],
        since: datetime,
    ) -> Page:
        def ask() -> bytes:
            body, value = source.json_bytes(path, params)
            # Before it is kept: what cannot be read must be asked for again by the next run.
            check(value)
            return body

        return self.cache.get(key, ask, since=since)

    def _chain(
        self, path: str, params: dict[str, str], key: str, check: Callable[[Any], None], since: datetime
    ) -> Iterator[str]:
        """Go through all pages; gives the key of each in the cache."""
        token, seen = "", {""}

        def check_all(value: Any) -> None:
            check(value)
            following = value.get("next_page_token")
            if following and (not isinstance(following, str) or following in seen):
                raise ProviderError(
                    f"provider {self.name}: the pages of {path} for {params['symbols']} go in a circle; run again "
                    f"later, and tell the provider if it stays"
                )

        while True:
            page_key = f"{key}/{token}"
            more = {"page_token": token} if token else {}
            page = self._get(self.data, path, params | more, page_key, check_all, since)
            yield page_key
            token = json.loads(page.body).get("next_page_token")
            if not token:
                return
            seen.add(token)
