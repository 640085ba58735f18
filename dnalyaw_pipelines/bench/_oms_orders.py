"""Reads what generator, omsd and venue wrote of every order, and compares them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]

SLICE, INSTRUMENT, SIDE, INTENDED, SENT, ANSWERED, ORDER = range(7)
"""Columns of what the generator sent; the order is the id that omsd answered, 0 where an update made none."""

PLANNED, SUBMITTED, DECIDED, ACKED, ENDED, RECEIVED = range(1, 7)
"""Places that an order passes, as they are stamped."""

SENT_COLUMNS = 8
STAMP_HEADER = 8
STAMP_COLUMNS = 3
SIDES = {"buy": 1, "sell": 2}


def sent(folder: Path) -> Integers:
    """What the generator sent: a row an update."""
    return np.fromfile(folder / "sent.bin", dtype="<i8").reshape(-1, SENT_COLUMNS)


def echoes(folder: Path) -> Integers:
    """Slice, and when each echo was meant to be sent, was sent and came back."""
    return np.fromfile(folder / "echo.bin", dtype="<i8").reshape(-1, 4)


def stamps(path: Path) -> Integers:
    """Order, moment and place of every stamp; those that found no room are an error."""
    count = int(np.fromfile(path, dtype="<i8", count=1)[0])
    rows = np.fromfile(path, dtype="<i8", count=STAMP_HEADER + count * STAMP_COLUMNS)[STAMP_HEADER:]
    if len(rows) < count * STAMP_COLUMNS:
        raise ValueError(f"{path} had no room for {count} stamps")
    return rows.reshape(-1, STAMP_COLUMNS)


def passed(rows: Integers, place: int, orders: Integers) -> Integers:
    """When each order first passed a place; 0 where it did not."""
    here = rows[rows[:, 2] == place]
    moments = np.zeros(max(int(orders.max(initial=0)), int(here[:, 0].max(initial=0))) + 1, dtype=np.int64)
    # From the last to the first, so that the first stays.
    moments[here[::-1, 0]] = here[::-1, 1]
    return moments[orders]


def venue_orders(log: Path) -> list[tuple[int, int, int]]:
    """Order, instrument and side of every order that the venue took, in the order of its own log."""
    found = []
    with log.open("rb") as lines:
        for line in lines:
            if b'"kind":"order"' not in line:
                continue
            record = json.loads(line)
            number = record["cl_ord_id"].rpartition("-")[2]
            # riskd's own orders have a letter in front of their number, and nobody here has sent any.
            order = int(number) if number.isdigit() else -1
            found.append((order, record["instrument_id"], SIDES[record["side"].lower()]))
    return found


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of the updates.

    Attributes
    ----------
    orders : int
        Orders that omsd told the generator of.
    lost : int
        Of these, those that are not at the venue as they were sent, and of which omsd knows no end.
    duplicated : int
        Orders at the venue that are there again, or that nobody sent.
    refused : int
        Orders that ended without having come to the venue: riskd rejected them, or omsd withdrew them.
    without_order : int
        Updates that made no order, as the one before it in the same name was still under way.
    replanned : int
        Orders that omsd made later in the place of such.
    """

    orders: int
    lost: int
    duplicated: int
    refused: int
    without_order: int
    replanned: int


def compare(
    updates: Integers, submitted: Iterable[int], ended: Iterable[int], taken: Iterable[tuple[int, int, int]]
) -> Comparison:
    """Hold what the venue took against what was sent: every order exactly once.

    Parameters
    ----------
    updates : ndarray
        Rows of `sent`.
    submitted, ended : iterable of int
        Orders that omsd let out to riskd, and that it knows to have ended.
    taken : iterable of tuple
        Rows of `venue_orders`.
    """
    told = updates[updates[:, ORDER] > 0]
    asked = {int(row[ORDER]): (int(row[INSTRUMENT]), int(row[SIDE])) for row in told}
    out, over = set(submitted), set(ended)
    at_venue = Counter(order for order, _, _ in taken)
    wrong = {order for order, *terms in taken if order in asked and asked[order] != tuple(terms)}
    absent = [order for order in asked if at_venue[order] == 0]
    refused = sum(order in over for order in absent)
    again = sum(count - 1 for count in at_venue.values())
    others = [order for order in at_venue if order not in asked]
    replanned = sum(order in out for order in others)
    without = len(updates) - len(told)
    # An update that made no order, and an order that was refused, are made good by one order each.
    unasked = len(others) - replanned + max(0, replanned - without - refused)
    return Comparison(
        orders=len(asked),
        lost=len(absent) - refused + len(wrong) + len(told) - len(asked),
        duplicated=again + unasked + len(wrong),
        refused=refused,
        without_order=without,
        replanned=replanned,
    )


def fields(comparison: Comparison) -> dict[str, Any]:
    """The comparison as figures."""
    return asdict(comparison)
