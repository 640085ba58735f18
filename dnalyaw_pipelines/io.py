"""Values between assets: Parquet by partition, read only through the gate."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg
import polars as pl

from dnalyaw_pipelines.gate import GateClosedError, require_green, require_materialized
from dnalyaw_pipelines.home import Home

REQUIRED_CHECKS = "dnalyaw/required_checks"
"""Metadata key on an asset: the blocking checks that every reader demands, comma separated."""


def required_checks(metadata: object) -> list[str]:
    """The names under REQUIRED_CHECKS in an asset's definition metadata."""
    value = metadata.get(REQUIRED_CHECKS) if isinstance(metadata, dict) else None
    text = getattr(value, "value", value)
    return [name for name in str(text).split(",") if name] if text else []


def partition_path(home: Home, key: dg.AssetKey, partition: str) -> Path:
    """Where one partition of a derived asset lies."""
    return home.assets(*key.path) / f"{partition}.parquet"


def write_frame(path: Path, frame: pl.DataFrame) -> None:
    """Write a frame so that a kill leaves the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    frame.write_parquet(partial)
    partial.rename(path)


class LakeIOManager(dg.IOManager):
    """Stores a polars frame a partition; refuses to load what is not green."""

    def handle_output(self, context: dg.OutputContext, obj: pl.DataFrame | None) -> None:
        """Write the partition; an asset that returns None keeps its data elsewhere (the lake, dbt)."""
        if obj is None:
            return
        path = partition_path(Home.active(), context.asset_key, context.partition_key)
        write_frame(path, obj)
        schema = dg.TableSchema([dg.TableColumn(n, str(t)) for n, t in obj.schema.items()])
        context.add_output_metadata(
            {
                "dagster/row_count": obj.height,
                "dagster/column_schema": schema,
                "file": dg.MetadataValue.path(path),
            }
        )

    def load_input(self, context: dg.InputContext) -> pl.DataFrame:
        """Read the same partition of the upstream after its materialization and its checks were demanded."""
        upstream = context.upstream_output
        if upstream is None:
            raise dg.Failure("an input without an upstream asset cannot be loaded")
        partition = context.partition_key
        require_materialized(context.instance, context.asset_key, partition)
        checks = required_checks(upstream.definition_metadata)
        if checks:
            require_green(context.instance, context.asset_key, checks, partition)
        path = partition_path(Home.active(), context.asset_key, partition)
        if not path.exists():
            name = context.asset_key.to_user_string()
            raise GateClosedError(f"{name} {partition}: its file {path} is gone; materialize it again")
        return pl.read_parquet(path)
