"""Small pieces of HTML; every text that comes from outside passes through `esc`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

__all__ = [
    "Column",
    "bar_row",
    "bp",
    "chip",
    "compact",
    "esc",
    "number",
    "percent",
    "signed_percent",
    "table",
    "tile",
]

Column = tuple[str, str]
"""A heading and its kind: ``"text"`` or ``"num"``."""

MISSING = "–"


def esc(text: object) -> str:
    """Return `text` safe inside HTML text and quoted attributes."""
    return escape(str(text), quote=True)


def number(value: float | None, digits: int = 0) -> str:
    """Return a number with thousands separators, a dash for None and what is not finite."""
    if value is None or not math.isfinite(value):
        return MISSING
    text = f"{value:,.{digits}f}"
    # A rounded-away minus is noise.
    return text.lstrip("-") if not float(text.replace(",", "")) else text.replace("-", "−")


def percent(value: float | None, digits: int = 1) -> str:
    """Return a fraction as a percentage."""
    text = number(None if value is None else value * 100, digits)
    return text if text == MISSING else text + "%"


def signed_percent(value: float | None, digits: int = 1) -> str:
    """Return a fraction as a percentage with its sign."""
    text = percent(value, digits)
    return "+" + text if value is not None and text not in (MISSING,) and value > 0 else text


def compact(value: float | None) -> str:
    """Return a large number with three or four digits and its unit: 10.03 m."""
    if value is None or not math.isfinite(value):
        return MISSING
    for unit, size in (("bn", 1e9), ("m", 1e6), ("k", 1e4)):
        if abs(value) >= size:
            return f"{number(value / (1e3 if unit == 'k' else size), 2)} {unit}"
    return number(value)


def bp(value: float | None) -> str:
    """Return basis points."""
    text = number(value, 1)
    return text if text == MISSING else text + " bp"


def chip(text: str, kind: str) -> str:
    """Return a small label; `kind` is good, warn, bad or plain."""
    return f'<span class="chip {kind}">{esc(text)}</span>'


def tile(label: str, value: str, note: str = "", kind: str = "") -> str:
    """Return one headline figure; `value` is HTML already."""
    small = f'<div class="tile-note">{esc(note)}</div>' if note else ""
    return (
        f'<div class="tile {kind}"><div class="tile-label">{esc(label)}</div>'
        f'<div class="tile-value">{value}</div>{small}</div>'
    )


def table(caption: str, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> str:
    """Return an accessible table; cells are HTML already, the first of each row heads it."""
    head = "".join(f'<th scope="col" class="{kind}">{esc(name)}</th>' for name, kind in columns)
    body = []
    for row in rows:
        cells = []
        for k, (cell, (_, kind)) in enumerate(zip(row, columns, strict=True)):
            tag = '<th scope="row"' if k == 0 else "<td"
            cells.append(f'{tag} class="{kind}">{cell}</{"th" if k == 0 else "td"}>')
        body.append(f"<tr>{''.join(cells)}</tr>")
    if not body:
        return f'<p class="nothing">{esc(caption)}: none.</p>'
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{esc(caption)}"><table>'
        f"<caption>{esc(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def bar_row(label: str, value: float, largest: float, text: str, kind: str) -> str:
    """Return a labelled horizontal bar, `value` against `largest`; `kind` names its colour."""
    width = 0.0 if largest <= 0 else min(max(value / largest, 0.0), 1.0) * 100
    return (
        f'<div class="bar-row"><span class="bar-label">{esc(label)}</span>'
        f'<span class="bar-track" aria-hidden="true">'
        f'<span class="bar {kind}" style="width:{width:.2f}%"></span></span>'
        f'<span class="bar-text">{text}</span></div>'
    )
