"""Who a label was on which day, as it was known at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from dnalyaw.market._known import known_rows, last_rows

if TYPE_CHECKING:
    from dnalyaw.pit import AsOf

__all__ = ["Assigned", "IdentityError", "Instrument", "InstrumentMaster"]

_DAY = pl.duration(days=1)
_FIX = "use the instrument's rows of those days alone, or correct the feed instruments"


class IdentityError(ValueError):
    """Raised where it is not known, or not certain, which instrument is meant."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """An instrument as it was on a day.

    Attributes
    ----------
    instrument_id, issuer_id : int
    label, ticker, venue, currency : str
    sector : str or None
        None where it is unknown.
    asset_class : str
        One of `ASSET_CLASSES`.
    lot : int
        Units.
    tick : float
        Currency; 0 stands for the venue's table.
    multiplier : float
        Currency per point and unit; 1 for what is no future.
    expires_on : datetime.date or None
        Last day of a future.
    listed_on : datetime.date
    delisted_on : datetime.date or None
        First day on which it no longer trades; None while no end is known.
    last_price : float or None
        What was paid last before the end, None where unknown.
    """

    instrument_id: int
    issuer_id: int
    label: str
    ticker: str
    venue: str
    currency: str
    sector: str | None
    asset_class: str
    lot: int
    tick: float
    multiplier: float
    expires_on: date | None
    listed_on: date
    delisted_on: date | None
    last_price: float | None


@dataclass(frozen=True, slots=True)
class Assigned:
    """A provider's rows with their instrument, and apart from them those that belong to none.

    Attributes
    ----------
    identified : polars.DataFrame
        The rows that one instrument covers, in their order, with `instrument_id` first.
    unidentified : polars.DataFrame
        The other rows, with `why`: ``unknown label``, ``not on that day`` or ``several instruments``.
    counts : polars.DataFrame
        Columns `label`, `why`, `rows`, `first`, `last` (days): what the unidentified rows are.
    """

    identified: pl.DataFrame
    unidentified: pl.DataFrame
    counts: pl.DataFrame


class InstrumentMaster:
    """The feed `instruments` as of a moment: which instrument a label was on a day, and what it was like.

    A label holds from its `valid_from` until its `valid_to`, the day before the instrument's next row, or the day before
    it was delisted, whichever comes first; a future's also until it expires. A sector, lot or venue that changes is
    another row of the same instrument, so that each day has its own. Nothing that became known after the moment is used.

    Parameters
    ----------
    rows : polars.DataFrame
        Feed `instruments`, all versions.
    as_of : AsOf
        The moment of knowledge. There is no default.

    Raises
    ------
    IdentityError
        If `as_of` is no `AsOf`, or the rows lack a column.

    Examples
    --------
    >>> master = InstrumentMaster(rows, AsOf(moment))  # doctest: +SKIP
    >>> master.resolve("FB.NASDAQ", date(2020, 1, 2))  # doctest: +SKIP
    """

    def __init__(self, rows: pl.DataFrame, as_of: AsOf) -> None:
        lacks = [name for name in ("instrument_id", "valid_from", "available_at") if name not in rows.columns]
        if lacks:
            raise IdentityError(f"instruments lack {', '.join(lacks)}; give rows of the feed instruments")
        self._as_of, self._all = as_of, rows
        latest = last_rows(
            known_rows(rows, as_of, "instruments", IdentityError), ("instrument_id", "valid_from")
        )
        # The end of an instrument stands on its last row: one that trades on under another label has not ended.
        ends = latest.group_by("instrument_id").agg(
            pl.col("delisted_on", "last_price", "expires_on").last(), pl.col("listed_on").min()
        )
        self._spans = (
            latest.drop("delisted_on", "last_price", "expires_on", "listed_on")
            .join(ends, on="instrument_id", maintain_order="left")
            .with_columns(
                pl.min_horizontal(
                    "valid_to",
                    pl.col("valid_from").shift(-1).over("instrument_id") - _DAY,
                    pl.col("delisted_on") - _DAY,
                    "expires_on",
                ).alias("until"),
                pl.col("asset_class").fill_null("equity"),
                pl.col("multiplier").fill_null(1.0),
            )
            .filter(pl.col("until").is_null() | (pl.col("until") >= pl.col("valid_from")))
        )
        self._ends = ends
        self._rows_of: dict[int, list[dict[str, Any]]] = {}
        self._labels: dict[str, list[dict[str, Any]]] = {}
        self._tickers: dict[str, set[str]] = {}
        for row in self._spans.iter_rows(named=True):
            self._rows_of.setdefault(row["instrument_id"], []).append(row)
            self._labels.setdefault(row["label"], []).append(row)
            self._tickers.setdefault(row["ticker"], set()).add(row["label"])

    @property
    def spans(self) -> pl.DataFrame:
        """Each row of each instrument with `until`, the last day it holds (null: it still does)."""
        return self._spans

    @property
    def lives(self) -> pl.DataFrame:
        """Each instrument with `listed_on`, `delisted_on`, `last_price` and `expires_on`."""
        return self._ends

    # -- one instrument --------------------------------------------------------------------------------

    def resolve(self, name: str, day: date, *, venue: str | None = None) -> int:
        """Return the id of the instrument that `name` was on `day`.

        Parameters
        ----------
        name : str
            A label (``"AAPL.NASDAQ"``), or a ticker.
        day : datetime.date
        venue : str, optional
            Venue of a ticker. A ticker alone is found where one instrument bore it that day, at whatever venue.

        Raises
        ------
        IdentityError
            If no instrument, or more than one, bore the name that day, or it is known only later than the moment.
        """
        labels = [f"{name}.{venue}"] if venue is not None else [name]
        if venue is None and name not in self._labels:
            labels = sorted(self._tickers.get(name, ())) or [name]
        spans = [span for label in labels for span in self._labels.get(label, ())]
        hits = [span for span in spans if _holds(span, day)]
        ids = sorted({span["instrument_id"] for span in hits})
        if len(ids) == 1:
            return int(ids[0])
        shown = labels[0] if len(labels) == 1 else name
        if ids:
            said = ", ".join(f"{span['label']} = {span['instrument_id']}" for span in hits)
            raise IdentityError(
                f"{shown} on {day} is several instruments ({said}); give label and venue, or the id"
            )
        if spans:
            raise IdentityError(
                f"{shown} named nothing on {day} as known at {self._as_of}; it did {_said(spans)}"
            )
        later = self._all.filter(pl.col("label").is_in(labels) | (pl.col("ticker") == name))
        if later.height:
            raise IdentityError(
                f"{shown} is not known at {self._as_of}: its first row came {_first(later)}; read as of later"
            )
        raise IdentityError(f"{shown} is in no row of the feed instruments; add it, or correct the label")

    def on(self, instrument_id: int, day: date) -> Instrument:
        """Return the instrument as it was on `day`.

        Raises
        ------
        IdentityError
            If the id is unknown at the moment, or the instrument did not trade that day.
        """
        spans = self._rows_of.get(instrument_id)
        if not spans:
            known = self._all.filter(pl.col("instrument_id") == instrument_id)
            when = f": its first row came {_first(known)}" if known.height else ""
            raise IdentityError(f"instrument {instrument_id} is not known at {self._as_of}{when}")
        for span in spans:
            if _holds(span, day):
                return Instrument(**{name: span[name] for name in Instrument.__dataclass_fields__})
        raise IdentityError(
            f"instrument {instrument_id} bore no label on {day} as known at {self._as_of}; it did {_said(spans)}"
        )

    def label_on(self, instrument_id: int, day: date) -> str:
        """Return the label that the instrument bore on `day`; errors as `on`."""
        return self.on(instrument_id, day).label

    def sectors(self, instrument_id: int) -> list[tuple[date, str | None]]:
        """Return the sectors of an instrument, each with the first day that it holds, oldest first."""
        out: list[tuple[date, str | None]] = []
        for span in self._rows_of.get(instrument_id, ()):
            if not out or out[-1][1] != span["sector"]:
                out.append((span["valid_from"], span["sector"]))
        if not out:
            raise IdentityError(f"instrument {instrument_id} is not known at {self._as_of}")
        return out

    # -- tables ----------------------------------------------------------------------------------------

    def assign(self, frame: pl.DataFrame, *, label: str = "label", day: str = "session") -> Assigned:
        """Give each row of a provider's frame the instrument that its label was on its day.

        Parameters
        ----------
        frame : polars.DataFrame
            Without a column `instrument_id`.
        label, day : str
            Its columns of labels and of days (dates, local to the exchange).

        Raises
        ------
        IdentityError
            If a column is missing or of another type, or the rows have ids already.
        """
        if "instrument_id" in frame.columns:
            raise IdentityError("the frame has instrument_id already; drop it, or keep what it says")
        for name, kind in ((label, pl.String), (day, pl.Date)):
            have = frame.schema.get(name)
            if have != kind:
                raise IdentityError(f"column {name} is {have or 'missing'}; want {kind.__name__}")
        asked = frame.select(pl.col(label).alias("label"), pl.col(day).alias("day")).unique()
        spans = self._spans.select("label", "instrument_id", "valid_from", "until")
        holds = (pl.col("day") >= pl.col("valid_from")) & (
            pl.col("until").is_null() | (pl.col("day") <= pl.col("until"))
        )
        found = (
            asked.join(spans, on="label", how="left")
            .group_by("label", "day")
            .agg(
                pl.col("instrument_id").filter(holds.fill_null(False)).unique().alias("__ids"),
                pl.col("instrument_id").is_null().all().alias("__unknown"),
            )
            .with_columns(pl.col("__ids").list.len().alias("__n"))
            .select(
                pl.col("label").alias(label),
                pl.col("day").alias(day),
                pl.when(pl.col("__n") == 1).then(pl.col("__ids").list.first()).alias("instrument_id"),
                pl.when(pl.col("__n") > 1)
                .then(pl.lit("several instruments"))
                .when(pl.col("__unknown"))
                .then(pl.lit("unknown label"))
                .when(pl.col("__n") == 0)
                .then(pl.lit("not on that day"))
                .alias("why"),
            )
        )
        joined = frame.join(found, on=[label, day], how="left", maintain_order="left", nulls_equal=True)
        lost = joined.filter(pl.col("instrument_id").is_null()).drop("instrument_id")
        counts = (
            lost.group_by(pl.col(label).alias("label"), "why")
            .agg(pl.len().alias("rows"), pl.col(day).min().alias("first"), pl.col(day).max().alias("last"))
            .sort("label", "why")
        )
        kept = joined.filter(pl.col("instrument_id").is_not_null()).drop("why")
        return Assigned(kept.select("instrument_id", pl.exclude("instrument_id")), lost, counts)

    def outside(self, frame: pl.DataFrame, *, day: str = "session") -> pl.DataFrame:
        """Return the rows that lie outside the life of their instrument: its returns there would be another's.

        Parameters
        ----------
        frame : polars.DataFrame
            With `instrument_id` and a column of days: bars, returns, quotes.

        Returns
        -------
        polars.DataFrame
            The rows at fault with `why`: ``unknown instrument``, ``before it was listed``, ``after its end``.
        """
        end = pl.min_horizontal(pl.col("delisted_on") - _DAY, "expires_on")
        lives = self._ends.select("instrument_id", "listed_on", end.alias("__end"))
        judged = frame.join(
            lives.rename({"listed_on": "__listed"}), on="instrument_id", how="left", maintain_order="left"
        )
        why = (
            pl.when(pl.col("__listed").is_null())
            .then(pl.lit("unknown instrument"))
            .when(pl.col(day) < pl.col("__listed"))
            .then(pl.lit("before it was listed"))
            .when(pl.col(day) > pl.col("__end"))
            .then(pl.lit("after its end"))
        )
        return (
            judged.with_columns(why.alias("why"))
            .filter(pl.col("why").is_not_null())
            .drop("__listed", "__end")
        )

    def require_one_identity(self, bars: pl.DataFrame) -> None:
        """Refuse bars of which a return would cross a change of identity.

        A return joins consecutive bars of one id, so it can cross only where bars of an id lie outside
        the life of its instrument.

        Raises
        ------
        IdentityError
            Naming the instrument, the day, the reason and how many rows.
        """
        wrong = self.outside(bars)
        if wrong.height:
            key, when, why = wrong.select("instrument_id", "session", "why").row(0)
            raise IdentityError(
                f"{wrong.height} bars belong to another instrument than they say, first instrument {key} on {when}: "
                f"{why}; {_FIX}"
            )


def _first(rows: pl.DataFrame) -> str:
    return str(rows["available_at"].sort()[0])


def _holds(span: dict[str, Any], day: date) -> bool:
    return bool(span["valid_from"] <= day and (span["until"] is None or day <= span["until"]))


def _said(spans: list[dict[str, Any]]) -> str:
    ends = (
        f"from {span['valid_from']} {'on' if span['until'] is None else 'to ' + str(span['until'])} "
        f"(instrument {span['instrument_id']})"
        for span in sorted(spans, key=lambda span: span["valid_from"])
    )
    return ", ".join(ends)
