"""Feast's offline store over polars and Parquet. Importing this module imports Feast, which takes seconds."""

from __future__ import annotations

import glob
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import polars as pl
import pyarrow as pa
from feast import FeatureView, FileSource, OnDemandFeatureView
from feast.data_source import DataSource
from feast.infra.offline_stores.offline_store import OfflineStore, RetrievalJob, RetrievalMetadata
from feast.infra.offline_stores.offline_utils import DEFAULT_ENTITY_DF_EVENT_TIMESTAMP_COL
from feast.infra.registry.base_registry import BaseRegistry
from feast.repo_config import FeastConfigBaseModel, RepoConfig

from dnalyaw.pit.feast._errors import FeatureStoreError
from dnalyaw.pit.feast._join import as_of_join


class PolarsOfflineStoreConfig(FeastConfigBaseModel):
    """Settings of the store; it needs none."""

    type: Literal["dnalyaw.pit.feast.PolarsOfflineStore"] = "dnalyaw.pit.feast.PolarsOfflineStore"


class PolarsRetrievalJob(RetrievalJob):
    """A query that runs when its result is asked for."""

    def __init__(
        self,
        run: Callable[[], pl.DataFrame],
        full_feature_names: bool = False,
        on_demand: list[OnDemandFeatureView] | None = None,
        metadata: RetrievalMetadata | None = None,
    ) -> None:
        self._run = run
        self._full_feature_names = full_feature_names
        self._on_demand = on_demand or []
        self._metadata = metadata

    @property
    def full_feature_names(self) -> bool:
        """Whether feature columns carry their view's name."""
        return self._full_feature_names

    @property
    def on_demand_feature_views(self) -> list[OnDemandFeatureView]:
        """Views computed after the join."""
        return self._on_demand

    @property
    def metadata(self) -> RetrievalMetadata | None:
        """What was asked for."""
        return self._metadata

    def to_polars(self) -> pl.DataFrame:
        """Run the query. On-demand views need `to_arrow`."""
        if self._on_demand:
            raise FeatureStoreError("on-demand views are computed by to_arrow or to_df, not by to_polars")
        return self._run()

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        return self._run().to_arrow()

    def _to_df_internal(self, timeout: int | None = None) -> pd.DataFrame:
        return self._run().to_pandas()


class PolarsOfflineStore(OfflineStore):
    """Point-in-time retrieval that cannot look ahead.

    A row is served at or after its created timestamp only, whether or not the caller asks for that; a
    source without a created timestamp is refused. Every entity row comes back, in order. A view's TTL is
    honoured.
    """

    supports_filter_by_created_timestamp = True

    @staticmethod
    def get_historical_features(
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: pd.DataFrame | pl.DataFrame | str | None,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        filter_by_created_timestamp: bool = True,
        **kwargs: Any,
    ) -> RetrievalJob:
        """Return the job that attaches features to entity rows; see `as_of_join` for the rule.

        Raises
        ------
        FeatureStoreError
            The entity rows are not a frame, or have no one column of moments; a source has no created
            timestamp.
        """
        entities = _entities(entity_df)
        moment = _moment_column(entities)
        requested = _requested(feature_views, feature_refs)
        joins = [_join_arguments(config, view, names, full_feature_names) for view, names in requested]

        def run() -> pl.DataFrame:
            frame = entities
            for source, arguments in joins:
                frame = as_of_join(frame, source(), entity_time=moment, **arguments)
            return frame

        moments = entities[moment]
        return PolarsRetrievalJob(
            run,
            full_feature_names,
            OnDemandFeatureView.get_requested_odfvs(feature_refs, project, registry),
            RetrievalMetadata(
                features=feature_refs,
                keys=[c for c in entities.columns if c != moment],
                min_event_timestamp=moments.min(),  # type: ignore[arg-type]
                max_event_timestamp=moments.max(),  # type: ignore[arg-type]
            ),
        )

    @staticmethod
    def pull_latest_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None,
        start_date: datetime,
        end_date: datetime,
    ) -> RetrievalJob:
        """Return the job that reads each key's newest row in the range that is known at ``end_date``."""
        created = _created(data_source, created_timestamp_column)

        def run() -> pl.DataFrame:
            rows = _scan(config, data_source)
            keys = [*join_key_columns, timestamp_field, created]
            return (
                rows.select(*keys, *feature_name_columns)
                .filter(_between(timestamp_field, start_date, end_date), pl.col(created) <= _utc(end_date))
                .sort(timestamp_field, created)
                .unique(join_key_columns, keep="last", maintain_order=True)
                .collect()
            )

        return PolarsRetrievalJob(run)

    @staticmethod
    def pull_all_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> RetrievalJob:
        """Return the job that reads every row with its event in the range, all versions."""
        created = _created(data_source, created_timestamp_column)

        def run() -> pl.DataFrame:
            rows = _scan(config, data_source)
            return (
                rows.select(*join_key_columns, *feature_name_columns, timestamp_field, created)
                .filter(_between(timestamp_field, start_date, end_date))
                .collect()
            )

        return PolarsRetrievalJob(run)

    def validate_data_source(self, config: RepoConfig, data_source: DataSource) -> None:
        """Refuse a source that could not be served point in time; its files may come later."""
        _created(data_source, data_source.created_timestamp_column)


