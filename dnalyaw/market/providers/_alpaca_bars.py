"""Alpaca's daily bars: read with every field checked, and the last word on each day."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from dnalyaw.market._sessions import session_close, session_on_or_before
from dnalyaw.market.providers._base import ProviderError
from dnalyaw.market.providers._tickers import SETTLED

__all__ = ["Answer", "DayBar", "Days", "bars_in", "day_of", "in_force", "number"]

_NEW_YORK = ZoneInfo("America/New_York")


@dataclass(frozen=True, slots=True)
class DayBar:
    """One raw daily bar: prices in dollars, volume in shares."""

    session: date
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What one answer said of the days [`first`, `last`], received at `at` (UTC)."""

    at: datetime
    first: date
    last: date
    bars: list[DayBar]


Days = dict[date, "tuple[DayBar, datetime | None]"]
"""The bar of each day, and when it was received where an answer before had said otherwise."""


def bars_in(value: Any, symbol: str, where: str) -> list[DayBar]:
    """Return the bars of `symbol` in a page of ``/v2/stocks/bars``.

    Raises
    ------
    ProviderError
        If the page or a field of a bar is malformed, or holds another symbol.
    """
    held = value.get("bars") if isinstance(value, dict) else None
    if not isinstance(value, dict) or "bars" not in value or not isinstance(held, dict | None):
        raise ProviderError(f"{where} holds no bars by symbol; run again, and tell the provider if it stays")
    strange = sorted(set(held or ()) - {symbol})
    if strange:
        raise ProviderError(f"{where} holds bars of {', '.join(strange)}, who were not asked for")
    bars = []
    for row in (held or {}).get(symbol) or []:
        if not isinstance(row, dict):
            raise ProviderError(f"{where} holds {str(row)[:40]!r} for a bar; tell the provider")
        moment = row.get("t")
        try:
            at = datetime.fromisoformat(moment) if isinstance(moment, str) else None
        except ValueError:
            at = None
        if at is None or at.tzinfo is None:
            raise ProviderError(
                f"{where} holds a bar dated {moment!r}; want a moment as 2024-01-02T05:00:00Z"
            )
        local = at.astimezone(_NEW_YORK)
        if (local.hour, local.minute, local.second) != (0, 0, 0):
            raise ProviderError(
                f"{where} holds a daily bar at {moment}, which is no midnight in New York; tell the provider"
            )
        prices = [number(row, key, f"{where} bar of {local.date()}") for key in "ohlcv"]
        bars.append(DayBar(local.date(), *prices))
    return bars


def number(row: Mapping[str, Any], key: str, where: str) -> float:
    """Return a field as a finite number; Alpaca writes some as text."""
    value = row.get(key)
    result = math.nan
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            result = float(value)
        except ValueError:
            result = math.nan
    if not math.isfinite(result):
        raise ProviderError(f"{where}: field {key} holds {str(value)[:40]!r}; want a finite number")
    return result


def day_of(row: Mapping[str, Any], key: str, where: str) -> date:
    """Return a field as a day."""
    value = row.get(key)
    try:
        return date.fromisoformat(value)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        raise ProviderError(f"{where}: field {key} holds {str(value)[:40]!r}; want YYYY-MM-DD") from None


def in_force(answers: list[Answer]) -> Days:
    """Return the last word on each day, and when it came where an answer before had said otherwise, or nothing.

    A bar of a session that was not over when the answer came is no bar yet.
    """
    days: Days = {}
    for place, answer in enumerate(answers):
        for bar in answer.bars:
            over = session_close("US", session_on_or_before("US", bar.session)) + SETTLED
            if over > answer.at:
                continue
            held = days.get(bar.session)
            if held is not None and held[0] == bar:
                continue
            missed = any(
                before.first <= bar.session <= before.last and over <= before.at for before in answers[:place]
            )
            days[bar.session] = (bar, answer.at if missed else None)
    return days
