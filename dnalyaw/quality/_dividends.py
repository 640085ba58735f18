"""Dividends against the name's own history: booked twice, out of rhythm, out of scale, deaf to a split."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from dnalyaw.quality._finding import Finding, GateContext, found

__all__ = ["dividend_change", "dividend_rhythm", "dividend_split", "dividend_twice", "dividend_units"]

TWICE = timedelta(days=12)
"""Days between two dividends of one amount: ex-date and record or announcement date lie within these."""

FREQUENT_DAYS = 20.0
"""Usual days between dividends below which a name pays weekly or twice a month, and amounts may repeat."""

RHYTHM = 0.45
"""Share of the usual gap below which a dividend of the same amount is out of rhythm (ex-date and pay date)."""

SAME_AMOUNT = 1e-3
"""Relative difference of two amounts that are one: amounts carry four digits."""

BIG_SPLIT = 1.9
"""Ratio from which a split must show in the dividends: few companies double a dividend on the day they split."""

SPLIT_SIDE = 4
"""Dividends on either side of a split whose medians are compared: a year of quarters."""

SPLIT_DAYS = timedelta(days=550)
"""How far from the split a dividend may lie and still speak for it."""

DEAF = 0.3
"""Share of a split's size (in log) by which amounts may have followed it and still count as deaf to it."""

UNITS_NEAR = 0.25
"""Distance from a factor of 100 between a dividend and the one before it: the raise that may come with it."""

STEADY = 0.30
"""Spread of the three dividends before, within which a name pays regularly enough to judge the next."""

CHANGE = 4.0
"""Factor from the median of the last dividends beyond which a change is shown: cuts and specials are true."""

_SHOWN = ["instrument_id", "ex_date", "amount"]


def _dividends(frame: pl.DataFrame, context: GateContext) -> pl.DataFrame:
    """Dividends published and delivered, in order, with `new` and `scaled` (per share of today's basis).

    `scaled` divides each amount by the splits after it, so that a history has one share basis.
    """
    return context.once("dividends", frame, lambda: _make(frame, context))


def _all(frame: pl.DataFrame, context: GateContext) -> pl.DataFrame:
    columns = ["instrument_id", "ex_date", "kind", "ratio", "amount"]
    parts = [frame.select(*columns, pl.lit(True).alias("new"))]
    if context.past_actions is not None and context.past_actions.height:
        past = context.past_actions.select(*columns, pl.lit(False).alias("new"))
        parts.insert(0, past.join(frame.select(columns[:3]), on=columns[:3], how="anti"))
    rows = pl.concat(parts, how="vertical_relaxed").drop_nulls(["instrument_id", "ex_date"])
    return rows.unique(columns[:3], keep="last", maintain_order=True).sort("instrument_id", "ex_date")


def _make(frame: pl.DataFrame, context: GateContext) -> pl.DataFrame:
    rows = _all(frame, context)
    ratio = pl.col("ratio")
    shares = (
        pl.when((pl.col("kind") == "split") & (ratio > 0) & ratio.is_finite())
        .then(ratio)
        .when((pl.col("kind") == "stock_dividend") & (ratio > 0) & ratio.is_finite())
        .then(1 + ratio)
        .otherwise(1.0)
    )
    # The dividend of a split's own ex-date is per share held before it, as the split is applied that morning.
    later = shares.log().cum_sum(reverse=True).over("instrument_id")
    rows = rows.with_columns((-later).exp().alias("basis"))
    amount = pl.col("amount")
    return rows.filter((pl.col("kind") == "dividend") & (amount > 0) & amount.is_finite()).with_columns(
        (amount * pl.col("basis")).alias("scaled")
    )


def _gaps(rows: pl.DataFrame) -> pl.DataFrame:
    key = "instrument_id"
    gap = pl.col("ex_date").diff().dt.total_days()
    return rows.with_columns(
        gap.over(key).alias("days"), pl.col("scaled").shift(1).over(key).alias("before")
    ).with_columns(
        pl.col("days").median().over(key).alias("usual_days"), pl.col("days").count().over(key).alias("gaps")
    )


def _repeats() -> pl.Expr:
    return (pl.col("scaled") / pl.col("before") - 1).abs() < SAME_AMOUNT


