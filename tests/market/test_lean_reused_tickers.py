"""Every reused ticker of the recorded folder, found in its files without the provider's code."""

import zipfile
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from dnalyaw.market import InstrumentMaster, total_returns
from dnalyaw.market.providers import Provider, open_provider
from dnalyaw.pit import AsOf

FIRST, LAST = date(1998, 1, 2), date(2021, 3, 31)
NOBODY = ""
MOMENT = AsOf(datetime(2021, 4, 1, tzinfo=UTC))


def _day(text: str) -> date:
    return datetime.strptime(text[:8], "%Y%m%d").date()


@pytest.fixture(scope="module")
def owners(lean_folder: Path) -> dict[str, list[tuple[date, date, str]]]:
    """Who bore each ticker: (first, last, map file)."""
    found: dict[str, list[tuple[date, date, str]]] = {}
    for path in sorted((lean_folder / "equity/usa/map_files").glob("*.csv")):
        rows = [line.split(",") for line in path.read_text().split()]
        start = _day(rows[0][0])
        for until, ticker, *_ in rows:
            end = _day(until)
            found.setdefault(ticker, []).append((start, end, path.stem))
            start = max(start, end + timedelta(days=1)) if end > start else start
    return found


@pytest.fixture(scope="module")
def files(
    lean_folder: Path, owners: dict[str, list[tuple[date, date, str]]]
) -> dict[str, list[tuple[date, float, str]]]:
    """Each daily file as (day, close, map file of its owner)."""
    out = {}
    for path in sorted((lean_folder / "equity/usa/daily").glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            lines = archive.read(archive.namelist()[0]).decode().split("\n")
        rows = [line.strip().split(",") for line in lines if line.strip()]
        spans = owners.get(path.stem, [])
        out[path.stem] = [
            (
                _day(row[0]),
                int(float(row[4])) / 10_000,
                next((o for a, b, o in spans if a <= _day(row[0]) <= b), NOBODY),
            )
            for row in rows
        ]
    return out


@pytest.fixture(scope="module")
def provider(lean_folder: Path) -> Provider:
    return open_provider(f"lean:{lean_folder}")


@pytest.fixture(scope="module")
def returns(provider: Provider) -> dict[tuple[int, date], float | None]:
    """What the platform gives as the total return of each instrument on each day."""
    bars, actions = (provider.fetch(feed, "US", FIRST, LAST) for feed in ("bars", "actions"))
    table = total_returns(bars, actions, MOMENT).filter(pl.col("kind") == "bar")
    return {
        (key, day): value
        for key, day, value in table.select("instrument_id", "session", "total_return").iter_rows()
    }


def _changes(rows: list[tuple[date, float, str]]) -> list[tuple[date, date, str, str]]:
    return [(a[0], b[0], a[2], b[2]) for a, b in pairwise(rows) if a[2] != b[2]]


def test_the_reused_tickers_are_these(files: dict[str, list[tuple[date, float, str]]]) -> None:
    changed = {ticker for ticker, rows in files.items() if _changes(rows)}
    assert {"fb", "wm", "uso", "bno", "eem"} <= changed
    # These files hold rows of two companies, or of one and of nobody; goog and aaa hold what the table says.
    held = {ticker: dict(Counter(owner for _, _, owner in rows)) for ticker, rows in files.items()}
    assert set(held["fb"]) == {"fb", "fb.1"}
    assert held["wm"][NOBODY] > 2_000
    assert min(held[ticker][NOBODY] for ticker in ("uso", "bno", "eem")) > 0


def test_no_return_crosses_a_change(
    provider: Provider,
    files: dict[str, list[tuple[date, float, str]]],
    returns: dict[tuple[int, date], float | None],
) -> None:
    bars = provider.fetch("bars", "US", FIRST, LAST)
    closes = {
        (key, day): close for key, day, close in bars.select("instrument_id", "session", "close").iter_rows()
    }
    days = {key: frame["session"].sort().to_list() for (key,), frame in bars.group_by("instrument_id")}
    table = provider.fetch("instruments", "US", FIRST, LAST)
    master = InstrumentMaster(table, MOMENT)
    begins = Counter[str]()
    for ticker, rows in files.items():
        paid = {day: close for day, close, _ in rows}
        for old, new, _, now in _changes(rows):
            if now == NOBODY:
                continue
            key = master.resolve(ticker.upper(), new)
            assert closes[key, new] == pytest.approx(paid[new]), (ticker, new)
            at = days[key].index(new)
            if at == 0:
                # The new owner's first bar: there is no return, whatever the other's last price was.
                assert returns[key, new] is None, (ticker, new)
                begins[ticker] += 1
                continue
            # It traded before, in another file: its return is from its own close.
            was = closes[key, days[key][at - 1]]
            assert returns[key, new] == pytest.approx(paid[new] / was - 1, abs=0.05), (ticker, new)
            assert abs(paid[new] / paid[old] - paid[new] / was) > 1e-9, (ticker, new)
    assert {"fb", "uso", "bno", "eem"} <= set(begins)


def test_rows_of_nobody_stay_unidentified_and_are_counted(
    provider: Provider, files: dict[str, list[tuple[date, float, str]]]
) -> None:
    lost = {t: [day for day, _, owner in rows if owner == NOBODY] for t, rows in files.items()}
    want = {(t.upper(), len(d), min(d), max(d)) for t, d in lost.items() if d}
    have = {(d.ticker, d.rows, d.first, d.last) for d in provider.dropped}  # type: ignore[attr-defined]
    assert have == want


def test_the_master_assigns_as_the_map_files_do(
    provider: Provider, files: dict[str, list[tuple[date, float, str]]]
) -> None:
    table = provider.fetch("instruments", "US", FIRST, LAST)
    master = InstrumentMaster(table, MOMENT)
    master.require_one_identity(provider.fetch("bars", "US", FIRST, LAST))
    for ticker, rows in files.items():
        frame = pl.DataFrame(
            {"session": [day for day, _, _ in rows], "owner": [owner for _, _, owner in rows]}
        ).with_row_index("n")
        labels = table.filter(pl.col("ticker") == ticker.upper())["label"].unique().to_list()
        tries = [master.assign(frame.with_columns(pl.lit(label).alias("label"))) for label in labels]
        got = (
            pl.concat([t.identified for t in tries])
            if tries
            else pl.DataFrame(schema={"n": pl.UInt32, "owner": pl.String, "instrument_id": pl.Int64})
        )
        assert got["n"].is_unique().all(), ticker
        # Exactly the rows with an owner are identified, and an owner is one instrument.
        assert sorted(got["n"]) == frame.filter(pl.col("owner") != NOBODY)["n"].to_list(), ticker
        pairs = got.select("owner", "instrument_id").unique()
        assert pairs["owner"].is_unique().all(), ticker
        assert pairs["instrument_id"].is_unique().all(), ticker
