"""What a caller is told when nobody answers: one line, which says who and where."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dnalyaw import runtime


@pytest.fixture
def layout() -> Iterator[runtime.Layout]:
    with tempfile.TemporaryDirectory(prefix="cl") as folder:
        yield runtime.Layout(Path(folder), "HK")


def test_nobody_listens(layout: runtime.Layout) -> None:
    with runtime.OmsClient(layout, timeout=2) as client:
        for call in (client.status, lambda: client.report(20260310), lambda: client.kill("me", "test")):
            with pytest.raises(runtime.OmsError) as caught:
                call()
            message = str(caught.value)
            assert message.startswith("omsd (HK) answered ")
            assert "UNAVAILABLE" in message
            assert "\n" not in message


def test_not_ready_says_after_how_long_and_why(layout: runtime.Layout) -> None:
    with runtime.OmsClient(layout, timeout=0.3) as client, pytest.raises(runtime.OmsError) as caught:
        client.wait_ready(0.5)
    assert str(caught.value).startswith("the HK runtime is not ready after ")
    assert "\n" not in str(caught.value)


def _answer(layout: runtime.Layout, *answers: bytes) -> threading.Thread:
    """A venue's control socket that gives one answer a connection."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(layout.venue_control))
    server.listen()

    def serve() -> None:
        with server:
            for answer in answers:
                link, _ = server.accept()
                with link:
                    link.makefile("rb").readline()
                    link.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


def test_a_venue_that_is_not_there(layout: runtime.Layout) -> None:
    with pytest.raises(runtime.VenueControlError, match=r"simvenue \(HK\) does not answer") as caught:
        runtime.control(layout, "status")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b'{"error": "unknown cmd \\"x\\": give start, status or fault"}\n', "give start, status or fault"),
        (b"", "no answer"),
        (b"{}\n", "no answer"),
        (b'{"sta', "not a JSON object"),
        (b"[1]\n", "not a JSON object"),
    ],
)
def test_a_venue_that_refuses_or_breaks_off(layout: runtime.Layout, answer: bytes, says: str) -> None:
    thread = _answer(layout, answer)
    with pytest.raises(runtime.VenueControlError) as caught:
        runtime.control(layout, "x")
    thread.join()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_wait_closed_watches_every_state_on_the_way(layout: runtime.Layout) -> None:
    thread = _answer(
        layout, b'{"state":"open","n":1}\n', b'{"state":"break","n":2}\n', b'{"state":"closed","n":3}\n'
    )
    seen: list[str] = []
    final = runtime.wait_closed(layout, 30, lambda status: seen.append(status["state"]))
    thread.join()
    assert seen == ["open", "break", "closed"]
    assert final["n"] == 3


def test_a_session_that_does_not_close_in_time(layout: runtime.Layout) -> None:
    thread = _answer(layout, b'{"state":"open"}\n')
    with pytest.raises(runtime.VenueControlError, match="did not close within 0 s"):
        runtime.wait_closed(layout, 0)
    thread.join()
