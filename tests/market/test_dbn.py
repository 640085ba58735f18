"""Databento's files against their bytes, decoded here by struct; cut, damaged and foreign ones by name."""

from __future__ import annotations

import struct
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnalyaw.market import SCHEMAS
from dnalyaw.market.providers import ProviderError, open_provider
from dnalyaw.market.providers._dbn import read_dbn_feed
from dnalyaw.market.providers._dbn_files import DbnFile
from tests.market.conftest import RECORDED

dbn = pytest.importorskip("databento_dbn", reason="databento-dbn is missing: install dnalyaw[vendors]")

FOLDER = RECORDED / "dbn"
UNDEF = (1 << 63) - 1
DAY = 86_400 * 10**9
START = 1_709_251_200 * 10**9  # 2024-03-01T00:00:00Z, a Friday


def _recorded(schema: str) -> Path:
    path = FOLDER / f"test_data.{schema}.v3.dbn.zst"
    if not path.is_file():
        pytest.skip(f"recorded data is not at {path}")
    return path


def _records(path: Path) -> list[bytes]:
    """Split a file by DBN's frame: magic, version, length of metadata, then records of 4-byte words."""
    data = pa.input_stream(str(path), compression="zstd").read()
    assert data[:3] == b"DBN"
    (length,) = struct.unpack_from("<I", data, 4)
    at, out = 8 + length, []
    while at < len(data):
        size = data[at] * 4
        out.append(data[at : at + size])
        at += size
    return out


def _us(nanoseconds: int, *, up: bool = False) -> datetime:
    whole = -(-nanoseconds // 1000) if up else nanoseconds // 1000
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=whole)


@pytest.mark.parametrize("schema", ["tbbo", "mbp-1", "bbo-1s"])
def test_top_of_book_is_what_the_bytes_say(schema):
    ((feed, frame),) = read_dbn_feed(_recorded(schema))
    assert feed == "quotes"
    assert dict(frame.schema) == SCHEMAS["quotes"]
    want = []
    for record in _records(_recorded(schema)):
        (sent,) = struct.unpack_from("<Q", record, 8)
        (received,) = struct.unpack_from("<Q", record, 32)
        bid, ask, bid_size, ask_size = struct.unpack_from("<qqII", record, 48)
        want.append(
            (bid / 1e9, ask / 1e9, float(bid_size), float(ask_size), _us(sent), _us(received, up=True))
        )
    assert len(want) == (4 if schema == "bbo-1s" else 2)
    assert frame.select("bid", "ask", "bid_size", "ask_size", "event_time", "available_at").rows() == want
    assert frame["instrument_id"].n_unique() == 1


def test_trades_are_what_the_bytes_say():
    ((feed, frame),) = read_dbn_feed(_recorded("trades"))
    want = []
    for record in _records(_recorded("trades")):
        sent, price, size = struct.unpack_from("<QqI", record, 8)
        (received,) = struct.unpack_from("<Q", record, 32)
        want.append((price / 1e9, float(size), _us(sent), _us(received, up=True)))
    assert feed == "trades"
    assert frame.select("price", "size", "event_time", "available_at").rows() == want
    assert want[0][:2] == (3720.25, 5.0)


def test_definitions_of_one_stock_under_two_ids_are_one_instrument():
    path = _recorded("definition")
    raw = [struct.unpack_from("<I", r, 4)[0] for r in _records(path)]
    assert raw == [6819, 6830]
    ((feed, frame),) = read_dbn_feed(path)
    assert feed == "instruments"
    assert frame["instrument_id"].n_unique() == 1
    row = frame.row(0, named=True)
    assert (row["label"], row["asset_class"], row["currency"]) == ("MSFT.NASDAQ", "equity", "USD")
    assert (row["multiplier"], row["expires_on"], row["valid_from"]) == (None, None, date(2021, 10, 4))


def test_an_empty_file_has_no_rows():
    assert list(read_dbn_feed(_recorded("ohlcv-1d"))) == []


def _file(path: Path, schema: str, records: list[object]) -> Path:
    meta = dbn.Metadata(
        dataset="XNAS.ITCH",
        start=START,
        stype_out=dbn.SType.INSTRUMENT_ID,
        schema=dbn.Schema.from_str(schema),
        stype_in=dbn.SType.RAW_SYMBOL,
        symbols=["MSFT"],
        mappings=[_mapping("MSFT", ("2024-03-01", "2024-03-04", "7"), ("2024-03-04", "2024-03-06", "9"))],
        version=3,
    )
    path.write_bytes(meta.encode() + b"".join(bytes(r) for r in records))
    return path


def _mapping(symbol: str, *parts: tuple[str, str, str]) -> object:
    intervals = [
        SimpleNamespace(start_date=date.fromisoformat(a), end_date=date.fromisoformat(b), symbol=s)
        for a, b, s in parts
    ]
    return SimpleNamespace(raw_symbol=symbol, intervals=intervals)


