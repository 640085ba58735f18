"""Each part is in the path: take one away, and the run is refused or its asset fails."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

from dnalyaw.pit import AsOf
from dnalyaw.pit.feast import FeatureStoreError
from dnalyaw.quality import RULES
from dnalyaw_pipelines import dbt_project, keys
from dnalyaw_pipelines.components.feature_store import features_path
from dnalyaw_pipelines.delivery import published_tail
from dnalyaw_pipelines.gate import GateClosedError, require_green, require_materialized
from dnalyaw_pipelines.home import Home
from dnalyaw_pipelines.io import LakeIOManager, partition_path, required_checks
from tests.pipelines._loop import (
    FEEDS,
    FIRST,
    NEXT,
    NEXT_SESSION,
    REGION,
    definitions,
    exact,
    failures,
    frame,
    graph,
    pins,
    run,
)

MART = keys.asset(REGION, "dbt", "marts", "mart_factor_panel")
FACTORS = keys.asset(REGION, "factors")

# What a reader demands, written out: a rule that is dropped from the library is missed here.
BLOCKING = {
    "instruments": ["schema", "empty", "duplicate", "labels", "spans", "expectations"],
    "bars": [
        *("schema", "empty", "duplicate", "missing_session", "off_calendar"),
        *("stale", "ohlc", "spike", "quote_bar", "price_units", "volume_units"),
        *("flat_session", "rewritten", "vendor_prices", "expectations"),
    ],
    "quotes": ["schema", "empty", "duplicate", "off_calendar", "stale", "crossed", "expectations"],
    "actions": [
        *("schema", "empty", "duplicate", "amounts", "times", "no_jump", "dividend_twice"),
        *("dividend_units", "dividend_split", "dividend_drop", "expectations"),
    ],
    "fundamentals": [
        *("schema", "empty", "duplicate", "filing_order", "values", "durations", "expectations"),
    ],
    "series": ["schema", "empty", "duplicate", "off_calendar", "expectations"],
    "borrow": ["schema", "empty", "duplicate", "off_calendar", "expectations"],
}
MART_TESTS = [
    "mart_factor_panel_figures_were_known",
    "mart_factor_panel_instruments",
    "mart_factor_panel_no_return_across_identity",
    "mart_factor_panel_one_row_a_key",
    "not_null_mart_factor_panel_adj_close",
    "not_null_mart_factor_panel_instrument_id",
    "not_null_mart_factor_panel_session",
]


def test_the_rules_that_block_are_these():
    assert {f: [r.name for r in rules if r.severity == "error"] for f, rules in RULES.items()} == BLOCKING


# -- the checks -------------------------------------------------------------------------------------


def _materialize(instance: dg.DagsterInstance, key: dg.AssetKey, partition: str = NEXT) -> None:
    instance.report_runless_asset_event(
        dg.AssetMaterialization(key, partition=partition, metadata=_version(key, partition))
    )


def _version(key: dg.AssetKey, partition: str) -> dict[str, str]:
    """What a delivery's materialization and its checks say of the version they speak of."""
    landed = Home.active().lake.versions(REGION, key.path[-1], partition) if "staging" in key.path else []
    return {"version": landed[-1].version} if landed else {}


def _evaluate(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    names: Iterable[str],
    *,
    passed: bool = True,
    partition: str = NEXT,
) -> None:
    """Report evaluations of checks on the latest materialization, as a run of the checks would."""
    (record,) = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=key, asset_partitions=[partition]), limit=1
    ).records
    target = AssetCheckEvaluationTargetMaterializationData(
        storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
    )
    for name in names:
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=key,
                check_name=name,
                passed=passed,
                metadata={k: dg.MetadataValue.text(v) for k, v in _version(key, partition).items()},
                target_materialization_data=target,
                severity=dg.AssetCheckSeverity.ERROR,
                partition=partition,
            )
        )


@pytest.fixture
def landed(built_home: Home, tmp_path: Path, monkeypatch) -> Home:
    """A home in which every feed has one delivery of the next session, unchecked."""
    home = Home(tmp_path / "home")
    home.root.mkdir()
    shutil.copy(built_home.config_path, home.config_path)
    for feed in FEEDS:
        home.lake.land(REGION, feed, NEXT, pl.DataFrame({"instrument_id": [1]}))
    monkeypatch.setenv("DNALYAW_HOME", str(home.root))
    return home


