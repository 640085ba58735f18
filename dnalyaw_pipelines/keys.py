"""Names of the assets: region first, then layer, then subject."""

from __future__ import annotations

import dagster as dg


def staging(region: str, feed: str) -> dg.AssetKey:
    """A delivery as received, checked but not yet readable."""
    return dg.AssetKey([region.lower(), "staging", feed])


def published(region: str, feed: str) -> dg.AssetKey:
    """A feed's checked version, readable."""
    return dg.AssetKey([region.lower(), "published", feed])


def asset(region: str, *path: str) -> dg.AssetKey:
    """Any other asset of a region."""
    return dg.AssetKey([region.lower(), *path])
