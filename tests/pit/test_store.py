"""The bitemporal store: what it takes, what it refuses, and what it answers."""

import math
from datetime import UTC, datetime, timedelta

import fsspec
import polars as pl
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import _registry

from dnalyaw.pit import AsOf, BitemporalStore, StoreError, StoreSchemaError
from dnalyaw.pit._store_read import Question, clusters_of
from tests.pit._oracle import FEED, KEY, Receipt, age, answers, at, frame, known


@pytest.fixture
def store(tmp_path) -> BitemporalStore:
    return BitemporalStore(tmp_path / "store", keys={FEED: KEY})


def point(instrument=1, day=1, value=1.0, event=0, available=0, received=0) -> Receipt:
    return Receipt(instrument, day, value, event, available, received)


def deliver(store: BitemporalStore, *points: Receipt):
    return store.append("US", FEED, frame(points), ingested_at=at(points[0].received))


def values(store: BitemporalStore, hours: int, **options) -> list[float | None]:
    return store.read("US", FEED, AsOf(at(hours)), sort=True, **options)["value"].to_list()


# -- what is known when -----------------------------------------------------------------------------


def test_a_revision_is_known_from_its_receipt_on(store):
    deliver(store, point(value=1.0, received=1))
    done = deliver(store, point(value=2.0, received=30))
    assert (done.rows, done.revisions) == (1, 1)
    assert [values(store, h) for h in (-1, 0, 29, 30)] == [[], [1.0], [1.0], [2.0]]
    assert store.read("US", FEED, AsOf(at(40)))["available_at"].item() == at(30)
    assert store.state("US", FEED).revisions == 1


def test_a_correction_that_states_a_later_moment_is_known_then(store):
    deliver(store, point(value=1.0), point(value=2.0, available=10))
    assert [values(store, h) for h in (9, 10)] == [[1.0], [2.0]]


def test_a_row_that_is_held_adds_nothing(store):
    deliver(store, point(), point(instrument=2, value=None))
    before = store.state("US", FEED)
    done = deliver(store, point(instrument=2, value=None, received=5), point(received=5))
    assert (done.rows, done.revisions, done.commit) == (0, 0, 1)
    assert store.state("US", FEED) == before


def test_a_row_that_turns_out_to_have_come_earlier_is_the_same_row(store):
    deliver(store, point(received=5))
    done = deliver(store, point(received=2))
    assert (done.rows, done.revisions) == (1, 0)
    read = store.read("US", FEED, AsOf(at(9)))
    assert read["available_at"].item() == at(0)
    assert store.read("US", FEED, AsOf(at(9), at(2))).height == 1


def test_what_contradicts_itself_at_one_moment_is_settled_alike_in_any_order(store, tmp_path):
    other = BitemporalStore(tmp_path / "other", keys={FEED: KEY})
    said = [point(value=value, available=5, received=5) for value in (3.0, 1.0, 2.0)]
    for row in said:
        deliver(store, row)
    for row in reversed(said):
        deliver(other, row)
    assert values(store, 5) == values(other, 5) == [3.0]
    # Each of them told once more at the same moment is a retry, also the one that does not hold.
    assert [deliver(store, row).rows for row in said] == [0, 0, 0]
    # The least is the first statement, which alone is known at its stated moment.
    early, late = point(day=2, value=1.0, received=5), point(day=2, value=2.0, received=5)
    for place, order in ((store, (early, late)), (other, (late, early))):
        for row in order:
            deliver(place, row)
    assert values(store, 4) == values(other, 4) == [1.0]


def test_negative_zero_and_not_a_number_equal_themselves(store):
    deliver(store, point(value=0.0), point(instrument=2, value=float("nan")))
    done = deliver(store, point(value=-0.0, received=1), point(instrument=2, value=float("nan"), received=1))
    assert done.rows == 0
    deliver(store, point(instrument=3, value=-0.0))
    assert math.copysign(1, store.read("US", FEED, AsOf(at(0)), instruments=[3])["value"].item()) == 1


def test_what_is_repeated_is_the_statement_received_last_wherever_it_lies(store):
    deliver(store, point(value=2.0, received=5))
    deliver(store, point(value=1.0, received=2))
    assert deliver(store, point(value=2.0, received=6)).rows == 0
    assert deliver(store, point(value=1.0, received=7)).revisions == 1
    assert [values(store, h) for h in (4, 5, 6, 7)] == [[1.0], [2.0], [2.0], [1.0]]


def test_a_key_that_holds_null_is_a_key(store):
    deliver(store, point(day=None, value=1.0), point(day=5, value=2.0))
    done = deliver(store, point(day=None, value=3.0, received=4), point(day=9, value=4.0, received=4))
    assert (done.rows, done.revisions) == (2, 1)
    for _ in range(2):
        assert [values(store, h) for h in (3, 4)] == [[1.0, 2.0, 4.0], [3.0, 2.0, 4.0]]
        store.compact("US", FEED)