def _publish(home: Home, instance: dg.DagsterInstance, feed: str) -> dg.MaterializeResult:
    location = definitions(home.config_path.read_text())
    asset = location.resolve_assets_def(keys.published(REGION, feed))
    return asset(dg.build_asset_context(partition_key=NEXT, instance=instance))


CHECKS = list(chain.from_iterable([(feed, name) for name in names] for feed, names in BLOCKING.items()))


@pytest.mark.parametrize(("feed", "missing"), CHECKS, ids=[f"{f}-{n}" for f, n in CHECKS])
def test_nothing_is_published_without_every_blocking_check(feed: str, missing: str, landed: Home):
    others = [name for name in BLOCKING[feed] if name != missing]
    with dg.DagsterInstance.ephemeral() as instance:
        staging = keys.staging(REGION, feed)
        _materialize(instance, staging)
        _evaluate(instance, staging, others)
        with pytest.raises(GateClosedError) as refused:
            _publish(landed, instance, feed)
        assert refused.value.description == (
            f"hk/staging/{feed} {NEXT} is not fit to be read: {missing} has not run"
        )
        assert landed.lake.pins(REGION, feed, NEXT) == []
        # The other side: with the last one green it is published.
        _evaluate(instance, staging, [missing])
        _publish(landed, instance, feed)
        assert set(landed.lake.pins(REGION, feed, NEXT)[-1].checks) == set(BLOCKING[feed])


@pytest.mark.parametrize(("feed", "failed"), CHECKS, ids=[f"{f}-{n}" for f, n in CHECKS])
def test_nothing_is_published_while_a_blocking_check_is_red(feed: str, failed: str, landed: Home):
    with dg.DagsterInstance.ephemeral() as instance:
        staging = keys.staging(REGION, feed)
        _materialize(instance, staging)
        _evaluate(instance, staging, [name for name in BLOCKING[feed] if name != failed])
        _evaluate(instance, staging, [failed], passed=False)
        with pytest.raises(GateClosedError) as refused:
            _publish(landed, instance, feed)
        assert str(refused.value.description).endswith(f"is not fit to be read: {failed} is failed")
    assert landed.lake.pins(REGION, feed, NEXT) == []


def test_a_check_of_another_partition_or_an_earlier_delivery_does_not_count(landed: Home):
    staging = keys.staging(REGION, "quotes")
    with dg.DagsterInstance.ephemeral() as instance:
        _materialize(instance, staging, FIRST)
        _evaluate(instance, staging, BLOCKING["quotes"], partition=FIRST)
        _materialize(instance, staging)
        with pytest.raises(GateClosedError, match="schema has not run"):
            _publish(landed, instance, "quotes")
        _evaluate(instance, staging, BLOCKING["quotes"])
        _materialize(instance, staging)
        with pytest.raises(GateClosedError) as refused:
            _publish(landed, instance, "quotes")
        assert str(refused.value.description).count("passed on an earlier delivery") == len(
            BLOCKING["quotes"]
        )
        assert landed.lake.pins(REGION, "quotes", NEXT) == []


def test_an_asset_without_a_check_is_never_fit_to_be_read():
    with dg.DagsterInstance.ephemeral() as instance:
        _materialize(instance, MART)
        with pytest.raises(GateClosedError, match="no blocking check"):
            require_green(instance, MART, [], NEXT)


def _load_mart(home: Home, instance: dg.DagsterInstance) -> pl.DataFrame:
    node = definitions(home.config_path.read_text()).resolve_asset_graph().get(MART)
    assert sorted(required_checks(dict(node.metadata))) == MART_TESTS
    context = dg.build_input_context(
        upstream_output=dg.build_output_context(asset_key=MART, definition_metadata=dict(node.metadata)),
        asset_key=MART,
        partition_key=NEXT,
        instance=instance,
    )
    return LakeIOManager().load_input(context)


@pytest.mark.parametrize("missing", MART_TESTS)
def test_a_mart_is_not_read_without_every_test_of_it(missing: str, landed: Home):
    path = partition_path(landed, MART, NEXT)
    path.parent.mkdir(parents=True)
    pl.DataFrame({"x": [1]}).write_parquet(path)
    with dg.DagsterInstance.ephemeral() as instance:
        with pytest.raises(GateClosedError, match="never materialized"):
            _load_mart(landed, instance)
        _materialize(instance, MART)
        _evaluate(instance, MART, [name for name in MART_TESTS if name != missing])
        with pytest.raises(GateClosedError) as refused:
            _load_mart(landed, instance)
        assert str(refused.value.description).endswith(f": {missing} has not run")
        _evaluate(instance, MART, [missing])
        assert _load_mart(landed, instance).height == 1


