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


def delivered(lake: Lake, frame: pl.DataFrame, received: datetime) -> None:
    staged = lake.land("US", "bars", "d", frame, ingested_at=received)
    lake.publish(staged, rows=frame.height, checks={})


def test_a_correction_with_the_same_stated_moment_is_not_known_before_it_came(tmp_path):
    lake = Lake(tmp_path)
    delivered(lake, rows((1, 10.0, 0)), T0 + timedelta(hours=1))
    delivered(lake, rows((1, 11.0, 0)), T0 + timedelta(hours=30))
    assert table(lake, "d").read(at(0))["close"].to_list() == [10.0]
    assert table(lake, "d").read(at(29))["close"].to_list() == [10.0]
    assert table(lake, "d").read(at(30))["close"].to_list() == [11.0]
    assert table(lake, "d").read(at(30))["available_at"].to_list() == [T0 + timedelta(hours=30)]
    # Delivered once more as it was at first, it is a correction again, known when it came.
    delivered(lake, rows((1, 10.0, 0)), T0 + timedelta(hours=40))
    assert [table(lake, "d").read(at(h))["close"].item() for h in (29, 39, 40)] == [10.0, 11.0, 10.0]


def test_a_column_that_a_feed_got_later_is_null_in_what_came_before(tmp_path):
    lake = Lake(tmp_path)
    lake.publish(lake.land("US", "bars", "2026-01-05", rows((1, 10.0, 0))), rows=1, checks={})
    wider = rows((2, 20.0, 0)).with_columns(sector=pl.lit("banks"))
    lake.publish(lake.land("US", "bars", "2026-01-06", wider), rows=1, checks={})
    assert table(lake, "2026-01-05", "2026-01-06").read(at(0))["sector"].to_list() == [None, "banks"]


@settings(max_examples=40, deadline=None)
@given(
    deliveries=st.lists(
        st.lists(st.tuples(st.integers(1, 4), st.floats(1, 9), st.integers(0, 9)), min_size=1, max_size=5),
        min_size=1,
        max_size=4,
    ),
    moment=st.integers(-1, 30),
)
def test_reads_agree_with_a_plain_loop(tmp_path_factory, deliveries, moment):
    lake = Lake(tmp_path_factory.mktemp("lake"))
    said: dict[tuple[int, int], float] = {}
    known: dict[int, tuple[int, int, float]] = {}
    for order, delivery in enumerate(deliveries):
        unique = list({v[0]: v for v in delivery}.values())
        received = 4 * order + 2
        delivered(lake, rows(*unique), T0 + timedelta(hours=received))
        for instrument, close, hour in unique:
            before = said.get((instrument, hour))
            said[instrument, hour] = close
            since = hour if before is None else max(hour, received)
            if before == close or since > moment:
                continue
            if (since, order) >= known.get(instrument, (-1, -1, 0.0))[:2]:
                known[instrument] = (since, order, close)
    read = table(lake, "d").read(at(moment))
    assert dict(read.select("instrument_id", "close").iter_rows()) == {i: v[2] for i, v in known.items()}
