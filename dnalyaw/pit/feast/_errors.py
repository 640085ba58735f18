"""The error of the feature store."""

from __future__ import annotations


class FeatureStoreError(ValueError):
    """What was asked of the feature store cannot be served truthfully; the message says why."""
