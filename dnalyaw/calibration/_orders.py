"""Orders and fills as the cost analysis reads them: the fields of the OMS's `OrderReport`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["CostError", "ExecutedFill", "ExecutedOrder", "read_order"]


class CostError(ValueError):
    """Raised for an order or fill that contradicts itself; the message names the order and the field."""


@dataclass(frozen=True, slots=True)
class ExecutedFill:
    """One fill; prices and money in millionths of the currency unit, quantity in whole shares.

    Attributes
    ----------
    bid_micro, ask_micro : int
        The market at the fill; 0 where a side is absent. Equal and positive at an auction print.
    ts_ns : int
        Nanoseconds since the epoch, UTC.
    """

    exec_id: int
    qty: int
    px_micro: int
    fee_micro: int
    ts_ns: int
    bid_micro: int
    ask_micro: int

    def __post_init__(self) -> None:
        if self.qty <= 0:
            raise CostError(f"fill {self.exec_id}: qty is {self.qty}, want a positive number of shares")
        if self.px_micro <= 0:
            raise CostError(f"fill {self.exec_id}: px_micro is {self.px_micro}, want a positive price")
        if self.bid_micro < 0 or self.ask_micro < 0:
            raise CostError(f"fill {self.exec_id}: bid and ask are at least 0 (absent), got a negative one")

    @property
    def at_auction(self) -> bool:
        """Whether the fill is at a print, where no spread can be seen."""
        return self.bid_micro > 0 and self.bid_micro == self.ask_micro

    @property
    def two_sided(self) -> bool:
        """Whether both sides of the market at the fill are known."""
        return self.bid_micro > 0 and self.ask_micro > 0


@dataclass(frozen=True, slots=True)
class ExecutedOrder:
    """One order with its fills, as `OrderReport` has it.

    Attributes
    ----------
    side : str
        ``"BUY"`` or ``"SELL"``.
    arrival_bid_micro, arrival_ask_micro : int
        The market when the order was made; 0 where a side is absent.
    decision_px_micro : int
        Reference price of the risk decision, 0 where there was none.
    source : str
        Where the prices it traded at come from, e.g. ``"simulated"``, ``"recorded daily open"``.
    """

    order_id: int
    instrument_id: int
    side: str
    requested_qty: int
    approved_qty: int
    filled_qty: int
    arrival_bid_micro: int
    arrival_ask_micro: int
    decision_px_micro: int
    fills: tuple[ExecutedFill, ...]
    source: str = "unknown"

    def __post_init__(self) -> None:
        if self.side not in ("BUY", "SELL"):
            raise CostError(f"order {self.order_id}: side is {self.side!r}, want BUY or SELL")
        filled = sum(fill.qty for fill in self.fills)
        if filled != self.filled_qty:
            raise CostError(
                f"order {self.order_id}: filled_qty is {self.filled_qty}, "
                f"its {len(self.fills)} fills make {filled}"
            )
        ids = [fill.exec_id for fill in self.fills]
        if len(set(ids)) != len(ids):
            raise CostError(f"order {self.order_id}: a fill stands in it twice; remove the repeated exec_id")

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self.side == "BUY" else -1


_FILL = ("exec_id", "qty", "px_micro", "fee_micro", "ts_ns", "bid_micro", "ask_micro")
_ORDER = (
    "order_id",
    "instrument_id",
    "requested_qty",
    "approved_qty",
    "filled_qty",
    "arrival_bid_micro",
    "arrival_ask_micro",
    "decision_px_micro",
)


def read_order(report: Any, source: str | None = None) -> ExecutedOrder:
    """Read an order from an `OrderReport` message, a mapping with its fields, or an `ExecutedOrder`.

    Parameters
    ----------
    report : ExecutedOrder, mapping or object with the fields as attributes
        64-bit numbers may be text, as JSON writes them; a field that JSON leaves out is 0.
    source : str, optional
        Where the prices come from; what the report itself says otherwise.

    Raises
    ------
    CostError
        If a field is no whole number, or the order contradicts itself.
    """
    if isinstance(report, ExecutedOrder):
        return report if source is None else replace(report, source=source)
    order_id = _get(report, "order_id")
    place = f"order {order_id}"
    fills = tuple(
        ExecutedFill(**{name: _whole(_get(fill, name), f"{place}: fill", name) for name in _FILL})
        for fill in _get(report, "fills") or ()
    )
    return ExecutedOrder(
        side=str(_get(report, "side")),
        fills=fills,
        source=source or _get(report, "source") or "unknown",
        **{name: _whole(_get(report, name), place, name) for name in _ORDER},
    )


def _get(report: Any, name: str) -> Any:
    return report.get(name) if isinstance(report, Mapping) else getattr(report, name, None)


def _whole(value: Any, place: str, name: str) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise CostError(f"{place}: {name} is {value!r}, want a whole number")
    try:
        return int(value)
    except ValueError as error:
        raise CostError(f"{place}: {name} is {value!r}, want a whole number") from error
