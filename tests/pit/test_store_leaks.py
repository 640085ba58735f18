"""Over every table: when planted rows become available later, exactly their answers change."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from dnalyaw.market import KEYS, NULLABLE, SCHEMAS, conform
from dnalyaw.pit import AsOf, BitemporalStore, Lake, PublishedTable

FIRST = datetime(2026, 1, 28, 21, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROWS, PLANTED, SHIFT = 24, (3, 11, 20), 500
MOMENTS = [
    FIRST + n * HOUR for n in (-1, 0, 1, 72, 73, 74, 264, 265, 400, 572, 573, 600, 764, 765, 980, 981, 2000)
]
RECEIVED = datetime(2026, 6, 1, tzinfo=UTC)


def rows(feed: str, shifted: bool) -> pl.DataFrame:
    """Rows made from the feed's schema, a day apart; the planted ones become available 500 hours later when shifted."""
    columns = {}
    for number, (name, dtype) in enumerate(SCHEMAS[feed].items()):
        if name == "event_time":
            values = [FIRST + 24 * n * HOUR for n in range(ROWS)]
        elif name == "available_at":
            late = SHIFT if shifted else 0
            values = [FIRST + (24 * n + 1 + (late if n in PLANTED else 0)) * HOUR for n in range(ROWS)]
        elif dtype == pl.Date:
            values = [date(2025, 1, 1) + timedelta(days=n + number) for n in range(ROWS)]
        elif dtype == pl.Int64:
            values = [1 + n // 2 for n in range(ROWS)]
        elif dtype == pl.Float64:
            values = [n + number / 100 for n in range(ROWS)]
        else:
            values = [f"{name} {n // 2}" for n in range(ROWS)]
        if name in NULLABLE[feed]:
            values = [None if n % 5 == 0 else value for n, value in enumerate(values)]
        columns[name] = pl.Series(values, dtype=dtype)
    return conform(feed, pl.DataFrame(columns))


def answer(frame: pl.DataFrame) -> set[tuple[object, ...]]:
    """Everything a read says besides when it was known."""
    return set(frame.drop("available_at", "ingested_at").iter_rows())


def expected(frame: pl.DataFrame, moment: datetime) -> set[tuple[object, ...]]:
    """What must be known at a moment: every key stands once in the planted tables."""
    said = [row for row in frame.to_dicts() if row["available_at"] <= moment]
    return {tuple(v for name, v in row.items() if name != "available_at") for row in said}


def in_store(feed: str, shifted: bool):
    store = BitemporalStore(f"memory://leak-{feed}-{shifted}")
    frame = rows(feed, shifted)
    # In two deliveries and compacted: the file a row lies in must make no difference.
    store.append("US", feed, frame[::2], ingested_at=RECEIVED)
    store.append("US", feed, frame[1::2], ingested_at=RECEIVED)
    store.compact("US", feed)
    return lambda as_of: store.read("US", feed, as_of)


def in_lake(feed: str, shifted: bool, folder) -> PublishedTable:
    lake = Lake(folder / f"{feed}-{shifted}")
    frame = rows(feed, shifted)
    for partition, part in (("2026-01-28", frame[::2]), ("2026-01-29", frame[1::2])):
        staged = lake.land("US", feed, partition, part, ingested_at=RECEIVED)
        lake.publish(staged, rows=part.height, checks={})
    return PublishedTable(lake, "US", feed, ("2026-01-28", "2026-01-29"), KEYS[feed]).read


@pytest.mark.parametrize("where", ["store", "published table"])
@pytest.mark.parametrize("feed", SCHEMAS)
def test_exactly_the_shifted_rows_change_their_answers(feed: str, where: str, tmp_path):
    plain, moved = rows(feed, False), rows(feed, True)
    assert plain.select(pl.struct(KEYS[feed]).is_duplicated().any()).item() is False
    if where == "store":
        before, after = in_store(feed, False), in_store(feed, True)
    else:
        before, after = in_lake(feed, False, tmp_path), in_lake(feed, True, tmp_path)
    named = [name for name in plain.columns if name != "available_at"]
    planted = {tuple(row[name] for name in named) for n, row in enumerate(plain.to_dicts()) if n in PLANTED}
    changed: set[tuple[object, ...]] = set()
    for moment in MOMENTS:
        told, late = answer(before(AsOf(moment))), answer(after(AsOf(moment)))
        assert told == expected(plain, moment)
        assert late == expected(moved, moment)
        # Nothing is told earlier than it was, and nobody else's answer changes.
        assert late <= told
        changed |= told - late
    assert changed == planted
