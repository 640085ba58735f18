"""LEAN's files: identity from hand-made folders, and malformed files."""

import contextlib
import gzip
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnalyaw.market.providers import ProviderError, open_provider
from dnalyaw.market.providers._lean_actions import actions_of
from dnalyaw.market.providers._lean_files import (
    FactorRow,
    read_daily,
    read_factor_file,
    read_map_file,
    read_minute_quotes,
)
from dnalyaw.market.providers._lean_identity import instrument_id_of, read_identities


def _zip(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{path.stem}.csv", text)
    return path


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """XY was one company until 2013-01-04 and another from 2013-01-09; the row of the 7th is nobody's."""
    usa = tmp_path / "equity" / "usa"
    _write(usa / "map_files" / "xy.1.csv", "20130102,xy,N\n20130104,xy,N\n")
    _write(usa / "map_files" / "xy.csv", "20130109,xy,Q\n20130109,xy,Q\n20501231,xyz,Q\n")
    _write(usa / "factor_files" / "xy.csv", "20130109,0.98,0.5,1\n20130109,0.98,0.5,50\n20501231,1,1,0\n")
    _zip(
        usa / "daily" / "xy.zip",
        "20130103 00:00,100000,110000,90000,105000,10\n"
        "20130104 00:00,100000,110000,90000,106000,10\n"
        "20130107 00:00,100000,110000,90000,107000,10\n"
        "20130109 00:00,500000,500000,500000,500000,10\n",
    )
    _zip(usa / "daily" / "xyz.zip", "20130110 00:00,245000,245000,245000,245000,20\n")
    return tmp_path


def test_one_file_is_cut_into_its_companies(folder: Path) -> None:
    (folder / "equity/usa/factor_files/xy.csv").write_text("20130109,0.98,0.5,50\n20501231,1,1,0\n")
    provider = open_provider(f"lean:{folder}")
    bars = provider.fetch("bars", "US", date(2013, 1, 1), date(2013, 1, 31))
    old, new = instrument_id_of("XY", date(2013, 1, 2)), instrument_id_of("xy", date(2013, 1, 9))
    assert bars.select("session", "instrument_id", "close").rows() == [
        (date(2013, 1, 3), old, 10.5),
        (date(2013, 1, 4), old, 10.6),
        (date(2013, 1, 9), new, 50.0),
        (date(2013, 1, 10), new, 24.5),
    ]
    assert [(d.ticker, d.rows, d.first) for d in provider.dropped] == [("XY", 1, date(2013, 1, 7))]  # type: ignore[attr-defined]
    # 50.00 before; two for one and 2% of 50 in cash per old share; the old company leaves at its last close.
    actions = provider.fetch("actions", "US", date(2013, 1, 1), date(2013, 1, 31))
    assert actions.select("ex_date", "kind", "ratio", "amount", "instrument_id").rows() == [
        (date(2013, 1, 7), "delisting", None, 10.6, old),
        (date(2013, 1, 10), "dividend", None, 1.0, new),
        (date(2013, 1, 10), "split", 2.0, None, new),
    ]
    last = provider.fetch("instruments", "US", date(2013, 1, 10), date(2013, 1, 10))
    assert last.sort("valid_from").select("label", "valid_from", "valid_to").rows() == [
        ("XY.NYSE", date(2013, 1, 2), date(2013, 1, 4)),
        ("XY.NASDAQ", date(2013, 1, 9), date(2013, 1, 9)),
        ("XYZ.NASDAQ", date(2013, 1, 10), None),
    ]
    assert provider.default_session("US", date(2020, 1, 1)) == date(2013, 1, 10)


def test_a_repeated_factor_date_is_named(folder: Path) -> None:
    provider = open_provider(f"lean:{folder}")
    with pytest.raises(ProviderError, match=r"xy\.csv: line 2, 2013-01-09 does not follow"):
        provider.fetch("actions", "US", date(2013, 1, 1), date(2013, 1, 31))


def test_quotes_of_a_day_without_trade_are_named(folder: Path) -> None:
    _zip(folder / "equity/usa/minute/xy/20130105_quote.zip", "34200000,1,1,1,1,1,1,1,1,1,1\n")
    with pytest.raises(ProviderError, match=r"20130105_quote\.zip: the exchange did not trade on 2013-01-05"):
        open_provider(f"lean:{folder}").feeds("US")


def test_two_claims_to_one_ticker(folder: Path) -> None:
    _write(folder / "equity/usa/map_files/zz.csv", "20130103,xy,N\n20130105,xy,N\n")
    with pytest.raises(ProviderError, match=r"ticker XY from 2013-01-03 is also claimed by xy\.1\.csv"):
        open_provider(f"lean:{folder}")


def test_ids_are_permanent_and_fit_a_float() -> None:
    # The scheme is part of every stored table: these values must never change.
    assert instrument_id_of("aapl", date(1998, 1, 2)) == 223691312259416
    assert instrument_id_of("AAPL", date(1998, 1, 2)) == 223691312259416
    assert 0 < instrument_id_of("x", date(2000, 1, 1)) < 2**48


def test_unknown_venue_letters_mean_nyse(tmp_path: Path) -> None:
    _write(tmp_path / "a.csv", "20130102,a\n20501231,a\n")
    _write(tmp_path / "b.csv", "20130102,b,P\n20501231,b,P\n")
    assert [i.spans[0].venue for i in read_identities(tmp_path)] == ["NYSE", "ARCA"]


@pytest.mark.parametrize(
    ("before", "after", "ratio"),
    [
        (0.00892857, 0.0178571, 2.0),
        (0.0357143, 0.25, 7.0),
        (7.11111022, 10.66666533, 1.5),
        (8.0, 1.0, 0.125),
        (20.0, 1.0, 0.05),
    ],
)
def test_rounded_factors_give_whole_ratios(before: float, after: float, ratio: float) -> None:
    rows = [FactorRow(date(2014, 6, 6), 1.0, before, 100.0), FactorRow(date(2050, 12, 31), 1.0, after, 0.0)]
    assert actions_of(rows) == [(date(2014, 6, 9), "split", ratio, None)]


def test_dividend_from_factor_and_reference() -> None:
    # 137.39 x (1 - 0.9985079 / 1) = 0.204999619: Apple's dividend of February 2021, 0.205, with the factor's rounding.
    rows = [
        FactorRow(date(2021, 2, 4), 0.9985079, 1.0, 137.39),
        FactorRow(date(2050, 12, 31), 1.0, 1.0, 0.0),
    ]
    assert actions_of(rows) == [(date(2021, 2, 5), "dividend", None, 0.20499962)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("20130102 00:00,1,1,1,1\n", "line 1 has 5 fields, want 6"),
        (
            "20130102 00:00,1,1,1,1,1\n20130103 00:00,1,x,1,1,1\n",
            "line 2, column high holds 'x'; want a finite",
        ),
        ("\n20130102 00:00,1,1,1,,1\n", "line 2, column close is empty"),
        ("20131302 00:00,1,1,1,1,1\n", "line 1, column date holds '20131302'; want a date as %Y%m%d"),
        ("20130102 00:00,1,1,1,nan,1\n", "column close holds 'nan'"),
        (b"\xe9", "line 1 is not UTF-8"),
        (b"\xff\xfe2\x000\x00", r"xy\.zip!xy\.csv: is no CSV but UTF-16 text; save it as UTF-8"),
        (b"20130102 00:00,1,1,1,1\0,1\n", "line 1 holds a NUL byte"),
        (b"<html><body>Too many requests", "is no CSV but a web page"),
    ],
)
def test_bad_daily_lines_are_named(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = _zip(tmp_path / "xy.zip", text)
    with pytest.raises(ProviderError, match=message) as caught:
        read_daily(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("20130102\n", "line 1 lacks a ticker"),
        ("2013-01-02,a,N\n", "line 1, column date holds '2013-01-02'; want YYYYMMDD"),
        ("20130102,a,N\n20120102,a,N\n", "line 2, 2012-01-02 comes after 2013-01-02"),
    ],
)
def test_bad_map_files_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ProviderError, match=message):
        read_map_file(_write(tmp_path / "a.csv", text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("20130102,1,1\n", "line 1 has 3 fields"),
        ("20130102,0,1,5\n", "column price factor holds '0'; want a positive"),
        ("20130102,1,inf,5\n", "column split factor holds 'inf'"),
        ("20130102,1,1,five\n", "column reference price holds 'five'"),
    ],
)
def test_bad_factor_files_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ProviderError, match=message):
        read_factor_file(_write(tmp_path / "a.csv", text))


