"""Minute files of LEAN's folder: quotes of a session, and what traded in the minutes of earlier ones."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import polars as pl

from dnalyaw.market._region import region as region_of
from dnalyaw.market._schema import UTC, conform, empty
from dnalyaw.market._sessions import is_session, session_times
from dnalyaw.market.providers._base import ProviderError
from dnalyaw.market.providers._lean_files import read_minute_quotes, read_minute_volume
from dnalyaw.market.providers._lean_identity import Identity, Span

__all__ = ["minute_files", "quotes_of", "volume_before"]

_LOG = logging.getLogger(__name__)
_VOLUME = {
    "session": pl.Date(),
    "instrument_id": pl.Int64(),
    "event_time": UTC,
    "volume": pl.Float64(),
}


def minute_files(
    root: Path, spans: Mapping[str, Sequence[tuple[Span, Identity]]], kind: str
) -> dict[int, dict[date, Path]]:
    """Return the minute files of one kind by instrument and day; those of unknown instruments are logged.

    Parameters
    ----------
    root : pathlib.Path
        ``equity/usa`` of the folder.
    spans : mapping of ticker to (span, identity)
        Who bore a ticker, and when.
    kind : str
        ``"quote"`` or ``"trade"``.
    """
    pattern = re.compile(rf"(\d{{8}})_{kind}\.zip")
    found: dict[int, dict[date, Path]] = {}
    for path in sorted((root / "minute").glob(f"*/*_{kind}.zip")):
        match = pattern.fullmatch(path.name)
        if match is None:
            raise ProviderError(f"{path}: want a name like 20131011_{kind}.zip; rename or remove the file")
        try:
            day = datetime.strptime(match[1], "%Y%m%d").date()
        except ValueError as error:
            raise ProviderError(f"{path}: {match[1]} is no date; rename or remove the file") from error
        if not is_session("US", day):
            raise ProviderError(f"{path}: the exchange did not trade on {day}; correct or remove the file")
        for span, identity in spans.get(path.parent.name.upper(), []):
            if span.start <= day and (span.end is None or day <= span.end):
                found.setdefault(identity.instrument_id, {})[day] = path
                break
        else:
            _LOG.warning("%s: is left out: no map file says whose %ss they are", path, kind)
    return found


def quotes_of(files: Mapping[int, Path], session: date) -> pl.DataFrame:
    """Return feed `quotes` of one session from its files by instrument."""
    if not files:
        return empty("quotes")
    frames = [
        _within(read_minute_quotes(path).filter((pl.col("bid") > 0) | (pl.col("ask") > 0)), key, session)
        for key, path in sorted(files.items())
    ]
    frame = pl.concat(frames).with_columns(
        pl.lit("USD").alias("currency"), pl.col("event_time").alias("available_at")
    )
    return conform("quotes", frame).sort("event_time", "instrument_id")


def volume_before(files: Mapping[int, Mapping[date, Path]], before: date, sessions: int) -> pl.DataFrame:
    """Return the minutes' volume of the last `sessions` recorded sessions before a day, as `LeanProvider.minute_volume`."""
    past = sorted({day for days in files.values() for day in days if day < before})[-sessions:]
    frames = [
        _within(read_minute_volume(path), key, day)
        # The minute that ends with the open was traded before it.
        .filter(pl.col("event_time") > session_times("US", day).open)
        .select(list(_VOLUME))
        for key, days in sorted(files.items())
        for day, path in sorted(days.items())
        if day in past
    ]
    rows = pl.concat([pl.DataFrame(schema=_VOLUME), *frames])
    return rows.filter(pl.col("volume") > 0).sort("session", "instrument_id", "event_time")


def _within(rows: pl.DataFrame, instrument_id: int, session: date) -> pl.DataFrame:
    """Rows by `minute_end` as rows by `event_time`, those of the regular session."""
    times = session_times("US", session)
    zone = region_of("US").timezone
    # Milliseconds count on the wall clock, so the local day starts from its midnight without an offset.
    midnight = pl.lit(datetime(session.year, session.month, session.day))
    return (
        rows.with_columns(
            pl.lit(instrument_id, pl.Int64).alias("instrument_id"),
            pl.lit(session).alias("session"),
            (midnight + pl.duration(milliseconds="minute_end"))
            .dt.cast_time_unit("us")
            .dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
            .dt.convert_time_zone("UTC")
            .alias("event_time"),
        )
        .filter(pl.col("event_time").is_between(times.open, times.close))
        .drop("minute_end")
    )
