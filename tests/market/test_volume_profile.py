"""How volume is spread over a session: worked by hand, and blind to the session itself and to what follows it."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest

from dnalyaw.market import volume_profile
from dnalyaw.market.providers import open_provider

SESSION = date(2013, 10, 11)
PAST = ("20131004", "20131007", "20131008", "20131009", "20131010")
NAMES = ("ibm", "spy")


class Recorder:
    """A provider of the minutes that it is given, (moment, instrument, shares)."""

    def __init__(self, rows: list[tuple[datetime, int, float]]) -> None:
        self._rows = rows

    def minute_volume(self, region: str, before: date, sessions: int) -> pl.DataFrame:
        # All of it, also what it was not asked for.
        return pl.DataFrame(
            [(at.date(), instrument, at, float(shares)) for at, instrument, shares in self._rows],
            schema={
                "session": pl.Date,
                "instrument_id": pl.Int64,
                "event_time": pl.Datetime("us", "UTC"),
                "volume": pl.Float64,
            },
            orient="row",
        )


def hong_kong(day: int, hour: int, minute: int) -> datetime:
    """A moment of March 2026, Monday the 2nd to Friday the 6th being sessions."""
    return datetime(2026, 3, day, hour - 8, minute, tzinfo=UTC)


def week() -> list[tuple[datetime, int, float]]:
    """Name 1 trades a half at 10:00 and a half at 16:00, name 2 all of a thousand times as much just after lunch."""
    rows: list[tuple[datetime, int, float]] = []
    for day in range(2, 7):
        rows += [(hong_kong(day, 10, 0), 1, 50), (hong_kong(day, 16, 0), 1, 50)]
        rows += [(hong_kong(day, 13, 1), 2, 100_000)]
    return rows


def test_a_week_in_hong_kong_by_hand() -> None:
    """330 minutes in 26 parts of 12.69: 10:00 is in the third, 13:01, the 151st minute, in the twelfth, 16:00 the last."""
    profile = volume_profile(Recorder(week()), "HK", date(2026, 3, 9))
    # Each name's day has the same weight, so a quarter, a half and a quarter.
    assert profile == (*[0.0] * 2, *[0.25] * 9, *[0.75] * 14, 1.0)


def test_four_sessions_are_too_few_and_most_providers_record_none() -> None:
    assert volume_profile(Recorder(week()), "HK", date(2026, 3, 6)) is None
    assert volume_profile(open_provider("sample"), "HK", date(2026, 3, 9)) is None


def test_neither_the_session_nor_a_later_one_counts() -> None:
    later = [(hong_kong(9, 9, 31) + timedelta(days=n), 1, 1e9) for n in (0, 1)]
    profile = volume_profile(Recorder(week()), "HK", date(2026, 3, 9))
    assert volume_profile(Recorder(week() + later), "HK", date(2026, 3, 9)) == profile
    assert volume_profile(Recorder(week() + later), "HK", date(2026, 3, 10)) != profile


def by_hand(folder: Path) -> list[Fraction]:
    """Part of the volume by the end of each quarter of an hour, read from the zips, exactly."""
    sums = [Fraction(0)] * 26
    for name in NAMES:
        for day in PAST:
            with zipfile.ZipFile(folder / "minute" / name / f"{day}_trade.zip") as archive:
                text = archive.read(archive.namelist()[0]).decode()
            rows = [(int(r[0]) // 60_000 - 570, Fraction(r[5])) for r in csv.reader(io.StringIO(text))]
            # The minute that begins at 9:30 to the one that begins at 15:59.
            inside = [(minute, shares) for minute, shares in rows if 0 <= minute < 390]
            whole = sum(shares for _, shares in inside)
            for minute, shares in inside:
                sums[minute // 15] += shares / whole / (len(NAMES) * len(PAST))
    return [sum(sums[: n + 1], Fraction(0)) for n in range(26)]


def test_recorded_minutes_against_the_files(lean_folder: Path) -> None:
    profile = volume_profile(open_provider(f"lean:{lean_folder}"), "US", SESSION)
    assert profile is not None
    assert profile == pytest.approx([float(x) for x in by_hand(lean_folder / "equity" / "usa")], abs=1e-8)
    # A U: the first and the last quarter of an hour are the busiest.
    parts = [b - a for a, b in zip((0.0, *profile), profile, strict=False)]
    assert sorted(parts)[-2:] == sorted([parts[0], parts[-1]])
    assert volume_profile(open_provider(f"lean:{lean_folder}"), "US", date(2013, 10, 10)) is None


def test_no_file_of_the_session_or_later_is_opened(lean_folder: Path, tmp_path: Path) -> None:
    """The same folder with the session's own trades, and those of 2023, spoilt beyond reading."""
    home = tmp_path / "equity" / "usa"
    home.mkdir(parents=True)
    for part in ("daily", "map_files", "factor_files"):
        (home / part).symlink_to(lean_folder / "equity" / "usa" / part)
    spoilt = 0
    for path in sorted((lean_folder / "equity" / "usa" / "minute").glob("*/*_trade.zip")):
        copy = home / "minute" / path.parent.name / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        good = path.name.startswith(PAST)
        copy.write_bytes(path.read_bytes() if good else b"no zip")
        spoilt += not good
    assert spoilt >= 2
    expected = volume_profile(open_provider(f"lean:{lean_folder}"), "US", SESSION)
    assert volume_profile(open_provider(f"lean:{tmp_path}"), "US", SESSION) == expected
