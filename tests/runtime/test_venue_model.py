"""What the venue settles and charges: dates and rules by hand."""

from __future__ import annotations

from datetime import date

import pytest

from dnalyaw.runtime import _venue_model as model


@pytest.mark.parametrize(
    ("region", "traded", "settled"),
    [
        # One business day since Tuesday 2024-05-28, two from 2017-09-05, three before.
        ("US", "2026-03-10", "2026-03-11"),
        ("US", "2024-05-28", "2024-05-29"),
        ("US", "2024-05-24", "2024-05-29"),  # Friday before Memorial Day: Tuesday, Wednesday
        ("US", "2017-09-05", "2017-09-07"),
        ("US", "2017-09-01", "2017-09-07"),  # Friday before Labor Day: Tuesday, Wednesday, Thursday
        # Columbus Day, Monday 2013-10-14, settles nothing: Tuesday, Wednesday, Thursday.
        ("US", "2013-10-11", "2013-10-17"),
        ("US", "2026-10-09", "2026-10-13"),
        # Veterans Day: Wednesday 2026-11-11; kept on Monday 2018-11-12; on a Saturday nothing is kept.
        ("US", "2026-11-10", "2026-11-12"),
        ("US", "2018-11-09", "2018-11-14"),
        ("US", "2017-11-09", "2017-11-13"),
        ("US", "2026-03-06", "2026-03-09"),
        # Two exchange days in Hong Kong: over a weekend, and over the Lunar New Year of 2026 (17 to 19 February).
        ("HK", "2026-03-10", "2026-03-12"),
        ("HK", "2026-03-05", "2026-03-09"),
        ("HK", "2026-02-13", "2026-02-20"),
    ],
)
def test_the_day_of_settlement(region: str, traded: str, settled: str) -> None:
    assert model.settlement_date(region, date.fromisoformat(traded)) == date.fromisoformat(settled)


def test_a_session_before_the_first_rates_is_charged_those() -> None:
    assert model.venue_model("US", date(2013, 5, 24))["fees"] == {"schedule": "us", "as_of": "2013-05-25"}
    assert model.venue_model("US", date(2013, 5, 28))["fees"] == {"schedule": "us"}
    assert model.venue_model("HK", date(2014, 10, 31))["fees"] == {"schedule": "hk", "as_of": "2014-11-01"}
    assert model.venue_model("HK", date(2014, 11, 3))["fees"] == {"schedule": "hk"}


def test_what_is_known_of_instruments_is_there_and_nothing_moves_prices_unasked() -> None:
    row = {"instrument_id": 9, "adv": 5, "volatility_bp": 200, "tick_micro": 10_000, "symbol": "X"}
    rows = [row, row | {"instrument_id": 2, "stamp_exempt": True}]
    made = model.venue_model("HK", date(2026, 3, 10), rows)
    assert set(made) == {"settlement", "fees", "instruments"}
    assert made["instruments"] == [
        {"instrument_id": 2, "adv": 5, "volatility_bp": 200, "tick_micro": 10_000, "stamp_exempt": True},
        {"instrument_id": 9, "adv": 5, "volatility_bp": 200, "tick_micro": 10_000},
    ]
    queue = {"trade_bp": 5_000, "cancel_ahead_bp": 5_000, "fill_bp": 10_000}
    assert model.venue_model("HK", date(2026, 3, 10), rows, {"queue": queue}) == made | {"queue": queue}
    with pytest.raises(ValueError, match=r"has no part fees, settlement: give auctions, borrow"):
        model.venue_model("HK", date(2026, 3, 10), rows, {"settlement": {}, "fees": {}, "queue": queue})
