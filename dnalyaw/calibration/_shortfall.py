"""Means of parent orders' costs, with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import pi, sqrt, tan
from statistics import NormalDist

import polars as pl

from dnalyaw.calibration._shortfall_rows import SHORTFALL_PARTS

__all__ = ["PathComparison", "ShortfallLine", "path_comparison", "shortfall_lines"]


@dataclass(frozen=True, slots=True)
class ShortfallLine:
    """Mean cost of some orders in basis points, weighted by notional, with an interval.

    Attributes
    ----------
    by, key : str
        What the orders have in common: ``all``, ``strategy``, ``algorithm`` or ``path``, and which one.
    n, n_missing : int
        Orders with a cost, and without one (no close where something did not fill, no price of the decision).
    notional : float
        Weight of the mean, in currency.
    mean_bp : float or None
        The whole cost: for paths the child's cost against the mid when it was sent, otherwise the shortfall.
    low_bp, high_bp : float or None
        The interval of `mean_bp` at `confidence`; None below two orders.
    parts : mapping of str to float or None
        Its parts in basis points of the same notional; `SHORTFALL_PARTS`, for paths what a child has of them.
    """

    by: str
    key: str
    currency: str
    n: int
    n_missing: int
    notional: float
    mean_bp: float | None
    low_bp: float | None
    high_bp: float | None
    parts: Mapping[str, float | None]
    confidence: float = 0.95


def shortfall_lines(frames: Mapping[str, pl.DataFrame], confidence: float = 0.95) -> list[ShortfallLine]:
    """Costs of all parents, by strategy and by algorithm, and of children by path.

    The weighted mean is a ratio of sums, its standard error a ratio estimator's (Cochran 1977, section 6.4), the
    interval Student's with one degree of freedom less than orders. Orders are taken to be independent.
    """
    parents, children = frames["parent"], frames["child"]
    path = children.with_columns(
        key=pl.when(pl.col("path") == 0)
        .then(pl.format("{} default", "venue"))
        .otherwise(pl.format("{} {}", "venue", "path"))
    )
    chosen: Iterable[tuple[str, pl.DataFrame, str, tuple[str, ...]]] = (
        ("all", parents.with_columns(key=pl.lit("all orders")), "shortfall", SHORTFALL_PARTS),
        ("strategy", frames["strategy"].with_columns(key="strategy"), "shortfall", SHORTFALL_PARTS),
        ("algorithm", parents.with_columns(key="algorithm"), "shortfall", SHORTFALL_PARTS),
        ("path", path, "cost", ("impact", "spread", "fees")),
    )
    return [
        _line(by, key, currency, rows, total, parts, confidence)
        for by, frame, total, parts in chosen
        for (key, currency), rows in sorted(frame.group_by("key", "currency", maintain_order=True))
    ]


def _line(
    by: str,
    key: object,
    currency: object,
    rows: pl.DataFrame,
    total: str,
    parts: tuple[str, ...],
    confidence: float,
) -> ShortfallLine:
    measured = rows.filter(pl.col(total).is_not_null() & (pl.col("notional") > 0))
    weight = int(measured["notional"].sum())
    n = measured.height
    mean = low = high = None
    if weight:
        mean = int(measured[total].sum()) / weight * 1e4
        if n > 1:
            # Relative to the sum of weights: one order's part in the error of the ratio.
            off = measured[total].cast(pl.Float64) * 1e4 - mean * measured["notional"].cast(pl.Float64)
            error = sqrt(float((off / weight).pow(2).sum()) * n / (n - 1))
            reach = student_quantile(0.5 + confidence / 2, n - 1) * error
            low, high = mean - reach, mean + reach
    return ShortfallLine(
        by=by,
        key=str(key),
        currency=str(currency),
        n=n,
        n_missing=rows.height - n,
        notional=weight / 1e6,
        mean_bp=mean,
        low_bp=low,
        high_bp=high,
        parts={p: int(measured[p].sum()) / weight * 1e4 if weight else None for p in parts},
        confidence=confidence,
    )


def student_quantile(p: float, df: int) -> float:
    """Quantile of Student's t: exact for one and two degrees of freedom, from three on to half a per cent.

    From three on it is the expansion 26.7.5 of Abramowitz and Stegun (1964).
    """
    if df == 1:
        return tan(pi * (p - 0.5))
    if df == 2:
        return (2 * p - 1) / sqrt(2 * p * (1 - p))
    z = NormalDist().inv_cdf(p)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return sum(term / df**i for i, term in enumerate(terms))


@dataclass(frozen=True, slots=True)
class PathComparison:
    """Path 1 against path 2 of a session, as the router's experiment finds it; bp of the mid when sent.

    Attributes
    ----------
    diff_bp : float or None
        Mean cost of path 1 less that of path 2, stratified; None where no stratum has two orders on each path.
    low_bp, high_bp : float or None
        Its interval at `confidence`.
    p : float or None
        Randomisation test of no difference at all.
    """

    session: int
    n: tuple[int, int]
    missing: tuple[int, int]
    forced: int
    mean_bp: tuple[float | None, float | None]
    diff_bp: float | None
    low_bp: float | None
    high_bp: float | None
    confidence: float
    p: float | None


def path_comparison(frames: Mapping[str, pl.DataFrame]) -> PathComparison | None:
    """The latest session's comparison; None where orders had one path."""
    paths = frames["paths"].sort("session")
    if paths.is_empty():
        return None
    row = paths.row(-1, named=True)
    return PathComparison(
        session=row["session"],
        n=(row["n1"], row["n2"]),
        missing=(row["missing1"], row["missing2"]),
        forced=row["forced"],
        mean_bp=(row["mean1_bp"], row["mean2_bp"]),
        **{name: row[name] for name in ("diff_bp", "low_bp", "high_bp", "confidence", "p")},
    )
