"""Every kind of corporate action against figures worked by hand.

The numbers are made up and worked by hand here, but for the one that says where it stands in print.
"""

from __future__ import annotations

import logging
from datetime import timedelta

import polars as pl
import pytest

from dnalyaw.market import (
    AdjustError,
    action_effects,
    adjust_bars,
    ex_reference,
)
from dnalyaw.pit import AsOf
from tests.market.action_frames import EVER, action, actions, bars, close_of, day, ends_at


def step(close: float, *rows: dict) -> tuple[float, float, float]:
    """Ex-price, share step and total step of day 1, after a close on day 0."""
    found = action_effects(bars({0: close, 1: close}), actions(*rows), EVER)
    assert found.height == 1
    return found.select("ex_price", "share_step", "total_step").row(0)


def test_the_formula_of_shanghai_and_shenzhen() -> None:
    # Ten for three bonus shares, 2.00 yuan and two rights at 5.00, after 12.00: the example of many textbooks.
    # (12 - 0.2 + 5 x 0.2) / (1 + 0.3 + 0.2) = 12.8 / 1.5 = 8.5333...
    assert ex_reference(12.0, cash=0.2, bonus=0.3, rights=0.2, rights_price=5.0) == pytest.approx(12.8 / 1.5)
    assert ex_reference(12.0, cash=0.2, bonus=0.3, rights=0.2, rights_price=5.0, tick=0.01) == 8.53
    found = step(
        12.0,
        action(1, "rights", ratio=0.2, price=5.0),
        action(1, "dividend", amount=0.2),
        action(1, "stock_dividend", ratio=0.3),
    )
    # 12 / 8.5333 = 1.40625 shares in all; cash buys 12 / 11.8 of them, the rest is shares.
    assert found == pytest.approx((12.8 / 1.5, 1.40625 * 11.8 / 12, 1.40625))


def test_a_reference_price_is_rounded_half_up_to_the_tick_and_the_series_is_not() -> None:
    # 10.05 for 10 in cash of 0.10 and ten bonus shares for ten: 9.95 / 2 = 4.975, a half cent, goes up.
    assert ex_reference(10.05, cash=0.1, bonus=1.0, tick=0.01) == 4.98
    # In binary 10.05 - 0.1 is a little off; exact decimals are not.
    assert ex_reference(10.05, cash=0.1, bonus=1.0) == 4.975
    assert step(10.05, action(1, "dividend", amount=0.1), action(1, "stock_dividend", ratio=1.0))[
        0
    ] == pytest.approx(4.975, abs=1e-12)


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"cash": 12.0}, "12.0 goes off a close of 12.0"),
        ({"bonus": -0.1}, "bonus is -0.1"),
        ({"split": 0.0}, "split is 0.0"),
        ({"rights_price": float("nan")}, "rights_price is nan"),
        ({"tick": 0.0}, "tick is 0.0"),
    ],
)
def test_what_is_no_ex_price_is_named(values: dict, match: str) -> None:
    with pytest.raises(AdjustError, match=match):
        ex_reference(12.0, **values)


def test_bonus_shares_are_a_split() -> None:
    # Ten bonus shares for ten and a split of two for one do the same: 20 becomes 10.
    assert step(20.0, action(1, "stock_dividend", ratio=1.0)) == (10.0, 2.0, 2.0)
    assert step(20.0, action(1, "split", ratio=2.0)) == (10.0, 2.0, 2.0)
    out = adjust_bars(bars({0: 20, 1: 10}), actions(action(1, "stock_dividend", ratio=1.0)), EVER)
    assert out["adj_close"].to_list() == out["split_close"].to_list() == [20.0, 20.0]
    assert out["adj_volume"].to_list() == [1200.0, 600.0]


def test_rights_are_worth_what_they_lift_the_holder_to() -> None:
    # One new share at 6.00 for two old ones at 9.00: (9 + 3) / 1.5 = 8.00. The bonus element is 9 / 8.
    assert step(9.0, action(1, "rights", ratio=0.5, price=6.0)) == pytest.approx((8.0, 1.125, 1.125))
    # Who buys them holds 3 shares for 9 x 2 + 6 = 24; who sells them gets 1 a share and holds 8: 9 again.
    out = adjust_bars(bars({0: 9, 1: 8}), actions(action(1, "rights", ratio=0.5, price=6.0)), EVER)
    assert out["adj_close"].to_list() == pytest.approx([9.0, 9.0])
    assert out["adj_volume"].to_list() == pytest.approx([1200.0, 1200.0 / 1.125])


