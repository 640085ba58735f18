"""What was received is kept whole, by several processes at once, through kills and spoilt disks."""

import hashlib
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dnalyaw.market.providers import ProviderError
from dnalyaw.market.providers._cache import PageCache, cache_root

START = datetime(2026, 12, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


@pytest.fixture
def cache(tmp_path: Path) -> PageCache:
    return PageCache("vendor", tmp_path, now=Clock())


def never() -> bytes:
    raise AssertionError("asked although it is held")


def test_it_asks_once_and_again_only_for_what_is_too_old(cache: PageCache, tmp_path: Path) -> None:
    first = cache.get("a", lambda: b"one")
    assert (first.body, first.fetched_at) == (b"one", START + timedelta(minutes=1))
    assert PageCache("vendor", tmp_path).get("a", never) == first
    assert cache.get("a", never, since=first.fetched_at) == first
    again = cache.get("a", lambda: b"two", since=first.fetched_at + timedelta(seconds=1))
    assert again.body == b"two"
    assert [page.body for page in cache.versions("a")] == [b"one", b"two"]
    assert cache.last("b") is None
    # Bodies lie under their hash, as they came.
    digest = hashlib.sha256(b"one").hexdigest()
    assert (tmp_path / "vendor" / "objects" / digest[:2] / digest).read_bytes() == b"one"


def test_the_same_bytes_again_are_newer_and_no_new_version(cache: PageCache) -> None:
    first, second = cache.put("a", b"x"), cache.put("a", b"x")
    cache.put("a", b"y")
    cache.put("a", b"x")
    held = cache.last("a")
    assert held is not None
    assert held.fetched_at > second.fetched_at
    assert [page.body for page in cache.versions("a")] == [b"x", b"y", b"x"]
    # When it was first known, not when it was seen again.
    assert cache.versions("a")[0].fetched_at == first.fetched_at


def test_what_cannot_be_asked_leaves_nothing(cache: PageCache) -> None:
    with pytest.raises(ProviderError, match="down"):
        cache.get("a", lambda: (_ for _ in ()).throw(ProviderError("down")))
    assert not cache.folder.exists()


def test_a_line_that_a_kill_cut_off_costs_that_line_alone(
    cache: PageCache, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.put("a", b"one")
    cache.put("b", b"two")
    index = cache.folder / "index.jsonl"
    whole = index.read_bytes()
    lines = whole.splitlines(keepends=True)
    for cut in range(1, len(lines[1])):
        index.write_bytes(lines[0] + lines[1][:cut])
        fresh = PageCache("vendor", tmp_path, now=Clock())
        fresh.put("c", b"three")
        fresh = PageCache("vendor", tmp_path)
        assert fresh.get("a", never).body == b"one"
        assert fresh.get("c", never).body == b"three"
        # Up to its last brace nothing of the torn line counts.
        assert (fresh.last("b") is None) == (cut < len(lines[1]) - 1)
    assert "a line of the index was cut off" in caplog.text


def test_a_spoilt_body_is_asked_for_again(cache: PageCache, caplog: pytest.LogCaptureFixture) -> None:
    cache.put("a", b"one")
    digest = hashlib.sha256(b"one").hexdigest()
    (cache.folder / "objects" / digest[:2] / digest).write_bytes(b"onf")
    assert cache.get("a", lambda: b"one").body == b"one"
    assert "is not what was received" in caplog.text
    assert cache.get("a", never).body == b"one"


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "vendor").write_text("a file")
    with pytest.raises(ProviderError, match=r"cannot (keep|read) .*vendor"):
        PageCache("vendor", tmp_path).put("a", b"one")


WRITER = """
import sys
from pathlib import Path
from dnalyaw.market.providers._cache import PageCache
cache = PageCache("vendor", Path(sys.argv[1]))
for i in range(150):
    cache.put(f"{sys.argv[2]}/{i}", f"body of {i % 7}".encode())
"""


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), who]) for who in "xy"]
    assert [writer.wait() for writer in writers] == [0, 0]
    cache = PageCache("vendor", tmp_path)
    for who in "xy":
        for i in range(150):
            assert cache.get(f"{who}/{i}", never).body == f"body of {i % 7}".encode()
    assert len(list((tmp_path / "vendor" / "objects").rglob("*"))) == 7 + len(
        {hashlib.sha256(f"body of {i}".encode()).hexdigest()[:2] for i in range(7)}
    ), "no leftovers, and each body once"


def test_where_it_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DNALYAW_CACHE", str(tmp_path / "c"))
    assert cache_root() == tmp_path / "c"
    monkeypatch.delenv("DNALYAW_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_root() == tmp_path / "dnalyaw"
