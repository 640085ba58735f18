"""Minute and session bars against hand-worked sessions."""

from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from dnalyaw.market import UTC, BarsError, minute_bars, region, session_bars

LEAN_DAYS = [date(2013, 10, day) for day in (4, 7, 8, 9, 10, 11)]


def _trades(
    code: str, day: date, rows: list[tuple[str, float, float] | tuple[str, float, float, str]]
) -> pl.DataFrame:
    zone = ZoneInfo(region(code).timezone)
    marks = [row[3] if len(row) > 3 else "" for row in rows]
    frame = pl.DataFrame(
        {
            "instrument_id": [1] * len(rows),
            "event_time": [datetime.combine(day, time.fromisoformat(row[0]), zone) for row in rows],
            "price": [row[1] for row in rows],
            "size": [row[2] for row in rows],
            "auction": [mark if mark in ("open", "close") else None for mark in marks],
            "cancelled": [mark == "cancelled" for mark in marks],
            "odd_lot": [mark == "odd" for mark in marks],
        }
    )
    return frame.with_columns(pl.col("event_time").cast(UTC))


def _local(frame: pl.DataFrame, code: str) -> list[str]:
    return frame["event_time"].dt.convert_time_zone(region(code).timezone).dt.strftime("%H:%M").to_list()


def _day(trades: pl.DataFrame, code: str) -> tuple[tuple[Any, ...], dict[str, int]]:
    minutes = minute_bars(trades, code)
    bar = session_bars(minutes.bars, code).bars
    left = dict(minutes.left_out.select("why", "rows").iter_rows())
    return bar.select("open", "high", "low", "close", "volume").row(0), left


def test_a_whole_day_in_new_york() -> None:
    trades = _trades(
        "US",
        date(2024, 3, 1),
        [
            ("09:29:59.500", 90.0, 10.0),
            ("09:30:00", 101.0, 5.0),
            # The opening cross prints after the first trades and is the open all the same.
            ("09:30:01", 100.0, 500.0, "open"),
            ("09:30:59.999", 102.0, 10.0),
            ("09:31:00", 99.0, 20.0),
            ("12:00:00", 250.0, 3.0, "odd"),
            ("12:00:10", 300.0, 30.0, "cancelled"),
            ("15:59:59", 104.0, 10.0),
            ("16:00:00", 104.5, 7.0),
            ("16:00:02", 105.0, 900.0, "close"),
            ("16:00:03", 80.0, 10.0),
        ],
    )
    bars = minute_bars(trades, "US").bars
    assert _local(bars, "US") == ["09:30", "09:31", "09:32", "12:01", "16:00", "16:00"]
    assert bars["part"].to_list() == ["opening auction", *["regular"] * 4, "closing auction"]
    assert bars.row(1)[4:] == (101.0, 102.0, 101.0, 102.0, 15.0, 2)
    assert bars.row(3)[4:] == (None, None, None, None, 3.0, 1)
    assert bars.row(4)[4:] == (104.0, 104.5, 104.0, 104.5, 17.0, 2)
    day, left = _day(trades, "US")
    assert day == (100.0, 105.0, 99.0, 105.0, 5 + 500 + 10 + 20 + 3 + 10 + 7 + 900)
    assert left == {"after the close": 1, "before the open": 1, "cancelled": 1}


def test_an_early_close_in_new_york() -> None:
    rows: list[tuple[str, float, float]] = [
        ("09:30:00", 10.0, 1.0),
        ("13:00:00", 11.0, 2.0),
        ("13:00:01", 12.0, 4.0),
    ]
    assert _day(_trades("US", date(2013, 11, 29), rows), "US") == (
        (10.0, 11.0, 10.0, 11.0, 3.0),
        {"after the close": 1},
    )


def test_hong_kong_with_its_lunch_and_its_auctions() -> None:
    trades = _trades(
        "HK",
        date(2024, 3, 1),
        [
            ("08:50:00", 1.0, 100.0),
            ("09:20:05", 10.0, 1000.0),
            ("09:30:00", 10.5, 100.0),
            ("12:00:00", 11.0, 200.0),
            ("12:30:00", 99.0, 100.0),
            ("13:00:00", 9.5, 300.0),
            ("15:59:59", 9.8, 100.0),
            ("16:08:40", 9.9, 5000.0),
            ("16:20:00", 50.0, 100.0),
        ],
    )
    assert _local(minute_bars(trades, "HK").bars, "HK") == [
        "09:30",
        "09:31",
        "12:00",
        "13:01",
        "16:00",
        "16:00",
    ]
    day, left = _day(trades, "HK")
    assert day == (10.0, 11.0, 9.5, 9.9, 6700.0)
    assert left == {"before the open": 1, "in the break": 1, "after the close": 1}


