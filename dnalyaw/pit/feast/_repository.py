"""Builds a region's feature store under a data home and reads it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from dnalyaw.pit import AsOf
from dnalyaw.pit.feast._definitions import KEY, TIME_TO_LIVE, definitions, project_name, view_name
from dnalyaw.pit.feast._errors import FeatureStoreError

if TYPE_CHECKING:
    from feast import FeatureStore
    from feast.infra.offline_stores.offline_store import RetrievalJob

_MOMENT = "event_timestamp"
_DEFINITIONS_VERSION = 1
"""Raise when `_definitions` changes what it registers for the same names."""


def build_store(
    home: Path,
    region: str,
    feature_names: Sequence[str],
    parquet: str | Path,
    ttl: timedelta = TIME_TO_LIVE,
) -> FeatureStore:
    """Write a region's ``feature_store.yaml`` and registry under a data home, and open the store.

    Parameters
    ----------
    home : Path
        Data home; everything is written under ``home/feast/<region>``.
    region : str
        ``US`` or ``HK``.
    feature_names : sequence of str
        Factor columns.
    parquet : str or Path
        A Parquet file, a folder of them, or a pattern. Rows: ``instrument_id`` Int64, ``event_time`` (the
        session's close) and ``available_at`` (when the row could be known), both UTC, and a Float64 column
        a factor.
    ttl : timedelta
        Features of a session further back than this are not served.

    Returns
    -------
    feast.FeatureStore
        What is registered already, unchanged, is not registered again.

    Raises
    ------
    FeatureStoreError
        No names, a name twice, or a region that is no code.
    """
    # Read by Feast when it is imported.
    os.environ["FEAST_USAGE"] = "False"
    folder = Path(home).resolve() / "feast" / region.lower()
    path = str(parquet) if "://" in str(parquet) else str(Path(parquet).absolute())
    wanted = definitions(region, feature_names, path, ttl)
    from feast import FeatureStore
    from feast import __version__ as feast_version

    folder.mkdir(parents=True, exist_ok=True)
    config = _config(folder, region)
    described = [
        _DEFINITIONS_VERSION,
        feast_version,
        config,
        path,
        ttl.total_seconds(),
        sorted(feature_names),
    ]
    fingerprint = hashlib.sha256(json.dumps(described).encode()).hexdigest()
    yaml_file, marker = folder / "feature_store.yaml", folder / "applied.sha256"
    registered = (folder / "registry.db").is_file() and yaml_file.is_file() and marker.is_file()
    if registered and marker.read_text(encoding="utf-8") == fingerprint:
        return FeatureStore(fs_yaml_file=yaml_file)
    # The marker goes first and comes back last: a build that is cut short is done again.
    marker.unlink(missing_ok=True)
    _write(yaml_file, config)
    store = FeatureStore(fs_yaml_file=yaml_file)
    store.apply(wanted, partial=False)
    _write(marker, fingerprint)
    return store


def _config(folder: Path, region: str) -> str:
    """Return the YAML of a local store without an online part; JSON strings are YAML strings."""
    return (
        f"project: {project_name(region)}\n"
        "provider: local\n"
        "registry:\n"
        f"  path: {json.dumps(str(folder / 'registry.db'))}\n"
        "  cache_ttl_seconds: 0\n"
        "offline_store:\n"
        "  type: dnalyaw.pit.feast.PolarsOfflineStore\n"
        "online_store: null\n"
        "entity_key_serialization_version: 3\n"
    )


def _write(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def training_frame(
    store: FeatureStore, region: str, entities: pl.DataFrame, features: Sequence[str]
) -> pl.DataFrame:
    """Attach to each row the features known at its moment.

    Parameters
    ----------
    store : feast.FeatureStore
        Of `build_store`.
    region : str
    entities : polars.DataFrame
        ``instrument_id`` (integer), ``as_of`` (Datetime, UTC); other columns pass through.
    features : sequence of str
        Names of factors.

    Returns
    -------
    polars.DataFrame
        The entities' rows and columns in their order, repeated rows too, then one Float64 column a
        feature: the value of the latest session known at ``as_of`` (both its close and its
        ``available_at`` at or before it), null where there is none within the time to live.

    Raises
    ------
    FeatureStoreError
        A column is missing or of another type, or a feature is not registered.
    """
    for column in (KEY, "as_of"):
        if column not in entities.columns:
            raise FeatureStoreError(
                f"entity rows have no column {column}; they have {', '.join(entities.columns)}"
            )
    dtype = entities.schema["as_of"]
    if not isinstance(dtype, pl.Datetime) or dtype.time_zone != "UTC":
        raise FeatureStoreError(f"as_of is {dtype}; wanted Datetime in UTC")
    view = view_name(region)
    registered = {field.name for field in store.get_feature_view(view).schema}
    unknown = [name for name in features if name not in registered]
    if unknown:
        raise FeatureStoreError(f"view {view} has no feature {', '.join(unknown)}; build the store with it")
    if not features:
        raise FeatureStoreError("no features asked for; name at least one")
    job = store.get_historical_features(
        entity_df=entities.rename({"as_of": _MOMENT}),
        features=[f"{view}:{name}" for name in features],
        filter_by_created_timestamp=True,
    )
    return _run(job).rename({_MOMENT: "as_of"}).select(*entities.columns, *features)


def _run(job: RetrievalJob) -> pl.DataFrame:
    from dnalyaw.pit.feast._store import PolarsRetrievalJob

    if not isinstance(job, PolarsRetrievalJob):
        raise FeatureStoreError(
            f"the store answers with a {type(job).__name__}, which may look ahead; open it with build_store"
        )
    return job.to_polars()


def latest(
    store: FeatureStore,
    as_of: AsOf | datetime,
    features: Sequence[str] | None = None,
    instruments: Iterable[int] | None = None,
) -> pl.DataFrame:
    """Return one row an instrument: its features as known at a moment.

    Parameters
    ----------
    store : feast.FeatureStore
        Of `build_store`; the region is the store's own.
    as_of : AsOf or datetime
        Aware, in UTC.
    features : sequence of str, optional
        Every registered one when not given.
    instruments : iterable of int, optional
        Every instrument that was known by then when not given.

    Returns
    -------
    polars.DataFrame
        ``instrument_id`` ascending, ``as_of``, then the features. Given instruments are all there, with
        nulls where nothing was known; otherwise those with a row within the time to live.

    Raises
    ------
    FeatureStoreError
        The moment has no time zone, or asks by ingestion time, which features do not carry.
    """
    if isinstance(as_of, AsOf):
        if as_of.ingested_by is not None:
            raise FeatureStoreError(
                "features carry no ingested_at; build them from tables read as of ingested_by"
            )
        moment = as_of.moment
    else:
        if as_of.tzinfo is None:
            raise FeatureStoreError(f"as_of {as_of!r} has no time zone; give UTC")
        moment = as_of.astimezone(UTC)
    region = store.project.removeprefix("dnalyaw_").upper()
    view = store.get_feature_view(view_name(region))
    names = list(features) if features is not None else sorted(f.name for f in view.features)
    if instruments is None:
        source = view.batch_source
        if source is None:
            raise FeatureStoreError(f"view {view.name} has no batch source to read the past from")
        job = store._get_provider().offline_store.pull_latest_from_table_or_query(
            store.config,
            source,
            [KEY],
            [],
            source.timestamp_field,
            source.created_timestamp_column,
            moment - (view.ttl or timedelta(days=36500)),
            moment,
        )
        ids = _run(job)[KEY].unique().sort()
    else:
        ids = pl.Series(KEY, sorted(set(instruments)), dtype=pl.Int64)
    entities = pl.DataFrame({KEY: ids}).with_columns(
        pl.lit(moment).cast(pl.Datetime("us", "UTC")).alias("as_of")
    )
    return training_frame(store, region, entities, names)
