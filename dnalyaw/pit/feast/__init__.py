"""The feature store: Feast with an offline store of our own that cannot look ahead.

Feast takes seconds to import, so nothing here imports it before it is used; Feast itself finds the store's
class and its settings by this module's attributes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dnalyaw.pit.feast._definitions import (
    TIME_TO_LIVE,
    definitions,
    feature_service,
    feature_view,
    instrument,
    project_name,
    view_name,
)
from dnalyaw.pit.feast._errors import FeatureStoreError
from dnalyaw.pit.feast._join import as_of_join
from dnalyaw.pit.feast._repository import build_store, latest, training_frame

if TYPE_CHECKING:
    from dnalyaw.pit.feast._store import PolarsOfflineStore, PolarsOfflineStoreConfig, PolarsRetrievalJob

_LAZY = frozenset({"PolarsOfflineStore", "PolarsOfflineStoreConfig", "PolarsRetrievalJob"})

__all__ = [
    "TIME_TO_LIVE",
    "FeatureStoreError",
    "PolarsOfflineStore",
    "PolarsOfflineStoreConfig",
    "PolarsRetrievalJob",
    "as_of_join",
    "build_store",
    "definitions",
    "feature_service",
    "feature_view",
    "instrument",
    "latest",
    "project_name",
    "training_frame",
    "view_name",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from dnalyaw.pit.feast import _store

        return getattr(_store, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
