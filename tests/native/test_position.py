"""The compiled sizing against a second computation that shares nothing with it: numpy for Kelly, fractions for the caps."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dnalyaw._native import risk

MICRO = 1_000_000
ROUNDING = Fraction(1, 10**12)


def engine_caps(a: dict[str, object]) -> dict[str, int]:
    """Largest share count inside each of the engine's limits, before lots; in whole millionths, as the engine counts."""
    equity, price, stop = (Fraction(a[name]) for name in ("equity", "price", "stop_distance"))  # type: ignore[arg-type]
    micro_price = price * MICRO
    short = a["side"] == "sell"

    def up(basis_points: int) -> int:
        return ceil(micro_price * basis_points / 10_000)

    volatility, gap = int(a["volatility_bp"]), int(a["gap_bp"])  # type: ignore[call-overload]
    at_risk = micro_price
    if stop > 0 and volatility > 0:
        at_risk = min(micro_price, max(stop * MICRO, up(volatility), up(gap or 5 * volatility)))

    def room(limit: Fraction, used: str) -> int:
        return floor((floor(limit * MICRO) - Fraction(a[used]) * MICRO) / micro_price)  # type: ignore[arg-type]

    held, adv, traded, locate = (int(a[name]) for name in ("held", "adv", "traded", "locate"))  # type: ignore[call-overload]
    caps = {
        "INSTRUMENT_LIMIT": room(equity / 20, "issuer_exposure"),
        "SECTOR_LIMIT": room(equity / 4, "sector_exposure"),
        "GROSS_LIMIT": room(equity * 2, "gross_exposure"),
        "NET_LIMIT": room(equity, "net_exposure"),
        "TRADE_RISK": floor(floor(equity / 100 * MICRO) / at_risk) - held,
        "MAX_QUANTITY": 10_000_000,
        "MAX_NOTIONAL": floor(500_000_000 * MICRO / micro_price),
        "PARTICIPATION": adv // 10 - traded,
    }
    if short:
        caps["NO_LOCATE"] = locate - held
    if a["cash"] is not None:
        power = floor(Fraction(a["cash"]) * MICRO * 10_000 / 10_050)  # type: ignore[arg-type]
        caps["BUYING_POWER"] = floor(power * 2 / micro_price) if short else floor(power / micro_price)
    return caps


