"""From the simulation's arrays to the five tables."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC as utc
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import polars as pl

from dnalyaw.market import conform, empty, region, session_times
from dnalyaw.market.providers._sample._bars import Bars
from dnalyaw.market.providers._sample._dynamics import Market
from dnalyaw.market.providers._sample._params import BURN_IN, SECTORS

__all__ = ["actions_frame", "bars_frame", "fundamentals_frame", "instrument_rows", "instruments_frame"]

BAR_LAG = timedelta(minutes=15)
FILING_LAG = timedelta(minutes=30)


def eve(day: date) -> datetime:
    """Return 20:00 UTC on the day before `day`: when what is effective on `day` is known at the latest."""
    return datetime.combine(day - timedelta(days=1), time(20), tzinfo=utc)


def bars_frame(market: Market, blocks: Iterable[tuple[int, int, Bars]]) -> pl.DataFrame:
    """Return bars of the given (ordinal, row, block) sessions, one row a name listed on each."""
    u, code = market.universe, region(market.region)
    parts: dict[str, list[Any]] = {k: [] for k in ("id", "open", "high", "low", "close", "volume", "count")}
    days, closes = [], []
    for t, row, bars in blocks:
        live = np.flatnonzero((t >= u.listed) & (t < u.delisted))
        parts["id"].append(u.instrument_id[live])
        for name in ("open", "high", "low", "close"):
            parts[name].append(bars.price(getattr(bars, name)[row], row)[live])
        parts["volume"].append(bars.volume[row][live])
        parts["count"].append(len(live))
        day = market.clock.days[t]
        days.append(day)
        closes.append(session_times(market.region, day).close)
    if not days:
        return empty("bars")
    repeat = pl.DataFrame({"session": days, "event_time": closes}).select(
        pl.col("session").repeat_by(pl.Series(parts["count"])).explode(),
        pl.col("event_time").repeat_by(pl.Series(parts["count"])).explode(),
    )
    frame = pl.DataFrame(
        {"instrument_id": np.concatenate(parts["id"])}
        | {k: np.concatenate(parts[k]) for k in ("open", "high", "low", "close", "volume")}
    ).with_columns(
        session=repeat["session"],
        event_time=repeat["event_time"],
        available_at=repeat["event_time"] + BAR_LAG,
        currency=pl.lit(code.currency),
    )
    return conform("bars", frame)


def actions_frame(market: Market, first: int, last: int) -> pl.DataFrame:
    """Return the actions effective on session ordinals [first, last]."""
    code, u = region(market.region), market.universe
    rows = [
        {
            "instrument_id": int(u.instrument_id[a.index]),
            "ex_date": market.clock.days[a.at],
            "kind": a.kind,
            "ratio": a.ratio,
            "amount": a.amount,
            "currency": code.currency,
            "event_time": session_times(market.region, market.clock.days[a.at]).open,
            "available_at": eve(market.clock.days[a.at]),
        }
        for a in market.actions
        if first <= a.at <= last
    ]
    if not rows:
        return empty("actions")
    return conform("actions", pl.DataFrame(rows, infer_schema_length=None)).sort(
        "ex_date", "instrument_id", "kind"
    )


def fundamentals_frame(market: Market, first: int, last: int) -> pl.DataFrame:
    """Return what was filed on session ordinals [first, last]; the origin brings all that came before it."""
    u = market.universe
    low = 0 if first <= BURN_IN else first
    classes = {i: [i, *np.flatnonzero(u.twin == i).tolist()] for i in range(u.size)}
    columns: dict[str, list[Any]] = {
        k: []
        for k in ("instrument_id", "metric", "period_end", "value", "form", "event_time", "available_at")
    }
    for f in market.filings:
        if not low <= f.at <= last:
            continue
        known = session_times(market.region, market.clock.days[f.at]).close + FILING_LAG
        end = datetime.combine(f.period_end, time(0), tzinfo=utc)
        for i in classes[f.source]:
            if f.at < u.listed[i] or f.at >= u.delisted[i]:
                continue
            for metric, value in f.values:
                columns["instrument_id"].append(int(u.instrument_id[i]))
                columns["metric"].append(metric)
                columns["value"].append(value)
            size = len(f.values)
            columns["period_end"] += [f.period_end] * size
            columns["form"] += [f.form] * size
            columns["event_time"] += [end] * size
            columns["available_at"] += [known] * size
    if not columns["metric"]:
        return empty("fundamentals")
    return conform("fundamentals", pl.DataFrame(columns)).sort(
        "available_at", "instrument_id", "period_end", "metric"
    )


def instrument_rows(market: Market) -> list[tuple[int, dict[str, Any]]]:
    """Return (delivering ordinal, row) of every change to an instrument that the plan holds."""
    u, code, days = market.universe, region(market.region), market.clock.days
    out: list[tuple[int, dict[str, Any]]] = []
    for i in range(u.size):
        listed = days[max(int(u.listed[i]), BURN_IN)]
        common = {
            "instrument_id": int(u.instrument_id[i]),
            "issuer_id": int(u.issuer_id[i]),
            "venue": u.venue[i],
            "currency": code.currency,
            "sector": SECTORS[u.sector[i]],
            "lot": int(u.lot[i]),
            "tick": 0.0 if market.region == "HK" else 0.01,
            "valid_to": None,
            "listed_on": listed,
            "asset_class": "equity",
        }
        for at, ticker in u.names[i]:
            at = max(at, BURN_IN)
            out.append((at, _row(days[at], ticker, common, None, None)))
        if u.delisted[i] < len(days):
            at = int(u.delisted[i])
            out.append((at, _row(days[at], u.names[i][-1][1], common, days[at], i)))
    # Known after the session before the one it holds from, and delivered with it; what holds from the origin
    # was known the evening before and comes with the origin.
    delivered = []
    for at, row in out:
        if at == BURN_IN:
            known = said = eve(days[at])
        else:
            said = session_times(market.region, days[at - 1]).close
            known = said + BAR_LAG
        delivered.append((max(at - 1, BURN_IN), {**row, "event_time": said, "available_at": known}))
    return delivered


def _row(
    day: date, ticker: str, common: dict[str, Any], delisted_on: date | None, index: int | None
) -> dict[str, Any]:
    return {
        **common,
        "ticker": ticker,
        "label": f"{ticker}.{common['venue']}",
        "valid_from": day,
        "delisted_on": delisted_on,
        "last_price": index,
    }


def instruments_frame(
    rows: list[tuple[int, dict[str, Any]]], paid: dict[int, float], first: int, last: int
) -> pl.DataFrame:
    """Return the rows delivered on session ordinals [first, last], with what delisted names paid."""
    chosen = [
        {**row, "last_price": None if row["last_price"] is None else paid[row["last_price"]]}
        for at, row in rows
        if first <= at <= last
    ]
    if not chosen:
        return empty("instruments")
    frame = conform("instruments", pl.DataFrame(chosen, infer_schema_length=None))
    return frame.sort("valid_from", "instrument_id")
