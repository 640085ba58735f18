"""The effects planted in simulated returns, with their strength."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EFFECTS", "Effect"]


@dataclass(frozen=True, slots=True)
class Effect:
    """One relation between what was known and the next session's return.

    Attributes
    ----------
    name : str
        Short name, the key in the ground truth.
    formula : str
        What is measured, in words; always z-scored across listed names and clipped at 3.
    strength : float
        Expected return added to the next session per standard deviation, as a fraction.
    horizon : int
        Sessions over which the effect is best seen.
    rank_ic : float
        Typical rank correlation with the return over `horizon`, to judge what a model finds.
    """

    name: str
    formula: str
    strength: float
    horizon: int
    rank_ic: float


EFFECTS: tuple[Effect, ...] = (
    Effect(
        "reversal",
        "minus the total log return of the last 5 sessions, less the mean of the name's sector",
        6.0e-4,
        5,
        0.036,
    ),
    Effect(
        "momentum",
        "total log return from 126 to 21 sessions before the last close",
        2.5e-4,
        21,
        0.047,
    ),
    Effect(
        "value",
        "log of book equity as last filed over market capitalisation at the last close",
        2.4e-4,
        21,
        0.03,
    ),
    Effect(
        "low_volatility",
        "minus the log standard deviation of daily returns over the last 63 sessions",
        2.4e-4,
        21,
        0.05,
    ),
)
"""Every effect of the provider `sample`; `sample:null` plants none."""
