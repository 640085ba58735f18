"""The page is read back as a browser would: parsed, its text and tables taken out."""

from __future__ import annotations

import re
import stat
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnalyaw.calibration import ExecutedFill, ExecutedOrder, PathComparison, ShortfallLine, analyse_costs
from dnalyaw.report import (
    CheckLine,
    CloseLine,
    FeedLine,
    FillLine,
    OrderLine,
    RegionReport,
    ReportData,
    RiskState,
    SectorExposure,
    Shortfall,
    StrategyResult,
    TargetLine,
    render_html,
    write_report,
)

_VOID = {"meta", "br", "link", "input", "img", "hr"}
_SVG = {"path", "use", "text", "g", "defs", "clipPath", "rect", "title", "svg"}


class _Page(HTMLParser):
    """Text, headings, tables and ids of a page; refuses tags that do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.headings: list[str] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._caption = ""
        self.feed(html)
        self.close()
        assert self.open == [], self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        if tag in _VOID:
            return
        self.open.append(tag)
        if tag in ("h1", "h2", "h3"):
            self.headings.append("")
        if tag == "caption":
            self._caption = ""
        if tag == "tr":
            self.tables.setdefault(self._caption, []).append([])
        if tag in ("td", "th"):
            self.tables[self._caption][-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open:
            return
        self.text.append(data)
        if any(h in self.open for h in ("h1", "h2", "h3")):
            self.headings[-1] += data
        if "caption" in self.open:
            self._caption += data
        if "td" in self.open or ("th" in self.open):
            self.tables[self._caption][-1][-1] += data

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def _strategy(name="Reversal", combined=False, **more):
    days = tuple(date(2026, 11, d) for d in (16, 17, 18, 19, 20))
    return StrategyResult(
        name, "mean reversion", days, (100.0, 110.0, 99.0, 99.0, 121.0), 7, combined=combined, **more
    )


def _data(simulated=True, **change) -> ReportData:
    fill = ExecutedFill(1, 100, 10_020_000, 1_000_000, 0, 9_980_000, 10_020_000)
    order = ExecutedOrder(1, 1001, "BUY", 200, 100, 100, 9_980_000, 10_020_000, 0, (fill,), "recorded quote")
    region = RegionReport(
        region="US",
        currency="USD",
        session=date(2026, 11, 23),
        source="recorded quote",
        feeds=(FeedLine("bars", 12_345, 0, "v3"), FeedLine("quotes", 678, 5, "v1")),
        checks=(
            CheckLine("bars", "schema", True, True, "12345 rows"),
            CheckLine("quotes", "crossed", False, True, "5 rows: 1001 at 14:30"),
        ),
        strategies=(
            _strategy(
                annual_return=0.1234, sharpe=1.234, sharpe_low=-0.5, sharpe_high=2.5, max_drawdown=-0.1
            ),
            _strategy("Together", True, annual_return=-0.05),
        ),
        exposure=(SectorExposure("Technology", 0.253), SectorExposure("Energy", 0.1)),
        targets=(TargetLine("AAA.NYSE", "Technology", 0.0512), TargetLine("BBB.NYSE", "Energy", -0.031)),
        orders=(
            OrderLine(1, "AAA.NYSE", "BUY", 200, 100, 100, "REDUCE", "INSTRUMENT_LIMIT", "FILLED"),
            OrderLine(2, "BBB.NYSE", "SELL", 300, 0, 0, "REJECT", "SHORT_SALE", "REJECTED"),
            OrderLine(3, "CCC.NYSE", "BUY", 50, 50, 0, "APPROVE", "NONE", "EXPIRED"),
        ),
        closes=(
            CloseLine("DDD.NYSE", "SELL", 2, 500, 9.876, 1.5, "STOPPED", "FILLED"),
            CloseLine("CCC.NYSE", "", 1, 0, None, 0.0, "OPERATOR", "DENIED"),
        ),
        fills=(
            FillLine(
                datetime(2026, 11, 23, 14, 31, tzinfo=UTC),
                "AAA.NYSE",
                "BUY",
                100,
                10.02,
                1.0,
                "recorded quote",
            ),
        ),
        costs=analyse_costs([order]).summary,
        risk=RiskState("ACTIVE", 1_010_000.0, 1_000_000.0, 250_000.25, 2, "ab12", "cd34"),
        notes=("The hand-off was refused.",),
    )
    data = ReportData(
        day=date(2026, 11, 23),
        title="US session",
        simulated=simulated,
        generated_at=datetime(2026, 11, 23, 21, 30, tzinfo=UTC),
        regions=(region,),
        provenance=(("provider", "lean:DIR"), ("bars version", "v3 9b11")),
    )
    return replace(data, **change)


_PARTS = {
    "delay": 1.0,
    "timing": 0.0,
    "impact": 2.25,
    "spread": 3.0,
    "unsplit": 0.5,
    "fees": 0.7,
    "opportunity": -1.0,
}


def _shortfall(diff: float | None = -1.5, low: float | None = -2.0, high: float | None = -1.0) -> Shortfall:
    line = ShortfallLine("strategy", "Reversal", "USD", 12, 1, 1_234_567.0, 6.45, -1.24, 14.14, _PARTS)
    one = ShortfallLine("path", "NYSE 1", "USD", 1, 0, 1000.0, 2.0, None, None, {"spread": 2.0})
    paths = PathComparison(20261123, (30, 31), (0, 0), 2, (1.0, 2.5), diff, low, high, 0.95, 0.04)
    return Shortfall((line, one), (line,), 3, paths)


def _costly(shortfall: Shortfall | None) -> _Page:
    data = _data()
    return _Page(render_html(replace(data, regions=(replace(data.regions[0], shortfall=shortfall),))))


def test_each_decisions_cost_is_shown_with_its_interval():
    page = _costly(_shortfall())
    assert _table(page, "This session, 2026-11-23") == [
        [
            *(
                "strategy Reversal",
                "12 (1 not measured)",
                "1,234,567 USD",
                "1.0 bp",
                "0.0 bp",
                "2.2 bp",
                "3.0 bp",
            ),
            *("0.7 bp", "−1.0 bp", "6.5 bp (of it 0.5 bp unsplit)", "−1.2 to 14.1 bp (95%)"),
        ],
        ["path NYSE 1", "1", "1,000 USD", "–", "–", "–", "2.0 bp", "–", "–", "2.0 bp", "–"],
    ]
    assert len(_table(page, "All 3 sessions measured")) == 1
    assert _table(page, "Path 1 against path 2, orders assigned at random; path 1 was cheaper") == [
        ["1.0 bp", "2.5 bp", "30 and 31", "−1.5 bp", "−2.0 to −1.0 bp (95%)", "0.040"]
    ]
    assert len(_table(_costly(_shortfall(0.5, -1.0, 2.0)), "Path 1 against path 2")) == 1
    assert "the interval holds 0: no difference is shown" in _costly(_shortfall(0.5, -1.0, 2.0)).words
    assert "path 2 was cheaper" in _costly(_shortfall(0.5, 0.1, 2.0)).words
    assert "30 and 31 orders of the experiment, too few" in _costly(_shortfall(None, None, None)).words


def test_without_a_measured_order_the_card_says_so():
    assert "No order was measured." in _costly(None).words
    assert "Orders had one path to each market" in _costly(replace(_shortfall(), paths=None)).words


@pytest.fixture(scope="module")
def page() -> _Page:
    return _Page(render_html(_data()))


def _table(page: _Page, caption: str) -> list[list[str]]:
    found = [rows for name, rows in page.tables.items() if name.startswith(caption)]
    assert len(found) == 1, list(page.tables)
    return found[0][1:]


def test_every_figure_of_the_data_is_on_the_page(page):
    assert _table(page, "Rows by feed") == [["bars", "12,345", "0", "v3"], ["quotes", "678", "5", "v1"]]
    assert _table(page, "Checks") == [
        ["crossed", "quotes", "blocked", "5 rows: 1001 at 14:30"],
        ["schema", "bars", "passed", "12345 rows"],
    ]
    rows = _table(page, "Net of modelled costs")
    assert [row[0] for row in rows] == ["Together", "Reversal"]
    assert rows[1] == [
        "Reversal",
        "mean reversion",
        "+12.3%",
        "–",
        "1.23",
        "−0.50 to 2.50",
        "–",
        "−10.0%",
        "–",
        "7",
    ]
    assert rows[0][2] == "−5.0%"
    assert _table(page, "The 2 largest of 2 targets, 8.2% of equity") == [
        ["AAA.NYSE", "Technology", "5.12%"],
        ["BBB.NYSE", "Energy", "−3.10%"],
    ]
    assert _table(page, "Why orders were reduced or rejected") == [
        ["INSTRUMENT_LIMIT", "REDUCE", "1", "100"],
        ["SHORT_SALE", "REJECT", "1", "300"],
    ]
    assert [row[0] for row in _table(page, "Reduced and rejected")] == ["AAA.NYSE", "BBB.NYSE"]
    assert [row[0] for row in _table(page, "All orders")] == ["AAA.NYSE", "BBB.NYSE", "CCC.NYSE"]
    assert _table(page, "Positions closed by orders of its own: 1 OPERATOR, 1 STOPPED") == [
        ["CCC.NYSE", "–", "1", "0", "–", "0.00", "OPERATOR", "DENIED"],
        ["DDD.NYSE", "SELL", "2", "500", "9.876", "1.50", "STOPPED", "FILLED"],
    ]
    assert _table(page, "1 fills") == [
        ["14:31:00", "AAA.NYSE", "BUY", "100", "10.020", "1.00", "recorded quote"]
    ]
    # 0.02 x 100 = 2 of spread and 1 of fees on 1,000: 20 and 10 bp.
    assert _table(page, "By source of prices") == [
        ["recorded quote", "1", "20.0 bp", "0.0 bp", "10.0 bp", "30.0 bp"]
    ]
    risk = dict(_table(page, "As the risk gateway reported it"))
    assert risk["Trading state"] == "ACTIVE"
    assert risk["Equity"] == "1,010,000.00 USD"
    assert risk["Change"] == "+1.00%"
    assert risk["Frames sent to the gateway"] == "2"
    assert risk["Limits"] == "ab12"
    assert _table(page, "What the figures rest on") == [["provider", "lean:DIR"], ["bars version", "v3 9b11"]]
    assert "The hand-off was refused." in page.words
    assert "quotes: crossed failed. 5 rows: 1001 at 14:30" in page.words


def test_pictures_say_what_they_show(page):
    titles = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert len(titles) == 3
    assert all(attrs["role"] == "img" and attrs["aria-labelledby"] in page.ids for attrs in titles)
    assert "limit 25%" in page.words
    assert "25.3%" in page.words
    assert "Over the limit: Technology." in page.words


def test_drawdown_by_hand():
    # 100, 110, 99, 99, 121: the peak is 110 from the second session, and 121 at the end.
    assert _strategy().drawdown == pytest.approx((0.0, 0.0, -0.1, -0.1, 0.0))


@pytest.mark.parametrize("simulated", [True, False])
def test_simulated_is_said_at_every_heading_or_nowhere(simulated):
    html = render_html(_data(simulated))
    page = _Page(html)
    assert len(page.headings) >= 10
    assert all(("SIMULATED" in h) == simulated for h in page.headings)
    assert ("SIMULATED" in html) == simulated
    title = re.search(r"<title>([^<]*)</title>", html)
    assert title is not None
    assert title.group(1).startswith("SIMULATED") == simulated
    # Printed sheets: a fixed element and the margin box.
    assert ('content:"SIMULATED"' in html) == simulated
    assert ('class="paper"' in html) == simulated


def test_nothing_is_fetched_and_nothing_runs():
    html = render_html(_data())
    assert "http://" not in html
    assert "https://" not in html
    page = _Page(html)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "form"}
    for _, attrs in page.tags:
        assert not any(name.startswith("on") or name == "src" for name in attrs)
        if "href" in attrs:
            assert attrs["href"].startswith("#")
    assert "url(" not in re.sub(r"url\(#[\w.-]+\)", "", html)
    assert "@import" not in html


def test_ids_stand_once_and_references_find_them():
    region = _data().regions[0]
    page = _Page(render_html(_data(regions=(region, replace(region, region="HK", currency="HKD")))))
    assert len(set(page.ids)) == len(page.ids)
    for _, attrs in page.tags:
        for name in ("href", "aria-labelledby"):
            if name in attrs:
                assert attrs[name].lstrip("#") in page.ids


def test_the_same_data_gives_the_same_bytes():
    assert render_html(_data()) == render_html(_data())


_NASTY = "<script>alert(\"x\")</script> & 'quoted' $m$ {0} \\1"


def test_text_from_outside_is_escaped():
    region = _data().regions[0]
    hostile = replace(
        region,
        source=_NASTY,
        feeds=(FeedLine(_NASTY, 1, 1, _NASTY),),
        checks=(CheckLine(_NASTY, _NASTY, False, True, _NASTY),),
        strategies=(_strategy(_NASTY),),
        exposure=(SectorExposure(_NASTY, 0.1),),
        targets=(TargetLine(_NASTY, _NASTY, 0.1),),
        orders=(OrderLine(1, _NASTY, _NASTY, 1, 0, 0, _NASTY, _NASTY, _NASTY),),
        fills=(FillLine(datetime(2026, 11, 23, tzinfo=UTC), _NASTY, _NASTY, 1, 1.0, 0.0, _NASTY),),
        risk=RiskState(_NASTY, 1.0, 1.0, 1.0, 1, _NASTY, _NASTY),
        notes=(_NASTY,),
    )
    html = render_html(_data(title=_NASTY, regions=(hostile,), provenance=((_NASTY, _NASTY),)))
    assert "<script" not in html
    page = _Page(html)
    assert "script" not in {tag for tag, _ in page.tags}
    # Shown as it was, in the tables and in the picture alike.
    assert _table(page, "Rows by feed")[0][0] == _NASTY
    svg_text = html[html.index('id="ex-US-figure_1"') :]
    assert "&lt;script&gt;alert(" in svg_text[: svg_text.index("</svg>")]


@given(st.text(max_size=40))
@settings(max_examples=25, deadline=None)
def test_any_name_survives(name):
    region = RegionReport(
        "US", "USD", date(2026, 11, 23), "simulated", targets=(TargetLine(name, name, 0.01),)
    )
    page = _Page(render_html(_data(title=name, regions=(region,))))
    # A parser turns NUL and carriage returns into something else; everything else comes back.
    plain = name.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    got = (
        _table(page, "The 1 largest")[0][0].replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    )
    assert got == plain


def test_a_run_that_never_traded_still_has_a_page():
    empty = RegionReport("HK", "HKD", date(2026, 11, 23), "simulated", notes=("bars: missing session",))
    page = _Page(render_html(_data(regions=(empty,))))
    for said in (
        "No backtest in this run.",
        "No position.",
        "No order was made.",
        "Nothing was handed to the runtime.",
        "The risk gateway was not asked.",
        "bars: missing session",
    ):
        assert said in page.words
    assert "svg" not in {tag for tag, _ in page.tags}
    assert not any("Closed by the risk gateway" in heading for heading in page.headings)


def test_figures_without_a_value_are_a_dash():
    costs = analyse_costs([]).summary
    region = replace(_data().regions[0], costs=costs)
    page = _Page(render_html(_data(regions=(region,))))
    assert "No order was filled: there is no cost to measure." in page.words
    assert "nan" not in page.words.lower().split()


def test_bad_data_is_refused():
    with pytest.raises(ValueError, match="Reversal: 5 sessions but 1 equity values"):
        replace(_strategy(), equity=(1.0,))
    with pytest.raises(ValueError, match="trials is 0, want at least 1"):
        replace(_strategy(), trials=0)
    with pytest.raises(ValueError, match="equity value is not a positive number"):
        replace(_strategy(), equity=(1.0, 1.0, float("nan"), 1.0, 1.0))


def test_a_report_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = write_report(_data(), tmp_path / "reports")
    assert path == tmp_path / "reports" / "2026-11-23" / "index.html"
    first = path.read_text(encoding="utf-8")
    assert first == render_html(_data())
    assert stat.S_IMODE(path.stat().st_mode) == 0o644

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_report(_data(title="Another"), tmp_path / "reports")
    assert path.read_text(encoding="utf-8") == first
    assert [p.name for p in path.parent.iterdir()] == ["index.html"]
    monkeypatch.undo()
    write_report(_data(title="Another"), tmp_path / "reports")
    assert "Another" in path.read_text(encoding="utf-8")
