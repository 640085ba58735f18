"""Apple's figures as known on each filing date; the oracle is the file walked by plain Python."""

import gzip
import json
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import jinja2
import polars as pl
import pytest

from dnalyaw.market.fundamentals import (
    contradictions,
    fundamentals_feed,
    known_figures,
    odd_sums,
    read_companyfacts,
    restatements,
    scale_errors,
    trailing_sums,
)
from dnalyaw.pit import AsOf
from tests.market.conftest import RECORDED

REVENUE = ("SalesRevenueNet", "Revenues", "RevenueFromContractWithCustomerExcludingAssessedTax")
_DBT = Path(__file__).resolve().parents[3] / "dbt"
SQL = _DBT / "models/intermediate/int_fundamentals_asof.sql"
MACROS = _DBT / "macros/fundamentals.sql"
FLOWS = ("net_income", "revenue", "gross_profit", "operating_cash_flow")


@pytest.fixture(scope="module")
def path() -> Path:
    file = RECORDED / "companyfacts" / "AAPL.companyfacts.json.gz"
    if not file.is_file():
        pytest.skip(f"recorded data is not at {file}")
    return file


@pytest.fixture(scope="module")
def feed(path: Path) -> pl.DataFrame:
    return fundamentals_feed(read_companyfacts(path), {320193: 7})


@pytest.fixture(scope="module")
def vintages(path: Path) -> list[dict]:
    facts = json.loads(gzip.decompress(path.read_bytes()))["facts"]["us-gaap"]
    return [row for concept in REVENUE for row in facts[concept]["units"]["USD"]]


def _end_of(day: str) -> datetime:
    after = date.fromisoformat(day) + timedelta(days=1)
    return datetime(after.year, after.month, after.day, tzinfo=ZoneInfo("America/New_York")).astimezone(UTC)


def test_every_vintage_of_revenue_before_on_and_after_its_filing(
    feed: pl.DataFrame, vintages: list[dict]
) -> None:
    moments = set()
    for row in vintages:
        known = _end_of(row["filed"])
        moments |= {
            known - timedelta(days=1),
            known - timedelta(microseconds=1),
            known,
            known + timedelta(days=1),
        }
    asked = changed = 0
    before: dict = {}
    for moment in sorted(moments):
        want: dict = {}
        for row in sorted(vintages, key=lambda r: (r["filed"], r["accn"])):
            if _end_of(row["filed"]) <= moment:
                want[row["start"], row["end"]] = row["val"]
        read = known_figures(feed.filter(metric="revenue"), AsOf(moment))
        got = {(str(r["period_start"]), str(r["period_end"])): r["value"] for r in read.iter_rows(named=True)}
        assert got == want, moment
        changed += got != before
        asked, before = asked + len(got), got
    # 67 filing days with revenue: what is known changes on each, and at no other of the moments asked.
    assert len({row["filed"] for row in vintages}) == changed == 67
    assert len(vintages) == 330
    assert asked > 10_000


def test_restatements_of_revenue_are_found_and_repeats_are_none(
    feed: pl.DataFrame, vintages: list[dict]
) -> None:
    by_period = defaultdict(list)
    for row in sorted(vintages, key=lambda r: (r["filed"], r["accn"])):
        by_period[row["start"], row["end"]].append((row["filed"], row["val"]))
    want = {
        (*period, old, new, filed)
        for period, values in by_period.items()
        for (_, old), (filed, new) in pairwise(values)
        if old != new
    }
    got = {
        (str(r["period_start"]), str(r["period_end"]), int(r["before"]), int(r["value"]))
        for r in restatements(feed).filter(metric="revenue").iter_rows(named=True)
    }
    assert got == {row[:4] for row in want}
    assert ("2008-09-28", "2009-09-26", 36_537_000_000, 42_905_000_000) in got
    assert len(got) == 5


def test_trailing_revenue_by_hand(feed: pl.DataFrame) -> None:
    def revenue(moment: datetime) -> float | None:
        return trailing_sums(feed, AsOf(moment), metrics=["revenue"])["value"][0]

    # 10-K of 2009-10-27; then 10-K/A and 10-Q of 2010-01-25: 42,905 + 15,683 - 11,880, all on the new basis.
    assert revenue(datetime(2010, 1, 25, 12, tzinfo=UTC)) == 36_537e6
    assert revenue(datetime(2010, 1, 26, 6, tzinfo=UTC)) == 46_708e6
    # As Apple itself told: 391,035 in fiscal 2024; 395,760 by 2024-12-28 (391,035 + 124,300 - 119,575).
    assert revenue(datetime(2024, 11, 2, 4, tzinfo=UTC)) == 391_035e6
    assert revenue(datetime(2025, 2, 1, 5, tzinfo=UTC)) == 395_760e6


def test_a_sum_on_two_bases_is_not_served(feed: pl.DataFrame) -> None:
    # The 10-Q of 2018-08-01 restated nine months of 2017 for a new standard; the year followed in November.
    sums = trailing_sums(feed, AsOf(datetime(2018, 8, 3, tzinfo=UTC)), metrics=["operating_cash_flow"])
    assert sums["period_end"].to_list() == [date(2018, 6, 30)]
    assert sums["value"].to_list() == [None]


def test_the_files_own_faults_are_named_and_nothing_else(path: Path, feed: pl.DataFrame) -> None:
    (error,) = scale_errors(feed).to_dicts()
    assert (error["metric"], error["before"], error["value"]) == ("shares_outstanding", 899_213_000, 899_213)
    assert odd_sums(feed).is_empty()
    assert contradictions(read_companyfacts(path)) == []


def test_the_sql_model_and_the_library_agree_after_every_filing(feed: pl.DataFrame) -> None:
    # The model itself, its references rendered to one table.
    sql = jinja2.Template(MACROS.read_text() + SQL.read_text()).render(ref=lambda name: name)
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.register("stg_fundamentals", feed.to_arrow())
        rows = connection.sql(sql).pl().to_dicts()
    assert len(rows) == feed["available_at"].n_unique()
    for row in rows:
        sums = trailing_sums(feed, AsOf(row["known_at"]))
        want = dict(zip(sums["metric"], sums["value"], strict=True))
        assert {m: row[f"{m}_ttm"] for m in FLOWS} == {m: want.get(m) for m in FLOWS}, row["known_at"]
