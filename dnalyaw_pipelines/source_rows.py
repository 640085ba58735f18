"""What a feed's provider delivers for a partition, in the home's own identities."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import polars as pl

from dnalyaw_pipelines.feed_spec import SERIES, FeedSpec
from dnalyaw_pipelines.home import FIRST_DAY, Home, provider_for
from dnalyaw_pipelines.tables import published_table

if TYPE_CHECKING:
    from dnalyaw.market.providers import Provider

_DAY = {
    "bars": pl.col("session"),
    "quotes": pl.col("session"),
    "borrow": pl.col("session"),
    "actions": pl.col("ex_date"),
    "fundamentals": pl.col("available_at").dt.date(),
}
"""The day on which a row's instrument carried its label."""


@dataclass(frozen=True, slots=True)
class SourceRows:
    """A delivery before it is landed.

    Attributes
    ----------
    frame : polars.DataFrame
    carried : bool
        Whether the provider has the table at all.
    provider : str
        As it is named.
    not_asked : int
        Rows of instruments that the feed does not ask for, left out.
    unidentified : int
        Rows whose label the home's instruments do not know on their day, left out.
    """

    frame: pl.DataFrame
    carried: bool
    provider: str
    not_asked: int = 0
    unidentified: int = 0


def source_rows(
    home: Home, spec: FeedSpec, partition: str, source: str | None, provider: Provider | None = None
) -> SourceRows:
    """Ask a provider for the rows of a partition.

    Parameters
    ----------
    home : Home
    spec : FeedSpec
    partition : str
    source : str or None
        The provider's form; None is the home's own.
    provider : Provider, optional
        The home's own as opened by the caller (with a fault in it).

    Raises
    ------
    dnalyaw.market.providers.ProviderError
        When it cannot be asked, has not the table though the feed names it, or has not an instrument that is named.
    """
    from dnalyaw.market import empty
    from dnalyaw.market.providers import ProviderError

    config = home.config()
    own = source is None or source == config.provider
    opened = provider or provider_for(source or config.provider, config.seed)
    start, end = home.window(spec.region, spec.schema, partition)
    held = opened.feeds(spec.region)
    if spec.schema not in held:
        if not own:
            raise ProviderError(
                f"provider {source} has no {spec.schema} of {spec.region}; it has {', '.join(held)}"
            )
        return SourceRows(empty(spec.schema), False, config.provider)
    frame = opened.fetch(spec.schema, spec.region, start, end)
    delivered = frame.height
    if spec.instruments:
        frame = _asked_for(frame, spec, opened, end)
    asked = frame.height
    if not own and spec.schema in _DAY:
        frame = _identified(frame, spec, home, opened, partition, end)
    return SourceRows(frame, True, source or config.provider, delivered - asked, asked - frame.height)


def _asked_for(frame: pl.DataFrame, spec: FeedSpec, provider: Provider, end: date) -> pl.DataFrame:
    """The rows of what the feed names; of several bearers of a label, those of the last one up to `end`."""
    from dnalyaw.market.providers import ProviderError

    if spec.schema == SERIES:
        names = frame["series"].unique().to_list()
        wanted = [n for n in names if any(fnmatchcase(n, p) for p in spec.instruments)]
        return frame.filter(pl.col("series").is_in(wanted))
    table = provider.fetch("instruments", spec.region, FIRST_DAY, end).filter(pl.col("valid_from") <= end)
    last = table.sort("valid_from", "available_at").unique("label", keep="last", maintain_order=True)
    found: set[int] = set()
    for pattern in spec.instruments:
        matched = {
            i for i, label in last.select("instrument_id", "label").iter_rows() if fnmatchcase(label, pattern)
        }
        if not matched:
            raise ProviderError(
                f"feed {spec.name}, field instruments: provider {provider.name} has nothing named {pattern!r} "
                f"in {spec.region} up to {end}; correct the label"
            )
        found |= matched
    return frame.filter(pl.col("instrument_id").is_in(sorted(found)))


def _spans(table: pl.DataFrame, key: str) -> pl.DataFrame:
    """Who carried which label from when to when: the last word on each (instrument, valid_from).

    A label holds until the next one of the same instrument begins, also where `valid_to` is null.
    """
    next_begins = pl.col("valid_from").shift(-1).over("instrument_id", order_by="valid_from")
    return (
        table.sort("available_at")
        .unique(["instrument_id", "valid_from"], keep="last", maintain_order=True)
        .select(
            pl.col("instrument_id").alias(key),
            "label",
            "valid_from",
            pl.min_horizontal("valid_to", next_begins - pl.duration(days=1)).alias("valid_to"),
        )
        .sort("valid_from")
    )


def _identified(
    frame: pl.DataFrame, spec: FeedSpec, home: Home, provider: Provider, partition: str, end: date
) -> pl.DataFrame:
    """Rows with the home's ids: by the label that the instrument carried on the row's day.

    An id is one provider's own. Rows whose label nobody carries here on that day belong to no known instrument.
    """
    theirs = _spans(provider.fetch("instruments", spec.region, FIRST_DAY, end), "instrument_id")
    published = published_table(home, spec.region, "instruments", partition)
    ours = _spans(published.read(home.as_of(spec.region, partition)), "__ours")
    day = _DAY[spec.schema]
    moved = _bearers(
        frame.with_row_index("__row").with_columns(day.alias("__day")), theirs, ours, "instrument_id"
    )
    if "other_id" in frame.columns:
        others = moved.filter(pl.col("other_id").is_not_null()).select("__row", "__day", "other_id")
        known = _bearers(others, theirs.rename({"instrument_id": "other_id"}), ours, "other_id")
        moved = moved.drop("other_id").join(known.select("__row", "other_id"), on="__row", how="left")
    return moved.sort("__row").select(frame.columns)


def _bearers(rows: pl.DataFrame, theirs: pl.DataFrame, ours: pl.DataFrame, key: str) -> pl.DataFrame:
    """`rows` with the home's ids in column `key`; those without one are dropped."""
    # Before an instrument's first label its rows are taken as those of the label it then got.
    first = theirs.group_by(key).agg(pl.col("label").first().alias("__first"))
    labelled = (
        rows.sort("__day")
        .join_asof(
            theirs.drop("valid_to"), left_on="__day", right_on="valid_from", by=key, check_sortedness=False
        )
        .join(first, on=key, how="left")
        .with_columns(pl.coalesce("label", "__first").alias("label"))
        .drop("__first", "valid_from")
        .sort("__day")
    )
    joined = labelled.join_asof(
        ours, left_on="__day", right_on="valid_from", by="label", check_sortedness=False
    ).filter(
        pl.col("__ours").is_not_null()
        & (pl.col("valid_to").is_null() | (pl.col("__day") <= pl.col("valid_to")))
    )
    return joined.drop(key, "label", "valid_from", "valid_to").rename({"__ours": key})
