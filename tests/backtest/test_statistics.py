"""Statistics against the papers' own numbers, against hand calculation and against simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnalyaw.backtest import (
    BacktestError,
    bootstrap_sharpe,
    deflated_sharpe,
    expected_maximum_sharpe,
    minimum_track_record,
    moments,
    newey_west_t,
    probabilistic_sharpe,
    sharpe_ratio,
)


def test_deflated_sharpe_of_the_paper() -> None:
    # Bailey and López de Prado 2014, the numerical example: annual Sharpe 2.5 over 1250 days, 100 trials
    # whose annual
    # Sharpe ratios have variance 1/2, skewness -3, kurtosis 10: hurdle 0.1132 a day, DSR 0.9004; 46 trials:
    # 0.9505.
    daily, variance = 2.5 / math.sqrt(250), 0.5 / 250
    assert expected_maximum_sharpe(100, variance) == pytest.approx(0.1132, abs=5e-5)
    found = deflated_sharpe(daily, 1250, trials=100, variance=variance, skew=-3, kurtosis=10)
    assert found == pytest.approx(0.9004, abs=5e-5)
    fewer = deflated_sharpe(daily, 1250, trials=46, variance=variance, skew=-3, kurtosis=10)
    assert fewer == pytest.approx(0.9505, abs=5e-5)


def test_probabilistic_sharpe_of_the_paper() -> None:
    # Bailey and López de Prado 2012: 24 months at a monthly Sharpe of 0.458; normal 0.982, with skewness
    # -2.448 and
    # kurtosis 10.164 only 0.913.
    assert probabilistic_sharpe(0.458, 24) == pytest.approx(0.982, abs=1e-3)
    assert probabilistic_sharpe(0.458, 24, skew=-2.448, kurtosis=10.164) == pytest.approx(0.913, abs=1e-3)


@pytest.mark.parametrize(("per_year", "years"), [(252, 2.73), (52, 2.83), (12, 3.24)])
def test_minimum_track_record_of_the_paper(per_year: int, years: float) -> None:
    # The same paper: years until an annual Sharpe of 2 is above 1 with 95%, for daily, weekly and monthly
    # returns.
    root = math.sqrt(per_year)
    assert minimum_track_record(2 / root, benchmark=1 / root) / per_year == pytest.approx(years, abs=0.006)


def test_minimum_track_record_is_where_the_probability_is_reached() -> None:
    need = minimum_track_record(0.1, skew=-0.5, kurtosis=5.0, confidence=0.9)
    assert probabilistic_sharpe(0.1, math.ceil(need), skew=-0.5, kurtosis=5.0) >= 0.9
    assert probabilistic_sharpe(0.1, math.floor(need) - 1, skew=-0.5, kurtosis=5.0) < 0.9
    assert minimum_track_record(-0.1) == math.inf


def test_expected_maximum_against_simulation() -> None:
    draws = np.random.default_rng(0).normal(0, 0.3, (20_000, 50)).max(axis=1).mean()
    assert expected_maximum_sharpe(50, 0.09) == pytest.approx(draws, rel=0.02)
    assert expected_maximum_sharpe(1, 0.09) == 0.0


def test_sharpe_and_moments_by_hand() -> None:
    returns = np.array([0.01, -0.01, 0.03, 0.01])
    # Mean 0.01, squares 0, 4, 4, 0 (1e-4): deviation sqrt(8e-4 / 3).
    assert sharpe_ratio(returns) == pytest.approx(0.01 / math.sqrt(8e-4 / 3))
    assert sharpe_ratio(returns, 252) == pytest.approx(0.01 / math.sqrt(8e-4 / 3) * math.sqrt(252))
    assert moments(np.array([1.0, 2.0, 3.0, 10.0])) == pytest.approx(
        (180 / 4 / 12.5**1.5, 1394 / 4 / 12.5**2)
    )
    assert sharpe_ratio(np.full(50, 0.001)) == 0.0
    assert moments(np.full(50, 0.1)) == (0.0, 3.0)


def test_newey_west_by_hand() -> None:
    values = np.array([1.0, 3.0, 2.0, 6.0])
    # Mean 3; centred -2, 0, -1, 3. gamma0 = 14/4, gamma1 = (0 + 0 - 3)/4; one lag, weight 1/2: 3.5 - 0.75 =
    # 2.75.
    assert newey_west_t(values, 1) == pytest.approx(3 / math.sqrt(2.75 / 4))
    assert newey_west_t(values, 0) == pytest.approx(3 / math.sqrt(3.5 / 4))


def test_newey_west_lowers_the_t_of_overlapping_returns() -> None:
    noise = np.random.default_rng(3).normal(0.05, 1, 2004)
    overlapping = np.convolve(noise, np.ones(5), mode="valid")
    assert newey_west_t(overlapping, 4) < 0.6 * newey_west_t(overlapping, 0)


def test_bootstrap_covers_and_repeats() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(60):
        returns = rng.normal(0.05, 1.0, 250)
        interval = bootstrap_sharpe(returns, periods_per_year=1, confidence=0.9, samples=200)
        covered += interval.low <= 0.05 <= interval.high
    assert covered >= 46
    assert bootstrap_sharpe(returns) == bootstrap_sharpe(returns)
    assert bootstrap_sharpe(returns, seed=8) != bootstrap_sharpe(returns)


def test_bootstrap_keeps_dependence_in_blocks() -> None:
    # Returns that repeat in runs of 20: single draws would make the interval far too narrow.
    runs = np.repeat(np.random.default_rng(2).normal(0.02, 1, 40), 20)
    single, blocks = bootstrap_sharpe(runs, block=1), bootstrap_sharpe(runs, block=20)
    assert blocks.high - blocks.low > 2.5 * (single.high - single.low)


@settings(max_examples=40, deadline=None)
@given(
    sharpe=st.floats(-0.5, 0.5),
    n=st.integers(30, 5000),
    trials=st.integers(1, 1000),
    spread=st.floats(0, 0.2),
)
def test_more_trials_never_help(sharpe: float, n: int, trials: int, spread: float) -> None:
    one = deflated_sharpe(sharpe, n, trials=trials, variance=spread**2)
    more = deflated_sharpe(sharpe, n, trials=trials + 10, variance=spread**2)
    assert 0.0 <= more <= one + 1e-12 <= 1.0 + 1e-9


def test_bad_input_is_refused() -> None:
    with pytest.raises(BacktestError, match="1 of 2 returns are not finite"):
        sharpe_ratio(np.array([0.1, np.nan]))
    with pytest.raises(BacktestError, match="at least 2 returns"):
        probabilistic_sharpe(0.1, 1)
    with pytest.raises(BacktestError, match="trials >= 1"):
        expected_maximum_sharpe(0, 0.1)
    with pytest.raises(BacktestError, match="at least 10 returns"):
        bootstrap_sharpe(np.zeros(5))
    with pytest.raises(BacktestError, match="do not belong to one distribution"):
        probabilistic_sharpe(1.0, 100, skew=3.0, kurtosis=1.0)
