"""Published tables read as of a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from dnalyaw.pit._asof import AsOf
from dnalyaw.pit._errors import NotPublishedError
from dnalyaw.pit._known import latest_known
from dnalyaw.pit._lake import Lake


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """A feed's published partitions as one bitemporal table.

    Parameters
    ----------
    lake : Lake
    region, feed : str
    partitions : sequence of str
        Every partition that the table is made of. A read refuses when one of them is not published:
        a window that needs a missing session is not computed.
    key : sequence of str
        Columns that name a row; of several rows with one key the latest known one holds.
    """

    lake: Lake
    region: str
    feed: str
    partitions: Sequence[str]
    key: Sequence[str]

    def require(self) -> None:
        """Raise NotPublishedError naming every partition without a green published version."""
        published = set(self.lake.published_partitions(self.region, self.feed))
        missing = [p for p in self.partitions if p not in published]
        if missing:
            shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
            raise NotPublishedError(
                f"{self.region} {self.feed}: no green published version of {shown}. Nothing that needs it is "
                f"computed until a good version supersedes it or an operator accepts it (`dnalyaw accept`)"
            )

    def read(self, as_of: AsOf) -> pl.DataFrame:
        """The rows known at ``as_of``, one a key, sorted by key.

        A correction delivered for a moment that is past is known from its receipt on, never before:
        ``docs/point-in-time.md`` has the rule, which `BitemporalStore` reads by as well.
        """
        self.require()
        frames = [
            frame
            for partition in self.partitions
            for frame in self.lake.read_published(self.region, self.feed, partition)
        ]
        if not frames:
            return pl.DataFrame()
        # A column that the feed got later is null in what was delivered before it.
        table = pl.concat(frames, how="diagonal_relaxed")
        return latest_known(table, self.key, as_of).sort(self.key)
