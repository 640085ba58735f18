"""What a strategy is: something that turns what was known into target weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dnalyaw.backtest import PricePanel
from dnalyaw.portfolio._errors import PortfolioError

Floats = NDArray[np.float64]

WEIGHT_SCHEMA = {
    "session": pl.Date,
    "instrument_id": pl.Int64,
    "weight": pl.Float64,
    "stop_distance": pl.Float64,
}
"""Columns of the frame that `Strategy.target_weights` returns."""


@dataclass(frozen=True, eq=False)
class StrategyView:
    """What a strategy may see: rows available at `as_of`, and nothing else.

    Build it with `StrategyView.of`, which drops what was not available.

    Attributes
    ----------
    as_of : datetime
        UTC.
    region : str
    features : polars.DataFrame
        ``instrument_id, session`` and factor columns; may be empty.
    predictions : polars.DataFrame
        ``instrument_id, session, score``, out of sample; may be empty.
    prices : polars.DataFrame
        See `dnalyaw.backtest.PricePanel.from_frame`.
    """

    as_of: datetime
    region: str
    features: pl.DataFrame
    predictions: pl.DataFrame
    prices: pl.DataFrame

    @classmethod
    def of(
        cls,
        *,
        as_of: datetime,
        region: str,
        prices: pl.DataFrame,
        features: pl.DataFrame | None = None,
        predictions: pl.DataFrame | None = None,
    ) -> StrategyView:
        """Build the view of a moment.

        A frame with ``available_at`` keeps its rows up to `as_of`; one without keeps sessions before the UTC
        date of `as_of`. No frame shows a session that prices do not.

        Raises
        ------
        PortfolioError
            When `as_of` has no time zone, a frame lacks its keys, or no price is available.
        """
        if as_of.tzinfo is None:
            raise PortfolioError(f"as-of moment {as_of} has no time zone; give UTC")
        moment = as_of.astimezone(UTC)
        empty = pl.DataFrame(schema={"instrument_id": pl.Int64, "session": pl.Date, "score": pl.Float64})
        seen = _available("prices", prices, moment)
        if seen.is_empty():
            raise PortfolioError(
                f"no price is available at {moment.isoformat()}; choose a later moment or a longer feed"
            )
        last = seen["session"].max()
        kept = {
            name: _available(name, empty if frame is None else frame, moment).filter(
                pl.col("session") <= last
            )
            for name, frame in (("features", features), ("predictions", predictions))
        }
        return cls(as_of=moment, region=region, prices=seen, **kept)

    @cached_property
    def panel(self) -> PricePanel:
        """Prices as wide arrays, built once for all strategies that share the view."""
        return PricePanel.from_frame(self.prices)

    @cached_property
    def scores(self) -> Floats:
        """Model scores on the panel's grid; NaN where there is none. Shape (T, N)."""
        return self._wide(self.predictions, "score")

    def feature(self, name: str) -> Floats:
        """Return one factor on the panel's grid; NaN where there is none. Shape (T, N)."""
        if name not in self.features.columns:
            raise PortfolioError(f"no feature {name!r}; there are {len(self.features.columns) - 2}")
        return self._wide(self.features, name)

    def _wide(self, frame: pl.DataFrame, name: str) -> Floats:
        panel = self.panel
        out = np.full(panel.shape, np.nan)
        if frame.is_empty():
            return out
        days = frame["session"].to_numpy().astype("datetime64[D]")
        ids = frame["instrument_id"].to_numpy()
        rows = np.minimum(np.searchsorted(panel.sessions, days), len(panel.sessions) - 1)
        cols = np.minimum(np.searchsorted(panel.ids, ids), len(panel.ids) - 1)
        known = (panel.sessions[rows] == days) & (panel.ids[cols] == ids)
        values = frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        out[rows[known], cols[known]] = values[known]
        return out


@runtime_checkable
class Strategy(Protocol):
    """A strategy. Long-only; what it returns for a session depends on nothing after that session.

    Attributes
    ----------
    id : str
        Of the declaration, for example ``us-reversal``.
    family : str
        Family it belongs to, for example ``mean reversion``.
    description, reference : str
        One line; the paper it follows.
    params : dataclass
        Its parameters, checked when they are made.
    """

    @property
    def id(self) -> str: ...
    @property
    def family(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def reference(self) -> str: ...
    @property
    def params(self) -> Any: ...

    def target_weights(self, view: StrategyView) -> pl.DataFrame:
        """Return targets of every rebalance session in the view.

        Returns
        -------
        polars.DataFrame
            `WEIGHT_SCHEMA`: weights at least 0, their sum a session at most 1; stop distance in currency per
            raw share, above 0 (null beside weight 0). A rebalance to cash is one row of weight 0.
        """
        ...


StrategyFactory = Callable[..., Strategy]


def check_weights(weights: pl.DataFrame, *, max_gross: float = 1.0) -> pl.DataFrame:
    """Return `weights` sorted and in `WEIGHT_SCHEMA`, or name every fault.

    Raises
    ------
    PortfolioError
        Wrong columns, repeated keys, weights not finite or negative, gross above `max_gross`, stops not
        above 0.
    """
    missing = [name for name in WEIGHT_SCHEMA if name not in weights.columns]
    if missing:
        raise PortfolioError(f"weights have no column {', '.join(missing)}")
    frame = weights.select([pl.col(name).cast(kind) for name, kind in WEIGHT_SCHEMA.items()]).sort(
        "session", "instrument_id"
    )
    weight, stop = pl.col("weight"), pl.col("stop_distance")
    rules = {
        "key is null": pl.col("session").is_null() | pl.col("instrument_id").is_null(),
        "key is repeated": pl.struct("session", "instrument_id").is_duplicated(),
        "weight is not finite": ~weight.is_finite().fill_null(False),
        "weight is negative": (weight < 0).fill_null(False),
        "stop distance is not above 0": (weight > 0).fill_null(False)
        & ~(stop.is_finite() & (stop > 0)).fill_null(False),
    }
    faults = []
    for text, rule in rules.items():
        bad = frame.filter(rule)
        if bad.height:
            row = bad.row(0, named=True)
            faults.append(
                f"{text} (instrument {row['instrument_id']} on {row['session']}, {bad.height} rows)"
            )
    gross = frame.group_by("session").agg(weight.sum()).filter(weight > max_gross + 1e-9).sort("session")
    if gross.height:
        row = gross.row(0, named=True)
        faults.append(f"gross weight on {row['session']} is {row['weight']:.6f}, above {max_gross:g}")
    if faults:
        raise PortfolioError("weights refused: " + "; ".join(faults))
    return frame


def _available(name: str, frame: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    missing = [key for key in ("instrument_id", "session") if key not in frame.columns]
    if missing:
        raise PortfolioError(f"{name} have no column {', '.join(missing)}")
    if "available_at" in frame.columns:
        return frame.filter(pl.col("available_at") <= moment)
    return frame.filter(pl.col("session") < moment.date())
