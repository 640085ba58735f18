"""Prices adjusted forward from listing, and back from the last price known.

Forward, every factor is a product of what happened **up to** a bar, starting from 1 at the instrument's first bar: a
later action changes no earlier value, not even in its last bit. Backward, the same products are divided by the last
one known, as a chart of that day shows them; every value then changes with the next action.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import polars as pl

from dnalyaw.market._actions._effects import effects
from dnalyaw.market._actions._ends import ends
from dnalyaw.market._actions._known import known

if TYPE_CHECKING:
    from dnalyaw.pit import AsOf

__all__ = ["adjust_bars", "adjusted", "back_adjust_bars"]

_LOG = logging.getLogger(__name__)
_PRICES = ("open", "high", "low", "close")


def adjust_bars(bars: pl.DataFrame, actions: pl.DataFrame, as_of: AsOf) -> pl.DataFrame:
    """Adjust raw bars for corporate actions, forward from each instrument's first bar.

    On an ex-date the total factor is multiplied by ``previous close / ex-price`` and the split factor by the new
    shares for one old share (`action_effects` has the formula): cash, and the value of what is spun off, buys shares
    at the price the stock would open at if nothing else happened, so the factor is known before that open. An action
    before the first bar changes nothing; one between two bars takes effect on the later. A symbol change changes
    nothing. A delisting or merger ends the bars.

    Parameters
    ----------
    bars : polars.DataFrame
        Feed `bars`, raw prices; open, high, low and volume may be null. One row a key.
    actions : polars.DataFrame
        Feed `actions`; of several rows with one key the latest known one holds. Bars from the ex-date of a delisting or
        merger on are left out and logged, and so are those from a spin-off on whose value is not known yet.
    as_of : AsOf
        Rows with a later `available_at` are not seen.

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
        If a bar's key repeats, or an action cannot be applied (see `action_effects`).
    """
    return adjusted(*known(bars, actions, as_of))


def adjusted(bars: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """As `adjust_bars`, of frames that hold what is known and nothing else, bars sorted by instrument and session."""
    bars = _until_end(bars, actions)
    # Two ex-dates may wait for one bar: their product is taken in their order, before the bars' own.
    steps = (
        effects(bars, actions)
        .filter(pl.col("session").is_not_null())
        .group_by("instrument_id", "session", maintain_order=True)
        .agg(
            pl.col("share_step").product().alias("__split"),
            pl.col("total_step").product().alias("__total"),
            pl.col("available_at").max().alias("__known"),
            pl.col("total_step").is_null().any().alias("__unknown"),
        )
    )
    marked = bars.join(steps, on=["instrument_id", "session"], how="left", maintain_order="left")
    if steps["__unknown"].any():
        marked = _until_unknown(marked)
    by = "instrument_id"
    # Sequential within an instrument: a row added at the end leaves every product before it alone.
    known_by = pl.col("__known").forward_fill().cum_max().over(by)
    out = marked.with_columns(
        pl.col("__split").fill_null(1.0).cum_prod().over(by).alias("split_factor"),
        pl.col("__total").fill_null(1.0).cum_prod().over(by).alias("total_factor"),
        pl.max_horizontal("available_at", known_by).alias("available_at"),
    )
    return out.with_columns(
        *((pl.col(name) * pl.col("total_factor")).alias(f"adj_{name}") for name in _PRICES),
        (pl.col("close") * pl.col("split_factor")).alias("split_close"),
        (pl.col("volume") / pl.col("split_factor")).alias("adj_volume"),
    ).drop("__split", "__total", "__known", "__unknown")


def back_adjust_bars(bars: pl.DataFrame, actions: pl.DataFrame, as_of: AsOf) -> pl.DataFrame:
    """Adjust raw bars back from the last price known at a moment: what a chart of that day shows.

    Every price is scaled so that each instrument's last known close is its raw close. Unlike `adjust_bars`, all values
    change with the next action: a feature that is computed of them depends on when it was computed. Only actions with a
    known bar on or after their ex-date are in it.

    Parameters
    ----------
    bars, actions, as_of
        As for `adjust_bars`.

    Returns
    -------
    polars.DataFrame
        The columns of `bars` (raw), sorted by instrument and session, and `back_open`, `back_high`, `back_low`,
        `back_close` (all actions taken out), `back_split_close` (share changes alone), `back_volume` (in the shares of
        the last bar), `total_return_index` and `price_index` (1 at the first bar; dividends and spin-offs reinvested,
        and not). `available_at` is when the row could be computed as it is: the latest of the instrument.

    Raises
    ------
    AdjustError
        As for `adjust_bars`.
    """
    forward = adjust_bars(bars, actions, as_of)
    by = "instrument_id"
    total = pl.col("total_factor") / pl.col("total_factor").last().over(by)
    split = pl.col("split_factor") / pl.col("split_factor").last().over(by)
    return forward.select(
        *(pl.col(name) for name in bars.columns if name != "available_at"),
        *((pl.col(name) * total).alias(f"back_{name}") for name in _PRICES),
        (pl.col("close") * split).alias("back_split_close"),
        (pl.col("volume") / split).alias("back_volume"),
        (pl.col("adj_close") / pl.col("adj_close").first().over(by)).alias("total_return_index"),
        (pl.col("split_close") / pl.col("split_close").first().over(by)).alias("price_index"),
        pl.col("available_at").max().over(by),
    )


def _until_end(bars: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    last = ends(actions).select("instrument_id", pl.col("ex_date").alias("__end"))
    if last.is_empty():
        return bars
    marked = bars.join(last, on="instrument_id", how="left", maintain_order="left")
    late = marked.filter(pl.col("session") >= pl.col("__end"))
    if late.height:
        _LOG.warning(
            "%d bars of %d instruments lie on or after their delisting or merger and are left out, e.g. %s",
            late.height,
            late["instrument_id"].n_unique(),
            late.select("instrument_id", "session").row(0),
        )
    return marked.filter(pl.col("__end").is_null() | (pl.col("session") < pl.col("__end"))).drop("__end")


def _until_unknown(marked: pl.DataFrame) -> pl.DataFrame:
    """Leave out what cannot be adjusted yet: it is available when the value that it needs is."""
    lost = pl.col("__unknown").fill_null(False).cum_max().over("instrument_id")
    for key, day in (
        marked.filter(lost & pl.col("__unknown").fill_null(False)).select("instrument_id", "session").rows()
    ):
        _LOG.warning(
            "instrument %d: its bars from %s on are left out: the value of what was spun off is not known; "
            "give the action a price, or bars of its other_id",
            key,
            day,
        )
    return marked.filter(~lost)
