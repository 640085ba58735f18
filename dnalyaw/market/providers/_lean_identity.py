"""Who a LEAN ticker was on which day: permanent ids from map files."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from dnalyaw.market.providers._base import ProviderError
from dnalyaw.market.providers._lean_files import MapRow, read_map_file

__all__ = ["VENUES", "Identity", "Span", "instrument_id_of", "read_identities"]

VENUES = {"Q": "NASDAQ", "N": "NYSE", "P": "ARCA", "Z": "BATS", "A": "AMEX"}
"""Venue letters of map files; a missing or other letter is taken for NYSE, where most old names listed."""

_OPEN_END = date(2050, 12, 31)


@dataclass(frozen=True, slots=True)
class Span:
    """`ticker` named the instrument on the days [`start`, `end`]; `end` is None while it still does."""

    ticker: str
    venue: str
    start: date
    end: date | None


@dataclass(frozen=True, slots=True)
class Identity:
    """One instrument of a LEAN folder.

    Attributes
    ----------
    instrument_id : int
        Permanent id, see `instrument_id_of`.
    file : str
        Name of its map and factor files without suffix, e.g. ``"fb.1"``.
    spans : tuple of Span
        Tickers it has had, oldest first.
    last_day : datetime.date or None
        Last day it traded, None while it is listed.
    """

    instrument_id: int
    file: str
    spans: tuple[Span, ...]
    last_day: date | None

    @property
    def listed_on(self) -> date:
        """First day of its map file."""
        return self.spans[0].start


def instrument_id_of(first_ticker: str, first_day: date) -> int:
    """Return the permanent id of the instrument first listed as `first_ticker` on `first_day`.

    The first ticker and day never change, whatever the instrument is called later, and a reused ticker has
    another day. The id is the first 48 bits of a SHA-256 of both, so it stays below 2**53 and survives JSON
    and float64 columns; a collision is an error when the folder is opened.
    """
    digest = hashlib.sha256(f"lean/usa/{first_ticker.upper()}/{first_day:%Y%m%d}".encode()).digest()
    return int.from_bytes(digest[:6], "big") or 1


def _spans(rows: list[MapRow]) -> tuple[tuple[Span, ...], date | None]:
    """Merge lines into spans: a line's ticker holds from the day after the line before it."""
    last_day = None if rows[-1].until >= _OPEN_END else rows[-1].until
    spans: list[Span] = []
    start = rows[0].until
    for i, row in enumerate(rows):
        if i and row.until < start:
            continue
        end = None if row.until >= _OPEN_END else row.until
        venue = VENUES.get(row.venue_code.upper(), "NYSE")
        before = spans[-1] if spans else None
        if before and before.ticker == row.ticker:
            spans[-1] = Span(row.ticker, venue, before.start, end)
        else:
            spans.append(Span(row.ticker, venue, start, end))
        if end is not None:
            start = end + timedelta(days=1)
    return tuple(spans), last_day


def read_identities(folder: Path) -> list[Identity]:
    """Read every map file of a folder.

    Raises
    ------
    ProviderError
        If two files claim one ticker on one day, or two instruments have one id.
    """
    identities: list[Identity] = []
    by_id: dict[int, str] = {}
    claims: dict[str, list[tuple[Span, str]]] = defaultdict(list)
    for path in sorted(folder.glob("*.csv")):
        rows = read_map_file(path)
        spans, last_day = _spans(rows)
        key = instrument_id_of(rows[0].ticker, rows[0].until)
        if key in by_id:
            raise ProviderError(
                f"{path}: is the same instrument as {by_id[key]}; remove one of the two files"
            )
        by_id[key] = str(path)
        for span in spans:
            for other, name in claims[span.ticker]:
                if (other.end is None or span.start <= other.end) and (
                    span.end is None or other.start <= span.end
                ):
                    raise ProviderError(
                        f"{path}: ticker {span.ticker} from {span.start} is also claimed by {name} "
                        f"from {other.start}; correct the dates of one of them"
                    )
            claims[span.ticker].append((span, path.name))
        identities.append(Identity(key, path.stem, spans, last_day))
    return identities
