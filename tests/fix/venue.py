"""A venue behind the QuickFIX acceptor: an account, its orders, and answers from them.

Its books follow from the fills it gives and nothing else, so they are what riskd's are compared with.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from tests.fix.acceptor import Acceptor, Fields, Message
from tests.risk.gateway import SESSION, eventually

CLOCK_NS = int(datetime.fromisoformat(f"{SESSION}T14:30:00+00:00").timestamp()) * 1_000_000_000
PRICES = {"AAA": ("99.99", "100.01", "100"), "BBB": ("49.99", "50.01", "50")}
IDS = {"AAA": 1, "BBB": 2}
WORKING = ("0", "1")


@dataclass
class Order:
    """One order as the venue has it."""

    cl_ord_id: str
    symbol: str
    side: str
    qty: int
    price: str | None
    status: str = "0"
    fills: list[tuple[str, int, Decimal, Decimal]] = field(default_factory=list)
    """ExecID, shares, price, fee."""

    @property
    def cum(self) -> int:
        return sum(fill[1] for fill in self.fills)

    @property
    def average(self) -> Decimal:
        total = sum((qty * px for _, qty, px, _ in self.fills), Decimal(0))
        return round(total / self.cum, 6) if self.cum else Decimal(0)

    @property
    def leaves(self) -> int:
        return self.qty - self.cum if self.status in WORKING else 0


class Venue:
    """The account and the acceptor before it."""

    def __init__(self, binary: Path, spec: Path, root: Path) -> None:
        self._lock = threading.RLock()
        self.orders: dict[str, Order] = {}
        self.opening_cash = Decimal(1_000_000)
        self.on_order: Callable[[Order], None] = self.acknowledge
        self._execs = 0
        self._clock_ns = CLOCK_NS
        self.acceptor = Acceptor(binary, spec, root, self._on_message, self.tell_session)

    # --- the books

    @property
    def cash(self) -> Decimal:
        total = self.opening_cash
        for order in self.orders.values():
            for _, qty, price, fee in order.fills:
                total += (-1 if order.side == "1" else 1) * qty * price - fee
        return total

    @property
    def positions(self) -> dict[int, int]:
        held: dict[int, int] = {}
        for order in self.orders.values():
            sign = 1 if order.side == "1" else -1
            held[IDS[order.symbol]] = held.get(IDS[order.symbol], 0) + sign * order.cum
        return {k: v for k, v in held.items() if v}

    def order(self, cl_ord_id: str) -> Order:
        """An order, once it is there."""
        eventually(f"{cl_ord_id} at the venue", lambda: cl_ord_id in self.orders)
        return self.orders[cl_ord_id]

    # --- what it tells

    def exec_id(self) -> str:
        self._execs += 1
        return f"Q{self._execs}"

    def acknowledge(self, order: Order) -> None:
        """Say that it works."""
        self._report(order, "0", self.exec_id())

    def fill(self, cl_ord_id: str, qty: int, price: str) -> str:
        """Trade some of it and report that; the ExecID. Nobody there: the session keeps the report and resends it."""
        with self._lock:
            order = self.orders[cl_ord_id]
            exec_id = self.exec_id()
            order.fills.append((exec_id, qty, Decimal(price), Decimal("0.5")))
            assert order.cum <= order.qty
            order.status = "2" if order.cum == order.qty else "1"
            self._report(order, "F", exec_id, order.fills[-1])
            return exec_id

    def repeat(self, cl_ord_id: str, exec_id: str, **header: str) -> None:
        """Report a fill again; `header` holds fields for the message's header by tag, as t43='Y'."""
        order = self.orders[cl_ord_id]
        fill = next(f for f in order.fills if f[0] == exec_id)
        self._report(order, "F", exec_id, fill, [(int(k[1:]), v) for k, v in header.items()])

    def end(self, cl_ord_id: str, status: str, text: str = "") -> None:
        """Cancel (4), reject (8) or expire (C) it."""
        with self._lock:
            order = self.orders[cl_ord_id]
            order.status = status
            self._report(order, status, self.exec_id(), more=[(58, text)] if text else [])

    def _report(
        self,
        order: Order,
        exec_type: str,
        exec_id: str,
        fill: tuple[str, int, Decimal, Decimal] | None = None,
        more: Fields | None = None,
    ) -> None:
        fields: Fields = [
            *(more or []),
            (37, f"V-{order.cl_ord_id}"),
            (11, order.cl_ord_id),
            (17, exec_id),
            (150, exec_type),
            *self._standing(order),
            (60, self._stamp()),
        ]
        if fill:
            fields += [(32, str(fill[1])), (31, str(fill[2])), (12, str(fill[3])), (13, "3")]
        self.acceptor.send("8", fields)

    @staticmethod
    def _standing(order: Order) -> Fields:
        return [
            (39, order.status),
            (1, "US"),
            (55, order.symbol),
            (48, str(IDS[order.symbol])),
            (22, "8"),
            (54, order.side),
            (38, str(order.qty)),
            (151, str(order.leaves)),
            (14, str(order.cum)),
            (6, str(order.average)),
        ]

    def _stamp(self) -> str:
        moment = datetime.fromtimestamp(self._clock_ns / 1e9, UTC)
        return moment.strftime("%Y%m%d-%H:%M:%S.000")

    def tell_session(self) -> None:
        """TradingSessionStatus: open, simulated."""
        text = f"SIMULATED session={SESSION.replace('-', '')} clock={self._clock_ns}"
        self.acceptor.send("h", [(336, "1"), (340, "2"), (58, text)])

    # --- what it is asked

    def _on_message(self, message: Message) -> None:
        with self._lock:
            answers: dict[str, Callable[[Message], None]] = {
                "D": self._new_order,
                "F": self._cancel,
                "AF": self._mass_status,
                "AN": self._list_positions,
                "BB": self._collateral,
                "V": self._snapshots,
            }
            if message.kind in answers:
                answers[message.kind](message)

    def _new_order(self, message: Message) -> None:
        cl_ord_id = message[11]
        assert cl_ord_id not in self.orders, f"{cl_ord_id} came twice"
        order = Order(cl_ord_id, message[55], message[54], int(message[38]), message.get(44))
        self.orders[cl_ord_id] = order
        self.on_order(order)

    def _cancel(self, message: Message) -> None:
        order = self.orders.get(message[41])
        if order is None or order.status not in WORKING:
            status = order.status if order else "8"
            self.acceptor.send(
                "9",
                [
                    (37, "NONE" if order is None else f"V-{order.cl_ord_id}"),
                    (11, message[11]),
                    (41, message[41]),
                    (39, status),
                    (434, "1"),
                    (102, "1" if order is None else "0"),
                    (58, "too late" if order else "unknown order"),
                ],
            )
            return
        order.status = "4"
        self._report(order, "4", self.exec_id(), more=[(41, order.cl_ord_id)])

    def _mass_status(self, message: Message) -> None:
        asked = message[584]
        if not self.orders:
            self.acceptor.send(
                "8",
                [
                    (37, "NONE"), (17, self.exec_id()), (584, asked), (911, "0"), (912, "Y"), (150, "I"),
                    (39, "8"), (55, "NONE"), (54, "1"), (151, "0"), (14, "0"), (6, "0"),
                ],
            )  # fmt: skip
            return
        for number, order in enumerate(self.orders.values(), 1):
            fields: Fields = [
                (37, f"V-{order.cl_ord_id}"),
                (11, order.cl_ord_id),
                (17, self.exec_id()),
                (584, asked),
                (911, str(len(self.orders))),
                (150, "I"),
                *self._standing(order),
                (60, self._stamp()),
            ]
            if number == len(self.orders):
                fields.append((912, "Y"))
            if order.fills:
                last = order.fills[-1]
                fees = sum((f[3] for f in order.fills), Decimal(0))
                fields += [(19, last[0]), (32, str(last[1])), (31, str(last[2])), (12, str(fees)), (13, "3")]
            self.acceptor.send("8", fields)

    def _list_positions(self, message: Message) -> None:
        asked, held = message[710], self.positions
        self.acceptor.send(
            "AO",
            [
                (721, f"M{asked}"), (710, asked), (727, str(len(held))), (728, "0" if held else "2"),
                (729, "0"), (1, "US"), (581, "1"), (453, "1"), (448, "US"), (447, "D"), (452, "1"),
            ],
        )  # fmt: skip
        symbols = {v: k for k, v in IDS.items()}
        for instrument, shares in held.items():
            symbol = symbols[instrument]
            price = PRICES[symbol][2]
            self.acceptor.send(
                "AP",
                [
                    (721, f"P{instrument}"), (710, asked), (728, "0"), (715, SESSION.replace("-", "")),
                    (453, "1"), (448, "US"), (447, "D"), (452, "1"), (1, "US"), (581, "1"),
                    (55, symbol), (48, str(instrument)), (22, "8"), (730, price), (731, "1"), (734, price),
                    (702, "1"), (703, "TOT"), (704, str(max(shares, 0))), (705, str(max(-shares, 0))),
                ],
            )  # fmt: skip

    def _collateral(self, message: Message) -> None:
        cash = str(self.cash)
        self.acceptor.send(
            "BA",
            [
                (908, f"C{self.exec_id()}"), (909, message[909]), (910, "0"), (1, "US"), (15, "USD"),
                (900, cash), (901, cash),
            ],
        )  # fmt: skip

    def _snapshots(self, message: Message) -> None:
        for symbol, (bid, ask, last) in PRICES.items():
            fields: Fields = [(262, message[262]), (55, symbol), (268, "3")]
            for entry, price in (("0", bid), ("1", ask), ("2", last)):
                fields += [(269, entry), (270, price), (271, "1000"), *self._market_time()]
            self.acceptor.send("W", fields)

    def _market_time(self) -> Fields:
        date, _, clock = self._stamp().partition("-")
        return [(272, date), (273, clock)]
