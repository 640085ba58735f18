"""Zipline's example bundle as CSV: raw daily bars, dividends and splits as ratios."""

from __future__ import annotations

import hashlib
from collections.abc import Set
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from dnalyaw.market._region import REGIONS
from dnalyaw.market._schema import SCHEMAS, UTC, conform, empty
from dnalyaw.market._sessions import next_session, session_on_or_after, session_times
from dnalyaw.market.providers._base import ProviderError
from dnalyaw.market.providers._raw import read_bytes, unpack
from dnalyaw.market.providers._recorded import RecordedProvider
from dnalyaw.market.providers._text import Cells, read_cells, to_type
from dnalyaw.market.providers._times import bar_times, event_session, known_before

__all__ = ["ZiplineProvider"]

_PRICES = ("open", "high", "low", "close", "volume")

_VENUES = {
    "AAPL": "NASDAQ",
    # AMD moved to NASDAQ on 2015-01-02, after the bundle ends.
    "AMD": "NYSE",
    "CERN": "NASDAQ",
    "COST": "NASDAQ",
    "DELL": "NASDAQ",
    "GPS": "NYSE",
    "INTC": "NASDAQ",
    "MMM": "NYSE",
    "MSFT": "NASDAQ",
}
"""Listings of the example's names; the bundle carries none. Others stand in `bundle_listings.csv`."""


