"""The engine's sizing function from Python, against numbers worked by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnalyaw._native import risk

ONE = 1_000_000
MILLION = 1_000_000 * ONE


def size(**changes: int | str | None) -> tuple[int, str]:
    """Size a buy at a limit of 100.00 with a stop of 2.00 for a million in equity."""
    arguments: dict[str, int | str | None] = {
        "equity_micro": MILLION,
        "price_micro": 100 * ONE,
        "stop_distance_micro": 2 * ONE,
        "lot": 1,
        "daily_volatility_bp": 200,
        "limit_price_micro": 100 * ONE,
        "adv": 1_000_000,
    }
    return risk.largest_quantity(**(arguments | changes))  # type: ignore[arg-type]


def test_instrument_limit() -> None:
    # 5% of a million is 50,000: 500 shares of 100.
    assert size() == (500, "INSTRUMENT_LIMIT")
    assert size(issuer_exposure_micro=20_000 * ONE) == (300, "INSTRUMENT_LIMIT")
    assert size(issuer_exposure_micro=50_001 * ONE) == (0, "INSTRUMENT_LIMIT")


def test_market_order_counts_at_the_collar() -> None:
    # At 105 a share: 476 cost 49,980, 477 cost 50,085.
    assert size(limit_price_micro=None) == (476, "INSTRUMENT_LIMIT")


def test_sector_limit() -> None:
    # 250,000 less 240,000 is 10,000: 100 shares.
    assert size(sector_exposure_micro=240_000 * ONE) == (100, "SECTOR_LIMIT")


def test_trade_risk() -> None:
    # 10,000 at risk: a stop of 40 is 250 shares; no stop, or no known volatility, the whole notional: 100.
    assert size(stop_distance_micro=40 * ONE) == (250, "TRADE_RISK")
    assert size(stop_distance_micro=0) == (100, "TRADE_RISK")
    assert size(daily_volatility_bp=0) == (100, "TRADE_RISK")
    # A volatility of 5% a day gaps by 25: 400 shares, of which 150 are held. A gap that is known takes its place.
    assert size(daily_volatility_bp=500) == (400, "TRADE_RISK")
    assert size(daily_volatility_bp=500, held_quantity=150) == (250, "TRADE_RISK")
    assert size(daily_volatility_bp=500, gap_bp=4_000) == (250, "TRADE_RISK")
    assert size(daily_volatility_bp=2_500, gap_bp=1) == (400, "TRADE_RISK")


def test_the_books_limits() -> None:
    # Twice and once a million, less what is used: 10,000.
    assert size(gross_exposure_micro=1_990_000 * ONE) == (100, "GROSS_LIMIT")
    assert size(net_exposure_micro=990_000 * ONE) == (100, "NET_LIMIT")
    assert size(net_exposure_micro=-990_000 * ONE) == (500, "INSTRUMENT_LIMIT")


def test_participation() -> None:
    assert size(adv=4_009) == (400, "PARTICIPATION")
    assert size(adv=4_009, traded_quantity=350) == (50, "PARTICIPATION")
    assert size(adv=0) == (0, "PARTICIPATION")


def test_shorts_need_a_locate_and_a_margin() -> None:
    assert size(side="sell") == (0, "NO_LOCATE")
    assert size(side="sell", locate=300) == (300, "NO_LOCATE")
    assert size(side="sell", locate=300, held_quantity=100) == (200, "NO_LOCATE")
    # Half of the notional: 10,050 / 1.005 = 10,000 carries 20,000.
    assert size(side="sell", locate=10**6, cash_micro=10_050 * ONE) == (200, "BUYING_POWER")


def test_buying_power_keeps_the_margin_for_fees() -> None:
    # 20,100 / 1.005 = 20,000: 200 shares; one millionth less is one share less.
    assert size(cash_micro=20_100 * ONE) == (200, "BUYING_POWER")
    assert size(cash_micro=20_100 * ONE - 1) == (199, "BUYING_POWER")


def test_whole_lots_and_request() -> None:
    assert size(lot=300) == (300, "INSTRUMENT_LIMIT")
    assert size(lot=600) == (0, "INSTRUMENT_LIMIT")
    assert size(requested=500) == (500, "NONE")
    assert size(requested=501) == (500, "INSTRUMENT_LIMIT")
    assert size(requested=0) == (0, "NONE")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("price_micro", 0),
        ("price_micro", -1),
        ("limit_price_micro", 0),
        ("equity_micro", -1),
        ("stop_distance_micro", -1),
        ("lot", 0),
        ("issuer_exposure_micro", -1),
        ("sector_exposure_micro", -1),
        ("held_quantity", -1),
        ("cash_micro", -1),
        ("requested", -1),
        ("gross_exposure_micro", -1),
        ("adv", -1),
        ("traded_quantity", -1),
        ("locate", -1),
    ],
)
def test_impossible_values_are_named(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"^{name} is {value}: give"):
        size(**{name: value})


@settings(deadline=None)
@given(
    equity=st.integers(0, 10**14),
    price=st.integers(10_000, 10**10),
    stop=st.integers(0, 10**10),
    volatility=st.integers(0, 5_000),
    issuer=st.integers(0, 10**13),
    sector=st.integers(0, 10**14),
    held=st.integers(0, 10**6),
    lot=st.sampled_from([1, 10, 100, 500]),
)
def test_one_lot_more_breaks_a_limit_and_the_answer_breaks_none(
    equity: int, price: int, stop: int, volatility: int, issuer: int, sector: int, held: int, lot: int
) -> None:
    """Against the limits written out with Python's integers."""

    def inside(shares: int) -> bool:
        risk = (
            price
            if stop == 0 or volatility == 0
            else min(price, max(stop, -(-price * 5 * volatility // 10_000)))
        )
        return (
            (issuer + shares * price) * 20 <= equity
            and (sector + shares * price) * 4 <= equity
            and (held + shares) * risk * 100 <= equity
            and shares <= 10_000_000
            and shares * price <= 500_000_000 * ONE
        )

    shares, reason = risk.largest_quantity(
        equity,
        price,
        stop,
        lot,
        daily_volatility_bp=volatility,
        issuer_exposure_micro=issuer,
        sector_exposure_micro=sector,
        held_quantity=held,
        limit_price_micro=price,
        adv=10**12,
    )
    assert shares % lot == 0
    assert reason in {"INSTRUMENT_LIMIT", "SECTOR_LIMIT", "TRADE_RISK", "MAX_QUANTITY", "MAX_NOTIONAL"}
    assert shares == 0 or inside(shares)
    assert not inside(shares + lot)


def test_the_largest_order_there_is() -> None:
    # At a millionth a share 50,000,000,000 shares would fit the exposure.
    tiny = {"price_micro": 1, "limit_price_micro": 1, "stop_distance_micro": 0}
    assert size(**tiny, adv=10**12) == (10_000_000, "MAX_QUANTITY")
    # 5% of a hundred thousand million is ten times the largest notional.
    assert size(equity_micro=100_000 * MILLION, adv=10**9) == (5_000_000, "MAX_NOTIONAL")