@pytest.mark.parametrize("missing", ["coverage", "finite"])
def test_factors_are_not_stored_without_their_checks(missing: str, landed: Home):
    asset = definitions(landed.config_path.read_text()).resolve_assets_def(
        keys.asset(REGION, "feature_store")
    )
    with dg.DagsterInstance.ephemeral() as instance:
        with pytest.raises(GateClosedError, match="never materialized"):
            asset(dg.build_asset_context(partition_key=NEXT, instance=instance))
        _materialize(instance, FACTORS)
        _evaluate(instance, FACTORS, {"coverage", "finite"} - {missing})
        with pytest.raises(GateClosedError) as refused:
            asset(dg.build_asset_context(partition_key=NEXT, instance=instance))
        assert str(refused.value.description).endswith(f": {missing} has not run")
    assert not features_path(landed, REGION).exists()


def test_a_delivery_after_a_green_check_is_not_published(next_home: Home, copy_of):
    home = copy_of(next_home)
    before = pins(home)
    with graph(home) as opened:
        staging = keys.staging(REGION, "bars")
        again = opened.execute(NEXT, [staging], checks=[])
        assert again.success, failures(again)
        assert again.get_asset_check_evaluations() == []
        result = opened.execute(NEXT, [keys.published(REGION, "bars")], checks=[])
        assert not result.success
        assert "spike passed on an earlier delivery" in failures(result)
    assert pins(home) == before


# -- identity ---------------------------------------------------------------------------------------


def test_no_price_is_adjusted_whose_instrument_is_not_known(next_home: Home, copy_of):
    home = copy_of(next_home)
    held = home.lake.read_published(REGION, "bars", NEXT)[-1].drop("ingested_at")
    stray = held.head(1).with_columns(instrument_id=pl.lit(999_999, pl.Int64))
    staged = home.lake.land(REGION, "bars", NEXT, pl.concat([held, stray]))
    home.lake.publish(staged, rows=held.height + 1, checks={"schema": "passed"})
    # The row is known from its receipt on: the moment of the read is taken past it.
    with graph(home) as opened:
        moment = AsOf(datetime.now(UTC))
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Home, "as_of", lambda *_: moment)
            result = opened.execute(NEXT, [keys.asset(REGION, "adjusted_prices")])
        assert not result.success
        assert "first instrument 999999 on" in failures(result)
        assert "unknown instrument" in failures(result)


# -- dbt --------------------------------------------------------------------------------------------


@pytest.fixture
def dbt_copy(tmp_path: Path, monkeypatch) -> Path:
    """A copy of the dbt project that the graph uses for the length of a test."""
    project = tmp_path / "dbt"
    shutil.copytree(dbt_project.PROJECT, project)
    monkeypatch.setattr(dbt_project, "PROJECT", project)
    monkeypatch.setattr(dbt_project, "BUILD", tmp_path / "build")
    return project


def test_without_the_mart_of_dbt_nothing_is_computed(dbt_copy: Path, built_home: Home, copy_of):
    home = copy_of(built_home)
    (dbt_copy / "models" / "marts" / "mart_factor_panel.sql").unlink()
    ran = run(home, NEXT_SESSION)
    assert ran.status == 1
    assert ran.err.splitlines()[-1].startswith("dnalyaw run: the graph does not load: ")
    assert "mart_factor_panel" in ran.err.splitlines()[-1]
    assert "Traceback" not in ran.err
    assert not partition_path(home, FACTORS, NEXT).exists()


def test_a_model_that_does_not_build_stops_the_run(dbt_copy: Path, next_home: Home, copy_of):
    home = copy_of(next_home)
    model = dbt_copy / "models" / "marts" / "mart_factor_panel.sql"
    model.write_text("select * from no_such_table")
    with graph(home) as opened:
        before = exact(frame(home, NEXT, *MART.path[1:]))
        result = opened.execute(NEXT, opened.downstream(MART))
        assert not result.success
        assert "dbt did not build mart_factor_panel" in failures(result)
        assert [e.step_key for e in result.get_step_failure_events()] == ["hk_dbt"]
        assert exact(frame(home, NEXT, *MART.path[1:])) == before


