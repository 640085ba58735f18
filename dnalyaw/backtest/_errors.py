"""Errors that the backtest room raises; each names the thing, the place and what to do."""

from __future__ import annotations


class BacktestError(ValueError):
    """Input that a backtest refuses; nothing was simulated."""


class LedgerError(RuntimeError):
    """A trial ledger that was altered, cut or cannot be read."""
