"""A user's own data: a folder of CSV or Parquet files, described in docs/own-data.md."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from dnalyaw.market._instrument import LabelError, parse_label
from dnalyaw.market._region import REGIONS
from dnalyaw.market._region import region as region_of
from dnalyaw.market._schema import FEEDS, SCHEMAS, UTC, conform, empty
from dnalyaw.market._sessions import (
    DECISION_LEAD,
    calendar_span,
    session_on_or_after,
    session_table,
    session_times,
)
from dnalyaw.market.providers._base import ProviderError
from dnalyaw.market.providers._csvdir_files import check_span, find_file, read_file
from dnalyaw.market.providers._recorded import instruments_in, replay
from dnalyaw.market.providers._times import BAR_LAG, bar_times, event_session, known_before

__all__ = ["CsvDirProvider", "label_id"]

_QUOTE_SIZE = 100.0
_LOTS = {"CN": 100}
"""Shares of a region's board lot; 1 where it is no rule of the exchange, and a file must say."""

_LOTS = {"CN": 100}
"""Lots that a region has by rule; elsewhere a file must say."""


def label_id(region: str, label: str) -> int:
    """Return the permanent id of a label that no instruments file gives one: 48 bits of its SHA-256."""
    digest = hashlib.sha256(f"csvdir/{region}/{label}".encode()).digest()
    return int.from_bytes(digest[:6], "big") or 1