def _bar(raw_id: int, day: int, price: float) -> object:
    p = round(price * 1e9)
    return dbn.OHLCVMsg(0x23, 2, raw_id, START + day * DAY, p, p + 10**9, p - 10**9, p, 1000 + day)


def _bars(folder: Path) -> Path:
    return _file(folder / "bars.dbn", "ohlcv-1d", [_bar(7, 0, 410.5), _bar(9, 3, 414.92)])


def test_daily_bars_are_known_when_their_day_is_over(tmp_path: Path):
    ((_, bars),) = read_dbn_feed(_bars(tmp_path))
    assert dict(bars.schema) == SCHEMAS["bars"]
    assert bars.select("session", "open", "high", "low", "close", "volume").rows() == [
        (date(2024, 3, 1), 410.5, 411.5, 409.5, 410.5, 1000.0),
        (date(2024, 3, 4), 414.92, 415.92, 413.92, 414.92, 1003.0),
    ]
    assert bars["available_at"].to_list() == [datetime(2024, 3, d, tzinfo=UTC) for d in (2, 5)]
    assert bars["instrument_id"].n_unique() == 1


def test_an_id_outside_its_mapping_is_named(tmp_path: Path):
    path = _file(tmp_path / "x.dbn", "ohlcv-1d", [_bar(7, 0, 1.0), _bar(7, 3, 1.0)])
    with pytest.raises(ProviderError, match="id 7 on 2024-03-04 is in no symbol mapping of the file"):
        list(read_dbn_feed(path))


def test_undefined_prices_are_absent_sides(tmp_path: Path):
    head = struct.pack("<BBHIQ", 20, 1, 2, 7, START) + struct.pack("<qI", UNDEF, 0) + b"CN" + bytes(2)
    quote = head + struct.pack("<QiI", START + 1, 0, 1) + struct.pack("<qqIIII", UNDEF, 5 * 10**9, 3, 4, 1, 1)
    ((_, frame),) = read_dbn_feed(_file(tmp_path / "q.dbn", "mbp-1", [quote]))
    assert frame.select("bid", "ask", "bid_size", "ask_size").row(0) == (0.0, 5.0, 0.0, 4.0)
    assert frame["available_at"][0] == frame["event_time"][0] + timedelta(microseconds=1)


def test_the_provider(tmp_path: Path):
    _bars(tmp_path)
    provider = open_provider(f"dbn:{tmp_path}")
    assert (provider.regions(), provider.feeds("US")) == (("US",), ("instruments", "bars"))
    assert provider.sessions("US") == [date(2024, 3, 1), date(2024, 3, 4)]
    assert provider.fetch("bars", "US", date(2024, 3, 4), date(2024, 3, 9))["close"].to_list() == [414.92]
    assert provider.market_events("US", date(2024, 3, 4))["source"].to_list() == ["recorded daily open"]


def test_a_dataset_without_a_region_is_refused_as_a_provider(tmp_path: Path):
    (tmp_path / "a.dbn.zst").write_bytes(_recorded("trades").read_bytes())
    with pytest.raises(ProviderError, match=r"a\.dbn\.zst: dataset GLBX\.MDP3 belongs to no region"):
        open_provider(f"dbn:{tmp_path}")
    (tmp_path / "a.dbn.zst").unlink()
    with pytest.raises(ProviderError, match=r"holds no \.dbn or \.dbn\.zst files"):
        open_provider(f"dbn:{tmp_path}")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is no DBN file but empty"),
        (b"<html>", "is no DBN file but a web page"),
        (b"label,session\n", "is no DBN file but something else"),
        (b"DBN\x03\xff", "ends inside a record|cut short"),
    ],
)
def test_what_is_no_dbn_is_named(tmp_path: Path, data: bytes, message: str):
    path = tmp_path / "x.dbn"
    path.write_bytes(data)
    with pytest.raises(ProviderError, match=message):
        DbnFile(path)


def test_every_cut_of_a_packed_file_is_named(tmp_path: Path):
    data, path = _recorded("mbp-1").read_bytes(), tmp_path / "cut.dbn.zst"
    for cut in range(4, len(data)):
        path.write_bytes(data[:cut])
        with pytest.raises(ProviderError, match=r"cut short|ends inside|no DBN metadata"):
            list(read_dbn_feed(path))


@settings(max_examples=80, deadline=None)
@given(at=st.integers(0, 10_000), put=st.binary(min_size=1, max_size=6))
def test_damaged_bytes_never_raise_anything_else(at, put, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dbn")
    path = _bars(folder)
    data = path.read_bytes()
    place = at % len(data)
    path.write_bytes(data[:place] + put + data[place + len(put) :])
    try:
        parts = list(read_dbn_feed(path))
    except ProviderError:
        parts = []
    for _, frame in parts:
        assert dict(frame.schema) == SCHEMAS["bars"]


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch):
    _bars(tmp_path)
    monkeypatch.setitem(sys.modules, "databento_dbn", None)
    with pytest.raises(ProviderError, match=r"needs the package databento-dbn: install dnalyaw\[vendors\]"):
        open_provider(f"dbn:{tmp_path}")
