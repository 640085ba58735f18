"""The simulated venue's control socket: its clock and its state, never an order."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import Any

from dnalyaw.runtime._layout import Layout


class VenueControlError(Exception):
    """The simulated venue did not answer on its control socket."""


def control(layout: Layout, command: str, **fields: object) -> dict[str, Any]:
    """Send one control command and return the answer."""
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(5)
            link.connect(str(layout.venue_control))
            link.sendall(json.dumps({"cmd": command, **fields}).encode() + b"\n")
            line = link.makefile("rb").readline()
    except OSError as error:
        raise VenueControlError(f"simvenue ({layout.region}) does not answer: {error}") from error
    try:
        answer = json.loads(line) if line else {}
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise VenueControlError(
            f"simvenue ({layout.region}) answered {command} with {line[:80]!r}, which is not a JSON object"
        )
    if not answer or answer.get("error"):
        raise VenueControlError(
            f"simvenue ({layout.region}) refused {command}: {answer.get('error', 'no answer')}"
        )
    return answer


def wait_closed(
    layout: Layout, seconds: float, watch: Callable[[dict[str, Any]], None] = lambda status: None
) -> dict[str, Any]:
    """Wait for the end of the replayed session; `watch` is shown every status on the way."""
    deadline = time.monotonic() + seconds
    while True:
        status = control(layout, "status")
        watch(status)
        if status["state"] == "closed":
            return status
        if time.monotonic() > deadline:
            raise VenueControlError(
                f"the {layout.region} session did not close within {seconds:.0f} s: {status}"
            )
        time.sleep(0.1)
