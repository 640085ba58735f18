"""A feed added as YAML alone: what it may say, what becomes of it, and what two writers or a kill do to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl
import pytest

from dnalyaw.market import sessions_between
from dnalyaw_pipelines import keys, source_rows
from dnalyaw_pipelines.components.feed_schedule import request_of
from dnalyaw_pipelines.feed_spec import plain_spec
from dnalyaw_pipelines.home import Home
from dnalyaw_pipelines.instance import open_instance, prepare
from tests.pipelines._feeds import declared, feed
from tests.pipelines._loop import failures

LABELS = ("AAPL.NASDAQ", "IBM.NYSE", "MSFT.NASDAQ")
PARTITION = "2024-06-28"
OWN = feed("region: US\nfeed: instruments") + "---\n" + feed("region: US\nfeed: bars")
INSTRUMENTS, BARS = keys.staging("US", "instruments"), keys.staging("US", "bars")


def folder_of(place: Path, labels: tuple[str, ...], *, ids: int, scale: float = 1.0) -> Path:
    """A csvdir of fifty sessions whose ids are its own."""
    place.mkdir(parents=True)
    days = sessions_between("US", date(2024, 4, 18), date(2024, 6, 28))
    names = pl.DataFrame({"label": labels, "instrument_id": range(ids, ids + len(labels))})
    names.write_csv(place / "instruments.csv")
    rows = [
        {
            "label": label,
            "session": day.isoformat(),
            "close": round(scale * (100 + 20 * n + (i * 7 % 5) * 0.3), 4),
        }
        for n, label in enumerate(labels)
        for i, day in enumerate(days)
    ]
    bars = pl.DataFrame(rows).with_columns(
        open=pl.col("close") - 0.1,
        high=pl.col("close") + 0.5,
        low=pl.col("close") - 0.5,
        volume=1_000_000.0 + pl.int_range(pl.len()) * 13,
    )
    bars.write_csv(place / "bars.csv")
    return place


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty home on a csvdir of three names."""
    made = Home(tmp_path / "home")
    data = folder_of(tmp_path / "own", LABELS, ids=1)
    made.ensure(f"csvdir:{data}", 7, {"US": date(2024, 7, 1)})
    monkeypatch.setenv("DNALYAW_HOME", str(made.root))
    prepare(made)
    return made


@pytest.fixture
def instance(home: Home) -> Iterator[dg.DagsterInstance]:
    with open_instance(home) as opened:
        yield opened


def execute(
    location: dg.Definitions, instance: dg.DagsterInstance, *feeds: str, partition: str = PARTITION
) -> dg.ExecuteInProcessResult:
    """Materialize feeds as Dagster does, checks included."""
    chosen = [k for name in feeds for k in (keys.staging("US", name), keys.published("US", name))]
    job = dg.define_asset_job("all", dg.AssetSelection.assets(*chosen), executor_def=dg.in_process_executor)
    whole = dg.Definitions.merge(location, dg.Definitions(jobs=[job]))
    return whole.resolve_job_def("all").execute_in_process(
        instance=instance, partition_key=partition, raise_on_error=False
    )


