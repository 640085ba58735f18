"""Half-Kelly and what one name may be, worked by hand, through the compiled function."""

from __future__ import annotations

import inspect
from dataclasses import asdict

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnalyaw.portfolio import (
    KellyConfig,
    KellySize,
    PortfolioError,
    SizingPolicy,
    half_kelly,
    size_targets,
)

FULL = KellySize(1.0, 1.0, 1.0, 9.0, 500, "cap")


def returns(mean: float, deviation: float, count: int) -> np.ndarray:
    """A series with exactly this mean and sample deviation."""
    z = np.random.default_rng(0).normal(size=count)
    z = (z - z.mean()) / z.std(ddof=1)
    return mean + deviation * z


def test_half_kelly_by_hand() -> None:
    # Mean 0.0004, deviation 0.02 over 400 returns: f = 0.0004 / 0.0004 = 1, t = 0.0004 / (0.02 / 20) = 0.4:
    # nothing.
    assert half_kelly(returns(0.0004, 0.02, 400), KellyConfig(floor=0.0)).gross == 0.0
    # Mean 0.0002, deviation 0.01, 10,000 returns: f = 2, t = 2, kept 3/4: half of 1.5.
    size = half_kelly(returns(0.0002, 0.01, 10_000))
    assert (size.full, size.t_statistic, size.shrinkage) == pytest.approx((2.0, 2.0, 0.75))
    assert size.gross == pytest.approx(0.75)
    assert size.reason == "evidence"


def test_floor_cap_and_short_records() -> None:
    assert half_kelly(returns(-0.001, 0.01, 300)).reason == "floor"
    assert half_kelly(returns(-0.001, 0.01, 300)).gross == 0.25
    assert half_kelly(returns(-0.001, 0.01, 300), KellyConfig.for_stage("live")).gross == 0.0
    assert half_kelly(returns(0.005, 0.01, 300)).reason == "cap"
    assert half_kelly(returns(0.005, 0.01, 300)).gross == 1.0
    assert half_kelly(returns(0.005, 0.01, 100)).reason == "short record"
    assert half_kelly(np.zeros(500)).reason == "short record"
    assert half_kelly(np.array([])).gross == 0.25
    with pytest.raises(PortfolioError, match="1 of 3 returns are not finite"):
        half_kelly(np.array([0.1, np.nan, 0.1]))
    with pytest.raises(PortfolioError, match="floor <= cap"):
        KellyConfig(floor=0.9, cap=0.5)


@settings(deadline=None)
@given(
    mean=st.floats(-0.01, 0.01),
    deviation=st.floats(0.001, 0.1),
    count=st.integers(30, 2000),
    more=st.floats(0, 0.01),
)
def test_a_better_record_never_gets_less(mean: float, deviation: float, count: int, more: float) -> None:
    one = half_kelly(returns(mean, deviation, count))
    assert 0.25 <= one.gross <= 1.0
    assert half_kelly(returns(mean + more, deviation, count)).gross >= one.gross - 1e-9


def weights(*rows: tuple[int, float, float]) -> pl.DataFrame:
    return pl.DataFrame(
        rows,
        schema={"instrument_id": pl.Int64, "weight": pl.Float64, "stop_distance": pl.Float64},
        orient="row",
    )


def sized(frame: pl.DataFrame, kelly: KellySize = FULL, **changes: object) -> pl.DataFrame:
    """Names at 50 that move 1% a day and trade a million shares, for a strategy with 400,000 of a million."""
    names = frame["instrument_id"].to_list()
    terms: dict[str, object] = {
        "prices": dict.fromkeys(names, 50.0),
        "lots": {},
        "volatility_bp": dict.fromkeys(names, 100),
        "adv": dict.fromkeys(names, 1_000_000),
        "equity": 1e6,
        "capital_fraction": 0.4,
        "kelly": kelly,
    }
    return size_targets(frame, **(terms | changes))  # type: ignore[arg-type]


def test_risk_of_one_trade_by_hand() -> None:
    # Region 1,000,000, strategy 400,000. Risk per trade 10,000.
    # A: stop 5: 2,000 shares lose that, but 5% of the region is 1,000 shares; asked 10% is 800: fits.
    # B: stop 25: 400 shares = 20,000 = 5%; asked 10%: cut to 5%. With lots of 300: 300 shares, 3.75%.
    out = sized(weights((1, 0.10, 5.0), (2, 0.10, 25.0), (3, 0.10, 25.0)), lots={3: 300})
    assert out["weight"].to_list() == pytest.approx([0.10, 0.05, 0.0375])
    assert out["most_shares"].to_list() == [1000, 400, 300]
    assert out["binding"].to_list() == ["NONE", "TRADE_RISK", "TRADE_RISK"]
    # 10% of 400,000 is 800 shares that lose 5 each: 4,000 of a million.
    assert out["risk_fraction"].to_list() == pytest.approx([0.004, 0.010, 0.0075])


