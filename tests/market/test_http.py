"""The transport against a server on a real socket: every fault is one line, and passes where it may."""

import gzip
import json
import logging
import socket
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from dnalyaw.market.providers import ProviderError
from dnalyaw.market.providers._http import HttpError, HttpSource
from dnalyaw.market.providers._http_rules import Bucket, retry_after
from tests.market.wire import HTML, NOTHING, RESET, Answer, Ticker, Wire, busy, down, half, ok, wire

KEY = "PK-se+cret/42"
GOOD = {"bars": [1, 2, 3], "next_page_token": None}


@pytest.fixture
def server():
    with wire() as running:
        yield running


@pytest.fixture
def ticker() -> Ticker:
    return Ticker()


def source(server: Wire, ticker: Ticker, **more) -> HttpSource:
    settings = {"name": "vendor:AAPL", "rate_per_s": 1000.0, "timeout_s": 5.0, "tries": 3} | more
    return HttpSource(server.url, sleep=ticker.sleep, clock=ticker.clock, **settings)


PASSING = {
    "429": (busy(), "answered 429 (too many requests)"),
    "500": (down(), "answered 500 (the server's own fault)"),
    "503": (down(503), "answered 503"),
    "half a body": (half(GOOD), "broke off: half a body"),
    "broken chunks": (half(GOOD, chunked=True), "broke off: half a body"),
    "nothing": (NOTHING, "sent an empty body"),
    "a reset": (RESET, "broke off"),
    "cut JSON of the length it states": (Answer(body=b'{"bars": [1, 2'), "sent what is no JSON"),
    "cut gzip": (
        Answer(body=gzip.compress(json.dumps(GOOD).encode())[:-9], headers={"Content-Encoding": "gzip"}),
        "half a body (gzip cut off)",
    ),
}


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_is_asked_again(server: Wire, ticker: Ticker, fault: str) -> None:
    answer, _ = PASSING[fault]
    server.script = [answer, answer, ok(GOOD)]
    with source(server, ticker) as asked:
        assert asked.json("bars", {"page": "1"}) == GOOD
    assert (asked.counters.requests, asked.counters.retries, asked.counters.failures) == (3, 2, 0)
    assert asked.counters.bytes >= len(json.dumps(GOOD))
    assert [a.params for a in server.asked] == [{"page": "1"}] * 3


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_stays_is_one_line(server: Wire, ticker: Ticker, fault: str) -> None:
    answer, message = PASSING[fault]
    server.script = [answer] * 9
    with source(server, ticker) as asked, pytest.raises(ProviderError) as caught:
        asked.json("bars", {"page": "1"})
    text = str(caught.value)
    assert f"provider vendor:AAPL: {server.url}/bars?page=1 " in text
    assert message in text
    assert "run again later" in text
    assert text.endswith("(asked 3 times)")
    assert "\n" not in text
    assert (len(server.asked), asked.counters.failures) == (3, 1)


STAYING = {
    "HTML": (HTML, 'sent HTML instead of application/json (it begins "<!DOCTYPE html><html>'),
    "HTML that calls itself JSON": (Answer(body=HTML.body), "sent HTML instead of application/json"),
    "another type": (Answer(body=b"a,b", kind="text/csv"), "sent text/csv instead of application/json"),
    "no UTF-8": (Answer(body=b'{"name": "\xff\xfe"}'), "sent bytes that are not UTF-8 (at byte 10)"),
    "no key": (Answer(403, b'{"message": "forbidden."}'), "answered 403 (forbidden.); check VENDOR_KEY"),
    "no such": (Answer(404, b"{}"), "answered 404; it has no such thing"),
    "bad request": (Answer(422, b'{"message": "invalid start"}'), "answered 422 (invalid start)"),
    "an odd packing": (Answer(body=b"x", headers={"Content-Encoding": "br"}), "packed as 'br'"),
    "a circle": (Answer(302, headers={"Location": "/bars"}), "redirects in a circle"),
    "a redirect to nowhere": (Answer(302), "redirects to ''"),
    "a redirect to a file": (Answer(302, headers={"Location": "file:///etc/passwd"}), "redirects to 'file:"),
}


@pytest.mark.parametrize("fault", STAYING)
def test_what_does_not_pass_is_not_asked_again(server: Wire, ticker: Ticker, fault: str) -> None:
    answer, message = STAYING[fault]
    server.script = [answer] * 9
    with source(server, ticker, keys="VENDOR_KEY") as asked, pytest.raises(HttpError) as caught:
        asked.json("bars")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert ticker.slept == [s for s in ticker.slept if s < 0.01], "no backoff"
    assert len(server.asked) == (6 if fault == "a circle" else 1)


def test_NaN_is_no_JSON_number(server: Wire, ticker: Ticker) -> None:
    server.script = [Answer(body=b'{"c": NaN}')] * 3
    with source(server, ticker) as asked, pytest.raises(ProviderError, match="NaN is no JSON number"):
        asked.json("bars")


