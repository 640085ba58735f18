"""The real yfinance library against a local server that speaks Yahoo's chart JSON."""

import builtins
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from dnalyaw.market import SCHEMAS, sessions_between
from dnalyaw.market.providers import Provider, ProviderError, open_provider
from dnalyaw.market.providers._yfinance import YfinanceProvider
from dnalyaw.market.providers._yfinance_wire import Day, raw_of
from tests.market.wire import HTML, NOTHING, Answer, Asked, Wire, busy, down, half, ok, wire

curl_cffi = pytest.importorskip("curl_cffi", reason="the extra `vendors` is not installed")
pytest.importorskip("yfinance", reason="the extra `vendors` is not installed")

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2020, 9, 12, 2, tzinfo=UTC)
DAYS = sessions_between("US", date(2020, 8, 3), date(2020, 9, 11))
SPLIT = date(2020, 8, 31)
BEFORE = date(2020, 8, 28)
LEAN_DAILY = Path("equity", "usa", "daily")


def float32(value: float) -> float:
    """As Yahoo sends numbers."""
    import struct

    return float(struct.unpack("f", struct.pack("f", value))[0])


@dataclass
class Yahoo:
    """Raw history, served adjusted for splits as Yahoo does: a handler for `wire`."""

    raw: list[tuple[date, float, int]]
    splits: dict[date, tuple[int, int]] = field(default_factory=dict)
    dividends: dict[date, float] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    carried: bool = True

    def factor(self, day: date) -> float:
        """New shares for one of `day`."""
        return math.prod(new / old for at, (new, old) in self.splits.items() if at > day)

    def __call__(self, asked: Asked) -> Answer:
        if asked.path.startswith("/v10/"):
            return Answer(404, b'{"quoteSummary": {"result": null, "error": {"code": "Not Found"}}}')
        if not asked.path.startswith("/v8/finance/chart/"):
            return Answer(200, b"crumbCRUMB", "text/plain")
        symbol = asked.path.rpartition("/")[2]
        if symbol == "NONE":
            error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
            return Answer(404, ok({"chart": {"result": None, "error": error}}).body)

        def stamp(day: date) -> int:
            return int(datetime(day.year, day.month, day.day, 9, 30, tzinfo=NEW_YORK).timestamp())

        closes, volumes = [], []
        for day, close, volume in self.raw:
            factor = self.factor(day) if self.carried else 1.0
            closes.append(float32(close / factor))
            volumes.append(round(volume * factor))
        quote = {
            "open": [float32(c * 0.99) for c in closes],
            "high": [float32(c * 1.01) for c in closes],
            "low": [float32(c * 0.98) for c in closes],
            "close": closes,
            "volume": volumes,
        }
        events: dict[str, Any] = {}
        if self.splits:
            events["splits"] = {
                str(stamp(day)): {
                    "date": stamp(day),
                    "numerator": new,
                    "denominator": old,
                    "splitRatio": f"{new}:{old}",
                }
                for day, (new, old) in self.splits.items()
            }
        if self.dividends:
            events["dividends"] = {
                str(stamp(day)): {"amount": float32(amount / self.factor(day)), "date": stamp(day)}
                for day, amount in self.dividends.items()
            }
        meta = {
            "currency": "USD",
            "symbol": symbol,
            "exchangeName": "NMS",
            "instrumentType": "EQUITY",
            "exchangeTimezoneName": "America/New_York",
            "timezone": "EDT",
            "gmtoffset": -14400,
            "regularMarketTime": stamp(self.raw[-1][0]),
            "validRanges": ["1d", "5d", "1mo", "max"],
            "dataGranularity": "1d",
        } | self.meta
        result = {
            "meta": meta,
            "timestamp": [stamp(day) for day, *_ in self.raw],
            "events": events,
            "indicators": {"quote": [quote], "adjclose": [{"adjclose": closes}]},
        }
        return ok({"chart": {"result": [result], "error": None}})


def session_to(server: Wire) -> Any:
    """A session of curl_cffi that asks the local server for whatever is asked of Yahoo."""

    class Local(curl_cffi.requests.Session):
        def request(self, method: str, url: str, *args: Any, **more: Any) -> Any:
            return super().request(method, server.url + urlsplit(url).path, *args, **more)

    return Local(impersonate="chrome")


