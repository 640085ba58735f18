"""The feature store: Feast over the factor values, with the platform's own as-of join."""

from pathlib import Path

import dagster as dg
import polars as pl

from dnalyaw_pipelines import keys
from dnalyaw_pipelines.gate import GateClosedError, require_green, require_materialized
from dnalyaw_pipelines.home import Home
from dnalyaw_pipelines.io import partition_path, write_frame
from dnalyaw_pipelines.partitions import session_partitions


def features_path(home: Home, region: str) -> Path:
    """Folder of the Parquet files that the feature store serves, one a partition."""
    return home.root / "features" / region.lower() / "values"


def feature_store_asset(region: str) -> dg.AssetsDefinition:
    """Publishes a partition's factor values to the feature store, and registers the views."""

    @dg.asset(
        key=keys.asset(region, "feature_store"),
        deps=[keys.asset(region, "factors")],
        partitions_def=session_partitions(region),
        kinds={"feast", "parquet"},
        owners=["team:research"],
        group_name=f"{region.lower()}_features",
        description="Factor values as Feast feature views; reads are as of a moment, never later.",
    )
    def feature_store(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        from dnalyaw.pit.feast import build_store
        from dnalyaw_pipelines.components.factor_set import factor_names

        home, partition = Home.active(), context.partition_key
        key = keys.asset(region, "factors")
        require_materialized(context.instance, key, partition)
        require_green(context.instance, key, ["coverage", "finite"], partition)
        values = pl.read_parquet(partition_path(home, key, partition))
        folder = features_path(home, region)
        write_frame(folder / f"{partition}.parquet", values)
        names = factor_names(values)
        store = build_store(home.root, region, names, folder)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": values.height,
                "features": len(names),
                "feature_views": dg.MetadataValue.json([view.name for view in store.list_feature_views()]),
                "folder": dg.MetadataValue.path(folder),
            }
        )

    return feature_store


def open_store(home: Home, region: str):
    """Open the region's feature store, and the names of its features.

    Raises
    ------
    GateClosedError
        When no partition was ever published to it.
    """
    from dnalyaw.pit.feast import build_store
    from dnalyaw_pipelines.components.factor_set import factor_names

    folder = features_path(home, region)
    files = sorted(folder.glob("*.parquet"))
    if not files:
        raise GateClosedError(
            f"the feature store of {region} is empty; materialize {region.lower()}/feature_store"
        )
    names = factor_names(pl.read_parquet(files[0], n_rows=0))
    return build_store(home.root, region, names, folder), names
