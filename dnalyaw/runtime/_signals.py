"""Signals to processes that may be gone, and the end of those that are ours."""

from __future__ import annotations

import os
import signal


def send_signal(pid: int, number: signal.Signals) -> None:
    """Send a signal; nothing where the process has ended already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def reap(pid: int) -> None:
    """Collect a child of this process that ended; what another process started is not ours to collect."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
