"""Databento's DBN files as frames, decoded in chunks: trades, top of book, daily bars and definitions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from dnalyaw.market._schema import UTC
from dnalyaw.market.providers._base import ProviderError
from dnalyaw.market.providers._raw import mistaken

__all__ = ["DATASETS", "DbnFile", "dbn_id"]

CHUNK = 4 << 20
"""Bytes decoded at a time; a file of any size is read in this much memory and its frame's."""

_SCHEMAS = ("trades", "tbbo", "mbp-1", "bbo-1s", "bbo-1m", "ohlcv-1d", "definition")
_UNDEF_PRICE, _UNDEF_TIME, _UNDEF_INT32 = (1 << 63) - 1, (1 << 64) - 1, (1 << 31) - 1

_PRICES = ("price", "open", "high", "low", "close", "bid_px_00", "ask_px_00")

DATASETS: dict[str, tuple[str | None, str, str]] = {
    "XNAS": ("US", "NASDAQ", "USD"),
    "XNYS": ("US", "NYSE", "USD"),
    "XASE": ("US", "AMEX", "USD"),
    "ARCX": ("US", "ARCA", "USD"),
    "BATS": ("US", "BATS", "USD"),
    "GLBX": (None, "GLBX", "USD"),
}
"""Region, venue of labels and currency of a dataset's first part; no region of ours trades CME's futures."""


def dbn_id(dataset: str, symbol: str) -> int:
    """Return the permanent id of a symbol of a dataset: 48 bits of its SHA-256."""
    digest = hashlib.sha256(f"dbn/{dataset}/{symbol}".encode()).digest()
    return int.from_bytes(digest[:6], "big") or 1


def _library() -> Any:
    try:
        import databento_dbn
    except ImportError as error:
        raise ProviderError(
            "provider dbn needs the package databento-dbn: install dnalyaw[vendors]"
        ) from error
    return databento_dbn