def test_prices_are_the_doubles_nearest_to_their_decimals(tmp_path: Path) -> None:
    cells = [549000, 1, 294570, 33, 1234567, 7000001]
    days = "".join(f"201401{n + 2:02d} 00:00,{c},{c},{c},{c},100\n" for n, c in enumerate(cells))
    frame = read_daily(_zip(tmp_path / "x.zip", days))
    assert frame["close"].to_list() == [float(Decimal(c) / 10000) for c in cells]


def test_one_sided_quotes_keep_a_zero(tmp_path: Path) -> None:
    path = _zip(tmp_path / "q.zip", "34200000,,,,,,1010000,1020000,1000000,1010000,300\n")
    assert read_minute_quotes(path).rows() == [(34_260_000, 0.0, 101.0, 0.0, 300.0)]
    path = _zip(tmp_path / "r.zip", "86400000,1,1,1,1,1,1,1,1,1,1\n")
    with pytest.raises(ProviderError, match="line 1, column ms is not within a day"):
        read_minute_quotes(path)


def test_a_broken_zip_is_named(tmp_path: Path) -> None:
    path = tmp_path / "aapl.zip"
    path.write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(ProviderError, match=r"aapl\.zip: is no readable zip"):
        read_daily(path)


def test_zips_that_are_cut_or_something_else_are_named(tmp_path: Path) -> None:
    whole = _zip(tmp_path / "aapl.zip", "".join(f"201301{d:02} 00:00,{d},9,1,5,77\n" for d in range(1, 29)))
    assert read_daily(whole).height == 28
    data = whole.read_bytes()
    for cut in range(0, len(data), 7):
        whole.write_bytes(data[:cut])
        with pytest.raises(ProviderError, match=r"aapl\.zip: is no readable zip"):
            read_daily(whole)
    for wrong, what in (
        (gzip.compress(b"20130102 00:00,1,1,1,1,1\n"), "is no zip but gzip; fetch the file again"),
        (b"<!DOCTYPE html><title>Log in</title>", "is no zip but a web page"),
        (b"20130102 00:00,1,1,1,1,1\n", "is no readable zip"),
    ):
        whole.write_bytes(wrong)
        with pytest.raises(ProviderError, match=what):
            read_daily(whole)
    plain = tmp_path / "xy.csv"
    plain.write_bytes(data)
    for reader in (read_map_file, read_factor_file):
        with pytest.raises(ProviderError, match=r"xy\.csv: is no text but a zip"):
            reader(plain)


