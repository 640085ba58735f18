"""Structure of a delivery: rows that are absent, repeated, or of another time than they say."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from dnalyaw.market import KEYS, session_table
from dnalyaw.market._sessions import FIRST_DAY, LAST_DAY
from dnalyaw.quality._finding import Check, Finding, GateContext, RuleKey, found
from dnalyaw.quality._panel import day_numbers, grid

__all__ = [
    "duplicate_check",
    "empty_check",
    "missing_session",
    "off_calendar_check",
    "stale_bars",
    "stale_quotes",
]

BREADTH = 0.6
"""Share of the names of the session before that must be present."""

FROZEN = 0.5
"""Share of names whose bar may repeat the session before in every number."""

_MIN_NAMES = 4
_AFTER_CLOSE = timedelta(hours=1)
_EXTENDED = timedelta(hours=6)
_RECEIPT = timedelta(days=1)


def empty_check(feed: str) -> Check:
    """Return the check that a feed has rows where it should have some."""

    def check(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
        if frame.height or not context.carried:
            return []
        # Days without an action or a filing are usual; a quote feed that had rows does not fall silent.
        fell_silent = feed == "quotes" and context.previous is not None and context.previous.height > 0
        if feed == "bars" or fell_silent or (feed == "instruments" and context.genesis):
            return [
                found(
                    (feed, "empty", "error"),
                    context,
                    frame,
                    "the delivery is empty",
                    "fetch it again; if the source truly has nothing, an operator accepts it with a reason",
                )
            ]
        return []

    return check


def duplicate_check(feed: str) -> Check:
    """Return the check that no key repeats; a later version (another `available_at`) is no repeat."""
    key = list(dict.fromkeys([*KEYS[feed], *(["available_at"] if feed in _VERSIONED else [])]))

    def check(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
        extra = frame.filter(~pl.struct(key).is_first_distinct())
        if extra.is_empty():
            return []
        what = f"they repeat a row with the same {', '.join(key)}"
        return [
            found((feed, "duplicate", "error"), context, extra.select(key), what, "deliver every row once")
        ]

    return check


_VERSIONED = frozenset({"instruments", "fundamentals"})


def missing_session(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find expected sessions without a bar, and sessions that lack too many names of the one before."""
    rule: RuleKey = ("bars", "missing_session", "error")
    if not context.carried:
        return []
    out: list[Finding] = []
    held = set(frame["session"].unique())
    absent = [day for day in context.expected_sessions if day not in held]
    if absent:
        advice = "deliver them; if the market was shut, an operator accepts it with a reason"
        rows = pl.DataFrame({"session": absent})
        out.append(found(rule, context, rows, "expected sessions have no bar", advice))
    if frame.is_empty():
        return out
    # Days that are no session are the business of off_calendar: they must not stand between two sessions.
    strange = held - set(context.expected_sessions)
    if strange and context.expected_sessions:
        frame = frame.filter(~pl.col("session").is_in(list(strange)))
        if frame.is_empty():
            return out
    rows = grid(frame, context)
    # Rows of an instrument stand together in order: the next row tells whether the next session has a bar.
    ordinal, first = rows["ordinal"].to_numpy(), rows["first"].to_numpy()
    there = np.append(~first[1:] & (ordinal[1:] == ordinal[:-1] + 1), False)
    names = np.bincount(ordinal)
    days = day_numbers(rows["session"])[1]
    present = np.bincount(ordinal, weights=there) / np.maximum(names, 1)
    begin = frame["session"].min()
    breadth = (
        pl.DataFrame({"session": days[1:], "names_before": names[:-1], "present": present[:-1]})
        .filter(pl.col("session") >= pl.lit(begin, pl.Date))
        .filter(pl.col("present") < BREADTH, pl.col("names_before") >= _MIN_NAMES)
    )
    if breadth.height:
        lost = (breadth["names_before"] * (1 - breadth["present"])).sum()
        what = f"fewer than {BREADTH:.0%} of the names of the session before have a bar"
        advice = "deliver the absent names, or accept with a reason if they stopped trading"
        out.append(found(rule, context, breadth, what, advice, n_rows=round(lost)))
    return out


