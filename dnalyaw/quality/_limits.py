"""Mainland China's daily price limits: closes that the exchange would not have allowed."""

from __future__ import annotations

import math
from datetime import date

import polars as pl

from dnalyaw.quality._finding import Finding, GateContext, found
from dnalyaw.quality._panel import panel

__all__ = ["price_limit"]

MAIN_BOARD = 0.10
"""Shanghai and Shenzhen main boards; ST shares (5%) carry no mark in the tables and are held to this."""

GROWTH_BOARDS = 0.20
"""STAR (688, 689), and ChiNext (300, 301) from its reform on."""

CHINEXT_REFORM = date(2020, 8, 24)

FREE_SESSIONS = 5
"""First sessions of a listing, in which registered shares have no limit."""

TOLERANCE = 0.006
"""Limits are rounded to a fen: half a fen of a price of one yuan is 0.5%."""


def price_limit(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find mainland closes beyond the board's daily limit from the reference price (actions undone).

    Names without a ticker on file are held to the widest limit. Listings' first five sessions and bars after
    a missing session (a suspension may end without a limit) are free.
    """
    if context.region != "CN" or frame.is_empty():
        return []
    board = panel(frame, context)
    rows = board.rows.filter(
        "new",
        (pl.col("ordinal").diff() == 1).fill_null(False),
        pl.col("ret").exp() - 1 > MAIN_BOARD + TOLERANCE,
    )
    down = board.rows.filter(
        "new",
        (pl.col("ordinal").diff() == 1).fill_null(False),
        pl.col("ret").exp() - 1 < -MAIN_BOARD - TOLERANCE,
    )
    rows = pl.concat([rows, down])
    if rows.is_empty():
        return []
    schema = {"instrument_id": pl.Int64(), "ticker": pl.String(), "listed_on": pl.Date()}
    names = pl.DataFrame(schema=schema)
    if context.instruments is not None:
        names = context.instruments.select(*schema).unique("instrument_id", keep="last")
    growth = pl.col("ticker").str.contains(r"^68[89]") | (
        pl.col("ticker").str.contains(r"^30[01]") & (pl.col("session") >= CHINEXT_REFORM)
    )
    limit = pl.when(growth.fill_null(True)).then(GROWTH_BOARDS).otherwise(MAIN_BOARD)
    # A listing's first sessions take about a week of days.
    young = (pl.col("session") - pl.col("listed_on")).dt.total_days() < math.ceil(FREE_SESSIONS * 7 / 5) + 3
    bad = (
        rows.join(names, on="instrument_id", how="left")
        .with_columns((pl.col("ret").exp() - 1).alias("return"), limit.alias("limit"))
        .filter(pl.col("return").abs() > pl.col("limit") + TOLERANCE, ~young.fill_null(False))
        .sort("session", "instrument_id")
        .select("instrument_id", "session", "close", pl.col("return").round(4), "limit")
    )
    if bad.is_empty():
        return []
    what = "the close is beyond the exchange's daily limit from the reference price"
    advice = "look for an action missing in the feed actions, or another source of the close"
    return [found(("bars", "price_limit", "warn"), context, bad, what, advice)]
