"""Labels: what a model learns to foretell, and when each label was known."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dnalyaw.backtest import PricePanel
from dnalyaw.models._errors import ModelError

Floats = NDArray[np.float64]

LABEL_SCHEMA = {
    "instrument_id": pl.Int64,
    "session": pl.Date,
    "label": pl.Float64,
    "raw_return": pl.Float64,
    "known_session": pl.Date,
}


def forward_labels(
    prices: pl.DataFrame | PricePanel, horizon: int = 5, *, missing_delisting_return: float = -0.30
) -> pl.DataFrame:
    """Total return from the next open to the open `horizon` sessions later, against the cross-section.

    The label of data session t is ``adj_open[t + 1 + h] / adj_open[t + 1] - 1`` less the mean of all labels
    of t. It is known at the open of session t + 1 + h, which stands beside it so that training can be
    purged. A name delisted on the way ends at what was paid; one without an open at the end is valued at its
    last close. A name that cannot be bought at t + 1 has no label.

    Parameters
    ----------
    prices : polars.DataFrame or PricePanel
        T sessions.
    horizon : int
        Sessions, at least 1.
    missing_delisting_return : float
        Assumed where a delisting's payment is unknown.

    Returns
    -------
    polars.DataFrame
        ``instrument_id, session, label, raw_return, known_session``, sorted by session and instrument. The
        last ``horizon + 1`` sessions have no rows: nothing is known of them yet.
    """
    if horizon < 1:
        raise ModelError(f"horizon must be at least 1 session, got {horizon}")
    panel = prices if isinstance(prices, PricePanel) else PricePanel.from_frame(prices)
    total = len(panel.sessions)
    count = max(total - horizon - 1, 0)
    start = panel.adj_open[1 : 1 + count].copy()
    start[~panel.tradable[1 : 1 + count]] = np.nan
    exit_price = np.where(np.isfinite(panel.adj_open), panel.adj_open, _last_value(panel))
    for col in np.flatnonzero(panel.delisting_row < total):
        price, _ = panel.delisting_value(int(col), missing_delisting_return)
        exit_price[panel.delisting_row[col] :, col] = price
    raw = exit_price[1 + horizon : 1 + horizon + count] / start - 1.0
    members = np.isfinite(raw)
    size = members.sum(axis=1)
    mean = np.where(members, raw, 0.0).sum(axis=1) / np.maximum(size, 1)
    rows, cols = np.nonzero(members & (size >= 2)[:, None])
    return pl.DataFrame(
        {
            "instrument_id": panel.ids[cols],
            "session": panel.sessions[rows],
            "label": raw[rows, cols] - mean[rows],
            "raw_return": raw[rows, cols],
            "known_session": panel.sessions[rows + 1 + horizon],
        },
        schema_overrides=LABEL_SCHEMA,
    ).cast(LABEL_SCHEMA)  # type: ignore[arg-type]


def _last_value(panel: PricePanel) -> Floats:
    """Last close before each row; NaN before the first. Shape (T, N)."""
    out = np.full(panel.shape, np.nan)
    out[1:] = panel.valuation[:-1]
    return out
