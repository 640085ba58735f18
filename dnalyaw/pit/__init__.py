"""Point-in-time truth: the as-of moment and the versioned, append-only lake."""

from dnalyaw.pit._asof import AsOf, as_of_filter
from dnalyaw.pit._errors import LakeError, NotPublishedError
from dnalyaw.pit._lake import Lake, Pin, StagedVersion
from dnalyaw.pit._table import PublishedTable

__all__ = [
    "AsOf",
    "Lake",
    "LakeError",
    "NotPublishedError",
    "Pin",
    "PublishedTable",
    "StagedVersion",
    "as_of_filter",
]
