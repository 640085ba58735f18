"""What a session's parent orders cost, from omsd's journal into the lake, and back as of a moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from dnalyaw.pit import PublishedTable
from dnalyaw.report import Shortfall
from dnalyaw_pipelines.executions import session_report
from dnalyaw_pipelines.home import Home, provider_for

if TYPE_CHECKING:
    from dnalyaw.pit import AsOf

DATASETS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "parent": ("costs_parents", ("session", "scheduled", "parent_id")),
    "child": ("costs_children", ("session", "child_id")),
    "strategy": ("costs_strategies", ("session", "scheduled", "parent_id", "strategy")),
    "paths": ("costs_paths", ("session", "venue")),
}
"""Where each kind of row lies in the lake, and what names one; a partition is the session that was traded."""

CLOSE_DELAY = timedelta(minutes=15)
"""As for a bar: the official close is part of every row."""

MICRO = 1_000_000
NANOS = 1_000


@dataclass(frozen=True, slots=True)
class Measured:
    """What was put into the lake for a session; `basis` is what omsd says that it rests on."""

    frames: Mapping[str, pl.DataFrame]
    basis: Mapping[str, Any]


def measure(home: Home, region: str, partition: str) -> Measured | None:
    """Analyse the session that was traded on a partition and publish the rows; None when nothing was handed off."""
    from dnalyaw import runtime
    from dnalyaw.calibration import read_shortfall
    from dnalyaw.market import session_times
    from dnalyaw_pipelines.trading import execution_path, layout_of

    if session_report(home, region, partition) is None:
        return None
    session = home.traded_session(region, partition)
    closed, known = session_times(region, session).close, known_from(region, session)
    out = execution_path(home, region, session).with_suffix(".tca.jsonl")
    basis = runtime.session_costs(layout_of(home, region), session, closes(home, region, session), out)
    frames = read_shortfall(out)
    for kind, (feed, _) in DATASETS.items():
        rows = _stamped(frames[kind], kind, closed, known)
        staged = home.lake.land(region, feed, session.isoformat(), rows)
        home.lake.publish(
            staged, rows=rows.height, checks={"schema": "passed", "parts make the whole": "passed"}
        )
    return Measured(frames, basis)


def known_from(region: str, session: date) -> datetime:
    """From when on the rows of a session are known."""
    from dnalyaw.market import session_times

    return session_times(region, session).close + CLOSE_DELAY


def day_shortfall(home: Home, region: str, partition: str) -> Shortfall | None:
    """What the session traded on a partition cost, and all sessions up to it; None when nothing was measured."""
    from dnalyaw.calibration import path_comparison, shortfall_lines
    from dnalyaw.pit import AsOf

    session = home.traded_session(region, partition)
    if session.isoformat() not in home.lake.published_partitions(region, DATASETS["parent"][0]):
        return None
    number = int(session.strftime("%Y%m%d"))
    # The page tells what is known today of the sessions up to this one. As of the session's own evening a measurement
    # that was mended later would not be known yet.
    now = AsOf(max(known_from(region, session), datetime.now(UTC)))
    every = {
        kind: frame.filter(pl.col("session") <= number)
        for kind, frame in shortfall_frames(home, region, now).items()
    }
    today = {kind: frame.filter(pl.col("session") == number) for kind, frame in every.items()}
    return Shortfall(
        lines=tuple(shortfall_lines(today)),
        history=tuple(shortfall_lines(every)),
        sessions=every["parent"]["session"].n_unique(),
        paths=path_comparison(today),
    )


def _stamped(rows: pl.DataFrame, kind: str, closed: datetime, known: datetime) -> pl.DataFrame:
    """The rows with the moment at which they happened and the one from which on they can be known."""
    ended = {"parent": "end_ns", "child": "done_ns"}.get(kind)
    utc = pl.Datetime("us", "UTC")
    event = (pl.col(ended) // NANOS).cast(utc) if ended else pl.lit(closed).cast(utc)
    return rows.with_columns(event_time=event, available_at=pl.max_horizontal(event, pl.lit(known).cast(utc)))


def closes(home: Home, region: str, session: date) -> dict[int, int]:
    """Official closes in millionths as far as the provider has the session's bars already."""
    from dnalyaw.market.providers import ProviderError

    config = home.config()
    try:
        bars = provider_for(config.provider, config.seed).fetch("bars", region, session, session)
    except ProviderError:
        return {}
    priced = bars.filter((pl.col("session") == session) & (pl.col("close") > 0))
    return {i: round(px * MICRO) for i, px in priced.select("instrument_id", "close").iter_rows()}


def shortfall_frames(home: Home, region: str, as_of: AsOf) -> dict[str, pl.DataFrame]:
    """Every kind of row that was known at a moment, over all sessions that were traded."""
    from dnalyaw.calibration import SHORTFALL_SCHEMA

    frames = {}
    for kind, (feed, key) in DATASETS.items():
        partitions = home.lake.published_partitions(region, feed)
        table = PublishedTable(home.lake, region, feed, partitions, key).read(as_of)
        columns = dict(SHORTFALL_SCHEMA[kind])
        frames[kind] = table.select(list(columns)) if table.width else pl.DataFrame(schema=columns)
    return frames
