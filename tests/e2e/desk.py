"""Drives the three programs through `dnalyaw.runtime`, the way a run does, without Dagster."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from dnalyaw import runtime
from tests.e2e import market
from tests.e2e.ledger import Ledger, exec_hash, read_ledger

TERMINAL = {"FILLED", "CANCELLED", "REJECTED", "DENIED", "EXPIRED"}
NEVER_LEFT = {"DENIED", "CANCELLED", "EXPIRED"}
VENUE_NEVER_SAW = 41
DEFAULT_STAGES = (
    runtime.Stage("hand", "paper", 1.0, 1.0, "test"),
    runtime.Stage("other", "paper", 0.0, 1.0, "test"),
    runtime.Stage("study", "research", 0.0, 1.0, "test"),
)


class Desk:
    """A region's runtime in a folder of its own."""

    def __init__(self, root: Path, region: str = "US") -> None:
        self.layout = runtime.Layout(root, region)
        self.session = market.DAY_ONE
        self.seed = market.quiet_seed()
        self.speed = 1200.0

    def write(
        self,
        session: date = market.DAY_ONE,
        names: Sequence[market.Name] = market.NAMES,
        *,
        unpriced: Sequence[market.Name] = (),
        actions: pl.DataFrame = market.NO_ACTIONS,
        stages: Sequence[runtime.Stage] = DEFAULT_STAGES,
    ) -> None:
        """Write everything that is read before the open."""
        self.session = session
        market.write_day(self.layout, session, names, seed=self.seed, unpriced=unpriced, actions=actions)
        runtime.update_register(self.layout, stages, datetime(2026, 3, 1, tzinfo=UTC))

    def up(self) -> list[str]:
        """Start what does not run, and wait until every link is up."""
        started = runtime.up(self.layout, self.session, self.speed)
        with self.client() as client:
            client.wait_ready(30)
        return started

    def client(self) -> runtime.OmsClient:
        """A connection to omsd."""
        return runtime.OmsClient(self.layout)

    def submit(self, *portfolios: Any) -> Any:
        """Hand targets over."""
        with self.client() as client:
            return client.submit(portfolios)

    def start(self) -> None:
        """Let the venue's clock run."""
        runtime.control(self.layout, "start")

    def clock_ns(self) -> int:
        """The venue's clock."""
        return int(runtime.control(self.layout, "status")["clock_ns"])

    def wait(self, what: str, true: Callable[[], bool], seconds: float = 30.0) -> None:
        """Wait for something that must come; the time is a bound, not an expectation."""
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, f"{what} did not come within {seconds:.0f} s"
            time.sleep(0.02)

    def wait_minute(self, minute: float) -> None:
        """Wait until the venue's clock is past a minute of the session."""
        moment = int(market.opening(self.session).timestamp() + 60 * minute) * 1_000_000_000
        self.wait(f"minute {minute}", lambda: self.clock_ns() >= moment)

    def lines(self, kind: str) -> int:
        """How many lines of a kind the venue has logged."""
        path = self.layout.venue_log
        return path.read_text().count(f'"kind":"{kind}"') if path.exists() else 0

    def kill(self, *programs: str) -> None:
        """SIGKILL programs, with no warning and in this order."""
        pids = {p.program: p.pid for p in runtime.status(self.layout)}
        for program in programs:
            pid = pids[program]
            assert pid is not None, f"{program} does not run"
            os.kill(pid, signal.SIGKILL)
        for program in programs:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pids[program] or 0, 0)

    def down(self) -> None:
        """Stop whatever still runs."""
        runtime.down(self.layout)

    def close(self) -> Any:
        """Let the session end, and return the report once every order has come to its end."""
        runtime.wait_closed(self.layout, 120)
        with self.client() as client:
            self.wait("the end of every order", lambda: client.status().open_orders == 0)
            self.wait("both links", lambda: (s := client.status()).risk_link_up and s.venue_up)
            assert not client.status().differences, "omsd's books explain everything that the venue holds"
        # Cash behind a fill whose report was lost is asked for a second later.
        cash = self.ledger().cash
        self.wait("the venue's cash", lambda: self.report().cash_micro == cash, 10)
        return self.settled()

    def settled(self) -> Any:
        """The report when it has said the same for a third of a second: riskd tells changes ten times a second."""
        seen = self.report()
        for _ in range(40):
            time.sleep(0.35)
            now = self.report()
            if now == seen:
                return now
            seen = now
        raise AssertionError("the report never came to rest")

    def report(self) -> Any:
        """omsd's report of the session."""
        with self.client() as client:
            return client.report(int(self.session.strftime("%Y%m%d")))

    def ledger(self) -> Ledger:
        """The venue's own account of everything."""
        return read_ledger(self.layout.venue_log)

    def check(self, report: Any, *, fill_by_fill: bool = True) -> Ledger:
        """The report says what the venue's log says; nothing is lost and nothing doubled."""
        ledger = self.ledger()
        mine = ledger.of_session(self.session.isoformat())
        reported = {f"{self.layout.region}-{o.order_id}": o for o in report.orders}
        assert len(reported) == len(report.orders)
        for key, order in reported.items():
            assert order.state in TERMINAL, (key, order.state, order.reason)
            if order.state == "DENIED":
                assert key not in mine, f"{key} was denied and reached the venue"
            if key not in mine and (order.state in NEVER_LEFT or order.reason_code == VENUE_NEVER_SAW):
                # Its fate is named: it ended before the venue had it, and is never sent again.
                assert (order.filled_qty, len(order.fills)) == (0, 0), key
                continue
            assert key in mine, f"{key} is {order.state} ({order.reason}) and never reached the venue"
            self._check_order(order, mine[key], fill_by_fill)
        own = {key for key in mine if "-K" not in key}
        assert own <= set(reported), f"the venue has orders nobody reported: {own - set(reported)}"
        assert {p.instrument_id: p.qty for p in report.positions if p.qty} == ledger.positions
        assert report.cash_micro == ledger.cash
        return ledger

    @staticmethod
    def _check_order(order: Any, venue: Any, fill_by_fill: bool) -> None:
        key = venue.cl_ord_id
        assert order.instrument_id == venue.instrument_id, key
        assert order.approved_qty == venue.qty, key
        assert order.side[0].lower() == venue.side[0].lower(), key
        assert order.filled_qty == venue.filled, (key, order.filled_qty, venue.filled)
        assert sum(f.qty for f in order.fills) == venue.filled, key
        ends = {"fill": "FILLED", "cancel": "CANCELLED", "expire": "EXPIRED", "reject": "REJECTED"}
        assert order.state == ends[venue.end], (key, order.state, venue.end)
        if fill_by_fill:
            mine = Counter((f.exec_id, f.qty, f.px_micro, f.fee_micro) for f in order.fills)
            theirs = Counter((exec_hash(v["exec_id"]), v["qty"], v["px"], v["fee"]) for v in venue.fills)
            assert mine == theirs, (key, mine - theirs, theirs - mine)
            # The report has riskd's clock when it heard of the fill: the venue's, and never before the fill.
            when = {exec_hash(v["exec_id"]): v["ts_ns"] for v in venue.fills}
            assert all(f.ts_ns // 1_000_000 >= when[f.exec_id] // 1_000_000 for f in order.fills), key
