"""The EDGAR provider against a server in EDGAR's own wire form."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from dnalyaw.market.providers import ProviderError, open_provider
from dnalyaw.market.providers._edgar import EdgarProvider
from dnalyaw.market.providers._edgar_wire import accepted_at
from tests.market.fundamentals.test_readers import company, fact
from tests.market.wire import Answer, Asked, Ticker, Wire, busy, file_server, half, ok, wire

AGENT = "Sample Company admin@example.com"
OLD = "0000000009-10-000001"
NEW = "0000000009-24-000001"
BODY = b"<html>" + b"x" * 200_000 + b"</html>"
FORBIDDEN = Answer(
    403,
    b"<!DOCTYPE html><html><body><h1>Your Request Originates from an Undeclared Automated Tool</h1></body></html>",
    "text/html",
)


def _page(*rows: tuple[str, str, str, str, str, str]) -> dict:
    names = ("accessionNumber", "form", "filingDate", "reportDate", "acceptanceDateTime", "primaryDocument")
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


RECENT = _page((NEW, "10-Q", "2024-08-02", "2024-06-30", "2024-08-01T22:03:00.000Z", "made-20240630.htm"))
OLDER = _page((OLD, "10-Q", "2010-08-02", "2010-06-30", "2010-08-02T16:30:00.000Z", ""))


class Edgar:
    """What data.sec.gov and www.sec.gov answer."""

    def __init__(self) -> None:
        page = {"name": "CIK0000000009-submissions-001.json", "filingCount": 1}
        old = fact(4.0, start="2010-04-01", end="2010-06-30", filed="2010-08-02", accn=OLD)
        self.answers = {
            "/files/company_tickers.json": ok({"0": {"cik_str": 9, "ticker": "MADE", "title": "Made Co"}}),
            "/submissions/CIK0000000009.json": ok(
                {"cik": "9", "name": "MADE CO", "filings": {"recent": RECENT, "files": [page]}}
            ),
            "/submissions/CIK0000000009-submissions-001.json": ok(OLDER),
            "/api/xbrl/companyfacts/CIK0000000009.json": ok(company(old, fact(5.0))),
        }

    def __call__(self, asked: Asked) -> Answer:
        if "@" not in asked.headers.get("user-agent", ""):
            return FORBIDDEN
        if asked.path.endswith("made-20240630.htm"):
            return file_server(BODY)(asked)
        return self.answers.get(
            asked.path, Answer(404, b"<Error><Code>NoSuchKey</Code></Error>", "application/xml")
        )


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    with wire(Edgar()) as running:
        monkeypatch.setenv("DNALYAW_EDGAR_USER_AGENT", AGENT)
        monkeypatch.setenv("DNALYAW_EDGAR_DATA_URL", running.url)
        monkeypatch.setenv("DNALYAW_EDGAR_WWW_URL", running.url)
        monkeypatch.setenv("DNALYAW_CACHE", str(tmp_path))
        yield running


NOW = datetime(2024, 9, 1, 12, tzinfo=UTC)


def _open(text: str = "MADE", ticker: Ticker | None = None, now: datetime = NOW) -> EdgarProvider:
    hands = ticker or Ticker()
    return EdgarProvider(text, now=lambda: now, sleep=hands.sleep, clock=hands.clock, tries=3, timeout_s=5.0)


def _values(provider: EdgarProvider) -> list[tuple]:
    rows = provider.fetch("fundamentals", "US", date(2005, 1, 3), date(2024, 12, 31))
    return rows.select("instrument_id", "value", "available_at").rows()


def test_figures_are_known_when_their_filing_was_accepted(server: Wire) -> None:
    assert _values(_open("MADE=77")) == [
        (77, 4.0, datetime(2010, 8, 2, 20, 30, tzinfo=UTC)),
        (77, 5.0, datetime(2024, 8, 1, 22, 3, tzinfo=UTC)),
    ]
    assert {asked.headers["user-agent"] for asked in server.asked} == {AGENT}
    # The page of older filings was asked for: without it the first figure would be known seven hours later.
    assert "/submissions/CIK0000000009-submissions-001.json" in server.paths()


def test_a_cik_needs_no_ticker_and_is_the_instrument(server: Wire) -> None:
    assert {row[0] for row in _values(_open("9"))} == {9}
    assert "/files/company_tickers.json" not in server.paths()
    with pytest.raises(ProviderError, match="no company files under ticker GONE today; give its CIK"):
        _values(_open("GONE"))


@pytest.mark.parametrize(
    ("stated", "filed", "form", "want"),
    [
        # UTC alone is possible: 22:03 is after EDGAR shuts.
        ("2024-08-01T22:03:00.000Z", "2024-08-02", "10-Q", (1, 22, 3)),
        # As New York's clock, 20:30 would be filed a day later.
        ("2024-08-01T20:30:00.000Z", "2024-08-01", "8-K", (1, 20, 30)),
        # As UTC, 12:21 in New York would do too; the later reading is taken: 16:21 in New York.
        ("2024-08-01T16:21:59.000Z", "2024-08-01", "8-K", (1, 20, 21)),
        # As UTC, 03:30 in New York: EDGAR was shut.
        ("2024-08-01T07:30:32.000Z", "2024-08-01", "8-K", (1, 11, 30)),
        # Forms of insiders are filed the same day until 22:00: both readings do.
        ("2024-08-01T20:30:00.000Z", "2024-08-01", "4", (2, 0, 30)),
    ],
)
def test_a_z_that_may_be_new_yorks_clock_is_never_read_too_early(
    stated: str, filed: str, form: str, want: tuple[int, int, int]
) -> None:
    got = accepted_at(stated, date.fromisoformat(filed), form)
    assert (got.day, got.hour, got.minute) == want


def test_the_user_agent_is_asked_for(server: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    for agent in ("", "no address"):
        monkeypatch.setenv("DNALYAW_EDGAR_USER_AGENT", agent)
        with pytest.raises(ProviderError, match="set DNALYAW_EDGAR_USER_AGENT to your name and e-mail"):
            open_provider("edgar:MADE")
    assert server.asked == []


def test_what_edgar_does_not_like(server: Wire) -> None:
    server.script = [FORBIDDEN]
    with pytest.raises(ProviderError, match=r"answered 403.*; check DNALYAW_EDGAR_USER_AGENT") as caught:
        _values(_open())
    assert len(server.asked) == 1
    assert "\n" not in str(caught.value)
    server.script = [Answer(404, b"<Error/>", "application/xml")]
    with pytest.raises(ProviderError, match="answered 404"):
        _values(_open("9"))


def test_busy_cut_and_broken_answers_are_asked_again(server: Wire) -> None:
    ticker = Ticker()
    server.script = [busy("7"), half({"0": {"cik_str": 9, "ticker": "MADE"}})]
    assert len(_values(_open(ticker=ticker))) == 2
    assert server.paths().count("/files/company_tickers.json") == 3
    assert sum(ticker.slept) >= 7
    # A page of maintenance is no JSON, and not asked for again.
    server.script = [Answer(200, b"<!DOCTYPE html><html>SEC.gov maintenance</html>", "text/html")]
    with pytest.raises(ProviderError, match="sent HTML instead of application/json"):
        _values(_open("9", now=datetime(2024, 9, 2, 12, tzinfo=UTC)))


def test_a_day_asks_once_and_a_killed_run_goes_on(server: Wire) -> None:
    _values(_open())
    asked = len(server.asked)
    _values(_open())
    assert len(server.asked) == asked
    _values(_open(now=datetime(2024, 9, 2, 1, tzinfo=UTC)))
    assert len(server.asked) == 2 * asked


def test_requests_are_spaced_to_less_than_ten_a_second(server: Wire) -> None:
    ticker = Ticker()
    _values(_open(ticker=ticker))
    assert sum(ticker.slept) >= (len(server.asked) - 1) / 10


def test_filings_and_documents(server: Wire) -> None:
    provider = _open()
    filings = provider.filings(9)
    assert filings["accession"].to_list() == [OLD, NEW]
    assert filings["document"].to_list() == [None, "made-20240630.htm"]
    assert provider.filings(9, ("10-K",)).is_empty()
    told: list[int] = []
    # Half of it comes, the line breaks: the rest alone is asked for.
    cut = Answer(200, BODY, "text/html", {"ETag": '"v1"'}, cut=100_000)
    server.script = [cut]
    path = provider.document(9, NEW, "made-20240630.htm", progress=lambda held, _: told.append(held))
    assert path.read_bytes() == BODY
    assert told[-1] == len(BODY)
    ranges = [a.headers.get("range") for a in server.asked if a.path.endswith(".htm")]
    assert ranges == [None, "bytes=100000-"]
    assert server.paths()[-1] == "/Archives/edgar/data/9/000000000924000001/made-20240630.htm"
    asked = len(server.asked)
    assert _open().document(9, NEW, "made-20240630.htm") == path
    assert len(server.asked) == asked
    for accession, name in ((NEW, "../../x"), ("9-24-1", "x.htm")):
        with pytest.raises(ProviderError, match=r"no file of a filing|no accession number"):
            provider.document(9, accession, name)


def test_the_index_of_a_filing(server: Wire) -> None:
    index = {"directory": {"name": "/Archives/edgar/data/9/000000000924000001", "item": []}}
    server.serve.answers["/Archives/edgar/data/9/000000000924000001/index.json"] = ok(index)
    assert json.loads(_open().document(9, NEW).read_text()) == index


@pytest.mark.parametrize("text", ["", "MADE,,X", "A B", "MADE=0", "12345678901"])
def test_lists_that_are_none(server: Wire, text: str) -> None:
    with pytest.raises(ProviderError, match="edgar"):
        open_provider(f"edgar:{text}")
