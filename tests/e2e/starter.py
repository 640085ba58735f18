"""The Python side of a hand-off as a process of its own, which kills itself at a named moment.

``python -m tests.e2e.starter HOME MOMENT`` does what the hand-off asset does: `dnalyaw_pipelines.trading.trade`.
At the moment it is killed by a signal that nothing can catch, as a machine that goes down would do it.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dnalyaw import runtime
from dnalyaw.runtime import _processes
from dnalyaw_pipelines import trading
from dnalyaw_pipelines.home import Home
from tests.e2e import market

WISHES = {101: 0.04, 103: 0.03, 201: 0.045, 202: 0.03, 301: 0.02, 302: 0.02, 401: 0.03, 402: 0.02}

MOMENTS = (
    "before the first start",
    "simvenue not recorded",
    "riskd not recorded",
    "auditd not recorded",
    "omsd not recorded",
    "simvenue not ready",
    "riskd not ready",
    "auditd not ready",
    "omsd not ready",
    "all started",
    "before submit",
    "submit under way",
    "taken",
    "clock started",
    "mid-session",
    "closed",
    "omsd stopped",
    "riskd stopped",
    "auditd stopped",
    "all stopped",
    "report not named",
    "after everything",
)
"""In the order in which a hand-off passes them."""


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _around(owner: Any, name: str, before: Callable[..., object], after: Callable[..., object]) -> None:
    plain = getattr(owner, name)

    def wrapped(*args: Any, **options: Any) -> Any:
        before(*args)
        value = plain(*args, **options)
        after(*args)
        return value

    setattr(owner, name, wrapped)


def _set(moment: str, layout: runtime.Layout) -> None:
    """Arrange for the end."""

    def at(name: str) -> Callable[..., object]:
        return lambda *args: _die() if moment == name else None

    def nothing(*args: Any) -> None:
        return None

    def write(path: Path, *args: Any) -> None:
        if moment == f"{path.stem} not recorded":
            _die()
        if moment == "report not named" and path.suffix == ".json":
            _die()

    def waits(layout: runtime.Layout, program: str, *args: Any) -> None:
        if moment == f"{program} not ready":
            _die()

    stopped: list[int] = []

    def stop(pid: int, number: int) -> None:
        stopped.append(pid)
        if moment == {1: "omsd stopped", 2: "riskd stopped", 3: "auditd stopped"}.get(len(stopped)):
            _die()

    def control(layout: runtime.Layout, command: str, *args: Any) -> None:
        if command == "start":
            at("clock started")()

    def watch(layout: runtime.Layout, *args: Any) -> None:
        if moment == "mid-session":
            while layout.venue_log.read_text().count('"kind":"fill"') < 12:
                time.sleep(0.005)
            _die()

    _around(runtime, "up", at("before the first start"), at("all started"))
    _around(_processes, "write_atomically", write, nothing)
    _around(runtime, "write_atomically", write, nothing)
    _around(_processes, "_await_ready", waits, nothing)
    _around(runtime.OmsClient, "submit", at("before submit"), at("taken"))
    if moment == "submit under way":
        # The message is on its way when the end comes: it may arrive, or not.
        def submit(client: runtime.OmsClient, portfolios: Any) -> None:
            pb = runtime.messages
            request = pb.SubmitTargetsRequest(region=layout.region, portfolios=portfolios)
            client._stub.SubmitTargets.future(request, timeout=20)
            time.sleep(0.002)
            _die()

        runtime.OmsClient.submit = submit  # type: ignore[assignment, method-assign]
    _around(runtime, "control", nothing, control)
    _around(runtime, "wait_closed", watch, at("closed"))
    _around(_processes, "send_signal", nothing, stop)
    _around(runtime, "down", nothing, at("all stopped"))


def main() -> None:
    """Hand over and trade; the process ends at the moment, or when the session is over."""
    root, moment = Path(sys.argv[1]), sys.argv[2]
    assert moment in (*MOMENTS, "never"), moment
    home = Home(root)
    layout = trading.layout_of(home, "US")
    _set(moment, layout)
    messages = [market.portfolio(WISHES)]
    trading.trade(home, "US", market.DAY_ONE, layout, messages, messages[0].correlation_id, 900.0)
    if moment == "after everything":
        _die()


if __name__ == "__main__":
    main()
