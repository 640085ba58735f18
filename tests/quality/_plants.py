"""Faults planted into good bars and actions, each with the rule that must name it.

A plant takes bars, actions and a site (a name, and one of its sessions), and returns what was delivered
instead, with what of the context changes. It knows nothing of the rules.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, NamedTuple

import polars as pl

from tests.quality._recorded import action

PRICES = ("open", "high", "low", "close")


class Site(NamedTuple):
    """Where a fault is planted: a name that trades much, its sessions, and the place of one of them."""

    key: int
    days: list[date]
    at: int

    @property
    def day(self) -> date:
        """The session."""
        return self.days[self.at]


class Planted(NamedTuple):
    """What is delivered, and how the context differs."""

    bars: pl.DataFrame
    actions: pl.DataFrame
    changes: dict[str, Any]


Plant = Callable[[pl.DataFrame, pl.DataFrame, Site], Planted]


def _rows(site: Site, count: int = 1) -> pl.Expr:
    days = site.days[site.at : site.at + count]
    return (pl.col("instrument_id") == site.key) & pl.col("session").is_in(days)


def _set(bars: pl.DataFrame, where: pl.Expr, **values: pl.Expr) -> pl.DataFrame:
    return bars.with_columns(
        pl.when(where).then(value).otherwise(name).alias(name) for name, value in values.items()
    )


def _bars(change: Callable[[pl.DataFrame, Site], pl.DataFrame]) -> Plant:
    return lambda bars, actions, site: Planted(change(bars, site), actions, {})


def _spike(bars: pl.DataFrame, site: Site) -> pl.DataFrame:
    wrong = _set(bars, _rows(site), close=pl.col("close") * 1.6)
    return wrong.with_columns(pl.max_horizontal(*PRICES).alias("high"))


def _times(count: int, factor: float, *columns: str) -> Plant:
    return _bars(
        lambda bars, site: _set(bars, _rows(site, count), **{c: pl.col(c) * factor for c in columns})
    )


def _flat(bars: pl.DataFrame, site: Site) -> pl.DataFrame:
    return _set(bars, _rows(site), **{c: pl.col("close") for c in PRICES})


def _flat_session(bars: pl.DataFrame, site: Site) -> pl.DataFrame:
    return _set(bars, pl.col("session") == site.day, **{c: pl.col("close") for c in PRICES})


def _lots_from(bars: pl.DataFrame, site: Site) -> pl.DataFrame:
    return _set(bars, pl.col("session") >= site.day, volume=(pl.col("volume") / 100).floor())


def _off_calendar(bars: pl.DataFrame, site: Site) -> pl.DataFrame:
    saturday = site.day + timedelta(days=(5 - site.day.weekday()) % 7)
    extra = bars.filter(_rows(site)).with_columns(pl.lit(saturday).alias("session"))
    return pl.concat([bars, extra])


def _frozen(bars: pl.DataFrame, site: Site) -> pl.DataFrame:
    numbers = [*PRICES, "volume"]
    before = bars.filter(session=site.days[site.at - 1]).select("instrument_id", *numbers)
    now = bars.filter(session=site.day).drop(numbers).join(before, on="instrument_id")
    return pl.concat([bars.filter(pl.col("session") != site.day), now.select(bars.columns)])


def _late(bars: pl.DataFrame, site: Site) -> pl.DataFrame:
    return _set(bars, _rows(site), available_at=pl.col("event_time") + timedelta(days=6))


def _revised(bars: pl.DataFrame, actions: pl.DataFrame, site: Site) -> Planted:
    history = bars.filter(pl.col("session").is_between(site.days[site.at - 30], site.days[site.at]))
    again = _set(bars, _rows(site), close=pl.col("close") * 1.001, high=pl.col("high") * 1.01)
    return Planted(again, actions, {"history": history})


def _rewritten(bars: pl.DataFrame, actions: pl.DataFrame, site: Site) -> Planted:
    history = bars.filter(pl.col("session").is_between(site.days[site.at - 30], site.days[site.at]))
    # Adjusted for a dividend that came later.
    again = bars.with_columns(pl.col(c) * 0.995 for c in PRICES)
    return Planted(again, actions, {"history": history})


def _no_jump(kind: str, ratio: float | None, yielded: float | None) -> Plant:
    def plant(bars: pl.DataFrame, actions: pl.DataFrame, site: Site) -> Planted:
        close = bars.filter(instrument_id=site.key, session=site.days[site.at - 1])["close"][0]
        amount = None if yielded is None else round(close * yielded, 4)
        extra = action(site.key, site.day, kind, ratio, amount)
        return Planted(bars, pl.concat([actions, extra]), {})

    return plant


def _paid(actions: pl.DataFrame, site: Site) -> pl.DataFrame:
    return actions.filter(pl.col("kind") == "dividend", pl.col("instrument_id") == site.key).sort("ex_date")


def _again(days: int) -> Plant:
    def plant(bars: pl.DataFrame, actions: pl.DataFrame, site: Site) -> Planted:
        one = _paid(actions, site).filter(pl.col("ex_date") <= site.day).tail(1)
        by = timedelta(days=days)
        second = one.with_columns(pl.col("ex_date", "event_time", "available_at") + by)
        return Planted(bars, pl.concat([actions, second]), {})

    return plant


def _one_dividend(factor: float) -> Plant:
    def plant(bars: pl.DataFrame, actions: pl.DataFrame, site: Site) -> Planted:
        day = _paid(actions, site).filter(pl.col("ex_date") <= site.day)["ex_date"][-1]
        here = (
            (pl.col("instrument_id") == site.key)
            & (pl.col("ex_date") == day)
            & (pl.col("kind") == "dividend")
        )
        return Planted(bars, _set(actions, here, amount=pl.col("amount") * factor), {})

    return plant


def _all_dividends(factor: float) -> Plant:
    def plant(bars: pl.DataFrame, actions: pl.DataFrame, site: Site) -> Planted:
        here = (pl.col("instrument_id") == site.key) & (pl.col("kind") == "dividend")
        return Planted(bars, _set(actions, here, amount=pl.col("amount") * factor), {})

    return plant


def _shifted(bars: pl.DataFrame, actions: pl.DataFrame, site: Site) -> Planted:
    other = bars.with_columns(
        pl.col(c).shift(1).over("instrument_id", order_by="session") for c in PRICES
    ).drop_nulls("close")
    return Planted(bars, actions, {"other": other})


def _other(change: Callable[[pl.DataFrame, Site], pl.DataFrame]) -> Plant:
    return lambda bars, actions, site: Planted(bars, actions, {"other": change(bars, site)})


def _adjusted(bars: pl.DataFrame, site: Site) -> pl.DataFrame:
    where = (pl.col("instrument_id") == site.key) & (pl.col("session") < site.day)
    return _set(bars, where, **{c: (pl.col(c) / 2).round(4) for c in PRICES})


BAR_FAULTS: dict[str, tuple[str, Plant]] = {
    "a close half as high again for one bar": ("spike", _bars(_spike)),
    "a high below the low": ("ohlc", _times(1, 0.5, "high")),
    "one price in all four, one name": ("flat", _bars(_flat)),
    "one price in all four, a session": ("flat_session", _bars(_flat_session)),
    "no volume for four bars": ("zero_volume", _times(4, 0.0, "volume")),
    "pence for pounds, one bar": ("price_units", _times(1, 100.0, *PRICES)),
    "dollars for cents, a run": ("price_units", _times(8, 0.01, *PRICES)),
    "pence in high and low of one bar": ("price_units", _times(1, 100.0, "high")),
    "volume in lots, one name": ("volume_units", _times(12, 0.01, "volume")),
    "volume in lots, from a session on": ("volume_units", _bars(_lots_from)),
    "a row of a Saturday": ("off_calendar", _bars(_off_calendar)),
    "a session left out": ("missing_session", _bars(lambda b, s: b.filter(pl.col("session") != s.day))),
    "the session before again": ("stale", _bars(_frozen)),
    "a row that came late": ("late", _bars(_late)),
    "a row that changes what was published": ("revised", _revised),
    "an adjusted history over a raw one": ("rewritten", _rewritten),
    "another provider's dates are shifted": ("vendor_prices", _shifted),
    "another provider adjusted for a split": ("vendor_prices", _other(_adjusted)),
    "another provider's close is far off": (
        "vendor_prices",
        _other(lambda b, s: _set(b, _rows(s), close=pl.col("close") * 1.4)),
    ),
    "another provider's close is a little off": (
        "vendor_closes",
        _other(lambda b, s: _set(b, _rows(s), close=pl.col("close") * 1.03)),
    ),
    "another provider lacks a bar": ("vendor_coverage", _other(lambda b, s: b.filter(~_rows(s)))),
    "another provider counts lots": (
        "vendor_coverage",
        _other(lambda b, s: b.with_columns(pl.col("volume") / 100)),
    ),
}
"""Faults of bars, in words, with the rule that names each."""

ACTION_FAULTS: dict[str, tuple[str, Plant]] = {
    "a split on file that never was": ("no_jump", _no_jump("split", 4.0, None)),
    "a bonus issue on file that never was": ("no_jump", _no_jump("stock_dividend", 0.5, None)),
    "a dividend of a third of the price that never was": ("no_jump", _no_jump("dividend", None, 0.33)),
    "a dividend booked twice within days": ("dividend_twice", _again(3)),
    "a dividend booked on its payment date too": ("dividend_rhythm", _again(25)),
    "one dividend in cents": ("dividend_units", _one_dividend(100.0)),
    "one dividend in hundreds": ("dividend_units", _one_dividend(0.01)),
    "one dividend seven times too small": ("dividend_change", _one_dividend(1 / 7)),
    "one dividend seven times too large": ("dividend_change", _one_dividend(7.0)),
    "every dividend of a name twenty times too large": ("dividend_drop", _all_dividends(20.0)),
}
"""Faults of actions, in words, with the rule that names each."""
