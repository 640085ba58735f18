"""Writes the reference of the language from its tables."""

from __future__ import annotations

from dnalyaw.factors._build import MAX_DEPTH, MAX_LOOKBACK, MAX_SIZE
from dnalyaw.factors._fields import FIELDS
from dnalyaw.factors._operators import MAX_WINDOW, OPERATORS, Operator
from dnalyaw.factors._tokens import MAX_TEXT

_HEAD = f"""# The factor language

Generated from the operator table by `python -m dnalyaw.factors`; a test fails when it is stale.

A factor is one line of text: `rank(ts_corr(close, volume, 10))`. It is parsed to a typed tree;
nothing of it is ever executed as Python. A text of more than {MAX_TEXT} characters, a tree deeper
than {MAX_DEPTH} or of more than {MAX_SIZE} terms, a window or lag of more than {MAX_WINDOW}
sessions, or more than {MAX_LOOKBACK} sessions of lookback in total is refused at its character.

## Writing

Loosest first: `or`, `and`, `not`, comparisons `< <= > >= == !=` (they do not chain), `+ -`, `* /`,
unary `-`, calls and parentheses. Names and numbers are ASCII; space and tab separate. `if(c, x, y)`
is `where(c, x, y)`; `adv(n)` is `ts_mean(amount, n)`; `returns(x, d)` is `x / delay(x, d) - 1`.
Every text has one canonical form (`to_text`), and two factors are the same when their canonical
texts are.

## Units

Every value has a unit: a ratio (a number without dimension), a rank, or powers of price and volume
(money is both). Sums, differences, comparisons and choices need one unit on both sides (ranks mix
with ratios; a literal 0 fits any); products and quotients multiply and divide units. A condition
(`bool`) goes where a condition is asked for, a group where a group is. A factor as a whole is a
number.

## Rules that hold everywhere

- A value is finite or absent (NaN). Division by zero, overflow and a logarithm of what is not
  positive are absent. Arithmetic, comparisons and connectives with an absent side are absent.
- A window of w sessions ends at the row itself, counts the panel's sessions, and needs at least
  three quarters of its values (rounded up) where nothing else is said. Absent values are left out,
  not filled.
- A factor's `lookback` is how many earlier sessions a value reads, through all its windows. Rows
  without that many rows before them are absent, in every sub-expression too. So a value depends on
  its own history only: evaluated from a later start it is the same to the bit, or absent.
- Windows are summed oldest first, each by itself; sums of values are compensated (two-sum), central
  moments take two passes. Across instruments values are sorted before they are summed, so neither
  the order of instruments nor an instrument without data changes a bit.
- A window or cross-section is flat when its standard deviation is at most 1e-12 of the magnitude of
  its mean.
- Ties: ranks are average ranks, from whole numbers (twice the rank), divided once.
- Instruments whose group is unknown form one group.
"""

_HEADINGS = {
    "elementwise": "One cell at a time",
    "time": "Along time",
    "cross-section": "Across instruments",
    "group": "Within a group",
}


def language_reference() -> str:
    """Return the text of ``docs/factor-language.md``."""
    parts = [_HEAD, "## Fields\n", "| field | unit | from | meaning |", "| --- | --- | --- | --- |"]
    parts += [f"| `{s.name}` | {s.unit} | {s.source} | {s.meaning} |" for s in FIELDS.values()]
    parts.append("\n## Operators\n")
    parts.append(
        "x and y are numbers, c a condition, g a group, w and d whole sessions, n a whole span, k, p and q "
        "literals."
    )
    for family, heading in _HEADINGS.items():
        parts.append(f"\n### {heading}\n")
        parts.append("| operator | unit | value | absent | ties |")
        parts.append("| --- | --- | --- | --- | --- |")
        parts += [_row(op) for op in OPERATORS.values() if op.family == family]
    return "\n".join(parts) + "\n"


def _row(op: Operator) -> str:
    limits = [
        f"{p.name} {p.low:g} to {p.high:g}" for p in op.params if p.kind in ("window", "lag", "span", "real")
    ]
    meaning = op.meaning.replace("|", "\\|") + (f" ({', '.join(limits)})" if limits else "")
    return f"| `{op.signature}` | {op.unit_text} | {meaning} | {op.absent} | {op.ties or '-'} |"
