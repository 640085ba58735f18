"""The same rows in any order and any batching are the same table, at every moment, compacted or not."""

from itertools import count, pairwise

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dnalyaw.pit import AsOf, BitemporalStore
from tests.pit._oracle import FEED, KEY, Receipt, answers, at, frame, history, known, without_returns

NUMBER = count()
QUESTIONS = [
    (-1, None),
    (0, None),
    (1, None),
    (3, None),
    (5, None),
    (9, None),
    (2, 0),
    (5, 4),
    (9, 0),
    (9, 7),
]

receipts = st.builds(
    Receipt,
    instrument=st.integers(1, 2),
    day=st.integers(1, 2),
    value=st.sampled_from([None, 1.0, 2.0, float("inf")]),
    event=st.sampled_from([0, 24 * 3]),  # in January, in February
    available=st.integers(0, 3),
    received=st.sampled_from([0, 2, 4, 6, 8]),
)


def store() -> BitemporalStore:
    return BitemporalStore(f"memory://property-{next(NUMBER)}", keys={FEED: KEY})


def batches(rows: list[Receipt], cuts: list[int]) -> list[list[Receipt]]:
    """Consecutive rows received at one moment, cut where asked and where two contradict each other."""
    found: list[list[Receipt]] = []
    for number, row in enumerate(rows):
        together = found and found[-1][0].received == row.received and number not in cuts
        clash = found and any(
            (o.instrument, o.day, o.available) == (row.instrument, row.day, row.available) for o in found[-1]
        )
        if together and not clash:
            found[-1].append(row)
        else:
            found.append([row])
    return found


def delivered(given: BitemporalStore, batch: list[Receipt]) -> int:
    return given.append("US", FEED, frame(batch), ingested_at=at(batch[0].received)).revisions


def agrees(given: BitemporalStore, rows: list[Receipt]) -> None:
    for moment, by in QUESTIONS:
        as_of = AsOf(at(moment), None if by is None else at(by))
        assert answers(given.read("US", FEED, as_of)) == known(rows, moment, by), (moment, by)
    pieces = list(given.batches("US", FEED, AsOf(at(7)), rows=1))
    assert answers(pl.concat(pieces)) == known(rows, 7) if pieces else not known(rows, 7)


quick = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
long = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
any_rows = st.lists(receipts, min_size=1, max_size=12)
places = st.lists(st.integers(0, 12), max_size=5)


def _any_order(rows: list[Receipt], cuts: list[int], compacted: list[int], shuffled: list[Receipt]) -> None:
    given = store()
    for number, batch in enumerate(batches(shuffled, cuts)):
        delivered(given, batch)
        if number in compacted:
            given.compact("US", FEED)
    agrees(given, rows)
    given.compact("US", FEED)
    agrees(given, rows)


def _in_order(rows: list[Receipt], cuts: list[int], compacted: list[int]) -> None:
    given = store()
    ordered = sorted(rows, key=lambda r: r.received)
    # Of two rows received at one moment that contradict each other nothing says which came first.
    settled = [said for fact in history(ordered).values() for said in {r.received: r for r in fact}.values()]
    settled.sort(key=lambda r: r.received)
    revisions = sum(delivered(given, batch) for batch in batches(settled, cuts))
    expected = 0
    for said in history(settled).values():
        words = [(r.value, r.event) for r in said]
        expected += sum(a != b for a, b in pairwise(words))
    assert revisions == expected
    for number in compacted[:2]:
        again = settled[number % len(settled)]
        assert given.append("US", FEED, frame([again]), ingested_at=at(again.received)).rows == 0
        given.compact("US", FEED)
    agrees(given, settled)


@quick
@given(any_rows, places, places, st.data())
def test_any_order_and_any_batching_give_the_same_table(rows, cuts, compacted, data):
    rows = without_returns(rows)
    _any_order(rows, cuts, compacted, data.draw(st.permutations([*rows, *rows[:3]])))


@quick
@given(any_rows, places, places)
def test_what_comes_in_the_order_of_receipt_may_return_to_an_earlier_value(rows, cuts, compacted):
    _in_order(rows, cuts, compacted)


@pytest.mark.soak
@long
@given(any_rows, places, places, st.data())
def test_any_order_long(rows, cuts, compacted, data):
    rows = without_returns(rows)
    _any_order(rows, cuts, compacted, data.draw(st.permutations([*rows, *rows[:3]])))


@pytest.mark.soak
@long
@given(any_rows, places, places)
def test_order_of_receipt_long(rows, cuts, compacted):
    _in_order(rows, cuts, compacted)
