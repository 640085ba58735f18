"""Real processes killed, racing, and out of room: the table is the old one or the new one, and nothing is lost."""

import contextlib
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from dnalyaw.pit import AsOf, BitemporalStore, StoreConflictError, StoreError
from tests.pit import _writer
from tests.pit._oracle import FEED, KEY, age, answers, at, frame, known

MOMENTS = (0, 3, 30, 200)


def store_at(place: Path) -> BitemporalStore:
    return BitemporalStore(place, keys={FEED: KEY})


def writer(place: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.pit._writer", str(place), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"POLARS_MAX_THREADS": "1"},
    )


def rows(numbers: range) -> list:
    return [row for number in numbers for row in _writer.batch(number)]


def held(store: BitemporalStore) -> int:
    """Batches the table holds: each whole or not at all, in their order; AssertionError otherwise."""
    if not store.holds("US", FEED):
        return 0
    count = store.read("US", FEED, AsOf(at(10_000)))["instrument_id"].n_unique()
    for moment in MOMENTS:
        assert answers(store.read("US", FEED, AsOf(at(moment)))) == known(rows(range(count)), moment)
    return count


def deliver(store: BitemporalStore, numbers: range) -> None:
    for number in numbers:
        store.append("US", FEED, frame(_writer.batch(number)), ingested_at=at(number))


@pytest.mark.parametrize(
    ("step", "nth", "whole"),
    [
        ("append: file written", 1, 0),
        ("append: file written", 4, 1),
        ("append: before commit", 2, 1),
        ("append: committed", 2, 2),
    ],
)
def test_a_kill_at_a_named_step_of_an_append(tmp_path, step, nth, whole):
    dead = writer(tmp_path, "append", 0, 4, step, nth)
    said = dead.communicate(timeout=60)[0].split()[1:]
    assert dead.returncode == -signal.SIGKILL
    store = store_at(tmp_path)
    assert held(store) == whole >= len(said)
    # The next run picks up where it stopped, and what the kill left behind is swept away.
    deliver(store, range(4))
    assert held(store) == 4
    age(tmp_path)
    store.vacuum("US", FEED, older_than=timedelta(0))
    assert len(list(tmp_path.rglob("*.parquet"))) == len(store.files("US", FEED))


@pytest.mark.parametrize(
    ("step", "nth"),
    [
        ("compact: file written", 1),
        ("compact: before commit", 1),
        ("compact: committed", 1),
        ("vacuum: manifest emptied", 2),
        ("vacuum: file removed", 2),
    ],
)
def test_a_kill_at_a_named_step_of_a_compaction(tmp_path, step, nth):
    store = store_at(tmp_path)
    deliver(store, range(4))
    dead = writer(tmp_path, "compact", step, nth)
    dead.communicate(timeout=60)
    assert dead.returncode == -signal.SIGKILL
    assert held(store) == 4
    store.compact("US", FEED)
    age(tmp_path)
    store.vacuum("US", FEED, older_than=timedelta(0))
    assert held(store) == 4
    assert len(list(tmp_path.rglob("*.parquet"))) == len(store.files("US", FEED))


