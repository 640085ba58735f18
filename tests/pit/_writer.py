"""A process that writes to a store, to be killed: ``python -m tests.pit._writer URL HOW ARGUMENTS...``.

``append FIRST COUNT [STEP NTH]`` appends batches one after another and says each one that was acknowledged;
``compact [STEP NTH]`` compacts and vacuums for ever. STEP NTH: it kills itself the NTH time it comes to a step.
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta

from dnalyaw.pit import BitemporalStore
from tests.pit._oracle import FEED, KEY, Receipt, at, frame

DAYS = 6
"""Rows of a batch: days of two months, so that every append writes more than one file."""


def batch(number: int) -> list[Receipt]:
    """The rows of one batch, the first of which revises a row of the batch before."""
    rows = [Receipt(number, day, float(number), 24 * day, 24 * day, number) for day in range(DAYS)]
    return rows if number == 0 else [Receipt(number - 1, 0, -1.0, 0, 0, number), *rows]


def killer(arguments: list[str]) -> Callable[[str], None]:
    """A step that is the end."""
    if not arguments:
        return lambda _: None
    name, left = arguments[0], [int(arguments[1])]

    def step(at_step: str) -> None:
        if at_step != name:
            return
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return step


def main(url: str, how: str, *arguments: str) -> None:
    store = BitemporalStore(url, keys={FEED: KEY})
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    if how == "append":
        first, count = int(arguments[0]), int(arguments[1])
        store._step = killer(list(arguments[2:]))
        for number in range(first, first + count):
            store.append("US", FEED, frame(batch(number)), ingested_at=at(number))
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()
        return
    store._step = killer(list(arguments))
    # A reader of the test may take a while on a loaded machine: what it reads must not be swept away under it.
    grace = timedelta(0) if arguments else timedelta(minutes=1)
    while True:
        store.compact("US", FEED)
        store.vacuum("US", FEED, older_than=grace)
        if arguments:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