def dividend_twice(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find dividends of one amount within 12 days, of names that do not pay that often."""
    rows = _gaps(_dividends(frame, context))
    often = (pl.col("usual_days") < FREQUENT_DAYS) & (pl.col("gaps") >= 3)
    bad = rows.filter("new", _repeats(), pl.col("days") <= TWICE.days, ~often)
    if bad.is_empty():
        return []
    shown = bad.select(*_SHOWN, pl.col("days").alias("days_after_the_same"))
    what = "the same amount was booked within 12 days before: one dividend under two dates"
    advice = "keep the row of the ex-date"
    return [found(("actions", "dividend_twice", "error"), context, shown, what, advice)]


def dividend_rhythm(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find dividends of the same amount as the one before, much sooner than the name usually pays."""
    rows = _gaps(_dividends(frame, context))
    soon = (pl.col("days") < RHYTHM * pl.col("usual_days")) & (pl.col("gaps") >= 3)
    bad = rows.filter("new", _repeats(), soon, pl.col("days") > TWICE.days)
    if bad.is_empty():
        return []
    shown = bad.select(*_SHOWN, "days", "usual_days")
    what = "the amount of the dividend before comes again much sooner than the name pays"
    advice = "one may be booked on its payment date: compare both dates with the announcement"
    return [found(("actions", "dividend_rhythm", "warn"), context, shown, what, advice)]


def dividend_units(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find dividends 100 times, or a hundredth of, the three before, which were alike: another unit."""
    rows = _dividends(frame, context)
    before = [pl.col("scaled").shift(i).over("instrument_id") for i in (1, 2, 3)]
    rows = rows.with_columns(
        pl.min_horizontal(*before).alias("low"),
        pl.max_horizontal(*before).alias("high"),
        before[0].alias("last"),
        before[2].is_not_null().alias("known"),
    )
    times = (pl.col("scaled") / pl.col("last")).log().abs()
    bad = rows.filter(
        "new",
        "known",
        pl.col("high") / pl.col("low") - 1 < STEADY,
        (times - np.log(100.0)).abs() < np.log1p(UNITS_NEAR),
    )
    if bad.is_empty():
        return []
    shown = bad.select(*_SHOWN, pl.col("last").round(6).alias("amount_before"))
    what = "the amount is 100 times, or a hundredth of, the steady dividends before"
    advice = "the unit looks wrong (cents for dollars): deliver the amount in its currency"
    return [found(("actions", "dividend_units", "error"), context, shown, what, advice)]


def dividend_change(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Show dividends four times larger or smaller than the median of the name's last four."""
    rows = _dividends(frame, context)
    usual = pl.col("scaled").rolling_median(4, min_samples=2).shift(1).over("instrument_id")
    rows = rows.with_columns(usual.alias("usual"))
    times = (pl.col("scaled") / pl.col("usual")).log().abs()
    bad = rows.filter("new", times > np.log(CHANGE))
    if bad.is_empty():
        return []
    shown = bad.select(*_SHOWN, (pl.col("usual") / pl.col("basis")).round(6).alias("usual_amount"))
    what = (
        f"the amount is more than {CHANGE:g} times, or less than a {CHANGE:g}th of, the name's last dividends"
    )
    advice = "specials and cuts look so: compare with the announcement"
    return [found(("actions", "dividend_change", "warn"), context, shown, what, advice)]


def dividend_split(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find dividends whose amounts do not follow a split of the name: those before look divided by it already.

    After a 7:1 split a share is a seventh and so is what it pays. Amounts that stay as they were across a
    split of 2:1 or more, within 30% of its size in log, were adjusted by the vendor for the later split, while
    prices and ex-dates are raw: their returns are that many times too small.
    """
    rows = _all(frame, context)
    ratio = pl.col("ratio")
    splits = rows.filter(
        pl.col("kind") == "split",
        ratio.is_finite(),
        pl.max_horizontal(ratio, 1 / ratio) >= BIG_SPLIT,
        ratio > 0,
    )
    if splits.is_empty():
        return []
    paid = rows.filter(pl.col("kind") == "dividend", pl.col("amount") > 0, pl.col("amount").is_finite())
    by_name = {key[0]: part for key, part in paid.group_by("instrument_id")}
    bad: list[dict[str, Any]] = []
    count = 0
    for split in splits.iter_rows(named=True):
        part = by_name.get(split["instrument_id"])
        if part is None:
            continue
        day = split["ex_date"]
        # On the split's own ex-date the amount is per share before it.
        before = part.filter(pl.col("ex_date").is_between(day - SPLIT_DAYS, day)).tail(SPLIT_SIDE)
        after = part.filter(pl.col("ex_date").is_between(day, day + SPLIT_DAYS, closed="right")).head(
            SPLIT_SIDE
        )
        if (
            before.is_empty()
            or after.is_empty()
            or not (split["new"] or before["new"].any() or after["new"].any())
        ):
            continue
        old, new = float(before["amount"].median()), float(after["amount"].median())  # type: ignore[arg-type]
        # Other splits within the window would move amounts as well.
        among = splits.filter(
            pl.col("instrument_id") == split["instrument_id"],
            pl.col("ex_date").is_between(before["ex_date"][0], after["ex_date"][-1]),
        )
        size = abs(float(np.log(split["ratio"])))
        follows = float(np.log(old / new)) * (1 if split["ratio"] > 1 else -1)
        if among.height > 1 or abs(follows) > DEAF * size:
            continue
        count += part.filter(pl.col("ex_date") <= day).height
        bad.append(
            {
                "instrument_id": split["instrument_id"],
                "split_on": day,
                "split": split["ratio"],
                "median_before": old,
                "median_after": new,
                "dividends_before": part.filter(pl.col("ex_date") <= day).height,
            }
        )
    if not bad:
        return []
    what = "amounts do not follow the split: those before it look adjusted for it, so they are too small for raw prices"
    advice = "deliver amounts per share as they were declared"
    return [
        found(("actions", "dividend_split", "error"), context, pl.DataFrame(bad), what, advice, n_rows=count)
    ]
