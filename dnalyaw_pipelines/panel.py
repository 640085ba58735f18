"""The mart's panel and the feature store, as the library's rooms read them."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache

import polars as pl

from dnalyaw_pipelines.home import Home

PRICE_COLUMNS = {
    "instrument_id": "instrument_id",
    "session": "session",
    "available_at": "available_at",
    "open": "raw_open",
    "high": "raw_high",
    "low": "raw_low",
    "close": "raw_close",
    "volume": "raw_volume",
    "adj_open": "adj_open",
    "adj_close": "adj_close",
    "sector": "sector",
    "lot": "lot",
    "currency": "currency",
    "delisted_on": "delisted_on",
    "delisting_price": "delisting_price",
}


def strategy_prices(panel: pl.DataFrame) -> pl.DataFrame:
    """The price frame that backtests and strategies take, from the mart's panel.

    Close-only data trades at the close: its open is the close of the same session.
    """
    frame = panel.select(**{name: pl.col(column) for name, column in PRICE_COLUMNS.items()})
    return frame.with_columns(
        pl.col("open").fill_null(pl.col("close")), pl.col("adj_open").fill_null(pl.col("adj_close"))
    )


RECENT = 60
"""Sessions over which volatility and volume of an instrument are measured."""

UNKNOWN_VOLATILITY_BP = 1_000
"""Daily volatility assumed of a name too young to be measured: high, so that it is sized small."""


GAP_SESSIONS = 252
"""Sessions in which the worst overnight gap of an instrument is looked for."""

GAP_SIGMAS = 5
"""Daily volatilities that an overnight gap is taken to be at least: the risk engine's constant of this name."""


def recent_statistics(panel: pl.DataFrame) -> pl.DataFrame:
    """Statistics of the last sessions of the mart's panel, a row an instrument.

    Returns
    -------
    polars.DataFrame
        ``instrument_id, close, last_session, volatility_bp, adv, gap_bp``: daily volatility in basis points;
        average daily volume in shares of `last_session`, whatever was split before; the stressed overnight gap.
    """
    sessions = panel["session"].unique().sort().tail(RECENT)
    return (
        panel.filter(pl.col("session").is_in(sessions.implode()))
        .sort("session")
        .group_by("instrument_id")
        .agg(
            pl.col("raw_close").last().alias("close"),
            pl.col("session").last().alias("last_session"),
            pl.when(pl.col("returns").count() >= 20)
            .then((pl.col("returns").std() * 1e4).round().clip(1))
            .otherwise(UNKNOWN_VOLATILITY_BP)
            .cast(pl.Int64)
            .alias("volatility_bp"),
            (pl.col("adj_volume").mean() * _shares_now()).fill_null(0).cast(pl.Int64).alias("adv"),
        )
        .join(worst_gaps(panel), on="instrument_id", how="left", maintain_order="left")
        .with_columns(
            pl.max_horizontal(GAP_SIGMAS * pl.col("volatility_bp"), pl.col("gap_bp")).alias("gap_bp")
        )
        .sort("instrument_id")
    )


def last_closes(panel: pl.DataFrame, known_at: datetime) -> pl.DataFrame:
    """``instrument_id, close, close_session``: the last close known at a moment, as it was printed, and its session.

    A bar without a close is passed over; a name that never closed has no row.
    """
    return (
        panel.filter(
            (pl.col("available_at") <= known_at) & pl.col("raw_close").is_finite() & (pl.col("raw_close") > 0)
        )
        .sort("session")
        .group_by("instrument_id")
        .agg(pl.col("raw_close").last().alias("close"), pl.col("session").last().alias("close_session"))
        .sort("instrument_id")
    )


def _shares_now() -> pl.Expr:
    """Shares of the last session for one share at listing, which is what adjusted volume counts."""
    traded = pl.col("adj_volume") > 0
    return (pl.col("raw_volume").filter(traded) / pl.col("adj_volume").filter(traded)).last()


def worst_gaps(panel: pl.DataFrame) -> pl.DataFrame:
    """``instrument_id, gap_bp``: the largest move from a close to the next open, either way, rounded up.

    Over the last `GAP_SESSIONS` sessions, splits and dividends taken out. Where there is no open the move is the one
    from close to close; a name with one bar has none (null).
    """
    sessions = panel["session"].unique().sort().tail(GAP_SESSIONS + 1)
    move = pl.coalesce("adj_open", "adj_close") / pl.col("adj_close").shift(1).over("instrument_id") - 1
    return (
        panel.filter(pl.col("session").is_in(sessions.implode()))
        .sort("instrument_id", "session")
        .select("instrument_id", move.abs().alias("move"))
        .group_by("instrument_id")
        # Rounded to a millionth of a basis point first: a gap of exactly 300 must not become 301 in binary.
        .agg((pl.col("move").max() * 1e4).round(6).ceil().cast(pl.Int64).alias("gap_bp"))
    )


def decision_moments(region: str, sessions: pl.Series) -> pl.DataFrame:
    """``session`` and ``as_of``: the moment at which each data session's values are used, UTC."""
    from dnalyaw.market import decision_moment, next_session

    days: list[date] = sessions.unique().sort().to_list()
    return pl.DataFrame(
        {
            "session": pl.Series(days, dtype=pl.Date),
            "as_of": pl.Series(
                [decision_moment(region, next_session(region, day)) for day in days],
                dtype=pl.Datetime("us", "UTC"),
            ),
        }
    )


def features_as_of(home: Home, region: str, partition: str) -> pl.DataFrame:
    """Every feature of every instrument and session up to a partition, through the feature store.

    Each row is what the store serves at that session's own decision moment.

    Raises
    ------
    GateClosedError
        When the store lacks the values of a session up to the partition.
    """
    return _features(str(home.root), region, partition, _stamp(home, region))


def _stamp(home: Home, region: str) -> str:
    from dnalyaw_pipelines.components.feature_store import features_path

    files = sorted(features_path(home, region).glob("*.parquet"))
    return "|".join(f"{f.name}:{f.stat().st_mtime_ns}" for f in files)


@lru_cache(maxsize=2)
def _features(root: str, region: str, partition: str, stamp: str) -> pl.DataFrame:
    from pathlib import Path

    from dnalyaw.pit.feast import training_frame
    from dnalyaw_pipelines.components.feature_store import features_path, open_store
    from dnalyaw_pipelines.gate import GateClosedError

    home = Home(Path(root))
    store, names = open_store(home, region)
    needed = home.partitions_until(region, partition)
    files = [features_path(home, region) / f"{name}.parquet" for name in needed]
    missing = [file.stem for file in files if not file.exists()]
    if missing:
        raise GateClosedError(
            f"the feature store of {region} has no values of {', '.join(missing)}; nothing that reads "
            f"them is computed: run `dnalyaw run`, or materialize {region.lower()}/feature_store for them"
        )
    rows = pl.concat(
        [
            pl.read_parquet(f, columns=["session", "instrument_id", "event_time", "available_at"])
            for f in files
        ]
    )
    entities = rows.join(decision_moments(region, rows["session"]), on="session").unique(
        ["session", "instrument_id"], keep="last", maintain_order=True
    )
    served = training_frame(store, region, entities.select("instrument_id", "as_of"), names)
    return entities.with_columns(served.select(names)).drop("as_of").sort("session", "instrument_id")
