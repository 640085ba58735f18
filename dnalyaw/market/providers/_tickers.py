"""What providers share that are given a list of tickers and ask a vendor for their history."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from dnalyaw.market._sessions import previous_session, session_close, session_on_or_before, sessions_between
from dnalyaw.market.providers._base import ProviderError

__all__ = ["GAP", "SETTLED", "gap_of", "last_settled", "listing", "tickers_of"]

SETTLED = timedelta(minutes=30)
"""How long after the close a day's bar is final enough to be asked for."""

GAP = 30
"""Sessions without a bar past which nothing says that it is still the same company."""


def tickers_of(text: str, form: re.Pattern[str], name: str, example: str) -> list[str]:
    """Return the tickers of a list with commas.

    Raises
    ------
    ProviderError
        If one is malformed or named twice.
    """
    symbols = [word.strip() for word in text.split(",")]
    for symbol in symbols:
        if not form.fullmatch(symbol):
            raise ProviderError(
                f"provider {name}: {symbol!r} is no ticker of a US name; write capitals, as {example}"
            )
        if symbols.count(symbol) > 1:
            raise ProviderError(f"provider {name}: names {symbol} twice; keep one")
    return symbols


def last_settled(now: datetime) -> date:
    """Return the last US session that was over for `SETTLED` at `now` (UTC)."""
    day = session_on_or_before("US", now.date())
    while session_close("US", day) + SETTLED > now:
        day = previous_session("US", day)
    return day


def gap_of(days: Iterable[date]) -> tuple[date, date, int] | None:
    """Return the last gap of more than `GAP` sessions: the bars around it and its length; None where there is none."""
    ordered = sorted(days)
    for before, after in zip(ordered[-2::-1], ordered[:0:-1], strict=True):
        # The calendar is looked at only where the days alone could make a gap.
        if (after - before).days > GAP:
            gap = len(sessions_between("US", before, after)) - 2
            if gap > GAP:
                return before, after, gap
    return None


def listing(instrument_id: int, ticker: str, venue: str, start: date, listed_on: date) -> dict[str, Any]:
    """Return an open row of `instruments` for a US name of which nothing but this is known."""
    return {
        "instrument_id": instrument_id,
        "issuer_id": instrument_id,
        "label": f"{ticker}.{venue}",
        "ticker": ticker,
        "venue": venue,
        "currency": "USD",
        "sector": None,
        "lot": 1,
        "tick": 0.01,
        "valid_from": start,
        "valid_to": None,
        "listed_on": listed_on,
        "delisted_on": None,
        "last_price": None,
    }
