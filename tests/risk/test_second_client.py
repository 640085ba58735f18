"""Whoever tries to get past omsd, or past riskd: each way is shut, and the one that is open goes on."""

from __future__ import annotations

import socket
from datetime import UTC, datetime

import pytest

from tests.risk.conftest import Floor
from tests.risk.gateway import eventually
from tests.risk.link import BUY, KINDS, Link, LinkClosed, encode, payload, resealed
from tests.risk.simulated import price

pytestmark = pytest.mark.e2e

APPROVE = 1
NAME = 101


def _trades_on(link: Link, order_id: int) -> None:
    assert link.order(order_id, NAME, BUY, 10, price(NAME) - 0.2)["decision"] == APPROVE


def _refusals(floor: Floor) -> list[str]:
    return [line["why"] for line in floor.gateway.events("link_refused")]


def test_a_second_client_beside_omsd_is_refused(floor: Floor) -> None:
    link = floor.connect()
    _trades_on(link, 1)
    with pytest.raises((LinkClosed, BrokenPipeError, ConnectionResetError)):
        floor.gateway.link(beat=False)
    assert _refusals(floor) == ["another client is connected"]
    # An order that does not wait to be welcomed is not read either.
    second = floor.gateway.link(greet=False)
    second.raw(encode(KINDS["HELLO"], 1, 1, payload("HELLO", region="US")))
    order = payload("NEW_ORDER", order_id=50, instrument_id=NAME, qty=1, side=BUY, type=1, stop_distance=1)
    second.raw(encode(KINDS["NEW_ORDER"], 2, 1, order))
    second.wait_closed()
    assert second.frames == []
    _trades_on(link, 2)
    eventually("both orders", lambda: set(floor.venue.ledger().orders) == {"US-1", "US-2"})


def test_a_client_gets_in_once_the_first_has_gone(floor: Floor) -> None:
    floor.connect().close()
    _trades_on(floor.connect(), 1)


@pytest.mark.parametrize(
    "broken",
    [
        "version",
        "kind",
        "checksum",
        "sequence",
        "unused byte",
        "a kind of riskd's",
        "no HELLO",
        "half a frame",
    ],
)
def test_a_client_that_breaks_the_contract_loses_the_line(floor: Floor, broken: str) -> None:
    link = floor.connect() if broken != "no HELLO" else floor.gateway.link(greet=False)
    whole = encode(KINDS["SYNC"], link.next_sequence, 1, {"nonce": 9})
    data = {
        "version": resealed(b"\x02" + whole[1:]),
        "kind": resealed(whole[:1] + b"\x3f" + whole[2:]),
        "checksum": whole[:40] + b"\x01" + whole[41:],
        "sequence": encode(KINDS["SYNC"], link.next_sequence + 1, 1, {"nonce": 9}),
        "unused byte": resealed(whole[:100] + b"\x01" + whole[101:]),
        "a kind of riskd's": encode(KINDS["REFUSED"], link.next_sequence, 1, payload("REFUSED")),
        "no HELLO": whole,
        "half a frame": whole[:64],
    }[broken]
    link.raw(data)
    if broken == "half a frame":
        link.close()
    link.wait_closed()
    eventually("the fault is counted", lambda: floor.gateway.metrics().get("link_faults", 0) == 1)
    _trades_on(floor.connect(), 1)


def _fix(kind: str, seq: int, *fields: str, sender: str = "RISKD") -> bytes:
    """A FIX message by hand."""
    now = datetime.now(UTC).strftime("%Y%m%d-%H:%M:%S.000")
    body = "".join(
        f"{part}\x01"
        for part in (f"35={kind}", f"49={sender}", "56=SIMVENUE", f"34={seq}", f"52={now}", *fields)
    )
    text = f"8=FIX.4.4\x019={len(body)}\x01{body}"
    return f"{text}10={sum(text.encode()) % 256:03d}\x01".encode()


@pytest.mark.parametrize("sender", ["RISKD", "OMSD"])
def test_nobody_else_logs_on_to_the_venue_beside_riskd(floor: Floor, sender: str) -> None:
    link = floor.connect()
    _trades_on(link, 1)
    price_text = f"{price(NAME):.2f}"
    order = (
        "11=US-77", "1=US", "21=1", f"55=N{NAME}", f"48={NAME}", "22=8", "54=1", "38=10", "40=2", f"44={price_text}",
        "59=0", f"60={datetime.now(UTC):%Y%m%d-%H:%M:%S.000}",
    )  # fmt: skip
    with socket.create_connection(("127.0.0.1", floor.venue.port), timeout=10) as dial:
        dial.sendall(
            _fix("A", 1, "98=0", "108=30", "141=Y", sender=sender) + _fix("D", 2, *order, sender=sender)
        )
        answers = b""
        while chunk := dial.recv(4096):
            answers += chunk
    assert b"35=A\x01" not in answers, "the venue let a second one log on"
    assert b"35=8\x01" not in answers
    # The session that is up stays up, under its own numbers.
    _trades_on(link, 2)
    eventually("both orders", lambda: set(floor.venue.ledger().orders) == {"US-1", "US-2"})
    assert floor.gateway.metrics().get("venue_downs", 0) == 0
