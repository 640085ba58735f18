"""Alpaca's REST history against a server in its own wire form."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from dnalyaw.market import SCHEMAS, next_session, sessions_between
from dnalyaw.market.providers import Provider, ProviderError, open_provider
from dnalyaw.market.providers._alpaca import AlpacaProvider
from dnalyaw.market.providers._http import HttpSource
from dnalyaw.quality import GateContext, run_rules
from tests.market.alpaca_wire import META, Alpaca, bar, flat
from tests.market.wire import HTML, NOTHING, RESET, Answer, Ticker, Wire, busy, down, half, ok, wire

NOW = datetime(2016, 3, 1, 2, tzinfo=UTC)  # after the session of 29 February
DAYS = sessions_between("US", date(2016, 1, 4), date(2016, 2, 29))
FAR = date(2016, 12, 31)


@dataclass
class Bench:
    """The server, its clock, and how to open the provider on them."""

    vendor: Alpaca
    server: Wire
    cache: Path
    now: datetime = NOW
    ticker: Ticker = field(default_factory=Ticker)

    def open(self, text: str = "AAPL") -> Provider:
        return AlpacaProvider(
            text,
            now=lambda: self.now,
            sleep=self.ticker.sleep,
            clock=self.ticker.clock,
            tries=2,
            timeout_s=5.0,
        )

    def bars(self, text: str = "AAPL") -> pl.DataFrame:
        return self.open(text).fetch("bars", "US", date(2016, 1, 1), FAR)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    vendor = Alpaca()
    vendor.list("AAPL")
    vendor.bars["AAPL"] = flat(DAYS)
    with wire(vendor) as server:
        monkeypatch.setenv("APCA_API_KEY_ID", vendor.keys[0])
        monkeypatch.setenv("APCA_API_SECRET_KEY", vendor.keys[1])
        monkeypatch.setenv("APCA_API_DATA_URL", server.url)
        monkeypatch.setenv("APCA_API_BASE_URL", server.url)
        monkeypatch.setenv("DNALYAW_CACHE", str(tmp_path / "cache"))
        yield Bench(vendor, server, tmp_path / "cache" / "alpaca")


def asked_bars(bench: Bench) -> list[str | None]:
    """Page tokens of the bars asked for."""
    return [a.params.get("page_token") for a in bench.server.asked if a.path == "/v2/stocks/bars"]


def test_all_pages_become_raw_bars(bench: Bench) -> None:
    bench.vendor.page = 7
    bars = bench.bars()
    assert bars.schema == pl.Schema(SCHEMAS["bars"])
    assert bars["session"].to_list() == DAYS
    assert bars.select("open", "high", "low", "close", "volume").rows() == [
        row[1:] for row in bench.vendor.bars["AAPL"]
    ]
    assert len(asked_bars(bench)) == -(-len(DAYS) // 7)
    # 4 January: New York closes at 21:00 UTC.
    first = bars.row(0, named=True)
    assert first["event_time"] == datetime(2016, 1, 4, 21, tzinfo=UTC)
    assert first["available_at"] == datetime(2016, 1, 4, 21, 15, tzinfo=UTC)
    asked = next(a for a in bench.server.asked if a.path == "/v2/stocks/bars")
    assert (asked.params["feed"], asked.params["asof"]) == ("sip", "2016-02-29")
    # 16 minutes ago: the free plan refuses the last 15.
    assert asked.params["end"] == "2016-03-01T01:44:00Z"
    assert bench.open().sessions("US") == DAYS
    assert bench.open().default_session("US", date(2016, 2, 28)) == date(2016, 2, 26)


def test_what_it_delivers_passes_the_gates(bench: Bench) -> None:
    provider = bench.open()
    frames = {feed: provider.fetch(feed, "US", DAYS[0], DAYS[-1]) for feed in provider.feeds("US")}
    context = GateContext(
        region="US",
        session=DAYS[-1],
        expected_sessions=tuple(DAYS),
        genesis=True,
        instruments=frames["instruments"],
    )
    for feed, frame in frames.items():
        assert [f.message for f in run_rules(feed, frame, context) if f.severity == "error"] == []


FAULTS = {
    "429": busy("1"),
    "500": down(),
    "HTML": HTML,
    "half a body": half({"bars": {}, "next_page_token": None}),
    "nothing": NOTHING,
    "a reset": RESET,
    "no UTF-8": Answer(body=b"\xff\xfe{}"),
    "no bars": ok({"message": "fine"}),
    "somebody else's bars": ok({"bars": {"MSFT": []}, "next_page_token": None}),
    "a word for a price": ok(
        {"bars": {"AAPL": [bar(flat(DAYS)[0]) | {"c": "n/a"}]}, "next_page_token": None}
    ),
    "no moment": ok({"bars": {"AAPL": [bar(flat(DAYS)[0]) | {"t": "today"}]}, "next_page_token": None}),
    "minutes": ok(
        {"bars": {"AAPL": [bar(flat(DAYS)[0]) | {"t": "2016-01-04T14:30:00Z"}]}, "next_page_token": None}
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_fault_the_next_run_goes_on_where_it_stopped(bench: Bench, fault: str) -> None:
    bench.vendor.page = 15

    def broken(asked):  # type: ignore[no-untyped-def]
        return FAULTS[fault] if asked.params.get("page_token") == "15" else bench.vendor(asked)

    bench.server.serve = broken
    with pytest.raises(ProviderError, match="provider alpaca:AAPL: ") as caught:
        bench.bars()
    assert "\n" not in str(caught.value)
    held = (bench.cache / "index.jsonl").read_text().count("\n")
    assert held == 3, "the asset, its actions and the good page; nothing of the bad one"
    bench.server.asked.clear()
    bench.server.serve = bench.vendor
    assert bench.bars()["session"].to_list() == DAYS
    assert asked_bars(bench) == ["15", "30"]


def test_what_is_held_is_not_asked_for_again(bench: Bench) -> None:
    bench.bars()
    bench.server.asked.clear()
    assert bench.bars()["session"].to_list() == DAYS
    assert bench.server.asked == []
    # The next session is over: the running block is asked for again, and the asset on the new day.
    bench.vendor.bars["AAPL"] = flat([*DAYS, date(2016, 3, 1)])
    bench.now = datetime(2016, 3, 1, 21, 31, tzinfo=UTC)
    assert bench.bars()["session"].to_list() == [*DAYS, date(2016, 3, 1)]
    assert len(asked_bars(bench)) == 1


def test_a_torn_index_and_a_spoilt_body_are_asked_for_again(bench: Bench) -> None:
    bench.bars()
    index = bench.cache / "index.jsonl"
    index.write_bytes(index.read_bytes()[:-40])
    bench.server.asked.clear()
    assert bench.bars()["session"].to_list() == DAYS
    assert len(bench.server.asked) == 1
    for body in bench.cache.glob("objects/*/*"):
        body.write_bytes(body.read_bytes()[:-1])
    bench.server.asked.clear()
    assert bench.bars()["session"].to_list() == DAYS
    assert len(bench.server.asked) == 3


def test_a_full_disk_is_one_line(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno
    import os

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(
            ProviderError, match=r"cannot keep what was received .*\(No space left on device\)"
        ):
            bench.bars()
    assert bench.bars()["session"].to_list() == DAYS


def test_a_bar_of_a_session_that_goes_on_is_no_bar(bench: Bench) -> None:
    today = date(2016, 3, 1)
    bench.vendor.bars["AAPL"] = flat([*DAYS, today])
    bench.now = datetime(2016, 3, 1, 20, 30, tzinfo=UTC)
    provider = bench.open()
    assert provider.fetch("bars", "US", DAYS[-1], today)["session"].to_list() == DAYS[-1:]
    # The same process, after the close: another price, and no correction of anything.
    row = (today, 100.0, 103.0, 99.0, 102.5, 5000)
    bench.vendor.bars["AAPL"] = [*flat(DAYS), row]
    bench.now = datetime(2016, 3, 1, 22, tzinfo=UTC)
    got = provider.fetch("bars", "US", today, today).row(0, named=True)
    assert (got["close"], got["available_at"]) == (102.5, datetime(2016, 3, 1, 21, 15, tzinfo=UTC))


def test_a_later_word_is_known_from_when_it_came(bench: Bench) -> None:
    bench.vendor.bars["AAPL"] = [row for row in flat(DAYS) if row[0] != DAYS[10]]
    bench.bars()
    # A day later: one close is corrected, a missing day delivered, and a new session as usual.
    days = [*DAYS, date(2016, 3, 1)]
    changed = flat(days)
    changed[5] = (*changed[5][:4], 99.5, changed[5][5])
    bench.vendor.bars["AAPL"] = changed
    bench.now = datetime(2016, 3, 2, 1, tzinfo=UTC)
    bars = bench.bars()
    assert bars["session"].to_list() == days
    assert bars["close"][5] == 99.5
    late = bars.filter(pl.col("available_at") - pl.col("event_time") != timedelta(minutes=15))
    assert late.select("session", "available_at").rows() == [(DAYS[5], bench.now), (DAYS[10], bench.now)]


def test_a_renamed_company_keeps_its_identity_and_gets_nobody_elses_actions(bench: Bench) -> None:
    vendor = bench.vendor
    vendor.list("META", META)
    vendor.bars["META"] = flat(DAYS)
    renamed = DAYS[20]
    vendor.actions = {
        "name_changes": [{"old_symbol": "FB", "new_symbol": "META", "process_date": str(renamed)}],
        "cash_dividends": [
            # Of the fund that was META before, and of FB as it was called then.
            {"symbol": "META", "rate": 9.0, "ex_date": str(DAYS[5]), "process_date": str(DAYS[6])},
            {"symbol": "FB", "rate": 0.5, "ex_date": str(DAYS[7]), "process_date": str(DAYS[8])},
            {"symbol": "META", "rate": 0.6, "ex_date": str(DAYS[30]), "process_date": str(DAYS[31])},
        ],
    }
    provider = bench.open("META")
    rows = provider.fetch("instruments", "US", DAYS[0], DAYS[-1])
    assert rows["instrument_id"].n_unique() == 1
    assert rows.select("label", "valid_from", "valid_to").rows() == [
        ("FB.NASDAQ", DAYS[0], None),
        ("FB.NASDAQ", DAYS[0], renamed - timedelta(days=1)),
        ("META.NASDAQ", renamed, None),
    ]
    # Nothing of the new name is known before the session before it.
    assert rows["available_at"][2] == datetime(2016, 2, 1, 21, 15, tzinfo=UTC)
    assert renamed == date(2016, 2, 2)
    actions = provider.fetch("actions", "US", DAYS[0], DAYS[-1])
    assert actions.select("ex_date", "kind", "amount").rows() == [
        (DAYS[7], "dividend", 0.5),
        (renamed, "symbol_change", None),
        (DAYS[30], "dividend", 0.6),
    ]


def test_another_asset_of_the_same_ticker_is_another_instrument(bench: Bench) -> None:
    before = bench.open().fetch("instruments", "US", DAYS[0], DAYS[-1])["instrument_id"][0]
    bench.vendor.list("AAPL", META)
    bench.now = NOW + timedelta(days=1)
    after = bench.open().fetch("instruments", "US", DAYS[0], DAYS[-1])["instrument_id"][0]
    assert before != after


def test_bars_before_a_long_silence_are_dropped_and_named(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    long = sessions_between("US", date(2016, 1, 4), date(2016, 6, 30))
    bench.now = datetime(2016, 7, 1, 2, tzinfo=UTC)
    bench.vendor.bars["AAPL"] = flat(long[:10] + long[40:])
    assert bench.bars()["session"].to_list() == [*long[:10], *long[40:]], "30 sessions may be a halt"
    bench.vendor.bars["AAPL"] = flat(long[:10] + long[41:])
    bench.vendor.list("AAPL", META)
    bench.now += timedelta(days=1)
    assert bench.bars()["session"].to_list() == long[41:]
    # Also in a window that ends before the silence: one id is one company.
    assert bench.open().fetch("bars", "US", long[0], long[20]).is_empty()
    assert (
        f"10 bars of AAPL up to {long[9]} are dropped: after them nothing traded for 31 sessions"
        in caplog.text
    )


def test_every_action_of_ours_is_taken(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    vendor = bench.vendor
    vendor.list("NEW", META, "NYSE")
    vendor.bars["NEW"] = flat(DAYS[3:])

    def on(place: int, **more: object) -> dict[str, object]:
        return {"ex_date": str(DAYS[place]), "process_date": str(DAYS[place])} | more

    vendor.actions = {
        "forward_splits": [on(3, symbol="AAPL", new_rate=7, old_rate=1)],
        "reverse_splits": [on(4, symbol="AAPL", new_rate=1, old_rate=10)],
        "stock_dividends": [on(5, symbol="AAPL", rate=0.05)],
        # Regular and special on one day, paid three weeks later.
        "cash_dividends": [
            on(0, symbol="AAPL", rate=9.0),  # before the second bar there is no price that it could change
            on(6, symbol="AAPL", rate=0.25, special=False) | {"process_date": "2016-02-05"},
            on(6, symbol="AAPL", rate=1.5, special=True) | {"process_date": "2016-02-05"},
        ],
        "spin_offs": [on(7, source_symbol="AAPL", source_rate=4, new_symbol="NEW", new_rate=1)],
        "rights_distributions": [on(8, source_symbol="AAPL", new_symbol="AAPLR", rate=0.2)],
        "stock_and_cash_mergers": [
            {
                "acquirer_symbol": "NEW",
                "acquirer_rate": 0.8,
                "acquiree_symbol": "AAPL",
                "acquiree_rate": 1,
                "cash_rate": 12.5,
                "effective_date": str(DAYS[-1]),
                "process_date": str(DAYS[-1]),
            }
        ],
        "unit_splits": [
            {
                "old_symbol": "AAPL",
                "new_symbol": "AAPL",
                "effective_date": str(DAYS[9]),
                "process_date": str(DAYS[9]),
            }
        ],
    }
    provider = bench.open("AAPL,NEW")
    apple, other = provider._by_symbol["AAPL"], provider._by_symbol["NEW"]  # type: ignore[attr-defined]
    actions = provider.fetch("actions", "US", date(2016, 1, 1), FAR)
    assert actions.schema == pl.Schema(SCHEMAS["actions"])
    assert actions["instrument_id"].unique().to_list() == [apple]
    assert actions.select("ex_date", "kind", "ratio", "amount", "price", "other_id").rows() == [
        (DAYS[3], "split", 7.0, None, None, None),
        (DAYS[4], "split", 0.1, None, None, None),
        (DAYS[5], "stock_dividend", 0.05, None, None, None),
        (DAYS[6], "dividend", None, 1.75, None, None),
        (DAYS[7], "spin_off", 0.25, None, None, other),
        (DAYS[8], "rights", 0.2, None, None, None),
        (DAYS[-1], "merger", 0.8, 12.5, None, other),
    ]
    assert actions["available_at"][3] == datetime(2016, 1, 11, 20, tzinfo=UTC)
    assert actions["ex_date"][3] == date(2016, 1, 12)
    assert "1 unit_splits are not taken" in caplog.text


def test_an_action_told_late_is_known_late(bench: Bench) -> None:
    dividend = {"symbol": "AAPL", "rate": 0.5, "ex_date": str(DAYS[5]), "process_date": str(DAYS[6])}
    bench.vendor.actions = {"cash_dividends": [dividend]}
    bench.open().fetch("actions", "US", DAYS[0], FAR)
    more = {"symbol": "AAPL", "rate": 0.7, "ex_date": str(DAYS[9]), "process_date": str(DAYS[12])}
    to_come = {"symbol": "AAPL", "rate": 0.8, "ex_date": "2016-03-10", "process_date": "2016-04-10"}
    # The vendor also fills in what it did not know; that is no news.
    bench.vendor.actions = {"cash_dividends": [dividend | {"payable_date": "2016-02-01"}, more, to_come]}
    bench.now = NOW + timedelta(days=1)
    actions = bench.open().fetch("actions", "US", DAYS[0], FAR)
    assert actions["amount"].to_list() == [0.5, 0.7, 0.8]
    assert actions["available_at"].to_list() == [
        datetime(2016, 1, 10, 20, tzinfo=UTC),
        bench.now,
        datetime(2016, 3, 9, 20, tzinfo=UTC),
    ]


def test_a_name_that_left_the_market(bench: Bench) -> None:
    bench.vendor.list("AAPL", status="inactive")
    bench.vendor.bars["AAPL"] = flat(DAYS[:20])
    provider = bench.open()
    rows = provider.fetch("instruments", "US", DAYS[0], next_session("US", DAYS[-1]))
    closed = rows.row(1, named=True)
    assert (closed["valid_to"], closed["delisted_on"]) == (DAYS[19], DAYS[20])
    assert closed["last_price"] == bench.vendor.bars["AAPL"][19][4]
    # Alpaca does not say when: it was not known before it was asked.
    assert closed["available_at"] == NOW
    gone = provider.fetch("actions", "US", DAYS[0], FAR).row(0, named=True)
    assert (gone["kind"], gone["ex_date"], gone["amount"], gone["available_at"]) == (
        "delisting",
        DAYS[20],
        None,
        NOW,
    )


def test_a_merger_that_is_dated_was_known_in_time(bench: Bench) -> None:
    bench.vendor.list("AAPL", status="inactive")
    bench.vendor.bars["AAPL"] = flat(DAYS[:20])
    merger = {
        "acquiree_symbol": "AAPL",
        "rate": 104.0,
        "effective_date": str(DAYS[20]),
        "process_date": str(DAYS[21]),
    }
    bench.vendor.actions = {"cash_mergers": [merger]}
    provider = bench.open()
    actions = provider.fetch("actions", "US", DAYS[0], FAR)
    assert actions.select("kind", "ex_date", "amount").rows() == [("merger", DAYS[20], 104.0)]
    closed = provider.fetch("instruments", "US", DAYS[0], DAYS[-1]).row(1, named=True)
    assert closed["delisted_on"] == DAYS[20]
    assert closed["available_at"] == datetime(2016, 2, 1, 21, 15, tzinfo=UTC)


def test_keys_reach_no_log_and_no_file(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bench.server.script = [down()]
    provider = bench.open()
    provider.fetch("bars", "US", DAYS[0], FAR)
    bench.vendor.keys = ("other", "keys")
    bench.now += timedelta(days=1)
    with pytest.raises(ProviderError, match=r"answered 403 \(forbidden.\); check APCA_API_KEY_ID") as caught:
        bench.bars()
    kept = b"".join(path.read_bytes() for path in bench.cache.rglob("*") if path.is_file())
    text = caplog.text + str(caught.value) + repr(vars(provider)) + kept.decode()
    assert "v2/stocks/bars" in text
    assert "PKTEST0000" not in text
    assert "s3cretS3CRET" not in text


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("alpaca", "provider alpaca needs more: write alpaca:AAPL,SPY"),
        ("alpaca:aapl", "'aapl' is no ticker"),
        ("alpaca:AAPL,,MSFT", "'' is no ticker"),
        ("alpaca:AAPL,AAPL", "names AAPL twice"),
        ("alpaca:../v2/account", "is no ticker"),
    ],
)
def test_unfit_names(bench: Bench, spec: str, message: str) -> None:
    with pytest.raises(ProviderError, match=message):
        open_provider(spec)


def test_what_it_needs_of_the_environment(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APCA_API_DATA_FEED", "gold")
    with pytest.raises(ProviderError, match="APCA_API_DATA_FEED='gold' is no feed; use one of sip, iex"):
        open_provider("alpaca:AAPL")
    monkeypatch.delenv("APCA_API_SECRET_KEY")
    with pytest.raises(ProviderError, match="needs APCA_API_SECRET_KEY in the environment; set them"):
        open_provider("alpaca:AAPL")


def test_assets_that_are_none_of_ours(bench: Bench) -> None:
    with pytest.raises(ProviderError, match=r"answered 404 \(asset not found for NONE\)"):
        bench.bars("NONE")
    for symbol, change, message in (
        ("BTC", {"class": "crypto"}, "is of class 'crypto'"),
        ("ODD", {"exchange": "MARS"}, "is listed on 'MARS'"),
        ("FOO", {"symbol": "BAR"}, "answers for 'BAR'"),
        ("BAD", {"id": "../../x"}, "describes no asset"),
    ):
        bench.vendor.list(symbol)
        bench.vendor.assets[symbol] |= change
        with pytest.raises(ProviderError, match=message):
            bench.bars(symbol)
    bench.vendor.list("EMPTY")
    with pytest.raises(ProviderError, match="has no bar of any name"):
        bench.open("EMPTY").sessions("US")


def test_pages_in_a_circle(bench: Bench) -> None:
    def circle(asked):  # type: ignore[no-untyped-def]
        if asked.path != "/v2/stocks/bars":
            return bench.vendor(asked)
        return ok({"bars": {"AAPL": [bar(flat(DAYS)[0])]}, "next_page_token": "0"})

    bench.server.serve = circle
    with pytest.raises(ProviderError, match="go in a circle"):
        bench.bars()
    # What made the circle is not kept: the next run is free of it.
    bench.server.serve = bench.vendor
    assert bench.bars()["session"].to_list() == DAYS


def test_it_asks_no_faster_than_the_plan_allows(bench: Bench) -> None:
    bench.vendor.page = 5
    bench.bars()
    assert bench.ticker.now >= (len(bench.server.asked) - 1) / 3.0 - 1e-6
    assert isinstance(bench.open()._client.data, HttpSource)  # type: ignore[attr-defined]


def test_the_replay_is_of_recorded_opens(bench: Bench) -> None:
    events = bench.open().market_events("US", DAYS[3])
    assert events.select("kind", "bid", "source").rows() == [("auction", 100.0, "recorded daily open")]
    with pytest.raises(ProviderError, match="nothing is recorded on 2016-03-02"):
        bench.open().market_events("US", date(2016, 3, 2))
