"""A venue on QuickFIX, the real riskd and a client, and what must agree between them."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from tests.fix.venue import PRICES, Venue
from tests.risk.gateway import Gateway, eventually
from tests.risk.link import MICRO, Frame, Link

REJECTED = 8
VENUE_NEVER_SAW = 41


class Desk:
    """One test's programs."""

    def __init__(self, binary: Path, spec: Path, root: Path) -> None:
        self.venue = Venue(binary, spec, root / "venue")
        self.gateway = Gateway(root / "us")
        self.gateway.at(self.venue.acceptor.port)
        self._link: Link | None = None

    @property
    def acceptor(self):  # type: ignore[no-untyped-def]
        """The session layer."""
        return self.venue.acceptor

    def connect(self) -> Link:
        """riskd running, and a client on its socket."""
        if self.gateway.process is None:
            self.gateway.start()
        if self._link is None or self._link.closed:
            self._link = self.gateway.link()
        return self._link

    def open(self) -> Link:
        """As `connect`, with riskd logged on and reconciled, again or for the first time."""
        link = self.connect()
        link.wait_open(prices=len(PRICES))
        return link

    def wait_up(self, ups: int) -> None:
        """Wait for the logon of a number, from the start of the acceptor's process."""
        eventually(f"logon {ups}", lambda: self.acceptor.ups >= ups and self.acceptor.up)

    def crash(self) -> None:
        """SIGKILL to riskd."""
        self.gateway.kill()
        self._link = None

    def stop(self) -> None:
        """End every process; what both sides say of the day goes where pytest shows it when the test failed."""
        sys.stderr.write(
            f"--- riskd\n{self.gateway.log()[-12000:]}\n--- QuickFIX\n{self.acceptor.diary()[-12000:]}\n"
        )
        try:
            self.gateway.stop()
        finally:
            self.acceptor.stop()

    def agrees(self, *, refused: int = 0, never_saw: tuple[int, ...] = ()) -> None:
        """riskd and the venue say the same of every order, share and cent, and QuickFIX found nothing to object to.

        Parameters
        ----------
        refused : int
            How many session-level rejects the test had QuickFIX make.
        never_saw : tuple of int
            Orders that the venue never took.
        """
        link = self._link
        assert link is not None
        eventually("the venue's cash", lambda: link.state()["cash"] == int(self.venue.cash * MICRO))
        assert link.positions() == self.venue.positions
        told = link.sync()
        decided = {f["order_id"]: f for f in told if f["kind"] == "DECISION" and f["approved_qty"]}
        for order in self.venue.orders.values():
            order_id = int(order.cl_ord_id.partition("-")[2])
            assert decided.pop(order_id)["approved_qty"] == order.qty
            reports = [
                f for f in told if f["kind"] == "EXEC" and f["order_id"] == order_id and f["flags"] & 1
            ]
            self._reports(reports, order_id)
        for order_id in never_saw:
            decided.pop(order_id)
            last = [f for f in told if f["kind"] == "EXEC" and f["order_id"] == order_id][-1]
            assert (last["exec_type"], last["reason"]) == (REJECTED, VENUE_NEVER_SAW)
        assert not decided, "approved, and neither at the venue nor known to be lost"
        self._wire(refused)

    def _reports(self, reports: list[Frame], order_id: int) -> None:
        order = self.venue.orders[f"US-{order_id}"]
        if order.fills:
            assert sum(f["last_qty"] for f in reports) == order.cum, reports
            spent = sum(f["last_qty"] * f["last_px"] for f in reports)
            truth = sum(qty * int(px * MICRO) for _, qty, px, _ in order.fills)
            # A lost report's price is learnt from an average of six digits.
            assert abs(spent - truth) <= order.cum, (spent, truth)
            assert sum(f["fee"] for f in reports) == sum(int(f[3] * MICRO) for f in order.fills)
        if reports:
            assert reports[-1]["leaves_qty"] == order.leaves, (reports[-1], order)

    def _wire(self, refused: int) -> None:
        """QuickFIX's own log: its dictionary took every message of riskd, and no order came twice."""
        assert not self.acceptor.errors, self.acceptor.errors
        rejects = [m for m in self.acceptor.sent("3") if m.get(43) != "Y"]
        assert len(rejects) == refused, rejects
        orders = Counter(m[11] for m in self.acceptor.received("D"))
        assert set(orders.values()) <= {1}, orders
        cancels = Counter(m[11] for m in self.acceptor.received("F"))
        assert set(cancels.values()) <= {1}, cancels
        assert not [m for m in self.acceptor.received("D", "F") if m.get(43) == "Y" or m.get(97) == "Y"]