class CsvDirProvider:
    """A folder with `bars.csv` or `bars.parquet`, and optionally the other tables.

    Regions are subfolders named by their code (`US/bars.csv`), or a column `region`, or else US. Missing
    optional columns get the documented defaults.

    Parameters
    ----------
    folder : pathlib.Path
    name : str, optional
        The provider as typed; ``csvdir:FOLDER`` when omitted.

    Raises
    ------
    ProviderError
        If there are no bars, or a file is malformed; the message names file, line, column and what to do.
    """

    simulated = False

    def __init__(self, folder: Path, *, name: str | None = None) -> None:
        self.name = name or f"csvdir:{folder}"
        self._folders = {code: folder / code for code in REGIONS if (folder / code).is_dir()}
        top = find_file(folder, "bars")
        if top is not None and self._folders:
            raise ProviderError(
                f"{folder}: holds {top.name} and {next(iter(self._folders))}; keep one of the two"
            )
        if top is None and not self._folders:
            raise ProviderError(f"{folder}: holds no bars.csv or bars.parquet; see docs/own-data.md")
        self._folder = folder
        codes = tuple(self._folders) or self._codes()
        self._regions = {code: _RegionFiles(self, code) for code in codes}

    @cached_property
    def close_only(self) -> bool:
        """Whether bars carry a close and nothing else."""
        alone = {code: files.close_only for code, files in self._regions.items()}
        if len(set(alone.values())) > 1:
            names = ", ".join(code for code, only in alone.items() if only)
            raise ProviderError(
                f"provider {self.name}: bars of {names} are closes alone and the others are not; "
                f"keep them in two folders"
            )
        return any(alone.values())

    def _codes(self) -> tuple[str, ...]:
        bars = self._table("bars", None)
        if bars is None or "region" not in bars.columns:
            return ("US",)
        return tuple(sorted(bars["region"].unique().to_list()))

    def _table(self, feed: str, code: str | None) -> pl.DataFrame | None:
        """The typed rows of a feed, of one region unless `code` is None; None where there is no file."""
        folder = self._folders.get(code, self._folder) if code else self._folder
        path = find_file(folder, feed)
        if path is None:
            return None
        frame = read_file(path, feed)
        if frame.is_empty():
            raise ProviderError(f"{path}: has no rows; fill it or remove it")
        if "region" in frame.columns:
            odd = frame.filter(~pl.col("region").is_in(list(REGIONS)))
            if odd.height:
                line, seen = odd.select("__line", "region").row(0)
                raise ProviderError(
                    f"{path}: line {line}, column region holds {seen!r}; use one of {', '.join(REGIONS)}"
                )
            if code is not None:
                frame = frame.filter(pl.col("region") == code)
        return frame.with_columns(pl.lit(str(path)).alias("__path"))

    def _of(self, region: str) -> _RegionFiles:
        if region not in self._regions:
            raise ProviderError(
                f"provider {self.name}: has no region {region!r}; it has {', '.join(self._regions)}"
            )
        return self._regions[region]

    def regions(self) -> tuple[str, ...]:
        """Return the regions that the folder has bars for."""
        return tuple(self._regions)

    def feeds(self, region: str) -> tuple[str, ...]:
        """Return the feeds that the folder has files for; instruments are made from the bars if need be."""
        files = self._of(region)
        return tuple(f for f in FEEDS if f in ("bars", "instruments") or files.typed(f) is not None)

    def sessions(self, region: str) -> list[date]:
        """Return the sessions with at least one bar, ascending."""
        return list(self._of(region).sessions)

    def default_session(self, region: str, today: date) -> date:
        """Return the latest session with bars up to `today`."""
        past = [day for day in self._of(region).sessions if day <= today]
        if len(past) < 2:
            raise ProviderError(
                f"provider {self.name}: has {len(past)} sessions of {region} up to {today}; a run needs two"
            )
        return past[-1]

    def fetch(self, feed: str, region: str, start: date, end: date) -> pl.DataFrame:
        """Return rows of `feed` for the sessions [`start`, `end`].

        Bars, quotes, series and borrow by session, actions by ex-date, fundamentals with the last session before whose
        following decision they were known, instruments as changes and what was in force at `start`.
        """
        files = self._of(region)
        if feed == "instruments":
            return instruments_in(files.instruments, start, end)
        if feed in ("bars", "quotes", "series", "borrow"):
            table: pl.DataFrame = getattr(files, feed)
            return table.filter(pl.col("session").is_between(start, end))
        if feed == "actions":
            return files.actions.filter(pl.col("ex_date").is_between(start, end))
        if feed == "fundamentals":
            rows = files.fundamentals.filter(pl.col("__session").is_between(start, end))
            return rows.drop("__session")
        return empty(feed)

    def market_events(self, region: str, session: date) -> pl.DataFrame:
        """Return the session's quotes, and an auction at the recorded open for names without any."""
        files = self._of(region)
        bars = files.bars.filter(pl.col("session") == session)
        quotes = files.quotes.filter(pl.col("session") == session)
        if bars.is_empty() and quotes.is_empty():
            raise ProviderError(
                f"provider {self.name}: nothing is recorded for {region} on {session}; its bars cover "
                f"{files.sessions[0]} to {files.sessions[-1]}"
            )
        return replay(region, session, bars, quotes)

    def ground_truth(self) -> dict[str, Any] | None:
        """Return None: nothing is planted in recorded data."""
        return None