@settings(deadline=None)
@given(
    side=st.sampled_from(["buy", "sell"]),
    equity=st.integers(1_000, 10**9),
    part=st.integers(1, 8),
    weight=st.floats(0, 1),
    kelly=st.floats(0, 1),
    cents=st.integers(1, 10**6),
    stop=st.integers(0, 10**6),
    volatility_bp=st.integers(0, 3_000),
    gap_bp=st.integers(0, 9_000),
    lot=st.sampled_from([1, 10, 100, 2_000]),
    adv=st.integers(0, 10**8),
    held=st.integers(0, 10**5),
    traded=st.integers(0, 10**6),
    locate=st.integers(0, 10**6),
    used=st.lists(st.integers(0, 10**9), min_size=4, max_size=4),
    cash=st.none() | st.integers(0, 10**9),
    risk_fraction=st.floats(0.0001, 0.01),
    volatility_budget=st.floats(0.0001, 0.01),
    participation=st.floats(0.001, 1),
    days_to_exit=st.floats(0.1, 20),
)
def test_every_cap_and_the_least_of_them(
    side: str,
    equity: int,
    part: int,
    weight: float,
    kelly: float,
    cents: int,
    stop: int,
    lot: int,
    used: list[int],
    cash: int | None,
    risk_fraction: float,
    volatility_budget: float,
    participation: float,
    days_to_exit: float,
    **counts: int,
) -> None:
    exposures = ("issuer_exposure", "sector_exposure", "gross_exposure", "net_exposure")
    # Every second use of a limit is small, so that each limit gets its turn.
    amounts = [amount % (equity // 20 + 1) if index % 2 else amount for index, amount in enumerate(used)]
    exact: dict[str, object] = {
        "side": side,
        "equity": equity,
        "price": Fraction(cents, 100),
        "stop_distance": Fraction(stop, 100),
        "lot": lot,
        "cash": cash,
        **dict(zip(exposures, sorted(amounts), strict=True)),
        **counts,
    }
    policy = {
        "risk_fraction": risk_fraction,
        "volatility_budget": volatility_budget,
        "participation": participation,
        "days_to_exit": days_to_exit,
    }
    given_ = {name: float(value) if isinstance(value, Fraction) else value for name, value in exact.items()}
    capital = equity / part
    sized = risk.size_position(capital=capital, weight=weight, kelly=kelly, **given_, **policy)  # type: ignore[arg-type]

    caps = engine_caps(exact)
    least = max(0, min(caps.values()))
    (name, shares), *others = sized["caps"].items()
    assert shares == least // lot * lot
    # What is named binds: a lot more than the answer does not fit in it.
    assert caps[name] < shares + lot

    price, held = exact["price"], counts["held"]
    assert isinstance(price, Fraction)
    stop_now = min(Fraction(stop, 100), price) if stop else price
    daily = price * counts["volatility_bp"] / 10_000
    a_day = Fraction(participation) * counts["adv"]
    rooms = {
        "R_MULTIPLE": (Fraction(risk_fraction) * equity - held * stop_now, stop_now),
        "VOLATILITY": (Fraction(volatility_budget) * equity - held * daily, daily),
        "LIQUIDITY": (a_day - counts["traded"], Fraction(1)),
        "DAYS_TO_EXIT": (Fraction(days_to_exit) * a_day - held, Fraction(1)),
    }
    assert [other for other, _ in others] == list(rooms)
    for other, shares in others:
        room, unit = rooms[other]
        assert shares % lot == 0
        if unit == 0:
            # Unknown volatility.
            assert shares == 0
            continue
        slack = ROUNDING * (abs(room) + equity + (counts["adv"] + held + counts["traded"]) * max(unit, 1))
        assert shares == 0 or shares * unit <= room + slack
        assert (shares + lot) * unit > room - slack or shares + lot > 10**10

    most = min(sized["caps"].values())
    assert sized["most"] == most
    wish = weight * kelly
    limited = most * float(price) / capital
    assert sized["kelly_weight"] == wish
    assert sized["weight"] == pytest.approx(min(wish, limited), rel=1e-12)
    assert sized["quantity"] == min(most, sized["quantity"])
    assert sized["quantity"] * price <= Fraction(wish) * Fraction(capital) * (1 + ROUNDING)
    binding = next(other for other, shares in sized["caps"].items() if shares == most)
    if limited < wish:
        assert sized["constraint"] == binding
    else:
        assert sized["constraint"] == ("KELLY" if wish < weight else "NONE")


@settings(deadline=None)
@given(
    returns=arrays(np.float64, st.integers(0, 400), elements=st.floats(-0.125, 0.125, width=32)),
    floor_=st.floats(0, 0.5),
    fraction=st.floats(0.1, 1),
)
def test_half_kelly_against_numpy(returns: np.ndarray, floor_: float, fraction: float) -> None:
    found = risk.half_kelly(returns, fraction=fraction, floor=floor_)
    count = len(returns)
    deviation = returns.std(ddof=1) if count > 1 else 0.0
    assert found["sessions"] == count
    if count < 126 or deviation <= 1e-9:
        # Between the two lies what neither computation can tell from a series that stands still.
        if count < 126 or deviation == 0.0:
            assert (found["gross"], found["reason"]) == (floor_, "short record")
        return
    t = returns.mean() / (deviation / np.sqrt(count))
    full = returns.mean() / deviation**2
    kept = max(0.0, 1 - 1 / t**2) if t > 0 else 0.0
    assert found["full"] == pytest.approx(full, rel=1e-6, abs=1e-9)
    assert found["t_statistic"] == pytest.approx(t, rel=1e-6, abs=1e-9)
    assert found["shrinkage"] == pytest.approx(kept, rel=1e-6, abs=1e-6)
    assert found["gross"] == pytest.approx(np.clip(fraction * kept * full, floor_, 1.0), rel=1e-5, abs=1e-5)


def test_returns_that_cannot_be_are_named() -> None:
    with pytest.raises(ValueError, match="return 1 is NaN: give finite returns above -1"):
        risk.half_kelly(np.array([0.1, np.nan]))
    with pytest.raises(ValueError, match="return 0 is -1: give"):
        risk.half_kelly(np.array([-1.0]))
    with pytest.raises(ValueError, match=r"fraction is 0: give a number in \(0, 1\]"):
        risk.half_kelly(np.array([0.1]), fraction=0.0)
    with pytest.raises(BufferError):
        risk.half_kelly(np.array([1, 2]))  # type: ignore[arg-type]
