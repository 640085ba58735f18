"""Cuts a factor's text into tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from dnalyaw.factors._errors import FactorSyntaxError

MAX_TEXT = 4000
"""Longest text of a factor, in characters."""

TokenKind = Literal["name", "number", "symbol", "end"]

# ASCII classes on purpose: look-alike letters and digits of other scripts are not part of the language.
_TOKEN = re.compile(
    r"(?P<space>[ \t]+)"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<symbol><=|>=|==|!=|[-+*/<>(),])"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text and where it starts."""

    kind: TokenKind
    text: str
    position: int


def tokenize(text: str) -> list[Token]:
    """Cut a text into tokens, the last of kind ``end``.

    Raises
    ------
    FactorSyntaxError
        At the first character that belongs to no token, or when the text is too long.
    """
    if len(text) > MAX_TEXT:
        raise FactorSyntaxError(
            f"text has {len(text)} characters, the most is {MAX_TEXT}; split the factor", MAX_TEXT, text
        )
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise FactorSyntaxError(_strange(text[position]), position, text)
        kind = match.lastgroup
        if kind == "number" and match.end() < len(text) and re.match(r"[A-Za-z_.]", text[match.end()]):
            raise FactorSyntaxError("a number runs into what follows it", match.end(), text)
        if kind == "name":
            tokens.append(Token("name", match.group(), position))
        elif kind == "number":
            tokens.append(Token("number", match.group(), position))
        elif kind == "symbol":
            tokens.append(Token("symbol", match.group(), position))
        position = match.end()
    tokens.append(Token("end", "", len(text)))
    return tokens


def _strange(character: str) -> str:
    if character in "\r\n":
        return "a factor is one line of text; remove the line break"
    if character == "=":
        return "'=' is not an operator; write == to compare"
    if character == "^":
        return "'^' is not an operator; write power(x, k)"
    if character in "?:":
        return f"{character!r} is not part of the language; write where(condition, x, y)"
    if character in "&|!":
        return f"{character!r} is not an operator; write and, or, not"
    return f"unexpected character {character!r}"
