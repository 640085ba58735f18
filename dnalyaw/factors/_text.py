"""Prints a tree in its one canonical form."""

from __future__ import annotations

from dnalyaw.factors._parser import COMPARISON, MINUS_PRECEDENCE, NOT_PRECEDENCE, PRECEDENCE
from dnalyaw.factors._tree import Binary, Call, Expr, Field, Number, Unary

_ATOM = 9


def to_text(expr: Expr) -> str:
    """Return the canonical text: ``parse(to_text(e)) == e``, and equal trees have equal texts.

    Examples
    --------
    >>> from dnalyaw.factors import parse
    >>> to_text(parse("rank( -(close-open)/open )"))
    'rank(-(close - open) / open)'
    """
    return _print(expr)[0]


def number_text(value: float) -> str:
    """Return a literal's canonical form: whole numbers without a point."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(value)


def _print(expr: Expr) -> tuple[str, int]:
    """Return the text and how tightly its outermost operator binds."""
    if isinstance(expr, Number):
        return number_text(expr.value), MINUS_PRECEDENCE if expr.value < 0 else _ATOM
    if isinstance(expr, Field):
        return expr.name, _ATOM
    if isinstance(expr, Call):
        return f"{expr.op}({', '.join(to_text(a) for a in expr.args)})", _ATOM
    if isinstance(expr, Unary):
        if expr.op == "not":
            return f"not {_within(expr.operand, NOT_PRECEDENCE)}", NOT_PRECEDENCE
        return f"-{_within(expr.operand, MINUS_PRECEDENCE)}", MINUS_PRECEDENCE
    return _binary(expr)


def _binary(expr: Binary) -> tuple[str, int]:
    own = PRECEDENCE[expr.op]
    # Comparisons do not chain, so one inside another is always in parentheses.
    left = _within(expr.left, own + 1 if own == COMPARISON else own)
    right = _within(expr.right, own + 1)
    return f"{left} {expr.op} {right}", own


def _within(child: Expr, lowest: int) -> str:
    text, strength = _print(child)
    return f"({text})" if strength < lowest else text