@dataclass
class Bench:
    vendor: Yahoo
    server: Wire
    now: datetime = NOW
    slept: list[float] = field(default_factory=list)

    def open(self, text: str = "AAPL") -> Provider:
        return YfinanceProvider(
            text, now=lambda: self.now, session=session_to(self.server), sleep=self.slept.append
        )

    def charts(self) -> list[Asked]:
        return [a for a in self.server.asked if a.path.startswith("/v8/") and a.params.get("range") != "1d"]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("DNALYAW_CACHE", str(tmp_path))
    # About 500 before the split and 125 after it, in cents, as Apple was.
    raw = [
        (day, round((500 if day < SPLIT else 125) * (1 + 0.003 * (i % 5)), 2), 1_000_000 * (i + 1))
        for i, day in enumerate(DAYS)
    ]
    vendor = Yahoo(raw, splits={SPLIT: (4, 1)}, dividends={date(2020, 8, 7): 0.82})
    with wire(vendor) as server:
        yield Bench(vendor, server)


def test_the_adjustment_is_undone(bench: Bench) -> None:
    bars = bench.open().fetch("bars", "US", DAYS[0], DAYS[-1])
    assert bars.schema == pl.Schema(SCHEMAS["bars"])
    assert bars.select("session", "close", "volume").rows() == bench.vendor.raw
    # What Yahoo sent: a quarter of it.
    assert bench.vendor.factor(BEFORE) == 4
    assert bars["event_time"][0] == datetime(2020, 8, 3, 20, tzinfo=UTC)
    assert bars["available_at"][0] == datetime(2020, 8, 3, 20, 15, tzinfo=UTC)
    actions = bench.open().fetch("actions", "US", DAYS[0], DAYS[-1])
    assert actions.select("ex_date", "kind", "ratio", "amount").rows() == [
        (date(2020, 8, 7), "dividend", None, 0.82),
        (SPLIT, "split", 4.0, None),
    ]
    assert actions["available_at"][1] == datetime(2020, 8, 30, 20, tzinfo=UTC)
    rows = bench.open().fetch("instruments", "US", DAYS[0], DAYS[-1])
    assert rows.select("label", "asset_class", "valid_from").rows() == [("AAPL.NASDAQ", "equity", DAYS[0])]


def test_apples_real_history_comes_back_to_the_cent(bench: Bench, lean_folder: Path) -> None:
    """Recorded raw prices of 1998-2021, served as Yahoo would: divided by up to 112, and in 32-bit floats."""
    import zipfile

    text = zipfile.ZipFile(lean_folder / LEAN_DAILY / "aapl.zip").read("aapl.csv").decode()
    rows = [line.split(",") for line in text.splitlines()]
    bench.vendor.raw = [
        (datetime.strptime(row[0][:8], "%Y%m%d").date(), int(row[4]) / 10_000, int(row[5])) for row in rows
    ]
    bench.vendor.splits = {
        date(2000, 6, 21): (2, 1),
        date(2005, 2, 28): (2, 1),
        date(2014, 6, 9): (7, 1),
        SPLIT: (4, 1),
    }
    bench.now = datetime(2021, 4, 1, 2, tzinfo=UTC)
    bars = bench.open().fetch("bars", "US", bench.vendor.raw[0][0], date(2021, 3, 31))
    assert bench.vendor.factor(bench.vendor.raw[0][0]) == 112
    assert bars.height > 5_000
    assert bars.select("session", "close", "volume").rows() == bench.vendor.raw


def test_a_later_split_changes_no_raw_price(bench: Bench) -> None:
    before = bench.open().fetch("bars", "US", DAYS[0], DAYS[-1])
    more = sessions_between("US", date(2020, 9, 14), date(2020, 9, 18))
    bench.vendor.splits[more[0]] = (1, 10)
    bench.vendor.raw += [(day, 1250.0 + i, 70_000) for i, day in enumerate(more)]
    bench.now = datetime(2020, 9, 19, 2, tzinfo=UTC)
    after = bench.open().fetch("bars", "US", DAYS[0], DAYS[-1])
    assert after.equals(before)
    assert len(bench.charts()) == 2


def test_a_split_of_today_is_undone_before_today_is_over(bench: Bench) -> None:
    today = date(2020, 9, 14)
    bench.vendor.splits[today] = (2, 1)
    bench.vendor.raw.append((today, 63.0, 500))
    bench.now = datetime(2020, 9, 14, 15, tzinfo=UTC)
    bars = bench.open().fetch("bars", "US", DAYS[0], today)
    assert bars.select("session", "close").rows() == [row[:2] for row in bench.vendor.raw[:-1]]


def test_what_is_held_is_not_asked_for_again(bench: Bench) -> None:
    bench.open().fetch("bars", "US", DAYS[0], DAYS[-1])
    bench.server.asked.clear()
    assert bench.open().sessions("US") == DAYS
    assert bench.server.asked == []


