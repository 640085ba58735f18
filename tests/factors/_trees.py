"""Random well-typed trees."""

from __future__ import annotations

from hypothesis import strategies as st

from dnalyaw.factors import OPERATORS, Binary, Builder, Call, Expr, FactorTypeError, Field, Number, Unary

_NUMERIC = ("open", "high", "low", "close", "vwap", "volume", "amount", "returns")
_ARITHMETIC = ("+", "-", "*", "/")
_COMPARISON = ("<", "<=", ">", ">=", "==", "!=")
_BUILD = Builder()


@st.composite
def numeric(draw: st.DrawFn, depth: int = 3, window: int = 6) -> Expr:
    """A tree whose value is a number and which reads a field."""
    if depth == 0:
        return _BUILD.field(draw(st.sampled_from(_NUMERIC)))
    shape = draw(st.sampled_from(("leaf", "arithmetic", "minus", "literal", "call", "call", "call")))
    if shape == "leaf":
        return draw(numeric(0))
    if shape == "minus":
        return _BUILD.negate(draw(numeric(depth - 1, window)))
    if shape == "literal":
        value = draw(st.sampled_from((-2.0, -0.5, 0.0, 1.0, 2.0, 0.001, 1e20)))
        op = draw(st.sampled_from(("*", "/")))
        left, right = _BUILD.number(value), draw(numeric(depth - 1, window))
        if op == "/" and value == 0:
            op = "*"
        return draw(st.sampled_from((_BUILD.binary(op, left, right), _BUILD.binary("*", right, left))))
    if shape == "arithmetic":
        left, right = draw(numeric(depth - 1, window)), draw(numeric(depth - 1, window))
        op = draw(st.sampled_from(_ARITHMETIC))
        try:
            return _BUILD.binary(op, left, right)
        except FactorTypeError:
            return _BUILD.binary(op, _rank(left), _rank(right))
    name = draw(st.sampled_from(sorted(OPERATORS)))
    args = []
    for param in OPERATORS[name].params:
        if param.kind == "series":
            args.append(draw(numeric(depth - 1, window)))
        elif param.kind == "bool":
            args.append(draw(condition(depth - 1, window)))
        elif param.kind == "group":
            args.append(_BUILD.field("sector"))
        elif param.kind == "real":
            choices = [v for v in (-2.0, 0.0, 0.05, 0.5, 1.0, 1.5, 3.0) if param.low <= v <= param.high]
            args.append(_BUILD.number(draw(st.sampled_from(choices))))
        else:
            args.append(_BUILD.number(draw(st.integers(int(param.low), max(int(param.low), window)))))
    try:
        return _BUILD.call(name, tuple(args))
    except FactorTypeError:
        return _BUILD.call(name, tuple(_rank(a) if _is_series(a) else a for a in args))


@st.composite
def condition(draw: st.DrawFn, depth: int = 2, window: int = 6) -> Expr:
    """A tree whose value is a condition."""
    shape = draw(st.sampled_from(("compare", "compare", "and", "or", "not"))) if depth > 0 else "compare"
    if shape in ("and", "or"):
        return _BUILD.binary(shape, draw(condition(depth - 1)), draw(condition(depth - 1)))
    if shape == "not":
        return _BUILD.logical_not(draw(condition(depth - 1)))
    left, right = draw(numeric(max(depth - 1, 0), window)), draw(numeric(0))
    op = draw(st.sampled_from(_COMPARISON))
    try:
        return _BUILD.binary(op, left, right)
    except FactorTypeError:
        return _BUILD.binary(op, _rank(left), _rank(right))


def _is_series(arg: Expr) -> bool:
    return arg.unit.numeric and not isinstance(arg, Number)


def _rank(expr: Expr) -> Expr:
    return _BUILD.call("rank", (expr,))


def as_tuples(expr: Expr) -> tuple:
    """The tree as nested tuples, for the naive evaluator."""
    if isinstance(expr, Number):
        return ("number", expr.value)
    if isinstance(expr, Field):
        return ("field", expr.name)
    if isinstance(expr, Unary):
        return ("neg" if expr.op == "-" else "not", as_tuples(expr.operand))
    if isinstance(expr, Binary):
        return (expr.op, as_tuples(expr.left), as_tuples(expr.right))
    assert isinstance(expr, Call)
    return (expr.op, *(as_tuples(a) for a in expr.args))
