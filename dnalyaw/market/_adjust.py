"""Prices adjusted forward from listing, and returns that include dividends and delistings.

Every factor is a product of what happened **up to** a bar, starting from 1 at the instrument's first bar: a
later split or dividend changes no earlier value, not even in its last bit.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import polars as pl

from dnalyaw.market._schema import UTC

__all__ = ["AdjustError", "adjust_bars", "total_returns"]

_LOG = logging.getLogger(__name__)


class AdjustError(ValueError):
    """Raised when an action cannot be applied to the prices it is meant for."""


def adjust_bars(bars: pl.DataFrame, actions: pl.DataFrame, *, as_of: datetime | None = None) -> pl.DataFrame:
    """Adjust raw bars for splits and dividends, forward from each instrument's first bar.

    On a split's ex-date the factors are multiplied by its ratio (new shares per old). On a dividend's ex-date
    the total factor is multiplied by ``c / (c - d)``, with ``c`` the raw close before it and ``d`` the cash
    per share held: the dividend buys shares at the price the stock would open at if nothing else happened,
    so the factor is known before that open. When both fall on one date the dividend is per old share. An
    action before the first bar changes nothing; one between two bars takes effect on the later.

    Parameters
    ----------
    bars : polars.DataFrame
        Feed `bars`, raw prices; open, high, low and volume may be null. One row a key.
    actions : polars.DataFrame
        Feed `actions`; of delistings only the end is used: bars from its ex-date on are left out and logged.
    as_of : datetime.datetime, optional
        Aware UTC moment; rows with a later `available_at` are not seen. All rows when omitted.

    Returns
    -------
    polars.DataFrame
        The columns of `bars`, sorted by instrument and session, and `split_factor`, `total_factor` (both 1 at
        the first bar), `adj_open`, `adj_high`, `adj_low`, `adj_close` (raw times total factor), `split_close`
        (raw times split factor), `adj_volume` (raw divided by split factor). `available_at` is when the bar
        and every action in its factors were known.

    Raises
    ------
    AdjustError
        If a key repeats, a split's ratio is not positive, or a dividend is not below the price before it.
    """
    if as_of is not None:
        moment = pl.lit(as_of).cast(UTC)
        bars = bars.filter(pl.col("available_at") <= moment)
        actions = actions.filter(pl.col("available_at") <= moment)
    bars = _until_delisting(bars.sort("instrument_id", "session"), actions)
    repeated = bars.filter(pl.struct("instrument_id", "session").is_duplicated())
    if repeated.height:
        key, day = repeated.select("instrument_id", "session").row(0)
        raise AdjustError(f"instrument {key} has two bars on {day}; publish one of them")
    steps = _steps(bars, actions)
    # Sequential within an instrument: a row added at the end leaves every product before it alone.
    adjusted = bars.join(
        steps, on=["instrument_id", "session"], how="left", maintain_order="left"
    ).with_columns(
        pl.col("__split")
        .fill_null(1.0)
        .cum_prod()
        .over("instrument_id", order_by="session")
        .alias("split_factor"),
        pl.col("__total")
        .fill_null(1.0)
        .cum_prod()
        .over("instrument_id", order_by="session")
        .alias("total_factor"),
        pl.max_horizontal(
            "available_at",
            pl.col("__known").forward_fill().cum_max().over("instrument_id", order_by="session"),
        ).alias("available_at"),
    )
    return adjusted.with_columns(
        *(
            (pl.col(name) * pl.col("total_factor")).alias(f"adj_{name}")
            for name in ("open", "high", "low", "close")
        ),
        (pl.col("close") * pl.col("split_factor")).alias("split_close"),
        (pl.col("volume") / pl.col("split_factor")).alias("adj_volume"),
    ).drop("__split", "__total", "__known")


def total_returns(
    bars: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    as_of: datetime | None = None,
    max_gap: int = 5,
) -> pl.DataFrame:
    """Compute simple returns from close to close, dividends included, and the return of a delisting.

    A return never joins two instruments, and none is given across more than `max_gap` missing sessions: what
    lies between is not known.

    Parameters
    ----------
    bars, actions, as_of
        As for `adjust_bars`.
    max_gap : int, default 5
        How many sessions of the frame may be missing between two bars of an instrument.

    Returns
    -------
    polars.DataFrame
        `instrument_id`, `session`, `total_return` and `split_return` (fractions; null at the first bar and
        after a longer gap), `kind` (`bar` or `delisting`) and `available_at`. A delisting row stands on its
        ex-date; what was paid is taken against the last close, and an unknown payment (null) gives null.

    Raises
    ------
    AdjustError
        As for `adjust_bars`.
    """
    adjusted = adjust_bars(bars, actions, as_of=as_of)
    ordinals = adjusted.select(pl.col("session").unique().sort()).with_row_index("__ordinal")
    near = (pl.col("__ordinal").cast(pl.Int64).diff() <= max_gap + 1).over("instrument_id")
    returns = adjusted.join(ordinals, on="session", how="left", maintain_order="left").select(
        "instrument_id",
        "session",
        pl.when(near).then(pl.col("adj_close").pct_change().over("instrument_id")).alias("total_return"),
        pl.when(near).then(pl.col("split_close").pct_change().over("instrument_id")).alias("split_return"),
        pl.lit("bar").alias("kind"),
        "available_at",
    )
    return pl.concat([returns, _delisting_returns(adjusted, actions, as_of)]).sort("instrument_id", "session")


def _delistings(actions: pl.DataFrame) -> pl.DataFrame:
    return (
        actions.filter(pl.col("kind") == "delisting")
        .sort("ex_date", "available_at")
        .unique("instrument_id", keep="last", maintain_order=True)
    )


def _until_delisting(bars: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    ends = _delistings(actions).select("instrument_id", pl.col("ex_date").alias("__end"))
    marked = bars.join(ends, on="instrument_id", how="left", maintain_order="left")
    late = marked.filter(pl.col("session") >= pl.col("__end"))
    if late.height:
        _LOG.warning(
            "%d bars of %d instruments lie on or after their delisting and are left out, e.g. %s",
            late.height,
            late["instrument_id"].n_unique(),
            late.select("instrument_id", "session").row(0),
        )
    return marked.filter(pl.col("__end").is_null() | (pl.col("session") < pl.col("__end"))).drop("__end")


def _steps(bars: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """What each bar multiplies the factors by: `__split`, `__total`, and when that was known, `__known`."""
    schema = pl.Schema(
        {
            "instrument_id": pl.Int64(),
            "session": pl.Date(),
            "__split": pl.Float64(),
            "__total": pl.Float64(),
            "__known": UTC,
        }
    )
    closes = bars.select("instrument_id", "session", "close").sort("session")
    due = (
        actions.filter(pl.col("kind").is_in(["split", "dividend"]))
        .sort("ex_date")
        .join_asof(
            closes.select("instrument_id", pl.col("session").alias("__on")),
            left_on="ex_date",
            right_on="__on",
            by="instrument_id",
            strategy="forward",
            check_sortedness=False,
        )
        .join_asof(
            closes.select("instrument_id", pl.col("session").alias("__before"), "close"),
            left_on="ex_date",
            right_on="__before",
            by="instrument_id",
            strategy="backward",
            allow_exact_matches=False,
            check_sortedness=False,
        )
        .filter(pl.col("__on").is_not_null() & pl.col("__before").is_not_null())
        # A dividend on the date of a split is per old share, so it goes first: "dividend" < "split".
        .sort("instrument_id", "ex_date", "kind")
    )
    found: dict[tuple[int, Any], list[Any]] = {}
    for row in due.iter_rows(named=True):
        step = found.setdefault((row["instrument_id"], row["__on"]), [1.0, 1.0, row["available_at"]])
        step[2] = max(step[2], row["available_at"])
        where = f"instrument {row['instrument_id']}, {row['kind']} of {row['ex_date']}"
        if row["kind"] == "split":
            ratio = row["ratio"]
            if ratio is None or not 0 < ratio < float("inf"):
                raise AdjustError(f"{where}: ratio {ratio} is not positive; correct the feed actions")
            step[0] *= ratio
            step[1] *= ratio
            continue
        amount = row["amount"]
        # Splits since the close before, when no bar lies between, have already changed what a share is.
        close = row["close"] / step[0]
        if amount is None or not 0 <= amount < close:
            raise AdjustError(
                f"{where}: {amount} is not between 0 and the close before it, {close:g}; "
                f"correct the feed actions"
            )
        step[1] *= close / (close - amount)
    rows = [(key, session, *step) for (key, session), step in found.items()]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _delisting_returns(adjusted: pl.DataFrame, actions: pl.DataFrame, as_of: datetime | None) -> pl.DataFrame:
    if as_of is not None:
        actions = actions.filter(pl.col("available_at") <= pl.lit(as_of).cast(UTC))
    last = adjusted.group_by("instrument_id").agg(pl.col("close").last(), pl.col("session").last())
    paid = pl.col("amount") / pl.col("close") - 1.0
    return (
        _delistings(actions)
        .join(last, on="instrument_id", how="inner")
        .select(
            "instrument_id",
            pl.col("ex_date").alias("session"),
            paid.alias("total_return"),
            paid.alias("split_return"),
            pl.lit("delisting").alias("kind"),
            "available_at",
        )
    )
