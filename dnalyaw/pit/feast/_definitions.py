"""Feast's objects of a region, made from the names of its factors."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dnalyaw.pit.feast._errors import FeatureStoreError

if TYPE_CHECKING:
    from feast import Entity, FeatureService, FeatureView

TIME_TO_LIVE = timedelta(days=10)
"""Longer than any holiday of a market, shorter than a delisted name may keep its last features."""

EVENT_TIME = "event_time"
CREATED = "available_at"
KEY = "instrument_id"


def view_name(region: str) -> str:
    """Return the name of a region's feature view, e.g. ``factors_us``."""
    return f"factors_{_checked(region).lower()}"


def project_name(region: str) -> str:
    """Return the name of a region's Feast project, e.g. ``dnalyaw_us``."""
    return f"dnalyaw_{_checked(region).lower()}"


def _checked(region: str) -> str:
    if not region.isascii() or not region.isalpha():
        raise FeatureStoreError(f"region {region!r} is not a code such as US or HK")
    return region


def instrument() -> Entity:
    """Return the entity: a permanent instrument."""
    from feast import Entity, ValueType

    return Entity(
        name="instrument",
        join_keys=[KEY],
        value_type=ValueType.INT64,
        description="Permanent identity of a tradable instrument",
    )


def feature_view(
    region: str, feature_names: Sequence[str], path: str, ttl: timedelta = TIME_TO_LIVE
) -> FeatureView:
    """Return the view of a region's factors, one Float64 field a name, over Parquet at ``path``."""
    from feast import FeatureView, Field, FileSource
    from feast.types import Float64

    if not feature_names:
        raise FeatureStoreError(f"region {region}: no feature names; select at least one factor")
    repeated = sorted({n for n in feature_names if list(feature_names).count(n) > 1})
    if repeated:
        raise FeatureStoreError(f"region {region}: feature {repeated[0]} is named twice")
    return FeatureView(
        name=view_name(region),
        entities=[instrument()],
        schema=[Field(name=name, dtype=Float64) for name in sorted(feature_names)],
        source=FileSource(
            name=f"{view_name(region)}_parquet",
            path=path,
            timestamp_field=EVENT_TIME,
            created_timestamp_column=CREATED,
        ),
        ttl=ttl,
        online=False,
        description=f"Factors of {region} at each session's close, from the factor library",
    )


def feature_service(region: str, view: FeatureView) -> FeatureService:
    """Return the service that models of a region read: every factor of its view."""
    from feast import FeatureService

    return FeatureService(
        name=f"{view_name(region)}_all", features=[view], description=f"Every factor of {region}"
    )


def definitions(
    region: str, feature_names: Sequence[str], path: str, ttl: timedelta = TIME_TO_LIVE
) -> list[Any]:
    """Return everything that a region registers: entity, view, service."""
    view = feature_view(region, feature_names, path, ttl)
    return [instrument(), view, feature_service(region, view)]
