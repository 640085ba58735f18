"""A region's published feeds as tables to be read as of a moment."""

from __future__ import annotations

from dnalyaw.market import KEYS
from dnalyaw.pit import PublishedTable
from dnalyaw_pipelines.home import Home


def published_table(home: Home, region: str, feed: str, partition: str) -> PublishedTable:
    """The feed with every partition from the home's first one up to ``partition``.

    One of them missing makes every read fail: no window that needs a missing session is computed.
    """
    return PublishedTable(home.lake, region, feed, home.partitions_until(region, partition), KEYS[feed])
