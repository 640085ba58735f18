"""Makes typed nodes and refuses what does not fit."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping

from dnalyaw.factors import _units as u
from dnalyaw.factors._errors import FactorTypeError
from dnalyaw.factors._fields import FIELDS, FieldSpec
from dnalyaw.factors._operators import ALIASES, EMA_SESSIONS_PER_SPAN, MAX_WINDOW, OPERATORS, Operator, Param
from dnalyaw.factors._tree import Binary, BinaryOp, Call, Expr, Field, Number, Unary
from dnalyaw.factors._units import Unit

MAX_DEPTH = 40
"""Deepest nesting of a tree."""

MAX_SIZE = 400
"""Most nodes of a tree."""

MAX_LOOKBACK = 2520
"""Most sessions a value may look back in total (ten years)."""

_COMPARISONS = frozenset({"<", "<=", ">", ">=", "==", "!="})
_MACROS = {"adv": ("n",), "returns": ("x", "d")}


def near(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


class Builder:
    """Makes the nodes of a typed tree.

    Parameters
    ----------
    text : str, default=""
        What is parsed; errors show it with a caret.
    fields : mapping of str to FieldSpec, optional
        Fields besides `FIELDS`.

    Raises
    ------
    FactorTypeError
        Every method, where names, units, windows or limits do not fit.
    """

    def __init__(self, text: str = "", fields: Mapping[str, FieldSpec] | None = None) -> None:
        self._text = text
        self._fields: Mapping[str, FieldSpec] = {**FIELDS, **(fields or {})}

    def error(self, message: str, position: int) -> FactorTypeError:
        """Return an error at a character of the text."""
        return FactorTypeError(message, position, self._text)

    def number(self, value: float, position: int = 0) -> Number:
        """Make a literal."""
        if not math.isfinite(value):
            raise self.error("number is too large; a literal must be finite", position)
        return Number(value + 0.0, position)

    def field(self, name: str, position: int = 0) -> Field:
        """Make a reference to a column."""
        spec = self._fields.get(name)
        if spec is None:
            if name in OPERATORS or name in ALIASES or name in _MACROS:
                raise self.error(f"{name!r} is an operator and needs its arguments in parentheses", position)
            raise self.error(f"unknown field {name!r}{near(name, self._fields)}", position)
        return Field(name, spec.unit, position)

    def negate(self, operand: Expr, position: int = 0) -> Expr:
        """Make minus; on a literal, a literal."""
        if isinstance(operand, Number):
            return self.number(-operand.value, position)
        self._numeric(operand, "'-'")
        return self._unary("-", operand, u.RATIO if operand.unit == u.RANK else operand.unit, position)

    def logical_not(self, operand: Expr, position: int = 0) -> Expr:
        """Make ``not``."""
        self._boolean(operand, "'not'")
        return self._unary("not", operand, u.BOOL, position)

    def binary(self, op: BinaryOp, left: Expr, right: Expr, position: int = 0) -> Expr:
        """Make arithmetic, a comparison or a connective; arithmetic of two literals is a literal."""
        unit: Unit | None
        if isinstance(left, Number) and isinstance(right, Number):
            return self._fold(op, left.value, right.value, position)
        if op in ("and", "or"):
            self._boolean(left, f"{op!r}")
            self._boolean(right, f"{op!r}")
            unit = u.BOOL
        else:
            self._numeric(left, f"{op!r}")
            self._numeric(right, f"{op!r}")
            if op == "*":
                unit = u.times(left.unit, right.unit)
            elif op == "/":
                unit = u.over(left.unit, right.unit)
            else:
                unit = self._join(left, right)
                if unit is None:
                    verb = "compare" if op in _COMPARISONS else "add" if op == "+" else "subtract"
                    raise self.error(
                        f"cannot {verb} a {left.unit} and a {right.unit}; "
                        "bring both to one unit (divide by a like quantity, or rank both)",
                        position,
                    )
                if op in _COMPARISONS:
                    unit = u.BOOL
                elif unit == u.RANK:
                    unit = u.RATIO
        depth, size, lookback = self._measure((left, right), 0, position)
        return Binary(op, left, right, unit, lookback, depth, size, False, position)

    def call(
        self, name: str, args: tuple[Expr, ...], position: int = 0, positions: tuple[int, ...] | None = None
    ) -> Expr:
        """Make an operator's call; ``adv`` and ``returns`` expand to what they stand for.

        Parameters
        ----------
        name : str
        args : tuple of Expr
            Literal parameters are `Number` nodes.
        position : int
            Of the name.
        positions : tuple of int, optional
            Of the arguments; the nodes' own when not given.
        """
        name = ALIASES.get(name, name)
        places = positions if positions is not None else tuple(a.position for a in args)
        if name in _MACROS:
            return self._macro(name, args, position)
        op = OPERATORS.get(name)
        if op is None:
            known = [*OPERATORS, *ALIASES, *_MACROS]
            if name in self._fields:
                raise self.error(f"{name!r} is a field and takes no arguments", position)
            raise self.error(f"unknown operator {name!r}{near(name, known)}", position)
        if len(args) != len(op.params):
            raise self.error(
                f"{op.signature} takes {len(op.params)} argument{'s' if len(op.params) != 1 else ''}, "
                f"{len(args)} given",
                position,
            )
        own = 0
        expressions: list[Expr] = []
        literals: list[float] = []
        for param, arg, place in zip(op.params, args, places, strict=True):
            if param.kind in ("series", "bool", "group"):
                self._check_expression(op, param, arg, place)
                expressions.append(arg)
            else:
                value = self._check_literal(op, param, arg, place)
                literals.append(value)
                own = max(own, _sessions(param, value))
        if all(e.constant for e in expressions):
            raise self.error(f"{name} of literals alone; at least one argument must read a field", position)
        unit = op.unit_rule(self._units(op, expressions), literals)
        if isinstance(unit, str):
            raise self.error(f"{name} {unit}", position)
        depth, size, lookback = self._measure(args, own, position)
        return Call(name, args, unit, lookback, depth, size, False, position)

    def _fold(self, op: BinaryOp, left: float, right: float, position: int) -> Number:
        if op == "+":
            return self.number(left + right, position)
        if op == "-":
            return self.number(left - right, position)
        if op == "*":
            return self.number(left * right, position)
        if op == "/":
            if right == 0:
                raise self.error("division of a literal by zero", position)
            return self.number(left / right, position)
        raise self.error("both sides are literals; at least one must read a field", position)

    def _units(self, op: Operator, expressions: list[Expr]) -> list[Unit]:
        """Return the units the rule sees: a condition is left out, a literal 0 takes its neighbour's unit."""
        units = [e.unit for e, p in zip(expressions, op.params, strict=False) if p.kind != "bool"]
        seen = [e for e, p in zip(expressions, op.params, strict=False) if p.kind != "bool"]
        if op.name in ("where", "min", "max"):
            first, second = seen
            if _is_zero(first):
                units[0] = second.unit
            elif _is_zero(second):
                units[1] = first.unit
        return units

    def _macro(self, name: str, args: tuple[Expr, ...], position: int) -> Expr:
        names = _MACROS[name]
        if len(args) != len(names):
            raise self.error(
                f"{name}({', '.join(names)}) takes {len(names)} argument{'s' if len(names) != 1 else ''}, "
                f"{len(args)} given",
                position,
            )
        if name == "adv":
            return self.call("ts_mean", (self.field("amount", position), args[0]), position)
        earlier = self.call("delay", args, position)
        ratio = self.binary("/", args[0], earlier, position)
        return self.binary("-", ratio, self.number(1.0, position), position)

    def _join(self, left: Expr, right: Expr) -> Unit | None:
        if _is_zero(left):
            return right.unit
        if _is_zero(right):
            return left.unit
        return u.join(left.unit, right.unit)

    def _numeric(self, operand: Expr, where: str) -> None:
        if not operand.unit.numeric:
            hint = "; use where(condition, 1, 0)" if operand.unit == u.BOOL else ""
            raise self.error(f"{where} takes numbers, this is a {operand.unit}{hint}", operand.position)

    def _boolean(self, operand: Expr, where: str) -> None:
        if operand.unit != u.BOOL:
            raise self.error(
                f"{where} takes conditions, this is a {operand.unit}; compare it with something",
                operand.position,
            )

    def _check_expression(self, op: Operator, param: Param, arg: Expr, place: int) -> None:
        if param.kind == "group":
            if arg.unit != u.GROUP:
                raise self.error(
                    f"{op.signature}: {param.name} is a group such as sector, not a {arg.unit}", place
                )
        elif param.kind == "bool":
            if arg.unit != u.BOOL:
                raise self.error(f"{op.signature}: {param.name} is a condition, not a {arg.unit}", place)
        elif not arg.unit.numeric:
            hint = "; count a condition with ts_count" if arg.unit == u.BOOL else ""
            raise self.error(f"{op.signature}: {param.name} is a number, not a {arg.unit}{hint}", place)

    def _check_literal(self, op: Operator, param: Param, arg: Expr, place: int) -> float:
        if not isinstance(arg, Number):
            raise self.error(f"{op.signature}: {param.name} is a literal number, not an expression", place)
        value = arg.value
        whole = param.kind != "real"
        if whole and value != int(value):
            raise self.error(
                f"{op.signature}: {param.name} is a whole number of sessions, not {value!r}", place
            )
        if not param.low <= value <= param.high:
            raise self.error(
                f"{op.signature}: {param.name} must be from {param.low:g} to {param.high:g}, not {value:g}",
                place,
            )
        return value

    def _unary(self, op: str, operand: Expr, unit: Unit, position: int) -> Unary:
        depth, size, lookback = self._measure((operand,), 0, position)
        return Unary("not" if op == "not" else "-", operand, unit, lookback, depth, size, False, position)

    def _measure(self, args: tuple[Expr, ...], own: int, position: int) -> tuple[int, int, int]:
        depth = 1 + max(a.depth for a in args)
        size = 1 + sum(a.size for a in args)
        lookback = own + max(a.lookback for a in args)
        if depth > MAX_DEPTH:
            raise self.error(f"nested more than {MAX_DEPTH} deep; split the factor", position)
        if size > MAX_SIZE:
            raise self.error(f"more than {MAX_SIZE} terms; split the factor", position)
        if lookback > MAX_LOOKBACK:
            raise self.error(
                f"looks back {lookback} sessions, the most is {MAX_LOOKBACK}; shorten the windows", position
            )
        return depth, size, lookback


def _is_zero(expr: Expr) -> bool:
    return isinstance(expr, Number) and expr.value == 0


def _sessions(param: Param, value: float) -> int:
    if param.kind == "window":
        return int(value) - 1
    if param.kind == "lag":
        return int(value)
    if param.kind == "span":
        return EMA_SESSIONS_PER_SPAN * int(value) - 1
    return 0


__all__ = ["MAX_DEPTH", "MAX_LOOKBACK", "MAX_SIZE", "MAX_WINDOW", "Builder"]
