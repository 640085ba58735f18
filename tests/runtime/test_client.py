"""What a caller is told when nobody answers: one line, which says who and where."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from dnalyaw import runtime
from dnalyaw.runtime._gen.oms_pb2_grpc import (
    OrderManagementServicer,
    add_OrderManagementServicer_to_server,
)


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


@contextmanager
def _omsd(layout: runtime.Layout, *refusals: tuple[str, ...]) -> Iterator[list[int]]:
    """An omsd that refuses with these codes, one list a call, and then accepts; yields the calls so far."""
    pb, calls = runtime.messages, [0]

    class Service(OrderManagementServicer):
        def SubmitTargets(self, request: Any, context: Any) -> Any:
            calls[0] += 1
            if calls[0] > len(refusals):
                return pb.SubmitTargetsResponse(outcome=runtime.ACCEPTED)
            faults = [pb.Fault(code=code, message=code) for code in refusals[calls[0] - 1]]
            return pb.SubmitTargetsResponse(outcome=runtime.REFUSED, faults=faults)

    server = grpc.server(ThreadPoolExecutor(2))
    add_OrderManagementServicer_to_server(Service(), server)
    server.add_insecure_port(f"unix:{layout.oms_socket}")
    server.start()
    try:
        yield calls
    finally:
        server.stop(None).wait()


def test_a_hand_over_waits_while_riskd_learns_the_account(layout: runtime.Layout) -> None:
    with (
        _omsd(layout, ("NO_ACCOUNT", "HALTED"), ("VENUE_DOWN",)) as calls,
        runtime.OmsClient(layout) as client,
    ):
        assert client.hand_over([]).outcome == runtime.ACCEPTED
    assert calls == [3]


@pytest.mark.parametrize("codes", [("HALTED",), ("SESSION_CLOSED",), ("NO_ACCOUNT", "NO_PRICE")])
def test_a_hand_over_asks_no_second_time_what_stays_refused(
    layout: runtime.Layout, codes: tuple[str, ...]
) -> None:
    with _omsd(layout, codes, codes) as calls, runtime.OmsClient(layout) as client:
        answer = client.hand_over([])
    assert (answer.outcome, [f.code for f in answer.faults], calls) == (runtime.REFUSED, list(codes), [1])


def test_a_hand_over_ends_with_the_last_refusal(layout: runtime.Layout) -> None:
    with _omsd(layout, *[("NO_ACCOUNT",)] * 9) as calls, runtime.OmsClient(layout) as client:
        assert client.hand_over([], seconds=0.7).outcome == runtime.REFUSED
    assert 2 <= calls[0] < 9


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
