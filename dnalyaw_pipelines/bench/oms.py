"""How fast an order gets from a target's update through omsd and riskd to the venue, with journals and audit table on."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from dnalyaw_pipelines.bench import _oms_market as market
from dnalyaw_pipelines.bench import _oms_orders as orders
from dnalyaw_pipelines.bench import _oms_programs as run
from dnalyaw_pipelines.bench._oms_orders import Integers

RATES = {"slow": 907, "fast": 9_070}
"""Updates a second, by the strategy whose targets they are."""

SECONDS = 30.0
WINDOW = 64
SINK_WINDOW = 200
"""Orders under way with a sink: enough that it is omsd that is waited for."""

CLOSED_NAMES = 400
FRAMES = 4
"""Frames of one order between omsd and riskd: the order, its decision, the acknowledgement, the fill."""

LIMITS = {"submit_p99_us_907": 228, "lost": 0, "duplicated": 0}
ECHO_RATIOS = {"submit_p99_us_907": ("echo_p99_us_907", 2), "submit_p99_us": ("echo_p99_us", 3)}
"""No more than so many times the echo; at 907 a second either limit is enough."""

LEAST = {"max_orders_per_s": 15_000, "max_frames_per_s": 50_000}
SETTLE_SECONDS = 20.0
CATCH_UP_SECONDS = 120.0
QUIET_SECONDS = 1.5
"""Without a new row for so long the table has everything: a reader waits a second at most for the disk's word."""


