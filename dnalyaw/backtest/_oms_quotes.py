"""Sessions of recorded quotes for the OMS backtest, in place of those made of daily bars."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np

from dnalyaw.backtest._errors import BacktestError
from dnalyaw.market import SessionError, session_times

_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?=\D|$)")


@dataclass(frozen=True, slots=True)
class QuoteDay:
    """A session that is traded on recorded quotes.

    Attributes
    ----------
    files : tuple of Path
        Read in the order of time; what they may be stands in docs/market-data.md.
    open_ns, close_ns : int
        The exchange's hours, ns UTC.
    breaks : tuple of (int, int)
        Its pauses.
    """

    files: tuple[Path, ...]
    open_ns: int
    close_ns: int
    breaks: tuple[tuple[int, int], ...]

    def hours(self) -> dict[str, object]:
        """The venue's keys for them."""
        return {
            "open_ns": self.open_ns,
            "close_ns": self.close_ns,
            "breaks": [list(pause) for pause in self.breaks],
        }


def quote_files(folder: Path) -> dict[date, list[Path]]:
    """Files of quotes by session: those in `folder` named ``YYYY-MM-DD...``, and those in folders of such names.

    The ``.json`` beside a ``.csv`` is its session's and no file of its own.

    Raises
    ------
    BacktestError
        When there is none.
    """
    found: dict[date, list[Path]] = {}
    for entry in sorted(folder.iterdir()) if folder.is_dir() else []:
        match = _DAY.match(entry.name)
        if match is None:
            continue
        inside = sorted(entry.iterdir()) if entry.is_dir() else [entry]
        files = [path for path in inside if path.suffix != ".json"]
        if files:
            found.setdefault(date.fromisoformat(match[1]), []).extend(files)
    if not found:
        raise BacktestError(f"{folder} holds no quotes: files, or folders of files, named YYYY-MM-DD")
    return found


def quote_days(
    sessions: np.ndarray, rows: Iterable[int], quotes: Mapping[date, Sequence[Path]], region: str
) -> dict[int, QuoteDay]:
    """The sessions of a run that have quotes, by row.

    Raises
    ------
    BacktestError
        A session without files, a file that is not there, a day outside the run or the exchange's calendar.
    """
    place = {sessions[row].item(): row for row in rows}
    strange = sorted(day for day in quotes if day not in place)
    if strange:
        raise BacktestError(
            f"quotes of {strange[0]}, which is no session of the run: it trades {min(place)} to {max(place)}"
        )
    found = {}
    for day, files in quotes.items():
        paths = tuple(Path(path).resolve() for path in files)
        missing = [path for path in paths if not path.is_file()]
        if missing or not paths:
            raise BacktestError(f"quotes of {day}: {missing[0] if missing else 'no file'} is not there")
        try:
            times = session_times(region, day)
        except SessionError as error:
            raise BacktestError(f"quotes of {day}: {error}") from error
        found[place[day]] = QuoteDay(
            paths, _ns(times.open), _ns(times.close), tuple((_ns(a), _ns(b)) for a, b in times.breaks)
        )
    return found


def _ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000
