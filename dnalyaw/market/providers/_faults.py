"""Faults on demand: a provider whose delivery of one session is corrupted in one known way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from dnalyaw.market import session_open
from dnalyaw.market.providers._base import Provider, ProviderError, is_close_only

__all__ = ["FAULTS", "FaultyProvider", "with_fault"]

_SPIKE = 3.2
_CROSSED_ROWS = 5
_DUPLICATED_ROWS = 3


@dataclass(frozen=True, slots=True)
class _Fault:
    feeds: tuple[str, ...]
    what: str
    apply: Callable[[pl.DataFrame, pl.Expr, Provider, str, date], tuple[pl.DataFrame, list[int]]]


def _spike(
    frame: pl.DataFrame, hit: pl.Expr, provider: Provider, region: str, session: date
) -> tuple[pl.DataFrame, list[int]]:
    ids = frame.filter(hit)["instrument_id"].sort()
    if ids.is_empty():
        return frame, []
    chosen = int(ids[len(ids) // 2])
    row = hit & (pl.col("instrument_id") == chosen)
    changed = frame.with_columns(
        pl.when(row).then(pl.col("close") * _SPIKE).otherwise(pl.col("close")).alias("close")
    )
    # The bar stays well formed, so that only a statistical gate can refuse it.
    high = (
        pl.when(row & pl.col("high").is_not_null()).then(pl.max_horizontal("high", "close")).otherwise("high")
    )
    return changed.with_columns(high.alias("high")), [chosen]


def _stale(
    frame: pl.DataFrame, hit: pl.Expr, provider: Provider, region: str, session: date
) -> tuple[pl.DataFrame, list[int]]:
    earlier = [d for d in provider.sessions(region) if d < session]
    if not earlier:
        raise ProviderError(
            f"fault stale: {session} is the first session of {region}, none is earlier; take a later one"
        )
    shift = session_open(region, session) - session_open(region, earlier[-1])
    columns = [
        pl.when(hit).then(pl.col(c) - shift).otherwise(pl.col(c)).alias(c)
        for c in ("event_time", "available_at")
    ]
    return frame.with_columns(columns), frame.filter(hit)["instrument_id"].to_list()


def _crossed(
    frame: pl.DataFrame, hit: pl.Expr, provider: Provider, region: str, session: date
) -> tuple[pl.DataFrame, list[int]]:
    numbered = frame.with_row_index("_row")
    # One-sided quotes cannot cross.
    two_sided = numbered.filter(hit & (pl.col("bid") > 0) & (pl.col("ask") > 0))
    rows = two_sided["_row"].head(_CROSSED_ROWS)
    if rows.is_empty():
        return frame, []
    chosen = pl.col("_row").is_in(rows.implode())
    changed = numbered.with_columns(
        pl.when(chosen).then(pl.col("ask") * 1.01).otherwise(pl.col("bid")).alias("bid"),
        pl.when(chosen).then(pl.col("bid") * 0.99).otherwise(pl.col("ask")).alias("ask"),
    )
    return changed.drop("_row"), two_sided["instrument_id"].head(_CROSSED_ROWS).to_list()


def _missing(
    frame: pl.DataFrame, hit: pl.Expr, provider: Provider, region: str, session: date
) -> tuple[pl.DataFrame, list[int]]:
    return frame.filter(~hit), frame.filter(hit)["instrument_id"].to_list()


def _duplicate(
    frame: pl.DataFrame, hit: pl.Expr, provider: Provider, region: str, session: date
) -> tuple[pl.DataFrame, list[int]]:
    again = frame.filter(hit).head(_DUPLICATED_ROWS)
    return pl.concat([frame, again]), again["instrument_id"].to_list()


def _schema(
    frame: pl.DataFrame, hit: pl.Expr, provider: Provider, region: str, session: date
) -> tuple[pl.DataFrame, list[int]]:
    text = pl.when(hit).then(pl.lit("n/a")).otherwise(pl.col("volume").cast(pl.String)).alias("volume")
    return frame.with_columns(text), frame.filter(hit)["instrument_id"].to_list()


def _empty(
    frame: pl.DataFrame, hit: pl.Expr, provider: Provider, region: str, session: date
) -> tuple[pl.DataFrame, list[int]]:
    return frame.clear(), frame.filter(hit)["instrument_id"].to_list()


_FAULTS: dict[str, _Fault] = {
    "spike": _Fault(("bars",), f"one name's close times {_SPIKE}, confirmed by no quote or volume", _spike),
    "stale": _Fault(("bars", "quotes"), "the times of every row are those of the session before", _stale),
    "crossed": _Fault(("quotes",), f"bid above ask in {_CROSSED_ROWS} quotes", _crossed),
    "missing-session": _Fault(("bars",), "no bar of the session is delivered", _missing),
    "duplicate": _Fault(("bars",), f"{_DUPLICATED_ROWS} bars are delivered twice", _duplicate),
    "schema": _Fault(("bars",), "volume arrives as text, n/a in the session's rows", _schema),
    "empty": _Fault(("bars",), "the delivery that holds the session has no rows", _empty),
}

FAULTS: tuple[str, ...] = tuple(_FAULTS)
"""Names of the faults, as given to ``--fault``."""


class FaultyProvider:
    """A provider that delivers one session of another provider with a fault.

    Everything else, and what the simulated venue replays, passes through unchanged. The same fetch is
    corrupted in the same way each time.

    Parameters
    ----------
    provider : Provider
        Where the good data comes from.
    fault : str
        One of `FAULTS`.
    session : datetime.date, optional
        The session that carries the fault; the last one of each fetched range when omitted.

    Raises
    ------
    ProviderError
        If the fault is unknown, or the provider lacks every feed that the fault corrupts.
    """

    def __init__(self, provider: Provider, fault: str, session: date | None = None) -> None:
        if fault not in _FAULTS:
            raise ProviderError(f"unknown fault {fault!r}: use one of {', '.join(FAULTS)}")
        self._provider, self._fault, self._session = provider, _FAULTS[fault], session
        self.fault = fault
        self.name = provider.name
        self.simulated = provider.simulated
        self.close_only = is_close_only(provider)
        self._done: dict[tuple[str, str, date], list[int]] = {}
        if fault == "schema" and self.close_only:
            raise ProviderError(f"fault schema corrupts volume, which provider {provider.name} has not")
        for region in provider.regions():
            if not set(self._fault.feeds) & set(provider.feeds(region)):
                raise ProviderError(
                    f"fault {fault} corrupts {' and '.join(self._fault.feeds)}, "
                    f"which provider {provider.name} has not in {region}"
                )

    def regions(self) -> tuple[str, ...]:
        """Return the regions of the wrapped provider."""
        return self._provider.regions()

    def feeds(self, region: str) -> tuple[str, ...]:
        """Return the feeds of the wrapped provider."""
        return self._provider.feeds(region)

    def sessions(self, region: str) -> list[date]:
        """Return the sessions of the wrapped provider; a missing one is still expected."""
        return self._provider.sessions(region)

    def default_session(self, region: str, today: date) -> date:
        """Return the default session of the wrapped provider."""
        return self._provider.default_session(region, today)

    def market_events(self, region: str, session: date) -> pl.DataFrame:
        """Return what the wrapped provider replays, unchanged."""
        return self._provider.market_events(region, session)

    def ground_truth(self) -> dict[str, Any] | None:
        """Return the wrapped provider's ground truth with the fault added, None where it has none."""
        truth = self._provider.ground_truth()
        return None if truth is None else {**truth, "fault": self.describe()}

    def fetch(self, feed: str, region: str, start: date, end: date) -> pl.DataFrame:
        """Return the wrapped provider's rows, those of the faulty session corrupted."""
        frame = self._provider.fetch(feed, region, start, end)
        if feed not in self._fault.feeds:
            return frame
        session = self._session
        if session is None:
            held = frame["session"].max()
            session = held if isinstance(held, date) else None
        if session is None or not start <= session <= end:
            return frame
        changed, ids = self._fault.apply(frame, pl.col("session") == session, self._provider, region, session)
        self._done[(feed, region, session)] = ids
        return changed

    def describe(self) -> dict[str, Any]:
        """Return the fault, what it does to which feeds, and the rows that fetches so far carried.

        Returns
        -------
        dict
            ``fault``, ``session`` (ISO text or None), ``feeds``, ``what`` and ``corrupted``: a list of
            ``feed``, ``region``, ``session``, ``rows`` and ``instrument_ids`` (distinct, ascending).
        """
        return {
            "fault": self.fault,
            "session": None if self._session is None else self._session.isoformat(),
            "feeds": list(self._fault.feeds),
            "what": self._fault.what,
            "corrupted": [
                {
                    "feed": feed,
                    "region": region,
                    "session": session.isoformat(),
                    "rows": len(ids),
                    "instrument_ids": sorted(set(ids)),
                }
                for (feed, region, session), ids in self._done.items()
            ],
        }


def with_fault(provider: Provider, fault: str, session: date | None = None) -> FaultyProvider:
    """Return `provider` with `fault` in what it delivers for `session`."""
    return FaultyProvider(provider, fault, session)
