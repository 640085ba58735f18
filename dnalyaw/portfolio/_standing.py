"""Targets between rebalances: the last decision, drifted with prices to a session."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import polars as pl

from dnalyaw.backtest import PricePanel
from dnalyaw.portfolio._errors import PortfolioError
from dnalyaw.portfolio._strategy import WEIGHT_SCHEMA, check_weights

STANDING_SCHEMA = {
    "instrument_id": pl.Int64,
    "weight": pl.Float64,
    "stop_distance": pl.Float64,
    "decided_on": pl.Date,
}


def standing_weights(weights: pl.DataFrame, prices: pl.DataFrame | PricePanel, session: date) -> pl.DataFrame:
    """Targets that stand after the close of data session `session`.

    On a rebalance session these are its weights. On another they are the last ones, drifted from the open at
    which they traded to this close: whoever holds them trades nothing, and an account that starts today buys
    the same portfolio. A name that has no close any more is dropped. Stop distances follow splits.

    Parameters
    ----------
    weights : polars.DataFrame
        From `Strategy.target_weights`.
    prices : polars.DataFrame or PricePanel
    session : date
        A session of the prices.

    Returns
    -------
    polars.DataFrame
        ``instrument_id, weight, stop_distance, decided_on``, weights above 0 only; empty before the first
        decision.
    """
    panel = prices if isinstance(prices, PricePanel) else PricePanel.from_frame(prices)
    return _standing(check_weights(weights), panel, session)


def _standing(checked: pl.DataFrame, panel: PricePanel, session: date) -> pl.DataFrame:
    now = panel.row_of(session)
    frame = checked.filter(pl.col("session") <= session)
    if frame.is_empty():
        return pl.DataFrame(schema=STANDING_SCHEMA)
    decided = frame["session"].max()
    last = frame.filter((pl.col("session") == decided) & (pl.col("weight") > 0))
    if last.is_empty():
        return pl.DataFrame(schema=STANDING_SCHEMA)
    if not isinstance(decided, date):
        raise PortfolioError(f"session of the weights is {decided!r}, not a date")
    then = panel.row_of(decided)
    cols = panel.columns_of(last["instrument_id"].to_numpy())
    weight = last["weight"].to_numpy()
    stop = last["stop_distance"].to_numpy()
    alive = np.isfinite(panel.close[now, cols])
    if now > then:
        bought = panel.adj_open[then + 1, cols]
        start = np.where(np.isfinite(bought), bought, panel.valuation[then, cols])
        grown = weight * panel.valuation[now, cols] / start
        weight = grown / (1.0 - weight.sum() + grown.sum())
        # Adjusted over raw price changes exactly where a split or dividend happened.
        before = panel.adj_close[then, cols] / panel.close[then, cols]
        stop = stop * before / (panel.adj_close[now, cols] / panel.close[now, cols])
    return pl.DataFrame(
        {
            "instrument_id": panel.ids[cols[alive]],
            "weight": weight[alive],
            "stop_distance": stop[alive],
            "decided_on": [decided] * int(alive.sum()),
        },
        schema=STANDING_SCHEMA,
    )


def combine_strategies(
    weights: Mapping[str, pl.DataFrame],
    fractions: Mapping[str, float],
    prices: pl.DataFrame | PricePanel,
) -> pl.DataFrame:
    """Weights of the region: every strategy's standing targets times its fraction of the capital.

    A session of the result is one on which any strategy rebalances; the others stand as `standing_weights`
    says. Stops of a name that several strategies hold are averaged by weight.

    Parameters
    ----------
    weights : mapping
        Strategy id to the frame of `Strategy.target_weights`.
    fractions : mapping
        Strategy id to its fraction of capital; at least 0, their sum at most 1.
    prices : polars.DataFrame or PricePanel

    Returns
    -------
    polars.DataFrame
        `WEIGHT_SCHEMA`.
    """
    if set(weights) != set(fractions):
        raise PortfolioError(
            f"strategies {sorted(set(weights) ^ set(fractions))} lack weights or a capital fraction"
        )
    bad = {name: f for name, f in fractions.items() if not (np.isfinite(f) and f >= 0)}
    if bad or sum(fractions.values()) > 1 + 1e-9:
        raise PortfolioError(
            f"capital fractions {dict(fractions)} must be at least 0 and add up to at most 1"
        )
    panel = prices if isinstance(prices, PricePanel) else PricePanel.from_frame(prices)
    checked = {name: check_weights(frame) for name, frame in weights.items()}
    sessions = sorted({day for frame in checked.values() for day in frame["session"].unique().to_list()})
    parts = []
    for day in sessions:
        standing = [
            _standing(frame, panel, day).with_columns(weight=pl.col("weight") * fractions[name])
            for name, frame in checked.items()
        ]
        held = (
            pl.concat(standing)
            .group_by("instrument_id")
            .agg(
                pl.col("weight").sum(),
                stop_distance=(pl.col("weight") * pl.col("stop_distance")).sum() / pl.col("weight").sum(),
            )
            .filter(pl.col("weight") > 0)
        )
        if held.is_empty():
            held = pl.DataFrame(
                {"instrument_id": [int(panel.ids[0])], "weight": [0.0], "stop_distance": [None]},
                schema={name: WEIGHT_SCHEMA[name] for name in ("instrument_id", "weight", "stop_distance")},
            )
        parts.append(held.with_columns(session=pl.lit(day)).select(list(WEIGHT_SCHEMA)))
    return check_weights(pl.concat(parts)) if parts else pl.DataFrame(schema=WEIGHT_SCHEMA)
