"""Units of a factor's values: what may be added to, or compared with, what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: powers of price and of volume, or one of the kinds without dimension.

    Attributes
    ----------
    kind : {"number", "rank", "bool", "group"}
        ``number`` has dimensions; ``rank`` is a pure number in (0, 1]; ``bool`` is true, false or absent;
        ``group`` labels instruments and takes part in no arithmetic.
    price, volume : int
        Powers of one currency unit a share, and of one share. Money is both to the power 1.
    """

    kind: Literal["number", "rank", "bool", "group"] = "number"
    price: int = 0
    volume: int = 0

    def __str__(self) -> str:
        if self.kind != "number":
            return self.kind
        if (self.price, self.volume) == (0, 0):
            return "ratio"
        if (self.price, self.volume) == (1, 1):
            return "money"
        parts = []
        for name, power in (("price", self.price), ("volume", self.volume)):
            if power == 1:
                parts.append(name)
            elif power:
                parts.append(f"{name}^{power}")
        return "*".join(parts)

    @property
    def numeric(self) -> bool:
        """Whether arithmetic is defined."""
        return self.kind in ("number", "rank")

    @property
    def pure(self) -> bool:
        """Whether it is a number without dimension."""
        return self.numeric and self.price == 0 and self.volume == 0


PRICE = Unit(price=1)
VOLUME = Unit(volume=1)
MONEY = Unit(price=1, volume=1)
RATIO = Unit()
RANK = Unit(kind="rank")
BOOL = Unit(kind="bool")
GROUP = Unit(kind="group")


def join(left: Unit, right: Unit) -> Unit | None:
    """Return the unit of a sum, a choice or a comparison of two numbers; None where there is none."""
    if left == right and left.numeric:
        return left
    if left.pure and right.pure:
        return RATIO
    return None


def times(left: Unit, right: Unit) -> Unit:
    """Return the unit of a product."""
    if left == RANK and right == RANK:
        return RATIO
    return Unit(price=left.price + right.price, volume=left.volume + right.volume)


def over(left: Unit, right: Unit) -> Unit:
    """Return the unit of a quotient."""
    return Unit(price=left.price - right.price, volume=left.volume - right.volume)


def to_power(unit: Unit, exponent: int) -> Unit:
    """Return the unit of an integer power."""
    return Unit(price=unit.price * exponent, volume=unit.volume * exponent)
