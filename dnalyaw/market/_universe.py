"""Which instruments a strategy could have chosen from on a day, by what was known then."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from dnalyaw.market._identity import InstrumentMaster
from dnalyaw.market._known import known_rows, last_rows
from dnalyaw.market._schema import ASSET_CLASSES
from dnalyaw.market._sessions import calendar_span, decision_moment, previous_session, sessions_between

if TYPE_CHECKING:
    from dnalyaw.pit import AsOf

__all__ = ["UniverseError", "UniverseRules", "index_members", "universe", "universe_history"]


class UniverseError(ValueError):
    """Raised for rules that contradict themselves, or tables that a universe cannot be made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UniverseRules:
    """What a member must be.

    Attributes
    ----------
    asset_classes : tuple of str
        Any of `ASSET_CLASSES`.
    min_price : float
        Last raw close, currency.
    min_traded : float
        Median over `window` of close x volume, currency a session; a session without a bar counts as 0.
    window : int
        Sessions before the day over which trading is judged.
    min_history : int
        Bars known before the day.
    min_age : int
        Calendar days since it was listed.
    max_stale : int
        Sessions that may have passed without a bar; a name that is halted for longer is no member.
    top : int, optional
        How many, by traded value; all when omitted.
    buffer : int
        A member of the universe before stays while its rank is at most `top` + `buffer`.

    Raises
    ------
    UniverseError
        If a number is out of its range or a class unknown; all faults at once.
    """

    asset_classes: tuple[str, ...] = ("equity",)
    min_price: float = 0.0
    min_traded: float = 0.0
    window: int = 60
    min_history: int = 1
    min_age: int = 0
    max_stale: int = 0
    top: int | None = None
    buffer: int = 0

    def __post_init__(self) -> None:
        faults = [
            f"asset class {name!r} is unknown" for name in self.asset_classes if name not in ASSET_CLASSES
        ]
        if not self.asset_classes:
            faults.append("asset_classes is empty")
        for name, least in (
            ("window", 1),
            ("min_history", 1),
            ("min_age", 0),
            ("max_stale", 0),
            ("buffer", 0),
        ):
            if getattr(self, name) < least:
                faults.append(f"{name} is {getattr(self, name)}, want {least} or more")
        for name in ("min_price", "min_traded"):
            if not 0 <= getattr(self, name) < float("inf"):
                faults.append(f"{name} is {getattr(self, name)}, want 0 or more")
        if self.top is not None and self.top < 1:
            faults.append(f"top is {self.top}, want 1 or more")
        if self.buffer and self.top is None:
            faults.append("buffer means nothing without top")
        if self.max_stale >= self.window:
            faults.append(f"max_stale {self.max_stale} is not below window {self.window}")
        if faults:
            raise UniverseError("universe rules: " + "; ".join(faults))

    @property
    def needs_volume(self) -> bool:
        """Whether traded value decides."""
        return self.min_traded > 0 or self.top is not None


