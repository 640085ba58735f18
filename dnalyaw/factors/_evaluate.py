"""Evaluates factors on a panel: the reference that every faster engine is compared with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl

from dnalyaw.factors import _cross as cross
from dnalyaw.factors import _elementwise as element
from dnalyaw.factors import _windows as windows
from dnalyaw.factors._errors import FactorDataError
from dnalyaw.factors._operators import OPERATORS, Param
from dnalyaw.factors._panel import Array, Panel
from dnalyaw.factors._parser import parse
from dnalyaw.factors._text import to_text
from dnalyaw.factors._tree import Binary, Call, Expr, Field, Number, Unary, children, fields_of
from dnalyaw.factors._units import GROUP

Progress = Callable[[int, int, str], None]
"""Called with factors done, factors in all, and the name of the one just done."""

_KERNELS: Mapping[str, Callable[..., Array]] = {
    "abs": np.abs,
    "sign": np.sign,
    "log": element.log,
    "exp": element.exp,
    "sqrt": element.sqrt,
    "power": element.power,
    "signed_power": element.signed_power,
    "min": np.minimum,
    "max": np.maximum,
    "where": element.where,
    "delay": windows.delay,
    "delta": lambda x, d: x - windows.delay(x, d),
    "ts_sum": windows.ts_sum,
    "ts_mean": windows.ts_mean,
    "ts_std": windows.ts_std,
    "ts_var": windows.ts_var,
    "ts_skew": windows.ts_skew,
    "ts_min": windows.ts_min,
    "ts_max": windows.ts_max,
    "ts_argmin": windows.ts_argmin,
    "ts_argmax": windows.ts_argmax,
    "ts_rank": windows.ts_rank,
    "ts_quantile": windows.ts_quantile,
    "ts_product": windows.ts_product,
    "ts_zscore": windows.ts_zscore,
    "ts_count": windows.ts_sum,
    "ts_corr": windows.ts_corr,
    "ts_cov": windows.ts_cov,
    "ts_beta": windows.ts_beta,
    "ts_beta_resid": windows.ts_beta_resid,
    "ts_slope": windows.ts_slope,
    "ts_rsquare": windows.ts_rsquare,
    "ts_resid": windows.ts_resid,
    "decay_linear": windows.decay_linear,
    "ema": windows.ema,
    "rank": cross.rank,
    "zscore": cross.zscore,
    "scale": cross.scale,
    "demean": cross.demean,
    "winsorize": cross.winsorize,
    "neutralize": cross.neutralize,
    "cs_mean": cross.cs_mean,
    "cs_std": cross.cs_std,
    "group_rank": lambda x, g: cross.by_group(cross.rank, x, g),
    "group_mean": lambda x, g: cross.by_group(cross.cs_mean, x, g),
    "group_neutralize": lambda x, g: cross.by_group(cross.demean, x, g),
    "group_zscore": lambda x, g: cross.by_group(cross.zscore, x, g),
}


class _Evaluation:
    """One pass over a set of trees; equal subtrees are computed once and dropped after their last use."""

    def __init__(self, panel: Panel, roots: list[Expr]) -> None:
        self._panel = panel
        self._texts: dict[int, str] = {}
        self._uses: Counter[str] = Counter()
        self._held: dict[str, Any] = {}
        counted: set[str] = set()
        for root in roots:
            self._count(root, counted)

    def _text(self, expr: Expr) -> str:
        text = self._texts.get(id(expr))
        if text is None:
            text = self._texts[id(expr)] = to_text(expr)
        return text

    def _count(self, expr: Expr, counted: set[str]) -> None:
        text = self._text(expr)
        self._uses[text] += 1
        if text not in counted:
            counted.add(text)
            for child in children(expr):
                self._count(child, counted)

    def value(self, expr: Expr) -> Any:
        """Return the value of a tree, and use it up once."""
        text = self._text(expr)
        value = self._held.pop(text) if text in self._held else self._compute(expr)
        self._uses[text] -= 1
        if self._uses[text] > 0:
            self._held[text] = value
        return value

    def _compute(self, expr: Expr) -> Any:
        if isinstance(expr, Number):
            return expr.value
        if isinstance(expr, Field):
            return (self._panel.groups if expr.unit == GROUP else self._panel.fields)[expr.name]
        # Rows without their whole history are absent, so a later start can only make a value absent, never
        # another. Adding 0.0 turns -0.0 into 0.0: which of two equal zeros a sort puts first must not show.
        result = np.ascontiguousarray(element.finite(self._apply(expr)) + 0.0)
        result[: expr.lookback] = np.nan
        return result

    def _apply(self, expr: Unary | Binary | Call) -> Array:
        if isinstance(expr, Unary):
            operand = self.value(expr.operand)
            return -operand if expr.op == "-" else 1.0 - operand
        if isinstance(expr, Binary):
            left, right = self._array(expr.left), self._array(expr.right)
            if expr.op in ("and", "or"):
                return element.logical(expr.op, left, right)
            if expr.op in ("+", "-", "*", "/"):
                return element.arithmetic(expr.op, left, right)
            return element.compare(expr.op, left, right)
        return _KERNELS[expr.op](
            *(self._argument(p, a) for p, a in zip(OPERATORS[expr.op].params, expr.args, strict=True))
        )

    def _argument(self, param: Param, arg: Expr) -> Any:
        value = self.value(arg)
        if param.kind in ("series", "bool"):
            return self._spread(value)
        if param.kind in ("window", "lag", "span"):
            return int(value)
        return value

    def _array(self, expr: Expr) -> Array:
        return self._spread(self.value(expr))

    def _spread(self, value: Any) -> Array:
        if isinstance(value, np.ndarray):
            return value
        return np.full(self._panel.shape, float(value))


def missing_fields(expr: Expr, panel: Panel) -> list[str]:
    """Return the fields and groups that a factor reads and a panel does not have, sorted."""
    return sorted(fields_of(expr) - panel.fields.keys() - panel.groups.keys())


def evaluate(expr: Expr | str, panel: Panel) -> Array:
    """Evaluate one factor.

    Parameters
    ----------
    expr : Expr or str
    panel : Panel

    Returns
    -------
    ndarray of float64, shape (T, N)
        Finite, or NaN where the value or its history is absent. Row t reads rows t - lookback to t only.

    Raises
    ------
    FactorSyntaxError, FactorTypeError
        For a text that is no factor.
    FactorDataError
        When the panel lacks a field.
    """
    return evaluate_many({"factor": expr}, panel)["factor"]


def evaluate_many(
    factors: Mapping[str, Expr | str], panel: Panel, progress: Progress | None = None
) -> dict[str, Array]:
    """Evaluate factors together; a subtree that several share is computed once.

    Parameters
    ----------
    factors : mapping of str to Expr or str
        By name.
    panel : Panel
    progress : callable, optional
        Called after each factor with (done, of, name).

    Returns
    -------
    dict of str to ndarray of float64, shape (T, N)
        Each equal to the bit to what `evaluate` gives for that factor alone.

    Raises
    ------
    FactorSyntaxError, FactorTypeError, FactorDataError
        The last names the factor and every field that it lacks.
    """
    trees = {name: parse(f) if isinstance(f, str) else f for name, f in factors.items()}
    for name, tree in trees.items():
        missing = missing_fields(tree, panel)
        if missing:
            held = ", ".join(sorted({*panel.fields, *panel.groups})) or "nothing"
            raise FactorDataError(
                f"factor {name}: the panel has no {', '.join(missing)}; it has {held}. "
                "Add the data, or select factors by what is there"
            )
    evaluation = _Evaluation(panel, list(trees.values()))
    results: dict[str, Array] = {}
    with np.errstate(all="ignore"):
        for done, (name, tree) in enumerate(trees.items(), start=1):
            value = evaluation.value(tree)
            shared = not value.flags.writeable or any(value is held for held in results.values())
            results[name] = value.copy() if shared else value
            if progress is not None:
                progress(done, len(trees), name)
    return results


def to_long(results: Mapping[str, Array], panel: Panel) -> pl.DataFrame:
    """Lay results out as one row a session and instrument.

    Returns
    -------
    polars.DataFrame
        ``session`` (Date), ``instrument_id`` (Int64), one Float64 column a factor; absent values are null.
        Rows ascend by session, then in the panel's order of instruments; all T x N rows are there.
    """
    count, width = panel.shape
    columns: dict[str, pl.Series] = {
        "session": pl.Series(np.repeat(panel.sessions.astype("datetime64[D]"), width)).cast(pl.Date),
        "instrument_id": pl.Series(np.tile(panel.instrument_ids, count), dtype=pl.Int64),
    }
    for name, values in results.items():
        columns[name] = pl.Series(values.ravel(), dtype=pl.Float64, nan_to_null=True)
    return pl.DataFrame(columns)