def test_a_split_that_is_still_in_the_prices_is_refused(bench: Bench) -> None:
    bench.vendor.carried = False
    with pytest.raises(
        ProviderError, match=r"AAPL: the split of 4 on 2020-08-31 is still in its prices \(5\d\d"
    ):
        bench.open().fetch("bars", "US", DAYS[0], DAYS[-1])


def test_a_split_with_no_price_after_it_is_refused() -> None:
    def day(at: int, close: float | None, split: float = 0.0) -> Day:
        return Day(date(2020, 1, at), close, close, close, close, 10.0, 0.0, split)

    with pytest.raises(ProviderError, match="X: the split on 2020-01-03 has no price after it"):
        raw_of([day(2, 10.0), day(3, None, 2.0)], "X")
    with pytest.raises(ProviderError, match="X: a split of -2 on 2020-01-03 cannot be undone"):
        raw_of([day(2, 10.0), day(3, 10.0, -2.0)], "X")
    # A fall of a fifth on the day of a two-for-one is a true move.
    assert [d.close for d in raw_of([day(2, 10.0), day(3, 8.0, 2.0)], "X")] == [20.0, 8.0]


def test_a_spin_off_written_as_a_split_is_named(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.vendor.splits = {SPLIT: (1281, 1000)}
    bench.vendor.raw = [(day, 100.0 if day < SPLIT else 78.06, 1000) for day in DAYS]
    actions = bench.open().fetch("actions", "US", DAYS[0], DAYS[-1])
    assert actions.filter(kind="split")["ratio"].to_list() == [1.281]
    assert "AAPL has a split of 1.281 on 2020-08-31, which is more likely a spin-off" in caplog.text


FAULTS = {
    "429": (busy(), r"answered 429 \(too many requests\)"),
    "500": (down(), "came without prices"),
    "HTML": (HTML, "could not be read"),
    "half a body": (half({"chart": {"result": [], "error": None}}), "could not be read"),
    "nothing": (NOTHING, "could not be read"),
    "no chart": (ok({"finance": 1}), "came without prices"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line_and_the_next_run_goes_on(bench: Bench, fault: str) -> None:
    answer, message = FAULTS[fault]

    def broken(asked: Asked) -> Answer:
        return answer if asked.path == "/v8/finance/chart/MSFT" else bench.vendor(asked)

    bench.server.serve = broken
    with pytest.raises(ProviderError, match=message) as caught:
        bench.open("AAPL,MSFT").sessions("US")
    text = str(caught.value)
    assert text.startswith("provider yfinance:AAPL,MSFT: Yahoo's history of MSFT: ")
    assert "run again later" in text
    assert text.endswith("(asked 4 times)")
    assert "\n" not in text
    bench.server.serve = bench.vendor
    bench.server.asked.clear()
    assert bench.open("AAPL,MSFT").sessions("US") == DAYS
    assert {a.path for a in bench.charts()} == {"/v8/finance/chart/MSFT"}


def test_a_bad_answer_that_the_library_remembers_does_not_answer_again(bench: Bench) -> None:
    bad = [Answer(body=b'{"chart": {')]

    def once(asked: Asked) -> Answer:
        return bad.pop() if bad and asked.params.get("range") == "1d" else bench.vendor(asked)

    bench.server.serve = once
    assert bench.open("TZ").sessions("US") == DAYS
    assert not bad


def test_a_ticker_that_yahoo_does_not_know(bench: Bench) -> None:
    with pytest.raises(
        ProviderError, match=r"history of NONE: Yahoo has no such ticker; check it, as Yahoo writes it$"
    ):
        bench.open("NONE").sessions("US")


def test_only_US_names_in_dollars(bench: Bench) -> None:
    bench.vendor.meta = {"exchangeName": "LSE", "currency": "GBp"}
    with pytest.raises(
        ProviderError, match="is EQUITY on LSE in GBp; name equities and ETFs listed in the US"
    ):
        bench.open().sessions("US")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("yfinance:", "provider yfinance needs more: write yfinance:AAPL,MSFT"),
        ("yfinance:0700.HK", "'0700.HK' is no ticker of a US name"),
        ("yfinance:AAPL,AAPL", "names AAPL twice"),
    ],
)
def test_unfit_names(spec: str, message: str) -> None:
    with pytest.raises(ProviderError, match=message):
        open_provider(spec)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **more: Any) -> Any:
        if name == "yfinance":
            raise ImportError(name)
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(
        ProviderError, match="needs the library yfinance; install it with `uv sync --extra vendors`"
    ):
        open_provider("yfinance:AAPL")
