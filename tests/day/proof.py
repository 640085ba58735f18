"""Holds what five logs tell of one day to each other: order by order, fill by fill, position by position."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.day import account, omsd_journal, tellings


@dataclass
class Evidence:
    """Everything as its owner wrote it, in its own order."""

    omsd: list[bytes]
    """Records of omsd's journal."""
    riskd: list[dict[str, Any]]
    """Records of riskd's journal."""
    venue: list[dict[str, Any]]
    """Lines of the venue's log."""
    omsd_rows: list[tuple[int, bytes]]
    """The audit table's rows of omsd: number and the record's bytes."""
    riskd_rows: list[tuple[int, bytes]]
    report: Any
    """omsd's answer to GetSessionReport."""
    answers: Mapping[tuple[str, int], int]
    """Updates that omsd said it took, by strategy and number, with their orders (0: none)."""
    repeated: set[tuple[str, int]]
    """Updates of which it said that they were taken before."""

    def accounts(self) -> dict[str, account.Account]:
        """What each of them tells."""
        rows = [omsd_journal.decode(body) for _, body in self.omsd_rows]
        return {
            "omsd": tellings.of_omsd("omsd", [omsd_journal.decode(r) for r in self.omsd]),
            "riskd": tellings.of_riskd("riskd", self.riskd),
            "venue": tellings.of_venue("the venue", self.venue),
            "report": tellings.of_report("omsd's report", self.report),
            "omsd_rows": tellings.of_omsd("omsd's rows", rows),
            "riskd_rows": tellings.of_riskd("riskd's rows", [json.loads(b) for _, b in self.riskd_rows]),
        }


def disagreements(evidence: Evidence) -> list[str]:
    """Everything that one of them says and another does not; nothing when no order was lost and none was doubled."""
    found = _rows("omsd", evidence.omsd, evidence.omsd_rows)
    found += _rows("riskd", evidence.riskd, [(n, json.loads(body)) for n, body in evidence.riskd_rows])
    told = evidence.accounts()
    for one in told.values():
        found += account.contradictions(one)
    found += account.exact(told["report"], told["omsd"])
    for omsd, riskd in (("omsd", "riskd"), ("omsd_rows", "riskd_rows")):
        found += account.asked_and_decided(told[omsd], told[riskd])
        found += account.decided_and_traded(told[riskd], told["venue"])
    took = tellings.taken(omsd_journal.decode(r) for r in evidence.omsd)
    found += [
        f"update {key} was answered with order {order}, the journal has {took.get(key, 'nothing')}"
        for key, order in evidence.answers.items()
        if took.get(key) != order
    ]
    found += [
        f"update {key} was said to be taken before, and is not in the journal"
        for key in sorted(evidence.repeated - took.keys())
    ]
    return found


def _rows(writer: str, records: Sequence[Any], rows: Sequence[tuple[int, Any]]) -> list[str]:
    found = []
    for number, row in rows:
        if not 1 <= number <= len(records):
            found.append(f"row {number} of {writer} is not in its journal")
        elif row != records[number - 1]:
            found.append(f"row {number} of {writer} is not what its journal has")
    there = Counter(number for number, _ in rows)
    found += [f"row {n} of {writer} is missing" for n in range(1, len(records) + 1) if n not in there]
    return found + [f"row {n} of {writer} is there {times} times" for n, times in there.items() if times > 1]
