"""The daily report: one self-contained page of what happened and what it cost."""

from dnalyaw.report._data import (
    CheckLine,
    CloseLine,
    FeedLine,
    FillLine,
    OrderLine,
    RegionReport,
    ReportData,
    RiskState,
    SectorExposure,
    Shortfall,
    StrategyResult,
    TargetLine,
)
from dnalyaw.report._page import render_html
from dnalyaw.report._write import write_report

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
    "render_html",
    "write_report",
]