def test_rights_that_cost_as_much_as_the_share_lapse() -> None:
    assert step(9.0, action(1, "rights", ratio=0.5, price=9.0)) == (9.0, 1.0, 1.0)
    assert step(9.0, action(1, "rights", ratio=0.5, price=20.0)) == (9.0, 1.0, 1.0)
    # With one bonus share a share is worth 4.50 after it: a right at 5.00 is worth nothing.
    with_bonus = (action(1, "rights", ratio=0.5, price=5.0), action(1, "stock_dividend", ratio=1.0))
    assert step(9.0, *with_bonus) == (4.5, 2.0, 2.0)


def test_a_spin_off_hands_out_value() -> None:
    # A share of the other at 15.00 for three at 50.00: 5.00 a share goes, 45.00 stays.
    given = action(1, "spin_off", ratio=1 / 3, price=15.0, other_id=2)
    assert step(50.0, given) == pytest.approx((45.0, 1.0, 50 / 45))
    out = adjust_bars(bars({0: 50, 1: 45}), actions(given), EVER)
    assert out["adj_close"].to_list() == pytest.approx([50.0, 50.0])
    # The price series and the volume are those of the same number of shares.
    assert out["split_close"].to_list() == [50.0, 45.0]
    assert out["adj_volume"].to_list() == [1200.0, 1200.0]


def test_a_spin_off_without_a_price_waits_for_the_first_trade() -> None:
    # The other opens at 12.00 on day 2, a day after the ex-date: 0.5 x 12 = 6 off 60.
    parent = bars({0: 60, 1: 54, 2: 55, 3: 56})
    table = pl.concat([parent, bars({2: 13, 3: 14}, key=2, opens={2: 12.0})])
    given = actions(action(1, "spin_off", ratio=0.5, other_id=2))
    for moment, rows in ((close_of(0), 0), (close_of(1), 1), (close_of(2), 1)):
        # On day 1 the parent's bar is known and the value is not: the bar cannot be adjusted, so it is not there.
        assert adjust_bars(table, given, AsOf(moment)).filter(instrument_id=1).height == rows
    first_trade = close_of(2) + timedelta(minutes=15)
    out = adjust_bars(table, given, AsOf(first_trade)).filter(instrument_id=1)
    assert out["adj_close"].to_list() == pytest.approx([60.0, 60.0, 55 * 60 / 54])
    assert out["available_at"].to_list()[1] == first_trade
    # The value of the first trade stays, whatever the other does later.
    later = adjust_bars(table, given, EVER).filter(instrument_id=1)
    assert later.head(3).equals(out)


def test_bars_that_cannot_be_adjusted_are_named(caplog: pytest.LogCaptureFixture) -> None:
    table = pl.concat([bars({0: 60, 1: 54, 2: 55}), bars({0: 5, 1: 5, 2: 5}, key=3)])
    with caplog.at_level(logging.WARNING):
        out = adjust_bars(table, actions(action(1, "spin_off", ratio=0.5, other_id=2)), EVER)
    assert out.filter(instrument_id=1)["session"].to_list() == [day(0)]
    assert out.filter(instrument_id=3).height == 3
    assert "instrument 1: its bars from 2020-01-07 on are left out" in caplog.text


def test_all_of_one_day_is_per_old_share_in_any_order() -> None:
    # 100: 10 in cash and 5 spun off leave 85; one right at 50 for a share makes 135 / 2.5 with half a bonus share; two
    # for one halves it: 27.
    rows = [
        action(1, "split", ratio=2.0),
        action(1, "rights", ratio=1.0, price=50.0),
        action(1, "spin_off", ratio=0.25, price=20.0, other_id=2),
        action(1, "stock_dividend", ratio=0.5),
        action(1, "dividend", amount=10.0),
        action(1, "symbol_change"),
    ]
    assert step(100.0, *rows)[0] == pytest.approx(27.0)
    for turn in range(len(rows)):
        assert step(100.0, *rows[turn:], *rows[:turn]) == step(100.0, *rows)
    assert ex_reference(
        100.0, cash=10, spun_off=5, rights=1, rights_price=50, bonus=0.5, split=2
    ) == pytest.approx(27.0)


def test_two_ex_dates_without_a_bar_between_follow_each_other() -> None:
    # 100 less 10 is 90, less 9 is 81; a split of three makes 27.
    given = actions(
        action(2, "dividend", amount=9.0), action(1, "dividend", amount=10.0), action(3, "split", ratio=3.0)
    )
    out = adjust_bars(bars({0: 100, 4: 27}), given, EVER)
    assert out["adj_close"].to_list() == pytest.approx([100.0, 100.0])
    assert out["split_factor"].to_list() == [1.0, 3.0]