def test_a_slow_answer_is_given_up_and_asked_again(server: Wire, ticker: Ticker) -> None:
    server.script = [ok(GOOD, drip=0.6), ok(GOOD)]
    with source(server, ticker, timeout_s=0.15) as asked:
        assert asked.json("bars") == GOOD
    server.script = [ok(GOOD, drip=0.4)] * 2
    message = r"did not answer in 0.15 s \(read\); check the network"
    with (
        source(server, ticker, timeout_s=0.15, tries=2) as asked,
        pytest.raises(ProviderError, match=message),
    ):
        asked.json("bars")


def test_a_server_that_is_not_there(ticker: Ticker) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        asked = HttpSource(
            url, name="vendor", rate_per_s=1000, tries=2, sleep=ticker.sleep, clock=ticker.clock
        )
        with pytest.raises(ProviderError, match=r"cannot be reached .*; check the network and the URL"):
            asked.json("bars")


def test_backoff_grows_and_obeys_retry_after(server: Wire, ticker: Ticker) -> None:
    server.script = [down()] * 5 + [ok(GOOD)]
    with source(server, ticker, tries=6) as asked:
        asked.json("bars")
    waits = [s for s in ticker.slept if s > 0.01]
    # 0.5 s doubled each time, up to 0.5 s of jitter on top.
    assert [0.5 * 2**n <= wait <= 0.5 * 2**n + 0.5 for n, wait in enumerate(waits)] == [True] * 5
    ticker.slept.clear()
    server.script = [busy("17"), ok(GOOD)]
    with source(server, ticker) as asked:
        asked.json("bars")
    assert max(ticker.slept) == 17.0
    assert sum(ticker.slept) < 17.1, "once, not for the retry and again for the rate"
    assert asked.counters.waited_s == pytest.approx(sum(ticker.slept), abs=0.01)


def test_what_one_is_asked_to_wait_holds_for_all(server: Wire, ticker: Ticker) -> None:
    server.script = [busy("17"), ok(GOOD)]
    with source(server, ticker, tries=1) as first, pytest.raises(ProviderError, match="answered 429"):
        first.json("bars")
    assert ticker.now < 0.1
    with source(server, ticker) as second:
        second.json("bars")
    assert ticker.now == pytest.approx(17.0, abs=0.1)


def test_a_wait_past_the_cap_ends_the_run(server: Wire, ticker: Ticker) -> None:
    server.script = [busy("301"), ok(GOOD)]
    with (
        source(server, ticker) as asked,
        pytest.raises(ProviderError, match="asks to wait 301 s; run again after 2"),
    ):
        asked.json("bars")
    assert len(server.asked) == 1


def test_retry_after_in_both_forms() -> None:
    now = datetime(2026, 12, 1, 12, tzinfo=UTC)
    assert retry_after("120", now) == 120.0
    assert retry_after(format_datetime(now + timedelta(seconds=45), usegmt=True), now) == 45.0
    assert retry_after(format_datetime(now - timedelta(hours=1), usegmt=True), now) == 0.0
    assert [retry_after(text, now) for text in (None, "", "soon", "-1", "1e9")] == [None] * 5


def test_requests_to_one_host_are_spaced_whoever_asks(server: Wire, ticker: Ticker) -> None:
    server.serve = lambda _: ok(GOOD)
    # The second source asks for more; the lower rate holds for both.
    with source(server, ticker, rate_per_s=4.0) as first, source(server, ticker, rate_per_s=100.0) as second:
        for asked in (first, second, first, second, first):
            asked.json("bars")
    assert ticker.now == pytest.approx(4 * 0.25)


def test_the_bucket_lets_no_burst_through_and_pauses() -> None:
    bucket = Bucket()
    bucket.slow_to(10)
    assert [bucket.reserve(100.0) for _ in range(3)] == pytest.approx([0.0, 0.1, 0.2])
    assert bucket.reserve(200.0) == 0.0
    bucket.pause(230.0)
    assert bucket.reserve(200.2) == pytest.approx(29.8)


