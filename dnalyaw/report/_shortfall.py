"""The card of the parent orders' costs."""

from __future__ import annotations

from collections.abc import Sequence

from dnalyaw.calibration import PathComparison, ShortfallLine
from dnalyaw.report._data import RegionReport
from dnalyaw.report._html import bp, esc, number, table

__all__ = ["shortfall_card"]

_COLUMNS = [
    ("orders of", "text"),
    ("n", "num"),
    ("value", "num"),
    ("delay", "num"),
    ("timing", "num"),
    ("impact", "num"),
    ("spread", "num"),
    ("fees", "num"),
    ("opportunity", "num"),
    ("shortfall", "num"),
    ("interval", "text"),
]
_PARTS = ("delay", "timing", "impact", "spread", "fees", "opportunity")


def shortfall_card(r: RegionReport) -> str:
    """The parent orders' costs by strategy, algorithm and path, and the comparison of the paths."""
    s = r.shortfall
    if s is None or not s.lines:
        return '<p class="nothing">No order was measured.</p>'
    told = (
        '<p class="nothing">Against the price of the decision, in basis points of what was decided, weighted by value; '
        "a negative part is money gained. Paths: each order sent against the mid when it was sent. "
        "The interval takes orders to be independent.</p>"
    )
    parts = [told, _lines(f"This session, {esc(r.session.isoformat())}", s.lines)]
    if s.sessions > 1:
        parts.append(
            f"<details><summary>All {number(s.sessions)} sessions</summary>"
            f"{_lines(f'All {number(s.sessions)} sessions measured', s.history)}</details>"
        )
    parts.append(_paths(s.paths))
    return "<h4></h4>".join(parts)


def _lines(caption: str, lines: Sequence[ShortfallLine]) -> str:
    return table(caption, _COLUMNS, [_line(line) for line in lines])


def _line(line: ShortfallLine) -> list[str]:
    name = line.key if line.by == "all" else f"{line.by} {line.key}"
    missing = f" ({number(line.n_missing)} not measured)" if line.n_missing else ""
    unsplit = line.parts.get("unsplit")
    # What a missing quote leaves unsplit belongs to timing and impact; it is shown with the first of them.
    extra = f" (of it {bp(unsplit)} unsplit)" if unsplit else ""
    cells = [bp(line.parts[part]) if line.parts.get(part) is not None else "–" for part in _PARTS]
    return [
        esc(name),
        esc(number(line.n) + missing),
        f"{number(line.notional)} {esc(line.currency)}",
        *cells,
        bp(line.mean_bp) + esc(extra),
        _interval(line.low_bp, line.high_bp, line.confidence),
    ]


def _interval(low: float | None, high: float | None, confidence: float) -> str:
    if low is None or high is None:
        return "–"
    return esc(f"{number(low, 1)} to {number(high, 1)} bp ({confidence:.0%})")


def _paths(c: PathComparison | None) -> str:
    if c is None:
        return '<p class="nothing">Orders had one path to each market: nothing to compare.</p>'
    if c.diff_bp is None or c.low_bp is None or c.high_bp is None:
        return (
            f'<p class="nothing">Path 1 against path 2: {number(c.n[0])} and {number(c.n[1])} orders of the experiment, '
            "too few in every stratum to compare.</p>"
        )
    found = (
        "the interval holds 0: no difference is shown"
        if c.low_bp <= 0 <= c.high_bp
        else f"path {1 if c.diff_bp < 0 else 2} was cheaper"
    )
    return table(
        f"Path 1 against path 2, orders assigned at random; {found}",
        [
            ("path 1", "num"),
            ("path 2", "num"),
            ("orders", "text"),
            ("difference", "num"),
            ("interval", "text"),
            ("p", "num"),
        ],
        [
            [
                bp(c.mean_bp[0]),
                bp(c.mean_bp[1]),
                esc(f"{number(c.n[0])} and {number(c.n[1])}"),
                bp(c.diff_bp),
                _interval(c.low_bp, c.high_bp, c.confidence),
                "–" if c.p is None else f"{c.p:.3f}",
            ]
        ],
    )
