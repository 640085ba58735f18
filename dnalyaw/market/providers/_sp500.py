"""The daily closes of 20 large US companies, 1990-2022, that skfolio carries: real, and closes alone."""

from __future__ import annotations

import hashlib
from collections.abc import Set
from datetime import date
from functools import cached_property

import polars as pl

from dnalyaw.market._schema import SCHEMAS, conform
from dnalyaw.market.providers._base import ProviderError
from dnalyaw.market.providers._recorded import RecordedProvider
from dnalyaw.market.providers._times import bar_times, event_session

__all__ = ["Sp500Provider"]

_VENUE_AND_SECTOR = {
    "AAPL": ("NASDAQ", "Information Technology"),
    "AMD": ("NASDAQ", "Information Technology"),
    "BAC": ("NYSE", "Financials"),
    "BBY": ("NYSE", "Consumer Discretionary"),
    "CVX": ("NYSE", "Energy"),
    "GE": ("NYSE", "Industrials"),
    "HD": ("NYSE", "Consumer Discretionary"),
    "JNJ": ("NYSE", "Health Care"),
    "JPM": ("NYSE", "Financials"),
    "KO": ("NYSE", "Consumer Staples"),
    "LLY": ("NYSE", "Health Care"),
    "MRK": ("NYSE", "Health Care"),
    "MSFT": ("NASDAQ", "Information Technology"),
    "PEP": ("NASDAQ", "Consumer Staples"),
    "PFE": ("NYSE", "Health Care"),
    "PG": ("NYSE", "Consumer Staples"),
    "RRC": ("NYSE", "Energy"),
    "UNH": ("NYSE", "Health Care"),
    "WMT": ("NYSE", "Consumer Staples"),
    "XOM": ("NYSE", "Energy"),
}
"""Listing and sector at the end of the data; the files carry neither."""


class Sp500Provider(RecordedProvider):
    """Daily closes of 20 members of the S&P 500, 1990-01-02 to 2022-12-28.

    Only the close is recorded: open, high, low and volume are null, and `close_only` says so to the gates.
    The closes are adjusted backwards for splits and dividends by their source, so there are no actions and a
    price of 1990 is not one that anybody paid. The 20 names were chosen knowing that they survived: returns
    measured on them flatter whatever is measured.
    """

    name = "sp500"
    close_only = True
    carried = ("instruments", "bars")

    def _days(self) -> Set[date]:
        return set(self._bars["session"])

    def _bars_of(self, start: date, end: date) -> pl.DataFrame:
        return self._bars.filter(pl.col("session").is_between(start, end))

    def _instrument_rows(self) -> pl.DataFrame:
        return self._instruments

    @cached_property
    def _bars(self) -> pl.DataFrame:
        # skfolio takes seconds to import.
        from skfolio.datasets import load_sp500_dataset

        wide = load_sp500_dataset()
        unknown = sorted(set(wide.columns) - set(_VENUE_AND_SECTOR))
        if unknown:
            raise ProviderError(
                f"provider sp500: the installed skfolio carries other names ({', '.join(unknown)}); "
                f"install the version that uv.lock pins"
            )
        days = pl.Series("session", wide.index.to_numpy().astype("datetime64[us]")).cast(pl.Date)
        columns = [pl.Series(str(_id(name)), wide[name].to_numpy()) for name in wide.columns]
        long = (
            pl.DataFrame([days, *columns])
            .unpivot(index="session", variable_name="instrument_id", value_name="close")
            .with_columns(
                pl.col("instrument_id").cast(pl.Int64),
                pl.col("close").fill_nan(None),
                pl.lit("USD").alias("currency"),
                *(pl.lit(None, pl.Float64).alias(c) for c in ("open", "high", "low", "volume")),
            )
            .drop_nulls("close")
        )
        return conform("bars", bar_times(long, "US")).sort("session", "instrument_id")

    @cached_property
    def _instruments(self) -> pl.DataFrame:
        first = self._bars["session"][0]
        rows = [
            {
                "instrument_id": _id(ticker),
                "issuer_id": _id(ticker),
                "label": f"{ticker}.{venue}",
                "ticker": ticker,
                "venue": venue,
                "currency": "USD",
                "sector": sector,
                "lot": 1,
                "tick": 0.01,
                "valid_from": first,
                "valid_to": None,
                "listed_on": first,
                "delisted_on": None,
                "last_price": None,
                "asset_class": "equity",
                "multiplier": None,
                "expires_on": None,
            }
            | event_session("US", first, first)
            for ticker, (venue, sector) in _VENUE_AND_SECTOR.items()
        ]
        return pl.DataFrame(rows, schema=pl.Schema({**SCHEMAS["instruments"], "__session": pl.Date()}))


def _id(ticker: str) -> int:
    """A permanent id: 48 bits of a hash, apart from those of other providers."""
    return int.from_bytes(hashlib.sha256(f"sp500/{ticker}".encode()).digest()[:6], "big") or 1
