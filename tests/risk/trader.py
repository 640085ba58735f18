"""A client that keeps riskd busy, as omsd does: ids that only rise, and whatever has no decision is sent again."""

from __future__ import annotations

import random
import threading
from typing import Any

from tests.risk import simulated
from tests.risk.gateway import Gateway
from tests.risk.link import BUY, DAY, IOC, LIMIT, MARKET, MICRO, SELL, Link, LinkClosed

TERMINAL = {2, 4, 8, 12}
REJECT, JOURNAL_FAILED = 3, 30


class Trader:
    """Orders at random in every name, cancels among them; never a short."""

    def __init__(self, gateway: Gateway, seed: int) -> None:
        self.gateway = gateway
        self.random = random.Random(seed)
        self.sent: dict[int, dict[str, Any]] = {}
        self.refused: set[int] = set()
        """Orders that a journal without room could not even refuse in writing: a disk slower than the orders."""
        self.link: Link | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.fault: BaseException | None = None

    def connect(self) -> Link:
        """Connect, and send again what riskd has no decision for, and some that it has."""
        self._hear()
        self.link = self.gateway.link()
        told = {f["order_id"] for f in self.link.sync() if f["kind"] == "DECISION"}
        last = next(f for f in self.link.frames if f["kind"] == "WELCOME")["last_order_id"]
        missing = [n for n in self.sent if n not in told | self.refused]
        lost = [n for n in missing if n <= last]
        assert not lost, f"riskd took {last}, and has no decision of {lost}"
        again = self.random.sample(sorted(told & set(self.sent)), min(3, len(told & set(self.sent))))
        for order_id in sorted([*again, *missing]):
            self.link.send("NEW_ORDER", **self.sent[order_id])
        for order_id in [*again, *missing]:
            self.link.wait("DECISION", order_id=order_id)
        return self.link

    def _hear(self) -> None:
        for frame in self.link.frames if self.link else []:
            if frame["kind"] == "DECISION" and frame["reason"] == JOURNAL_FAILED:
                assert frame["decision"] == REJECT, frame
                self.refused.add(frame["order_id"])

    def start(self) -> None:
        """Trade until `stop`, or until the line ends."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Send nothing any more."""
        self._stop.set()
        if self._thread:
            self._thread.join()
        if self.fault:
            raise self.fault

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._burst()
        except (LinkClosed, OSError):
            return
        except BaseException as fault:  # noqa: BLE001  # raised again by stop(), in the test's own thread
            self.fault = fault

    def _burst(self) -> None:
        assert self.link is not None
        held = {f["instrument_id"]: f["qty"] for f in self.link.frames if f["kind"] == "POSITION"}
        for _ in range(self.random.randrange(1, 12)):
            order = self._order(held)
            self.sent[order["order_id"]] = order
            self.link.send("NEW_ORDER", **order)
        last = max(self.sent)
        self.link.wait("DECISION", order_id=last)
        if self.random.random() < 0.5:
            self.link.send(
                "CANCEL", order_id=self.random.randrange(max(1, last - 20), last + 1), correlation="03" * 16
            )

    def _order(self, held: dict[int, int]) -> dict[str, Any]:
        number = self.random.choice(sorted(simulated.NAMES))
        side = SELL if held.get(number, 0) > 0 and self.random.random() < 0.5 else BUY
        worth = simulated.price(number)
        limit = self.random.random() < 0.8
        # From far behind the market to a little through it.
        away = round(worth * self.random.uniform(-0.02, 0.004) * (1 if side == BUY else -1), 2)
        return {
            "order_id": len(self.sent) + 1,
            "instrument_id": number,
            "side": side,
            "qty": self.random.randrange(1, 300),
            "limit_px": round((worth + away) * 100) * (MICRO // 100) if limit else 0,
            "type": LIMIT if limit else MARKET,
            "tif": self.random.choice([DAY, DAY, IOC]),
            "stop_distance": round(0.05 * worth * MICRO),
            "correlation": f"{len(self.sent) + 1:032x}",
        }
