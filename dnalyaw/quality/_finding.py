"""What a gate found, and what it was told about the delivery it judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import polars as pl

__all__ = ["Check", "Finding", "GateContext", "Rule", "RuleKey", "Severity", "found"]

Severity = Literal["error", "warn"]

RuleKey = tuple[str, str, Severity]
"""(feed, name, severity)."""

EXAMPLES = 20
"""How many offending rows a finding carries."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a delivery.

    Attributes
    ----------
    feed, rule : str
    severity : str
        ``error`` blocks the feed, ``warn`` is shown.
    n_rows : int
        How many rows are at fault; for what is absent, how many are missing.
    rows : tuple of dict
        Up to 20 of them.
    message : str
        One line that names feed, rows, rule and what to do.
    """

    feed: str
    rule: str
    severity: Severity
    n_rows: int
    rows: tuple[dict[str, Any], ...]
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateContext:
    """What a rule may compare a delivery with.

    Attributes
    ----------
    region : str
    session : datetime.date
        Last session of the delivery.
    expected_sessions : tuple of date
        Sessions that the delivery should hold, ascending.
    genesis : bool
        Whether the delivery is the whole history of a new home.
    carried : bool
        Whether the provider has the feed at all; an absent feed is not an empty one.
    close_only : bool
        Whether bars carry a close and nothing else.
    history : polars.DataFrame or None
        Published bars of about 60 sessions before the delivery.
    quotes, actions, instruments : polars.DataFrame or None
        The same delivery's other feeds, as received.
    previous : polars.DataFrame or None
        The same feed's published rows of the session before; quotes that came then may not be absent now.
    bars : polars.DataFrame or None
        The same delivery's bars as received, for what judges another feed by them.
    past_actions : polars.DataFrame or None
        Published actions before the delivery, as far back as there are any.
    other : polars.DataFrame or None
        The same feed of a second provider for the same sessions; None = there is none to compare with.
    """

    region: str
    session: date
    expected_sessions: tuple[date, ...]
    genesis: bool = False
    carried: bool = True
    close_only: bool = False
    history: pl.DataFrame | None = None
    quotes: pl.DataFrame | None = None
    actions: pl.DataFrame | None = None
    instruments: pl.DataFrame | None = None
    previous: pl.DataFrame | None = None
    bars: pl.DataFrame | None = None
    past_actions: pl.DataFrame | None = None
    other: pl.DataFrame | None = None
    # What several rules need of one delivery is computed once; `replace` starts with an empty one.
    shared: dict[str, tuple[Any, Any]] = field(init=False, default_factory=dict, compare=False, repr=False)

    def once(self, name: str, frame: pl.DataFrame, make: Callable[[], Any]) -> Any:
        """What `make` gives, made once for one frame object: frames are immutable, so it stays true."""
        held = self.shared.get(name)
        if held is None or held[0] is not frame:
            held = (frame, make())
            self.shared[name] = held
        return held[1]


Check = Callable[[pl.DataFrame, GateContext], list[Finding]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One property of one feed.

    Attributes
    ----------
    feed, name : str
    severity : str
        ``error`` or ``warn``.
    description : str
        One line.
    needs : tuple of str
        Columns that it reads; a delivery whose columns have another form is not judged but refused.
    check : callable
        Pure: a frame and its context to findings.
    """

    feed: str
    name: str
    severity: Severity
    description: str
    needs: tuple[str, ...]
    check: Check


def found(
    rule: RuleKey,
    context: GateContext,
    rows: pl.DataFrame,
    what: str,
    advice: str,
    *,
    n_rows: int | None = None,
) -> Finding:
    """Build a finding whose message names feed, rule, rows and advice.

    Parameters
    ----------
    rule : tuple
        (feed, name, severity).
    context : GateContext
    rows : polars.DataFrame
        Every offending row, with the columns worth showing.
    what, advice : str
        What is wrong with them, and what to do.
    n_rows : int, optional
        How many rows are at fault where it is not the height of `rows`.
    """
    feed, name, severity = rule
    count = rows.height if n_rows is None else n_rows
    examples = tuple(rows.head(EXAMPLES).to_dicts())
    shown = "; ".join(", ".join(f"{k} {_text(v)}" for k, v in row.items()) for row in examples[:3])
    return Finding(
        feed=feed,
        rule=name,
        severity=severity,
        n_rows=count,
        rows=examples,
        message=(
            f"{context.region} {feed} {context.session}: rule {name}: {count} "
            f"{'row' if count == 1 else 'rows'}: {what}{f' ({shown})' if shown else ''}; {advice}"
        ),
    )


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
