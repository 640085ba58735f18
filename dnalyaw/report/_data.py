"""What a report shows, as plain frozen data: the page adds no figure of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from math import isfinite

from dnalyaw.calibration import CostSummary, PathComparison, ShortfallLine

__all__ = [
    "CheckLine",
    "CloseLine",
    "FeedLine",
    "FillLine",
    "OrderLine",
    "RegionReport",
    "ReportData",
    "RiskState",
    "SectorExposure",
    "Shortfall",
    "StrategyResult",
    "TargetLine",
]


@dataclass(frozen=True, slots=True)
class FeedLine:
    """Rows of one feed in one run; `version` is the published version that was read, short text."""

    feed: str
    rows_in: int
    rows_refused: int
    version: str = ""


@dataclass(frozen=True, slots=True)
class CheckLine:
    """Outcome of one data check; `blocking` checks stop what depends on the feed."""

    feed: str
    check: str
    passed: bool
    blocking: bool = True
    message: str = ""


@dataclass(frozen=True, slots=True)
class StrategyResult:
    """Backtest of one strategy, or of all of them together.

    Attributes
    ----------
    sessions : tuple of date
        Shape (n,).
    equity : tuple of float
        Shape (n,); any scale, shown relative to its first value.
    trials : int
        How many variants were tried before this one, itself included.
    annual_return, annual_volatility, max_drawdown, turnover : float or None
        Fractions a year; drawdown is at most 0; turnover is traded value over equity a year.
    sharpe, sharpe_low, sharpe_high : float or None
        Annual Sharpe ratio and its interval.
    deflated_sharpe : float or None
        Probability that the true ratio is above what `trials` worthless variants would show.
    combined : bool
        Whether this is all strategies together.
    """

    name: str
    family: str
    sessions: tuple[date, ...]
    equity: tuple[float, ...]
    trials: int
    annual_return: float | None = None
    annual_volatility: float | None = None
    sharpe: float | None = None
    sharpe_low: float | None = None
    sharpe_high: float | None = None
    deflated_sharpe: float | None = None
    max_drawdown: float | None = None
    turnover: float | None = None
    combined: bool = False

    def __post_init__(self) -> None:
        if len(self.sessions) != len(self.equity):
            raise ValueError(
                f"strategy {self.name}: {len(self.sessions)} sessions but {len(self.equity)} equity values"
            )
        if not all(isfinite(value) and value > 0 for value in self.equity):
            raise ValueError(f"strategy {self.name}: an equity value is not a positive number")
        if self.trials < 1:
            raise ValueError(f"strategy {self.name}: trials is {self.trials}, want at least 1: itself")

    @property
    def drawdown(self) -> tuple[float, ...]:
        """Equity below its highest value so far, as a fraction (at most 0), shape (n,)."""
        out, peak = [], float("-inf")
        for value in self.equity:
            peak = max(peak, value)
            out.append(value / peak - 1.0)
        return tuple(out)


@dataclass(frozen=True, slots=True)
class SectorExposure:
    """Absolute exposure of one sector after the session, as a fraction of equity."""

    sector: str
    weight: float


@dataclass(frozen=True, slots=True)
class TargetLine:
    """A target of the portfolio that was handed over; `weight` is signed, of region equity."""

    label: str
    sector: str
    weight: float


@dataclass(frozen=True, slots=True)
class OrderLine:
    """An order and the risk decision on it; quantities in shares."""

    order_id: int
    label: str
    side: str
    requested_qty: int
    approved_qty: int
    filled_qty: int
    decision: str
    reason: str
    state: str


@dataclass(frozen=True, slots=True)
class CloseLine:
    """A position that the risk gateway closed by orders of its own; `state` is the last one's, `price` the average."""

    label: str
    side: str
    orders: int
    filled_qty: int
    price: float | None
    fee: float
    reason: str
    state: str


@dataclass(frozen=True, slots=True)
class FillLine:
    """A fill; `source` says where the price it traded at comes from."""

    at: datetime
    label: str
    side: str
    qty: int
    price: float
    fee: float
    source: str


@dataclass(frozen=True, slots=True)
class RiskState:
    """What the risk gateway said at the end of the session; money in the region's currency."""

    trading_state: str
    equity: float
    baseline: float
    cash: float
    frames_to_risk: int | None = None
    limits_hash: str = ""
    reference_hash: str = ""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Implementation shortfall of the parent orders.

    Attributes
    ----------
    lines, history : tuple of ShortfallLine
        This session's, and those of all sessions up to it.
    sessions : int
        How many sessions `history` covers.
    paths : PathComparison, optional
        None where orders had one path.
    """

    lines: tuple[ShortfallLine, ...]
    history: tuple[ShortfallLine, ...] = ()
    sessions: int = 1
    paths: PathComparison | None = None


@dataclass(frozen=True, slots=True)
class RegionReport:
    """One region's session.

    Attributes
    ----------
    session : datetime.date
        The session that was traded.
    sector_limit : float
        Largest exposure to one sector, as a fraction of equity.
    risk, costs, shortfall : optional
        None when nothing was handed to the runtime.
    notes : tuple of str
        What a reader must know: a refused feed, a hand-off that did not happen and why.
    """

    region: str
    currency: str
    session: date
    source: str
    feeds: tuple[FeedLine, ...] = ()
    checks: tuple[CheckLine, ...] = ()
    strategies: tuple[StrategyResult, ...] = ()
    exposure: tuple[SectorExposure, ...] = ()
    targets: tuple[TargetLine, ...] = ()
    orders: tuple[OrderLine, ...] = ()
    closes: tuple[CloseLine, ...] = ()
    fills: tuple[FillLine, ...] = ()
    costs: CostSummary | None = None
    shortfall: Shortfall | None = None
    risk: RiskState | None = None
    notes: tuple[str, ...] = ()
    sector_limit: float = 0.25


@dataclass(frozen=True, slots=True)
class ReportData:
    """A whole report.

    Attributes
    ----------
    day : datetime.date
        The day it is filed under.
    simulated : bool
        Whether any price in it is made up; every section then says so.
    generated_at : datetime.datetime
        UTC; given, so that the same inputs make the same page.
    provenance : tuple of (str, str)
        Names and values of what the figures rest on: data versions, seeds, settings.
    """

    day: date
    title: str
    simulated: bool
    generated_at: datetime
    regions: tuple[RegionReport, ...]
    provenance: tuple[tuple[str, str], ...] = ()
