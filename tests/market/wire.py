"""A server on a real socket that answers as it is told, for every way in which a provider's server fails."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request that came: path, query parameters and headers (names in lower case)."""

    path: str
    params: dict[str, str]
    headers: dict[str, str]


@dataclass
class Answer:
    """What to send.

    `cut` bytes of the body are sent and the line is then closed; `reset` breaks it before any answer; `drip` seconds
    pass before the body; `chunked` sends it without a length.
    """

    status: int = 200
    body: bytes = b""
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    reset: bool = False
    drip: float = 0.0
    chunked: bool = False


def ok(value: Any, **more: Any) -> Answer:
    """A value as JSON."""
    return Answer(body=json.dumps(value).encode(), **more)


HTML = Answer(body=b"<!DOCTYPE html><html><body>We'll be right back</body></html>", kind="text/html")
NOTHING = Answer(body=b"")
RESET = Answer(reset=True)


def busy(seconds: str | None = None) -> Answer:
    """429, with Retry-After unless None."""
    headers = {} if seconds is None else {"Retry-After": seconds}
    return Answer(429, b'{"message": "too many requests."}', headers=headers)


def down(status: int = 500) -> Answer:
    return Answer(status, b'{"message": "internal server error occurred"}')


def half(value: Any, share: float = 0.5, **more: Any) -> Answer:
    """A whole length promised, and part of it sent."""
    whole = ok(value, **more)
    whole.cut = int(len(whole.body) * share)
    return whole


Handler = Callable[[Asked], Answer]


class Wire:
    """The server: `script` answers come first, in order; then `serve` decides.

    Attributes
    ----------
    url : str
    asked : list of Asked
        Every request in order.
    """

    def __init__(self, serve: Handler | None = None) -> None:
        self.asked: list[Asked] = []
        self.script: list[Answer] = []
        self.serve = serve
        wire, lock = self, threading.Lock()

        class _Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                asked = Asked(
                    parts.path, dict(parse_qsl(parts.query)), {k.lower(): v for k, v in self.headers.items()}
                )
                with lock:
                    wire.asked.append(asked)
                    answer = wire.script.pop(0) if wire.script else None
                if answer is None:
                    answer = wire.serve(asked) if wire.serve else Answer(404, b'{"message": "not found"}')
                self._send(answer)

            def _send(self, answer: Answer) -> None:
                if answer.reset:
                    # Linger 0: the close is a reset, not an end.
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                if answer.kind:
                    self.send_header("Content-Type", answer.kind)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                body = answer.body if answer.cut is None else answer.body[: answer.cut]
                if answer.chunked:
                    self.send_header("Transfer-Encoding", "chunked")
                    body = b"%x\r\n%s\r\n" % (len(answer.body), body)
                    body = body + b"0\r\n\r\n" if answer.cut is None else body[:-2]
                elif answer.status not in (204, 304):
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                if answer.drip:
                    self.wfile.flush()
                    time.sleep(answer.drip)
                try:
                    self.wfile.write(body)
                    self.wfile.flush()
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True
                if answer.cut is not None:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)

            def log_message(self, *args: Any) -> None:
                """Quiet: `asked` holds what came."""

        class _Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: Any) -> None:
                """Quiet: broken lines are what this server is for."""

        self._server = _Server(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def paths(self) -> list[str]:
        """The paths asked for, in order."""
        return [asked.path for asked in self.asked]


@contextmanager
def wire(serve: Handler | None = None) -> Iterator[Wire]:
    """A running server, closed at the end."""
    server = Wire(serve)
    try:
        yield server
    finally:
        server.close()


class Ticker:
    """A clock that moves only when somebody sleeps by it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def clock(self) -> float:
        return self.now


def file_server(content: bytes, etag: str | None = '"v1"') -> Handler:
    """A handler that serves `content` with Range and If-Range (RFC 9110, 13.1.5 and 14)."""

    def serve(asked: Asked) -> Answer:
        headers = {"ETag": etag} if etag else {}
        wanted = asked.headers.get("range")
        condition = asked.headers.get("if-range")
        if wanted and (condition is None or condition == etag):
            start = int(wanted.removeprefix("bytes=").partition("-")[0])
            if start >= len(content):
                return Answer(416, b"", "", {**headers, "Content-Range": f"bytes */{len(content)}"})
            span = f"bytes {start}-{len(content) - 1}/{len(content)}"
            return Answer(206, content[start:], "application/zip", {**headers, "Content-Range": span})
        return Answer(200, content, "application/zip", headers)

    return serve