def test_secrets_are_sent_and_reach_nobody_else(
    server: Wire, ticker: Ticker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = json.dumps({"message": f"key {KEY} is not known"}).encode()
    page = f"<html>{KEY}</html>".encode()
    texts = []
    for answers in (
        [down(), Answer(403, told)],
        [Answer(200, page, "text/html")],
        [RESET] * 3,
        [half(GOOD)] * 3,
    ):
        server.script = answers
        with source(server, ticker, secrets={"X-Key": KEY}, secret_params={"apikey": KEY}) as asked:
            try:
                asked.json("bars", {"page": "1"})
            except ProviderError as error:
                texts.append("".join(traceback.format_exception(error)))
        texts += [repr(asked), repr(asked.counters), repr(vars(asked)["_secrets"])]
    assert [a.headers["x-key"] for a in server.asked] == [KEY] * len(server.asked)
    assert [a.params["apikey"] for a in server.asked] == [KEY] * len(server.asked)
    everything = "\n".join([*texts, caplog.text])
    assert "apikey=***" in everything, "the texts speak of the request at all"
    assert "HTTP Request: GET" in caplog.text, "httpx itself logged the request"
    for form in (KEY, "PK-se%2Bcret%2F42", "PK-se%2Bcret/42", "se+cret"):
        assert form not in everything


def test_a_redirect_to_another_server_gets_no_secret(server: Wire, ticker: Ticker) -> None:
    with wire(lambda _: ok(GOOD)) as other:
        server.script = [
            Answer(302, headers={"Location": "/moved"}),
            Answer(307, headers={"Location": f"{other.url}/elsewhere"}),
        ]
        with source(server, ticker, secrets={"X-Key": KEY}, secret_params={"apikey": KEY}) as asked:
            assert asked.json("bars") == GOOD
        assert [(a.path, "x-key" in a.headers, "apikey" in a.params) for a in server.asked] == [
            ("/bars", True, True),
            ("/moved", True, True),
        ]
        assert [(a.path, "x-key" in a.headers, "apikey" in a.params) for a in other.asked] == [
            ("/elsewhere", False, False)
        ]


def through(ticker: Ticker, handler, **more) -> HttpSource:
    """A source of an https server that cannot run here."""
    import httpx

    settings = {"name": "vendor", "rate_per_s": 1000.0, "tries": 1, "timeout_s": 5.0} | more
    transport = httpx.MockTransport(handler)
    return HttpSource(
        "https://vendor.example", transport=transport, sleep=ticker.sleep, clock=ticker.clock, **settings
    )


def test_https_is_not_left_for_http(ticker: Ticker) -> None:
    import httpx

    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(302, headers={"location": "http://vendor.example/bars"})

    with pytest.raises(
        ProviderError, match=r"redirects to 'http://vendor\.example/bars', where nothing is asked for"
    ):
        through(ticker, handler, secrets={"X-Key": KEY}).json("bars")
    assert asked == ["https://vendor.example/bars"]


def test_a_server_that_drips_is_given_up(ticker: Ticker) -> None:
    import httpx

    class Drip(httpx.SyncByteStream):
        def __iter__(self):
            while True:
                ticker.now += 4.0
                yield b" "

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "application/json"}, stream=Drip())

    with pytest.raises(ProviderError, match="took over 50 s for 13 bytes; run again later"):
        through(ticker, handler).json("bars")


@pytest.mark.parametrize(
    ("url", "settings", "message"),
    [
        ("ftp://h", {}, "no URL of a server"),
        ("http://u:p@h", {}, "no URL of a server"),
        ("http://vendor.example", {"secrets": {"X": KEY}}, "keys are not sent to .* in the clear; use https"),
        ("https://h", {"secrets": {"X": ""}}, "the value of X is empty or holds blanks"),
        ("https://h", {"secrets": {"X": f"{KEY}\n"}}, "the value of X is empty or holds blanks"),
        ("https://h", {"headers": {"User-Agent": "Zoë z@h"}}, "User-Agent 'Zoë z@h' is no header"),
    ],
)
def test_unfit_settings(url: str, settings: dict, message: str) -> None:
    with pytest.raises(ProviderError, match=message) as caught:
        HttpSource(url, name="vendor", rate_per_s=1, **settings)
    assert KEY not in str(caught.value)


def test_what_was_asked_is_logged_once(
    server: Wire, ticker: Ticker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "dnalyaw")
    server.script = [down(), ok(GOOD)]
    with source(server, ticker) as asked:
        asked.json("bars")
        asked.report()
        asked.report()
    told = [
        r.getMessage() for r in caplog.records if r.levelno == logging.INFO and "answered" in r.getMessage()
    ]
    assert len(told) == 1
    assert "vendor:AAPL: " in told[0]
    assert "answered 2 requests (1 asked again, 0 failed)" in told[0]


def test_a_path_cannot_lead_to_another_server(server: Wire, ticker: Ticker) -> None:
    server.serve = lambda _: ok(GOOD)
    with source(server, ticker, secrets={"X-Key": KEY}) as asked:
        asked.json("//evil.example/x")
    assert server.paths() == ["/evil.example/x"]


def test_bytes_of_the_type_asked_for(server: Wire, ticker: Ticker) -> None:
    packed = gzip.compress(b"<html>10-K</html>") + gzip.compress(b"more")
    server.script = [
        Answer(body=packed, kind="text/html", headers={"Content-Encoding": "gzip"}),
        Answer(body=b"PK", kind="text/html"),
    ]
    with source(server, ticker) as asked:
        assert asked.bytes("filing.htm") == b"<html>10-K</html>more"
        with pytest.raises(ProviderError, match="sent HTML instead of application/zip"):
            asked.bytes("a.zip", types=("application/zip",))
