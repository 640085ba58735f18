"""Labels of instruments: `TICKER.VENUE`, read from the right because tickers contain dots."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Label", "LabelError", "parse_label"]

_VENUE = re.compile(r"[A-Z][A-Z0-9]*")
_TICKER = re.compile(r"[A-Z0-9][A-Z0-9./-]*")


class LabelError(ValueError):
    """Raised for text that is no `TICKER.VENUE` label."""


@dataclass(frozen=True, slots=True)
class Label:
    """A ticker at a venue; `str` gives the label back."""

    ticker: str
    venue: str

    def __post_init__(self) -> None:
        if not _TICKER.fullmatch(self.ticker) or self.ticker.endswith("."):
            raise LabelError(f"bad ticker {self.ticker!r}: want capitals, digits, '.', '/', '-', e.g. TAP.A")
        if not _VENUE.fullmatch(self.venue):
            raise LabelError(f"bad venue {self.venue!r}: want capitals and digits, e.g. NYSE")

    def __str__(self) -> str:
        return f"{self.ticker}.{self.venue}"


def parse_label(text: str) -> Label:
    """Split a label at its last dot.

    Raises
    ------
    LabelError
        If there is no dot, or either side is malformed.

    Examples
    --------
    >>> parse_label("TAP.A.NYSE")
    Label(ticker='TAP.A', venue='NYSE')
    """
    ticker, dot, venue = text.rpartition(".")
    if not dot:
        raise LabelError(f"label {text!r} has no venue: want TICKER.VENUE, e.g. AAPL.NASDAQ")
    return Label(ticker, venue)
