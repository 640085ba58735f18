"""What Feast's own command line sees: for each region the view of every factor of the library.

``dnalyaw run`` builds the same objects for the factors that a region has data for, with a registry under
its data home; this folder is for looking at them with ``feast``, e.g. ``DNALYAW_HOME=... feast -c
feature_repo plan``.
"""

from __future__ import annotations

import os
from pathlib import Path

from dnalyaw.factors import load_library
from dnalyaw.pit.feast import feature_service, feature_view, instrument

REGIONS = ("US", "HK")


def features_path(region: str) -> str:
    """Return the folder of a region's feature files under the data home."""
    home = Path(os.environ.get("DNALYAW_HOME", ".dnalyaw")).absolute()
    return str(home / "features" / region.lower() / "values")


instrument_entity = instrument()
us_factors, hk_factors = (
    feature_view(region, load_library().names, features_path(region)) for region in REGIONS
)
us_service, hk_service = (
    feature_service(region, view) for region, view in zip(REGIONS, (us_factors, hk_factors), strict=True)
)
