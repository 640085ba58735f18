"""A user's own folder: what docs/own-data.md promises, and files that break it."""

import contextlib
import gzip
import io
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnalyaw.market import MARKET_EVENTS, SCHEMAS, sessions_between
from dnalyaw.market.providers import Provider, ProviderError, is_close_only, open_provider
from dnalyaw.market.providers._csvdir import label_id
from dnalyaw.market.providers._csvdir_files import FORMS
from dnalyaw.quality import GateContext, run_rules

PAGE = Path(__file__).resolve().parents[2] / "docs" / "own-data.md"
D1, D2, D3 = date(2024, 3, 1), date(2024, 3, 4), date(2024, 3, 5)

BARS = """label,session,open,high,low,close,volume
AAA.NYSE,2024-03-01,10,11,9,10.5,1000
BBB.C.NASDAQ,2024-03-01,20,21,19,20.5,2000
AAA.NYSE,2024-03-04,10.5,12,10,11,1500
BBB.C.NASDAQ,2024-03-04,20.5,20.9,20,20.1,900
"""


def _open(folder: Path, **files: str) -> Provider:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    return open_provider(f"csvdir:{folder}")


def test_bars_alone_are_enough(tmp_path: Path) -> None:
    provider = _open(tmp_path, bars=BARS)
    assert provider.name == f"csvdir:{tmp_path}"
    assert provider.regions() == ("US",)
    assert provider.feeds("US") == ("instruments", "bars")
    assert provider.sessions("US") == [D1, D2]
    assert provider.default_session("US", date(2024, 3, 9)) == D2
    bars = provider.fetch("bars", "US", D1, D2)
    assert bars.schema == pl.Schema(SCHEMAS["bars"])
    row = bars.filter(instrument_id=label_id("US", "AAA.NYSE"), session=D1).row(0, named=True)
    # New York closes at 21:00 UTC in early March; a bar is taken to be known 15 minutes later.
    assert row["event_time"] == datetime(2024, 3, 1, 21, 0, tzinfo=UTC)
    assert row["available_at"] == datetime(2024, 3, 1, 21, 15, tzinfo=UTC)
    assert (row["close"], row["currency"]) == (10.5, "USD")
    instruments = provider.fetch("instruments", "US", D2, D2)
    assert set(instruments["label"]) == {"AAA.NYSE", "BBB.C.NASDAQ"}
    assert instruments.filter(label="BBB.C.NASDAQ").row(0, named=True)["ticker"] == "BBB.C"


def test_it_passes_the_gates(tmp_path: Path) -> None:
    provider = _open(tmp_path, bars=BARS)
    frames = {feed: provider.fetch(feed, "US", D1, D2) for feed in provider.feeds("US")}
    context = GateContext(
        region="US",
        session=D2,
        expected_sessions=(D1, D2),
        genesis=True,
        instruments=frames["instruments"],
    )
    for feed, frame in frames.items():
        assert [f.message for f in run_rules(feed, frame, context)] == []


def test_every_table_and_its_defaults(tmp_path: Path) -> None:
    provider = _open(
        tmp_path,
        bars=BARS,
        instruments="instrument_id,label,sector,delisted_on\n1,AAA.NYSE,Energy,\n2,BBB.C.NASDAQ,,2024-03-05\n",
        actions="label,ex_date,kind,ratio,amount\nAAA.NYSE,2024-03-04,split,2,\n",
        quotes="label,event_time,bid,ask\nAAA.NYSE,2024-03-04T10:00:00-05:00,10.9,\n",
        fundamentals=(
            "label,metric,period_end,value,available_at\n"
            "AAA.NYSE,revenue,2023-12-31,5e6,2024-03-02T12:00:00Z\n"
        ),
    )
    assert provider.feeds("US") == ("instruments", "bars", "quotes", "actions", "fundamentals")
    assert set(provider.fetch("bars", "US", D1, D1)["instrument_id"]) == {1, 2}
    split = provider.fetch("actions", "US", D2, D2).row(0, named=True)
    assert (split["instrument_id"], split["ratio"], split["amount"]) == (1, 2.0, None)
    assert split["available_at"] == datetime(2024, 3, 3, 20, 0, tzinfo=UTC)
    assert split["event_time"] == datetime(2024, 3, 4, 14, 30, tzinfo=UTC)
    quote = provider.fetch("quotes", "US", D2, D2).row(0, named=True)
    assert (quote["bid"], quote["ask"], quote["bid_size"]) == (10.9, 0.0, 100.0)
    assert quote["event_time"] == quote["available_at"] == datetime(2024, 3, 4, 15, 0, tzinfo=UTC)
    # Filed on Saturday, so the decision of Monday the 4th knows it: it comes with Friday the 1st.
    figure = provider.fetch("fundamentals", "US", D1, D1).row(0, named=True)
    assert (figure["value"], figure["form"]) == (5e6, "unknown")
    assert provider.fetch("fundamentals", "US", D2, D2).is_empty()
    ended = provider.fetch("instruments", "US", D2, D2).filter(instrument_id=2)
    assert ended["delisted_on"].to_list() == [None, D3]
    assert ended["available_at"].to_list()[1] == datetime(2024, 3, 4, 21, 15, tzinfo=UTC)
    events = provider.market_events("US", D2)
    assert events.schema == pl.Schema(MARKET_EVENTS)
    assert events.select("instrument_id", "kind", "bid", "source").rows() == [
        (2, "auction", 20.5, "recorded daily open"),
        (1, "quote", 10.9, "recorded quote"),
    ]


