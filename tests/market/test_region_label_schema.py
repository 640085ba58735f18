"""Regions, labels and the form of tables."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnalyaw.market import (
    FEEDS,
    KEYS,
    NULLABLE,
    SCHEMAS,
    LabelError,
    RegionError,
    SchemaError,
    conform,
    empty,
    parse_label,
    region,
)
from dnalyaw.market.providers import ProviderError, open_provider


def test_regions() -> None:
    assert (region("US").currency, region("HK").timezone) == ("USD", "Asia/Hong_Kong")
    with pytest.raises(RegionError, match="unknown region 'XX': use one of CN, HK, US"):
        region("XX")


def test_label_is_read_from_the_right() -> None:
    label = parse_label("TAP.A.NYSE")
    assert (label.ticker, label.venue, str(label)) == ("TAP.A", "NYSE", "TAP.A.NYSE")
    assert parse_label("0700.HKEX").ticker == "0700"


@pytest.mark.parametrize("text", ["AAPL", "", ".NYSE", "AAPL.", "aapl.NYSE", "A B.NYSE", "A..NYSE"])
def test_bad_labels(text: str) -> None:
    with pytest.raises(LabelError):
        parse_label(text)


@settings(deadline=None)
@given(st.text(max_size=12))
def test_a_label_parses_back_or_is_refused(text: str) -> None:
    try:
        label = parse_label(text)
    except LabelError:
        return
    assert str(label) == text


def test_every_feed_has_times_and_its_key() -> None:
    for feed in FEEDS:
        assert {"event_time", "available_at", *KEYS[feed], *NULLABLE[feed]} <= set(SCHEMAS[feed])
        assert empty(feed).schema == pl.Schema(SCHEMAS[feed])
        assert conform(feed, empty(feed)).equals(empty(feed))


def _bar(**other: object) -> pl.DataFrame:
    moment = datetime(2020, 1, 2, 21, tzinfo=UTC)
    row = {
        "instrument_id": 1,
        "session": date(2020, 1, 2),
        "open": 1.0,
        "high": 2.0,
        "low": 1.0,
        "close": 2,
        "volume": 10,
        "currency": "USD",
        "event_time": moment,
        "available_at": moment,
    }
    return pl.DataFrame({k: [v] for k, v in (row | other).items() if v != "absent"})


def test_conform_orders_widens_and_adds_nullable() -> None:
    bar = conform("bars", _bar(volume="absent").select(pl.all().reverse()))
    assert bar.schema == pl.Schema(SCHEMAS["bars"])
    assert bar.row(0, named=True)["close"] == 2.0
    assert bar["volume"].to_list() == [None]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"close": "absent"}, "feed bars: frame lacks close"),
        ({"colour": 1}, "feed bars: frame has unknown colour"),
        ({"close": "12"}, "column close is String, want Float64"),
        ({"event_time": datetime(2020, 1, 2)}, "column event_time is Datetime"),
        ({"instrument_id": 1.5}, "column instrument_id is Float64, want Int64"),
    ],
)
def test_conform_refuses(change: dict, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        conform("bars", _bar(**change))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("yahoo", "unknown provider 'yahoo': use one of sample"),
        ("sample:loud", "unknown setting 'loud'"),
        ("lean", "provider lean needs a folder: write lean:DIR"),
        ("lean:/no/such/place", "does not exist; give the path"),
        ("sp500:x", "unknown provider 'sp500:x'"),
    ],
)
def test_unknown_providers(spec: str, message: str) -> None:
    with pytest.raises(ProviderError, match=message) as caught:
        open_provider(spec)
    assert "\n" not in str(caught.value)


def test_faults_are_checked_when_the_provider_is_opened() -> None:
    with pytest.raises(ProviderError, match="unknown fault 'flood': use one of spike, "):
        open_provider("sample", fault="flood")
    with pytest.raises(ProviderError, match="a fault session is given without a fault"):
        open_provider("sample", fault_session=date(2024, 3, 1))
    assert open_provider("sample", fault="spike").simulated


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("x")
    with pytest.raises(ProviderError, match="is a file; give the folder"):
        open_provider(f"csvdir:{path}")
