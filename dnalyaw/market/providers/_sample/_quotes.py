"""Quotes within a session, on one path from the open to the close inside the day's range."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from dnalyaw.market import SessionTimes
from dnalyaw.market.providers._sample._bars import Bars
from dnalyaw.market.providers._sample._params import PARAMS
from dnalyaw.market.providers._sample._streams import stream

__all__ = ["STEP", "SessionQuotes", "moments", "session_quotes"]

STEP = timedelta(minutes=5)
"""Time between two quotes of one name."""


@dataclass(frozen=True, slots=True)
class SessionQuotes:
    """Quotes of one session, shape (instruments, moments); prices in currency, sizes in shares."""

    bid: NDArray[np.float64]
    ask: NDArray[np.float64]
    bid_size: NDArray[np.float64]
    ask_size: NDArray[np.float64]


def moments(times: SessionTimes) -> list[datetime]:
    """Return when quotes come: every `STEP` from the open, none in a break, one a second before the close."""
    out = []
    at = times.open
    while at < times.close:
        if not any(start <= at < end for start, end in times.breaks):
            out.append(at)
        at += STEP
    out.append(times.close - timedelta(seconds=1))
    return out


def session_quotes(
    region: str, seed: int, ordinal: int, bars: Bars, row: int, lot: NDArray[np.int64], count: int
) -> SessionQuotes:
    """Draw the quotes of session `ordinal`, which is row `row` of `bars`, at `count` moments.

    Every mid lies within [low, high], the last one is the close.
    """
    rng = stream(seed, PARAMS[region].stream, "paths", ordinal)
    n = len(lot)
    # Half ticks: an even number is a price, an odd one the middle of two.
    o, h, lo, c = (2 * x[row].astype(float) for x in (bars.open, bars.high, bars.low, bars.close))
    part = np.linspace(0.0, 1.0, count)
    walk = np.cumsum(rng.normal(size=(n, count)), axis=1)
    walk -= walk[:, :1]
    bridge = walk - part * walk[:, -1:]
    width = np.maximum(np.abs(bridge).max(axis=1), 1e-9)
    path = o[:, None] + (c - o)[:, None] * part + bridge / width[:, None] * (h - lo)[:, None] * 0.5
    path = path.clip(lo[:, None], h[:, None])

    # Spreads are wide after the open and narrow into the close.
    shape = 0.85 + 0.9 * np.exp(-part * 12.0)
    wanted = (bars.spread[row] / bars.tick[row])[:, None] * shape * np.exp(0.2 * rng.normal(size=(n, count)))
    ticks = np.maximum(np.rint(wanted), 1.0)
    # A quote never reaches 3% from the day's range, so the session's tick stays valid.
    ticks = np.minimum(ticks, np.maximum(np.floor(0.04 * lo / 2)[:, None], 2.0))
    # One tick needs a mid between two prices; a day without a range, and the last mid, allow none.
    flat = (h == lo)[:, None] | (np.arange(count) == count - 1)
    ticks = np.where(flat & (ticks % 2 == 1), ticks + 1, ticks)
    odd = ticks % 2
    mid = 2 * np.rint((path - odd) / 2) + odd
    mid = np.clip(mid, lo[:, None] + odd, h[:, None] - odd)
    mid[:, -1] = c
    # A mid never sits so low that the bid would vanish.
    ticks = np.minimum(ticks, np.maximum(mid - 2, odd + 2 * (1 - odd)))
    bid = np.round((mid - ticks) / 2 * bars.tick[row][:, None], 3)
    ask = np.round((mid + ticks) / 2 * bars.tick[row][:, None], 3)

    # Volume is U-shaped over the day; shown at once are a few percent of what trades until the next quote.
    weight = 1.0 + 1.6 * (2 * part - 1) ** 2
    expected = bars.volume[row][:, None] * (weight / weight.sum())
    shown = expected[None] * rng.uniform(0.02, 0.08, (2, n, count))
    lots = np.maximum(np.rint(shown / lot[:, None]), 1.0)
    sizes = lots * lot[:, None]
    if region != "HK":
        sizes = np.maximum(np.rint(shown / 100.0), 1.0) * 100.0
    return SessionQuotes(bid, ask, sizes[0], sizes[1])