def test_a_label_follows_the_instruments_file(tmp_path: Path) -> None:
    provider = _open(
        tmp_path,
        bars=BARS,
        instruments=(
            "instrument_id,label,valid_from,valid_to\n"
            "1,AAA.NYSE,2020-01-02,2024-03-01\n2,AAA.NYSE,2024-03-04,\n3,BBB.C.NASDAQ,,\n"
        ),
    )
    bars = provider.fetch("bars", "US", D1, D2)
    assert bars.select("session", "instrument_id").rows() == [(D1, 1), (D1, 3), (D2, 2), (D2, 3)]


def test_regions_by_folder_and_by_column(tmp_path: Path) -> None:
    by_folder = tmp_path / "a"
    for code, label in (("US", "AAA.NYSE"), ("HK", "0700.HKEX")):
        (by_folder / code).mkdir(parents=True)
        (by_folder / code / "bars.csv").write_text(f"label,session,close\n{label},2024-03-01,10\n")
    provider = open_provider(f"csvdir:{by_folder}")
    assert set(provider.regions()) == {"US", "HK"}
    tick = provider.fetch("instruments", "HK", D1, D1).row(0, named=True)
    assert (tick["tick"], tick["currency"]) == (0.0, "HKD")
    by_column = tmp_path / "b"
    by_column.mkdir()
    text = "region,label,session,close\nUS,AAA.NYSE,2024-03-01,10\nHK,0700.HKEX,2024-03-01,300\n"
    provider = _open(by_column, bars=text)
    assert provider.regions() == ("HK", "US")
    assert provider.fetch("bars", "HK", D1, D1)["close"].to_list() == [300.0]
    with pytest.raises(ProviderError, match="has no region 'CN'; it has HK, US"):
        provider.sessions("CN")


def test_closes_alone(tmp_path: Path) -> None:
    provider = _open(tmp_path, bars="label,session,close\nAAA.NYSE,2024-03-01,10\n")
    assert is_close_only(provider)
    bars = provider.fetch("bars", "US", D1, D1)
    assert bars.select("open", "volume").row(0) == (None, None)
    event = provider.market_events("US", D1).row(0, named=True)
    assert (event["bid"], event["source"]) == (10.0, "recorded daily close")


def test_closes_alone_in_one_region_only_are_refused(tmp_path: Path) -> None:
    for code, text in (("US", BARS), ("HK", "label,session,close\n0700.HKEX,2024-03-01,300\n")):
        (tmp_path / code).mkdir()
        (tmp_path / code / "bars.csv").write_text(text)
    with pytest.raises(ProviderError, match="bars of HK are closes alone and the others are not"):
        is_close_only(open_provider(f"csvdir:{tmp_path}"))


