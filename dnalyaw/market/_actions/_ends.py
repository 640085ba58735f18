"""How an instrument ends, by delisting or merger, and what its holders get."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from dnalyaw.market._actions._effects import effects
from dnalyaw.market._actions._errors import AdjustError
from dnalyaw.market._actions._known import END_KINDS, columns_of, known, where

if TYPE_CHECKING:
    from dnalyaw.pit import AsOf

__all__ = ["STALE", "end_payments", "ends", "payments"]

STALE = "10d"
"""A close of the acquirer older than this, in calendar days before the ex-date, values nothing."""


def ends(actions: pl.DataFrame) -> pl.DataFrame:
    """Return the last end of each instrument; of a delisting and a merger on one day the merger says what was paid."""
    return (
        actions.filter(pl.col("kind").is_in(END_KINDS))
        .sort("instrument_id", "ex_date", pl.col("kind") == "merger", maintain_order=True)
        .unique("instrument_id", keep="last", maintain_order=True)
    )


def end_payments(bars: pl.DataFrame, actions: pl.DataFrame, as_of: AsOf) -> pl.DataFrame:
    """Compute what holders get for one share of each instrument that has ended, on the moment's day (UTC) or before.

    A delisting pays its `amount`. A merger pays its `amount` in cash and `ratio` shares of the acquirer, valued at the
    acquirer's last close before the ex-date, less what the acquirer's own actions take off it up to then: on the
    ex-date the holder has those shares, and their return of that day is the acquirer's.

    Parameters
    ----------
    bars, actions, as_of
        As for `action_effects`; the acquirer's bars among them.

    Returns
    -------
    polars.DataFrame
        ``instrument_id, ex_date, kind, paid`` (currency per share; null = unknown: no amount, no acquirer named, or no
        close of it within ten days), ``available_at`` (when end and valuation were known), sorted by instrument.

    Raises
    ------
    AdjustError
        If an amount or ratio is negative, or currencies differ.
    """
    return payments(*known(bars, actions, as_of))


def payments(bars: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """As `end_payments`, of frames that hold what is known and nothing else; `available_at` where both have it."""
    found = ends(columns_of(actions))
    _refuse(bars, found)
    timed = "available_at" in bars.columns and "available_at" in found.columns
    shares = (pl.col("kind") == "merger") & pl.col("ratio").is_not_null()
    valued = _acquirers(bars, actions, found.filter(shares), timed)
    found = found.join(valued, on="instrument_id", how="left", maintain_order="left")
    cash_alone = (pl.col("kind") == "delisting") | pl.col("ratio").is_null()
    paid = (
        pl.when(cash_alone)
        .then(pl.col("amount"))
        .otherwise(pl.col("amount").fill_null(0.0) + pl.col("ratio") * pl.col("__value"))
    )
    times = [pl.max_horizontal("available_at", "__seen").alias("available_at")] if timed else []
    return found.select("instrument_id", "ex_date", "kind", paid.alias("paid"), *times)


def _acquirers(bars: pl.DataFrame, actions: pl.DataFrame, mergers: pl.DataFrame, timed: bool) -> pl.DataFrame:
    """`__value`, one share of the acquirer as a holder of the target gets it, and when that was known, `__seen`."""
    seen = pl.col("available_at") if timed else pl.lit(None, pl.Datetime("us", "UTC"))
    if mergers.is_empty():
        return pl.DataFrame(
            schema={"instrument_id": pl.Int64, "__value": pl.Float64, "__seen": pl.Datetime("us", "UTC")}
        )
    acquirers = mergers["other_id"].drop_nulls().unique().implode()
    theirs = bars.filter(pl.col("instrument_id").is_in(acquirers))
    closes = theirs.select(
        pl.col("instrument_id").alias("other_id"),
        pl.col("session").alias("__on"),
        "close",
        seen.alias("__seen"),
    ).sort("__on")
    asked = (
        mergers.select("instrument_id", "ex_date", "other_id")
        .sort("ex_date")
        .join_asof(
            closes,
            left_on="ex_date",
            right_on="__on",
            by="other_id",
            strategy="backward",
            tolerance=STALE,
            allow_exact_matches=False,
            check_sortedness=False,
        )
    )
    own = actions.filter(pl.col("instrument_id").is_in(acquirers))
    if own.is_empty():
        return asked.select("instrument_id", pl.col("close").alias("__value"), "__seen")
    steps = effects(theirs, columns_of(own)).select(
        pl.col("instrument_id").alias("other_id"),
        pl.col("previous_session").alias("__on"),
        pl.col("ex_date").alias("__ex"),
        "total_step",
    )
    since = (
        asked.join(steps, on=["other_id", "__on"])
        .filter(pl.col("__ex") <= pl.col("ex_date"))
        .group_by("instrument_id")
        .agg(
            pl.when(pl.col("total_step").is_null().any())
            .then(None)
            .otherwise(pl.col("total_step").product())
            .alias("__step"),
            pl.lit(True).alias("__moved"),
        )
    )
    value = pl.when(pl.col("__moved")).then(pl.col("close") / pl.col("__step")).otherwise("close")
    return asked.join(since, on="instrument_id", how="left").select(
        "instrument_id", value.alias("__value"), "__seen"
    )


def _refuse(bars: pl.DataFrame, found: pl.DataFrame) -> None:
    wrong = found.filter(
        pl.any_horizontal(pl.col("ratio", "amount") < 0, ~pl.col("ratio", "amount").is_finite()).fill_null(
            False
        )
    )
    if wrong.height:
        row = wrong.row(0, named=True)
        raise AdjustError(
            f"{where(row)}: pays {row['amount']} and {row['ratio']} shares; neither may be below 0; "
            f"correct the feed actions"
        )
    if "currency" not in bars.columns or "currency" not in found.columns:
        return
    names = found.select("instrument_id", "other_id").unpivot()["value"].drop_nulls().unique().implode()
    traded = (
        bars.filter(pl.col("instrument_id").is_in(names))
        .group_by("instrument_id")
        .agg(pl.col("currency").last().alias("__currency"))
    )
    paid = found.filter(pl.col("amount").is_not_null()).select("instrument_id", "ex_date", "kind", "currency")
    other = found.filter(
        (pl.col("kind") == "merger") & pl.col("ratio").is_not_null() & pl.col("other_id").is_not_null()
    )
    other = other.join(
        traded.rename({"instrument_id": "other_id", "__currency": "__other"}), on="other_id"
    ).select("instrument_id", "ex_date", "kind", pl.col("__other").alias("currency"))
    mixed = (
        pl.concat([paid, other])
        .join(traded, on="instrument_id")
        .filter(pl.col("currency") != pl.col("__currency"))
    )
    if mixed.height:
        row = mixed.row(0, named=True)
        raise AdjustError(
            f"{where(row)}: pays in {row['currency']}, the bars are in {row['__currency']}; give the amount in "
            f"{row['__currency']} at the rate known then"
        )
