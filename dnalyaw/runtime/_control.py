"""riskd's control socket: status, the kill switch and its re-arming, without omsd."""

from __future__ import annotations

import json
import socket
from typing import Any

from dnalyaw.runtime._layout import Layout

ANSWER_SECONDS = 10.0


class RiskControlError(Exception):
    """riskd is not there, gave no answer, or refused; the message says which, and what to do."""


class RiskAbsentError(RiskControlError):
    """Nobody serves the control socket."""


def risk_control(layout: Layout, command: str, **fields: object) -> dict[str, Any]:
    """Give riskd one command and return its answer.

    Parameters
    ----------
    layout
        The region's runtime.
    command
        ``status``, ``kill``, ``rearm``, ``halt``, ``resume``, ``flow`` or ``claim``; all but ``status`` need the
        field ``reason``, which riskd journals with the user who gave it.

    Raises
    ------
    RiskAbsentError
        Nobody serves the socket.
    RiskControlError
        No answer, or a refusal.
    """
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(ANSWER_SECONDS)
            link.connect(str(layout.risk_control))
            link.sendall(json.dumps({"cmd": command, **fields}).encode() + b"\n")
            line = link.makefile("rb").readline()
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise RiskAbsentError(f"riskd ({layout.region}) does not run: {error}") from error
    except OSError as error:
        raise RiskControlError(
            f"riskd ({layout.region}) gave no answer on {layout.risk_control}: {error}; "
            "kill -USR1 to its process throws the switch without the socket"
        ) from error
    try:
        answer = json.loads(line)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise RiskControlError(f"riskd ({layout.region}) answered {command} with {line[:80]!r}")
    if answer.get("ok") is not True:
        raise RiskControlError(
            f"riskd ({layout.region}) refused {command}: {answer.get('error', 'no reason')}"
        )
    return answer


def latched(layout: Layout) -> bool:
    """Whether the region's kill switch is thrown, by the latch's word in its file: riskd need not run."""
    try:
        with layout.kill_latch.open("rb") as file:
            return any(file.read(8))
    except FileNotFoundError:
        return False
