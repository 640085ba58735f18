"""Published tables read as of a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from dnalyaw.pit._asof import AsOf, as_of_filter
from dnalyaw.pit._errors import NotPublishedError
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
        """The rows known at ``as_of``, one a key, sorted by key."""
        self.require()
        frames = [
            frame.filter(as_of_filter(as_of)).with_columns(pl.lit(order).alias("__order"))
            for partition in self.partitions
            for order, frame in enumerate(self.lake.read_published(self.region, self.feed, partition))
        ]
        table = pl.concat(frames, how="vertical_relaxed") if frames else pl.DataFrame()
        if table.is_empty():
            return table.drop("__order", strict=False)
        return (
            table.sort([*self.key, "available_at", "ingested_at", "__order"])
            .unique(subset=list(self.key), keep="last", maintain_order=True)
            .drop("__order")
        )