class DbnFile:
    """One DBN file, plain or zstd, of version 1, 2 or 3.

    Parameters
    ----------
    path : pathlib.Path

    Attributes
    ----------
    dataset, schema : str
        E.g. ``"XNAS.ITCH"``, ``"ohlcv-1d"``.
    region : str or None
        The region of ours that the dataset belongs to.
    venue, currency : str

    Raises
    ------
    ProviderError
        If the package is absent, or the file is no DBN, of an unknown dataset or of a schema that is not read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._dbn = _library()
        meta = next(self._records(), None)
        if meta is None:
            raise ProviderError(f"{path}: holds no DBN metadata; fetch the whole file again")
        self._meta: Any = meta
        self.dataset = str(self._meta.dataset)
        self.schema = str(self._meta.schema)
        if self.schema not in _SCHEMAS:
            raise ProviderError(f"{path}: has schema {self.schema}; this reads {', '.join(_SCHEMAS)}")
        home = DATASETS.get(self.dataset.partition(".")[0])
        if home is None:
            raise ProviderError(f"{path}: is of dataset {self.dataset}; known are {', '.join(DATASETS)}")
        self.region, self.venue, self.currency = home

    def mappings(self) -> pl.DataFrame:
        """Return which symbol each of the publisher's ids meant: `raw_id`, `symbol`, `from`, `until` (exclusive).

        Raises
        ------
        ProviderError
            If the file carries none, or maps to something other than ids.
        """
        if str(self._meta.stype_out) != "instrument_id":
            raise ProviderError(
                f"{self.path}: maps symbols to {self._meta.stype_out}, want instrument_id; download it again so"
            )
        try:
            rows = [
                (int(part["symbol"]), symbol, part["start_date"], part["end_date"])
                for symbol, parts in self._meta.mappings.items()
                for part in parts
                if part["symbol"]
            ]
        except (ValueError, OverflowError) as error:
            raise ProviderError(
                f"{self.path}: its symbol mappings are damaged ({error}); fetch it again"
            ) from error
        schema = {"raw_id": pl.Int64, "symbol": pl.String, "from": pl.Date, "until": pl.Date}
        return pl.DataFrame(rows, schema=schema, orient="row")

    def frames(self) -> Iterator[pl.DataFrame]:
        """Yield the records of the file in order, a chunk at a time.

        Yields
        ------
        polars.DataFrame
            `instrument_id` (ours), `symbol`, `event_time` and `available_at` (microseconds, UTC; what the capture server
            received is available when it did), and by schema: `price` (null where undefined), `size`, `side`, `action`;
            `bid`, `ask`, `bid_size`, `ask_size` (0 where a side is absent); `open` .. `volume`; or a definition's
            `instrument_class`, `tick`, `multiplier`, `expires_on`, `currency` (null where undefined).

        Raises
        ------
        ProviderError
            If the file is cut short or damaged, or a record's id is in no mapping of its day.
        """
        spans = self.mappings()
        batch: list[Any] = []
        for record in self._records():
            if isinstance(record, self._dbn.Metadata):
                continue
            batch.append(record)
            if len(batch) == 1 << 16:
                yield self._identified(self._frame(batch), spans)
                batch = []
        if batch:
            yield self._identified(self._frame(batch), spans)

    def _records(self) -> Iterator[Any]:
        """Yield the metadata, then every record."""
        import pyarrow as pa

        try:
            with self.path.open("rb") as file:
                head = file.read(1024)
        except OSError as error:
            raise ProviderError(f"{self.path}: cannot be read ({error.strerror}); check it") from error
        packed = head[:4] == b"\x28\xb5\x2f\xfd"
        if not packed and head[:3] != b"DBN":
            what = mistaken(head) or ("something else" if head else "empty", "")
            raise ProviderError(f"{self.path}: is no DBN file but {what[0]}; fetch it again")
        decoder = self._dbn.DBNDecoder(upgrade_policy=self._dbn.VersionUpgradePolicy.UPGRADE_TO_V3)
        try:
            # pyarrow unpacks: it says when a zstd stream ends early, and the decoder does not.
            with pa.input_stream(str(self.path), compression="zstd" if packed else None) as stream:
                while chunk := stream.read(CHUNK):
                    decoder.write(chunk)
                    yield from decoder.decode()
        except (OSError, self._dbn.DBNError) as error:
            raise ProviderError(
                f"{self.path}: is cut short or damaged ({str(error).splitlines()[0]}); fetch it again"
            ) from error
        except BaseException as error:
            # A record of an impossible length makes the decoder panic, and a panic is no Exception.
            if type(error).__name__ != "PanicException":
                raise
            raise ProviderError(
                f"{self.path}: is damaged ({str(error).splitlines()[0][:120]}); fetch it again"
            ) from error
        if decoder.buffer():
            raise ProviderError(f"{self.path}: ends inside a record; fetch the whole file again")

    def _frame(self, records: list[Any]) -> pl.DataFrame:
        if self.schema == "definition":
            return _definitions(records)
        import numpy as np

        kinds = {type(record) for record in records}
        if len(kinds) != 1:
            names = ", ".join(sorted(kind.__name__ for kind in kinds))
            raise ProviderError(f"{self.path}: mixes records ({names}); split it by schema")
        layout = np.dtype(kinds.pop()._dtypes)
        raw = np.frombuffer(b"".join(bytes(r)[: layout.itemsize] for r in records), dtype=layout)
        columns = {
            name: pl.Series(name, raw[name])
            for name in raw.dtype.names or ()
            if raw[name].dtype.kind in "iu" and not name.startswith("_")
        }
        for name in columns.keys() & set(_PRICES):
            # Prices are billionths and the largest integer means none. numpy divides; polars would multiply by 1e-9,
            # which is no binary fraction, and leave dust on every price.
            prices = np.where(raw[name] == _UNDEF_PRICE, np.nan, raw[name] / 1e9)
            columns[name] = pl.Series(name, prices).fill_nan(None)
        frame = pl.DataFrame(list(columns.values())).rename({"instrument_id": "raw_id"})
        if self.schema == "ohlcv-1d":
            # The interval is the UTC day that begins at ts_event; before its end nobody has the bar.
            ended = pl.col("ts_event") + 86_400_000_000_000
            return frame.select(
                pl.col("raw_id").cast(pl.Int64),
                _moment(pl.col("ts_event")).dt.date().alias("session"),
                *("open", "high", "low", "close"),
                pl.col("volume").cast(pl.Float64),
                _moment(ended).alias("event_time"),
                _moment(ended).alias("available_at"),
            )
        sent = pl.when(pl.col("ts_event") == _UNDEF_TIME).then("ts_recv").otherwise("ts_event")
        common = [
            pl.col("raw_id").cast(pl.Int64),
            _moment(sent).alias("event_time"),
            # Rounded up: a thousandth of a microsecond before its receipt nobody had it.
            _moment(pl.col("ts_recv") + 999).alias("available_at"),
        ]
        trade: list[pl.Expr | pl.Series] = [
            pl.col("price"),
            pl.col("size").cast(pl.Float64),
            pl.Series("side", [bytes(s).decode() for s in raw["side"]], dtype=pl.String),
        ]
        if "action" in (raw.dtype.names or ()):
            trade.append(pl.Series("action", [bytes(s).decode() for s in raw["action"]], dtype=pl.String))
        book: list[pl.Expr] = [
            expression
            for side in ("bid", "ask")
            if f"{side}_px_00" in frame.columns
            for expression in (
                pl.col(f"{side}_px_00").fill_null(0.0).alias(side),
                pl.when(pl.col(f"{side}_px_00").is_null())
                .then(0.0)
                .otherwise(pl.col(f"{side}_sz_00").cast(pl.Float64))
                .alias(f"{side}_size"),
            )
        ]
        return frame.select(*common, *trade, *book)

    def _identified(self, frame: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
        """Add `symbol` and our `instrument_id`, by what the publisher's id meant on the UTC day of receipt."""
        # A daily bar is available when its day is over, and named as on the day itself.
        day = pl.col("session") if "session" in frame.columns else pl.col("available_at").dt.date()
        rows = frame.with_row_index("__row").with_columns(day.alias("__day"))
        joined = rows.join(spans, on="raw_id", how="left").filter(
            (pl.col("__day") >= pl.col("from")) & (pl.col("__day") < pl.col("until"))
        )
        if joined.height != rows.height:
            lost = rows.filter(~pl.col("__row").is_in(joined["__row"].implode()))
            if lost.height:
                key, at = lost.select("raw_id", "__day").row(0)
                raise ProviderError(
                    f"{self.path}: id {key} on {at} is in no symbol mapping of the file; download it again with "
                    f"its symbology"
                )
            raise ProviderError(f"{self.path}: an id means two symbols on one day; download it again")
        symbols = joined["symbol"].unique().to_list()
        ids = pl.DataFrame(
            {"symbol": symbols, "instrument_id": [dbn_id(self.dataset, s) for s in symbols]},
            schema={"symbol": pl.String, "instrument_id": pl.Int64},
        )
        out = joined.sort("__row").join(ids, on="symbol", how="left", maintain_order="left")
        return out.drop("__row", "__day", "from", "until", "raw_id").select(
            "instrument_id", "symbol", pl.exclude("instrument_id", "symbol")
        )