def test_a_feed_of_another_provider_is_published_from_yaml_alone(
    home: Home, instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # The vendor numbers its instruments otherwise, and has one that the home does not know.
    vendor = folder_of(tmp_path / "vendor", ("TSLA.NASDAQ", *LABELS), ids=900, scale=1.001)
    monkeypatch.setenv("VENDOR", str(vendor))
    text = feed(
        """
region: US
feed: vendor_bars
schema: bars
provider: "csvdir:{{ env.VENDOR }}"
instruments: [TSLA.NASDAQ, "*.NYSE", AAPL.NASDAQ]
gates:
  leave_out: {expectations: the suite is about our own vendor}
severity:
  split_like: {level: error, reason: this vendor adjusts prices in silence}
owners: ["team:vendors"]
retries: {times: 1, wait_s: 0}
schedule: {after_close: 90m}
"""
    )
    location = declared(tmp_path / "project", OWN + "---\n" + text)

    result = execute(location, instance, "instruments", "bars", "vendor_bars")

    assert result.success, failures(result)
    (published,) = home.lake.read_published("US", "vendor_bars", PARTITION)
    # By label: Apple is the home's 1 and IBM its 2, whatever the vendor calls them; Tesla is nobody here.
    assert sorted(published["instrument_id"].unique()) == [1, 2]
    apple = published.filter(pl.col("instrument_id") == 1).sort("session")
    assert apple["close"][0] == pytest.approx(1.001 * 120.0)
    landed = instance.fetch_materializations(
        dg.AssetRecordsFilter(keys.staging("US", "vendor_bars")), limit=1
    ).records[0]
    facts = {k: v.value for k, v in landed.asset_materialization.metadata.items()}  # type: ignore[union-attr]
    assert (facts["rows_not_asked_for"], facts["rows_of_unknown_instruments"]) == (50, 50)
    checks = {
        e.check_name: e for e in result.get_asset_check_evaluations() if e.asset_key.path[-1] == "vendor_bars"
    }
    assert "expectations" not in checks
    assert checks["split_like"].metadata["severity"].value == "error"
    assert "adjusts prices in silence" in str(checks["split_like"].metadata["severity_reason"].value)
    assert {e.metadata["owner"].value for e in checks.values()} == {"team:vendors"}
    pinned = home.lake.pins("US", "vendor_bars", PARTITION)[-1]
    assert "split_like" in pinned.checks
    assert "expectations" not in pinned.checks


def test_a_name_that_the_provider_does_not_know_is_refused(
    home: Home, instance: dg.DagsterInstance, tmp_path: Path
):
    location = declared(tmp_path / "project", feed("region: US\nfeed: bars\ninstruments: [APPL.NASDAQ]"))
    result = execute(location, instance, "bars")
    assert not result.success
    assert "field instruments" in failures(result)
    assert "'APPL.NASDAQ'" in failures(result)
    assert home.lake.published_partitions("US", "bars") == []


def test_what_is_published_is_what_was_judged(home: Home, instance: dg.DagsterInstance, tmp_path: Path):
    """A delivery that another run lands after the checks is not published on their word."""
    location = declared(tmp_path / "project", OWN)
    assert execute(location, instance, "instruments", "bars").success
    good = home.lake.pins("US", "bars", PARTITION)
    bad = (
        home.lake.latest("US", "bars", PARTITION)
        .read()
        .drop("ingested_at")
        .with_columns(pl.col("close") * 50)
    )
    home.lake.land("US", "bars", PARTITION, bad)

    job = dg.define_asset_job("publish", dg.AssetSelection.assets(keys.published("US", "bars")))
    whole = dg.Definitions.merge(location, dg.Definitions(jobs=[job]))
    again = whole.resolve_job_def("publish").execute_in_process(
        instance=instance, partition_key=PARTITION, raise_on_error=False
    )

    assert again.success
    assert home.lake.pins("US", "bars", PARTITION) == good


FAULTS = {
    "variable": (
        "provider: 'csvdir:{{ env.DNALYAW_NOWHERE }}'",
        r"field provider: .*DNALYAW_NOWHERE is not set",
    ),
    "call": ("provider: \"csvdir:{{ env('DNALYAW_NOWHERE') }}\"", r"DNALYAW_NOWHERE is not set"),
    "provider": ("provider: banana", r"field provider: there is no provider 'banana'"),
    "schema": ("schema: prices", r"field schema: 'prices' is no table"),
    "label": ("instruments: [AAPL.HKEX]", r"field instruments\[0\]: 'AAPL.HKEX' is not of US"),
    "rule": ("gates: {leave_out: {spikes: why}}", r"field gates.leave_out.spikes: bars has no such rule"),
    "reason": ("gates: {leave_out: {spike: ''}}", r"field gates.leave_out.spike: .*with a reason"),
    "never": ("gates: {leave_out: {schema: why}}", r"field gates.leave_out.schema: .*never published"),
    "lowered": ("severity: {schema: {level: warn, reason: why}}", r"field severity.schema"),
    "level": ("severity: {spike: {level: loud, reason: why}}", r"field severity.spike.level: 'loud'"),
    "unreasoned": ("severity: {spike: {level: warn}}", r"field severity.spike.reason"),
    "cron": ("schedule: {cron: often}", r"field schedule.cron: 'often' is no cron"),
    "zone": ("schedule: {cron: '0 9 * * *', timezone: Mars}", r"field schedule.timezone: 'Mars'"),
    "lag": ("schedule: {after_close: soon}", r"field schedule.after_close: 'soon'"),
    "both": ("schedule: {after_close: 1h, cron: '0 9 * * *'}", r"field schedule: write either"),
    "owners": ("owners: []", r"field owners: is empty"),
    "unknown": ("banana: 1", r"attributes.banana at .*defs.yaml:\d+"),
    "type": ("instruments: 7", r"attributes.instruments.*defs.yaml:\d+"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_bad_yaml_names_file_and_field(fault: str, tmp_path: Path):
    line, told = FAULTS[fault]
    with pytest.raises(Exception, match=r"defs\.yaml|feeds") as raised:
        declared(tmp_path, feed(f"region: US\nfeed: bars\n{line}"))
    error: BaseException = raised.value
    while error.__cause__ is not None:
        error = error.__cause__
    text = " ".join(str(error).split())
    assert re.search(told, text), text
    assert "own_feeds/defs/feeds/defs.yaml" in text


def _tick(home: Home, moment: str) -> dg.RunRequest | dg.SkipReason:
    return request_of(
        plain_spec("US", "bars"), datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo("America/New_York"))
    )


def test_a_schedule_asks_once_for_a_closed_session(home: Home, tmp_path: Path):
    location = declared(tmp_path / "p", feed("region: US\nfeed: bars\nschedule: {after_close: 90m}"))
    (schedule,) = location.schedules or ()
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 17 * * 1-5", "America/New_York")  # type: ignore[union-attr]
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED  # type: ignore[union-attr]

    asked = _tick(home, "2024-07-02T17:30")
    assert isinstance(asked, dg.RunRequest)
    assert (asked.run_key, asked.partition_key) == ("US-bars-2024-07-02", "2024-07-02")
    # Independence Day, before the close, and before the home begins.
    for moment, why in (
        ("2024-07-04T17:30", "no session"),
        ("2024-07-02T12:00", "before it"),
        ("2024-06-03T17:30", "holds no data"),
    ):
        skipped = _tick(home, moment)
        assert isinstance(skipped, dg.SkipReason)
        assert why in str(skipped.skip_message)
    # The close is early on the third of July: at 17:30 it is long past.
    assert isinstance(_tick(home, "2024-07-03T17:30"), dg.RunRequest)


def test_a_label_that_an_instrument_has_given_up_names_it_no_more():
    def table(*rows: tuple[int, str, date]) -> pl.DataFrame:
        known = datetime(2019, 1, 1, tzinfo=UTC)
        return pl.DataFrame(
            [(i, label, day, None, known) for i, label, day in rows],
            schema={
                "instrument_id": pl.Int64,
                "label": pl.String,
                "valid_from": pl.Date,
                "valid_to": pl.Date,
                "available_at": pl.Datetime("us", "UTC"),
            },
            orient="row",
        )

    # The home's instrument 1 was OLD until 2022; the vendor's 77 is a company that took the name later.
    ours = table((1, "OLD.NYSE", date(2020, 1, 1)), (1, "NEW.NYSE", date(2022, 1, 3)))
    theirs = table((70, "OLD.NYSE", date(2020, 1, 1)), (77, "OLD.NYSE", date(2023, 1, 3)))
    rows = pl.DataFrame({"instrument_id": [70, 77], "__day": [date(2021, 6, 1), date(2023, 6, 1)]})
    spans = source_rows._spans(theirs, "instrument_id"), source_rows._spans(ours, "__ours")
    assert source_rows._bearers(rows, *spans, "instrument_id").rows() == [(date(2021, 6, 1), 1)]
