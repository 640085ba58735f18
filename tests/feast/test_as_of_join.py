"""The point-in-time join: worked by hand, against a loop, and the traps of a naive one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from dnalyaw.pit.feast import FeatureStoreError, as_of_join

DAY = timedelta(days=1)
START = datetime(2024, 1, 1, tzinfo=UTC)
TIME = pl.Datetime("us", "UTC")


def at(day: float) -> datetime:
    return START + day * DAY


def source(*rows: tuple[int, float, float, float | None]) -> pl.DataFrame:
    """Rows of (instrument, event day, available day, value)."""
    return pl.DataFrame(
        [(i, at(e), at(a), v) for i, e, a, v in rows],
        schema={"instrument_id": pl.Int64, "event_time": TIME, "available_at": TIME, "f": pl.Float64},
        orient="row",
    )


def asked(*rows: tuple[int, float]) -> pl.DataFrame:
    return pl.DataFrame(
        [(i, at(d)) for i, d in rows], schema={"instrument_id": pl.Int64, "moment": TIME}, orient="row"
    )


def join(entities: pl.DataFrame, table: pl.DataFrame, ttl: timedelta | None = None, **more) -> pl.DataFrame:
    arguments = {
        "entity_keys": ["instrument_id"],
        "source_keys": ["instrument_id"],
        "entity_time": "moment",
        "event_time": "event_time",
        "created": "available_at",
        "columns": {"f": "f"},
    }
    return as_of_join(entities, table.lazy(), ttl=ttl, **(arguments | more))


def served(table: pl.DataFrame, *rows: tuple[int, float], ttl: timedelta | None = None) -> list[float | None]:
    return join(asked(*rows), table, ttl)["f"].to_list()


def test_a_value_is_served_from_its_publication_on() -> None:
    table = source((1, 0, 2, 10.0))
    assert served(table, (1, 1.99), (1, 2), (1, 9)) == [None, 10.0, 10.0]


def test_a_value_published_later_for_an_earlier_date_is_not_served_before() -> None:
    """The trap of joining on the event's time alone."""
    table = source((1, 0, 0, 10.0), (1, 1, 5, 20.0))
    assert served(table, (1, 1), (1, 4.9), (1, 5)) == [10.0, 10.0, 20.0]


def test_a_restatement_of_an_older_event_does_not_hide_a_newer_one() -> None:
    """The trap of joining on the publication's time alone."""
    table = source((1, 0, 0, 10.0), (1, 1, 1, 20.0), (1, 0, 2, 11.0))
    assert served(table, (1, 0.5), (1, 1.5), (1, 2.5)) == [10.0, 20.0, 20.0]


def test_a_restatement_of_the_newest_event_is_served_once_published() -> None:
    table = source((1, 1, 1, 20.0), (1, 1, 3, 21.0), (1, 0, 4, 11.0))
    assert served(table, (1, 2.9), (1, 3), (1, 5)) == [20.0, 21.0, 21.0]


def test_two_events_published_together_serve_the_later() -> None:
    table = source((1, 1, 3, 21.0), (1, 0, 3, 11.0))
    assert served(table, (1, 3)) == [21.0]
    assert served(table[::-1], (1, 3)) == [21.0]


def test_what_is_announced_before_it_happens_is_served_when_it_happens() -> None:
    table = source((1, 0, 0, 10.0), (1, 5, 1, 50.0))
    assert served(table, (1, 2), (1, 5)) == [10.0, 50.0]


def test_of_two_early_announcements_the_later_counts() -> None:
    table = source((1, 5, 2, 52.0), (1, 5, 1, 51.0))
    assert served(table, (1, 4), (1, 5)) == [None, 52.0]


def test_rows_that_become_known_together_are_not_mixed_up_in_a_large_table() -> None:
    """An unstable sort between the filter and the join would show here."""
    table = source(*((i, e, 10, 100.0 * i + e) for i in range(400) for e in range(10)))
    frame = join(asked(*((i, 10) for i in range(400))), table.sample(fraction=1, shuffle=True, seed=1))
    assert frame["f"].to_list() == [100.0 * i + 9 for i in range(400)]


def test_every_entity_row_comes_back_in_order_repeats_too() -> None:
    table = source((1, 0, 0, 10.0), (2, 0, 0, 20.0))
    rows = [(2, 3), (1, 1), (2, 3), (9, 1), (1, -1), (2, 3)]
    frame = join(asked(*rows), table)
    assert frame["f"].to_list() == [20.0, 10.0, 20.0, None, None, 20.0]
    assert_frame_equal(frame.drop("f"), asked(*rows))


def test_time_to_live_counts_from_the_event_and_its_edge_is_inside() -> None:
    table = source((1, 0, 2, 10.0))
    assert served(table, (1, 3), (1, 3.01), ttl=3 * DAY) == [10.0, None]
    assert served(table, (1, 300), ttl=None) == [10.0]


def test_an_expired_newest_event_does_not_fall_back_to_an_older_one() -> None:
    table = source((1, 1, 1, 20.0), (1, 0, 2, 11.0))
    assert served(table, (1, 4.5), ttl=3 * DAY) == [None]


def test_a_null_value_is_served_as_null_and_not_filled_from_before() -> None:
    assert served(source((1, 0, 0, 10.0), (1, 1, 1, None)), (1, 2)) == [None]


