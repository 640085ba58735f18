"""What a backtest gives back: curves, orders, yearly figures and findings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from dnalyaw.backtest._costs import CostModel


@dataclass(frozen=True)
class Finding:
    """Something about a result that a person should look at before believing it.

    Attributes
    ----------
    code : str
        Stable name, for example ``SHARPE_TOO_GOOD``.
    message : str
        What was seen.
    checks : tuple of str
        What to check.
    """

    code: str
    message: str
    checks: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class BacktestResult:
    """Result of `run_backtest`.

    Attributes
    ----------
    curve : polars.DataFrame
        A row a session from the first decision on: ``session, equity, cash, exposure, net_return,
        gross_return, gross_equity, drawdown, turnover, cost``. Equity and cash in currency at the close;
        `drawdown` <= 0; `turnover` is traded value (both sides) over the equity before.
    orders : polars.DataFrame
        ``session, instrument_id, reason, units, adj_price, value, spread_cost, fee_cost, impact_cost``;
        units and price are adjusted, value is signed currency, reason is rebalance, stop or delisting.
    skipped : polars.DataFrame
        ``session, instrument_id`` of orders that found no open.
    holdings : polars.DataFrame
        ``instrument_id, weight`` at the last close.
    per_year : polars.DataFrame
        ``year, net_return, gross_return, volatility, sharpe, max_drawdown, turnover, cost_bp``.
    stats : dict of str to float
        Figures of the whole period, see `docs/backtest.md`.
    pending : tuple of date
        Decision sessions whose trading open lies past the last price.
    findings : tuple of Finding
    costs : CostModel
    currency : str
    """

    curve: pl.DataFrame
    orders: pl.DataFrame
    skipped: pl.DataFrame
    holdings: pl.DataFrame
    per_year: pl.DataFrame
    stats: dict[str, float]
    pending: tuple[date, ...]
    findings: tuple[Finding, ...]
    costs: CostModel
    currency: str

    @property
    def returns(self) -> pl.Series:
        """Net return of every session after the first."""
        return self.curve["net_return"].slice(1)

    def summary(self) -> dict[str, Any]:
        """Return what a report or a ledger line holds: the statistics, the period and the findings' codes."""
        return {
            "start": str(self.curve["session"].item(0)),
            "end": str(self.curve["session"].item(-1)),
            "currency": self.currency,
            **{name: round(value, 10) for name, value in self.stats.items()},
            "findings": [finding.code for finding in self.findings],
        }
