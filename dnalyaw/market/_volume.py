"""How a session's volume is spread over its trading time, from the minutes of earlier sessions."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import polars as pl

from dnalyaw.market._sessions import session_times

__all__ = ["PROFILE_PARTS", "PROFILE_SESSIONS", "volume_profile"]

PROFILE_PARTS = 26
"""Equal parts of the trading time; a quarter of an hour of a whole day in New York."""
PROFILE_SESSIONS = 20
"""Recorded sessions that a profile is made of, at most."""
LEAST_SESSIONS = 5
"""Fewer say too little: one day's news would be the shape of all days."""


def volume_profile(provider: Any, region: str, session: date) -> tuple[float, ...] | None:
    """Return what part of a day's volume has traded by the end of each part of the trading time.

    The mean over the names and sessions that are recorded before `session`, each of them a day of its own with the same
    weight. Nothing of `session` or of a later day is read.

    Parameters
    ----------
    provider : Provider
        One that records minutes has ``minute_volume(region, before, sessions)``.
    region : str
    session : datetime.date

    Returns
    -------
    tuple of float, or None
        `PROFILE_PARTS` numbers that never fall, the last is 1; None where the provider records no minutes, or fewer than
        five sessions of them.
    """
    recorded = getattr(provider, "minute_volume", None)
    if recorded is None:
        return None
    minutes: pl.DataFrame = recorded(region, session, PROFILE_SESSIONS).filter(pl.col("session") < session)
    days = minutes["session"].unique().sort().to_list()
    if len(days) < LEAST_SESSIONS:
        return None
    parts = pl.concat(_parts(minutes.filter(pl.col("session") == day), region, day) for day in days)
    shares = parts.with_columns(pl.col("volume") / pl.col("volume").sum().over("session", "instrument_id"))
    sums = dict(shares.group_by("part").agg(pl.col("volume").sum()).iter_rows())
    whole = sum(sums.values())
    cumulative, so_far = [], 0.0
    for part in range(PROFILE_PARTS):
        so_far += sums.get(part, 0.0) / whole
        # A sum's last bits hang on its order.
        cumulative.append(round(so_far, 9))
    return (*cumulative[:-1], 1.0)


def _parts(minutes: pl.DataFrame, region: str, day: date) -> pl.DataFrame:
    """``session, instrument_id, part, volume`` of one session; a minute belongs to the part in which it ends."""
    times = session_times(region, day)
    elapsed, trading = pl.lit(0.0), 0.0
    edges = [times.open, *(moment for pause in times.breaks for moment in pause), times.close]
    for start, end in list(pairwise(edges))[::2]:
        length = (end - start).total_seconds()
        passed = (pl.col("event_time") - start).dt.total_microseconds() / 1e6
        elapsed, trading = elapsed + passed.clip(0.0, length), trading + length
    part = (elapsed / trading * PROFILE_PARTS).ceil().cast(pl.Int64) - 1
    return minutes.select("session", "instrument_id", part.clip(0, PROFILE_PARTS - 1).alias("part"), "volume")