def off_calendar_check(feed: str) -> Check:
    """Return the check that every row belongs to a session of the exchange inside the delivery's window."""

    def check(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
        if frame.is_empty():
            return []
        days = frame["session"].unique().sort()
        sessions = _table(context, days)["session"]
        rule: RuleKey = (feed, "off_calendar", "error")
        out = []
        # A few thousand days stand for millions of rows: rows are looked at only where a day is odd.
        strange = days.filter(~days.is_in(sessions.implode()))
        odd = frame.filter(pl.col("session").is_in(strange.implode())) if strange.len() else frame.head(0)
        shown = [name for name in KEYS[feed] if name in ("instrument_id", "series")] + ["session"]
        if odd.height:
            advice = "check the dates of the feed (time zone, holiday), and remove rows of days without trade"
            out.append(found(rule, context, odd.select(shown), "the exchange did not trade that day", advice))
        if context.expected_sessions:
            low, high = context.expected_sessions[0], context.expected_sessions[-1]
            first, last = days.min(), days.max()
            inside = first is None or (first >= low and last <= high)  # type: ignore[operator]
            outside = frame.head(0) if inside else frame.filter(~pl.col("session").is_between(low, high))
            if outside.height:
                what = f"they lie outside the window {low} to {high} of this delivery"
                advice = "deliver each session with its own partition"
                out.append(found(rule, context, outside.select(shown), what, advice))
        return out

    return check


def _table(context: GateContext, days: pl.Series) -> pl.DataFrame:
    first, last = days.min(), days.max()
    if not isinstance(first, date) or not isinstance(last, date):
        raise TypeError(f"column session holds {days.dtype}, want dates")
    # Days beyond the calendar are of no session; a calendar that is asked for them refuses.
    first, last = max(first, FIRST_DAY), min(last, LAST_DAY)
    return (
        session_table(context.region, first, last)
        if first <= last
        else session_table(context.region, FIRST_DAY, FIRST_DAY)
    )


def _session_hours(frame: pl.DataFrame, context: GateContext) -> list[pl.Series]:
    """Each row's `__open` and `__close`, null on days without trade, which are the business of off_calendar."""
    known = frame["session"].drop_nulls()
    table = _table(context, known).select("session", "open", "close")
    if known.len() != frame.height:
        hours = frame.select("session").join(table, on="session", how="left", maintain_order="left")
        return [hours["open"].alias("__open"), hours["close"].alias("__close")]
    number, days = day_numbers(known)
    hours = days.alias("session").to_frame().join(table, on="session", how="left", maintain_order="left")
    return [hours[name].gather(number).alias(f"__{name}") for name in ("open", "close")]


def stale_bars(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find bars stamped with another session's time, and sessions that repeat the one before."""
    if frame.is_empty():
        return []
    rule: RuleKey = ("bars", "stale", "error")
    wrong = frame.with_columns(_session_hours(frame, context)).filter(
        ~pl.col("event_time").is_between(pl.col("__open"), pl.col("__close") + _AFTER_CLOSE)
        | (pl.col("available_at") < pl.col("event_time"))
    )
    out = []
    shown = ["instrument_id", "session", "event_time", "available_at"]
    if wrong.height:
        what = "event_time is not of the session, or available_at is before event_time"
        out.append(
            found(rule, context, wrong.select(shown), what, "fetch the session again; its feed may be behind")
        )
    out.extend(_frozen(frame, context))
    return out


def _frozen(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    numbers = ["open", "high", "low", "close", "volume"]
    rows = grid(frame, context)
    # Few closes repeat: the other numbers are compared on those rows alone.
    close = rows["close"]
    again = (close.eq_missing(close.shift(1)) & ~rows["first"] & rows["new"]).arg_true()
    now, before = rows[again], rows[again - 1] if again.len() else rows.head(0)
    same = pl.Series([True]).new_from_index(0, now.height) & (now["ordinal"] - before["ordinal"] == 1)
    for name in numbers:
        same &= now[name].eq_missing(before[name])
    # A halted or illiquid name repeats its price at no volume: that is no sign of a frozen feed.
    active = pl.col("volume").is_null() | (pl.col("volume") > 0)
    hits = now.filter(same).filter(active).group_by("session").agg(pl.len().alias("same"))
    repeated = (
        rows.lazy()
        .filter(pl.col("session").is_in(hits.filter(pl.col("same") >= _MIN_NAMES / 2)["session"].implode()))
        .filter("new", active)
        .group_by("session")
        .agg(pl.len().alias("names"))
        .join(hits.lazy(), on="session")
        .select("session", (pl.col("same") / pl.col("names")).alias("repeated"), "names")
        .filter((pl.col("repeated") > FROZEN) & (pl.col("names") >= _MIN_NAMES))
        .sort("session")
        .collect()
    )
    if repeated.is_empty():
        return []
    count = round((repeated["repeated"] * repeated["names"]).sum())
    what = "most bars repeat the session before in every number"
    advice = "the feed is frozen: fetch the session again"
    return [found(("bars", "stale", "error"), context, repeated, what, advice, n_rows=count)]


def stale_quotes(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find quotes stamped with another session's time, or received before they were made."""
    if frame.is_empty():
        return []
    wrong = frame.with_columns(_session_hours(frame, context)).filter(
        ~pl.col("event_time").is_between(pl.col("__open") - _EXTENDED, pl.col("__close") + _EXTENDED)
        | (pl.col("available_at") < pl.col("event_time"))
        | (pl.col("available_at") > pl.col("event_time") + _RECEIPT)
    )
    if wrong.is_empty():
        return []
    what = "event_time is not of the session, or available_at does not follow it within a day"
    rows = wrong.select("instrument_id", "session", "event_time", "available_at")
    advice = "fetch the session again; its feed may be behind"
    return [found(("quotes", "stale", "error"), context, rows, what, advice)]
