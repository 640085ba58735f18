"""What every provider of market data offers."""

from __future__ import annotations

from datetime import date
from typing import Any, Protocol, runtime_checkable

import polars as pl

__all__ = ["Provider", "ProviderError", "is_close_only"]


class ProviderError(ValueError):
    """Raised when a provider, its folder or its files cannot be used; one line that says what to do."""


@runtime_checkable
class Provider(Protocol):
    """A source of the five tables for one or more regions.

    Attributes
    ----------
    name : str
        The provider as typed, e.g. ``"lean:DIR"``.
    simulated : bool
        Whether the data is made up; reports then say SIMULATED.

    Notes
    -----
    A provider whose bars carry a close and nothing else (open, high, low and volume are null) has an
    attribute ``close_only = True``; ask with `is_close_only`.
    """

    name: str
    simulated: bool

    def regions(self) -> tuple[str, ...]:
        """Return the codes of the regions that it has data for."""

    def feeds(self, region: str) -> tuple[str, ...]:
        """Return which of the five tables it has for `region`."""

    def sessions(self, region: str) -> list[date]:
        """Return the sessions it holds daily bars for, ascending."""

    def default_session(self, region: str, today: date) -> date:
        """Return the session that a run trades when none is named."""

    def fetch(self, feed: str, region: str, start: date, end: date) -> pl.DataFrame:
        """Return rows of `feed` whose event falls in the sessions [`start`, `end`]."""

    def market_events(self, region: str, session: date) -> pl.DataFrame:
        """Return what the simulated venue replays on `session`."""

    def ground_truth(self) -> dict[str, Any] | None:
        """Return every effect planted in simulated data, None for recorded data."""


def is_close_only(provider: Provider) -> bool:
    """Whether the bars of `provider` carry a close and nothing else."""
    return bool(getattr(provider, "close_only", False))