def universe(
    region: str,
    day: date,
    rules: UniverseRules,
    instruments: pl.DataFrame,
    bars: pl.DataFrame,
    as_of: AsOf,
    *,
    members: Collection[int] = (),
) -> pl.DataFrame:
    """Return the members of the universe of a session.

    A member is listed and bears a label on `day`, and its bars of earlier sessions meet the rules, all of it as known at
    `as_of`: a name that was delisted later is in, one that was listed later is not.

    Parameters
    ----------
    region : str
    day : datetime.date
        A session; nothing that describes it or a later one is read.
    rules : UniverseRules
    instruments, bars : polars.DataFrame
        Feeds, all versions.
    as_of : AsOf
        The moment of knowledge, not after the session opens if the universe is traded then.
    members : collection of int, optional
        Members of the universe before, for the buffer.

    Returns
    -------
    polars.DataFrame
        Columns `day`, `instrument_id`, `label`, `rank` (1 = most traded, among all that meet the rules; equal values by id),
        `traded` (currency a session; null where the bars have no volume and no rule asks), `price`, `history` (bars);
        by rank.

    Raises
    ------
    UniverseError
        If `as_of` is no `AsOf`, or the rules need volume and a bar of the window has none.
    """
    days = _window(region, day, rules.window)
    master = InstrumentMaster(instruments, as_of)
    known = known_rows(bars, as_of, "bars", UniverseError).filter(pl.col("session") < day)
    order = [name for name in ("available_at", "ingested_at") if name in known.columns]
    known = known.sort(*order, maintain_order=True).unique(["instrument_id", "session"], keep="last")
    recent = known.filter(pl.col("session").is_in(days))
    blind = recent.filter(pl.col("volume").is_null())
    if blind.height and rules.needs_volume:
        key, when = blind.select("instrument_id", "session").row(0)
        raise UniverseError(
            f"the rules ask what trades, and instrument {key} has no volume on {when}; drop min_traded and top, or "
            f"give volumes"
        )
    listed = master.spans.filter(
        (pl.col("valid_from") <= day) & (pl.col("until").is_null() | (pl.col("until") >= day))
    ).select("instrument_id", "label", "asset_class")
    ages = master.lives.select("instrument_id", "listed_on")
    # The median of the window's values, of which those of sessions without a bar are 0.
    value = pl.col("close") * pl.col("volume")
    missing = pl.lit(0.0).repeat_by(pl.lit(len(days), pl.Int64) - pl.len())
    traded = (
        recent.group_by("instrument_id")
        .agg(value.alias("__values"), missing.first().alias("__none"), value.is_null().any().alias("__blind"))
        .select(
            "instrument_id",
            pl.when(~pl.col("__blind"))
            .then(pl.concat_list("__values", "__none").list.median())
            .alias("traded"),
        )
    )
    fresh = days[-1 - rules.max_stale :]
    last = (
        known.sort("session")
        .group_by("instrument_id")
        .agg(
            pl.col("close").last().alias("price"),
            pl.col("session").last().alias("__last"),
            pl.len().alias("history"),
        )
    )
    met = (
        listed.join(ages, on="instrument_id")
        .join(last, on="instrument_id")
        .join(traded, on="instrument_id", how="left")
        .filter(
            pl.col("asset_class").is_in(rules.asset_classes)
            & (pl.col("__last") >= fresh[0])
            & (pl.col("price") >= rules.min_price)
            & (pl.col("history") >= rules.min_history)
            & ((pl.lit(day) - pl.col("listed_on")).dt.total_days() >= rules.min_age)
        )
    )
    if rules.needs_volume:
        met = met.filter(pl.col("traded") >= rules.min_traded)
    ranked = met.sort(["traded", "instrument_id"], descending=[True, False], nulls_last=True).with_columns(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("rank")
    )
    if rules.top is not None:
        ranked = _chosen(ranked, rules.top, rules.buffer, members)
    return ranked.select(
        pl.lit(day).alias("day"),
        "instrument_id",
        "label",
        "rank",
        "traded",
        "price",
        pl.col("history").cast(pl.Int64),
    )


def universe_history(
    region: str, days: Iterable[date], rules: UniverseRules, instruments: pl.DataFrame, bars: pl.DataFrame
) -> pl.DataFrame:
    """Return the universe of each session, each as of its own decision moment, the buffer carried from one to the next.

    Parameters
    ----------
    days : iterable of datetime.date
        Sessions; taken in ascending order.
    region, rules, instruments, bars
        As for `universe`.

    Returns
    -------
    polars.DataFrame
        As `universe`, by day and rank.
    """
    from dnalyaw.pit import AsOf

    frames: list[pl.DataFrame] = []
    members: list[int] = []
    for day in sorted(set(days)):
        moment = AsOf(decision_moment(region, day))
        frame = universe(region, day, rules, instruments, bars, moment, members=members)
        members = frame["instrument_id"].to_list()
        frames.append(frame)
    if not frames:
        raise UniverseError("no days are given; name at least one session")
    return pl.concat(frames)


def index_members(memberships: pl.DataFrame, day: date, as_of: AsOf) -> list[int]:
    """Return the members of an index on `day`, by a dated table as it was known at a moment.

    Parameters
    ----------
    memberships : polars.DataFrame
        Columns `instrument_id`, `valid_from`, `valid_to` (date or null: still a member), `available_at`; a later
        row of the same `instrument_id` and `valid_from` replaces the earlier.
    day : datetime.date
    as_of : AsOf

    Returns
    -------
    list of int
        Ids, ascending.
    """
    lacks = [
        name
        for name in ("instrument_id", "valid_from", "valid_to", "available_at")
        if name not in memberships.columns
    ]
    if lacks:
        raise UniverseError(f"memberships lack {', '.join(lacks)}")
    latest = last_rows(
        known_rows(memberships, as_of, "memberships", UniverseError), ("instrument_id", "valid_from")
    )
    held = latest.filter(
        (pl.col("valid_from") <= day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= day))
    )
    return held["instrument_id"].unique().sort().to_list()


def _window(region: str, day: date, length: int) -> list[date]:
    """The last `length` sessions before `day`, fewer where the calendar begins."""
    last = previous_session(region, day)
    first = date.fromordinal(max(calendar_span(region)[0].toordinal(), last.toordinal() - 2 * length - 30))
    return sessions_between(region, first, last)[-length:]


def _chosen(ranked: pl.DataFrame, top: int, buffer: int, members: Collection[int]) -> pl.DataFrame:
    """The `top` of those that meet the rules, where members before give way only past the buffer."""
    stays = pl.col("instrument_id").is_in(list(members)) & (pl.col("rank") <= top + buffer)
    # Who ranks within top - buffer is in without question; members hold the places up to top + buffer; the rest fill.
    turn = pl.when(pl.col("rank") <= top - buffer).then(0).when(stays).then(1).otherwise(2)
    return ranked.sort(turn, "rank").head(top).sort("rank")
