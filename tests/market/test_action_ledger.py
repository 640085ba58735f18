"""A holder's own books against the adjusted series: whole accounts in fractions, no formula of ours."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnalyaw.market import adjust_bars, back_adjust_bars, total_return_index, total_returns
from dnalyaw.pit import AsOf
from tests.market.action_frames import EVER, action, actions, bars, close_of, day

LENGTH = 8
Event = dict[str, Any]


@dataclass
class Holder:
    """Buys at the first close and reinvests whatever comes in at the open of the ex-date.

    The open is the one at which nobody gains or loses overnight: it is found by weighing what is held before against
    what is held after, not by a formula for prices.
    """

    shares: Fraction
    worth: Fraction
    opens: dict[int, Fraction] = field(default_factory=dict)
    bought: Fraction = Fraction(0)

    def night(self, on: int, events: list[Event]) -> None:
        """Go through the actions of one ex-date; `worth` is the price of a share before and after."""
        before = self.shares * self.worth
        held, cash, offered, cost = self.shares, Fraction(0), Fraction(0), Fraction(0)
        for event in events:
            match event["kind"]:
                case "dividend":
                    cash += self.shares * exact(event["amount"])
                case "spin_off":
                    cash += self.shares * exact(event["ratio"]) * exact(event["price"])  # sold at once
                case "stock_dividend":
                    held += self.shares * exact(event["ratio"])
                case "rights":
                    offered += self.shares * exact(event["ratio"])
                    cost = exact(event["price"])
        # Rights are taken up when a share can be had for less than it is worth without them.
        if offered and cost < (before - cash) / held:
            held, cash = held + offered, cash - offered * cost
        for event in events:
            if event["kind"] == "split":
                held *= exact(event["ratio"])
        price = (before - cash) / held
        # What is short of cash for the rights is got by selling shares, what is left buys some.
        self.shares, self.worth = held + cash / price, price
        self.opens[on] = price


def exact(value: float) -> Fraction:
    return Fraction(value)


def kinds() -> st.SearchStrategy[Event]:
    ratio = st.floats(0.01, 1.0)
    return st.one_of(
        st.builds(lambda a: {"kind": "dividend", "amount": a}, st.floats(0.01, 3.0)),
        st.builds(lambda r: {"kind": "split", "ratio": r}, st.sampled_from([0.05, 0.5, 1.5, 2.0, 7.0])),
        st.builds(lambda r: {"kind": "stock_dividend", "ratio": r}, ratio),
        st.builds(lambda r, p: {"kind": "rights", "ratio": r, "price": p}, ratio, st.floats(0.5, 300.0)),
        st.builds(
            lambda r, p: {"kind": "spin_off", "ratio": r, "price": p, "other_id": 2},
            ratio,
            st.floats(0.1, 3.0),
        ),
        st.just({"kind": "symbol_change"}),
    )


def schedules(last: int = LENGTH - 1) -> st.SearchStrategy[list[tuple[int, Event]]]:
    """Up to six actions, at most one of a kind on a day."""
    return st.lists(
        st.tuples(st.integers(1, last), kinds()), max_size=6, unique_by=lambda e: (e[0], e[1]["kind"])
    )


def rows(schedule: list[tuple[int, Event]]) -> list[dict[str, Any]]:
    return [
        action(i, event["kind"], **{k: v for k, v in event.items() if k != "kind"}) for i, event in schedule
    ]


MOVES = st.lists(st.floats(-0.3, 0.4), min_size=LENGTH, max_size=LENGTH)
TRADED = st.lists(st.booleans(), min_size=LENGTH, max_size=LENGTH)


@settings(max_examples=60, deadline=None)
@given(schedule=schedules(), moves=MOVES, traded=TRADED, order=st.randoms(use_true_random=False))
def test_a_holder_who_reinvests_earns_what_the_series_says(
    schedule: list[tuple[int, Event]], moves: list[float], traded: list[bool], order: Any
) -> None:
    holder = Holder(Fraction(1), Fraction(40))
    closes, opens, wealth = {0: 40.0}, {0: 40.0}, {0: Fraction(40)}
    for i in range(1, LENGTH):
        today = [event for on, event in schedule if on == i]
        # A share that is worth less than what may go off it is no case: the series refuses it.
        if any(event["kind"] in ("dividend", "spin_off") for event in today) and holder.worth <= 7:
            schedule = [(on, event) for on, event in schedule if on != i]
            today = []
        if today:
            holder.night(i, today)
        if traded[i]:
            opens[i] = float(holder.worth)
            closes[i] = float(holder.worth) * (1 + moves[i])
            holder.worth = exact(closes[i])
            wealth[i] = holder.shares * holder.worth
    given_rows = rows(schedule)
    order.shuffle(given_rows)
    table = bars(closes, opens=opens)
    out = adjust_bars(table, actions(*given_rows), EVER)
    assert out["adj_close"].to_list() == pytest.approx([float(w) for w in wealth.values()], rel=1e-9)
    # On an ex-date the adjusted open is the adjusted close before it: nothing was gained or lost overnight.
    nights = [i for i in closes if i]
    assert out["adj_open"].to_list()[1:] == pytest.approx(
        [float(wealth[max(j for j in closes if j < i)]) for i in nights], rel=1e-9
    )
    index = total_return_index(table, actions(*given_rows), EVER)
    assert index["total_return_index"].to_list() == pytest.approx(
        [float(w / 40) for w in wealth.values()], rel=1e-9
    )
    assert index["close"].to_list() == list(closes.values())
    back = back_adjust_bars(table, actions(*given_rows), EVER)
    assert back["back_close"][-1] == closes[max(closes)]
    assert back["back_close"].to_list() == pytest.approx(
        [float(w / wealth[max(wealth)]) * closes[max(closes)] for w in wealth.values()], rel=1e-9
    )
    # What changed hands keeps its worth: shares times price, and no share was made of nothing.
    assert (back["back_volume"] * back["back_split_close"]).to_list() == pytest.approx(
        (table["volume"] * table["close"]).to_list(), rel=1e-9
    )


@settings(max_examples=35, deadline=None)
@given(early=schedules(), late=schedules(), cut=st.integers(2, LENGTH - 1), prices=MOVES)
def test_a_later_action_changes_no_earlier_bit(
    early: list[tuple[int, Event]], late: list[tuple[int, Event]], cut: int, prices: list[float]
) -> None:
    table = bars({i: 100.0 * (1 + move) for i, move in enumerate(prices)})
    past = rows([e for e in early if e[0] < cut])
    future = rows([(cut + i % (LENGTH - cut), event) for i, event in late])
    unique = {(row["ex_date"], row["kind"]): row for row in future}
    # Actions of the cut's own day and later, whatever they are, and the end of the name.
    ended = [*unique.values(), action(LENGTH, "merger", amount=5.0)]
    before = pl.col("session") < day(cut)
    alone = adjust_bars(table.filter(before), actions(*past), EVER)
    assert adjust_bars(table, actions(*past, *ended), EVER).filter(before).equals(alone)
    assert adjust_bars(table, actions(*past), EVER).filter(before).equals(alone)
    returns = total_returns(table.filter(before), actions(*past), EVER)
    assert total_returns(table, actions(*past, *ended), EVER).filter(before).equals(returns)


@settings(max_examples=25, deadline=None)
@given(
    schedule=schedules(),
    delays=st.lists(st.integers(-2, 9), min_size=6, max_size=6),
    at=st.integers(0, LENGTH + 9),
)
def test_a_read_sees_what_was_known_and_nothing_else(
    schedule: list[tuple[int, Event]], delays: list[int], at: int
) -> None:
    table = bars({i: 50.0 + i for i in range(LENGTH)})
    late = [
        {**row, "available_at": close_of(i + delay)}
        for (i, _), row, delay in zip(schedule, rows(schedule), delays, strict=False)
    ]
    moment = close_of(at) + timedelta(hours=1)
    told = actions(*[row for row in late if row["available_at"] <= moment])
    known = adjust_bars(table.filter(pl.col("available_at") <= moment), told, EVER)
    for reader in (adjust_bars, back_adjust_bars, total_return_index, total_returns):
        seen = reader(table, actions(*late), AsOf(moment))
        assert seen.equals(reader(table.filter(pl.col("available_at") <= moment), told, EVER))
        assert seen.filter(pl.col("available_at") > moment).is_empty()
    assert adjust_bars(table, actions(*late), AsOf(moment)).equals(known)


def test_a_chart_of_a_day_shows_what_was_known_on_it() -> None:
    # 100, two for one and 50; a dividend of 1 on 50 the day after, and 49.
    table = bars({0: 100, 1: 50, 2: 49})
    given_actions = actions(action(1, "split", ratio=2.0), action(2, "dividend", amount=1.0))
    charts = {
        i: back_adjust_bars(table, given_actions, AsOf(close_of(i) + timedelta(minutes=15))) for i in range(3)
    }
    assert charts[0]["back_close"].to_list() == [100.0]
    assert charts[1]["back_close"].to_list() == [50.0, 50.0]
    assert charts[2]["back_close"].to_list() == pytest.approx([49.0, 49.0, 49.0])
    assert charts[2]["back_split_close"].to_list() == [50.0, 50.0, 49.0]
    assert charts[2]["back_open"].to_list() == pytest.approx([99 * 0.49, 49 * 0.98, 48.0])
    assert charts[2]["back_volume"].to_list() == [2400.0, 1200.0, 1200.0]
    assert charts[2]["close"].to_list() == [100.0, 50.0, 49.0]
    assert charts[2]["total_return_index"].to_list() == pytest.approx([1.0, 1.0, 1.0])
    assert charts[2]["price_index"].to_list() == pytest.approx([1.0, 1.0, 0.98])
    # None of its numbers could be computed before the last of them was known.
    assert charts[2]["available_at"].unique().to_list() == [close_of(2) + timedelta(minutes=15)]


def test_the_index_ends_with_what_was_paid() -> None:
    table = bars({0: 100, 1: 50})
    given_actions = actions(action(1, "split", ratio=2.0), action(2, "delisting", amount=40.0))
    out = total_return_index(table, given_actions, EVER)
    assert out["kind"].to_list() == ["bar", "bar", "delisting"]
    assert out["close"].to_list() == [100.0, 50.0, 40.0]
    assert out["total_return_index"].to_list() == pytest.approx([1.0, 1.0, 0.8])
    assert out["price_index"].to_list() == pytest.approx([1.0, 1.0, 0.8])
    unknown = actions(action(2, "delisting"))
    assert total_return_index(table, unknown, EVER)["total_return_index"].to_list()[-1] is None
