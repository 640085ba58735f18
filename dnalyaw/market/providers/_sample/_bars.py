"""Daily bars: opening gaps, ranges, volume, and prices rounded to the venue's steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnalyaw.market._ticks import REDUCED_FROM, session_ticks
from dnalyaw.market.providers._sample._dynamics import Market
from dnalyaw.market.providers._sample._params import BLOCK
from dnalyaw.market.providers._sample._streams import stream

__all__ = ["Bars", "bars_of_block"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars of one block, shape (sessions of the block, instruments); prices in whole ticks.

    Attributes
    ----------
    open, high, low, close : ndarray of int64
        Prices as numbers of ticks.
    tick : ndarray of float
        Price step of the session, in currency.
    volume : ndarray of float
        Shares, in whole lots.
    spread : ndarray of float
        Typical quoted spread of the session, in currency.
    """

    open: NDArray[np.int64]
    high: NDArray[np.int64]
    low: NDArray[np.int64]
    close: NDArray[np.int64]
    tick: Floats
    volume: Floats
    spread: Floats

    def price(self, ticks: NDArray[np.int64], row: int) -> Floats:
        """Return prices of session `row` as the nearest decimals, free of binary dust."""
        return np.round(ticks * self.tick[row], 3)


def bars_of_block(market: Market, number: int) -> Bars:
    """Draw the bars of block `number`, whose closes `market` has already simulated."""
    first = number * BLOCK
    last = min(first + BLOCK, len(market.clock.days))
    u, n = market.universe, market.universe.size
    rng = stream(market.seed, market.params.stream, "bars", number)
    draws = rng.normal(size=(4, BLOCK, n))[:, : last - first]
    sigma, close, base = market.volatility[first:last], market.close[first:last], market.base[first:last]
    move = np.log(close / base)
    # News comes overnight: most of such a move is in the opening price.
    share = np.where(market.gap[first:last], 0.85, 0.3)
    opened = base * np.exp(share * move + 0.3 * sigma * draws[0])
    high = np.maximum(opened, close) * np.exp(0.35 * sigma * np.abs(draws[1]))
    low = np.minimum(opened, close) * np.exp(-0.35 * sigma * np.abs(draws[2]))

    days = market.clock.days[first:last]
    tick = np.vstack(
        [session_ticks(market.region, d >= REDUCED_FROM, low[k], high[k]) for k, d in enumerate(days)]
    )
    c = np.maximum(np.rint(close / tick), 2).astype(np.int64)
    o = np.maximum(np.rint(opened / tick), 2).astype(np.int64)
    h = np.maximum(np.rint(high / tick).astype(np.int64), np.maximum(o, c))
    lo = np.minimum(np.maximum(np.rint(low / tick), 2).astype(np.int64), np.minimum(o, c))

    calm = np.hypot(u.volatility, u.beta * 0.0075)
    excess = np.log(sigma / calm)
    # The whole market's agitation adds to everyone's trading.
    crowd = np.zeros((last - first, 1))
    for jump in market.jumps:
        if jump.index < 0 and first <= jump.at < last:
            crowd[jump.at - first] = 0.9
    shock = market.shock[first:last]
    news = 0.6 * market.gap[first:last]
    turnover = u.turnover * np.exp(
        news + 0.5 * excess + 0.35 * np.minimum(shock - 0.8, 5.0) + crowd + 0.28 * draws[3] - 0.04
    )
    lots = np.maximum(np.rint(turnover / close / u.lot), 10.0 if market.region == "HK" else 500.0)
    spread = np.maximum(tick, close * u.spread * np.exp(0.8 * excess + 0.8 * crowd))
    return Bars(o, h, lo, c, tick, lots * u.lot, spread)
