"""The price frame joins bars, reference data and delistings."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from dnalyaw.backtest import BacktestError, PricePanel, price_frame

DAYS = [date(2024, 1, 2), date(2024, 1, 3)]
BARS = pl.DataFrame(
    {
        "instrument_id": [1, 2, 1],
        "session": [DAYS[0], DAYS[0], DAYS[1]],
        **{key: [10.0, 20.0, 11.0] for key in ("open", "high", "low", "close", "adj_open", "adj_close")},
        "volume": [1e3, 2e3, 1e3],
    }
)
INSTRUMENTS = pl.DataFrame(
    {
        "instrument_id": [1, 1, 2],
        "valid_from": [date(2024, 1, 1), date(2020, 1, 1), date(2020, 1, 1)],
        "label": ["NEW.NYSE", "OLD.NYSE", "DEAD.NYSE"],
        "sector": ["Energy", "Utilities", None],
        "lot": [1, 1, 100],
        "currency": ["USD"] * 3,
    }
)
ACTIONS = pl.DataFrame(
    {
        "instrument_id": [1, 2],
        "ex_date": [DAYS[0], DAYS[1]],
        "kind": ["dividend", "delisting"],
        "amount": [0.5, 19.0],
    }
)


def test_the_frame_by_hand() -> None:
    frame = price_frame(BARS, INSTRUMENTS, ACTIONS)
    picked = frame.select(
        "session", "instrument_id", "label", "sector", "lot", "delisted_on", "delisting_price"
    )
    assert picked.rows() == [
        (DAYS[0], 1, "NEW.NYSE", "Energy", 1, None, None),
        (DAYS[0], 2, "DEAD.NYSE", None, 100, DAYS[1], 19.0),
        (DAYS[1], 1, "NEW.NYSE", "Energy", 1, None, None),
    ]
    panel = PricePanel.from_frame(frame)
    assert panel.sector == ("Energy", None)
    assert panel.delisting_row.tolist() == [2, 1]
    assert panel.lot.tolist() == [1, 100]


def test_a_bar_nobody_knows_is_refused() -> None:
    with pytest.raises(BacktestError, match=r"bars of instrument 2 .*are in no instruments row"):
        price_frame(BARS, INSTRUMENTS.filter(pl.col("instrument_id") == 1), ACTIONS)
    with pytest.raises(BacktestError, match="no column adj_close"):
        price_frame(BARS.drop("adj_close"), INSTRUMENTS, ACTIONS)


def test_a_merger_ends_a_name_at_what_it_paid() -> None:
    # 3 in cash and half a share of the other, which closed at 10 the day before: 8. The other's 11 of the day is its own.
    merger = pl.DataFrame(
        {
            "instrument_id": [2],
            "ex_date": [DAYS[1]],
            "kind": ["merger"],
            "amount": [3.0],
            "ratio": [0.5],
            "other_id": [1],
            "currency": ["USD"],
        }
    )
    bars = BARS.with_columns(currency=pl.lit("USD"))
    ended = price_frame(bars, INSTRUMENTS, merger).filter(instrument_id=2)
    assert ended.select("delisted_on", "delisting_price").rows() == [(DAYS[1], 8.0)]
    unknown = merger.with_columns(other_id=pl.lit(None, pl.Int64))
    ended = price_frame(bars, INSTRUMENTS, unknown).filter(instrument_id=2)
    # Not known is not nothing: the engine assumes a loss and says so.
    assert ended.select("delisted_on", "delisting_price").rows() == [(DAYS[1], None)]
