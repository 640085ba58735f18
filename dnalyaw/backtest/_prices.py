"""The price frame: adjusted bars with what the backtest must know of each instrument beside them."""

from __future__ import annotations

import polars as pl

from dnalyaw.backtest._errors import BacktestError
from dnalyaw.market._actions import payments

_BARS = ("instrument_id", "session", "open", "high", "low", "close", "volume", "adj_open", "adj_close")


def price_frame(adjusted: pl.DataFrame, instruments: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Join adjusted bars, reference data and delistings into the frame that `PricePanel.from_frame` reads.

    Parameters
    ----------
    adjusted : polars.DataFrame
        Raw and forward-adjusted bars, as `dnalyaw.market.adjust_bars` gives them.
    instruments : polars.DataFrame
        Feed `instruments`; the entry that became valid last speaks for an instrument.
    actions : polars.DataFrame
        Feed `actions`; delistings and mergers give the date and what was paid, the acquirer's shares at their value
        before it (`dnalyaw.market.end_payments`; null where that is not known).

    Returns
    -------
    polars.DataFrame
        The bars' columns, their times where they have them, and ``label, sector, lot, currency, delisted_on,
        delisting_price``. `delisted_on` and `delisting_price` stand on every row of an instrument: they are
        for accounts and labels, and a decision must not look at them.

    Raises
    ------
    BacktestError
        When columns are missing or a bar's instrument is unknown.
    """
    missing = [name for name in _BARS if name not in adjusted.columns]
    if missing:
        raise BacktestError(f"adjusted bars have no column {', '.join(missing)}")
    reference = (
        instruments.sort("instrument_id", "valid_from")
        .group_by("instrument_id", maintain_order=True)
        .last()
        .select("instrument_id", "label", "sector", pl.col("lot").cast(pl.Int64), "currency")
    )
    unknown = adjusted.join(reference, on="instrument_id", how="anti")
    if unknown.height:
        ids = unknown["instrument_id"].unique().sort().to_list()
        raise BacktestError(
            f"bars of instrument {', '.join(map(str, ids[:5]))} ({len(ids)} in all) are in no instruments "
            f"row; "
            "deliver the reference data first"
        )
    ends = payments(adjusted, actions).select("instrument_id", delisted_on="ex_date", delisting_price="paid")
    times = [name for name in ("event_time", "available_at") if name in adjusted.columns]
    return (
        adjusted.select(*_BARS, *times)
        .join(reference, on="instrument_id", how="left")
        .join(ends, on="instrument_id", how="left")
        .sort("session", "instrument_id")
    )
