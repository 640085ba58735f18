"""What the reference file says of a name's volume, overnight gap and splits, on panels worked by hand."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import polars as pl

from dnalyaw_pipelines.panel import GAP_SESSIONS, UNKNOWN_VOLATILITY_BP, recent_statistics, worst_gaps
from dnalyaw_pipelines.trading import split_ratios

START = date(2025, 1, 1)


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
