"""Wishes at random that flip positions, handed over as an intraday strategy does: again until they are answered."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import grpc

from dnalyaw import runtime
from dnalyaw.runtime import messages as pb
from dnalyaw.runtime._gen.oms_pb2_grpc import OrderManagementStub
from tests.day import market

SESSION = int(market.DAY.strftime("%Y%m%d"))
PASSING = {
    "RISK_DOWN",
    "VENUE_DOWN",
    "NO_ACCOUNT",
    "HALTED",
    "SESSION_CLOSED",
    "JOURNAL_BEHIND",
    "UNKNOWN_INSTRUMENT",
}
"""Refused while something is down. An instrument is unknown as long as riskd has sent no price of it."""
Wish = tuple[str, int, float]
"""A strategy, an instrument and the weight that it is to have."""
AT_ONCE = 1 / 6
"""Updates of one call, at most, as a part of a second's."""


@dataclass
class Told:
    """What omsd has answered."""

    accepted: dict[tuple[str, int], int] = field(default_factory=dict)
    """Updates that it took, with their orders."""
    taken_before: set[tuple[str, int]] = field(default_factory=set)
    portfolios: int = 0
    refused: int = 0
    last_order: int = 0


class Trader:
    """Trades until so many orders were planned."""

    def __init__(self, layout: runtime.Layout, seed: int, rate: float) -> None:
        self.layout = layout
        self.told = Told()
        self.fault: BaseException | None = None
        self._random = random.Random(seed)
        self._rate = rate
        self._seq = dict.fromkeys(market.STRATEGIES, 0)
        self._portfolios = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """The portfolios that updates change; on a market that has not begun they wait for it."""
        self._hand_over()

    def start(self, orders: int) -> None:
        """Trade in a thread of its own until omsd has planned so many orders."""
        self._thread = threading.Thread(target=self._run, args=(orders,), daemon=True)
        self._thread.start()

    def wait(self, enough: Callable[[], bool]) -> bool:
        """Wait for something; False when the trading has ended before."""
        while not enough():
            if self._thread is None or not self._thread.is_alive():
                break
            time.sleep(0.002)
        if self.fault:
            raise self.fault
        return enough()

    def stop(self) -> None:
        """End it, whatever it waits for."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _run(self, orders: int) -> None:
        try:
            begun, left = time.monotonic(), 0
            wishes: list[Wish] = []
            while self.told.last_order < orders and not self._stop.is_set():
                wishes += [
                    self._wish()
                    for _ in range(self._random.randrange(1, round(AT_ONCE * self._rate)) - len(wishes))
                ]
                wishes = self._update(wishes)
                left += 1
                if left % 60 == 0:
                    self._hand_over()
                # Paced by what it has ordered: what was refused while something was down is made up for.
                time.sleep(
                    max(
                        0.0 if not wishes else 0.05,
                        min(0.2, self.told.last_order / self._rate - (time.monotonic() - begun)),
                    )
                )
        except BaseException as fault:  # noqa: BLE001  # raised again by wait(), in the test's own thread
            self.fault = fault

    def _wish(self) -> Wish:
        """A strategy wants another weight of a name: nothing, something, or far more than an issuer may have."""
        draw = self._random.random()
        weight = 0.0 if draw < 0.45 else 0.15 if draw < 0.47 else round(self._random.uniform(0.004, 0.02), 6)
        return self._random.choice(market.STRATEGIES), self._random.choice(sorted(market.NAMES)), weight

    def _update(self, wishes: list[Wish]) -> list[Wish]:
        """Hand wishes over under new numbers, again under the same until each is answered; what was refused comes back."""
        pending, back = [self._numbered(w) for w in wishes], []
        while pending and not self._stop.is_set():
            try:
                with grpc.insecure_channel(
                    f"unix:{self.layout.oms_socket}", options=[("grpc.default_authority", "localhost")]
                ) as channel:
                    for answer in OrderManagementStub(channel).UpdateTargets(_sent(pending), timeout=20):
                        asked = pending.pop(0)
                        assert (answer.strategy_id, answer.seq) == (asked.strategy_id, asked.seq), answer
                        if self._take(answer):
                            back.append((asked.strategy_id, asked.target.instrument_id, asked.target.weight))
            except grpc.RpcError:
                time.sleep(0.02)
        return back

    def _numbered(self, wish: Wish) -> pb.TargetUpdate:
        strategy, instrument, weight = wish
        self._seq[strategy] += 1
        return pb.TargetUpdate(
            strategy_id=strategy,
            seq=self._seq[strategy],
            session=SESSION,
            target=_target(instrument, weight),
            correlation_id=f"{market.STRATEGIES.index(strategy) + 1:016x}{self._seq[strategy]:016x}",
        )

    def _take(self, answer: Any) -> bool:
        """Note an answer; whether it was refused for now."""
        key = (answer.strategy_id, answer.seq)
        if answer.outcome == runtime.ACCEPTED:
            assert key not in self.told.accepted, f"{key} was accepted twice"
            self.told.accepted[key] = answer.order_id
            self.told.last_order = max(self.told.last_order, answer.order_id)
        elif answer.outcome == runtime.ALREADY_TAKEN:
            self.told.taken_before.add(key)
        else:
            codes = {f.code for f in answer.faults}
            if codes != {"OVER_LEVERAGE"}:
                assert codes <= PASSING, answer
                self.told.refused += 1
                return True
            # It wants too much of everything: not this one then.
        return False

    def _hand_over(self) -> None:
        """Whole portfolios of both strategies: what they do not name they do not want."""
        self._portfolios += 1
        moment = int((market.OPENING - timedelta(minutes=30)).timestamp()) * 1_000_000_000 + self._portfolios
        folios = [
            pb.TargetPortfolio(
                strategy_id=strategy,
                as_of_ns=moment,
                session=SESSION,
                targets=[
                    _target(n, round(self._random.uniform(0.004, 0.02), 6))
                    for n in sorted(market.NAMES)
                    if self._random.random() < 0.7
                ],
                correlation_id=f"{3:016x}{self._portfolios:016x}",
            )
            for strategy in market.STRATEGIES
        ]
        while not self._stop.is_set():
            try:
                with runtime.OmsClient(self.layout) as client:
                    answer = client.submit(folios)
            except runtime.OmsError:
                time.sleep(0.02)
                continue
            if answer.outcome != runtime.REFUSED:
                self.told.portfolios += 1
                return
            assert {f.code for f in answer.faults} <= PASSING, answer
            time.sleep(0.05)


def _target(instrument: int, weight: float) -> pb.Target:
    return pb.Target(instrument_id=instrument, weight=weight, stop_distance=0.05 * market.price(instrument))


def _sent(pending: list[pb.TargetUpdate]) -> Iterator[pb.TargetUpdate]:
    yield from list(pending)
