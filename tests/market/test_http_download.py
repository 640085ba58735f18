"""Downloads that are cut, killed, changed meanwhile or out of space."""

import errno
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dnalyaw.market.providers import ProviderError
from dnalyaw.market.providers._http import HttpSource
from tests.market.wire import Answer, Asked, Ticker, Wire, file_server, wire

CONTENT = random.Random(5).randbytes(300_000)
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server():
    with wire(file_server(CONTENT)) as running:
        yield running


def source(server: Wire, **more) -> HttpSource:
    ticker = Ticker()
    settings = {"name": "vendor", "rate_per_s": 1000.0, "tries": 2, "timeout_s": 5.0} | more
    return HttpSource(server.url, sleep=ticker.sleep, clock=ticker.clock, **settings)


def cut(at: int, start: int = 0, etag: str | None = '"v1"') -> Answer:
    asked = {"range": f"bytes={start}-"} if start else {}
    answer = file_server(CONTENT, etag)(Asked("/", {}, asked))
    answer.cut = at
    return answer


def test_a_cut_download_goes_on_where_it_stopped(server: Wire, tmp_path: Path) -> None:
    target, told = tmp_path / "deep" / "facts.zip", []
    server.script = [cut(100_000), cut(50_000, 100_000)]
    with source(server) as asked:
        got = asked.download(
            "f.zip", target, progress=lambda done, total: told.append((done, total)), sha256=SHA
        )
    assert got.read_bytes() == CONTENT
    assert [a.headers.get("range") for a in server.asked] == [None, "bytes=100000-", "bytes=150000-"]
    assert [a.headers.get("if-range") for a in server.asked] == [None, '"v1"', '"v1"']
    assert asked.counters.bytes == len(CONTENT), "no byte twice"
    assert {total for _, total in told} == {len(CONTENT)}
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert os.listdir(target.parent) == ["facts.zip"]


def test_tries_count_from_the_last_progress(server: Wire, tmp_path: Path) -> None:
    server.script = [cut(10_000)] + [cut(10_000, 10_000 * n) for n in range(1, 8)]
    with source(server, tries=2) as asked:
        asked.download("f.zip", tmp_path / "f.zip", sha256=SHA)
    assert len(server.asked) == 9


def test_the_next_run_picks_up_where_it_stopped(server: Wire, tmp_path: Path) -> None:
    target = tmp_path / "f.zip"
    target.write_bytes(b"the one before")
    server.script = [cut(120_000), Answer(500, b"{}"), Answer(500, b"{}")]
    with source(server) as asked, pytest.raises(ProviderError, match="answered 500"):
        asked.download("f.zip", target)
    assert target.read_bytes() == b"the one before"
    with source(server) as asked:
        asked.download("f.zip", target)
    assert target.read_bytes() == CONTENT
    assert asked.counters.bytes == len(CONTENT) - 120_000


def test_a_server_that_gives_parts_of_its_own_size(server: Wire, tmp_path: Path) -> None:
    whole = file_server(CONTENT)

    def parts(asked: Asked) -> Answer:
        answer = whole(asked)
        if answer.status == 206:
            start = len(CONTENT) - len(answer.body)
            part = answer.body[:90_000]
            span = f"bytes {start}-{start + len(part) - 1}/{len(CONTENT)}"
            return Answer(206, part, answer.kind, answer.headers | {"Content-Range": span})
        answer.cut = 90_000
        return answer

    server.serve = parts
    with source(server) as asked:
        asked.download("f.zip", tmp_path / "f.zip")
    assert (tmp_path / "f.zip").read_bytes() == CONTENT
    assert len(server.asked) == 4


@pytest.mark.parametrize("etag", ['"v2"', None, 'W/"v1"'])
def test_a_file_that_changed_or_cannot_be_told_starts_anew(
    server: Wire, tmp_path: Path, etag: str | None
) -> None:
    new = CONTENT[::-1]
    server.script = [cut(120_000, etag='"v1"' if etag == '"v2"' else etag)] + [Answer(500, b"{}")] * 2
    with source(server) as asked, pytest.raises(ProviderError):
        asked.download("f.zip", tmp_path / "f.zip")
    server.serve = file_server(new, etag)
    with source(server) as asked:
        asked.download("f.zip", tmp_path / "f.zip")
    assert (tmp_path / "f.zip").read_bytes() == new


