"""What the expectation suites look at beside a feed's own columns."""

from __future__ import annotations

import polars as pl

from dnalyaw.quality._finding import GateContext

__all__ = ["derived"]


def derived(feed: str, frame: pl.DataFrame, context: GateContext) -> tuple[pl.DataFrame, set[str]]:
    """Return the frame with derived columns behind its own, and which groups of expectations apply.

    A group (``applies`` in the suite) holds where its columns have something to judge: ``always``, and by
    feed ``volume``, ``volume_history``, ``labels`` (bars), ``two_sided`` (quotes), ``dividends`` (actions),
    ``rates``, ``levels`` (series), ``fees`` (borrow).
    """
    make = _MAKERS.get(feed)
    return make(frame, context) if make else (frame, {"always"})


def _bars(frame: pl.DataFrame, context: GateContext) -> tuple[pl.DataFrame, set[str]]:
    groups = {"always"}
    wide = frame
    if not context.close_only and frame["volume"].count():
        groups.add("volume")
        volume = pl.col("volume")
        wide = wide.with_columns(
            (volume == 0).cast(pl.Float64).alias("zero_volume"),
            (volume - volume.floor()).alias("volume_fraction"),
        )
        if context.history is not None and context.history["volume"].count():
            usual = (
                context.history.group_by("instrument_id")
                .agg(volume.filter(volume > 0).median().alias("__usual"))
                .filter(pl.col("__usual") > 0)
            )
            wide = (
                wide.join(usual, on="instrument_id", how="left", maintain_order="left")
                .with_columns((volume / pl.col("__usual")).alias("volume_against_history"))
                .drop("__usual")
            )
            if wide["volume_against_history"].count():
                groups.add("volume_history")
    # Later deliveries may carry changed instruments alone, so coverage is asked of the whole history.
    if context.genesis and context.instruments is not None and context.instruments.height:
        known = context.instruments["instrument_id"].unique()
        wide = wide.with_columns(pl.col("instrument_id").is_in(known.implode()).alias("has_label"))
        groups.add("labels")
    return wide, groups


def _quotes(frame: pl.DataFrame, context: GateContext) -> tuple[pl.DataFrame, set[str]]:
    both = (pl.col("bid") > 0) & (pl.col("ask") > 0)
    width = (pl.col("ask") - pl.col("bid")) / ((pl.col("ask") + pl.col("bid")) / 2)
    wide = frame.with_columns(
        pl.when(both).then(width).alias("width"), (~both).cast(pl.Float64).alias("one_sided")
    )
    return wide, {"always"} | ({"two_sided"} if wide["width"].count() else set())


def _actions(frame: pl.DataFrame, context: GateContext) -> tuple[pl.DataFrame, set[str]]:
    kinds = set(frame["kind"].unique())
    return frame, {"always"} | ({"dividends"} if "dividend" in kinds else set())


def _fundamentals(frame: pl.DataFrame, context: GateContext) -> tuple[pl.DataFrame, set[str]]:
    lag = (pl.col("available_at").dt.date() - pl.col("period_end")).dt.total_days()
    return frame.with_columns(lag.cast(pl.Float64).alias("days_to_filing")), {"always"}


def _series(frame: pl.DataFrame, context: GateContext) -> tuple[pl.DataFrame, set[str]]:
    name, value = pl.col("series"), pl.col("value")
    wide = frame.with_columns(
        pl.when(name.str.starts_with("RATE.")).then(value).alias("rate"),
        pl.when(name.str.contains(r"^(?:FX|INDEX|VOL)\.")).then(value).alias("level"),
    )
    groups = {"always"}
    groups |= {"rates"} if wide["rate"].count() else set()
    return wide, groups | ({"levels"} if wide["level"].count() else set())


def _borrow(frame: pl.DataFrame, context: GateContext) -> tuple[pl.DataFrame, set[str]]:
    groups = {"always"} | ({"fees"} if frame["fee"].count() else set())
    return frame, groups | ({"available"} if frame["available"].count() else set())


_MAKERS = {
    "bars": _bars,
    "quotes": _quotes,
    "actions": _actions,
    "fundamentals": _fundamentals,
    "series": _series,
    "borrow": _borrow,
}
