"""Actions of LEAN's factor files, applied to its raw prices, against what the files themselves say.

The files are read again here, by nothing of the provider.
"""

from __future__ import annotations

import csv
import io
import zipfile
from bisect import bisect_left
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from operator import itemgetter
from pathlib import Path

import polars as pl
import pytest

from dnalyaw.market import adjust_bars
from dnalyaw.market.providers import open_provider
from tests.market.action_frames import EVER

FIRST, LAST = date(1998, 1, 2), date(2021, 3, 31)

ROUNDED = {
    ("aapl", "0.01785710"): Fraction(1, 56),
    ("aig", "10.66670000"): Fraction(32, 3),
    ("aig", "13.333300"): Fraction(40, 3),
    ("eem", "0.11111099"): Fraction(1, 9),
    ("eem", "0.333333"): Fraction(1, 3),
}
"""Split factors that the files print with five to seven figures, more than 1e-6 away from the fraction they stand for.

Apple's 2 for 1 of June 2000, read off 0.01785710 and 0.00892857, would be one of 2.0000011: the engine takes the 2."""

NO_BARS = {"qqq": (date(2004, 11, 30), date(2011, 3, 23))}
"""The folder has no bars of QQQQ, as the name was called in those years: 24 dividends fall where there is no price."""


@dataclass(frozen=True)
class Recorded:
    """One factor file, and the sessions on which a zip has a bar of the instrument that it is of."""

    name: str
    first_ticker: str
    first_day: date
    closes: dict[date, float]
    factors: list[tuple[date, float, float, str]]

    def at(self, session: date) -> tuple[float, float, str]:
        """Price factor, split factor, and the latter as printed: the line that ends on or after the session."""
        line = self.factors[bisect_left(self.factors, session, key=itemgetter(0))]
        return line[1], line[2], line[3]


def _day(text: str) -> date:
    return datetime.strptime(text[:8], "%Y%m%d").date()


def _csv(text: str) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(text)) if row]


def _closes(folder: Path, ticker: str) -> dict[date, float]:
    path = folder / "daily" / f"{ticker}.zip"
    if not path.is_file():
        return {}
    with zipfile.ZipFile(path) as archive:
        text = archive.read(archive.namelist()[0]).decode()
    return {_day(row[0]): float(row[4]) / 10_000 for row in _csv(text)}


def _recorded(folder: Path) -> list[Recorded]:
    found = []
    for path in sorted((folder / "factor_files").glob("*.csv")):
        map_file = folder / "map_files" / path.name
        if not map_file.is_file():
            continue
        lines = [(_day(row[0]), row[1]) for row in _csv(map_file.read_text())]
        closes: dict[date, float] = {}
        start = lines[0][0]
        for until, ticker in lines:
            bars = _closes(folder, ticker)
            closes |= {session: close for session, close in bars.items() if start <= session <= until}
            start = max(start, until + timedelta(days=1))
        factors = [(_day(r[0]), float(r[1]), float(r[2]), r[2]) for r in _csv(path.read_text())]
        if closes:
            found.append(Recorded(path.stem, lines[0][1].upper(), lines[0][0], closes, factors))
    return found


@pytest.fixture(scope="module")
def recorded(lean_folder: Path) -> list[Recorded]:
    return _recorded(lean_folder / "equity" / "usa")


@pytest.fixture(scope="module")
def ours(lean_folder: Path) -> dict[tuple[str, date], pl.DataFrame]:
    """Adjusted bars by the ticker and day under which an instrument was first listed."""
    provider = open_provider(f"lean:{lean_folder}")
    out = adjust_bars(
        provider.fetch("bars", "US", FIRST, LAST), provider.fetch("actions", "US", FIRST, LAST), EVER
    )
    names = (
        provider.fetch("instruments", "US", FIRST, LAST).sort("valid_from").group_by("instrument_id").first()
    )
    return {
        (ticker, listed): out.filter(instrument_id=key)
        for key, ticker, listed in names.select("instrument_id", "ticker", "listed_on").rows()
    }


def test_every_factor_file_with_prices_is_among_them(recorded: list[Recorded]) -> None:
    # Of nwsa and gbsn there is no map file, of the rest no zip with bars of theirs.
    assert [r.name for r in recorded] == [
        *("aaa.1", "aapl", "aig", "bac", "bno", "eem", "fb", "goog", "googl", "ibm", "iwm", "qqq", "spy"),
        *("tfcfa", "uso", "wm"),
    ]


def test_our_factors_are_the_files_to_a_millionth(
    recorded: list[Recorded], ours: dict[tuple[str, date], pl.DataFrame]
) -> None:
    """Backwards from the last bar, as the files count: price factor, split factor and their product."""
    exceptions: dict[tuple[str, str], float] = {}
    compared = 0
    for file in recorded:
        table = ours[file.first_ticker, file.first_day]
        assert table["session"].to_list() == sorted(file.closes)
        # The engine's prices are the raw ones of the zip.
        read = pl.Series([file.closes[session] for session in table["session"]])
        assert (table["close"] / read - 1).abs().max() < 1e-15
        price_last, split_last, _ = file.at(table["session"][-1])
        total_end, split_end = table["total_factor"][-1], table["split_factor"][-1]
        gap = NO_BARS.get(file.name)
        for session, split, total in table.select("session", "split_factor", "total_factor").iter_rows():
            if gap and session <= gap[0]:
                continue
            price_file, split_file, printed = file.at(session)
            price_ours = (total / split) / (total_end / split_end)
            assert abs(price_ours / (price_file / price_last) - 1) <= 1e-6, (file.name, session)
            split_ours = split / split_end
            compared += 1
            if abs(split_ours / (split_file / split_last) - 1) > 1e-6:
                exceptions.setdefault((file.name, printed), split_ours)
                continue
            product = price_file * split_file / price_last / split_last
            assert abs(total / total_end / product - 1) <= 1e-6, (file.name, session)
    assert compared > 60_000
    # In those spans the factor is the fraction that the printed one stands for.
    assert exceptions == {key: pytest.approx(float(exact), rel=1e-12) for key, exact in ROUNDED.items()}


def test_the_rounded_split_factors_are_what_they_are_said_to_be() -> None:
    for (_, printed), exact in ROUNDED.items():
        assert 1e-6 < abs(float(printed) / float(exact) - 1) < 4e-6
        # They stand for that fraction and for no other of small numbers.
        assert Fraction(printed).limit_denominator(60) == exact


def test_before_the_years_without_bars_the_factors_are_the_files_too(
    recorded: list[Recorded], ours: dict[tuple[str, date], pl.DataFrame]
) -> None:
    """QQQ until 2004: counted from the last bar before the gap, and the gap itself is not papered over."""
    file = next(r for r in recorded if r.name == "qqq")
    end, after = NO_BARS["qqq"]
    sessions = sorted(file.closes)
    assert sessions[sessions.index(end) + 1] == after
    table = ours[file.first_ticker, file.first_day].filter(pl.col("session") <= end)
    price_end, split_end, _ = file.at(end)
    for session, total in table.select("session", "total_factor").iter_rows():
        price, split, _ = file.at(session)
        assert total / table["total_factor"][-1] == pytest.approx(
            price * split / price_end / split_end, rel=1e-6
        )