def test_a_symbol_change_changes_nothing() -> None:
    plain = adjust_bars(bars({0: 10, 1: 11}), actions(), EVER)
    assert adjust_bars(bars({0: 10, 1: 11}), actions(action(1, "symbol_change")), EVER).equals(plain)


def test_a_correction_replaces_what_it_corrects() -> None:
    # A dividend of 5.00 is on file twice: as announced, and corrected to 0.50 on day 2.
    twice = actions(action(1, "dividend", amount=5.0), action(1, "dividend", amount=0.5, known=close_of(2)))
    table = bars({0: 10, 1: 9.5, 2: 9.5})
    assert adjust_bars(table, twice, AsOf(close_of(1) + timedelta(hours=1)))["total_factor"][1] == 2.0
    corrected = adjust_bars(table, twice.reverse(), EVER)
    assert corrected["total_factor"].to_list() == pytest.approx([1.0, 10 / 9.5, 10 / 9.5])
    assert corrected["available_at"].to_list()[1] == close_of(2)


@pytest.mark.parametrize(
    ("row", "match"),
    [
        (
            action(1, "stock_dividend"),
            r"instrument 1, stock_dividend of 2020-01-07: ratio None is not 0 or more",
        ),
        (action(1, "stock_dividend", ratio=-0.1), "ratio -0.1 is not 0 or more"),
        (action(1, "rights", ratio=0.5), "price None of a new share"),
        (action(1, "rights", price=5.0), "ratio None"),
        (action(1, "spin_off", ratio=1.0, price=-1.0), "price -1.0 of what is spun off"),
        (action(1, "dividend", amount=float("nan")), "amount nan"),
        (action(1, "dividend"), "amount None"),
        (action(1, "split", ratio=float("inf")), "ratio inf is not positive"),
        (
            action(1, "spin_off", ratio=2.0, price=6.0),
            "spin_off of 2020-01-07: 12.0 is not between 0 and the close",
        ),
        (action(1, "dividend", amount=1.0, currency="HKD"), "is in HKD, the bars are in CNY"),
    ],
)
def test_an_action_that_cannot_be_applied_is_named(row: dict, match: str) -> None:
    with pytest.raises(AdjustError, match=match):
        adjust_bars(bars({0: 10, 1: 10}), actions(row), EVER)


@pytest.mark.parametrize(
    "row",
    [
        action(5, "rights", ratio=0.5),
        action(5, "dividend", amount=50.0),
        action(5, "split", ratio=0.0),
        action(5, "dividend", amount=1.0, currency="HKD"),
    ],
)
def test_what_is_still_to_come_may_be_put_right(row: dict) -> None:
    # Rights are announced before their price is. One name's future must not stop the reading of all.
    table = bars({0: 10, 1: 10})
    assert adjust_bars(table, actions(row), EVER)["total_factor"].to_list() == [1.0, 1.0]
    effect = action_effects(table, actions(row, action(6, "split", ratio=2.0)), EVER)
    assert effect.select("session", "total_step", "ex_price").rows() == [(None, None, None)] * 2
    # If nobody does, the return of the end is not known.
    assert ends_at(table, row, action(7, "delisting", amount=10.0))[1] is None
    assert ends_at(table, row, action(4, "delisting", amount=10.0))[1] == 0.0
    with pytest.raises(AdjustError, match="instrument 1"):
        adjust_bars(bars({0: 10, 1: 10, 5: 10}), actions(row), EVER)


def test_the_moment_is_a_type() -> None:
    with pytest.raises(AdjustError, match=r"give a dnalyaw\.pit\.AsOf"):
        adjust_bars(bars({0: 10}), actions(), EVER.moment)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="as_of"):
        adjust_bars(bars({0: 10}), actions())  # type: ignore[call-arg]
    replay = AsOf(EVER.moment, ingested_by=EVER.moment)
    with pytest.raises(AdjustError, match="bars have no column ingested_at"):
        adjust_bars(bars({0: 10}), actions(), replay)


def test_what_was_not_ingested_yet_is_not_seen_in_a_replay() -> None:
    table = bars({0: 10, 1: 9}).with_columns(ingested_at=pl.col("available_at"))
    given = actions(action(1, "dividend", amount=1.0)).with_columns(
        ingested_at=pl.lit(close_of(5)).cast(pl.Datetime("us", "UTC"))
    )
    seen = {
        when: adjust_bars(table, given, AsOf(EVER.moment, ingested_by=close_of(when)))[
            "total_factor"
        ].to_list()
        for when in (4, 5)
    }
    assert seen == {4: [1.0, 1.0], 5: [1.0, pytest.approx(10 / 9)]}
