"""The market around the simulated names: index, volatility index, short rate, FX and the lending of shares."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dnalyaw.market import conform, empty, region, session_times
from dnalyaw.market.providers._sample._dynamics import Market
from dnalyaw.market.providers._sample._frames import BAR_LAG
from dnalyaw.market.providers._sample._params import BLOCK
from dnalyaw.market.providers._sample._streams import stream

__all__ = ["Around"]

Floats = NDArray[np.float64]

_INDEX_LEVEL = {"US": 4000.0, "HK": 20000.0}
_RATE_CENTRE = {"US": 0.042, "HK": 0.036}
_PEG = (7.75, 7.85)
"""The band that Hong Kong's monetary authority keeps HKD per USD in."""

_MONTH = 21
_LENDABLE = {"US": 1.0, "HK": 0.55}
"""Share of names that anybody lends; in Hong Kong only designated ones may be sold short."""

_HARD_TO_BORROW = 0.08


class Around:
    """Series and borrow of one simulated region; every random number comes from streams of its own.

    Parameters
    ----------
    market : Market
        The region's market, whose common factor the index sums and whose volatility the volatility index expects.
    """

    def __init__(self, market: Market) -> None:
        self.market = market
        self._sessions = len(market.clock.days)

    def series(self, first: int, last: int) -> pl.DataFrame:
        """Return feed `series` for session ordinals [first, last], which the market has simulated.

        ``INDEX.<region>`` is the level of the common factor before its sectors and names, ``VOL.<region>`` the annualised
        volatility in points that the state of the close implies for the next 21 sessions, ``RATE.<currency>.3M`` a
        fraction a year; Hong Kong adds ``FX.USDHKD`` inside its band. All are known 15 minutes after the close.
        """
        code = region(self.market.region)
        named: list[tuple[str, str, Floats]] = [
            (f"INDEX.{code.code}", "points", self._index(last)),
            (f"VOL.{code.code}", "points", self._expected_volatility(last)),
            (f"RATE.{code.currency}.3M", "fraction a year", self._rate),
        ]
        if code.code == "HK":
            named.append(("FX.USDHKD", "HKD per USD", self._peg))
        rows = [
            {"series": name, "session": day, "value": float(path[t]), "unit": unit, **self._times(t)}
            for t, day in self._days(first, last)
            for name, unit, path in named
        ]
        if not rows:
            return empty("series")
        return conform("series", pl.DataFrame(rows, infer_schema_length=None)).sort("session", "series")

    def borrow(self, first: int, last: int) -> pl.DataFrame:
        """Return feed `borrow` for session ordinals [first, last]: the fee and the shares offered after each close.

        A name that nobody is known to lend has null in both.
        """
        u, code = self.market.universe, self.market.region
        static = stream(self.market.seed, self.market.params.stream, "borrow").random((3, u.size))
        lent = static[0] < _LENDABLE[code]
        hard = static[1] < _HARD_TO_BORROW
        base = np.where(hard, 0.04 + 0.3 * static[2], 0.0025 + 0.004 * static[2])
        depth = np.where(hard, 0.02, 4.0)
        waves = self._waves
        parts: list[pl.DataFrame] = []
        for t, day in self._days(first, last):
            live = np.flatnonzero((t >= u.listed) & (t < u.delisted))
            fee = np.round(base * np.exp(waves[t]), 4)[live]
            # Dear names are those that few are left to lend; on the worst days nobody has any.
            value = depth * u.turnover * np.exp(-1.5 * waves[t])
            shares = np.floor(value[live] / self.market.close[t, live] / u.lot[live]) * u.lot[live]
            known = pl.Series(lent[live])
            parts.append(
                pl.DataFrame(
                    {
                        "instrument_id": u.instrument_id[live],
                        "session": [day] * len(live),
                        "fee": fee,
                        "available": shares,
                        **{name: [moment] * len(live) for name, moment in self._times(t).items()},
                    }
                ).with_columns(pl.when(known).then(pl.col("fee", "available")))
            )
        return conform("borrow", pl.concat(parts)) if parts else empty("borrow")

    def _days(self, first: int, last: int) -> list[tuple[int, Any]]:
        return [(t, self.market.clock.days[t]) for t in range(first, last + 1)]

    def _times(self, t: int) -> dict[str, Any]:
        close = session_times(self.market.region, self.market.clock.days[t]).close
        return {"event_time": close, "available_at": close + BAR_LAG}

    def _index(self, last: int) -> Floats:
        moves = np.log1p(self.market.factor[: last + 1])
        return np.round(_INDEX_LEVEL[self.market.region] * np.exp(np.cumsum(moves)), 2)

    def _expected_volatility(self, last: int) -> Floats:
        expected = self.market.expected_volatility(_MONTH)[: last + 1]
        noise = self._noise("volatility index", 1)[: last + 1, 0]
        return np.round(100.0 * np.sqrt(252.0) * expected * np.exp(0.03 * noise), 2)

    def _noise(self, what: str, width: int) -> Floats:
        """Return standard normals of shape (sessions, width), drawn block by block."""
        place = ("volatility index", "rate", "peg", "borrow").index(what)
        blocks = -(-self._sessions // BLOCK)
        draws = [
            stream(self.market.seed, self.market.params.stream, "around", 4 * b + place).normal(
                size=(BLOCK, width)
            )
            for b in range(blocks)
        ]
        return np.concatenate(draws)[: self._sessions]

    @staticmethod
    def _autoregression(noise: Floats, persistence: float, scale: float) -> Floats:
        """Return x[t] = persistence * x[t-1] + scale * noise[t], from 0, along the first axis."""
        out = np.empty_like(noise)
        state = np.zeros(noise.shape[1])
        for t, row in enumerate(noise):
            state = persistence * state + scale * row
            out[t] = state
        return out

    @cached_property
    def _rate(self) -> Floats:
        wave = self._autoregression(self._noise("rate", 1), 0.998, 0.008)[:, 0]
        return np.round(_RATE_CENTRE[self.market.region] * np.exp(wave), 5)

    @cached_property
    def _peg(self) -> Floats:
        wave = self._autoregression(self._noise("peg", 1), 0.985, 0.15)[:, 0]
        low, high = _PEG
        return np.round(low + (high - low) / (1.0 + np.exp(-wave)), 4)

    @cached_property
    def _waves(self) -> Floats:
        return self._autoregression(self._noise("borrow", self.market.universe.size), 0.98, 0.06)
