"""Checks of strategy parameters."""

from __future__ import annotations

from math import isfinite


def refuse_unless(rules: dict[str, bool]) -> None:
    """Raise ValueError that names every rule that does not hold."""
    broken = [text for text, holds in rules.items() if not holds]
    if broken:
        raise ValueError(", ".join(broken))


def between(value: float, low: float, high: float) -> bool:
    """Whether a finite `value` lies in [low, high]."""
    return isfinite(value) and low <= value <= high