def test_hong_kong_had_no_closing_auction_in_2015() -> None:
    rows: list[tuple[str, float, float]] = [("09:30:00", 10.0, 1.0), ("16:05:00", 12.0, 4.0)]
    assert _day(_trades("HK", date(2015, 3, 2), rows), "HK") == (
        (10.0, 10.0, 10.0, 10.0, 1.0),
        {"after the close": 1},
    )


def test_hong_kong_cut_short_by_a_storm() -> None:
    rows: list[tuple[str, float, float]] = [
        ("09:30:00", 10.0, 1.0),
        ("13:54:00", 11.0, 2.0),
        ("14:30:00", 12.0, 4.0),
    ]
    assert _day(_trades("HK", date(2022, 11, 2), rows), "HK") == (
        (10.0, 11.0, 10.0, 11.0, 3.0),
        {"after the close": 1},
    )


def test_mainland_china_with_its_calls() -> None:
    trades = _trades(
        "CN",
        date(2024, 3, 1),
        [
            ("09:25:00", 10.0, 1000.0),
            ("09:30:00", 10.2, 100.0),
            ("11:30:00", 10.4, 100.0),
            ("11:45:00", 99.0, 100.0),
            ("13:00:00", 9.9, 100.0),
            ("15:00:00.400", 10.1, 800.0),
            ("15:10:00", 10.1, 100.0),
        ],
    )
    day, left = _day(trades, "CN")
    assert day == (10.0, 10.4, 9.9, 10.1, 2100.0)
    assert left == {"in the break": 1, "after the close": 1}


def test_trades_on_no_session_are_counted() -> None:
    out = minute_bars(_trades("HK", date(2023, 9, 1), [("10:00:00", 10.0, 100.0)]), "HK")
    assert out.bars.is_empty()
    assert out.left_out.rows() == [(1, date(2023, 9, 1), "no session", 1)]


def test_a_minute_without_volume_is_no_bar() -> None:
    times = pl.Series(
        [datetime(2024, 3, 1, 14, 31), datetime(2024, 3, 1, 14, 32)], dtype=pl.Datetime("us")
    ).dt.replace_time_zone("UTC")
    minutes = pl.DataFrame(
        {"instrument_id": [1, 1], "event_time": times}
        | {
            "open": [10.0, 7.0],
            "high": [10.0, 7.0],
            "low": [10.0, 7.0],
            "close": [10.0, 7.0],
            "volume": [5.0, 0.0],
        }
    )
    out = session_bars(minutes, "US")
    assert out.bars.select("low", "close", "volume").row(0) == (10.0, 10.0, 5.0)
    assert out.left_out["why"].to_list() == ["no volume"]
    # Read as starts, the first begins a minute later.
    early = minutes.with_columns(pl.col("event_time") - pl.duration(minutes=1), volume=pl.lit(1.0))
    assert session_bars(early, "US").left_out["why"].to_list() == ["before the open"]
    assert session_bars(early, "US", stamp="start").left_out.is_empty()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"price": 0.0}, "price is not positive in 1 rows, first instrument 1"),
        ({"size": float("nan")}, "size is not positive"),
        ({"auction": "noon"}, "auction is not open, close or null"),
    ],
)
def test_bad_trades_are_refused(change: dict[str, Any], message: str) -> None:
    trades = _trades("US", date(2024, 3, 1), [("10:00:00", 10.0, 100.0)])
    with pytest.raises(BarsError, match=message):
        minute_bars(trades.with_columns(pl.lit(value).alias(name) for name, value in change.items()), "US")


def test_impossible_or_repeated_minutes_are_refused() -> None:
    bars = minute_bars(_trades("US", date(2024, 3, 1), [("10:00:00", 10.0, 100.0)]), "US").bars
    with pytest.raises(BarsError, match="prices are impossible"):
        session_bars(bars.with_columns(high=pl.lit(9.0)), "US")
    with pytest.raises(BarsError, match="has two at"):
        session_bars(pl.concat([bars, bars]), "US")
    with pytest.raises(BarsError, match="column volume is missing"):
        session_bars(bars.drop("volume"), "US")