def _entities(entity_df: pd.DataFrame | pl.DataFrame | str | None) -> pl.DataFrame:
    if isinstance(entity_df, pl.DataFrame):
        return entity_df
    if isinstance(entity_df, pd.DataFrame):
        return pl.from_pandas(entity_df)
    raise FeatureStoreError(
        f"entity rows must be a polars or pandas frame of keys and moments, not {type(entity_df).__name__}"
    )


def _moment_column(entities: pl.DataFrame) -> str:
    if DEFAULT_ENTITY_DF_EVENT_TIMESTAMP_COL in entities.columns:
        return str(DEFAULT_ENTITY_DF_EVENT_TIMESTAMP_COL)
    times = [name for name, dtype in entities.schema.items() if isinstance(dtype, pl.Datetime)]
    if len(times) != 1:
        raise FeatureStoreError(
            f"entity rows need one column of moments, named {DEFAULT_ENTITY_DF_EVENT_TIMESTAMP_COL}; "
            f"they have {', '.join(times) or 'none'}"
        )
    return times[0]


def _requested(views: list[FeatureView], refs: list[str]) -> list[tuple[FeatureView, list[str]]]:
    by_view: dict[str, list[str]] = {}
    for ref in refs:
        view, _, feature = ref.partition(":")
        by_view.setdefault(view.partition("@")[0], []).append(feature)
    known = {view.projection.name_to_use(): view for view in views}
    return [(known[name], names) for name, names in by_view.items() if name in known]


def _join_arguments(
    config: RepoConfig, view: FeatureView, names: list[str], full: bool
) -> tuple[Callable[[], pl.LazyFrame], dict[str, Any]]:
    source = view.batch_source
    if source is None:
        raise FeatureStoreError(f"view {view.name} has no batch source to read the past from")
    created = _created(source, source.created_timestamp_column)
    prefix = f"{view.projection.name_to_use()}__" if full else ""
    keys = [column.name for column in view.entity_columns]
    arguments = {
        "entity_keys": [view.projection.join_key_map.get(key, key) for key in keys],
        "source_keys": keys,
        "event_time": source.timestamp_field,
        "created": created,
        "ttl": view.ttl if view.ttl else None,
        "columns": {name: prefix + name for name in names},
    }
    return lambda: _scan(config, source), arguments


def _created(source: DataSource, column: str | None) -> str:
    if not column:
        raise FeatureStoreError(
            f"source {source.name} has no created_timestamp_column; without the moment at which a row could "
            f"be known "
            "no read of the past is honest. Name the column"
        )
    return column


def _scan(config: RepoConfig, source: DataSource) -> pl.LazyFrame:
    """Open a source's Parquet: a file, a folder, or a pattern."""
    if not isinstance(source, FileSource):
        raise FeatureStoreError(
            f"source {source.name} is a {type(source).__name__}; this store reads Parquet files"
        )
    path = FileSource.get_uri_for_file_path(config.repo_path, source.path)
    if "://" not in path:
        files = sorted(
            glob.glob(f"{path}/**/*.parquet", recursive=True) if Path(path).is_dir() else glob.glob(path)
        )
        if not files:
            raise FeatureStoreError(f"no Parquet file at {path}; materialize the features first")
        # A factor that is younger than a file is absent there: null, not an error.
        frame = pl.scan_parquet(
            files, schema=_common_schema(files), missing_columns="insert", extra_columns="ignore"
        )
    else:
        frame = pl.scan_parquet(path)
    renamed = {old: new for old, new in source.field_mapping.items() if old != new}
    return frame.rename(renamed) if renamed else frame


def _common_schema(files: list[str]) -> dict[str, pl.DataType]:
    """Return the columns of all files; the same name must have the same type in each."""
    common: dict[str, pl.DataType] = {}
    for file in files:
        for name, dtype in pl.read_parquet_schema(file).items():
            if common.setdefault(name, dtype) != dtype:
                raise FeatureStoreError(
                    f"column {name} is {dtype} in {Path(file).name} and {common[name]} in a file before it; "
                    "write one type"
                )
    return common


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _between(column: str, start: datetime | None, end: datetime | None) -> pl.Expr:
    kept = pl.lit(True)
    if start is not None:
        kept &= pl.col(column) >= _utc(start)
    if end is not None:
        kept &= pl.col(column) <= _utc(end)
    return kept