class ZiplineProvider(RecordedProvider):
    """A folder with `bundle_daily_bars.csv` (or `.csv.gz`), and optionally dividends, splits and listings.

    A split's ratio in the bundle is **old shares per new** (0.5 is two for one: the price of the ex-date is half that of
    the day before); the feed has its inverse. A dividend's ratio is the part of the price that is left, so its amount is
    derived: ``(1 - ratio) * raw close of the session before``. What is wrong in the bundle stays wrong: the ratios of
    Apple's dividends before its split of 2014-06-09 were made from amounts adjusted for it, so the amounts come out seven
    times too small, and Apple's volumes are adjusted where its prices are not.

    Parameters
    ----------
    folder : pathlib.Path
    name : str, optional
        The provider as typed; ``zipline:FOLDER`` when omitted.

    Raises
    ------
    ProviderError
        If there are no bars, or a file is malformed; the message names file, line, column and what to do.
    """

    def __init__(self, folder: Path, *, name: str | None = None) -> None:
        self.name = name or f"zipline:{folder}"
        self._folder = folder
        self._bars_file = self._find("bundle_daily_bars")
        if self._bars_file is None:
            raise ProviderError(f"{folder}: holds no bundle_daily_bars.csv or bundle_daily_bars.csv.gz")

    def _days(self) -> Set[date]:
        return set(self._bars["session"])

    def _bars_of(self, start: date, end: date) -> pl.DataFrame:
        return self._bars.filter(pl.col("session").is_between(start, end))

    def _actions_of(self, start: date, end: date) -> pl.DataFrame:
        return self._actions.filter(pl.col("ex_date").is_between(start, end))

    def _instrument_rows(self) -> pl.DataFrame:
        return self._instruments

    def _find(self, stem: str) -> Path | None:
        found = [p for end in (".csv", ".csv.gz") if (p := self._folder / f"{stem}{end}").is_file()]
        if len(found) > 1:
            raise ProviderError(f"{self._folder}: holds both {found[0].name} and {found[1].name}; remove one")
        return found[0] if found else None

    @cached_property
    def _raw(self) -> pl.DataFrame:
        """Bars as they stand: `symbol`, `session`, prices, volume."""
        assert self._bars_file is not None
        cells = _cells(self._bars_file, ("symbol", "date", *_PRICES))
        frame = pl.DataFrame(
            [
                to_type(cells, "symbol", pl.String),
                to_type(cells, "date", pl.Date).alias("session"),
                *(to_type(cells, name, pl.Float64) for name in _PRICES),
            ]
        )
        if frame.is_empty():
            raise ProviderError(f"{cells.where}: has no rows; fetch the bundle again")
        return frame

    @cached_property
    def _bars(self) -> pl.DataFrame:
        frame = bar_times(self._raw, "US").with_columns(_ids(self._raw), pl.lit("USD").alias("currency"))
        return conform("bars", frame.drop("symbol")).sort("session", "instrument_id")

    @cached_property
    def _spans(self) -> pl.DataFrame:
        """First and last session and last close of each symbol."""
        by = self._raw.sort("session").group_by("symbol", maintain_order=True)
        return by.agg(
            pl.col("session").first().alias("first"),
            pl.col("session").last().alias("last"),
            pl.col("close").last().alias("price"),
        ).sort("symbol")

    @cached_property
    def _actions(self) -> pl.DataFrame:
        rows = [*self._splits(), *self._dividends()]
        end = self._raw["session"].max()
        rows += [
            (symbol, next_session("US", last), "delisting", None, None)
            for symbol, _, last, _ in self._spans.iter_rows()
            if last != end
        ]
        if not rows:
            return empty("actions")
        frame = pl.DataFrame(
            rows,
            schema={
                "symbol": pl.String,
                "ex_date": pl.Date,
                "kind": pl.String,
                "ratio": pl.Float64,
                "amount": pl.Float64,
            },
            orient="row",
        )
        days = frame["ex_date"].unique().to_list()
        opens = {day: session_times("US", session_on_or_after("US", day)).open for day in days}
        known = {day: known_before(day) for day in days}
        timed = frame.with_columns(
            _ids(frame),
            pl.lit("USD").alias("currency"),
            pl.col("ex_date").replace_strict(opens, return_dtype=UTC).alias("event_time"),
            pl.col("ex_date").replace_strict(known, return_dtype=UTC).alias("available_at"),
        ).drop("symbol")
        return conform("actions", timed).sort("ex_date", "instrument_id", "kind")

    def _ratios(self, stem: str) -> tuple[Cells, pl.DataFrame] | None:
        path = self._find(stem)
        if path is None:
            return None
        cells = _cells(path, ("effective_date", "ratio", "symbol"))
        frame = pl.DataFrame(
            [
                to_type(cells, "symbol", pl.String),
                to_type(cells, "effective_date", pl.Date).alias("ex_date"),
                to_type(cells, "ratio", pl.Float64),
                pl.Series("__line", cells.lines, dtype=pl.Int64),
            ]
        )
        strangers = frame.filter(~pl.col("symbol").is_in(self._spans["symbol"].implode()))
        if strangers.height:
            line, symbol = strangers.select("__line", "symbol").row(0)
            raise ProviderError(f"{path}: line {line}, {symbol} has no bars; remove the line, or add them")
        first: Any = self._raw["session"].min()
        last: Any = self._raw["session"].max()
        outside = frame.filter(~pl.col("ex_date").is_between(first, last))
        if outside.height:
            line, day = outside.select("__line", "ex_date").row(0)
            raise ProviderError(
                f"{path}: line {line}, column effective_date holds {day}; the bars cover {first} to {last}"
            )
        return cells, frame

    def _splits(self) -> list[tuple[str, date, str, float | None, float | None]]:
        found = self._ratios("bundle_splits")
        if found is None:
            return []
        cells, frame = found
        wrong = frame.filter(~(pl.col("ratio") > 0))
        if wrong.height:
            raise ProviderError(
                f"{cells.where}: line {wrong['__line'][0]}, column ratio holds {wrong['ratio'][0]}; want old "
                f"shares per new, more than 0"
            )
        # 1 / 0.142857... is 7 but for the last binary digit.
        return [
            (symbol, day, "split", round(1.0 / ratio, 9), None)
            for symbol, day, ratio in frame.select("symbol", "ex_date", "ratio").iter_rows()
        ]

    def _dividends(self) -> list[tuple[str, date, str, float | None, float | None]]:
        found = self._ratios("bundle_dividends")
        if found is None:
            return []
        cells, frame = found
        wrong = frame.filter(~((pl.col("ratio") > 0) & (pl.col("ratio") < 1)))
        if wrong.height:
            raise ProviderError(
                f"{cells.where}: line {wrong['__line'][0]}, column ratio holds {wrong['ratio'][0]}; want the "
                f"part of the price that is left, between 0 and 1"
            )
        closes = self._raw.sort("session").select("symbol", "session", pl.col("close").alias("before"))
        priced = frame.sort("ex_date").join_asof(
            closes,
            left_on="ex_date",
            right_on="session",
            by="symbol",
            allow_exact_matches=False,
            strategy="backward",
            check_sortedness=False,
        )
        blind = priced.filter(pl.col("before").is_null())
        if blind.height:
            line, symbol = blind.select("__line", "symbol").row(0)
            raise ProviderError(
                f"{cells.where}: line {line}, {symbol} has no close before the dividend, so its amount is "
                f"unknown; remove the line, or add the bars"
            )
        amount = ((1.0 - pl.col("ratio")) * pl.col("before")).round(6)
        return [
            (symbol, day, "dividend", None, cash)
            for symbol, day, cash in priced.select("symbol", "ex_date", amount.alias("cash")).iter_rows()
        ]

    @cached_property
    def _listings(self) -> dict[str, str]:
        path = self._find("bundle_listings")
        if path is None:
            return _VENUES
        cells = _cells(path, ("symbol", "venue"))
        symbols, venues = to_type(cells, "symbol", pl.String), to_type(cells, "venue", pl.String)
        known = REGIONS["US"].venues
        for line, venue in zip(cells.lines, venues, strict=True):
            if venue not in known:
                raise ProviderError(
                    f"{path}: line {line}, column venue holds {venue!r}; use one of {', '.join(known)}"
                )
        return {**_VENUES, **dict(zip(symbols, venues, strict=True))}

    @cached_property
    def _instruments(self) -> pl.DataFrame:
        origin, end = self._raw["session"].min(), self._raw["session"].max()
        assert isinstance(origin, date)
        homeless = [s for s in self._spans["symbol"] if s not in self._listings]
        if homeless:
            raise ProviderError(
                f"provider {self.name}: the venue of {', '.join(homeless[:8])} is unknown; add "
                f"bundle_listings.csv with symbol and venue"
            )
        rows: list[dict[str, Any]] = []
        for symbol, first, last, price in self._spans.iter_rows():
            venue = self._listings[symbol]
            row = {
                "instrument_id": _id(symbol),
                "issuer_id": _id(symbol),
                "label": f"{symbol}.{venue}",
                "ticker": symbol,
                "venue": venue,
                "currency": "USD",
                "lot": 1,
                "tick": 0.01,
                "valid_from": first,
                "listed_on": first,
            }
            rows.append(row | event_session("US", first, origin))
            if last != end:
                gone = next_session("US", last)
                closed = {"valid_to": last, "delisted_on": gone, "last_price": price}
                rows.append(row | closed | event_session("US", gone, origin))
        return pl.DataFrame(rows, schema=pl.Schema({**SCHEMAS["instruments"], "__session": pl.Date()}))


def _cells(path: Path, needed: tuple[str, ...]) -> Cells:
    data = read_bytes(path)
    if path.suffix == ".gz":
        data = unpack(data, str(path))
    cells = read_cells(data, str(path), hint=",".join(needed))
    missing = [name for name in needed if name not in cells.frame.columns]
    if missing:
        raise ProviderError(f"{path}: lacks the column {', '.join(missing)}; want {','.join(needed)}")
    return cells


def _id(symbol: str) -> int:
    """A permanent id: 48 bits of a hash, apart from those of other providers."""
    return int.from_bytes(hashlib.sha256(f"zipline/{symbol}".encode()).digest()[:6], "big") or 1


def _ids(frame: pl.DataFrame) -> pl.Expr:
    ids = {symbol: _id(symbol) for symbol in frame["symbol"].unique().to_list()}
    return pl.col("symbol").replace_strict(ids, return_dtype=pl.Int64).alias("instrument_id")