def _lean(folder: Path, ticker: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Minutes (stamped with their start, UTC) and daily rows of a ticker, read with no code of the platform."""
    root = folder / "equity/usa"
    frames = []
    for day in LEAN_DAYS:
        data = _unzip(root / f"minute/{ticker}/{day:%Y%m%d}_trade.zip")
        midnight = datetime.combine(day, time(), ZoneInfo("America/New_York"))
        raw = pl.read_csv(
            data, has_header=False, new_columns=["ms", "open", "high", "low", "close", "volume"]
        )
        frames.append(
            raw.with_columns(
                (pl.lit(midnight).dt.convert_time_zone("UTC") + pl.duration(milliseconds="ms"))
                .cast(UTC)
                .alias("event_time")
            )
        )
    minutes = pl.concat(frames).with_columns(
        pl.lit(1, pl.Int64).alias("instrument_id"),
        pl.col("open", "high", "low", "close") / 10_000,
        pl.col("volume").cast(pl.Float64),
    )
    daily = pl.read_csv(
        _unzip(root / f"daily/{ticker}.zip"),
        has_header=False,
        new_columns=["at", "open", "high", "low", "close", "volume"],
    )
    days = pl.col("at").str.slice(0, 8).str.to_date("%Y%m%d").alias("session")
    return minutes.drop("ms"), daily.select(
        days, pl.col("open", "high", "low", "close") / 10_000, "volume"
    ).filter(pl.col("session").is_in(LEAN_DAYS))


def _unzip(path: Path) -> bytes:
    import zipfile

    with zipfile.ZipFile(path) as archive:
        return archive.read(archive.namelist()[0])


@pytest.mark.parametrize("ticker", ["ibm", "spy"])
def test_recorded_minutes_make_the_recorded_days(lean_folder: Path, ticker: str) -> None:
    minutes, daily = _lean(lean_folder, ticker)
    out = session_bars(minutes, "US", stamp="start")
    both = out.bars.join(daily, on="session", suffix="_d").sort("session")
    assert both["session"].to_list() == LEAN_DAYS
    # Open and close are the tape's to the cent.
    assert (both["open"] - both["open_d"]).abs().max() < 1e-9  # type: ignore[operator]
    assert (both["close"] - both["close_d"]).abs().max() < 1e-9  # type: ignore[operator]
    # The vendor's days and minutes differ by a few late or corrected prints: at most 7 cents and 2.1% of the shares.
    for side in ("high", "low"):
        assert (both[side] - both[f"{side}_d"]).abs().max() < 0.075  # type: ignore[operator]
    assert both.filter((pl.col("volume") / pl.col("volume_d") - 1).abs() > 0.021).is_empty()
    if ticker == "spy":
        assert (both["volume"] == both["volume_d"]).all()
    hours = out.left_out["why"].unique().sort().to_list()
    assert hours == ["after the close", "before the open"]
    assert (
        out.left_out["rows"].sum()
        + minutes.filter(
            pl.col("event_time")
            .dt.convert_time_zone("America/New_York")
            .dt.time()
            .is_between(time(9, 30), time(15, 59))
        ).height
        == minutes.height
    )


def test_recorded_ticks_of_a_morning_are_outside_the_session() -> None:
    path = Path(__file__).resolve().parents[3] / "shared/data/dbn/test_data.trades.v3.dbn.zst"
    if not path.is_file():
        pytest.skip(f"recorded data is not at {path}")
    import databento_dbn
    import pyarrow as pa

    decoder = databento_dbn.DBNDecoder()
    decoder.write(pa.input_stream(path, compression="zstd").read())
    ticks = [r for r in decoder.decode() if isinstance(r, databento_dbn.TradeMsg)]
    trades = pl.DataFrame(
        {
            "instrument_id": [t.instrument_id for t in ticks],
            "event_time": [t.ts_event // 1000 for t in ticks],
            "price": [t.price / 1e9 for t in ticks],
            "size": [float(t.size) for t in ticks],
        }
    ).with_columns(pl.col("event_time").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))
    # Two trades of ESH1 at 13:00 UTC, 08:00 in New York.
    out = minute_bars(trades, "US")
    assert out.bars.is_empty()
    assert out.left_out.rows() == [(5482, date(2020, 12, 28), "before the open", 2)]
    shifted = trades.with_columns(pl.col("event_time") + pl.duration(hours=2))
    bar = minute_bars(shifted, "US").bars.row(0, named=True)
    assert (bar["open"], bar["close"], bar["volume"], bar["trades"]) == (3720.25, 3720.25, 26.0, 2)
