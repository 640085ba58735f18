"""What the reference file says of a name's volume, overnight gap, splits and last close, on panels worked by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pytest

from dnalyaw_pipelines import trading
from dnalyaw_pipelines.home import Home
from dnalyaw_pipelines.panel import (
    GAP_SESSIONS,
    UNKNOWN_VOLATILITY_BP,
    last_closes,
    recent_statistics,
    worst_gaps,
)
from dnalyaw_pipelines.trading import close_micro, split_ratios

START = date(2025, 1, 1)


def midnight(day: int) -> datetime:
    """The bar of a day is known at the end of it."""
    return datetime(START.year, START.month, START.day, tzinfo=UTC) + timedelta(days=day)


def panel(
    closes: list[float],
    *,
    name: int = 1,
    opens: dict[int, float] | None = None,
    split_at: int | None = None,
    volume: float | None = 1_000.0,
) -> pl.DataFrame:
    """Raw bars from adjusted closes; a 2:1 split halves raw prices and doubles raw volume from `split_at` on."""
    rows = []
    for day, close in enumerate(closes):
        factor = 2.0 if split_at is not None and day >= split_at else 1.0
        rows.append(
            {
                "instrument_id": name,
                "session": START + timedelta(days=day),
                "available_at": midnight(day + 1),
                "raw_close": close / factor,
                "adj_close": close,
                "adj_open": (opens or {}).get(day, closes[day - 1] if day else close),
                "raw_volume": None if volume is None else volume * factor,
                "adj_volume": volume,
                "returns": close / closes[day - 1] - 1 if day else None,
            }
        )
    return pl.DataFrame(rows, schema_overrides={"raw_volume": pl.Float64, "adj_volume": pl.Float64})


def only(frame: pl.DataFrame, column: str, name: int = 1) -> int | None:
    value: int | None = frame.filter(pl.col("instrument_id") == name)[column].item()
    return value


def test_volume_is_counted_in_the_shares_of_the_last_session() -> None:
    # A thousand old shares a day, through a split of two new for one old: two thousand of today's.
    statistics = recent_statistics(panel([100.0] * 30, split_at=20))
    assert only(statistics, "adv") == 2_000
    assert only(statistics, "close") == 50.0
    assert only(recent_statistics(panel([100.0] * 30)), "adv") == 1_000
    # Volume that nobody reports is not known, which is 0.
    assert only(recent_statistics(panel([100.0] * 30, volume=None)), "adv") == 0
    assert only(recent_statistics(panel([100.0] * 30, volume=0.0)), "adv") == 0


def test_the_worst_gap_lies_between_a_close_and_the_next_open() -> None:
    flat = [100.0] * 30
    # Down 3% overnight beats up 2.5%; what happens within a day is no gap, and a split is none.
    assert only(worst_gaps(panel(flat, opens={4: 102.5, 9: 97.0}, split_at=9)), "gap_bp") == 300
    # 1/3 of a percent is 33.3 basis points: rounded up.
    assert only(worst_gaps(panel(flat, opens={4: 100.0 + 1 / 3}, split_at=9)), "gap_bp") == 34
    # Without an open the move from close to close stands in.
    closes_only = panel([100.0, 100.0, 94.0, 94.0]).with_columns(adj_open=pl.lit(None, dtype=pl.Float64))
    assert only(worst_gaps(closes_only), "gap_bp") == 600
    assert only(worst_gaps(panel([100.0])), "gap_bp") is None


def test_a_gap_is_forgotten_after_a_year() -> None:
    quiet = [100.0] * (GAP_SESSIONS + 11)
    assert only(worst_gaps(panel(quiet, opens={10: 80.0})), "gap_bp") == 0
    assert only(worst_gaps(panel(quiet, opens={11: 80.0})), "gap_bp") == 2_000


def test_names_do_not_gap_into_one_another() -> None:
    both = pl.concat([panel([100.0] * 5), panel([10.0] * 5, name=2, opens={3: 10.5})])
    gaps = worst_gaps(both.sort("session", "instrument_id"))
    assert (only(gaps, "gap_bp"), only(gaps, "gap_bp", 2)) == (0, 500)


def test_the_gap_is_at_least_five_volatilities() -> None:
    # Too young to be measured: 10% a day, five of them.
    young = recent_statistics(panel([100.0] * 5))
    assert only(young, "volatility_bp") == UNKNOWN_VOLATILITY_BP
    assert only(young, "gap_bp") == 5_000
    # By turns up and down 1%: five times about 100 basis points, unless a night was worse.
    moving = [100.0 if day % 2 else 101.0 for day in range(60)]
    calm = recent_statistics(panel(moving))
    volatility = only(calm, "volatility_bp")
    assert volatility is not None
    assert 95 <= volatility <= 105
    assert only(calm, "gap_bp") == 5 * volatility
    assert only(recent_statistics(panel(moving, opens={30: 130.0})), "gap_bp") == 3_000


def actions(*rows: tuple[int, str, float | None]) -> pl.DataFrame:
    return pl.DataFrame(
        rows,
        schema={"instrument_id": pl.Int64, "kind": pl.String, "ratio": pl.Float64},
        orient="row",
    )


def test_splits_that_fall_due_together_multiply() -> None:
    found = split_ratios(
        actions((1, "split", 1.5), (1, "split", 2.0), (2, "dividend", None), (3, "split", 1 / 3))
    )
    assert found == {1: Fraction(3), 3: Fraction(1, 3)}


def test_a_ratio_that_riskd_would_not_take_is_brought_near() -> None:
    # Two distributions of a hundredth of a percent and three: 10001 x 10003 over 10^8, which has too long parts.
    (ratio,) = split_ratios(actions((1, "split", 1.0001), (1, "split", 1.0003))).values()
    assert max(ratio.numerator, ratio.denominator) <= 1_000_000
    assert abs(ratio - Fraction(10_001 * 10_003, 10**8)) < Fraction(1, 10**9)
    (ratio,) = split_ratios(actions((1, "split", 0.0001), (1, "split", 1 / 3))).values()
    assert ratio == Fraction(1, 30_000)


def test_the_panels_constant_is_the_engines() -> None:
    from dnalyaw._native import risk
    from dnalyaw_pipelines.panel import GAP_SIGMAS

    assert risk.limits()["gap_sigmas"] == GAP_SIGMAS


def due_on(*rows: tuple[int, int, str, float | None]) -> pl.DataFrame:
    """Actions by name and day."""
    return pl.DataFrame(
        [(name, START + timedelta(days=day), kind, ratio) for name, day, kind, ratio in rows],
        schema={"instrument_id": pl.Int64, "ex_date": pl.Date, "kind": pl.String, "ratio": pl.Float64},
        orient="row",
    )


def test_the_last_close_is_the_one_that_was_known() -> None:
    frame = panel([100.0, 101.0, 102.5])
    # As it was printed; a bar counts from the moment at which it is known.
    assert close_micro(last_closes(frame, midnight(3)), due_on()) == {1: 102_500_000}
    assert close_micro(last_closes(frame, midnight(3) - timedelta(seconds=1)), due_on()) == {1: 101_000_000}
    assert close_micro(last_closes(frame, midnight(0)), due_on()) == {}


def test_a_split_of_the_session_divides_the_last_close() -> None:
    frame = pl.concat([panel([90.0, 100.0]), panel([90.0, 100.0], name=2), panel([90.0, 100.0], name=3)])
    # Four new for one old; one new for three old; a dividend changes no share. The session is day 2.
    due = due_on((1, 2, "split", 4.0), (2, 2, "split", 1 / 3), (3, 2, "dividend", None))
    assert close_micro(last_closes(frame, midnight(2)), due) == {
        1: 25_000_000,
        2: 300_000_000,
        3: 100_000_000,
    }
    # A split that the close was made after is in its price.
    split = panel([90.0, 100.0, 100.0], split_at=2)
    assert close_micro(last_closes(split, midnight(3)), due_on((1, 2, "split", 2.0))) == {1: 50_000_000}


def test_a_bar_without_a_close_leaves_the_one_before_it() -> None:
    for nothing in (None, float("nan"), 0.0):
        frame = panel([100.0, 102.0]).with_columns(
            raw_close=pl.when(pl.col("session") > START).then(nothing).otherwise(pl.col("raw_close"))
        )
        # The split of the day without a close is not in the price of the day before.
        assert close_micro(last_closes(frame, midnight(2)), due_on((1, 1, "split", 2.0))) == {1: 50_000_000}
    never = panel([100.0]).with_columns(raw_close=pl.lit(None, dtype=pl.Float64))
    assert close_micro(last_closes(never, midnight(1)), due_on()) == {}


DAYS = 6
"""Bars of the file below; it is for the session of the day after."""


def reference_file(
    monkeypatch: pytest.MonkeyPatch, frame: pl.DataFrame, announced: pl.DataFrame, due: pl.DataFrame
) -> dict[int, dict[str, Any]]:
    """The rows for four names that are listed and one that no longer is."""
    names = [1, 2, 3, 4, 5]
    listed = pl.DataFrame(
        {
            "instrument_id": names,
            "issuer_id": names,
            "label": [f"N{name}.XNYS" for name in names],
            "ticker": [f"N{name}" for name in names],
            "sector": ["tech"] * 5,
            "lot": [1] * 5,
            "tick": [0.01] * 5,
            "currency": ["USD"] * 5,
            "venue": ["XNYS"] * 5,
            "valid_from": [START] * 5,
            "valid_to": [None, None, None, None, START + timedelta(days=3)],
            "delisted_on": [None, None, None, None, START + timedelta(days=4)],
        },
        schema_overrides={"valid_to": pl.Date, "delisted_on": pl.Date},
    )
    table = SimpleNamespace(read=lambda _: listed)
    monkeypatch.setattr(trading, "published_table", lambda *_: table)
    home = SimpleNamespace(
        traded_session=lambda *_: START + timedelta(days=DAYS),
        as_of=lambda *_: SimpleNamespace(moment=midnight(DAYS)),
    )
    partition = (START + timedelta(days=DAYS - 1)).isoformat()
    rows = trading.reference_rows(cast(Home, home), "US", partition, frame, announced, due)
    return {row["instrument_id"]: row for row in rows}


def test_every_row_of_the_file_says_what_its_first_price_is_held_against(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    days = pl.col("session") - START
    frame = pl.concat(
        [
            panel([10.0] * DAYS),
            # Stale: no bar since day 2, split on day 4, which the venue has applied, and again on the session.
            panel([60.0] * 3, name=2),
            # Never closed.
            panel([20.0] * DAYS, name=3).with_columns(raw_close=pl.lit(None, dtype=pl.Float64)),
            # Known only after the hand-off.
            panel([30.0] * DAYS, name=4).with_columns(
                available_at=pl.when(days >= timedelta(days=DAYS - 1))
                .then(midnight(DAYS + 1))
                .otherwise(pl.col("available_at")),
                raw_close=pl.when(days >= timedelta(days=DAYS - 1)).then(99.0).otherwise(pl.col("raw_close")),
            ),
            # No longer listed.
            panel([40.0] * 3, name=5),
        ]
    )
    applied, session = due_on((2, 4, "split", 3.0)), due_on((2, DAYS, "split", 2.0))
    rows = reference_file(monkeypatch, frame, pl.concat([applied, session]), session)
    assert {name: row["close_micro"] for name, row in rows.items()} == {
        1: 10_000_000,
        2: 10_000_000,
        3: 0,
        4: 30_000_000,
    }
    # The venue holds what the session splits; a thousand shares a day of the last bar are six thousand of it.
    assert (rows[2]["split_num"], rows[2]["split_den"], rows[2]["adv"]) == (2, 1, 6_000)
    assert (rows[1]["split_num"], rows[1]["adv"]) == (1, 1_000)