class _RegionFiles:
    """One region's files, typed, identified and completed with defaults; read when first asked for."""

    def __init__(self, provider: CsvDirProvider, code: str) -> None:
        self._provider, self._code = provider, code
        self._market = region_of(code)
        self._typed: dict[str, pl.DataFrame | None] = {}

    def typed(self, feed: str) -> pl.DataFrame | None:
        """The rows of a feed's file, None where there is none."""
        if feed not in self._typed:
            found = self._provider._table(feed, self._code)
            if found is not None and found.height:
                # Not every exchange's calendar reaches as far as the longest.
                check_span(found, Path(found["__path"][0]), *calendar_span(self._code))
            self._typed[feed] = found
        frame = self._typed[feed]
        return None if frame is None or frame.is_empty() else frame

    def _raw_bars(self) -> pl.DataFrame:
        frame = self.typed("bars")
        if frame is None:
            raise ProviderError(
                f"provider {self._provider.name}: has no bars of {self._code}; add bars.csv or bars.parquet"
            )
        return frame

    @cached_property
    def close_only(self) -> bool:
        """Whether the bars lack open, high, low and volume."""
        frame = self._raw_bars()
        rest = [name for name in ("open", "high", "low", "volume") if name in frame.columns]
        if rest and len(rest) < 4:
            lacks = [name for name in ("open", "high", "low", "volume") if name not in rest]
            raise ProviderError(
                f"{frame['__path'][0]}: has {', '.join(rest)} but lacks {', '.join(lacks)}; give all, or "
                f"close alone"
            )
        return not rest

    # -- identity --------------------------------------------------------------------------------------

    @cached_property
    def _known(self) -> pl.DataFrame | None:
        """Rows of the instruments file, with ids and the columns of dates."""
        frame = self.typed("instruments")
        if frame is None:
            return None
        self._check_labels(frame)
        if "instrument_id" not in frame.columns:
            frame = frame.with_columns(self._hashed(frame))
        for name in ("valid_from", "valid_to", "listed_on", "delisted_on"):
            if name not in frame.columns:
                frame = frame.with_columns(pl.lit(None, pl.Date).alias(name))
        return frame

    def _check_labels(self, frame: pl.DataFrame) -> None:
        for label, line, path in frame.select("label", "__line", "__path").unique("label").iter_rows():
            try:
                parse_label(label)
            except LabelError as error:
                raise ProviderError(f"{path}: line {line}, column label: {error}") from error

    def _hashed(self, frame: pl.DataFrame) -> pl.Series:
        labels = frame["label"].unique().to_list()
        ids = {label: label_id(self._code, label) for label in labels}
        return frame["label"].replace_strict(ids, return_dtype=pl.Int64).alias("instrument_id")

    def _identified(self, feed: str, day: pl.Expr) -> pl.DataFrame | None:
        """The rows of a feed with `instrument_id`: their own, or that of their label on `day`."""
        frame = self.typed(feed)
        if frame is None or "instrument_id" in frame.columns:
            return frame
        return self._resolved(frame, day)

    def _resolved(self, frame: pl.DataFrame, day: pl.Expr) -> pl.DataFrame:
        """Rows with the `instrument_id` of their label on `day`."""
        self._check_labels(frame)
        if self._known is None:
            return frame.with_columns(self._hashed(frame))
        spans = self._known.select(
            "label",
            pl.col("instrument_id"),
            pl.col("valid_from").fill_null(date.min).alias("__from"),
            pl.col("valid_to").fill_null(date.max).alias("__to"),
        ).unique(maintain_order=True)
        dated = frame.with_columns(day.alias("__day")).with_row_index("__row")
        matched = dated.join(spans, on="label", how="left").with_columns(
            (pl.col("__day").is_between("__from", "__to")).fill_null(False).alias("__hit")
        )
        hits = matched.filter("__hit")
        twice = hits.filter(pl.col("__row").is_duplicated())
        if twice.height:
            label, at = twice.select("label", "__day").row(0)
            raise ProviderError(
                f"{twice['__path'][0]}: line {twice['__line'][0]}, {label} on {at} is several instruments "
                f"of the instruments file; end the earlier one with valid_to"
            )
        lost = dated.filter(~pl.col("__row").is_in(hits["__row"].implode()))
        if lost.height:
            label, at = lost.select("label", "__day").row(0)
            raise ProviderError(
                f"{lost['__path'][0]}: line {lost['__line'][0]}, {label} on {at} is in no row of the "
                f"instruments file; add it, or correct valid_from and valid_to"
            )
        return hits.sort("__row").drop("__row", "__day", "__from", "__to", "__hit")

    # -- tables ----------------------------------------------------------------------------------------

    def _timed(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add the times that rows of a session lack: its close, and 15 minutes after what they describe."""
        given = [name for name in ("event_time", "available_at") if name in frame.columns]
        timed = bar_times(frame.drop(given), self._code)
        if "event_time" in given:
            stated = frame["event_time"]
            timed = timed.with_columns(stated, (stated + BAR_LAG).alias("available_at"))
        return timed.with_columns(frame["available_at"]) if "available_at" in given else timed

    def _finish(self, feed: str, frame: pl.DataFrame, **defaults: pl.Expr) -> pl.DataFrame:
        """Add defaults for columns that are absent or empty, and bring the frame into the feed's form."""
        for name, default in {"currency": pl.lit(self._market.currency), **defaults}.items():
            if name not in SCHEMAS[feed]:
                continue
            filled = pl.coalesce(name, default) if name in frame.columns else default
            frame = frame.with_columns(filled.alias(name))
        keep = [name for name in frame.columns if name in SCHEMAS[feed]]
        return conform(feed, frame.select(keep))

    @cached_property
    def bars(self) -> pl.DataFrame:
        """Feed `bars`."""
        self._raw_bars()
        frame = self._identified("bars", pl.col("session"))
        assert frame is not None
        timed = self._timed(frame)
        if self.close_only:
            timed = timed.with_columns(
                pl.lit(None, pl.Float64).alias(c) for c in ("open", "high", "low", "volume")
            )
        return self._finish("bars", timed).sort("session", "instrument_id")

    @cached_property
    def sessions(self) -> list[date]:
        """Sessions of the calendar with at least one bar."""
        days = self.bars["session"].unique()
        table = session_table(self._code, days.min(), days.max())["session"]  # type: ignore[arg-type]
        held = table.filter(table.is_in(days.implode())).to_list()
        if not held:
            raise ProviderError(
                f"provider {self._provider.name}: no bar of {self._code} lies on a session of "
                f"{self._market.calendar}; check the dates"
            )
        return held

    @cached_property
    def instruments(self) -> pl.DataFrame:
        """Feed `instruments` with `__session`: each row as it began and, as a later version, as it ended."""
        first_bars = dict(self.bars.group_by("instrument_id").agg(pl.col("session").min()).iter_rows())
        known = self._known
        if known is None:
            frame = self._raw_bars()
            if "label" not in frame.columns:
                raise ProviderError(
                    f"{frame['__path'][0]}: has ids without labels; add a column label, or a file "
                    f"instruments.csv with instrument_id and label"
                )
            self._check_labels(frame)
            ids = frame if "instrument_id" in frame.columns else frame.with_columns(self._hashed(frame))
            known = ids.select("instrument_id", "label").unique().sort("instrument_id")
            repeated = known.filter(pl.col("instrument_id").is_duplicated())
            if repeated.height:
                raise ProviderError(
                    f"{frame['__path'][0]}: instrument {repeated['instrument_id'][0]} has the labels "
                    f"{', '.join(repeated['label'][:2].to_list())}; say when in a file instruments.csv"
                )
        rows: list[dict[str, Any]] = []
        for given in known.iter_rows(named=True):
            rows.extend(self._versions(given, first_bars))
        schema = pl.Schema({**SCHEMAS["instruments"], "__session": pl.Date()})
        return pl.DataFrame(rows, schema=schema)

    def _versions(self, given: dict[str, Any], first_bars: dict[int, date]) -> list[dict[str, Any]]:
        key, label, origin = given["instrument_id"], parse_label(given["label"]), self.sessions[0]
        start = given.get("valid_from") or given.get("listed_on") or first_bars.get(key, origin)
        tick = given.get("tick")
        row = {
            "instrument_id": key,
            "issuer_id": given.get("issuer_id") or key,
            "label": str(label),
            "ticker": label.ticker,
            "venue": label.venue,
            "currency": given.get("currency") or self._market.currency,
            "sector": given.get("sector"),
            "lot": given.get("lot") or _LOTS.get(self._code, 1),
            # Hong Kong's tick depends on the price: 0 asks for the venue's table.
            "tick": tick if tick is not None else (0.0 if self._code == "HK" else 0.01),
            "valid_from": start,
            "valid_to": None,
            "listed_on": given.get("listed_on") or start,
            "delisted_on": None,
            "last_price": None,
            "asset_class": given.get("asset_class"),
            "multiplier": given.get("multiplier"),
            "expires_on": given.get("expires_on"),
        }
        versions = [row | event_session(self._code, start, origin)]
        until, gone = given.get("valid_to"), given.get("delisted_on")
        if until is not None or gone is not None:
            after = gone if until is None else until + timedelta(days=1)
            assert after is not None
            closed = {"valid_to": until, "delisted_on": gone, "last_price": given.get("last_price")}
            versions.append(row | closed | event_session(self._code, after, origin))
        return versions

    @cached_property
    def actions(self) -> pl.DataFrame:
        """Feed `actions`."""
        frame = self._identified("actions", pl.col("ex_date"))
        if frame is None:
            return empty("actions")
        frame = self._with_other(frame)
        times = {
            day: (session_times(self._code, session_on_or_after(self._code, day)).open, known_before(day))
            for day in frame["ex_date"].unique().to_list()
        }
        opening = pl.col("ex_date").replace_strict({d: t[0] for d, t in times.items()}, return_dtype=UTC)
        known = pl.col("ex_date").replace_strict({d: t[1] for d, t in times.items()}, return_dtype=UTC)
        out = self._finish("actions", frame, event_time=opening, available_at=known)
        return out.sort("ex_date", "instrument_id", "kind")

    def _with_other(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Fill `other_id` from `other_label`, by whom that label means on the ex-date."""
        if "other_label" not in frame.columns:
            return frame
        if "other_id" not in frame.columns:
            frame = frame.with_columns(pl.lit(None, pl.Int64).alias("other_id"))
        named = frame.filter(pl.col("other_label").is_not_null() & pl.col("other_id").is_null())
        asked = named.select("__line", "__path", "ex_date", label="other_label")
        found = self._resolved(asked, pl.col("ex_date"))
        ids = dict(found.select("__line", "instrument_id").iter_rows())
        other = pl.Series("other_id", [ids.get(n) for n in frame["__line"].to_list()], dtype=pl.Int64)
        return frame.with_columns(pl.coalesce("other_id", other).alias("other_id"))

    @cached_property
    def series(self) -> pl.DataFrame:
        """Feed `series`."""
        frame = self.typed("series")
        if frame is None:
            return empty("series")
        return self._finish("series", self._timed(frame)).sort("session", "series")

    @cached_property
    def borrow(self) -> pl.DataFrame:
        """Feed `borrow`."""
        frame = self._identified("borrow", pl.col("session"))
        if frame is None:
            return empty("borrow")
        return self._finish("borrow", self._timed(frame)).sort("session", "instrument_id")

    @cached_property
    def quotes(self) -> pl.DataFrame:
        """Feed `quotes`; the session is the local date of the quote."""
        local = pl.col("event_time").dt.convert_time_zone(self._market.timezone).dt.date()
        frame = self._identified("quotes", local)
        if frame is None:
            return empty("quotes")
        frame = frame.with_columns(
            local.alias("session"), pl.col("bid").fill_null(0.0), pl.col("ask").fill_null(0.0)
        )
        size = pl.lit(_QUOTE_SIZE)
        out = self._finish("quotes", frame, bid_size=size, ask_size=size, available_at=pl.col("event_time"))
        return out.sort("event_time", "instrument_id")

    @cached_property
    def fundamentals(self) -> pl.DataFrame:
        """Feed `fundamentals` with `__session`: the session before the first decision to know it."""
        zone = self._market.timezone
        day = pl.col("available_at").dt.convert_time_zone(zone).dt.date()
        frame = self._identified("fundamentals", day)
        schema = pl.Schema({**SCHEMAS["fundamentals"], "__session": pl.Date()})
        if frame is None:
            return pl.DataFrame(schema=schema)
        midnight = pl.col("period_end").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        out = self._finish("fundamentals", frame, form=pl.lit("unknown"), event_time=midnight)
        known = out["available_at"].dt.date().max()
        last = max(self.sessions[-1], known) if isinstance(known, date) else self.sessions[-1]
        # Two weeks hold a session after any day, and the calendar may end first.
        until = min(last + timedelta(days=14), calendar_span(self._code)[1])
        decisions = session_table(self._code, self.sessions[0], until).select(
            (pl.col("open") - DECISION_LEAD).alias("__decision"),
            pl.col("session").shift(1).fill_null(self.sessions[0]).alias("__session"),
        )
        return (
            out.sort("available_at")
            .join_asof(decisions, left_on="available_at", right_on="__decision", strategy="forward")
            .drop("__decision")
            .select(schema.names())
        )
