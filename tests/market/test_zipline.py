"""Zipline's example bundle: its splits reproduce, its ratios become amounts, and its faults are left in."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from dnalyaw.market import SCHEMAS
from dnalyaw.market.providers import Provider, ProviderError, open_provider
from tests.market.conftest import RECORDED

FOLDER = RECORDED / "us_daily_zipline"
START, END = date(2004, 1, 2), date(2014, 12, 31)


@pytest.fixture(scope="module")
def bundle() -> Provider:
    if not FOLDER.is_dir():
        pytest.skip(f"recorded data is not at {FOLDER}")
    return open_provider(f"zipline:{FOLDER}")


@pytest.fixture(scope="module")
def closes() -> dict[tuple[str, str], float]:
    """Read apart from the reader that is judged."""
    if not FOLDER.is_dir():
        pytest.skip(f"recorded data is not at {FOLDER}")
    with gzip.open(FOLDER / "bundle_daily_bars.csv.gz", "rt") as file:
        return {(row["symbol"], row["date"]): float(row["close"]) for row in csv.DictReader(file)}


def _ids(bundle: Provider) -> dict[str, int]:
    return dict(bundle.fetch("instruments", "US", START, END).select("ticker", "instrument_id").iter_rows())


def test_every_bar_is_there_as_it_was_recorded(bundle, closes):
    bars = bundle.fetch("bars", "US", START, END)
    assert dict(bars.schema) == SCHEMAS["bars"]
    names = {i: s for s, i in _ids(bundle).items()}
    got = {(names[i], str(d)): c for i, d, c in bars.select("instrument_id", "session", "close").iter_rows()}
    assert got == closes
    assert len(bundle.sessions("US")) == 2769


def test_splits_have_the_size_of_the_jumps_in_raw_prices(bundle, closes):
    ids = _ids(bundle)
    splits = bundle.fetch("actions", "US", START, END).filter(kind="split")
    assert set(splits.select("instrument_id", "ex_date", "ratio").iter_rows()) == {
        (ids["AAPL"], date(2005, 2, 28), 2.0),
        (ids["AAPL"], date(2014, 6, 9), 7.0),
        (ids["CERN"], date(2006, 1, 10), 2.0),
        (ids["CERN"], date(2011, 6, 27), 2.0),
        (ids["CERN"], date(2013, 7, 1), 2.0),
    }
    names = {i: s for s, i in ids.items()}
    days = sorted({d for _, d in closes})
    for key, day, ratio in splits.select("instrument_id", "ex_date", "ratio").iter_rows():
        before = days[days.index(str(day)) - 1]
        jump = closes[names[key], before] / closes[names[key], str(day)]
        assert jump == pytest.approx(ratio, rel=0.05)


def test_amounts_are_derived_from_the_raw_close_before(bundle, closes):
    dividends = bundle.fetch("actions", "US", START, END).filter(kind="dividend")
    assert dividends.height == 233
    ids = _ids(bundle)
    # Microsoft's special dividend of November 2004 was 3 dollars besides its 8 cents.
    special = dividends.filter(instrument_id=ids["MSFT"], ex_date=date(2004, 11, 15)).row(0, named=True)
    assert special["amount"] == pytest.approx(3.08, abs=1e-6)
    assert special["available_at"] == datetime(2004, 11, 14, 20, 0, tzinfo=UTC)
    cost = dividends.filter(instrument_id=ids["COST"], ex_date=date(2004, 5, 6)).row(0, named=True)
    assert cost["amount"] == pytest.approx((1 - 0.9973269179363806) * closes["COST", "2004-05-05"], abs=1e-6)


def test_apples_small_dividends_are_left_in(bundle):
    """It paid 2.65 before its split of seven for one and 0.47 after; the bundle has 0.37857 and 0.47."""
    apple = bundle.fetch("actions", "US", START, END).filter(
        kind="dividend", instrument_id=_ids(bundle)["AAPL"]
    )
    paid = dict(apple.select("ex_date", "amount").iter_rows())
    assert paid[date(2012, 8, 9)] * 7 == pytest.approx(2.65, abs=1e-4)
    assert paid[date(2014, 5, 8)] * 7 == pytest.approx(3.29, abs=1e-4)
    assert paid[date(2014, 8, 7)] == pytest.approx(0.47, abs=1e-6)


def test_dell_ends_and_nobody_knows_it_before(bundle):
    dell = bundle.fetch("instruments", "US", START, END).filter(ticker="DELL").sort("available_at")
    assert dell["delisted_on"].to_list() == [None, date(2013, 10, 30)]
    assert dell["last_price"].to_list() == [None, 13.86]
    assert dell["available_at"].to_list()[1] == datetime(2013, 10, 29, 20, 15, tzinfo=UTC)
    ends = bundle.fetch("actions", "US", START, END).filter(kind="delisting")
    assert ends.select("ex_date", "amount").rows() == [(date(2013, 10, 30), None)]
    assert bundle.fetch("instruments", "US", START, END)["delisted_on"].drop_nulls().len() == 1


def _read_all(folder: Path) -> None:
    provider = open_provider(f"zipline:{folder}")
    for feed in ("bars", "instruments", "actions"):
        provider.fetch(feed, "US", START, END)


BARS = "symbol,date,open,high,low,close,volume\nAAPL,2004-01-02,1,1,1,1,5\nAAPL,2004-01-05,1,1,1,1,5\n"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, r"holds no bundle_daily_bars\.csv or bundle_daily_bars\.csv\.gz"),
        (
            {"daily_bars": "symbol,date,close\nA,2004-01-02,1\n"},
            r"bars\.csv: lacks the column open, high, low, vol",
        ),
        ({"daily_bars": BARS.replace("AAPL", "ZZZ")}, "venue of ZZZ is unknown; add bundle_listings"),
        (
            {"daily_bars": BARS.replace("AAPL", "ZZZ"), "listings": "symbol,venue\nZZZ,LSE\n"},
            "line 2, column venue holds 'LSE'; use one of NYSE",
        ),
        (
            {"daily_bars": BARS, "splits": "effective_date,ratio,symbol\n2004-01-05,0,AAPL\n"},
            r"bundle_splits\.csv: line 2, column ratio holds 0\.0; want old shares per new",
        ),
        (
            {"daily_bars": BARS, "dividends": "effective_date,ratio,symbol\n2004-01-05,1.2,AAPL\n"},
            "line 2, column ratio holds 1.2; want the part of the price that is left",
        ),
        (
            {"daily_bars": BARS, "dividends": "effective_date,ratio,symbol\n2004-01-02,0.9,AAPL\n"},
            "line 2, AAPL has no close before the dividend",
        ),
        (
            {"daily_bars": BARS, "dividends": "effective_date,ratio,symbol\n2004-01-05,0.9,DELL\n"},
            "line 2, DELL has no bars",
        ),
        (
            {"daily_bars": BARS, "splits": "effective_date,ratio,symbol\n2014-01-05,0.5,AAPL\n"},
            "line 2, column effective_date holds 2014-01-05; the bars cover 2004-01-02 to 2004-01-05",
        ),
        ({"daily_bars": "<html>"}, "is no CSV but a web page"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, files: dict[str, str], message: str):
    for name, text in files.items():
        (tmp_path / f"bundle_{name}.csv").write_text(text)
    with pytest.raises(ProviderError, match=message) as caught:
        _read_all(tmp_path)
    assert "\n" not in str(caught.value)


def test_another_bundle_needs_only_its_listings(tmp_path: Path):
    (tmp_path / "bundle_daily_bars.csv").write_text(BARS.replace("AAPL", "ZZZ"))
    (tmp_path / "bundle_listings.csv").write_text("symbol,venue\nZZZ,NYSE\n")
    provider = open_provider(f"zipline:{tmp_path}")
    assert provider.fetch("instruments", "US", START, END)["label"].to_list() == ["ZZZ.NYSE"]
    assert provider.fetch("actions", "US", START, END).is_empty()
    assert provider.default_session("US", END) == date(2004, 1, 5)
