"""omsd's end of the line to riskd, written from the contract's tables: frames of 128 bytes over a Unix socket."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.native.make_golden import FRAME_LEN, LAYOUTS, encode

BUY, SELL = 1, 2
MARKET, LIMIT = 1, 2
DAY, IOC = 0, 3
MICRO = 1_000_000
PATIENCE = 60.0
"""How long anything that must come is waited for."""

KINDS = {name: kind for kind, (name, _) in LAYOUTS.items()}
HEARTBEAT_EVERY = 0.5

Frame = dict[str, Any]


class LinkClosed(Exception):
    """riskd ended the connection."""


def payload(name: str, **fields: Any) -> dict[str, Any]:
    """The fields of a kind, zero where nothing is said."""
    empty: dict[str, Any] = {}
    for field, _, form in LAYOUTS[KINDS[name]][1]:
        empty[field] = ("00" * 16 if field == "correlation" else "") if form.endswith("s") else 0
    unknown = set(fields) - set(empty)
    assert not unknown, f"{name} has no {unknown}"
    return {**empty, **fields}


def resealed(frame: bytes) -> bytes:
    """The bytes with a checksum that fits."""
    return frame[:4] + struct.pack("<I", zlib.crc32(frame[:4] + frame[8:])) + frame[8:]


def decode(data: bytes) -> Frame:
    """The fields of a frame; AssertionError where the contract is broken."""
    assert len(data) == FRAME_LEN
    version, kind, zero, crc, seq, ts_ns = struct.unpack_from("<BBHIQq", data, 0)
    assert (version, zero) == (1, 0)
    assert crc == zlib.crc32(data[:4] + data[8:])
    name, layout = LAYOUTS[kind]
    frame: Frame = {"kind": name, "seq": seq, "ts_ns": ts_ns}
    for field, offset, form in layout:
        (value,) = struct.unpack_from(form, data, offset)
        if isinstance(value, bytes):
            value = value.hex() if field == "correlation" else value.rstrip(b"\0").decode()
        frame[field] = value
    return frame


class Link:
    """A connected client: it beats like omsd, keeps every frame in order, and waits for those that must come."""

    def __init__(
        self,
        path: Path,
        *,
        region: str = "US",
        greet: bool = True,
        beat: bool = True,
        connected: socket.socket | None = None,
    ) -> None:
        self.frames: list[Frame] = []
        self._sequence = 0
        self._nonce = 0
        self._closed = False
        self._changed = threading.Condition()
        self._sending = threading.Lock()
        self._socket = connected or self._connect(path)
        threading.Thread(target=self._read, daemon=True).start()
        if greet:
            self.send("HELLO", session=0, region=region)
            self.wait("WELCOME")
            if beat and "HEARTBEAT" in KINDS:
                threading.Thread(target=self._beat, daemon=True).start()

    @staticmethod
    def _connect(path: Path) -> socket.socket:
        deadline = time.monotonic() + PATIENCE
        while True:
            made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                made.connect(str(path))
                return made
            except (FileNotFoundError, ConnectionRefusedError):
                made.close()
                assert time.monotonic() < deadline, f"nobody serves {path}"
                time.sleep(0.01)

    def _read(self) -> None:
        data = b""
        while True:
            try:
                chunk = self._socket.recv(65536)
            except OSError:
                chunk = b""
            with self._changed:
                if not chunk:
                    self._closed = True
                    self._changed.notify_all()
                    return
                data += chunk
                whole = len(data) - len(data) % FRAME_LEN
                for at in range(0, whole, FRAME_LEN):
                    frame = decode(data[at : at + FRAME_LEN])
                    frame["at"] = len(self.frames)
                    self.frames.append(frame)
                data = data[whole:]
                self._changed.notify_all()

    def _beat(self) -> None:
        while not self._closed:
            try:
                self.send("HEARTBEAT")
            except OSError:
                return
            time.sleep(HEARTBEAT_EVERY)

    def send(self, name: str, **fields: Any) -> None:
        """Send one frame under the next number."""
        with self._sending:
            self._sequence += 1
            self._socket.sendall(encode(KINDS[name], self._sequence, 1, payload(name, **fields)))

    def raw(self, data: bytes) -> None:
        """Send bytes as they are; a riskd that has closed the line already is no fault."""
        with self._sending:
            try:
                self._socket.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                return

    @property
    def next_sequence(self) -> int:
        """The number that the next frame must carry."""
        return self._sequence + 1

    def wait_for(self, what: str, fits: Callable[[Frame], bool], since: int = 0) -> Frame:
        """The first frame at `since` or later that fits; LinkClosed when the line ends before."""
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            looked = since
            while True:
                for frame in self.frames[looked:]:
                    if fits(frame):
                        return frame
                looked = len(self.frames)
                if self._closed:
                    raise LinkClosed(f"the line ended before {what}")
                left = deadline - time.monotonic()
                assert left > 0, f"{what} never came; the last frames: {self.frames[-5:]}"
                self._changed.wait(left)

    def wait(self, name: str, *, since: int = 0, **equal: Any) -> Frame:
        """The first frame of a kind whose fields are as said."""
        return self.wait_for(
            f"{name} with {equal}",
            lambda f: f["kind"] == name and all(f[k] == v for k, v in equal.items()),
            since,
        )

    def order(
        self, order_id: int, instrument_id: int, side: int, qty: int, price: float = 0, **fields: Any
    ) -> Frame:
        """Send an order, limit where it has a price, and return its decision."""
        since = len(self.frames)
        given: dict[str, Any] = {
            "order_id": order_id,
            "instrument_id": instrument_id,
            "side": side,
            "qty": qty,
            "limit_px": round(price * MICRO),
            "type": LIMIT if price else MARKET,
            "stop_distance": 2 * MICRO,
            "correlation": "07" * 16,
        }
        self.send("NEW_ORDER", **{**given, **fields})
        return self.wait("DECISION", since=since, order_id=order_id)

    def sync(self) -> list[Frame]:
        """Everything a SYNC brings."""
        self._nonce += 1
        since = len(self.frames)
        self.send("SYNC", nonce=self._nonce)
        end = self.wait("SYNC_END", since=since, nonce=self._nonce)
        return self.frames[since : end["at"]]

    def state(self) -> Frame:
        """What riskd says of itself now."""
        return next(f for f in reversed(self.sync()) if f["kind"] == "STATE")

    def positions(self) -> dict[int, int]:
        """Shares by instrument, as riskd knows them now."""
        return {f["instrument_id"]: f["qty"] for f in self.sync() if f["kind"] == "POSITION" and f["qty"]}

    def execs(self, order_id: int) -> list[Frame]:
        """The reports of one order, each once, as a SYNC repeats them."""
        return [f for f in self.sync() if f["kind"] == "EXEC" and f["order_id"] == order_id]

    def wait_open(self, prices: int) -> None:
        """Wait until the venue is up, the session open, equity known and so many instruments priced."""
        deadline = time.monotonic() + PATIENCE
        while True:
            told = self.sync()
            state = next(f for f in reversed(told) if f["kind"] == "STATE")
            priced = sum(f["kind"] == "PRICE" for f in told)
            if state["venue_up"] and state["session_state"] == 2 and state["equity"] > 0 and priced >= prices:
                return
            assert time.monotonic() < deadline, f"riskd does not open: {state}, {priced} prices"
            time.sleep(0.05)

    @property
    def closed(self) -> bool:
        """Whether riskd has ended the connection."""
        return self._closed

    def wait_closed(self) -> None:
        """Wait until riskd ends the connection."""
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            while not self._closed:
                left = deadline - time.monotonic()
                assert left > 0, f"the line stays open; the last frames: {self.frames[-3:]}"
                self._changed.wait(left)

    def close(self) -> None:
        """End the connection."""
        # Closing alone would leave it open for as long as the reading thread waits on it.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