def test_a_wrong_hash_is_thrown_away(server: Wire, tmp_path: Path) -> None:
    want = "0" * 64
    with (
        source(server) as asked,
        pytest.raises(ProviderError, match=f"with SHA-256 {SHA}, want {want}; it is thrown"),
    ):
        asked.download("f.zip", tmp_path / "f.zip", sha256=want)
    assert not (tmp_path / "f.zip").exists()
    with source(server) as asked:
        asked.download("f.zip", tmp_path / "f.zip", sha256=SHA)
    assert asked.counters.bytes == len(CONTENT)


def test_a_partial_longer_than_the_file_starts_anew(server: Wire, tmp_path: Path) -> None:
    server.script = [cut(120_000)] + [Answer(500, b"{}")] * 2
    with source(server) as asked, pytest.raises(ProviderError):
        asked.download("f.zip", tmp_path / "f.zip")
    server.serve = file_server(CONTENT[:1000])
    with source(server) as asked:
        asked.download("f.zip", tmp_path / "f.zip")
    assert (tmp_path / "f.zip").read_bytes() == CONTENT[:1000]


def test_another_thing_under_the_same_name_starts_anew(server: Wire, tmp_path: Path) -> None:
    server.script = [cut(120_000)] + [Answer(500, b"{}")] * 2
    with source(server) as asked, pytest.raises(ProviderError):
        asked.download("old.zip", tmp_path / "f.zip")
    with source(server) as asked:
        asked.download("new.zip", tmp_path / "f.zip")
    assert server.asked[-1].headers.get("range") is None
    assert (tmp_path / "f.zip").read_bytes() == CONTENT


def test_a_full_disk_is_one_line_and_costs_nothing(
    server: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, room = os.fsync, [False]

    def full(handle: int) -> None:
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    monkeypatch.setattr("os.fsync", full)
    with (
        source(server) as asked,
        pytest.raises(ProviderError, match=r"cannot write .* \(No space left on device\); free"),
    ):
        asked.download("f.zip", tmp_path / "f.zip")
    assert not (tmp_path / "f.zip").exists()
    room[0] = True
    with source(server) as asked:
        asked.download("f.zip", tmp_path / "f.zip", sha256=SHA)
    assert asked.counters.bytes <= len(CONTENT)


KILLED = """
import sys
from pathlib import Path
from dnalyaw.market.providers._http import HttpSource
HttpSource(sys.argv[1], name="vendor", rate_per_s=1000).download("f.zip", Path(sys.argv[2]))
"""


def test_a_kill_in_the_middle_leaves_no_half_file(server: Wire, tmp_path: Path) -> None:
    target = tmp_path / "f.zip"
    # 150,000 bytes come, then the server holds its breath until the process is gone.
    serve = server.serve
    server.serve = None
    server.script = [
        cut(150_000),
        Answer(
            206,
            CONTENT[150_000:],
            drip=30.0,
            headers={"Content-Range": f"bytes 150000-{len(CONTENT) - 1}/{len(CONTENT)}"},
        ),
    ]
    process = subprocess.Popen([sys.executable, "-c", KILLED, server.url, str(target)])
    partial = tmp_path / "f.zip.partial"
    until = time.monotonic() + 30
    while len(server.asked) < 2 and time.monotonic() < until:
        time.sleep(0.02)
    with source(server) as other, pytest.raises(ProviderError, match="another process is fetching"):
        other.download("f.zip", target)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not target.exists()
    assert 100_000 < partial.stat().st_size <= 150_000
    held = partial.stat().st_size
    server.serve = serve
    with source(server) as asked:
        asked.download("f.zip", target, sha256=SHA)
    assert asked.counters.bytes == len(CONTENT) - held
