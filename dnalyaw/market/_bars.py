"""Minute bars from trades and session bars from minutes, by the rule of each session.

The rule, for every region and for whole days, early closes and days with a break alike:

- A minute is the interval [start, end), stamped with its **end**. A trade printed exactly when trading pauses or closes
  belongs to the minute that ends there.
- Trades before the open, in the break and after the close are left out and counted by reason.
- The session's open is the opening auction's print where there is one, else the first trade; its close is the closing
  auction's print where there is one, else the last trade. High, low and volume take both auctions in.
- An auction's print is one that says so (column `auction`), from `before` minutes before the open to `after` minutes after
  the close. In Hong Kong and mainland China nothing else trades around the session, so there any print in those
  windows is the auction's; in the United States an unmarked one is extended hours and is left out.
- A cancelled trade is left out. An odd lot counts in the volume and makes no price. A minute without volume is no bar.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import polars as pl

from dnalyaw.market._region import region as region_of
from dnalyaw.market._schema import UTC, conform
from dnalyaw.market._sessions import session_table

__all__ = ["AUCTIONS", "AuctionWindow", "Bars", "BarsError", "minute_bars", "session_bars"]

_BAR_LAG = timedelta(minutes=15)
_MINUTE = timedelta(minutes=1)
_PRICES = ("open", "high", "low", "close")


class BarsError(ValueError):
    """Raised for trades or minutes that bars cannot be made of."""


@dataclass(frozen=True, slots=True)
class AuctionWindow:
    """When a region's auctions print around its session.

    Attributes
    ----------
    before, after : int
        Minutes before the open and after the close.
    unmarked : bool
        Whether a print in the windows is an auction's though it does not say so.
    closes_from : datetime.date
        First day of the closing auction, before which an unmarked print after the close is none.
    """

    before: int
    after: int
    unmarked: bool
    closes_from: date = date.min


AUCTIONS: Mapping[str, AuctionWindow] = {
    # The closing cross prints seconds to minutes after 16:00, between trades of the extended hours.
    "US": AuctionWindow(before=1, after=10, unmarked=False),
    # The pre-opening session matches from 9:20; the closing auction ends at random between 16:08 and 16:10.
    "HK": AuctionWindow(before=30, after=10, unmarked=True, closes_from=date(2016, 7, 25)),
    # The opening call prints at 9:25 and the closing call at 15:00; STAR's fixed-price trading begins at 15:05.
    "CN": AuctionWindow(before=15, after=1, unmarked=True),
}
"""Windows of each region's auctions."""


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars, and what they were not made of.

    Attributes
    ----------
    bars : polars.DataFrame
    left_out : polars.DataFrame
        Columns `instrument_id`, `session` (local day), `why` and `rows`.
    """

    bars: pl.DataFrame
    left_out: pl.DataFrame


def minute_bars(trades: pl.DataFrame, region: str) -> Bars:
    """Make minute bars of trades.

    Parameters
    ----------
    trades : polars.DataFrame
        Columns `instrument_id`, `event_time` (UTC), `price` (currency), `size` (shares), in the order of the tape where
        times are equal; optionally `auction` (``open``, ``close`` or null), `cancelled` and `odd_lot` (booleans).
    region : str

    Returns
    -------
    Bars
        Columns `instrument_id`, `session`, `part` (``opening auction``, ``regular``, ``closing auction``), `event_time` (the
        minute's end; the open and the close for the auctions), `open`, `high`, `low`, `close`, `volume`, `trades`.
        Prices are null where only odd lots traded.

    Raises
    ------
    BarsError
        If a column is missing or of another type, a price or size is not positive, or an `auction` is unknown.
    """
    _columns(
        trades,
        "trades",
        {"instrument_id": pl.Int64, "event_time": UTC, "price": pl.Float64, "size": pl.Float64},
    )
    optional = {"auction": pl.String(), "cancelled": pl.Boolean(), "odd_lot": pl.Boolean()}
    rows = trades.with_columns(
        pl.lit(None, dtype).alias(name) for name, dtype in optional.items() if name not in trades.columns
    ).with_columns(pl.col("cancelled", "odd_lot").fill_null(False))
    _values(rows, "trades", (pl.col("price") > 0) & pl.col("price").is_finite(), "price is not positive")
    _values(rows, "trades", (pl.col("size") > 0) & pl.col("size").is_finite(), "size is not positive")
    _values(
        rows,
        "trades",
        pl.col("auction").is_in(["open", "close"]),
        "auction is not open, close or null",
        nulls=True,
    )
    placed = _placed(rows, region, pl.col("event_time"))
    placed = placed.with_columns(
        pl.when("cancelled").then(pl.lit("cancelled")).otherwise("why").alias("why"),
    )
    kept = placed.filter(pl.col("why").is_null()).with_columns(
        pl.when(pl.col("part") == "regular")
        # A print at the very end of a stretch of trading belongs to the minute that ends there.
        .then(pl.min_horizontal(pl.col("event_time").dt.truncate("1m") + _MINUTE, "__stretch_end"))
        .when(pl.col("part") == "opening auction")
        .then("__open")
        .otherwise("__close")
        .alias("minute"),
        pl.when(~pl.col("odd_lot")).then("price").alias("__price"),
    )
    price = pl.col("__price").drop_nulls()
    bars = (
        kept.sort("event_time", maintain_order=True)
        .group_by("instrument_id", "session", "part", "minute", maintain_order=True)
        .agg(
            price.first().alias("open"),
            price.max().alias("high"),
            price.min().alias("low"),
            price.last().alias("close"),
            pl.col("size").sum().alias("volume"),
            pl.len().alias("trades"),
        )
        .rename({"minute": "event_time"})
    )
    order = pl.col("part").replace_strict({"opening auction": 0, "regular": 1, "closing auction": 2})
    return Bars(bars.sort("instrument_id", "event_time", order), _counted(placed))


def session_bars(minutes: pl.DataFrame, region: str, *, stamp: Literal["start", "end"] = "end") -> Bars:
    """Make session bars, feed `bars`, of minute bars.

    Parameters
    ----------
    minutes : polars.DataFrame
        What `minute_bars` returns, or a provider's minutes: `instrument_id`, `event_time` (UTC), `open`, `high`, `low`,
        `close`, `volume`, and optionally `part`. A provider's minutes without `part` are judged by their interval alone.
    region : str
    stamp : {"end", "start"}
        What `event_time` is of a minute.

    Returns
    -------
    Bars
        Feed `bars`: stamped with the session's close, available 15 minutes later.

    Raises
    ------
    BarsError
        If a column is missing or of another type, a minute repeats, or a price of a minute with volume is impossible.
    """
    _columns(
        minutes,
        "minutes",
        {"instrument_id": pl.Int64, "event_time": UTC} | dict.fromkeys((*_PRICES, "volume"), pl.Float64),
    )
    if stamp not in ("start", "end"):
        raise BarsError(f"stamp is {stamp!r}; want start or end")
    given = "part" in minutes.columns
    repeated = minutes.filter(
        pl.struct("instrument_id", "event_time", *(["part"] if given else [])).is_duplicated()
    )
    if repeated.height:
        key, at = repeated.select("instrument_id", "event_time").row(0)
        raise BarsError(f"minutes: instrument {key} has two at {at}; keep one of them")
    _values(minutes, "minutes", (pl.col("volume") >= 0) & pl.col("volume").is_finite(), "volume is negative")
    first, last = pl.min_horizontal(*_PRICES), pl.max_horizontal(*_PRICES)
    possible = (first > 0) & (pl.col("low") == first) & (pl.col("high") == last) & last.is_finite()
    _values(minutes.filter(pl.col("volume") > 0), "minutes", possible, "prices are impossible", nulls=True)
    if given:
        local = pl.col("event_time").dt.convert_time_zone(region_of(region).timezone).dt.date()
        placed = minutes.with_columns(local.alias("session"), pl.lit(None, pl.String).alias("why"))
    else:
        start = pl.col("event_time") - (_MINUTE if stamp == "end" else timedelta(0))
        placed = _placed(
            minutes.with_columns(pl.lit(None, pl.String).alias("auction")), region, start, minutes=True
        )
    placed = placed.with_columns(
        pl.when(pl.col("why").is_null() & (pl.col("volume") == 0))
        .then(pl.lit("no volume"))
        .otherwise("why")
        .alias("why")
    )
    order = pl.col("part").replace_strict({"opening auction": 0, "regular": 1, "closing auction": 2})
    bars = (
        placed.filter(pl.col("why").is_null())
        .sort(order, "event_time", maintain_order=True)
        .group_by("instrument_id", "session")
        .agg(
            pl.col("open").drop_nulls().first(),
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("close").drop_nulls().last(),
            pl.col("volume").sum(),
        )
    )
    # A session in which only odd lots traded has no price, and a bar without one says nothing.
    priceless = bars.filter(pl.col("close").is_null()).select(
        "instrument_id", "session", pl.lit("odd lots alone").alias("why"), pl.lit(1, pl.UInt32).alias("rows")
    )
    closes = _hours(bars, region).select("session", pl.col("close").alias("event_time"))
    whole = (
        bars.filter(pl.col("close").is_not_null())
        .join(closes, on="session", how="left")
        .with_columns(
            pl.lit(region_of(region).currency).alias("currency"),
            (pl.col("event_time") + _BAR_LAG).alias("available_at"),
        )
    )
    left = pl.concat([_counted(placed), priceless]).sort("instrument_id", "session", "why")
    return Bars(conform("bars", whole).sort("session", "instrument_id"), left)


def _hours(rows: pl.DataFrame, region: str) -> pl.DataFrame:
    days = rows["session"]
    if days.is_empty():
        days = pl.Series("session", [date(2000, 1, 4)])
    return session_table(region, days.min(), days.max())  # type: ignore[arg-type]


def _placed(rows: pl.DataFrame, region: str, start: pl.Expr, *, minutes: bool = False) -> pl.DataFrame:
    """Add the local day as `session`, `part` of it, `why` it is left out (null: it is not), and the moments that decide.

    `start` is when a trade printed or a minute began; of a minute the end lies a minute later.
    """
    window = AUCTIONS[region_of(region).code]
    local = start.dt.convert_time_zone(region_of(region).timezone).dt.date()
    dated = rows.with_columns(local.alias("session"), start.alias("__at"))
    hours = _hours(dated, region).rename(
        {name: f"__{name}" for name in ("open", "close", "break_start", "break_end")}
    )
    dated = dated.join(hours, on="session", how="left", maintain_order="left")
    at = pl.col("__at")
    opened, closed = pl.col("__open"), pl.col("__close")
    paused, resumed = pl.col("__break_start"), pl.col("__break_end")
    # A trade at the end of a stretch is within it, a minute that begins there is not.
    past_close = (at >= closed) if minutes else (at > closed)
    past_pause = ((at >= paused) if minutes else (at > paused)).fill_null(False)
    in_break = past_pause & (at < resumed).fill_null(False)
    marked = pl.col("auction").fill_null("")
    near_open = (at < opened) & (at >= opened - timedelta(minutes=window.before))
    latest = closed + timedelta(minutes=window.after)
    near_close = past_close & ((at < latest) if minutes else (at <= latest))
    opening = (marked == "open") & (near_open | ((at >= opened) & ~past_close))
    closing = (marked == "close") & (
        near_close | ((at >= closed - timedelta(minutes=window.after)) & ~past_close)
    )
    if window.unmarked:
        held = pl.col("session") >= pl.lit(window.closes_from)
        opening, closing = opening | near_open, closing | (near_close & held)
    why = (
        pl.when(opened.is_null())
        .then(pl.lit("no session"))
        .when(opening | closing)
        .then(None)
        .when(at < opened)
        .then(pl.lit("before the open"))
        .when(past_close)
        .then(pl.lit("after the close"))
        .when(in_break)
        .then(pl.lit("in the break"))
    )
    part = (
        pl.when(opening)
        .then(pl.lit("opening auction"))
        .when(closing)
        .then(pl.lit("closing auction"))
        .otherwise(pl.lit("regular"))
    )
    return dated.with_columns(
        why.alias("why"),
        part.alias("part"),
        pl.when(paused.is_not_null() & (at <= paused)).then(paused).otherwise(closed).alias("__stretch_end"),
    )


def _counted(placed: pl.DataFrame) -> pl.DataFrame:
    return (
        placed.filter(pl.col("why").is_not_null())
        .group_by("instrument_id", "session", "why")
        .agg(pl.len().alias("rows"))
        .sort("instrument_id", "session", "why")
    )


def _columns(frame: pl.DataFrame, what: str, want: Mapping[str, object]) -> None:
    for name, dtype in want.items():
        if frame.schema.get(name) != dtype:
            raise BarsError(f"{what}: column {name} is {frame.schema.get(name) or 'missing'}; want {dtype}")
        if frame[name].null_count() and name not in _PRICES:
            raise BarsError(
                f"{what}: column {name} has {frame[name].null_count()} nulls; fill or remove those rows"
            )


def _values(frame: pl.DataFrame, what: str, good: pl.Expr, fault: str, *, nulls: bool = False) -> None:
    wrong = frame.filter(~good.fill_null(nulls))
    if wrong.height:
        key, at = wrong.select("instrument_id", "event_time").row(0)
        raise BarsError(
            f"{what}: {fault} in {wrong.height} rows, first instrument {key} at {at}; correct them at the source"
        )
