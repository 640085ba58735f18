"""Who is listed, when, and under which ticker: planned once for the whole horizon."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnalyaw.market import sessions_between
from dnalyaw.market.providers._sample._params import BURN_IN, HORIZON, ORIGIN, PARAMS, SECTORS
from dnalyaw.market.providers._sample._streams import stream

__all__ = ["NEVER", "Clock", "Universe", "clock", "universe"]

NEVER = 1 << 30
"""An ordinal after every session."""

_CONSONANTS = "BCDFGKLMNPRSTVW"
_VOWELS = "AEIOU"


@dataclass(frozen=True, slots=True)
class Clock:
    """The sessions that a region's simulation steps through.

    Attributes
    ----------
    days : tuple of date
        Every session from the burn-in to the horizon; the ordinal of a session is its place here.
    ordinal : dict of date to int
    """

    days: tuple[date, ...]
    ordinal: dict[date, int]


@lru_cache(maxsize=4)
def clock(region: str) -> Clock:
    """Return the sessions of `region` from `BURN_IN` sessions before `ORIGIN` up to `HORIZON`."""
    before = sessions_between(region, date(ORIGIN.year - 2, 1, 1), ORIGIN)
    after = sessions_between(region, ORIGIN, HORIZON)
    days = (*[d for d in before if d < ORIGIN][-BURN_IN:], *after)
    return Clock(days=days, ordinal={d: i for i, d in enumerate(days)})


@dataclass(slots=True)
class Universe:
    """Every instrument that is ever listed in one region; arrays have one entry an instrument.

    Attributes
    ----------
    listed, delisted : ndarray of int
        Ordinals of the first session traded and of the first one no longer traded (`NEVER` when it lasts).
    failure : ndarray of bool
        Whether a delisting is a failure; otherwise it is a takeover.
    twin : ndarray of int
        Index of the first share class of the same issuer, -1 for all others.
    names : list of list of (int, str)
        For each instrument, (ordinal from which the ticker holds, ticker).
    reused : list of dict
        Tickers that came to name another instrument.
    """

    instrument_id: NDArray[np.int64]
    issuer_id: NDArray[np.int64]
    sector: NDArray[np.int64]
    venue: list[str]
    lot: NDArray[np.int64]
    listed: NDArray[np.int64]
    delisted: NDArray[np.int64]
    failure: NDArray[np.bool_]
    twin: NDArray[np.int64]
    beta: NDArray[np.float64]
    volatility: NDArray[np.float64]
    price: NDArray[np.float64]
    shares: NDArray[np.float64]
    turnover: NDArray[np.float64]
    spread: NDArray[np.float64]
    book_to_market: NDArray[np.float64]
    earnings_yield: NDArray[np.float64]
    margin: NDArray[np.float64]
    leverage: NDArray[np.float64]
    dividend_yield: NDArray[np.float64]
    dividend_phase: NDArray[np.int64]
    split_phase: NDArray[np.int64]
    names: list[list[tuple[int, str]]] = field(default_factory=list)
    reused: list[dict[str, Any]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Number of instruments."""
        return len(self.instrument_id)


def _tickers(region: str, rng: np.random.Generator) -> list[str]:
    """Return more tickers than a universe needs, all distinct and none of a well-known company."""
    if region == "HK":
        return [str(n) for n in 90001 + rng.permutation(9000)]
    starts = [f"{a}{v}{c}{w}" for a in "QXZ" for v in _VOWELS for c in _CONSONANTS for w in _VOWELS]
    return [starts[i] for i in rng.permutation(len(starts))]


