"""Recorded markets as feeds: LEAN's folder through its provider, zipline's bundle read here."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

from dnalyaw.market import conform, sessions_between
from dnalyaw.market.providers import open_provider
from dnalyaw.quality import GateContext
from tests.quality._market import with_context

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "data"


class Recorded(NamedTuple):
    """Bars and actions of a recorded market, and who is who."""

    bars: pl.DataFrame
    actions: pl.DataFrame
    instruments: pl.DataFrame | None
    ids: dict[str, int]

    def context(self, **changes: object) -> GateContext:
        """The whole history as one delivery."""
        held = self.bars["session"]
        sessions = tuple(sessions_between("US", held.min(), held.max()))
        context = GateContext(
            region="US",
            session=sessions[-1],
            expected_sessions=sessions,
            genesis=True,
            actions=self.actions,
            bars=self.bars,
            instruments=self.instruments,
        )
        return with_context(context, **changes)


def _folder(name: str) -> Path:
    folder = RECORDED / name
    if not folder.is_dir():
        pytest.skip(f"recorded data is not at {folder}")
    return folder


@lru_cache(maxsize=1)
def lean() -> Recorded:
    """Every daily file that LEAN's map files cover, 1998 to 2021."""
    provider = open_provider(f"lean:{_folder('lean')}")
    days = provider.sessions("US")
    bars, actions, instruments = (
        provider.fetch(feed, "US", days[0], days[-1]) for feed in ("bars", "actions", "instruments")
    )
    ids = dict(instruments.sort("valid_from").select("ticker", "instrument_id").iter_rows())
    return Recorded(bars, actions, instruments, ids)


@lru_cache(maxsize=1)
def zipline() -> Recorded:
    """Zipline's bundle: nine names 2004 to 2014; dividends are ratios of the raw close before."""
    folder = _folder("us_daily_zipline")
    table = pl.read_csv(folder / "bundle_daily_bars.csv.gz", try_parse_dates=True)
    names = sorted(table["symbol"].unique())
    ids = {name: i for i, name in enumerate(names, 1)}
    known = pl.col("symbol").replace_strict(ids, return_dtype=pl.Int64).alias("instrument_id")
    # 16:00 in New York, a session or not: the bundle has bars of days on which the exchange was shut.
    close = (
        pl.col("date").cast(pl.Datetime("us")).dt.offset_by("16h").dt.replace_time_zone("America/New_York")
    ).dt.convert_time_zone("UTC")
    # Early closes: the feed gate allows an hour after the close, so these are stamped at 13:00.
    bars = table.select(
        known,
        pl.col("date").alias("session"),
        *("open", "high", "low", "close"),
        pl.col("volume").cast(pl.Float64),
        pl.lit("USD").alias("currency"),
        close.alias("event_time"),
    )
    early = _early_closes(bars["session"].min(), bars["session"].max())
    bars = bars.with_columns(
        pl.when(pl.col("session").is_in(early))
        .then(pl.col("event_time") - timedelta(hours=3))
        .otherwise("event_time")
        .alias("event_time")
    ).with_columns((pl.col("event_time") + timedelta(minutes=15)).alias("available_at"))
    bars = conform("bars", bars)
    paid = (
        pl.read_csv(folder / "bundle_dividends.csv", try_parse_dates=True)
        .select(known, pl.col("effective_date").alias("ex_date"), "ratio")
        .sort("ex_date")
        .join_asof(
            bars.select("instrument_id", "session", "close").sort("session"),
            left_on="ex_date",
            right_on="session",
            by="instrument_id",
            allow_exact_matches=False,
            check_sortedness=False,
        )
        .select(
            "instrument_id",
            "ex_date",
            pl.lit("dividend").alias("kind"),
            pl.lit(None, pl.Float64).alias("ratio"),
            ((1 - pl.col("ratio")) * pl.col("close")).round(4).alias("amount"),
        )
    )
    split = pl.read_csv(folder / "bundle_splits.csv", try_parse_dates=True).select(
        known,
        pl.col("effective_date").alias("ex_date"),
        pl.lit("split").alias("kind"),
        (1 / pl.col("ratio")).round(3).alias("ratio"),
        pl.lit(None, pl.Float64).alias("amount"),
    )
    return Recorded(bars, _with_times(pl.concat([paid, split])), None, ids)


def _with_times(actions: pl.DataFrame) -> pl.DataFrame:
    midnight = pl.col("ex_date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return conform(
        "actions",
        actions.with_columns(
            pl.lit("USD").alias("currency"),
            (midnight - timedelta(hours=4)).alias("event_time"),
            (midnight - timedelta(hours=4)).alias("available_at"),
        ),
    )


def action(key: int, ex_date: date, kind: str, ratio: float | None, amount: float | None) -> pl.DataFrame:
    """One row of actions, known the evening before."""
    row = {"instrument_id": [key], "ex_date": [ex_date], "kind": [kind], "ratio": [ratio], "amount": [amount]}
    schema = {"instrument_id": pl.Int64, "ex_date": pl.Date, "kind": pl.String, "ratio": pl.Float64}
    return _with_times(pl.DataFrame(row, schema=schema | {"amount": pl.Float64}))


def _early_closes(first: date, last: date) -> list[date]:
    from dnalyaw.market import session_table

    local = pl.col("close").dt.convert_time_zone("America/New_York").dt.hour()
    return session_table("US", first, last).filter(local < 16)["session"].to_list()
