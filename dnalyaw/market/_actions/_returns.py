"""Returns from close to close that include dividends, spin-offs and how an instrument ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from dnalyaw.market._actions._adjust import adjusted
from dnalyaw.market._actions._effects import effects
from dnalyaw.market._actions._ends import payments
from dnalyaw.market._actions._known import known

if TYPE_CHECKING:
    from dnalyaw.pit import AsOf

__all__ = ["total_return_index", "total_returns"]


def total_returns(
    bars: pl.DataFrame, actions: pl.DataFrame, as_of: AsOf, *, max_gap: int = 5
) -> pl.DataFrame:
    """Compute simple returns from close to close, dividends included, and the return of a delisting or merger.

    A return never joins two instruments, and none is given across more than `max_gap` missing sessions: what
    lies between is not known. The holder of a target of a merger is paid by the target's last row; what the acquirer's
    shares do from then on is the acquirer's return.

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
        after a longer gap), `kind` (`bar`, `delisting` or `merger`) and `available_at`. The row of an end stands on
        its ex-date; what was paid (`end_payments`) is taken against the last close, and an unknown payment (null)
        gives null.

    Raises
    ------
    AdjustError
        As for `adjust_bars`, and if what an end paid cannot be.
    """
    bars, actions = known(bars, actions, as_of)
    forward = adjusted(bars, actions)
    ordinals = forward.select(pl.col("session").unique().sort()).with_row_index("__ordinal")
    near = (pl.col("__ordinal").cast(pl.Int64).diff() <= max_gap + 1).over("instrument_id")
    returns = forward.join(ordinals, on="session", how="left", maintain_order="left").select(
        "instrument_id",
        "session",
        pl.when(near).then(pl.col("adj_close").pct_change().over("instrument_id")).alias("total_return"),
        pl.when(near).then(pl.col("split_close").pct_change().over("instrument_id")).alias("split_return"),
        pl.lit("bar").alias("kind"),
        "available_at",
    )
    return pl.concat([returns, _ended(forward, bars, actions)]).sort("instrument_id", "session")


def total_return_index(bars: pl.DataFrame, actions: pl.DataFrame, as_of: AsOf) -> pl.DataFrame:
    """Compute what one unit of currency in each instrument has become, beside the raw price.

    Parameters
    ----------
    bars, actions, as_of
        As for `adjust_bars`.

    Returns
    -------
    polars.DataFrame
        `instrument_id`, `session`, `close` (raw; in the row of an end what was paid), `total_return_index` (1 at the
        first close; dividends and spin-offs reinvested at the ex-price), `price_index` (share changes alone), `kind` and
        `available_at` as in `total_returns`. Unlike there, a gap between two bars is spanned: the holder held through
        it. An unknown payment gives null.

    Raises
    ------
    AdjustError
        As for `total_returns`.
    """
    bars, actions = known(bars, actions, as_of)
    forward = adjusted(bars, actions)
    by = "instrument_id"
    index = forward.select(
        by,
        "session",
        "close",
        (pl.col("adj_close") / pl.col("adj_close").first().over(by)).alias("total_return_index"),
        (pl.col("split_close") / pl.col("split_close").first().over(by)).alias("price_index"),
        pl.lit("bar").alias("kind"),
        "available_at",
    )
    last = index.group_by(by).agg(pl.col("close", "total_return_index", "price_index").last())
    end = (
        _ended(forward, bars, actions)
        .join(last, on=by)
        .join(payments(bars, actions).select(by, "paid"), on=by)
        .select(
            by,
            "session",
            pl.col("paid").alias("close"),
            pl.col("total_return_index") * (1.0 + pl.col("total_return")),
            pl.col("price_index") * (1.0 + pl.col("split_return")),
            "kind",
            "available_at",
        )
    )
    return pl.concat([index, end]).sort(by, "session")


def _ended(forward: pl.DataFrame, bars: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """The return of each end against the last close, with what fell due between the two.

    The acquirer's bars are taken from `bars`: where `forward` leaves some out, theirs are no less known.
    """
    by = "instrument_id"
    last = forward.group_by(by).agg(pl.col("close").last(), pl.col("available_at").last().alias("__known"))
    paid = payments(bars, actions).join(last, on=by)
    pending = (
        effects(forward, actions)
        .filter(pl.col("session").is_null())
        .join(paid.select(by, pl.col("ex_date").alias("__end")), on=by)
        .filter(pl.col("ex_date") <= pl.col("__end"))
        .group_by(by)
        .agg(
            # A product passes over nulls; a value that is not known must not count as 1.
            *(
                pl.when(pl.col(step).is_null().any()).then(None).otherwise(pl.col(step).product()).alias(step)
                for step in ("share_step", "total_step")
            ),
            pl.col("available_at").max().alias("__due"),
        )
    )
    waiting = pl.col("__due").is_not_null()

    def grown(step: str) -> pl.Expr:
        shares = pl.when(waiting).then(pl.col(step)).otherwise(1.0)
        return pl.col("paid") * shares / pl.col("close") - 1.0

    return paid.join(pending, on=by, how="left").select(
        by,
        pl.col("ex_date").alias("session"),
        grown("total_step").alias("total_return"),
        grown("share_step").alias("split_return"),
        "kind",
        pl.max_horizontal("available_at", "__known", "__due").alias("available_at"),
    )
