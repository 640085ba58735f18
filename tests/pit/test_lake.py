"""The lake lands, pins and reads as of a moment; nothing good is ever hidden or lost."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnalyaw.pit import AsOf, Lake, LakeError, NotPublishedError, PublishedTable

T0 = datetime(2026, 1, 5, 21, 0, tzinfo=UTC)
TIMES = pl.Datetime("us", "UTC")


def rows(*values: tuple[int, float, int]) -> pl.DataFrame:
    """(instrument, close, hours after T0 at which it became available)."""
    return pl.DataFrame(
        {
            "instrument_id": [v[0] for v in values],
            "close": [v[1] for v in values],
            "event_time": pl.Series([T0] * len(values), dtype=TIMES),
            "available_at": pl.Series([T0 + timedelta(hours=v[2]) for v in values], dtype=TIMES),
        }
    )


def table(lake: Lake, *partitions: str) -> PublishedTable:
    return PublishedTable(lake, "US", "bars", partitions, ("instrument_id",))


def at(hours: int) -> AsOf:
    return AsOf(T0 + timedelta(hours=hours))


def test_a_read_sees_only_what_was_available(tmp_path):
    lake = Lake(tmp_path)
    first = lake.land("US", "bars", "2026-01-05", rows((1, 10.0, 0), (2, 20.0, 5)))
    lake.publish(first, rows=2, checks={"schema": "passed"})
    assert table(lake, "2026-01-05").read(at(0))["instrument_id"].to_list() == [1]
    assert table(lake, "2026-01-05").read(at(5))["instrument_id"].to_list() == [1, 2]


def test_a_correction_is_a_later_row_and_the_earlier_answer_stays(tmp_path):
    lake = Lake(tmp_path)
    lake.publish(lake.land("US", "bars", "d", rows((1, 10.0, 0))), rows=1, checks={})
    lake.publish(lake.land("US", "bars", "d", rows((1, 11.0, 30))), rows=1, checks={})
    assert table(lake, "d").read(at(29))["close"].to_list() == [10.0]
    assert table(lake, "d").read(at(30))["close"].to_list() == [11.0]


def test_a_bad_redelivery_that_is_never_pinned_hides_nothing(tmp_path):
    lake = Lake(tmp_path)
    lake.publish(lake.land("US", "bars", "d", rows((1, 10.0, 0))), rows=1, checks={})
    lake.land("US", "bars", "d", rows((1, 999.0, 0)))
    assert table(lake, "d").read(at(1))["close"].to_list() == [10.0]


def test_landing_the_same_delivery_twice_is_one_version(tmp_path):
    lake = Lake(tmp_path)
    first = lake.land("US", "bars", "d", rows((1, 10.0, 0)))
    again = lake.land("US", "bars", "d", rows((1, 10.0, 0)))
    assert first == again
    assert len(lake.versions("US", "bars", "d")) == 1


def test_an_unpublished_partition_is_refused_by_name(tmp_path):
    lake = Lake(tmp_path)
    lake.publish(lake.land("US", "bars", "2026-01-05", rows((1, 10.0, 0))), rows=1, checks={})
    lake.land("US", "bars", "2026-01-06", rows((1, 11.0, 0)))
    with pytest.raises(NotPublishedError, match="US bars: no green published version of 2026-01-06"):
        table(lake, "2026-01-05", "2026-01-06").read(at(1))


def test_a_changed_file_is_not_read(tmp_path):
    lake = Lake(tmp_path)
    staged = lake.land("US", "bars", "d", rows((1, 10.0, 0)))
    lake.publish(staged, rows=1, checks={})
    rows((1, 12.0, 0)).with_columns(pl.lit(T0).alias("ingested_at")).write_parquet(staged.path)
    with pytest.raises(LakeError, match="not those that were landed"):
        table(lake, "d").read(at(1))


def test_a_line_cut_short_by_a_kill_loses_no_earlier_pin(tmp_path):
    lake = Lake(tmp_path)
    lake.publish(lake.land("US", "bars", "d", rows((1, 10.0, 0))), rows=1, checks={})
    pins = next(tmp_path.glob("published/us/bars/d/pins.jsonl"))
    with pins.open("ab") as file:
        file.write(b'{"seq": 2, "vers')
    assert [p.seq for p in lake.pins("US", "bars", "d")] == [1]
    lake.publish(lake.land("US", "bars", "d", rows((1, 11.0, 0))), rows=1, checks={})
    assert [p.seq for p in lake.pins("US", "bars", "d")] == [1, 2]


def test_an_acceptance_holds_for_one_version_and_one_rule(tmp_path):
    lake = Lake(tmp_path)
    staged = lake.land("US", "bars", "d", rows((1, 10.0, 0)))
    lake.accept(staged, rule="spike", who="op", reason="confirmed by the exchange")
    other = lake.land("US", "bars", "d", rows((1, 12.0, 0)))
    assert lake.acceptance(staged, "spike")["reason"] == "confirmed by the exchange"
    assert lake.acceptance(staged, "ohlc") is None
    assert lake.acceptance(other, "spike") is None
    with pytest.raises(ValueError, match="reason"):
        lake.accept(staged, rule="spike", who="op", reason="  ")


def test_as_of_needs_utc():
    with pytest.raises(ValueError, match="aware UTC"):
        AsOf(datetime(2026, 1, 5))


@settings(max_examples=40, deadline=None)
@given(
    deliveries=st.lists(
        st.lists(st.tuples(st.integers(1, 4), st.floats(1, 9), st.integers(0, 9)), min_size=1, max_size=5),
        min_size=1,
        max_size=4,
    ),
    moment=st.integers(-1, 10),
)
def test_reads_agree_with_a_plain_loop(tmp_path_factory, deliveries, moment):
    lake = Lake(tmp_path_factory.mktemp("lake"))
    known: dict[int, tuple[int, int, float]] = {}
    distinct: list[list[tuple[int, float, int]]] = []
    for delivery in deliveries:
        unique = list({v[0]: v for v in delivery}.values())
        if not distinct or distinct[-1] != unique:
            distinct.append(unique)
        lake.publish(lake.land("US", "bars", "d", rows(*unique)), rows=len(unique), checks={})
    for order, delivery in enumerate(distinct):
        for instrument, close, hour in delivery:
            if hour <= moment and (hour, order) >= known.get(instrument, (-1, -1, 0.0))[:2]:
                known[instrument] = (hour, order, close)
    read = table(lake, "d").read(at(moment))
    expected = {i: v[2] for i, v in known.items()}
    assert (
        dict(zip(read["instrument_id"], read["close"], strict=True)) == expected
        if len(read)
        else not expected
    )