def _moment(nanoseconds: pl.Expr) -> pl.Expr:
    """Microseconds of UTC; DBN's nanoseconds are cut."""
    return (nanoseconds // 1000).cast(pl.Int64).cast(pl.Datetime("us")).dt.replace_time_zone("UTC").cast(UTC)


def _definitions(records: list[Any]) -> pl.DataFrame:
    rows = []
    for r in records:
        expires = (
            None if r.expiration == _UNDEF_TIME else date.fromisoformat(r.pretty_expiration.isoformat()[:10])
        )
        multiplier: float | None = None
        if 0 < r.contract_multiplier < _UNDEF_INT32:
            multiplier = float(r.contract_multiplier)
        elif 0 < r.unit_of_measure_qty < _UNDEF_PRICE:
            multiplier = r.unit_of_measure_qty / 1e9
        rows.append(
            {
                "raw_id": r.instrument_id,
                "event_time": r.ts_event // 1000,
                "available_at": -(-r.ts_recv // 1000),
                "instrument_class": str(r.instrument_class),
                "tick": None if r.min_price_increment == _UNDEF_PRICE else r.min_price_increment / 1e9,
                "multiplier": multiplier,
                "expires_on": expires,
                "currency": r.currency or None,
            }
        )
    frame = pl.DataFrame(
        rows,
        schema={
            "raw_id": pl.Int64,
            "event_time": pl.Int64,
            "available_at": pl.Int64,
            "instrument_class": pl.String,
            "tick": pl.Float64,
            "multiplier": pl.Float64,
            "expires_on": pl.Date,
            "currency": pl.String,
        },
    )
    moments = pl.col("event_time", "available_at").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return frame.with_columns(moments)
