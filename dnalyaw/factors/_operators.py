"""The operator table: what each operator takes, what it returns, and the rules it follows.

`docs/factor-language.md` is generated from this table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from dnalyaw.factors import _units as u
from dnalyaw.factors._units import Unit

MAX_WINDOW = 1260
"""Longest window or lag of one operator, in sessions (five years)."""

EMA_SESSIONS_PER_SPAN = 3
"""An exponential mean of span n reads exactly 3 n sessions: finite, so without memory of its start."""

ParamKind = Literal["series", "bool", "group", "window", "lag", "span", "real"]


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of an operator.

    ``series``, ``bool`` and ``group`` are expressions; the others are literal numbers: a ``window`` of w
    sessions ends at t and adds w - 1 sessions of lookback, a ``lag`` of d adds d, a ``span`` of n adds 3 n
    - 1.
    """

    name: str
    kind: ParamKind
    low: float = 1
    high: float = MAX_WINDOW


UnitRule = Callable[[list[Unit], list[float]], "Unit | str"]
"""From the units of the expression arguments and the literal parameters: the unit, or what is wrong."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator of the language.

    Attributes
    ----------
    name : str
    params : tuple of Param
    unit_rule : callable
        Result unit, or the reason why there is none.
    unit_text : str
        The same for readers.
    family : str
        Heading in the reference.
    meaning, absent, ties : str
        Value, what an absent (NaN) input does, and what equal values do ("" where it cannot matter).
    """

    name: str
    params: tuple[Param, ...]
    unit_rule: UnitRule
    unit_text: str
    family: Literal["elementwise", "time", "cross-section", "group"]
    meaning: str
    absent: str
    ties: str = ""

    @property
    def signature(self) -> str:
        """How it is written, e.g. ``ts_mean(x, w)``."""
        return f"{self.name}({', '.join(p.name for p in self.params)})"


def _same(units: list[Unit], _: list[float]) -> Unit | str:
    return units[0]


def _ratio(units: list[Unit], _: list[float]) -> Unit | str:
    return u.RATIO


def _rank(units: list[Unit], _: list[float]) -> Unit | str:
    return u.RANK


def _pure(units: list[Unit], _: list[float]) -> Unit | str:
    for unit in units:
        if not unit.pure:
            return f"takes a number without dimension, not a {unit}; divide by a like quantity first"
    return u.RATIO


def _number_of(units: list[Unit], _: list[float]) -> Unit | str:
    return u.RATIO if units[0].pure else units[0]


def _joined(units: list[Unit], _: list[float]) -> Unit | str:
    joined = u.join(units[0], units[1])
    return joined if joined is not None else f"cannot choose between a {units[0]} and a {units[1]}"


def _squared(units: list[Unit], _: list[float]) -> Unit | str:
    return u.to_power(units[0], 2)


def _product(units: list[Unit], _: list[float]) -> Unit | str:
    return u.times(units[0], units[1])


def _quotient(units: list[Unit], _: list[float]) -> Unit | str:
    return u.over(units[0], units[1])