def test_nothing_in_and_nothing_known() -> None:
    assert served(source(), (1, 0)) == [None]
    assert served(source((1, 0, 0, 1.0))) == []
    assert served(source((1, 0, 0, 1.0)), ttl=DAY) == []


def test_a_nanosecond_too_early_is_too_early() -> None:
    table = source((1, 0, 1, 10.0)).with_columns(
        pl.col("available_at").cast(pl.Datetime("ns", "UTC")) + pl.duration(nanoseconds=1)
    )
    assert join(asked((1, 1)), table)["f"].to_list() == [None]
    later = asked((1, 1)).with_columns(
        pl.col("moment").cast(pl.Datetime("ns", "UTC")) + pl.duration(nanoseconds=1)
    )
    assert join(later, table)["f"].to_list() == [10.0]


def test_more_columns_than_are_gathered_at_once() -> None:
    table = source((1, 0, 0, 1.0), (2, 0, 0, 2.0)).with_columns(
        *(pl.col("f").mul(i).alias(f"f{i}") for i in range(71))
    )
    frame = join(asked((2, 1), (1, 1)), table, columns={f"f{i}": f"v__f{i}" for i in range(71)})
    assert frame.columns == ["instrument_id", "moment", *(f"v__f{i}" for i in range(71))]
    assert [frame[f"v__f{i}"].to_list() for i in (0, 32, 70)] == [[0.0, 0.0], [64.0, 32.0], [140.0, 70.0]]


def test_two_keys_and_other_names() -> None:
    table = source((1, 0, 0, 10.0), (1, 0, 1, 20.0)).with_columns(pl.Series("venue", ["A", "B"]))
    entities = asked((1, 2), (1, 2)).rename({"instrument_id": "id"}).with_columns(pl.Series("at", ["B", "A"]))
    frame = join(entities, table, entity_keys=["id", "at"], source_keys=["instrument_id", "venue"])
    assert frame["f"].to_list() == [20.0, 10.0]


@pytest.mark.parametrize(
    ("entities", "table", "match"),
    [
        (asked((1, 1)).with_columns(f=1.0), source((1, 0, 0, 1.0)), "already have a column f"),
        (asked((1, 1)), source((1, 0, 0, 1.0)).drop("f"), "no column f"),
        (
            asked((1, 1)),
            source((1, 0, 0, 1.0), (1, 0, 0, 2.0)),
            "2 rows of the features' table describe one event",
        ),
        (
            asked((1, 1)).with_columns(instrument_id=None),
            source((1, 0, 0, 1.0)),
            "entity rows: 1 rows have no key",
        ),
        (
            asked((1, 1)),
            source((1, 0, 0, 1.0)).with_columns(available_at=pl.lit(None, dtype=TIME)),
            "features' table: 1 rows have no created",
        ),
        (asked((1, 1)).with_columns(pl.col("moment").dt.replace_time_zone(None)), source(), "its time zone"),
        (
            asked((1, 1)).with_columns(pl.col("instrument_id").cast(pl.String)),
            source((1, 0, 0, 1.0)),
            "key instrument",
        ),
    ],
)
def test_what_cannot_be_answered_truthfully_is_refused(entities, table, match: str) -> None:
    with pytest.raises(FeatureStoreError, match=match):
        join(entities, table)


def test_a_narrower_key_type_is_widened() -> None:
    assert join(asked((1, 1)).with_columns(pl.col("instrument_id").cast(pl.Int32)), source((1, 0, 0, 5.0)))[
        "f"
    ].to_list() == [5.0]


ROWS = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 6), st.integers(0, 9), st.floats(-5, 5)),
    max_size=25,
    unique_by=lambda r: (r[0], r[1], r[2]),
)
ASKED = st.lists(st.tuples(st.integers(1, 4), st.integers(-1, 12)), max_size=15)


def by_loop(rows, moment_rows, ttl: int | None) -> list[float | None]:
    """The rule in words: known rows of the instrument, latest event, latest version; too old is nothing."""
    answers: list[float | None] = []
    for instrument, moment in moment_rows:
        best = None
        for i, event, available, value in rows:
            if i == instrument and event <= moment and available <= moment:
                order = (event, available)
                if best is None or order > best[0]:
                    best = (order, value)
        if best is None or (ttl is not None and best[0][0] < moment - ttl):
            answers.append(None)
        else:
            answers.append(best[1])
    return answers


@settings(max_examples=300, deadline=None)
@given(ROWS, ASKED, st.sampled_from([None, 0, 2, 5]), st.randoms())
def test_the_join_is_the_loop(rows, moments, ttl, random) -> None:
    wanted = by_loop(rows, moments, ttl)
    random.shuffle(rows)
    assert served(source(*rows), *moments, ttl=None if ttl is None else ttl * DAY) == wanted


@settings(max_examples=150, deadline=None)
@given(ROWS, ASKED, st.integers(0, 9), st.floats(-5, 5))
def test_the_future_changes_no_answer(rows, moments, cut, other) -> None:
    """Whatever is published after the cut, in any form, no moment up to the cut sees it."""
    rows = [r for r in rows if r[2] >= r[1]]
    past = [m for m in moments if m[1] <= cut]
    changed = [
        (i, e, a, v) if a <= cut else (i, max(e - 1, 0), a + 1, other)
        for i, e, a, v in rows
        if a <= cut or a % 2
    ]
    changed = list({(i, e, a): (i, e, a, v) for i, e, a, v in changed}.values())
    assert served(source(*changed), *past) == served(source(*rows), *past)
