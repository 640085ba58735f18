"""Markets in which the two engines may be compared: whatever the OMS cannot be talked out of does not bind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
import pytest

from dnalyaw.backtest import oms_program
from tests.backtest.frames import weekdays

NEEDS_PROGRAM = pytest.mark.skipif(
    oms_program() is None, reason="oms-backtest is not built: run `make build`"
)
ACTIONS = {
    "instrument_id": pl.Int64,
    "ex_date": pl.Date,
    "kind": pl.String,
    "ratio": pl.Float64,
    "amount": pl.Float64,
}


def actions(*rows: tuple[int, date, str, float | None, float | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=ACTIONS, orient="row")


@dataclass(frozen=True)
class Market:
    """Raw prices to the cent, T sessions of N names, and their adjustment factor (shares of today for one at first)."""

    days: list[date]
    open: np.ndarray
    close: np.ndarray
    factor: np.ndarray
    actions: pl.DataFrame

    def frame(self, **extra: object) -> pl.DataFrame:
        total, width = self.close.shape
        flat = {
            "instrument_id": np.tile(np.arange(1, width + 1), total),
            "session": np.repeat(np.array(self.days, dtype="datetime64[D]"), width),
            "open": self.open.ravel(),
            "close": self.close.ravel(),
            "adj_open": (self.open * self.factor).ravel(),
            "adj_close": (self.close * self.factor).ravel(),
        }
        return pl.DataFrame(flat).with_columns(
            pl.col("session").cast(pl.Date),
            sector=(pl.col("instrument_id") % 5).cast(pl.String),
            volume=pl.lit(1e7),
            currency=pl.lit("USD"),
            **{name: pl.lit(value) for name, value in extra.items()},
        )


def calm_market(total: int, width: int, seed: int) -> Market:
    """Moves of a percent a day: no stop, no kill switch, no price that risk doubts. No corporate action."""
    rng = np.random.default_rng(seed)
    close = 60.0 * np.exp(np.cumsum(rng.normal(0.0002, 0.01, (total, width)), axis=0))
    opened = np.vstack([close[:1], close[:-1]]) * np.exp(rng.normal(0, 0.003, (total, width)))
    return Market(weekdays(total), opened.round(2), close.round(2), np.ones((total, width)), actions())


def with_split(market: Market, name: int, row: int, new: int, old: int) -> Market:
    """`new` shares for `old` on a row; prices are whole multiples afterwards, so that nothing is rounded away."""
    opened, close, factor = market.open.copy(), market.close.copy(), market.factor.copy()
    for prices in (opened, close):
        prices[row:, name - 1] = (prices[row:, name - 1] * old / new).round(2)
    factor[row:, name - 1] *= new / old
    more = actions((name, market.days[row], "split", new / old, None))
    return Market(market.days, opened, close, factor, pl.concat([market.actions, more]))


def with_dividend(market: Market, name: int, row: int, amount: float) -> Market:
    """A dividend that the adjusted prices reinvest at the ex-date's open, which is what a rebalance there does."""
    factor = market.factor.copy()
    factor[row:, name - 1] *= 1.0 + amount / market.open[row, name - 1]
    more = actions((name, market.days[row], "dividend", None, amount))
    return Market(market.days, market.open, market.close, factor, pl.concat([market.actions, more]))