def test_a_replay_sees_what_had_been_received(store):
    deliver(store, point(value=1.0, available=0, received=20))
    assert store.read("US", FEED, AsOf(at(30), at(19))).height == 0
    assert store.read("US", FEED, AsOf(at(30), at(20))).height == 1


def test_two_rows_that_contradict_each_other_in_one_delivery_are_refused_by_name(store):
    with pytest.raises(
        StoreSchemaError, match=r"instrument_id=7, day=1, available_at=.*: value=1.0 against value=2.0"
    ):
        deliver(store, point(instrument=7, value=1.0), point(instrument=7, value=2.0))
    assert not store.holds("US", FEED)


def test_an_event_that_a_revision_moves_to_another_month_leaves_the_first(store):
    february = 24 * 3
    deliver(store, point(event=0))
    assert deliver(store, point(event=february, received=9)).revisions == 1
    january = {"end": datetime(2026, 2, 1, tzinfo=UTC)}
    assert values(store, 8, **january) == [1.0]
    assert values(store, 9, **january) == []
    assert values(store, 9, start=january["end"]) == [1.0]


# -- how it is asked --------------------------------------------------------------------------------


def test_a_read_without_a_moment_is_no_read(store):
    deliver(store, point())
    with pytest.raises(TypeError):
        store.read("US", FEED)
    for wrong in (None, at(0), "now"):
        with pytest.raises(TypeError, match="give an AsOf"):
            store.read("US", FEED, wrong)


def test_filters_keep_what_they_say(store):
    deliver(
        store,
        *(point(instrument=i, day=d, value=10.0 * i + d, event=24 * d) for i in (1, 2, 3) for d in (0, 1, 2)),
    )
    assert values(store, 99, instruments=[3, 1]) == [10.0, 11.0, 12.0, 30.0, 31.0, 32.0]
    assert values(store, 99, instruments=[]) == []
    assert values(store, 99, start=at(24), end=at(48)) == [11.0, 21.0, 31.0]
    read = store.read("US", FEED, AsOf(at(99)), columns=["value"], instruments=[2])
    assert read.columns == ["value"]
    assert read.height == 3
    with pytest.raises(StoreError, match="no column price; it has instrument_id, day, value"):
        store.read("US", FEED, AsOf(at(0)), columns=["price"])
    with pytest.raises(ValueError, match="start must be an aware UTC"):
        store.read("US", FEED, AsOf(at(0)), start=datetime(2026, 1, 1))


def test_only_the_months_asked_for_are_opened(store):
    for month in range(3):
        deliver(store, point(day=month, event=24 * 31 * month))
    # Of the other months nothing is left: a read that opened them would fail.
    for path in store.files("US", FEED):
        if "/2026-04/" not in path:
            store.folder.fs.rm(path)
    assert values(store, 9999, start=datetime(2026, 4, 1, tzinfo=UTC)) == [1.0]
    with pytest.raises(Exception, match="2026-0"):
        values(store, 9999)


def test_what_is_not_there_is_said(store):
    with pytest.raises(StoreError, match="there is no table US points"):
        store.read("US", FEED, AsOf(at(0)))
    with pytest.raises(StoreError, match="unheard is no feed of"):
        store.append("US", "unheard", frame([point()]), ingested_at=at(0))
    with pytest.raises(StoreError, match="names no region or feed"):
        store.read("../us", FEED, AsOf(at(0)))


def test_an_empty_delivery_makes_an_empty_table(store):
    store.append("US", FEED, frame([]), ingested_at=at(0))
    assert store.read("US", FEED, AsOf(at(0))).height == 0
    assert store.append("US", FEED, frame([]), ingested_at=at(1)).commit == 1


# -- the table's columns ----------------------------------------------------------------------------


def test_a_column_added_later_is_null_before(store):
    deliver(store, point())
    wider = frame([point(instrument=2, received=1)]).with_columns(note=pl.lit("new"))
    store.append("US", FEED, wider, ingested_at=at(1))
    read = store.read("US", FEED, AsOf(at(9)), sort=True)
    assert read["note"].to_list() == [None, "new"]
    with pytest.raises(StoreSchemaError, match="has no column note, which the table has"):
        deliver(store, point(instrument=3, received=2))
    store.compact("US", FEED)
    assert store.read("US", FEED, AsOf(at(9)), sort=True).equals(read)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (pl.col("value").cast(pl.Float32), "column value is Float32, the table has Float64"),
        (pl.col("value").cast(pl.String), "column value is String, the table has Float64"),
        (pl.col("available_at").dt.replace_time_zone(None), "available_at is Datetime.*must be Datetime"),
        (pl.col("event_time").dt.cast_time_unit("ns"), "event_time is Datetime.*must be Datetime"),
        (
            pl.lit(None, dtype=pl.Datetime("us", "UTC")).alias("available_at"),
            "available_at is null in 1 rows",
        ),
        (pl.lit([1]).alias("list"), "list is List"),
        (pl.lit(datetime(2026, 1, 1)).alias("ingested_at"), "ingested_at is the store's"),
    ],
)
def test_a_delivery_that_does_not_fit_is_refused_and_changes_nothing(store, change, match):
    deliver(store, point())
    with pytest.raises(StoreSchemaError, match=match):
        store.append("US", FEED, frame([point(instrument=2)]).with_columns(change), ingested_at=at(1))
    with pytest.raises(StoreSchemaError, match="has no column value, which the table has"):
        store.append("US", FEED, frame([point(instrument=2)]).drop("value"), ingested_at=at(1))
    assert store.state("US", FEED).seq == 1


