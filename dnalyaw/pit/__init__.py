"""Point-in-time truth: the as-of moment, the versioned, append-only lake, and the bitemporal store."""

from dnalyaw.pit._asof import AsOf, as_of_filter
from dnalyaw.pit._errors import (
    LakeError,
    NotPublishedError,
    StoreConflictError,
    StoreError,
    StoreSchemaError,
)
from dnalyaw.pit._lake import Lake, Pin, StagedVersion, append_line, read_lines
from dnalyaw.pit._store import Appended, BitemporalStore
from dnalyaw.pit._table import PublishedTable

__all__ = [
    "Appended",
    "AsOf",
    "BitemporalStore",
    "Lake",
    "LakeError",
    "NotPublishedError",
    "Pin",
    "PublishedTable",
    "StagedVersion",
    "StoreConflictError",
    "StoreError",
    "StoreSchemaError",
    "append_line",
    "as_of_filter",
    "read_lines",
]
