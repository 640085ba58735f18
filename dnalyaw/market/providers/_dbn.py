"""The provider `dbn`: a folder of Databento DBN files of datasets that a region of ours trades."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cached_property
from pathlib import Path

import polars as pl

from dnalyaw.market._region import region as region_of
from dnalyaw.market._schema import SCHEMAS, conform, empty
from dnalyaw.market._sessions import session_table
from dnalyaw.market.providers._base import ProviderError
from dnalyaw.market.providers._dbn_files import DbnFile
from dnalyaw.market.providers._recorded import RecordedProvider, instruments_in

__all__ = ["DbnProvider", "read_dbn_feed"]

_FEED_OF = {
    "ohlcv-1d": "bars",
    "tbbo": "quotes",
    "mbp-1": "quotes",
    "bbo-1s": "quotes",
    "bbo-1m": "quotes",
    "trades": "trades",
    "definition": "instruments",
}
_CLASSES = {"K": "equity", "F": "future"}


def read_dbn_feed(path: Path) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield the rows of a DBN file in the form of their feed, a chunk at a time, whatever its dataset.

    Parameters
    ----------
    path : pathlib.Path

    Yields
    ------
    tuple of str and polars.DataFrame
        ``bars`` (ohlcv-1d), ``quotes`` (tbbo, mbp-1, bbo) and ``instruments`` (definition; stocks and futures) as the
        contract has them, or ``trades``: `instrument_id`, `session`, `price`, `size`, `currency`, `event_time`,
        `available_at`. A session is the day of the region's clock, or of UTC for a dataset without a region; a daily bar
        is of the UTC day.

    Raises
    ------
    ProviderError
        As `DbnFile`.
    """
    file = DbnFile(path)
    for frame in file.frames():
        yield _FEED_OF[file.schema], _in_form(file, frame)


def _in_form(file: DbnFile, frame: pl.DataFrame) -> pl.DataFrame:
    feed = _FEED_OF[file.schema]
    zone = region_of(file.region).timezone if file.region else "UTC"
    money = pl.lit(file.currency).alias("currency")
    if feed == "bars":
        return conform("bars", frame.drop("symbol").with_columns(money))
    local = pl.col("event_time").dt.convert_time_zone(zone).dt.date().alias("session")
    if feed == "trades":
        # A trade without a price, or a cancelled one, is none.
        real = frame.filter(pl.col("price").is_not_null() & (pl.col("action") == "T"))
        return real.with_columns(money, local).select(
            "instrument_id", "session", "price", "size", "currency", "event_time", "available_at"
        )
    if feed == "quotes":
        kept = frame.select(
            "instrument_id", "bid", "ask", "bid_size", "ask_size", "event_time", "available_at"
        )
        return conform("quotes", kept.with_columns(money, local))
    known = frame.filter(pl.col("instrument_class").is_in(list(_CLASSES)))
    label = pl.concat_str([pl.col("symbol"), pl.lit(f".{file.venue}")])
    day = pl.col("available_at").dt.convert_time_zone(zone).dt.date()
    stock = pl.col("instrument_class") == "K"
    rows = known.with_columns(
        pl.col("instrument_id").alias("issuer_id"),
        label.alias("label"),
        pl.col("symbol").alias("ticker"),
        pl.lit(file.venue).alias("venue"),
        pl.col("currency").fill_null(file.currency),
        pl.lit(1, pl.Int64).alias("lot"),
        # A feed that names no step leaves it to the venue; a cent is the rule for US stocks.
        pl.col("tick").fill_null(pl.when(stock).then(0.01).otherwise(0.0)),
        day.alias("valid_from"),
        day.alias("listed_on"),
        pl.col("instrument_class").replace_strict(_CLASSES, return_dtype=pl.String).alias("asset_class"),
    )
    return conform("instruments", rows.drop("symbol", "instrument_class"))