def measure(say: Callable[[str], None], seconds: float = SECONDS) -> dict[str, Any]:
    """Measure the order path, and compare what was sent with the venue's own log.

    Parameters
    ----------
    seconds : float
        How long each load is measured.

    Returns
    -------
    dict
        Microseconds from the moment at which an update was meant to be sent: ``submit`` until the venue has read the
        order off its FIX connection, ``ack`` until omsd has the venue's acknowledgement, ``answer`` until the caller has
        omsd's word that it is on the disk. ``echo`` is a frame's way through a bare Unix socket to another process and
        back, at the same rate, in slices between those of load; ``generator_late`` is how late the generator was.
        ``audit_rows_behind`` is how many rows the audit table lacked when the load ended, and ``audit_catch_up_s`` how long
        it took to have them. What ends in ``_907`` was measured at 907 updates a second, the rest at 9,070.
        ``slices_dropped`` counts slices in which the machine was taken away, by the rule in
        ``execution/cmd/omsload/slices.go``; ``all_slices`` has the figures with these among them.
    """
    say("building the load generator")
    load = run.build()
    figures: dict[str, Any] = {"seconds": seconds, "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory(prefix="dnalyaw-") as name:
        root = Path(name)
        with run.programs(root / "a", load) as desk:
            answers = {}
            for strategy, rate in RATES.items():
                say(f"{rate} updates a second, for {seconds:g} s and as long again at most")
                before = run.processor_seconds(desk)
                answers[strategy] = run.generate(
                    desk, "open", strategy, market.NAMES, root / strategy,
                    rate=rate, seconds=f"{seconds}s", slice=f"{min(1.0, seconds / 2)}s",
                )  # fmt: skip
                used = run.processor_seconds(desk)
                updates = answers[strategy]["updates"]
                figures[f"cpu_us_per_order_{rate}"] = {
                    program: round((used[program] - before[program]) / updates * 1e6, 1) for program in used
                }
            say(f"as many orders as go with {WINDOW} under way")
            full = run.generate(
                desk, "closed", "full", CLOSED_NAMES, root / "full", seconds=f"{seconds}s", window=WINDOW
            )
            figures |= caught_up(desk)
            say("comparing with the venue's log")
            sent = np.concatenate([orders.sent(root / strategy) for strategy in (*RATES, "full")])
            settled(desk, sent)
            oms, venue = orders.stamps(desk.oms_stamps), orders.stamps(desk.venue_stamps)
            venue_done = (
                orders.passed(venue, orders.RECEIVED, orders.sent(root / "full")[:, orders.ORDER]) > 0
            )
            figures["max_orders_per_s"] = per_second(orders.sent(root / "full")[venue_done], oms, full)
            figures["closed_steal"] = round(full["steal"], 4)
            figures |= orders.fields(
                orders.compare(
                    sent,
                    oms[oms[:, 2] == orders.SUBMITTED][:, 0].tolist(),
                    oms[oms[:, 2] == orders.ENDED][:, 0].tolist(),
                    orders.venue_orders(desk.layout.venue_log),
                )
            )
        for strategy, rate in RATES.items():
            suffix = "_907" if strategy == "slow" else ""
            rows, back = orders.sent(root / strategy), orders.echoes(root / strategy)
            slices = answers[strategy]["slices"]
            figures[f"slices{suffix}"] = sum(piece["kind"] == "load" for piece in slices)
            figures[f"slices_dropped{suffix}"] = dropped(slices)
            figures |= latencies(rows, back, slices, oms, venue, suffix)
            figures[f"all_slices_{rate}"] = latencies(
                rows, back, [piece | {"dropped": ""} for piece in slices], oms, venue, suffix
            )
        with run.programs(root / "b", load, sink=True) as desk:
            say("as many frames as go to a sink")
            sink = run.generate(
                desk, "closed", "full", market.NAMES, root / "sink", seconds=f"{seconds}s", window=SINK_WINDOW
            )
            settled(desk, orders.sent(root / "sink"))
            through = per_second(orders.sent(root / "sink"), orders.stamps(desk.oms_stamps), sink)
        figures |= {"max_sink_orders_per_s": through, "max_frames_per_s": FRAMES * through}
    return figures | {"limits": LIMITS, "echo_ratios": ECHO_RATIOS, "least": LEAST, "missed": missed(figures)}


def per_second(rows: Integers, oms: Integers, closed: dict[str, Any]) -> int:
    """Orders that ended, as omsd knows it, in the time that a closed loop measured."""
    ended = orders.passed(oms, orders.ENDED, rows[rows[:, orders.ORDER] > 0][:, orders.ORDER])
    count = int(((ended >= closed["start_ns"]) & (ended <= closed["end_ns"])).sum())
    return round(count / (closed["end_ns"] - closed["start_ns"]) * 1e9)


def caught_up(desk: run.Desk) -> dict[str, float]:
    """How far the audit table is behind when the load ends, and how long it takes to have the rest."""
    start, first = time.monotonic(), run.audit_rows(desk)
    rows, grown = first, start
    while time.monotonic() - grown < QUIET_SECONDS and time.monotonic() - start < CATCH_UP_SECONDS:
        time.sleep(0.1)
        if (now := run.audit_rows(desk)) > rows:
            rows, grown = now, time.monotonic()
    return {
        "audit_rows": rows,
        "audit_rows_behind": rows - first,
        "audit_catch_up_s": round(grown - start, 1),
    }


def settled(desk: run.Desk, sent: Integers) -> None:
    """Wait until omsd knows of the end of every order that it told the generator of, or the patience is over."""
    deadline = time.monotonic() + SETTLE_SECONDS
    ids = sent[sent[:, orders.ORDER] > 0][:, orders.ORDER]
    while (
        time.monotonic() < deadline
        and (orders.passed(orders.stamps(desk.oms_stamps), orders.ENDED, ids) == 0).any()
    ):
        time.sleep(0.2)


def dropped(slices: Iterable[dict[str, Any]]) -> dict[str, int]:
    """How many slices of load the rule threw out, with the echo behind each, by its reason."""
    reasons = [piece["dropped"] for piece in slices if piece["kind"] == "load"]
    return {reason: reasons.count(reason) for reason in ("steal", "late")}


def latencies(
    rows: Integers, echo: Integers, slices: list[dict[str, Any]], oms: Integers, venue: Integers, suffix: str
) -> dict[str, float | None]:
    """Percentiles over the slices that count, in microseconds; None where nothing was measured."""
    loads = [piece["number"] for piece in slices if piece["kind"] == "load" and not piece["dropped"]]
    echoed = [piece["number"] for piece in slices if piece["kind"] == "echo" and not piece["dropped"]]
    counted = rows[np.isin(rows[:, orders.SLICE], loads)]
    back = echo[np.isin(echo[:, 0], echoed)]
    made = counted[counted[:, orders.ORDER] > 0]
    ids, intended = made[:, orders.ORDER], made[:, orders.INTENDED]
    spans = {
        "submit": orders.passed(venue, orders.RECEIVED, ids) - intended,
        "ack": orders.passed(oms, orders.ACKED, ids) - intended,
        "answer": counted[:, orders.ANSWERED] - counted[:, orders.INTENDED],
        "generator_late": counted[:, orders.SENT] - counted[:, orders.INTENDED],
        "echo": back[:, 3] - back[:, 1],
        # The parts of the way, each from the step before it.
        "omsd_in": orders.passed(oms, orders.PLANNED, ids) - made[:, orders.SENT],
        "omsd_out": orders.passed(oms, orders.SUBMITTED, ids) - orders.passed(oms, orders.PLANNED, ids),
        "riskd": orders.passed(venue, orders.RECEIVED, ids) - orders.passed(oms, orders.SUBMITTED, ids),
    }
    return {
        f"{name}_p{percent}_us{suffix}": percentile(span, percent)
        for name, span in spans.items()
        for percent in (50, 99)
    }


def percentile(span: Integers, percent: int) -> float | None:
    """A percentile in microseconds of the spans that have an end; None of none."""
    # What never came to a place stands at 0, long before it was sent.
    whole = span[span > -1_000_000_000]
    return round(float(np.percentile(whole, percent, method="inverted_cdf")) / 1e3, 1) if len(whole) else None


def missed(figures: dict[str, Any]) -> list[str]:
    """The figures that are outside of what is wanted; one that was not measured is."""
    found = []
    for name in (*LIMITS, "submit_p99_us", *LEAST):
        value = figures.get(name)
        within = value is not None and (
            (name in LIMITS and value <= LIMITS[name])
            or (name in LEAST and value >= LEAST[name])
            or (name in ECHO_RATIOS and _within_echo(figures, name))
        )
        if not within:
            found.append(name)
    return found


def _within_echo(figures: dict[str, Any], name: str) -> bool:
    against, times = ECHO_RATIOS[name]
    echo = figures.get(against)
    return echo is not None and bool(figures[name] <= times * echo)
