"""The proof finds what it is there for: in a day worked by hand every fault is planted once."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from tests.day.byhand import BUY, day_by_hand, decision, exec_hash, execution, heard, line
from tests.day.proof import Evidence, disagreements


def test_a_day_without_a_fault_has_no_disagreement() -> None:
    assert disagreements(day_by_hand()) == []


def _both_riskd(day: Evidence) -> None:
    day.riskd_rows = [(n, json.dumps(record).encode()) for n, record in enumerate(day.riskd, 1)]


def _both_omsd(day: Evidence) -> None:
    day.omsd_rows = list(enumerate(day.omsd, 1))


def lost_at_the_venue(day: Evidence) -> None:
    day.venue = [told for told in day.venue if told["cl_ord_id"] != "US-2"]


def lost_by_riskd(day: Evidence) -> None:
    day.riskd = [r for r in day.riskd if r.get("order_id", r.get("order", {}).get("order_id")) != 3]
    _both_riskd(day)


def lost_by_omsd(day: Evidence) -> None:
    del day.omsd[6:12]
    _both_omsd(day)


def doubled_at_the_venue(day: Evidence) -> None:
    day.venue.append(line("reject", "US-1", "buy", 7, 100, exec_id="F") | {"text": "duplicate ClOrdID"})


def executed_twice(day: Evidence) -> None:
    day.venue.insert(6, line("fill", "US-2", "buy", 8, 25, 20, exec_id="D", fee=25, avg_px=20))


def decided_twice(day: Evidence) -> None:
    day.riskd.append(day.riskd[0])
    _both_riskd(day)


def sold_for_bought(day: Evidence) -> None:
    for told in day.venue[4:]:
        told["side"] = "sell"


def another_quantity(day: Evidence) -> None:
    day.venue[4]["qty"] = 61


def another_price(day: Evidence) -> None:
    day.venue[2]["px"], day.venue[2]["avg_px"], day.venue[3]["avg_px"] = 11, 11, 12


def another_fee(day: Evidence) -> None:
    day.riskd[5]["fee"] = 26
    _both_riskd(day)


def another_execution(day: Evidence) -> None:
    day.omsd[9] = heard(2, "X", 1, 25, 20, 25)
    _both_omsd(day)


def fill_not_heard(day: Evidence) -> None:
    del day.riskd[2]
    _both_riskd(day)


def another_end(day: Evidence) -> None:
    day.venue[6]["kind"] = "expire"


def no_end(day: Evidence) -> None:
    del day.venue[6]


def wrong_average(day: Evidence) -> None:
    day.venue[3]["avg_px"] = 13


def row_missing(day: Evidence) -> None:
    del day.omsd_rows[4]


def row_changed(day: Evidence) -> None:
    day.omsd_rows[9] = (10, heard(2, "D", 1, 26, 20, 26))


def row_doubled(day: Evidence) -> None:
    day.riskd_rows.append(day.riskd_rows[-1])


def row_from_nowhere(day: Evidence) -> None:
    day.riskd_rows.append((9, json.dumps(decision(5, BUY, 7, 1, 1)).encode()))


def position_reported_wrong(day: Evidence) -> None:
    day.report.positions[1].qty = 24


def reported_state_wrong(day: Evidence) -> None:
    day.report.orders[1].state = "EXPIRED"


def answered_and_not_journaled(day: Evidence) -> None:
    day.answers = {**day.answers, ("alpha", 5): 5}


def answered_with_another_order(day: Evidence) -> None:
    day.answers = {**day.answers, ("alpha", 2): 3}


def said_to_be_taken(day: Evidence) -> None:
    day.repeated = {("alpha", 6)}


def at_the_venue_all_the_same(day: Evidence) -> None:
    """riskd says that it never left, and the venue has it."""
    day.riskd[6] = {**execution(2, "E", 8), "reason": 41}
    _both_riskd(day)


PLANTED: dict[Callable[[Evidence], None], str] = {
    lost_at_the_venue: "order 2: riskd has it, the venue does not",
    lost_by_riskd: "order 3: omsd has it, riskd does not",
    lost_by_omsd: "order 2: riskd has it, omsd does not",
    doubled_at_the_venue: "the venue: order 1 is there 2 times",
    executed_twice: f"the venue: execution {exec_hash('D'):x} is there 2 times",
    decided_twice: "riskd: order 1 is there 2 times",
    sold_for_bought: "order 2: side is BUY at riskd and SELL at the venue",
    another_quantity: "order 2: approved is 60 at riskd and 61 at the venue",
    another_price: "order 1: riskd and the venue: a fill is",
    another_fee: "order 2: fees is 26 at riskd and 25 at the venue",
    another_execution: "order 2: omsd and riskd: fills differ",
    fill_not_heard: "order 1: filled is 60 at riskd and 100 at the venue",
    another_end: "order 2: end is CANCELLED at riskd and EXPIRED at the venue",
    no_end: "the venue: order 2 has no end",
    wrong_average: "the venue: order 1: its average price 13 is not that of its fills, 12",
    row_missing: "row 5 of omsd is missing",
    row_changed: "row 10 of omsd is not what its journal has",
    row_doubled: "row 8 of riskd is there 2 times",
    row_from_nowhere: "row 9 of riskd is not in its journal",
    position_reported_wrong: "omsd's report's positions and omsd's: 24 and 25 of instrument 8",
    reported_state_wrong: "order 2: end is EXPIRED at omsd's report and CANCELLED at omsd",
    answered_and_not_journaled: "update ('alpha', 5) was answered with order 5, the journal has nothing",
    answered_with_another_order: "update ('alpha', 2) was answered with order 3, the journal has 2",
    said_to_be_taken: "update ('alpha', 6) was said to be taken before, and is not in the journal",
    at_the_venue_all_the_same: "order 2: riskd says that it never left, the venue has it",
}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found_and_named(plant: Callable[[Evidence], None]) -> None:
    day = day_by_hand()
    plant(day)
    found = disagreements(day)
    assert any(one.startswith(PLANTED[plant]) for one in found), found


MADE = "SYNTHESISED-US-1-100"


def _joined(px: int, qty: int = 100, fee: int = 100, exec_id: str = MADE, settled: int = 0) -> list[str]:
    """Order 1's two fills told by riskd as one: worth 40 x 10 + 60 x 13 = 1180, an average of 11.8, told as 12.

    `settled` of its fees are told afterwards; omsd's report has them on the fill.
    """
    day = day_by_hand()
    day.riskd[2:4] = [execution(1, exec_id, 2, qty, px) | {"fee": fee}]
    day.omsd[4:6] = [heard(1, exec_id, 2, qty, px, qty, fee)]
    if settled:
        day.riskd.append(execution(1, "FEES", 13) | {"fee": settled})
        day.omsd.append(heard(1, "FEES", 13, cum=qty, fee=settled))
    told = SimpleNamespace(exec_id=exec_hash(exec_id), qty=qty, px_micro=px, fee_micro=fee + settled)
    day.report.orders[0].fills = [told]
    _both_riskd(day)
    _both_omsd(day)
    return disagreements(day)


def test_fills_whose_reports_were_lost_stand_as_one_of_the_same_worth() -> None:
    assert _joined(12) == []
    assert _joined(12, fee=60, settled=40) == []
    for found, what in (
        (_joined(14), "is not worth what"),
        (_joined(12, fee=99), "has not the fees"),
        (_joined(12, fee=60, settled=39), "fees is 99 at riskd and 100 at the venue"),
        (_joined(12, qty=50, fee=50), "stands for no whole number of the fills"),
        (_joined(12, exec_id="C"), "a fill is"),
    ):
        assert any(what in one for one in found), (what, found)