class DbnProvider(RecordedProvider):
    """A folder of `*.dbn` and `*.dbn.zst` files.

    Labels end in the venue of the dataset, where the name traded: that it is listed there no file says.

    Parameters
    ----------
    folder : pathlib.Path
    name : str, optional
        The provider as typed; ``dbn:FOLDER`` when omitted.

    Raises
    ------
    ProviderError
        If there are no such files, one is malformed, or a dataset belongs to no region; the message names the file.
    """

    def __init__(self, folder: Path, *, name: str | None = None) -> None:
        self.name = name or f"dbn:{folder}"
        paths = sorted(p for p in folder.iterdir() if p.name.endswith((".dbn", ".dbn.zst")))
        if not paths:
            raise ProviderError(f"{folder}: holds no .dbn or .dbn.zst files")
        self._files = [DbnFile(path) for path in paths]
        for file in self._files:
            if file.region is None:
                raise ProviderError(
                    f"{file.path}: dataset {file.dataset} belongs to no region of the platform; remove the file, or "
                    f"read it alone with read_dbn_feed"
                )
        self._codes = tuple(sorted({f.region for f in self._files if f.region}))

    def regions(self) -> tuple[str, ...]:
        """Return the regions that the datasets belong to."""
        return self._codes

    def feeds(self, region: str) -> tuple[str, ...]:
        """Return instruments, and bars and quotes where there are files of them."""
        held = {_FEED_OF[f.schema] for f in self._of(region)}
        return ("instruments", *(feed for feed in ("bars", "quotes") if feed in held))

    def sessions(self, region: str) -> list[date]:
        """Return the sessions with daily bars, ascending."""
        days = self._bars(region)["session"].unique()
        if days.is_empty():
            raise ProviderError(f"provider {self.name}: has no daily bars of {region}; add an ohlcv-1d file")
        table = session_table(region, days.min(), days.max())["session"]  # type: ignore[arg-type]
        return table.filter(table.is_in(days.implode())).to_list()

    def default_session(self, region: str, today: date) -> date:
        """Return the latest session with bars up to `today`."""
        past = [day for day in self.sessions(region) if day <= today]
        if not past:
            raise ProviderError(f"provider {self.name}: has no bars up to {today}; name a later day")
        return past[-1]

    def fetch(self, feed: str, region: str, start: date, end: date) -> pl.DataFrame:
        """Return rows of `feed` for the sessions [`start`, `end`]; of quotes in one microsecond the last stands."""
        if feed == "instruments":
            return instruments_in(self._instruments(region), start, end)
        if feed not in ("bars", "quotes"):
            self._of(region)
            return empty(feed)
        within = pl.col("session").is_between(start, end)
        rows = self._bars(region).filter(within) if feed == "bars" else self._read("quotes", region, within)
        key = ["instrument_id", "session" if feed == "bars" else "event_time"]
        if feed == "quotes":
            rows = rows.unique(key, keep="last", maintain_order=True)
        return rows.sort(key[1], key[0])

    def _of(self, region: str) -> list[DbnFile]:
        if region not in self._codes:
            raise ProviderError(
                f"provider {self.name}: has no region {region!r}; it has {', '.join(self._codes)}"
            )
        return [f for f in self._files if f.region == region]

    def _read(self, feed: str, region: str, keep: pl.Expr) -> pl.DataFrame:
        parts = [
            _in_form(file, frame).filter(keep)
            for file in self._of(region)
            if _FEED_OF[file.schema] == feed
            for frame in file.frames()
        ]
        return pl.concat(parts) if parts else empty(feed)

    @cached_property
    def _cache(self) -> dict[tuple[str, str], pl.DataFrame]:
        return {}

    def _bars(self, region: str) -> pl.DataFrame:
        if ("bars", region) not in self._cache:
            self._cache["bars", region] = self._read("bars", region, pl.lit(True))
        return self._cache["bars", region]

    def _instruments(self, region: str) -> pl.DataFrame:
        """Rows as they changed, each delivered with the day on which it was received."""
        if ("instruments", region) not in self._cache:
            rows = self._read("instruments", region, pl.lit(True)).sort("instrument_id", "available_at")
            said = [
                n
                for n in SCHEMAS["instruments"]
                if n not in ("valid_from", "listed_on", "event_time", "available_at")
            ]
            # The same definition is sent every day; only the first of equal ones says something.
            first = rows.unique(said, keep="first", maintain_order=True)
            self._cache["instruments", region] = first.with_columns(pl.col("valid_from").alias("__session"))
        return self._cache["instruments", region]
