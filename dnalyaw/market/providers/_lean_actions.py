"""Splits, dividends and delistings out of LEAN's factor files and map files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

from dnalyaw.market._sessions import session_on_or_after
from dnalyaw.market.providers._lean_files import FactorRow

__all__ = ["Action", "actions_of", "delisting_of"]

Action = tuple[date, str, float | None, float | None]
"""(ex_date, kind, ratio, amount), as in the `actions` table."""

_SNAP = 1e-5
"""Relative error of a split factor: files carry eight decimals of numbers down to 0.00892857."""

_FACTOR_STEP = 1e-7
"""Price factors carry seven decimals; a smaller change is rounding."""

_DECIMALS = 8


def _ratio(before: float, after: float) -> float:
    """New shares per old from two split factors, snapped to the fraction it was rounded from."""
    ratio = after / before
    # A reverse split is a fraction with 1 on top: snap the larger side.
    up = max(ratio, 1.0 / ratio)
    fraction = Fraction(up).limit_denominator(20)
    if abs(float(fraction) / up - 1.0) <= _SNAP:
        up = float(fraction)
    return up if ratio >= 1.0 else 1.0 / up


def actions_of(rows: Sequence[FactorRow], region: str = "US") -> list[Action]:
    """Derive splits and dividends from the changes between the lines of a factor file.

    A line's factors apply up to and including its date, so a change takes effect on the next session, the
    ex-date. The split ratio is the change of the split factor. The dividend is what the price factor takes
    off the close of the line's date: `reference * (1 - factor / next factor)`, in currency per share **held
    before** the ex-date. It keeps eight decimals, more than the seven of a factor support (0.8200131 for 0.82): rounded
    to what was declared, some eighty dividends of twenty years would not multiply up to the file's own factors any more.
    Value handed out in a spin-off appears in these files as a dividend.
    """
    actions: list[Action] = []
    for row, after in pairwise(rows):
        ex_date = session_on_or_after(region, row.until + timedelta(days=1))
        ratio = _ratio(row.split_factor, after.split_factor)
        if ratio != 1.0:
            actions.append((ex_date, "split", ratio, None))
        change = 1.0 - row.price_factor / after.price_factor
        if abs(row.price_factor - after.price_factor) > _FACTOR_STEP and row.reference_price > 0:
            amount = round(row.reference_price * change, _DECIMALS)
            if amount > 0:
                actions.append((ex_date, "dividend", None, amount))
    return actions


def delisting_of(last_day: date, last_close: float | None, region: str = "US") -> Action:
    """Return the delisting that follows the last trading day.

    Map files know the day but not what holders were paid; as LEAN does, holders are taken to receive the
    last close, and null stands where the folder has no bar of that day.
    """
    return (session_on_or_after(region, last_day + timedelta(days=1)), "delisting", None, last_close)
