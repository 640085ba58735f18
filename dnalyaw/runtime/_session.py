"""session.json: how omsd trades a session. Hours, the volume it expects, what is worked over time, and the two paths."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from dnalyaw.runtime._files import nanos, write_atomically
from dnalyaw.runtime._layout import Layout

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
MILLION = 1_000_000

SMALL_ADV_PPM = 5_000
"""A parent order of at most half a per cent of the average daily volume goes at once."""
EVERYTHING_PPM = 2**62
"""No order is a larger part of the volume."""
PARTICIPATION_PPM = 100_000
"""The part of the volume that a large one is expected to trade."""
MIN_DURATION_NS = 10 * MINUTE
"""What takes no longer at that rate goes at once too."""
RISK_AVERSION = 1e-6
"""Lambda of Almgren and Chriss, "Optimal execution of portfolio transactions" (2000), per currency unit: their example's."""
LARGE = "ALMGREN_CHRISS"
"""Where volatility, spread or volume are unknown omsd takes VWAP."""
WALL_SLICE_SECONDS = 0.2
"""A slice of a replayed session takes at least as long: time for an order to go to the venue and its fill to come back."""
LEAST_SLICE_NS = 5 * MINUTE
MAX_ADV_PPM = 10_000
FLOOR_PPM = 100_000
BLOCK = 4

# Intraday volume is U-shaped (Jain and Joh, "The dependence between hourly prices and trading volume", 1988). The weight at
# the part x of the trading time is 1 + 2 (2x - 1)^2: three times as much at both ends as in the middle.
_BUCKETS = 26


def volume_curve(
    opened: int,
    closed: int,
    breaks: Sequence[tuple[int, int]],
    profile: Sequence[float] | None = None,
) -> dict[str, Any]:
    """The volume that is expected of a session: as recorded on earlier days, else the U shape.

    Parameters
    ----------
    opened, closed : int
        Nanoseconds UTC.
    breaks : sequence of (int, int)
        Ascending, nanoseconds UTC; nothing trades in them.
    profile : sequence of float, optional
        The part of a day's volume that has traded by the end of each of as many equal parts of the trading time, as
        `dnalyaw.market.volume_profile` gives it; even within a part. None is the U shape.

    Returns
    -------
    dict
        ``start_ns``, ``end_ns`` (ends of the buckets, ascending, the last is the close) and ``cum_ppm`` (millionths of the
        day's volume up to there, the last is a million).
    """
    parts, at = [], opened
    for start, end in [*breaks, (closed, closed)]:
        if start > at:
            parts.append((at, start))
        at = end
    trading = sum(end - start for start, end in parts)

    def traded(at_ns: int) -> int:
        elapsed = sum(max(0, min(end, at_ns) - start) for start, end in parts)
        x = elapsed / trading
        if profile is not None:
            place = x * len(profile)
            part = min(int(place), len(profile) - 1)
            before = profile[part - 1] if part else 0.0
            return round(MILLION * (before + (profile[part] - before) * (place - part)))
        # The integral of the weight from 0 to x, over its integral to 1, which is 5/3.
        return round(MILLION * (x + ((2 * x - 1) ** 3 + 1) / 3) / (5 / 3))

    ends = sorted(
        {
            closed,
            *(end for start, end in breaks),
            *(start for start, _ in breaks),
            *(
                start + (end - start) * k // count
                for start, end in parts
                for count in [max(1, _BUCKETS * (end - start) // trading)]
                for k in range(1, count)
            ),
        }
        - {opened}
    )
    return {"start_ns": opened, "end_ns": ends, "cum_ppm": [traded(end) for end in ends]}


def write_session(
    layout: Layout,
    session: date,
    *,
    times: tuple[datetime, datetime, Sequence[tuple[datetime, datetime]]],
    venues: Collection[str],
    speed: float,
    seed: int,
    profile: Sequence[float] | None = None,
    at_once: bool = False,
) -> None:
    """Write ``session.json``.

    Ticks are left to the reference: riskd judges every order by it, and near the edge of two of Hong Kong's bands its tick
    is valid in both.

    Parameters
    ----------
    times : (open, close, breaks)
        UTC.
    venues : collection of str
        Every venue of the reference; each has two paths.
    speed : float
        Replayed seconds a second: slices last `WALL_SLICE_SECONDS` of wall time at least.
    seed : int
        The experiment's key; a day has its own.
    profile : sequence of float, optional
        Of `volume_curve`.
    at_once : bool
        Nothing is worked over time, however large: for a market in which some names have no price but the print of the day.
    """
    opened, closed = nanos(times[0]), nanos(times[1])
    breaks = [(nanos(start), nanos(end)) for start, end in times[2]]
    trading = closed - opened - sum(end - start for start, end in breaks)
    slice_ns = min(max(LEAST_SLICE_NS, round(WALL_SLICE_SECONDS * speed * SECOND)), trading // 4)
    document = {
        "region": layout.region,
        "session": session.isoformat(),
        "open_ns": opened,
        "close_ns": closed,
        "breaks": breaks,
        "volume": volume_curve(opened, closed, breaks, profile),
        "rule": {
            "small_adv_ppm": EVERYTHING_PPM if at_once else SMALL_ADV_PPM,
            "rate_ppm": PARTICIPATION_PPM,
            "min_duration_ns": MIN_DURATION_NS,
            "large": LARGE,
            **({"unknown": "IMMEDIATE"} if at_once else {}),
            "risk_aversion": RISK_AVERSION,
            "base": _base(slice_ns),
        },
        "router": _router(venues, seed * 1_000_003 + session.toordinal()),
    }
    write_atomically(layout.session, json.dumps(document, indent=1).encode())


def _base(slice_ns: int) -> dict[str, Any]:
    return {
        "algorithm": "TWAP",
        "slice_ns": slice_ns,
        "style": "PASSIVE",
        "mid_behind_ppm": 10_000,
        "cross_behind_ppm": 30_000,
        "collar_bp": 50,
        "at_end": "SWEEP",
        # The sweep is a slice of its own: at the speed of a replay a minute would be over before an answer came.
        "sweep_ns": slice_ns,
        "catch_up_ppm": MILLION,
        "min_gap_ns": 0,
        # One displayed size and a hundredth of the daily volume for every five minutes that a slice stands for: a child
        # that waits takes what each row displays anew, and a fast replay has no time for one child after another.
        "max_displayed_ppm": MILLION * slice_ns // LEAST_SLICE_NS,
        "max_adv_ppm": MAX_ADV_PPM * slice_ns // LEAST_SLICE_NS,
        "max_refusals": 3,
    }


def _router(venues: Collection[str], seed: int) -> dict[str, Any]:
    """Blocks of four orders, two on each path, in strata of liquidity, size, spread and time of the day."""
    return {
        "design": {"seed": seed % 2**63 or 1, "block": BLOCK},
        "buckets": {
            "by_instrument": False,
            "notional_micro": [10 * MILLION * MILLION, 100 * MILLION * MILLION],
            "displayed_ppm": [500_000],
            "adv_ppm": [1_000],
            "spread_ppm": [500],
            "time_ns": [30 * MINUTE, 240 * MINUTE],
        },
        "paths": {
            venue: [
                {"id": number, "name": name, "venue": venue} for number, name in ((1, "first"), (2, "second"))
            ]
            for venue in sorted(venues)
        },
        "floor_ppm": FLOOR_PPM,
    }
