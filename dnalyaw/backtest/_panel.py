"""Long price frames as wide arrays: the shape in which backtests, labels and strategies compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dnalyaw.backtest._errors import BacktestError

Floats = NDArray[np.float64]

_REQUIRED = ("instrument_id", "session", "open", "close", "adj_open", "adj_close")
_OPTIONAL_PRICES = ("high", "low")
_WINDOW = 21


@dataclass(frozen=True, eq=False)
class PricePanel:
    """Prices of one region as ``[session x instrument]`` arrays.

    Sessions and instrument ids ascend. A cell is NaN where the instrument had no bar. ``adj_*`` are
    forward-adjusted total-return prices: the value of what one share bought at listing has grown to.

    Attributes
    ----------
    sessions : ndarray of datetime64[D], shape (T,)
    ids : ndarray of int64, shape (N,)
    open, high, low, close : ndarray of float64, shape (T, N)
        Raw prices in ``currency``.
    volume : ndarray of float64, shape (T, N)
        Shares; NaN where unknown.
    adj_open, adj_close : ndarray of float64, shape (T, N)
    sector : tuple of (str or None), length N
        Last known sector; None is unknown.
    lot : ndarray of int64, shape (N,)
    delisted_on : ndarray of datetime64[D], shape (N,)
        NaT for what is still listed.
    delisting_price : ndarray of float64, shape (N,)
        Raw cash per share paid at the delisting; NaN where unknown.
    currency : str
        Empty where the frame does not say.
    """

    sessions: NDArray[np.datetime64]
    ids: NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    adj_open: Floats
    adj_close: Floats
    sector: tuple[str | None, ...]
    lot: NDArray[np.int64]
    delisted_on: NDArray[np.datetime64]
    delisting_price: Floats
    currency: str

    @classmethod
    def from_frame(cls, prices: pl.DataFrame) -> PricePanel:
        """Build the panel of a long price frame.

        Parameters
        ----------
        prices : polars.DataFrame
            One row an (instrument_id, session). Columns ``open, close, adj_open, adj_close`` are required;
            ``high, low, volume, sector, lot, currency, delisted_on, delisting_price`` are used where present.

        Raises
        ------
        BacktestError
            When columns are missing, keys repeat, currencies mix, or a price is not finite and positive.
        """
        missing = [name for name in _REQUIRED if name not in prices.columns]
        if missing:
            raise BacktestError(
                f"price frame has no column {', '.join(missing)}; it needs {', '.join(_REQUIRED)}"
            )
        if prices.is_empty():
            raise BacktestError("price frame has no rows; give at least one session of prices")
        if prices["instrument_id"].null_count() or prices["session"].null_count():
            raise BacktestError("price frame has rows with no instrument_id or session; drop or repair them")
        currency = _one_currency(prices)
        frame = prices.sort("session", "instrument_id")
        sessions, rows = np.unique(frame["session"].to_numpy().astype("datetime64[D]"), return_inverse=True)
        ids, cols = np.unique(frame["instrument_id"].to_numpy().astype(np.int64), return_inverse=True)
        cells = rows.astype(np.int64) * len(ids) + cols
        repeated = np.flatnonzero(np.diff(cells) == 0)
        if repeated.size:
            row = frame.row(int(repeated[0]), named=True)
            raise BacktestError(
                f"price frame holds instrument {row['instrument_id']} session {row['session']} more than "
                f"once "
                f"({repeated.size} repeated keys); keep one row a key"
            )

        def wide(name: str) -> Floats:
            out = np.full(len(sessions) * len(ids), np.nan)
            if name in frame.columns:
                out[cells] = frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
            return out.reshape(len(sessions), len(ids))

        arrays = {name: wide(name) for name in (*_REQUIRED[2:], *_OPTIONAL_PRICES, "volume")}
        for name in (*_REQUIRED[2:], *_OPTIONAL_PRICES):
            _refuse_bad_prices(name, arrays[name], sessions, ids)
        _refuse_half_bars(arrays, sessions, ids)
        last = frame.group_by("instrument_id", maintain_order=True).last().sort("instrument_id")
        delisted = _last_or(last, "delisted_on", len(ids))
        return cls(
            sessions=sessions,
            ids=ids,
            sector=tuple(last["sector"].to_list()) if "sector" in last.columns else (None,) * len(ids),
            lot=(
                last["lot"].cast(pl.Int64).fill_null(1).to_numpy().astype(np.int64)
                if "lot" in last.columns
                else np.ones(len(ids), dtype=np.int64)
            ),
            delisted_on=np.array([np.datetime64(d or "NaT", "D") for d in delisted], dtype="datetime64[D]"),
            delisting_price=np.array(
                [np.nan if v is None else v for v in _last_or(last, "delisting_price", len(ids))],
                dtype=np.float64,
            ),
            currency=currency,
            **arrays,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Number of sessions and of instruments."""
        return len(self.sessions), len(self.ids)

    @cached_property
    def valuation(self) -> Floats:
        """Adjusted close with gaps filled by the last one before; NaN before the first. Shape (T, N)."""
        return forward_fill(self.adj_close)

    @cached_property
    def tradable(self) -> NDArray[np.bool_]:
        """Whether an order can fill at the session's open: a price, and volume that is not zero.

        Shape (T, N).
        """
        with np.errstate(invalid="ignore"):
            return np.isfinite(self.adj_open) & ~(self.volume == 0.0)

    @cached_property
    def returns(self) -> Floats:
        """Total return from the last close before to this close; NaN without both. Shape (T, N)."""
        out = np.full(self.shape, np.nan)
        out[1:] = self.adj_close[1:] / self.valuation[:-1] - 1.0
        return out

    @cached_property
    def dollar_volume(self) -> Floats:
        """Raw close times volume, in currency. Shape (T, N)."""
        return self.close * self.volume

    @cached_property
    def delisting_row(self) -> NDArray[np.int64]:
        """Row at whose open a delisting pays out; T where it does not happen inside the panel. Shape (N,)."""
        total = len(self.sessions)
        rows = np.full(len(self.ids), total, dtype=np.int64)
        for col in np.flatnonzero(~np.isnat(self.delisted_on)):
            bars = np.flatnonzero(np.isfinite(self.adj_close[:, col]))
            first_on = int(np.searchsorted(self.sessions, self.delisted_on[col]))
            after_last = int(bars[-1]) + 1 if bars.size else 0
            if after_last > first_on + 1:
                raise BacktestError(
                    f"instrument {self.ids[col]} has bars up to {self.sessions[after_last - 1]}, after its "
                    f"delisting "
                    f"on {self.delisted_on[col]}; correct the delisting date or drop the bars"
                )
            rows[col] = max(first_on, after_last)
        return rows

    def delisting_value(self, col: int, missing_return: float) -> tuple[float, bool]:
        """Adjusted price paid at the delisting of column `col`, and whether it had to be assumed."""
        bars = np.flatnonzero(np.isfinite(self.adj_close[:, col]))
        last = bars[-1]
        if np.isfinite(self.delisting_price[col]):
            per_share = self.adj_close[last, col] / self.close[last, col]
            return float(self.delisting_price[col] * per_share), False
        return float(self.adj_close[last, col] * (1.0 + missing_return)), True

    def row_of(self, session: date | np.datetime64) -> int:
        """Row of a session.

        Raises
        ------
        BacktestError
            When the panel does not hold the session.
        """
        day = np.datetime64(str(session), "D")
        row = int(np.searchsorted(self.sessions, day))
        if row == len(self.sessions) or self.sessions[row] != day:
            raise BacktestError(
                f"session {day} is not among the {len(self.sessions)} sessions of the price frame "
                f"({self.sessions[0]} to {self.sessions[-1]}); use sessions that have prices"
            )
        return row

    def columns_of(self, ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """Columns of instrument ids.

        Raises
        ------
        BacktestError
            When an id has no prices at all.
        """
        wanted = np.asarray(ids, dtype=np.int64)
        cols = np.searchsorted(self.ids, wanted)
        inside = np.minimum(cols, len(self.ids) - 1)
        unknown = np.unique(wanted[self.ids[inside] != wanted])
        if unknown.size:
            shown = ", ".join(map(str, unknown[:5]))
            raise BacktestError(
                f"no prices for instrument {shown} ({unknown.size} unknown); add them or drop the rows"
            )
        return cols


def forward_fill(values: Floats) -> Floats:
    """Carry the last finite value of each column forward. Shape (T, N) to (T, N)."""
    finite = np.isfinite(values)
    if finite.all():
        return values
    index = np.where(finite, np.arange(len(values))[:, None], 0)
    np.maximum.accumulate(index, axis=0, out=index)
    return np.take_along_axis(values, index, axis=0)


def average_dollar_volume(panel: PricePanel, row: int, window: int = _WINDOW) -> Floats:
    """Mean dollar volume of the `window` sessions up to and including `row`; NaN when unknown. Shape (N,)."""
    return _nan_mean(panel.dollar_volume[max(0, row - window + 1) : row + 1])


def daily_volatility(panel: PricePanel, row: int, window: int = _WINDOW) -> Floats:
    """Standard deviation of daily returns over `window` sessions to `row`; NaN below 5 returns.

    Shape (N,).
    """
    part = panel.returns[max(0, row - window + 1) : row + 1]
    finite = np.isfinite(part)
    count = finite.sum(axis=0)
    filled = np.where(finite, part, 0.0)
    mean = filled.sum(axis=0) / np.maximum(count, 1)
    squares = np.where(finite, (part - mean) ** 2, 0.0).sum(axis=0)
    return np.where(count >= 5, np.sqrt(squares / np.maximum(count - 1, 1)), np.nan)


def _nan_mean(part: Floats) -> Floats:
    finite = np.isfinite(part)
    count = finite.sum(axis=0)
    return np.where(count > 0, np.where(finite, part, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)


def _one_currency(prices: pl.DataFrame) -> str:
    if "currency" not in prices.columns:
        return ""
    found = prices["currency"].drop_nulls().unique().sort().to_list()
    if len(found) > 1:
        raise BacktestError(f"price frame mixes currencies {', '.join(found)}; backtest one region at a time")
    return str(found[0]) if found else ""


def _refuse_bad_prices(
    name: str, values: Floats, sessions: NDArray[np.datetime64], ids: NDArray[np.int64]
) -> None:
    with np.errstate(invalid="ignore"):
        bad = np.argwhere(np.isinf(values) | (values <= 0.0))
    if len(bad):
        row, col = bad[0]
        raise BacktestError(
            f"{name} of instrument {ids[col]} on {sessions[row]} is {values[row, col]} ({len(bad)} such "
            f"cells); "
            "prices must be finite and positive, absent ones null"
        )


def _refuse_half_bars(
    arrays: dict[str, Floats], sessions: NDArray[np.datetime64], ids: NDArray[np.int64]
) -> None:
    # A bar with a raw price and no adjusted one would be valued at a stale price in silence.
    for raw, adjusted in (("close", "adj_close"), ("open", "adj_open")):
        half = np.argwhere(np.isfinite(arrays[raw]) != np.isfinite(arrays[adjusted]))
        if len(half):
            row, col = half[0]
            raise BacktestError(
                f"instrument {ids[col]} on {sessions[row]} has only one of {raw} and {adjusted} "
                f"({len(half)} such cells); adjust the prices again"
            )


def _last_or(last: pl.DataFrame, name: str, count: int) -> list:
    return last[name].to_list() if name in last.columns else [None] * count
