"""Parses a factor's text to a typed tree.

Grammar, loosest first; all binary operators associate to the left, comparisons do not chain::

    or  and  not  < <= > >= == !=  + -  * /  (unary) -  name  number  name(args)  (expr)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from dnalyaw.factors._build import MAX_DEPTH, Builder
from dnalyaw.factors._errors import FactorSyntaxError
from dnalyaw.factors._fields import FieldSpec
from dnalyaw.factors._tokens import Token, tokenize
from dnalyaw.factors._tree import BinaryOp, Expr
from dnalyaw.factors._units import BOOL

PRECEDENCE: dict[str, int] = {
    "or": 1,
    "and": 2,
    "<": 4,
    "<=": 4,
    ">": 4,
    ">=": 4,
    "==": 4,
    "!=": 4,
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
}
NOT_PRECEDENCE = 3
MINUS_PRECEDENCE = 7
COMPARISON = 4
_KEYWORDS = frozenset({"and", "or", "not"})


def parse(text: str, *, fields: Mapping[str, FieldSpec] | None = None) -> Expr:
    """Parse one factor.

    Parameters
    ----------
    text : str
        One line, e.g. ``rank(ts_corr(close, volume, 10))``.
    fields : mapping of str to FieldSpec, optional
        Fields besides those of the language.

    Returns
    -------
    Expr
        The typed tree; ``expr.lookback`` is the number of earlier sessions a value reads, ``expr.unit``
        its unit.

    Raises
    ------
    FactorSyntaxError, FactorTypeError
        With the character at fault and a caret line.

    Examples
    --------
    >>> expr = parse("rank(ts_corr(close, volume, 10))")
    >>> str(expr.unit), expr.lookback
    ('rank', 9)
    """
    return _Parser(text, fields).run()


class _Parser:
    """One pass over the tokens of one text."""

    def __init__(self, text: str, fields: Mapping[str, FieldSpec] | None) -> None:
        self._text = text
        self._tokens = tokenize(text)
        self._at = 0
        self._nesting = 0
        self._build = Builder(text, fields)

    def run(self) -> Expr:
        if self._peek().kind == "end":
            raise FactorSyntaxError("the text is empty; write a factor such as rank(close)", 0, self._text)
        expr = self._expression(0)
        if self._peek().kind != "end":
            raise self._unexpected(self._peek(), "an operator or the end")
        if expr.constant:
            raise self._build.error("the factor reads no field", expr.position)
        if not expr.unit.numeric:
            hint = "; write where(condition, 1, 0)" if expr.unit == BOOL else ""
            raise self._build.error(f"a factor is a number, this is a {expr.unit}{hint}", expr.position)
        return expr

    def _peek(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _unexpected(self, token: Token, wanted: str) -> FactorSyntaxError:
        found = "the end of the text" if token.kind == "end" else repr(token.text)
        return FactorSyntaxError(f"expected {wanted}, found {found}", token.position, self._text)

    def _enter(self, position: int) -> None:
        self._nesting += 1
        if self._nesting > MAX_DEPTH:
            raise FactorSyntaxError(
                f"nested more than {MAX_DEPTH} deep; split the factor", position, self._text
            )

    def _expression(self, lowest: int) -> Expr:
        left = self._prefix(lowest)
        compared = False
        while True:
            token = self._peek()
            strength = PRECEDENCE.get(token.text) if token.kind in ("symbol", "name") else None
            if strength is None or strength < lowest:
                return left
            if strength == COMPARISON:
                if compared:
                    raise FactorSyntaxError(
                        "comparisons do not chain; join them with and", token.position, self._text
                    )
                compared = True
            self._take()
            right = self._expression(strength + 1)
            left = self._build.binary(cast(BinaryOp, token.text), left, right, token.position)

    def _prefix(self, lowest: int) -> Expr:
        token = self._peek()
        if token.kind == "symbol" and token.text == "-":
            self._take()
            self._enter(token.position)
            operand = self._expression(MINUS_PRECEDENCE)
            self._nesting -= 1
            return self._build.negate(operand, token.position)
        if token.kind == "name" and token.text == "not":
            if lowest > NOT_PRECEDENCE:
                raise FactorSyntaxError("put parentheses around not", token.position, self._text)
            self._take()
            self._enter(token.position)
            operand = self._expression(NOT_PRECEDENCE)
            self._nesting -= 1
            return self._build.logical_not(operand, token.position)
        return self._atom()

    def _atom(self) -> Expr:
        token = self._take()
        if token.kind == "number":
            return self._build.number(float(token.text), token.position)
        if token.kind == "symbol" and token.text == "(":
            self._enter(token.position)
            inner = self._expression(0)
            self._close(token)
            self._nesting -= 1
            return inner
        if token.kind == "name" and token.text not in _KEYWORDS:
            following = self._peek()
            if following.kind == "symbol" and following.text == "(":
                return self._call(token)
            return self._build.field(token.text, token.position)
        raise self._unexpected(token, "a field, a number, an operator's call or '('")

    def _call(self, name: Token) -> Expr:
        opening = self._take()
        self._enter(opening.position)
        args: list[Expr] = []
        places: list[int] = []
        if not (self._peek().kind == "symbol" and self._peek().text == ")"):
            while True:
                places.append(self._peek().position)
                args.append(self._expression(0))
                if not (self._peek().kind == "symbol" and self._peek().text == ","):
                    break
                self._take()
        self._close(opening)
        self._nesting -= 1
        return self._build.call(name.text, tuple(args), name.position, tuple(places))

    def _close(self, opening: Token) -> None:
        token = self._peek()
        if token.kind == "end":
            raise FactorSyntaxError("this '(' is never closed", opening.position, self._text)
        if not (token.kind == "symbol" and token.text == ")"):
            raise self._unexpected(token, "',' or ')'")
        self._take()
