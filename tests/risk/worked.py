"""What a limit comes to, worked by hand from an account that holds nothing and the prices that the venue shows."""

from __future__ import annotations

from tests.risk.link import MICRO, Link
from tests.risk.simulated import price


def equity(link: Link) -> int:
    """Equity of an account that holds nothing: its cash."""
    state = link.state()
    assert state["equity"] == state["cash"] > 0, "nothing is held"
    return int(state["equity"])


def mark(link: Link, name: int) -> int:
    """What exposure is measured at: the middle of the last quote."""
    told = next(f for f in reversed(link.frames) if f["kind"] == "PRICE" and f["instrument_id"] == name)
    return int(told["bid"] + (told["ask"] - told["bid"]) // 2)


def below(name: int) -> float:
    """A price that no quote of the day reaches."""
    return round(price(name) * 0.98, 2)


def reserve(link: Link, name: int) -> int:
    """What a share of a buy at `below` is reserved at."""
    return max(mark(link, name), round(below(name) * MICRO))


def most_by_instrument(link: Link, name: int) -> int:
    """Shares of such a buy that 5% of equity hold."""
    return equity(link) * 500 // 10_000 // reserve(link, name)