def _killed_at_random(place: Path, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    store = store_at(place)
    first = 0
    for _ in range(kills):
        appender, compactor = writer(place, "append", first, 10_000), writer(place, "compact")
        for process in (appender, compactor):
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", process.communicate()[1]
        time.sleep(chance.uniform(0.02, 0.5))
        for process in chance.sample((appender, compactor), 2):
            process.kill()
        said, wrong = appender.communicate()
        compactor.communicate()
        assert not wrong, wrong
        acknowledged = first + len(said.split())
        count = held(store)
        assert acknowledged <= count <= acknowledged + 1
        first = count


def test_kills_at_random_moments(tmp_path):
    _killed_at_random(tmp_path, kills=3, seed=random.randrange(1 << 30))


@pytest.mark.soak
def test_kills_at_many_random_moments(tmp_path):
    _killed_at_random(tmp_path, kills=40, seed=random.randrange(1 << 30))


def test_two_processes_append_at_once_and_both_land(tmp_path):
    writers = [writer(tmp_path, "append", first, 8) for first in (0, 8)]
    for process in writers:
        wrong = process.communicate(timeout=120)[1]
        assert process.returncode == 0, wrong
    store = store_at(tmp_path)
    assert held(store) == 16
    assert store.state("US", FEED).seq == 16
    assert len(list(tmp_path.rglob("*.parquet"))) == len(store.files("US", FEED))


def test_a_writer_that_is_always_too_late_gets_a_clear_error_and_leaves_nothing(tmp_path, monkeypatch):
    from dnalyaw.pit import _store_write

    monkeypatch.setattr(_store_write, "TRIES", 2)
    late, fast = store_at(tmp_path), store_at(tmp_path)
    number = iter(range(1, 10))
    late._step = lambda step: deliver(fast, range(n := next(number), n + 1)) if "before" in step else None
    with pytest.raises(StoreConflictError, match=r"other writers were faster 2 times; nothing was written"):
        deliver(late, range(1))
    assert store_at(tmp_path).state("US", FEED).seq == 2
    assert len(list(tmp_path.rglob("*.parquet"))) == len(fast.files("US", FEED))


def test_a_writer_that_slept_while_states_were_removed_loses_nothing(tmp_path):
    asleep, awake = store_at(tmp_path), store_at(tmp_path)
    deliver(awake, range(2))

    def sleep(step: str) -> None:
        if step == "append: before commit" and awake.state("US", FEED).seq == 2:
            deliver(awake, range(3, 6))
            awake.compact("US", FEED)
            assert awake.vacuum("US", FEED, older_than=timedelta(0)) > 0

    asleep._step = sleep
    # The number it meant to take was taken, and its state is gone: it must not get that number.
    deliver(asleep, range(2, 3))
    assert held(awake) == 6


@pytest.mark.parametrize("other", ["append", "compact"])
def test_a_compaction_yields_to_who_was_faster(tmp_path, other):
    slow, fast = store_at(tmp_path), store_at(tmp_path)
    deliver(fast, range(4))
    merged = set(fast.files("US", FEED))

    def step(name: str) -> None:
        if name == "compact: before commit" and fast.state("US", FEED).seq == 4:
            deliver(fast, range(4, 5))
            if other == "compact":
                fast.compact("US", FEED)

    slow._step = step
    slow.compact("US", FEED)
    assert held(fast) == 5
    assert not merged & set(fast.files("US", FEED))
    assert fast.state("US", FEED).rows == len(rows(range(5)))
    assert all(Path(path).exists() for path in fast.files("US", FEED))


# -- no room ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def small_disk(place: Path) -> Iterator[None]:
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_leaves_what_is_there(tmp_path):
    place = tmp_path / "disk"
    with small_disk(place):
        store = store_at(place)
        deliver(store, range(2))
        filler = place / "filler"
        with contextlib.suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(b"0" * 4096)
                file.flush()
        with pytest.raises(
            StoreError, match=r"the rows could not be written .*the table is as it was. Make room"
        ):
            deliver(store, range(2, 3))
        with pytest.raises(StoreError, match="could not be compacted"):
            store.compact("US", FEED)
        assert held(store_at(place)) == 2
        assert len(list(place.rglob("*.parquet"))) == len(store.files("US", FEED))
        filler.unlink()
        deliver(store, range(4))
        assert held(store_at(place)) == 4


LIMITED = """
import resource, signal, sys
from tests.pit import test_store_faults as faults
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = faults.store_at(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    faults.deliver(store, range(10, 11))
except faults.StoreError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize(
    ("limit", "match"),
    [(200, "the rows could not be written"), (4000, "the commit failed")],
    ids=["data", "commit"],
)
def test_a_write_that_is_cut_short_leaves_what_is_there(tmp_path, limit, match):
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    store = store_at(tmp_path)
    deliver(store, range(10))
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path), str(limit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert match in done.stderr
    assert held(store) == 10
    deliver(store, range(12))
    assert held(store) == 12
