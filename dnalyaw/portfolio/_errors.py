"""Errors of the portfolio room."""

from __future__ import annotations


class PortfolioError(ValueError):
    """Weights, targets or sizes that may not be used; the message names every fault."""


class DeclarationError(ValueError):
    """A strategy declaration that cannot be loaded; the message names file, entry and every fault."""
