"""Has omsd analyse what a session's orders cost."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from dnalyaw.runtime._files import write_atomically
from dnalyaw.runtime._layout import Layout

COSTS_SECONDS = 300.0


class CostsError(Exception):
    """The costs of a session could not be analysed; the message is omsd's."""


def session_costs(layout: Layout, session: date, closes: Mapping[int, int], out: Path) -> dict[str, Any]:
    """Write a session's rows of costs and return what they rest on.

    It reads omsd's journal and the quotes that it kept, and may be asked for any session that is over, again and again:
    the same files give the same rows.

    Parameters
    ----------
    closes : mapping of int to int
        Official closing prices in millionths by instrument, as far as they are known.
    out : Path
        The file of rows, written whole or not at all.

    Raises
    ------
    CostsError
        When the journal has nothing of the session, or a file is damaged.
    """
    prices = out.with_suffix(".closes.json")
    write_atomically(prices, json.dumps({str(i): px for i, px in sorted(closes.items())}).encode())
    done = subprocess.run(
        layout.costs(session, out, prices), capture_output=True, text=True, timeout=COSTS_SECONDS, check=False
    )
    if done.returncode != 0:
        raise CostsError(f"the costs of session {session} were not analysed: {done.stderr.strip()[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