def test_parquet_is_the_same(tmp_path: Path) -> None:
    first, second = tmp_path / "csv", tmp_path / "parquet"
    first.mkdir()
    second.mkdir()
    want = _open(first, bars=BARS).fetch("bars", "US", D1, D2)
    pl.read_csv(BARS.encode(), try_parse_dates=True).write_parquet(second / "bars.parquet")
    assert open_provider(f"csvdir:{second}").fetch("bars", "US", D1, D2).equals(want)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"bars": BARS, "actions": "label,ex_date,kind,ratio\nAAA.NYSE,2024-03-04,spilt,2\n"},
            "line 2, column kind holds 'spilt'; use one of split, dividend, stock_dividend",
        ),
        (
            {"bars": BARS, "instruments": "label,asset_class\nAAA.NYSE,fund\nBBB.C.NASDAQ,\n"},
            "line 2, column asset_class holds 'fund'; use one of equity, etf, index, future",
        ),
        ({"bars": BARS, "series": "series,session,value\nVOL.VIX,2024-03-04,13\n"}, "lacks the column unit"),
        ({"bars": BARS, "borrow": "label,session\nAAA.NYSE,2024-03-04\n"}, "lacks the column fee, available"),
        ({"bars": BARS, "borrow": "session,fee,available\n2024-03-04,,\n"}, "says not whose rows these are"),
        ({"bars": BARS + BARS}, "line 6 is the header again; keep one header"),
        (
            {"bars": BARS.replace(",", ";").replace(".5", ",5")},
            r"bars\.csv: line 1 separates by semicolons; separate by commas and write decimal points",
        ),
        ({"bars": BARS.replace(",", "\t")}, "line 1 separates by tabs"),
        (
            {"bars": BARS.replace("10.5,1000", '"10,5",1000')},
            "line 2, column close holds '10,5'; want a finite number with a decimal point and no thousands",
        ),
        (
            {"bars": BARS.replace("10.5,1000", '10.5,"1,000"')},
            "line 2, column volume holds '1,000'; want a finite number with a decimal point and no thousands",
        ),
        (
            {"bars": BARS.replace("10.5,1000\n", "10.5,1\x00000\n")},
            "line 2 holds a NUL byte: it is UTF-16, or",
        ),
        (
            {"bars": "<!DOCTYPE html>\n<html>"},
            r"bars\.csv: is no CSV but a web page; the download was refused",
        ),
        ({"bars": '{"message": "forbidden"}'}, r"bars\.csv: is no CSV but JSON"),
        ({"bars": BARS[:-9]}, "line 5 has 6 fields, want 7"),
        ({"bars": ""}, r"bars\.csv: is empty; the first line should be the header"),
        ({"bars": "label,session,close\n"}, r"bars\.csv: has no rows; fill it or remove it"),
        ({"bars": "label,session\nA.NYSE,2024-03-01\n"}, r"bars\.csv: lacks the column close; see docs"),
        ({"bars": "session,close\n2024-03-01,1\n"}, "says not whose rows these are; add a column label"),
        ({"bars": BARS.replace("volume", "size")}, "has the unknown column size; remove it"),
        ({"bars": BARS.replace("volume", "close")}, "the header names 'close' twice"),
        ({"bars": BARS.replace("10.5,1000", "10.5")}, "line 2 has 6 fields, want 7"),
        ({"bars": BARS.replace("20.1", "abc")}, "line 5, column close holds 'abc'; want a finite number"),
        ({"bars": BARS.replace("20.1", "")}, "line 5, column close is empty"),
        (
            {"bars": BARS.replace("2024-03-04,20.5", "04/03/2024,20.5")},
            "line 5, column session holds '04/03/2024'",
        ),
        (
            {"bars": BARS.replace("2024-03-04,20.5", "1924-03-04,20.5")},
            "line 5, column session holds 1924-03-04",
        ),
        (
            {"bars": BARS.replace("AAA.NYSE,2024-03-04", "AAA,2024-03-04")},
            "line 4, column label: label 'AAA' has",
        ),
        (
            {"bars": "label,session,close,open\nA.NYSE,2024-03-01,1,1\n"},
            "has open but lacks high, low, volume",
        ),
        (
            {"bars": "region,label,session,close\nXX,A.NYSE,2024-03-01,1\n"},
            "line 2, column region holds 'XX'",
        ),
        ({"bars": "label,session,close\nA.NYSE,2024-03-02,1\n"}, "no bar of US lies on a session of XNYS"),
        (
            {"bars": BARS, "quotes": "label,event_time,bid,ask\nAAA.NYSE,2024-03-04T10:00:00,1,2\n"},
            "with offset",
        ),
        ({"bars": BARS, "actions": "label,ex_date\nAAA.NYSE,2024-03-04\n"}, "lacks the column kind"),
        (
            {"bars": BARS, "fundamentals": "label,metric,period_end,value\nAAA.NYSE,x,2023-12-31,1\n"},
            "available_at",
        ),
        (
            {"bars": BARS, "instruments": "instrument_id,label\n1,AAA.NYSE\n"},
            "BBB.C.NASDAQ on 2024-03-01 is in no",
        ),
        (
            {"bars": BARS, "instruments": "instrument_id,label\n1,AAA.NYSE\n2,AAA.NYSE\n3,BBB.C.NASDAQ\n"},
            "AAA.NYSE on 2024-03-01 is several instruments",
        ),
        (
            {"bars": BARS, "instruments": "instrument_id,label,valid_to\n1,AAA.NYSE,2050-12-31\n"},
            "column valid_to holds 2050-12-31; want a day .* leave it empty while it holds",
        ),
    ],
)
def test_errors_name_file_line_and_column(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(ProviderError, match=message) as caught:
        _read_all(_open(tmp_path, **files))
    assert "\n" not in str(caught.value)


def _read_all(provider: Provider) -> None:
    for code in provider.regions():
        provider.default_session(code, date(2030, 1, 1)) if provider.sessions(code)[1:] else None
        for feed in provider.feeds(code):
            provider.fetch(feed, code, date(2000, 1, 3), date(2030, 1, 2))


def test_folders_that_hold_nothing_or_too_much(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match=r"holds no bars\.csv or bars\.parquet; see docs"):
        open_provider(f"csvdir:{tmp_path}")
    (tmp_path / "bars.csv").write_text(BARS)
    (tmp_path / "bars.parquet").write_bytes(b"PAR1")
    with pytest.raises(ProviderError, match=r"holds both bars\.csv and bars\.parquet"):
        open_provider(f"csvdir:{tmp_path}")
    (tmp_path / "bars.csv").unlink()
    with pytest.raises(ProviderError, match=r"bars\.parquet: is no readable Parquet file"):
        open_provider(f"csvdir:{tmp_path}").sessions("US")


def test_parquet_types_are_named(tmp_path: Path) -> None:
    frame = pl.DataFrame({"label": ["A.NYSE"], "session": ["2024-03-01"], "close": [1.0]})
    frame.write_parquet(tmp_path / "bars.parquet")
    with pytest.raises(ProviderError, match="column session has type String; want Date"):
        open_provider(f"csvdir:{tmp_path}").sessions("US")
    frame.with_columns(session=pl.lit(D1), close=pl.lit(float("nan"))).write_parquet(
        tmp_path / "bars.parquet"
    )
    with pytest.raises(ProviderError, match="row 1, column close holds nan; want Float64"):
        open_provider(f"csvdir:{tmp_path}").sessions("US")


_CELL = st.sampled_from(
    [
        "AAA.NYSE",
        "2024-03-01",
        "2024-03-01T10:00:00Z",
        "1",
        "-1",
        "1e999",
        "",
        "x",
        '"',
        "US",
        "é",
        "split",
        "9" * 30,
    ]
)
_HEADER = st.lists(st.sampled_from(sorted({c for form in FORMS.values() for c in form} | {"zz"})), max_size=7)


@settings(max_examples=150, deadline=None)
@given(
    header=_HEADER,
    rows=st.lists(st.lists(_CELL, max_size=7), max_size=4),
    noise=st.binary(max_size=20),
    feed=st.sampled_from(sorted(FORMS)),
)
def test_any_file_is_read_or_refused_with_one_line(
    header: list[str],
    rows: list[list[str]],
    noise: bytes,
    feed: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "bars.csv").write_text(BARS)
    lines = [",".join(header), *(",".join((row + ["1"] * 7)[: len(header)]) for row in rows)]
    (folder / f"{feed}.csv").write_bytes("\n".join(lines).encode() + (noise if len(noise) % 2 else b""))
    message = ""
    with contextlib.suppress(ProviderError):
        try:
            _read_all(open_provider(f"csvdir:{folder}"))
        except ProviderError as error:
            message = str(error)
            raise
    assert "\n" not in message


def test_the_example_of_the_page_works(tmp_path: Path) -> None:
    blocks = re.findall(r"^`([a-z]+\.csv)`:?\n+```csv\n(.*?)```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert {name for name, _ in blocks} == {f"{feed}.csv" for feed in FORMS}
    for name, text in blocks:
        (tmp_path / name).write_text(text)
    provider = open_provider(f"csvdir:{tmp_path}")
    sessions = provider.sessions("US")
    frames = {feed: provider.fetch(feed, "US", sessions[0], sessions[-1]) for feed in provider.feeds("US")}
    assert set(frames) == set(FORMS)
    context = GateContext(
        region="US",
        session=sessions[-1],
        expected_sessions=tuple(sessions_between("US", sessions[0], sessions[-1])),
        genesis=True,
        quotes=frames["quotes"],
        actions=frames["actions"],
        instruments=frames["instruments"],
    )
    for feed, frame in frames.items():
        assert frame.height, feed
        assert [f.message for f in run_rules(feed, frame, context)] == []


def test_the_page_names_every_column() -> None:
    page = PAGE.read_text()
    for form in FORMS.values():
        for column in form:
            assert f"`{column}`" in page


def test_a_market_around_it_and_the_newer_columns(tmp_path: Path) -> None:
    provider = _open(
        tmp_path,
        bars=BARS,
        instruments=(
            "instrument_id,label,asset_class,multiplier,expires_on\n"
            "1,AAA.NYSE,,,\n2,BBB.C.NASDAQ,future,50,2024-06-21\n"
        ),
        actions=(
            "label,ex_date,kind,ratio,amount,price,other_label\n"
            "AAA.NYSE,2024-03-04,rights,0.2,,8,\nAAA.NYSE,2024-03-04,spin_off,0.5,,,BBB.C.NASDAQ\n"
        ),
        fundamentals=(
            "label,metric,period_start,period_end,value,unit,accession,available_at\n"
            "AAA.NYSE,revenue,2023-10-01,2023-12-31,5e6,USD,0000320193-24-000006,2024-03-02T12:00:00Z\n"
        ),
        series="series,session,value,unit\nVOL.VIX,2024-03-01,13.1,points\nVOL.VIX,2024-03-04,13.5,points\n",
        borrow="label,session,fee,available\nAAA.NYSE,2024-03-04,0.01,1000\nBBB.C.NASDAQ,2024-03-04,,\n",
    )
    assert provider.feeds("US") == ("instruments", "bars", "actions", "fundamentals", "series", "borrow")
    future = provider.fetch("instruments", "US", D1, D1).filter(instrument_id=2).row(0, named=True)
    assert (future["asset_class"], future["multiplier"], future["expires_on"]) == (
        "future",
        50.0,
        date(2024, 6, 21),
    )
    actions = provider.fetch("actions", "US", D2, D2)
    assert actions.select("kind", "ratio", "price", "other_id").rows() == [
        ("rights", 0.2, 8.0, None),
        ("spin_off", 0.5, None, 2),
    ]
    filed = provider.fetch("fundamentals", "US", D1, D1).row(0, named=True)
    assert (filed["period_start"], filed["unit"]) == (date(2023, 10, 1), "USD")
    assert filed["accession"] == "0000320193-24-000006"
    series = provider.fetch("series", "US", D2, D2).row(0, named=True)
    assert (series["value"], series["available_at"]) == (13.5, datetime(2024, 3, 4, 21, 15, tzinfo=UTC))
    borrow = provider.fetch("borrow", "US", D1, D2)
    assert borrow.select("instrument_id", "fee", "available").rows() == [(1, 0.01, 1000.0), (2, None, None)]


def test_mainland_china(tmp_path: Path) -> None:
    (tmp_path / "CN").mkdir()
    (tmp_path / "CN" / "bars.csv").write_text(
        "label,session,close\n600000.SSE,2024-03-01,7.1\n000001.SZSE,2024-03-01,10.5\n"
    )
    provider = open_provider(f"csvdir:{tmp_path}")
    row = provider.fetch("instruments", "CN", D1, D1).row(0, named=True)
    assert (row["currency"], row["lot"], row["tick"]) == ("CNY", 100, 0.01)
    # Shanghai closes at 15:00, 07:00 UTC.
    bar = provider.fetch("bars", "CN", D1, D1).row(0, named=True)
    assert bar["event_time"] == datetime(2024, 3, 1, 7, 0, tzinfo=UTC)
    # Shanghai's exchange opened in December 1990.
    (tmp_path / "CN" / "actions.csv").write_text("label,ex_date,kind,ratio\n600000.SSE,1989-03-01,split,2\n")
    with pytest.raises(
        ProviderError, match="line 2, column ex_date holds 1989-03-01; want a day from 1990-12-03"
    ):
        _read_all(open_provider(f"csvdir:{tmp_path}"))


@pytest.mark.parametrize(
    "form",
    [
        lambda text: ("bars.csv", text.replace("\n", "\r\n").encode()),
        lambda text: ("bars.csv", text.replace("\n", "\r").encode()),
        lambda text: ("bars.csv", b"\xef\xbb\xbf" + text.encode()),
        lambda text: ("bars.csv", text.rstrip().encode()),
        lambda text: ("bars.csv.gz", gzip.compress(text.encode())),
        lambda text: ("bars.csv", "\n".join([BARS.split("\n")[0], *reversed(text.split("\n")[1:])]).encode()),
    ],
    ids=["CRLF", "CR", "BOM", "no last newline", "gzip", "reordered"],
)
def test_forms_that_are_read_right(tmp_path: Path, form: Callable[[str], tuple[str, bytes]]) -> None:
    plain, other = tmp_path / "plain", tmp_path / "other"
    plain.mkdir()
    other.mkdir()
    want = _open(plain, bars=BARS).fetch("bars", "US", D1, D2)
    name, data = form(BARS)
    (other / name).write_bytes(data)
    assert open_provider(f"csvdir:{other}").fetch("bars", "US", D1, D2).equals(want)


def _parquet() -> bytes:
    out = io.BytesIO()
    pl.read_csv(BARS.encode(), try_parse_dates=True).write_parquet(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("bars.csv", BARS.encode("utf-16"), "is no CSV but UTF-16 text; save it as UTF-8"),
        ("bars.csv", BARS.encode("utf-16-le"), "line 1 holds a NUL byte: it is UTF-16"),
        (
            "bars.csv",
            BARS.replace("BBB.C", "BÜB").encode("latin-1"),
            "line 3 is not UTF-8 text; save the file as UTF-8",
        ),
        ("bars.csv", gzip.compress(BARS.encode()), r"is no CSV but gzip; name it \.csv\.gz, or unpack it"),
        ("bars.csv", _parquet(), r"is no CSV but Parquet; name it \.parquet"),
        ("bars.csv", b"PK\x03\x04abc", "is no CSV but a zip or an Excel workbook"),
        (
            "bars.csv.gz",
            gzip.compress(BARS.encode())[:-20],
            "the gzip ends early; fetch the whole file again",
        ),
        ("bars.csv.gz", BARS.encode(), r"is named \.gz and is something else; fetch it again"),
        ("bars.csv.gz", b"<html>", r"is named \.gz and is a web page"),
        ("bars.csv.gz", b"", r"is named \.gz and is nothing: it is empty"),
        ("bars.csv.gz", gzip.compress(_parquet()), "is no CSV but Parquet"),
        ("bars.parquet", _parquet()[:-30], "is no readable Parquet file, cut short or damaged"),
        ("bars.parquet", BARS.encode(), "is no readable Parquet file but CSV or other text"),
        ("bars.parquet", gzip.compress(BARS.encode()), "is no readable Parquet file but gzip"),
        ("bars.parquet", b"<html>no</html>", "is no readable Parquet file but a web page"),
    ],
)
def test_what_a_file_is_not_is_said(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ProviderError, match=message) as caught:
        _read_all(open_provider(f"csvdir:{tmp_path}"))
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_same_rows_twice_are_left_to_the_gate(tmp_path: Path) -> None:
    body = BARS.split("\n", 1)[1]
    bars = _open(tmp_path, bars=BARS + body).fetch("bars", "US", D1, D2)
    context = GateContext(region="US", session=D2, expected_sessions=(D1, D2), genesis=True)
    assert "duplicate" in {f.rule for f in run_rules("bars", bars, context)}


_SOURCES = {
    "bars.csv": BARS.encode(),
    "bars.csv.gz": gzip.compress(BARS.encode(), mtime=0),
    "bars.parquet": _parquet(),
}


@settings(max_examples=200, deadline=None)
@given(
    name=st.sampled_from(sorted(_SOURCES)),
    at=st.floats(0, 1),
    drop=st.integers(0, 40),
    put=st.binary(max_size=12),
    cut=st.booleans(),
)
def test_damaged_files_are_read_or_refused_with_one_line(
    name: str, at: float, drop: int, put: bytes, cut: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = _SOURCES[name]
    place = int(at * len(data))
    folder = tmp_path_factory.mktemp("damage")
    (folder / name).write_bytes(data[:place] + put + (b"" if cut else data[place + drop :]))
    message, frames = "", []
    try:
        provider = open_provider(f"csvdir:{folder}")
        frames = [provider.fetch("bars", code, date(1991, 1, 2), D3) for code in provider.regions()]
    except ProviderError as error:
        message = str(error)
    assert "\n" not in message
    assert bool(message) != bool(frames)
    for frame in frames:
        assert frame.schema == pl.Schema(SCHEMAS["bars"])
        assert frame.select("close", "available_at").null_count().sum_horizontal().item() == 0