def test_a_key_never_changes(store, tmp_path):
    deliver(store, point())
    other = BitemporalStore(tmp_path / "store", keys={FEED: ("instrument_id",)})
    with pytest.raises(StoreError, match="a table's key never changes"):
        other.append("US", FEED, frame([point(received=1)]), ingested_at=at(1))


def test_a_receipt_needs_utc(store):
    with pytest.raises(ValueError, match="ingested_at must be an aware UTC"):
        store.append("US", FEED, frame([point()]), ingested_at=datetime(2026, 1, 1))


# -- compaction and vacuum --------------------------------------------------------------------------


def test_compaction_changes_no_answer_and_no_reader_is_broken(store):
    rows = [point(instrument=i, day=d, value=float(d), received=d) for d in range(6) for i in (1, 2)]
    rows += [point(instrument=1, day=2, value=9.0, received=20)]
    for day in range(6):
        deliver(store, *(r for r in rows if r.received == day))
    deliver(store, rows[-1])
    reader = store.scan("US", FEED, AsOf(at(30)))
    assert len(store.files("US", FEED)) == 7
    assert store.compact("US", FEED) == 7
    # One file of the keys with one statement, one of those with several.
    assert len(store.files("US", FEED)) == 2
    assert store.compact("US", FEED) == 0
    # They are known to share no key, so that only the second needs to be looked into.
    question = Question(AsOf(at(30)))
    assert [len(files) for files in clusters_of(store.state("US", FEED), question)] == [1, 1]
    assert answers(reader.collect()) == known(rows, 30)
    for moment in (0, 3, 19, 20):
        for by in (None, 2, 19):
            read = store.read("US", FEED, AsOf(at(moment), None if by is None else at(by)))
            assert answers(read) == known(rows, moment, by)

    assert store.vacuum("US", FEED, older_than=timedelta(hours=1)) == 0
    assert answers(reader.collect()) == known(rows, 30)
    assert store.vacuum("US", FEED, older_than=timedelta(0)) == 7
    assert answers(store.read("US", FEED, AsOf(at(30)))) == known(rows, 30)
    # The numbers of removed states stay taken.
    deliver(store, point(instrument=3, received=40))
    assert store.state("US", FEED).seq == 9


def test_vacuum_removes_what_no_state_ever_had_once_no_append_can_still_want_it(store, tmp_path):
    deliver(store, point())
    orphan = tmp_path / "store/us/points/data/2026-01/orphan.parquet"
    orphan.write_bytes(b"left by a kill")
    assert store.vacuum("US", FEED, older_than=timedelta(0)) == 0
    age(tmp_path)
    assert store.vacuum("US", FEED, older_than=timedelta(hours=3)) == 0
    assert store.vacuum("US", FEED, older_than=timedelta(0)) == 1
    assert not orphan.exists()
    assert values(store, 0) == [1.0]


def test_a_damaged_manifest_is_named(store, tmp_path):
    deliver(store, point())
    path = next((tmp_path / "store/us/points/log").glob("*.json"))
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(StoreError, match=r"0001.json: this manifest is damaged"):
        store.read("US", FEED, AsOf(at(0)))


# -- where it lies ----------------------------------------------------------------------------------


class Plain(MemoryFileSystem):
    protocol = "plain"


class Forgetful(MemoryFileSystem):
    """Writes over an object although asked to create it, as some stores that speak S3's protocol do."""

    protocol = "gs"

    def pipe_file(self, path, value, mode="overwrite", **options):
        super().pipe_file(path, value)


def test_a_filesystem_without_exclusive_create_needs_a_promise():
    fsspec.register_implementation("plain", Plain, clobber=True)
    with pytest.raises(StoreError, match="plain promises no exclusive create"):
        BitemporalStore("plain://place")
    store = BitemporalStore("plain://place", keys={FEED: KEY}, single_writer=True)
    deliver(store, point())
    assert values(store, 0) == [1.0]
    with pytest.raises(StoreError, match="no filesystem for this URL"):
        BitemporalStore("nosuch://place")


def test_a_store_that_passes_the_condition_over_is_found_out_before_anything_is_written(monkeypatch):
    monkeypatch.setitem(_registry, "gs", Forgetful)
    store = BitemporalStore("gs://bucket/prefix", keys={FEED: KEY})
    with pytest.raises(StoreError, match="writes over an object although asked to create it only"):
        deliver(store, point())
    assert not store.holds("US", FEED)