def test_a_failing_test_of_dbt_blocks_what_reads_the_model(dbt_copy: Path, next_home: Home, copy_of):
    home = copy_of(next_home)
    (dbt_copy / "tests" / "mart_factor_panel_one_row_a_key.sql").write_text(
        "select instrument_id from {{ ref('mart_factor_panel') }} limit 3"
    )
    with graph(home) as opened:
        result = opened.execute(NEXT, opened.downstream(MART))
        assert not result.success
        failed = [e.check_name for e in result.get_asset_check_evaluations() if not e.passed]
        assert failed == ["mart_factor_panel_one_row_a_key"]
        result = opened.execute(NEXT, opened.downstream(FACTORS))
        assert "mart_factor_panel_one_row_a_key is failed" in failures(result)


# -- Great Expectations -----------------------------------------------------------------------------


def test_without_the_suite_bars_are_not_published(built_home: Home, copy_of, monkeypatch, tmp_path: Path):
    home = copy_of(built_home)
    monkeypatch.setattr("dnalyaw.quality._expectations.SUITE_PATH", tmp_path / "bars.json")
    ran = run(home, NEXT_SESSION, trade=True)
    assert ran.status == 3
    assert (ran.last["feed"], ran.last["rule"]) == ("hk/bars", "expectations")
    assert "the expectation suite bars.json is missing; restore it" in ran.last["message"]
    assert NEXT not in home.lake.published_partitions(REGION, "bars")


# -- the feature store ------------------------------------------------------------------------------


def test_without_the_feature_store_nothing_is_predicted(next_home: Home, copy_of):
    home = copy_of(next_home)
    shutil.rmtree(home.root / "feast")
    shutil.rmtree(features_path(home, REGION))
    partition_path(home, keys.asset(REGION, "predictions"), NEXT).unlink()
    ran = run(home, NEXT_SESSION, "--select", "hk/predictions+")
    assert ran.status == 3, ran.err
    assert ran.last["message"] == "the feature store of HK is empty; materialize hk/feature_store"
    # The predictions were there once, so that Dagster knows them; their file is gone.
    ran = run(home, NEXT_SESSION, "--select", "hk/strategies/hk_time_series_momentum")
    assert ran.status == 3, ran.err
    assert f"hk/predictions {NEXT}: its file" in ran.last["message"]
    assert not partition_path(home, keys.asset(REGION, "predictions"), NEXT).exists()


@pytest.mark.parametrize("lost", [FIRST, NEXT])
def test_a_session_that_the_feature_store_lacks_is_not_read_over(lost: str, next_home: Home, copy_of):
    home = copy_of(next_home)
    (features_path(home, REGION) / f"{lost}.parquet").unlink()
    ran = run(home, NEXT_SESSION, "--select", "hk/predictions")
    assert ran.status == 3, ran.err
    assert f"the feature store of HK has no values of {lost};" in ran.last["message"]


def test_a_store_that_cannot_be_built_stops_the_run(next_home: Home, copy_of, monkeypatch):
    home = copy_of(next_home)

    def broken(*_: object, **__: object) -> None:
        raise FeatureStoreError("no registry")

    monkeypatch.setattr("dnalyaw.pit.feast.build_store", broken)
    with graph(home) as opened:
        result = opened.execute(NEXT, opened.downstream(keys.asset(REGION, "feature_store")))
        assert not result.success
        assert [e.step_key for e in result.get_step_failure_events()] == ["hk__feature_store"]
        assert "no registry" in failures(result)


# -- what a reader is given -------------------------------------------------------------------------


def test_a_partition_that_was_never_made_is_not_read():
    with dg.DagsterInstance.ephemeral() as instance:
        _materialize(instance, MART, FIRST)
        require_materialized(instance, MART, FIRST)
        with pytest.raises(GateClosedError, match=rf"mart_factor_panel {NEXT} was never materialized"):
            require_materialized(instance, MART, NEXT)


def test_gates_compare_with_published_bars_only(next_home: Home, copy_of):
    home = copy_of(next_home)
    good = published_tail(home, REGION, "2026-11-20")
    assert good is not None
    bad = home.lake.latest(REGION, "bars", NEXT).read().drop("ingested_at").with_columns(pl.col("close") * 9)
    home.lake.land(REGION, "bars", NEXT, bad)
    seen = published_tail(home, REGION, "2026-11-20")
    assert seen is not None
    assert exact(seen) == exact(good)
