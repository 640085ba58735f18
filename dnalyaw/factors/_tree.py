"""The typed tree of a factor.

Nodes are made by `dnalyaw.factors.Builder` (which `parse` uses), which checks units and windows; a tree that
exists is a tree that can be evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from dnalyaw.factors._units import RATIO, Unit

UnaryOp: TypeAlias = Literal["-", "not"]
BinaryOp: TypeAlias = Literal["+", "-", "*", "/", "<", "<=", ">", ">=", "==", "!=", "and", "or"]


@dataclass(frozen=True, slots=True)
class Number:
    """A literal number; never negative zero, always finite."""

    value: float
    position: int = field(default=0, compare=False, repr=False)
    unit: Unit = field(default=RATIO, repr=False)
    lookback: int = field(default=0, repr=False)
    depth: int = field(default=1, repr=False)
    size: int = field(default=1, repr=False)
    constant: bool = field(default=True, repr=False)


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the panel."""

    name: str
    unit: Unit
    position: int = field(default=0, compare=False, repr=False)
    lookback: int = field(default=0, repr=False)
    depth: int = field(default=1, repr=False)
    size: int = field(default=1, repr=False)
    constant: bool = field(default=False, repr=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """Minus or ``not``. Minus never stands directly on a `Number`: the literal carries its sign."""

    op: UnaryOp
    operand: Expr
    unit: Unit
    lookback: int
    depth: int = field(repr=False)
    size: int = field(repr=False)
    constant: bool = field(repr=False)
    position: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic, a comparison or a logical connective."""

    op: BinaryOp
    left: Expr
    right: Expr
    unit: Unit
    lookback: int
    depth: int = field(repr=False)
    size: int = field(repr=False)
    constant: bool = field(repr=False)
    position: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """An operator of the table, with its arguments; windows and parameters are `Number` nodes."""

    op: str
    args: tuple[Expr, ...]
    unit: Unit
    lookback: int
    depth: int = field(repr=False)
    size: int = field(repr=False)
    constant: bool = field(repr=False)
    position: int = field(default=0, compare=False, repr=False)


Expr: TypeAlias = Number | Field | Unary | Binary | Call
"""A typed factor expression. ``lookback`` is how many sessions before t its value at t reads."""


def children(expr: Expr) -> tuple[Expr, ...]:
    """Return the direct sub-expressions, in writing order."""
    if isinstance(expr, Unary):
        return (expr.operand,)
    if isinstance(expr, Binary):
        return (expr.left, expr.right)
    if isinstance(expr, Call):
        return expr.args
    return ()


def walk(expr: Expr) -> Iterator[Expr]:
    """Yield every node, parents before children."""
    yield expr
    for child in children(expr):
        yield from walk(child)


def fields_of(expr: Expr) -> frozenset[str]:
    """Return the names of the fields that an expression reads."""
    return frozenset(node.name for node in walk(expr) if isinstance(node, Field))
