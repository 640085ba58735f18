"""Bars and actions by day number, for tests of corporate actions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from dnalyaw.market import SCHEMAS, conform, total_returns
from dnalyaw.pit import AsOf

START = date(2020, 1, 6)
EVER = AsOf(datetime(2100, 1, 1, tzinfo=UTC))


def day(i: int) -> date:
    return START + timedelta(days=i)


def close_of(i: int) -> datetime:
    """21:00 UTC; a bar is known a quarter of an hour later, an action the evening before."""
    return datetime(day(i).year, day(i).month, day(i).day, 21, tzinfo=UTC)


def bars(
    closes: Mapping[int, float],
    *,
    key: int = 1,
    opens: Mapping[int, float] | None = None,
    currency: str = "CNY",
) -> pl.DataFrame:
    """Open 1 below the close unless given, high 2 above, low 2 below, 1,200 shares."""
    rows = [
        {
            "instrument_id": key,
            "session": day(i),
            "open": (opens or {}).get(i, close - 1.0),
            "high": close + 2.0,
            "low": close - 2.0,
            "close": float(close),
            "volume": 1200.0,
            "currency": currency,
            "event_time": close_of(i),
            "available_at": close_of(i) + timedelta(minutes=15),
        }
        for i, close in closes.items()
    ]
    return conform("bars", pl.DataFrame(rows, schema_overrides=SCHEMAS["bars"]))


def action(
    i: int, kind: str, *, key: int = 1, known: datetime | None = None, **values: Any
) -> dict[str, Any]:
    return {
        "instrument_id": key,
        "ex_date": day(i),
        "kind": kind,
        "ratio": None,
        "amount": None,
        "currency": "CNY",
        "price": None,
        "other_id": None,
        "event_time": close_of(i),
        "available_at": known or close_of(i) - timedelta(days=1),
        **values,
    }


def actions(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SCHEMAS["actions"])


def ends_at(
    table: pl.DataFrame, *rows: dict[str, Any], as_of: AsOf = EVER
) -> tuple[str, float | None, datetime]:
    """Kind, return and knowledge of the one end among the returns."""
    out = total_returns(table, actions(*rows), as_of).filter(pl.col("kind") != "bar")
    assert out.height == 1
    return out.select("kind", "total_return", "available_at").row(0)
