"""What one program says of a day: every order, every fill, every position. And whether two of them say the same.

The comparers return what they find as sentences, so that a test can also see that they find what was planted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

FILLED, CANCELLED, REJECTED, EXPIRED, DENIED = "FILLED", "CANCELLED", "REJECTED", "EXPIRED", "DENIED"


@dataclass(frozen=True)
class Fill:
    """One execution; `exec_id` as frames carry it, prices and fees in millionths."""

    exec_id: int
    qty: int
    px: int
    fee: int
    made: bool = field(default=False, compare=False)
    """riskd made it of what the venue told of the order, because reports of its own were lost."""


@dataclass
class Order:
    """One order. `asked` is None where only the approved quantity is known, `approved` where riskd never decided."""

    order_id: int
    instrument_id: int
    side: str
    asked: int | None
    approved: int | None
    end: str = ""
    fills: list[Fill] = field(default_factory=list)
    average: int | None = None
    """Average price in millionths, where it is told and not summed."""
    settled: int = 0
    """Fees that were told after the fills that they are of."""
    never_left: bool = False
    """It was approved, and its end says that the venue never had it."""

    @property
    def filled(self) -> int:
        return sum(f.qty for f in self.fills)

    @property
    def notional(self) -> int:
        return sum(f.qty * f.px for f in self.fills)

    @property
    def fees(self) -> int:
        return sum(f.fee for f in self.fills) + self.settled


@dataclass
class Account:
    """A day as one program tells it. Orders are a list: one that is there twice shows."""

    name: str
    orders: list[Order]
    positions: dict[int, int]
    """As the program tells them where it does, else summed from its fills; without zeros."""

    def by_id(self) -> dict[int, Order]:
        """The orders by id; of one that is there twice the last."""
        return {o.order_id: o for o in self.orders}


def summed_positions(orders: Iterable[Order]) -> dict[int, int]:
    """Where the fills leave an account that began with nothing."""
    held: Counter[int] = Counter()
    for order in orders:
        held[order.instrument_id] += order.filled if order.side == "BUY" else -order.filled
    return {k: v for k, v in held.items() if v}


def contradictions(account: Account) -> list[str]:
    """What cannot be, whatever the others say."""
    found = []
    for order_id, times in Counter(o.order_id for o in account.orders).items():
        if times > 1:
            found.append(f"{account.name}: order {order_id} is there {times} times")
    execs = Counter(f.exec_id for o in account.orders for f in o.fills)
    found += [f"{account.name}: execution {e:x} is there {n} times" for e, n in execs.items() if n > 1]
    for order in account.orders:
        what = f"{account.name}: order {order.order_id}"
        if not order.end:
            found.append(f"{what} has no end")
        if order.filled > (order.approved or 0):
            found.append(f"{what} filled {order.filled} of {order.approved or 0} approved")
        if (order.end == FILLED) != (order.filled == order.approved and order.filled > 0):
            found.append(f"{what} is {order.end} with {order.filled} of {order.approved} filled")
        if order.filled and order.average is not None and order.average != average(order):
            found.append(
                f"{what}: its average price {order.average} is not that of its fills, {average(order)}"
            )
    if account.positions != (held := summed_positions(account.orders)):
        found += _dicts(f"{account.name}'s positions", account.positions, "its own fills", held)
    return found


def average(order: Order) -> int:
    """The average price of its fills in millionths, to the nearest."""
    return (2 * order.notional + order.filled) // (2 * order.filled)


def exact(a: Account, b: Account) -> list[str]:
    """Two tellings of one thing: the same orders with the same fills, down to the fee."""
    return _orders(a, b, a.by_id(), b.by_id(), _same_fills) + _dicts(
        f"{a.name}'s positions", a.positions, f"{b.name}'s", b.positions
    )


def asked_and_decided(oms: Account, risk: Account) -> list[str]:
    """omsd against riskd: what omsd never sent riskd need not know; all else is the same down to the fee."""
    theirs = risk.by_id()
    mine = {
        n: o
        for n, o in oms.by_id().items()
        if n in theirs or o.approved is not None or o.end not in (CANCELLED, EXPIRED)
    }
    return _orders(oms, risk, mine, theirs, _same_fills) + _dicts(
        f"{oms.name}'s positions", oms.positions, f"{risk.name}'s", risk.positions
    )


def decided_and_traded(risk: Account, venue: Account) -> list[str]:
    """riskd against the venue: everything approved is there, unless its end says that it never left."""
    theirs = venue.by_id()
    mine = {n: o for n, o in risk.by_id().items() if n in theirs or (o.approved and not o.never_left)}
    found = _orders(risk, venue, mine, theirs, _joined_fills)
    found += [
        f"order {n}: {risk.name} says that it never left, {venue.name} has it"
        for n, o in mine.items()
        if o.never_left
    ]
    return found + _dicts(f"{risk.name}'s positions", risk.positions, f"{venue.name}'s", venue.positions)


def _orders(
    a: Account,
    b: Account,
    mine: Mapping[int, Order],
    theirs: Mapping[int, Order],
    fills: Callable[[Order, Order], list[str]],
) -> list[str]:
    found = [f"order {n}: {a.name} has it, {b.name} does not" for n in sorted(mine.keys() - theirs.keys())]
    found += [f"order {n}: {b.name} has it, {a.name} does not" for n in sorted(theirs.keys() - mine.keys())]
    for n in sorted(mine.keys() & theirs.keys()):
        x, y = mine[n], theirs[n]
        for name in ("instrument_id", "side", "asked", "approved", "end", "filled", "fees"):
            p, q = getattr(x, name), getattr(y, name)
            if p != q and not (name == "asked" and None in (p, q)):
                found.append(f"order {n}: {name} is {p} at {a.name} and {q} at {b.name}")
        found += [f"order {n}: {a.name} and {b.name}: {what}" for what in fills(x, y)]
    return found


def _same_fills(x: Order, y: Order) -> list[str]:
    p, q = (Counter(_terms(o, x.settled == y.settled)) for o in (x, y))
    return [] if p == q else [f"fills differ: {sorted((p - q).elements())} and {sorted((q - p).elements())}"]


def _terms(order: Order, with_fees: bool) -> list[tuple[int, int, int, int]]:
    """Fees that came later are on one of the fills in omsd's report: then the order's sum of them counts."""
    return [(f.exec_id, f.qty, f.px, f.fee if with_fees else 0) for f in order.fills]


def _joined_fills(x: Order, y: Order) -> list[str]:
    """Fill by fill in the order in which they came. Where reports were lost in a kill, one that riskd made stands for them,
    with the average that the venue told of the order: it must begin and end where fills of the venue's do, and be worth
    what they are. All others are the venue's own."""
    found, there, told = [], list(y.fills), 0
    spent_here = spent_there = 0
    for mine in x.fills:
        told += mine.qty
        parts: list[Fill] = []
        while there and sum(f.qty for f in parts) < mine.qty:
            parts.append(there.pop(0))
        spent_here += mine.qty * mine.px
        spent_there += sum(f.qty * f.px for f in parts)
        if not mine.made:
            if parts != [mine]:
                found.append(f"a fill is {mine} here and {parts} there")
        elif sum(f.qty for f in parts) != mine.qty:
            found.append(f"{mine} stands for no whole number of the fills there: {parts}")
        elif sum(f.fee for f in parts) != mine.fee and not x.settled:
            found.append(f"{mine} has not the fees of {parts}")
        elif abs(spent_here - spent_there) > told + mine.qty:
            # The venue's average is rounded, and so is the price that makes it come out.
            found.append(f"{mine} is not worth what {parts} are")
    return found + [f"a fill is missing: {f}" for f in there]


def _dicts(a: str, mine: Mapping[int, int], b: str, theirs: Mapping[int, int]) -> list[str]:
    return [
        f"{a} and {b}: {mine.get(k, 0)} and {theirs.get(k, 0)} of instrument {k}"
        for k in sorted(mine.keys() | theirs.keys())
        if mine.get(k, 0) != theirs.get(k, 0)
    ]