def universe(region: str, seed: int) -> Universe:
    """Plan the universe of `region`: first listings, later ones, delistings, tickers, share classes."""
    p = PARAMS[region]
    rng = stream(seed, p.stream, "universe")
    days = clock(region).days
    years = range(ORIGIN.year, HORIZON.year + 1)
    first_of = {y: next(i for i, d in enumerate(days) if d.year == y) for y in (*years,)}
    first_of[HORIZON.year + 1] = len(days)

    listed = [0] * p.issuers
    for y in years:
        span = first_of[y + 1] - first_of[y]
        # The first quarter of the first year stays as it was at the origin.
        low = 63 if y == ORIGIN.year else 5
        listed += sorted(first_of[y] + int(v) for v in rng.choice(np.arange(low, span - 5), p.ipos, False))
    issuers = len(listed)
    parent = [-1] * issuers + [int(v) for v in rng.choice(p.issuers, p.second_classes, False)]
    n = len(parent)
    twin = np.array(parent, dtype=np.int64)
    source = np.where(twin >= 0, twin, np.arange(n))

    delisted = np.full(n, NEVER, dtype=np.int64)
    failure = np.zeros(n, dtype=bool)
    start = np.array(listed + [0] * p.second_classes, dtype=np.int64)
    with_second_class = set(parent) - {-1}
    for y in years:
        span = first_of[y + 1] - first_of[y]
        for k in range(p.delistings):
            when = first_of[y] + int(rng.integers(100, min(200, span - 2)))
            open_to_it = [
                i
                for i in range(issuers)
                if delisted[i] == NEVER and start[i] < when - 250 and i not in with_second_class
            ]
            if y == ORIGIN.year:
                open_to_it = [
                    i for i in range(p.issuers) if delisted[i] == NEVER and i not in with_second_class
                ]
            gone = int(rng.choice(open_to_it))
            delisted[gone] = when
            failure[gone] = k % 3 == 1

    def spread_out(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values[source]

    market_cap = spread_out(np.exp(rng.normal(np.log(p.turnover * 130), 1.0, n)))
    price = spread_out(np.exp(rng.normal(np.log(p.price), 0.8, n)).clip(p.price / 8, p.split_above * 0.95))
    volatility = spread_out(np.exp(rng.normal(np.log(0.015), 0.32, n)).clip(0.007, 0.035))
    liquidity = (market_cap / np.median(market_cap)) ** 0.8
    shares = np.round(market_cap / price)
    twin_discount = np.where(twin >= 0, 0.985, 1.0)
    u = Universe(
        instrument_id=p.first_instrument + np.arange(n, dtype=np.int64),
        issuer_id=p.first_issuer + source.astype(np.int64),
        sector=rng.integers(0, len(SECTORS), n)[source],
        venue=["HKEX"] * n if region == "HK" else [str(v) for v in rng.choice(["NYSE", "NASDAQ"], n)],
        lot=np.ones(n, dtype=np.int64),
        listed=start,
        delisted=delisted,
        failure=failure,
        twin=twin,
        beta=spread_out(rng.normal(1.0, 0.25, n).clip(0.4, 1.7)),
        volatility=volatility,
        price=price * twin_discount,
        shares=shares,
        turnover=p.turnover * liquidity * np.exp(rng.normal(0, 0.3, n)) * np.where(twin >= 0, 0.4, 1.0),
        spread=p.spread * np.exp(rng.normal(0, 0.25, n)) * liquidity**-0.25,
        book_to_market=spread_out(np.exp(rng.normal(np.log(0.4), 0.6, n))),
        earnings_yield=spread_out(rng.normal(0.055, 0.02, n).clip(0.01, 0.12)),
        margin=spread_out(rng.uniform(0.04, 0.22, n)),
        leverage=spread_out(rng.uniform(1.4, 4.0, n)),
        dividend_yield=spread_out(np.where(rng.random(n) < 0.6, rng.uniform(0.005, 0.04, n), 0.0)),
        dividend_phase=rng.integers(0, p.dividend_every, n)[source],
        split_phase=rng.integers(0, 63, n)[source],
    )
    if region == "HK":
        # A board lot costs a few thousand dollars, as on the exchange.
        sizes = np.array([100, 200, 400, 500, 1000, 2000])
        u.lot = sizes[np.abs(np.log(sizes[None, :] * price[:, None] / 8000.0)).argmin(axis=1)].astype(
            np.int64
        )
    _name(region, u, rng)
    return u


def _name(region: str, u: Universe, rng: np.random.Generator) -> None:
    """Give out tickers: one a year goes from a delisted company to a new one, a survivor changes its own."""
    fresh = iter(_tickers(region, rng))
    days = clock(region).days
    given: dict[str, int] = {}
    # Only tickers that have been free for half a year come back.
    retired: list[tuple[int, str, int]] = []
    order = sorted(range(u.size), key=lambda i: (u.twin[i] >= 0, u.listed[i], i))
    names: list[list[tuple[int, str]]] = [[] for _ in range(u.size)]
    leaving = sorted((int(u.delisted[i]), i) for i in range(u.size) if u.delisted[i] != NEVER)
    reuse_years: set[int] = set()
    for i in order:
        at = int(u.listed[i])
        ticker = None
        if at > 0:
            taken = {old for _, _, old in retired}
            free = [j for gone, j in leaving if gone + 126 <= at and j not in taken and names[j]]
            if free and days[at].year not in reuse_years:
                j = free[0]
                ticker = names[j][-1][1]
                retired.append((at, ticker, j))
                reuse_years.add(days[at].year)
                u.venue[i] = u.venue[j]
                u.reused.append({"ticker": ticker, "first": j, "second": i, "ordinal": at})
        if ticker is None:
            if u.twin[i] >= 0:
                first = names[u.twin[i]][0][1]
                ticker = f"{first}.B" if region == "US" else next(fresh)
                u.venue[i] = u.venue[u.twin[i]]
            else:
                ticker = next(fresh)
        given[ticker] = i
        names[i].append((at, ticker))
    for y in range(ORIGIN.year, HORIZON.year + 1):
        first = next(k for k, d in enumerate(days) if d.year == y)
        at = first + int(rng.integers(40, 200))
        lasting = [
            i
            for i in range(u.size)
            if u.delisted[i] == NEVER and u.listed[i] == 0 and u.twin[i] < 0 and len(names[i]) == 1
        ]
        lasting = [i for i in lasting if i not in set(u.twin.tolist())]
        names[int(rng.choice(lasting))].append((at, next(fresh)))
    u.names = names
