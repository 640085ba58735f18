"""Adjusted prices, and the dbt marts made of them."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl

from dnalyaw.market import KEYS
from dnalyaw.pit import PublishedTable
from dnalyaw_pipelines import keys
from dnalyaw_pipelines.dbt_project import DbtModel, build, models
from dnalyaw_pipelines.home import Home
from dnalyaw_pipelines.io import REQUIRED_CHECKS, partition_path, write_frame
from dnalyaw_pipelines.partitions import session_partitions
from dnalyaw_pipelines.tables import published_table

INPUTS = ("instruments", "actions", "fundamentals", "series", "borrow")
"""What dbt reads whole; of the quotes it reads the last session, and bars come as adjusted prices."""

SOURCES = {
    "stg_prices": "adjusted_prices",
    "stg_instruments": "instruments",
    "stg_fundamentals": "fundamentals",
    "stg_dividends": "actions",
    "stg_actions": "actions",
    "stg_quotes": "quotes",
    "stg_series": "series",
    "stg_borrow": "borrow",
}
"""The table that each staging model reads."""


class Marts(dg.Component, dg.Model, dg.Resolvable):
    """Forward-adjusted prices and every model of the dbt project, for one region.

    Attributes
    ----------
    region : str
        ``US`` or ``HK``.
    """

    region: str

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The adjusted prices, and an asset a dbt model with a check a dbt test."""
        return dg.Definitions(assets=[_adjusted_prices(self.region), _marts(self.region)])


def _adjusted_prices(region: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=keys.asset(region, "adjusted_prices"),
        deps=[keys.published(region, feed) for feed in ("bars", "actions", "instruments", "quotes")],
        partitions_def=session_partitions(region),
        kinds={"polars"},
        owners=["team:data"],
        group_name=f"{region.lower()}_prices",
        description="Raw bars with prices adjusted forward from listing: a later dividend changes no earlier value.",
    )
    def adjusted_prices(context: dg.AssetExecutionContext) -> pl.DataFrame:
        from dnalyaw.market import IdentityError, InstrumentMaster, adjust_bars

        home, partition = Home.active(), context.partition_key
        as_of = home.as_of(region, partition)
        # The quotes are not read here; a day whose quotes are blocked must not be traded on all the same.
        published_table(home, region, "quotes", partition).require()
        bars = published_table(home, region, "bars", partition).read(as_of)
        actions = published_table(home, region, "actions", partition).read(as_of)
        context.log.info("adjusting %d bars with %d actions as of %s", bars.height, actions.height, as_of)
        prices = adjust_bars(bars, actions, as_of)
        instruments = published_table(home, region, "instruments", partition).read(as_of)
        try:
            InstrumentMaster(instruments, as_of).require_one_identity(prices)
        except IdentityError as error:
            raise dg.Failure(f"{region} adjusted_prices {partition}: {error}") from error
        return prices

    return adjusted_prices


def model_key(region: str, model: DbtModel) -> dg.AssetKey:
    """The key of a dbt model: its layer is the folder it lies in."""
    return keys.asset(region, "dbt", model.layer, model.name)


def _marts(region: str) -> dg.AssetsDefinition:
    by_name = {model.name: model for model in models()}
    prices = keys.asset(region, "adjusted_prices")

    def upstream(model: DbtModel) -> list[dg.AssetKey]:
        inside = [model_key(region, by_name[name]) for name in model.upstream]
        if model.layer != "staging":
            return inside
        source = SOURCES[model.name]
        return [prices if source == "adjusted_prices" else keys.published(region, source)]

    specs = [
        dg.AssetSpec(
            key=model_key(region, model),
            deps=upstream(model),
            description=model.description,
            kinds={"dbt", "duckdb"},
            owners=["team:data"],
            group_name=f"{region.lower()}_marts",
            metadata={REQUIRED_CHECKS: ",".join(model.tests)} if model.tests else {},
        )
        for model in by_name.values()
    ]
    checks = [
        dg.AssetCheckSpec(
            name=test,
            asset=model_key(region, model),
            blocking=True,
            partitions_def=session_partitions(region),
        )
        for model in by_name.values()
        for test in model.tests
    ]

    @dg.multi_asset(
        name=f"{region.lower()}_dbt",
        specs=specs,
        check_specs=checks,
        partitions_def=session_partitions(region),
    )
    def dbt_models(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        home, partition = Home.active(), context.partition_key
        work = home.root / "warehouse" / region.lower()
        _write_inputs(context, home, region, partition, work / "inputs")
        outcomes = build(work / "warehouse.duckdb", work / "inputs", work / "target")
        broken = [n for n in by_name if n not in outcomes or outcomes[n].status != "success"]
        for name in broken:
            context.log.error(
                "dbt model %s: %s", name, outcomes[name].message if name in outcomes else "missing"
            )
        for name, model in by_name.items():
            if name in broken:
                continue
            key = model_key(region, model)
            if model.layer == "marts":
                write_frame(partition_path(home, key, partition), _read(work / "warehouse.duckdb", model))
            yield dg.MaterializeResult(asset_key=key, metadata=_facts(work / "warehouse.duckdb", model))
            for test in model.tests:
                outcome = outcomes.get(test)
                yield dg.AssetCheckResult(
                    asset_key=key,
                    check_name=test,
                    passed=outcome is not None and outcome.status == "pass",
                    metadata={"failures": outcome.failures, "message": outcome.message} if outcome else {},
                )
        if broken:
            raise dg.Failure(
                f"{region} {partition}: dbt did not build {', '.join(broken)}; see {work / 'target' / 'logs'}"
            )

    return dbt_models


def _write_inputs(
    context: dg.AssetExecutionContext, home: Home, region: str, partition: str, folder: Path
) -> None:
    """What dbt reads: the published tables as of the decision moment, and the adjusted prices."""
    as_of = home.as_of(region, partition)
    for feed in INPUTS:
        write_frame(folder / f"{feed}.parquet", published_table(home, region, feed, partition).read(as_of))
    session = PublishedTable(home.lake, region, "quotes", [partition], KEYS["quotes"]).read(as_of)
    last = session.filter(pl.col("session") == date.fromisoformat(partition))
    write_frame(folder / "quotes.parquet", last)
    prices = keys.asset(region, "adjusted_prices")
    from dnalyaw_pipelines.gate import require_materialized

    require_materialized(context.instance, prices, partition)
    write_frame(folder / "adjusted_prices.parquet", pl.read_parquet(partition_path(home, prices, partition)))


def _read(warehouse: Path, model: DbtModel) -> pl.DataFrame:
    import duckdb

    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        return connection.sql(f'select * from main_{model.layer}."{model.name}"').pl()


def _facts(warehouse: Path, model: DbtModel) -> dict[str, object]:
    import duckdb

    with duckdb.connect(str(warehouse), read_only=True) as connection:
        relation = connection.sql(f'select * from main_{model.layer}."{model.name}"')
        columns = [dg.TableColumn(n, str(t)) for n, t in zip(relation.columns, relation.types, strict=True)]
        count = connection.sql(f'select count(*) from main_{model.layer}."{model.name}"').fetchall()[0][0]
    return {
        "dagster/row_count": count,
        "dagster/column_schema": dg.TableSchema(columns),
    }
