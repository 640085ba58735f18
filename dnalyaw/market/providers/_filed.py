"""What providers of filed figures share: they have the feed `fundamentals` of US companies and nothing else."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cached_property
from typing import Any

import polars as pl

from dnalyaw.market._schema import FEEDS, empty
from dnalyaw.market._sessions import DECISION_LEAD, FIRST_DAY, LAST_DAY, session_table
from dnalyaw.market.providers._base import ProviderError

__all__ = ["FiledProvider", "with_sessions"]


def with_sessions(rows: pl.DataFrame) -> pl.DataFrame:
    """Add `__session` to fundamentals: the session before the first decision to know a row (calendar XNYS)."""
    if rows.is_empty():
        return rows.with_columns(pl.lit(None, dtype=pl.Date).alias("__session"))
    days = rows["available_at"].dt.date().sort()
    low = max(FIRST_DAY, days[0] - timedelta(days=14))
    high = min(LAST_DAY, days[-1] + timedelta(days=14))
    decisions = session_table("US", low, high).select(
        (pl.col("open") - DECISION_LEAD).alias("__decision"), pl.col("session").shift(1).alias("__session")
    )
    return (
        rows.sort("available_at")
        .join_asof(
            decisions.filter(pl.col("__session").is_not_null()),
            left_on="available_at",
            right_on="__decision",
            strategy="forward",
        )
        .drop("__decision")
    )


class FiledProvider:
    """Figures that US companies filed with the SEC; subclasses say which in `_rows`."""

    simulated = False
    name: str

    def _rows(self) -> pl.DataFrame:
        raise NotImplementedError

    @cached_property
    def _delivered(self) -> pl.DataFrame:
        return with_sessions(self._rows())

    def regions(self) -> tuple[str, ...]:
        """Return ``("US",)``."""
        return ("US",)

    def feeds(self, region: str) -> tuple[str, ...]:
        """Return ``("fundamentals",)``."""
        self._check(region)
        return ("fundamentals",)

    def sessions(self, region: str) -> list[date]:
        """Return none: it holds no bars."""
        self._check(region)
        return []

    def default_session(self, region: str, today: date) -> date:
        """Raise ProviderError: without bars there is no session to trade."""
        self._check(region)
        raise ProviderError(
            f"provider {self.name}: has filings and no bars; name the session, and another provider for bars"
        )

    def fetch(self, feed: str, region: str, start: date, end: date) -> pl.DataFrame:
        """Return figures by the last session before whose next decision they were known; other feeds are empty."""
        self._check(region)
        if feed not in FEEDS:
            raise ProviderError(f"provider {self.name}: has no feed {feed!r}; it has fundamentals")
        if feed != "fundamentals":
            return empty(feed)
        return self._delivered.filter(pl.col("__session").is_between(start, end)).drop("__session")

    def market_events(self, region: str, session: date) -> pl.DataFrame:
        """Return none: nothing trades on filings alone."""
        self._check(region)
        return empty("market_events")

    def ground_truth(self) -> dict[str, Any] | None:
        """Return None: nothing is planted in recorded data."""
        return None

    def _check(self, region: str) -> None:
        if region != "US":
            raise ProviderError(f"provider {self.name}: knows region US alone, not {region}")
