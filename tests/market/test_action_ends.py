"""How instruments end, against figures worked by hand (made up)."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from dnalyaw.market import AdjustError, adjust_bars, end_payments, total_return_index, total_returns
from dnalyaw.pit import AsOf
from tests.market.action_frames import EVER, action, actions, bars, close_of, day, ends_at


def test_a_merger_for_cash_pays_its_amount() -> None:
    kind, earned, when = ends_at(bars({0: 20, 1: 24}), action(2, "merger", amount=27.0, other_id=2))
    assert (kind, earned) == ("merger", pytest.approx(27 / 24 - 1))
    # It is counted from the last close, which is known after the announcement.
    assert when == close_of(1) + timedelta(minutes=15)


def test_a_merger_for_shares_pays_the_acquirers_close_before_it() -> None:
    # Half a share of the acquirer, 40 on the last day, and 5 in cash: 25 for a close of 24. What it does on the day
    # itself is its own return.
    table = pl.concat([bars({0: 20, 1: 24}), bars({0: 39, 1: 40, 2: 80}, key=2)])
    both = action(2, "merger", ratio=0.5, amount=5.0, other_id=2)
    assert ends_at(table, both)[:2] == ("merger", pytest.approx(25 / 24 - 1))
    assert ends_at(table, {**both, "amount": None})[1] == pytest.approx(20 / 24 - 1)
    assert (
        total_returns(table, actions(both), EVER).filter(instrument_id=2)["total_return"].to_list()[-1] == 1.0
    )


def test_a_merger_is_valued_as_the_acquirers_own_actions_leave_it() -> None:
    # The acquirer splits two for one on the day of the merger: a share of it is 20 then.
    table = pl.concat([bars({0: 20, 1: 24}), bars({0: 39, 1: 40, 2: 20}, key=2)])
    merger = action(2, "merger", ratio=0.5, other_id=2)
    assert ends_at(table, merger, action(2, "split", ratio=2.0, key=2))[1] == pytest.approx(10 / 24 - 1)
    # One of the day after leaves it alone, also where the acquirer does not trade on the day itself.
    idle = pl.concat([bars({0: 20, 1: 24}), bars({0: 39, 1: 40, 3: 20}, key=2)])
    assert ends_at(idle, merger, action(3, "split", ratio=2.0, key=2))[1] == pytest.approx(20 / 24 - 1)
    assert ends_at(table, merger, action(3, "split", ratio=2.0, key=2))[1] == pytest.approx(20 / 24 - 1)


@pytest.mark.parametrize(
    "row",
    [
        action(2, "merger"),
        action(2, "merger", ratio=0.5),
        action(2, "merger", ratio=0.5, amount=5.0, other_id=9),
        action(2, "delisting"),
    ],
)
def test_what_a_holder_got_and_nobody_knows_gives_no_return(row: dict) -> None:
    assert ends_at(bars({0: 20, 1: 24}), row)[1] is None


def test_an_old_close_of_the_acquirer_values_nothing() -> None:
    table = pl.concat([bars({20: 24.0}), bars({0: 40}, key=2)])
    assert ends_at(table, action(21, "merger", ratio=0.5, other_id=2))[1] is None
    near = pl.concat([bars({20: 24.0}), bars({11: 40}, key=2)])
    assert ends_at(near, action(21, "merger", ratio=0.5, other_id=2))[1] == pytest.approx(20 / 24 - 1)


def test_a_mergers_value_is_known_with_the_acquirers_close() -> None:
    late = bars({1: 40}, key=2).with_columns(available_at=pl.lit(close_of(4)).cast(pl.Datetime("us", "UTC")))
    table = pl.concat([bars({0: 20, 1: 24}), bars({0: 30}, key=2), late])
    merger = action(2, "merger", ratio=0.5, other_id=2)
    # Until then the close before it is the last one known.
    assert ends_at(table, merger, as_of=AsOf(close_of(3)))[1] == pytest.approx(15 / 24 - 1)
    _, earned, when = ends_at(table, merger)
    assert (earned, when) == (pytest.approx(20 / 24 - 1), close_of(4))


def test_an_end_that_is_announced_has_not_come_yet() -> None:
    table = bars({0: 20, 1: 24})
    merger = actions(action(2, "merger", amount=27.0, known=close_of(-5)))
    for reader in (total_returns, total_return_index):
        assert reader(table, merger, AsOf(close_of(1)))["kind"].unique().to_list() == ["bar"]
    # Before the open of the day it is what is left of the name.
    morning = AsOf(close_of(2) - timedelta(hours=7))
    assert ends_at(table, *merger.rows(named=True), as_of=morning)[:2] == (
        "merger",
        pytest.approx(27 / 24 - 1),
    )
    assert end_payments(table, merger, AsOf(close_of(1))).is_empty()
    assert end_payments(table, merger, morning)["paid"].to_list() == [27.0]


def test_a_dividend_due_at_the_end_is_the_holders() -> None:
    # 24 less 4 in cash is 20 a share; 22 are paid for it.
    out = ends_at(
        bars({0: 20, 1: 24}), action(2, "dividend", amount=4.0), action(2, "delisting", amount=22.0)
    )
    assert out[1] == pytest.approx(24 / 20 * 22 / 24 - 1)


def test_bars_on_or_after_a_merger_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    out = adjust_bars(bars({0: 20, 1: 24, 2: 3}), actions(action(2, "merger", amount=25.0)), EVER)
    assert out["session"].to_list() == [day(0), day(1)]
    assert "1 bars of 1 instruments lie on or after their delisting or merger" in caplog.text


def test_an_end_in_another_currency_is_refused() -> None:
    with pytest.raises(
        AdjustError, match="instrument 1, merger of 2020-01-08: pays in USD, the bars are in CNY"
    ):
        ends_at(bars({0: 20}), action(2, "merger", amount=25.0, currency="USD"))
    foreign = pl.concat([bars({0: 20}), bars({0: 20}, key=2, currency="HKD")])
    with pytest.raises(AdjustError, match="pays in HKD"):
        ends_at(foreign, action(2, "merger", ratio=1.0, other_id=2))
    with pytest.raises(AdjustError, match="neither may be below 0"):
        ends_at(bars({0: 20}), action(2, "merger", amount=-1.0))


def test_no_return_crosses_from_a_target_to_its_acquirer() -> None:
    # The acquirer takes the target's ticker: 24 of the one and 300 of the other are no return.
    table = pl.concat([bars({0: 20, 1: 24}), bars({2: 300, 3: 303}, key=2)])
    out = total_returns(
        table, actions(action(2, "merger", amount=24.0, other_id=2), action(2, "symbol_change", key=2)), EVER
    )
    assert out.filter(instrument_id=2)["total_return"].to_list() == [None, pytest.approx(0.01)]
    assert out["total_return"].drop_nulls().to_list() == pytest.approx([0.2, 0.0, 0.01])