def _root(units: list[Unit], _: list[float]) -> Unit | str:
    unit = units[0]
    if unit.price % 2 or unit.volume % 2:
        return f"has no square root of a {unit}; take it of a square or of a number without dimension"
    return Unit(price=unit.price // 2, volume=unit.volume // 2)


def _power(units: list[Unit], literals: list[float]) -> Unit | str:
    if units[0].pure:
        return u.RATIO
    exponent = literals[0]
    if exponent != int(exponent):
        return f"takes a whole exponent of a {units[0]}, not {exponent}"
    return u.to_power(units[0], int(exponent))


_X = Param("x", "series")
_Y = Param("y", "series")
_G = Param("g", "group")


def _w(low: int) -> Param:
    return Param("w", "window", low)


_WINDOW = "present values of the window; NaN when fewer than three quarters of the window are present"
_PAIRS = "sessions where both are present; NaN when fewer than three quarters of the window are"
_NEWEST = _WINDOW + " or the newest is absent"
_FLAT = "; NaN when the window is flat"
_CROSS = "computed over the instruments present in the session; NaN stays NaN"

_TABLE = (
    # Elementwise.
    Operator("abs", (_X,), _number_of, "unit of x", "elementwise", "absolute value", "NaN"),
    Operator("sign", (_X,), _ratio, "ratio", "elementwise", "-1, 0 or 1", "NaN"),
    Operator(
        "log",
        (_X,),
        _ratio,
        "ratio",
        "elementwise",
        "natural logarithm of the number in its unit; NaN at and below zero",
        "NaN",
    ),
    Operator("exp", (_X,), _pure, "ratio", "elementwise", "exponential; NaN on overflow", "NaN"),
    Operator("sqrt", (_X,), _root, "root of x's unit", "elementwise", "square root; NaN below zero", "NaN"),
    Operator(
        "power",
        (_X, Param("k", "real", -8, 8)),
        _power,
        "unit of x to the k",
        "elementwise",
        "x to the literal power k: whole powers by repeated multiplication, negative ones as the reciprocal "
        "of that; "
        "other powers only of a number without dimension that is not negative, else NaN",
        "NaN",
    ),
    Operator(
        "signed_power",
        (_X, Param("k", "real", 0, 8)),
        _power,
        "unit of x to the k",
        "elementwise",
        "sign(x) times |x| to the literal power k",
        "NaN",
    ),
    Operator("min", (_X, _Y), _joined, "common unit", "elementwise", "smaller of two", "NaN if either is"),
    Operator("max", (_X, _Y), _joined, "common unit", "elementwise", "larger of two", "NaN if either is"),
    Operator(
        "where",
        (Param("c", "bool"), _X, _Y),
        _joined,
        "common unit of x and y",
        "elementwise",
        "x where c is true, y where it is false; `if` is another spelling",
        "NaN where c is absent or the branch taken is; the branch not taken does not matter",
    ),
    # Along time.
    Operator(
        "delay", (_X, Param("d", "lag")), _same, "unit of x", "time", "x of d sessions ago", "NaN if that is"
    ),
    Operator(
        "delta",
        (_X, Param("d", "lag")),
        _number_of,
        "unit of x",
        "time",
        "x less x of d sessions ago",
        "NaN if either is",
    ),
    Operator("ts_sum", (_X, _w(1)), _number_of, "unit of x", "time", "sum", _WINDOW),
    Operator("ts_mean", (_X, _w(1)), _number_of, "unit of x", "time", "arithmetic mean", _WINDOW),
    Operator(
        "ts_std",
        (_X, _w(2)),
        _number_of,
        "unit of x",
        "time",
        "sample standard deviation (n - 1); exactly 0 when the window is flat",
        _WINDOW,
    ),
    Operator(
        "ts_var",
        (_X, _w(2)),
        _squared,
        "unit of x squared",
        "time",
        "sample variance (n - 1); exactly 0 when the window is flat",
        _WINDOW,
    ),
    Operator(
        "ts_skew",
        (_X, _w(4)),
        _ratio,
        "ratio",
        "time",
        "sample skewness, adjusted for bias: n sqrt(n-1)/(n-2) * m3 / m2^1.5 with sums m2, m3 of powers",
        _WINDOW + _FLAT,
    ),
    Operator("ts_min", (_X, _w(1)), _number_of, "unit of x", "time", "smallest", _WINDOW),
    Operator("ts_max", (_X, _w(1)), _number_of, "unit of x", "time", "largest", _WINDOW),
    Operator(
        "ts_argmin",
        (_X, _w(1)),
        _ratio,
        "ratio",
        "time",
        "place of the smallest in the window: 1 is the oldest session, w the newest",
        _WINDOW,
        "the oldest of equal values",
    ),
    Operator(
        "ts_argmax",
        (_X, _w(1)),
        _ratio,
        "ratio",
        "time",
        "place of the largest in the window: 1 is the oldest session, w the newest",
        _WINDOW,
        "the oldest of equal values",
    ),
    Operator(
        "ts_rank",
        (_X, _w(1)),
        _rank,
        "rank",
        "time",
        "rank of the newest value among the n present, over n: (2 * smaller + equal + 1) / (2 n), from "
        "whole numbers",
        _NEWEST,
        "average rank",
    ),
    Operator(
        "ts_quantile",
        (_X, _w(1), Param("q", "real", 0, 1)),
        _number_of,
        "unit of x",
        "time",
        "quantile q of the present values: linear between the order statistics around place q (n - 1)",
        _WINDOW,
    ),
    Operator("ts_product", (_X, _w(1)), _pure, "ratio", "time", "product, oldest first", _WINDOW),
    Operator(
        "ts_zscore",
        (_X, _w(2)),
        _ratio,
        "ratio",
        "time",
        "newest value less the window's mean, over its sample standard deviation",
        _NEWEST + _FLAT,
    ),
    Operator(
        "ts_count",
        (Param("c", "bool"), _w(1)),
        _ratio,
        "ratio",
        "time",
        "number of sessions where c is true",
        _WINDOW,
    ),
    Operator(
        "ts_corr",
        (_X, _Y, _w(2)),
        _ratio,
        "ratio",
        "time",
        "Pearson correlation, clipped to [-1, 1]",
        _PAIRS + "; NaN when either window is flat",
    ),
    Operator(
        "ts_cov", (_X, _Y, _w(2)), _product, "product of units", "time", "sample covariance (n - 1)", _PAIRS
    ),
    Operator(
        "ts_beta",
        (_Y, _X, _w(2)),
        _quotient,
        "unit of y over unit of x",
        "time",
        "slope of the least-squares line of y on x with intercept",
        _PAIRS + "; NaN when x's window is flat",
    ),
    Operator(
        "ts_beta_resid",
        (_Y, _X, _w(3)),
        _number_of,
        "unit of y",
        "time",
        "newest residual of the least-squares line of y on x with intercept",
        _PAIRS + ", when the newest is absent, or when x's window is flat",
    ),
    Operator(
        "ts_slope",
        (_X, _w(2)),
        _number_of,
        "unit of x (a session)",
        "time",
        "slope of the least-squares line of x on the session's place 1..w",
        _WINDOW,
    ),
    Operator(
        "ts_rsquare",
        (_X, _w(3)),
        _ratio,
        "ratio",
        "time",
        "share of x's variance that the line on the session's place explains",
        _WINDOW + _FLAT,
    ),
    Operator(
        "ts_resid",
        (_X, _w(3)),
        _number_of,
        "unit of x",
        "time",
        "newest residual of the least-squares line of x on the session's place",
        _NEWEST,
    ),
    Operator(
        "decay_linear",
        (_X, _w(1)),
        _number_of,
        "unit of x",
        "time",
        "mean with weights 1 (oldest) to w (newest), over the weights of the present values",
        _WINDOW,
    ),
    Operator(
        "ema",
        (_X, Param("n", "span", 1, MAX_WINDOW // EMA_SESSIONS_PER_SPAN)),
        _number_of,
        "unit of x",
        "time",
        "mean of the last 3 n sessions with weights (1 - 2/(n+1))^age, over the weights of the present "
        "values",
        _WINDOW,
    ),
    # Across instruments.
    Operator(
        "rank",
        (_X,),
        _rank,
        "rank",
        "cross-section",
        "rank among the n present instruments, over n, from whole doubled ranks",
        _CROSS,
        "average rank",
    ),
    Operator(
        "zscore",
        (_X,),
        _ratio,
        "ratio",
        "cross-section",
        "less the mean, over the sample standard deviation; NaN when the cross-section is flat",
        _CROSS,
    ),
    Operator(
        "scale",
        (_X,),
        _ratio,
        "ratio",
        "cross-section",
        "over the sum of absolute values; NaN when that is 0",
        _CROSS,
    ),
    Operator("demean", (_X,), _number_of, "unit of x", "cross-section", "less the mean", _CROSS),
    Operator(
        "winsorize",
        (_X, Param("p", "real", 0, 0.5)),
        _number_of,
        "unit of x",
        "cross-section",
        "held between the quantiles p and 1 - p (linear between order statistics)",
        _CROSS,
    ),
    Operator(
        "neutralize",
        (_Y, _X),
        _number_of,
        "unit of y",
        "cross-section",
        "residual of the least-squares line of y on x with intercept, over the instruments that have both; "
        "y less its mean when x is flat",
        "NaN if either is",
    ),
    Operator(
        "cs_mean",
        (_X,),
        _number_of,
        "unit of x",
        "cross-section",
        "mean of the present instruments, the same for each of them",
        _CROSS,
    ),
    Operator(
        "cs_std",
        (_X,),
        _number_of,
        "unit of x",
        "cross-section",
        "sample standard deviation of the present instruments, the same for each of them",
        _CROSS + "; NaN when fewer than two are present",
    ),
    Operator(
        "group_rank",
        (_X, _G),
        _rank,
        "rank",
        "group",
        "rank within the group, over its present members",
        _CROSS,
        "average rank",
    ),
    Operator(
        "group_mean",
        (_X, _G),
        _number_of,
        "unit of x",
        "group",
        "mean of the group's present members, the same for each of them",
        _CROSS,
    ),
    Operator("group_neutralize", (_X, _G), _number_of, "unit of x", "group", "less the group's mean", _CROSS),
    Operator(
        "group_zscore",
        (_X, _G),
        _ratio,
        "ratio",
        "group",
        "less the group's mean, over its sample standard deviation; NaN when the group is flat or has one "
        "member",
        _CROSS,
    ),
)

OPERATORS: Mapping[str, Operator] = MappingProxyType({op.name: op for op in _TABLE})
"""Every operator, by name, in the order of the reference."""

ALIASES: Mapping[str, str] = MappingProxyType({"if": "where"})
"""Other spellings; the canonical text has the first."""


def required(window: int) -> int:
    """Return how many values a window of ``window`` sessions needs: three quarters, rounded up."""
    return -(-3 * window // 4)