def test_a_damaged_zip_is_read_right_or_refused(tmp_path: Path) -> None:
    """Every byte of a whole zip turned over in turn: never another frame, never another error."""
    path = _zip(tmp_path / "aapl.zip", "".join(f"201301{d:02} 00:00,{d},9,1,5,77\n" for d in range(1, 29)))
    data, want = path.read_bytes(), read_daily(path)
    refused = 0
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        try:
            got = read_daily(path)
        except ProviderError:
            refused += 1
        else:
            assert got.equals(want)
    assert refused > len(data) // 2


def test_a_folder_without_bars(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match=r"daily is missing; give the folder in which LEAN keeps"):
        open_provider(f"lean:{tmp_path}")


_LINES = st.lists(
    st.lists(
        st.sampled_from(["20130102", "20130102 00:00", "1", "-5", "x", "", "nan", '"', "1e400", "é"]),
        max_size=8,
    ).map(",".join),
    max_size=5,
).map("\n".join)


@settings(max_examples=150, deadline=None)
@given(text=st.one_of(_LINES.map(str.encode), st.binary(max_size=60)))
def test_any_bytes_parse_or_are_refused(text: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp()
    plain, packed = folder / "fuzz.csv", folder / "fuzz.zip"
    plain.write_bytes(text)
    _zip(packed, text)
    for reader, path in (
        (read_map_file, plain),
        (read_factor_file, plain),
        (read_daily, packed),
        (read_minute_quotes, packed),
        (read_daily, plain),
    ):
        with contextlib.suppress(ProviderError):
            reader(path)