def test_kelly_comes_before_the_risk_of_one_trade() -> None:
    half = KellySize(0.5, 1.0, 1.0, 3.0, 500, "evidence")
    out = sized(weights((1, 0.10, 5.0), (2, 0.12, 25.0)), half)
    assert out["weight"].to_list() == pytest.approx([0.05, 0.05])
    assert out["binding"].to_list() == ["KELLY", "TRADE_RISK"]


def test_a_name_too_dear_for_one_lot_comes_to_nothing_and_stays_visible() -> None:
    out = sized(weights((1, 0.10, 30.0)), prices={1: 300.0}, lots={1: 1000}, capital_fraction=1.0)
    assert out.select("weight", "asked", "binding").row(0) == (0.0, 0.10, "INSTRUMENT_LIMIT")


def test_the_risk_engine_sizes() -> None:
    # 1% of 1,000,000 is 10,000; a stop of 25 allows 400 shares of 50: 4% of half a million. A stop of 5 would allow 2,000,
    # but 5% of equity is 1,000 of them.
    out = sized(weights((1, 0.20, 25.0), (2, 0.20, 5.0)), capital_fraction=0.5)
    assert out["weight"].to_list() == pytest.approx([0.04, 0.10])
    assert out["binding"].to_list() == ["TRADE_RISK", "INSTRUMENT_LIMIT"]


def test_a_deployments_limits_size_as_well() -> None:
    # 2% of a million is 20,000, 400 shares of 50: 5% of 400,000, where the constant would leave 10%.
    frame = weights((1, 0.20, 5.0))
    out = sized(frame, tighter={"instrument_bp": 200, "message_rate": 5})
    assert out.select("weight", "most_shares", "binding").row(0) == (0.05, 400, "TIGHTER_LIMIT")
    assert sized(frame, tighter={}).equals(sized(frame))
    with pytest.raises(PortfolioError, match=r"instrument_bp = 501 is looser than the constant 500"):
        sized(frame, tighter={"instrument_bp": 501})
    with pytest.raises(PortfolioError, match='no limit is called "instrument"'):
        sized(frame, tighter={"instrument": 200})
    with pytest.raises(PortfolioError, match="tighter: sector_bp -1 is out of range"):
        sized(frame, tighter={"sector_bp": -1})


def test_volatility_and_liquidity_by_hand() -> None:
    # 1: 2,500 a day at 8% of 50 is 625 shares. 2: a tenth of 5,000 shares. 3, 4: not known, nothing.
    frame = weights((1, 0.2, 5.0), (2, 0.2, 5.0), (3, 0.2, 5.0), (4, 0.2, 5.0))
    volatility, adv = {1: 800, 2: 100, 4: 100}, {1: 10**6, 2: 5_000, 3: 10**6}
    # The stop's floor of five volatilities would hold number 1 to 500; a gap of 8% is known not to be worse.
    out = sized(frame, volatility_bp=volatility, adv=adv, gap_bp={1: 800, 2: 100, 4: 100})
    assert out["most_shares"].to_list() == [625, 500, 0, 0]
    assert out["binding"][0] == "VOLATILITY"
    assert out["weight"].to_list() == pytest.approx([625 * 50 / 4e5, 500 * 50 / 4e5, 0, 0])
    slow = SizingPolicy(participation=0.05, days_to_exit=0.5)
    assert sized(frame, volatility_bp=volatility, adv=adv, policy=slow)["most_shares"][1] == 125
    with pytest.raises(PortfolioError, match=r"cannot size instrument 1: risk_fraction is 0\.02: give"):
        sized(frame, volatility_bp=volatility, adv=adv, policy=SizingPolicy(risk_fraction=0.02))


def test_the_policys_defaults_are_the_compiled_functions() -> None:
    from dnalyaw._native import risk

    signature = inspect.signature(risk.size_position).parameters
    assert {name: signature[name].default for name in asdict(SizingPolicy())} == asdict(SizingPolicy())
    kelly = inspect.signature(risk.half_kelly).parameters
    assert {name: kelly[name].default for name in asdict(KellyConfig())} == asdict(KellyConfig())


def test_every_fault_is_named() -> None:
    with pytest.raises(PortfolioError) as caught:
        size_targets(
            weights((1, 0.1, 1.0), (2, float("nan"), 1.0), (3, 0.1, 0.0), (3, 0.1, 1.0), (4, 0.1, 1.0)),
            prices={2: 5.0, 3: 5.0, 4: 0.0},
            lots={3: 0},
            volatility_bp={4: -1},
            adv={4: -2},
            gap_bp={4: -3},
            equity=-5.0,
            capital_fraction=2.0,
            kelly=FULL,
        )
    for part in (
        "equity -5.0",
        "capital fraction 2.0",
        "instrument 1 has no usable price",
        "instrument 2 has weight nan",
        "instrument 3 has stop distance 0.0",
        "instrument 3 has lot 0",
        "instrument 4 has no usable price",
        "instrument 4 has volatility -1",
        "instrument 4 has volume -2",
        "instrument 4 has gap -3",
        "given twice",
    ):
        assert part in str(caught.value)
