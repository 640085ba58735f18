"""Line charts and the exposure chart as inline SVG that follows the page's colours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import date
from io import StringIO
from itertools import count
from typing import Any, Literal

import numpy as np

from dnalyaw.report._data import SectorExposure, StrategyResult
from dnalyaw.report._html import esc

__all__ = ["drawdown_chart", "equity_chart", "exposure_chart", "series_class", "series_orders"]

# Matplotlib wants a colour for everything. Each of these stands for a CSS variable and is replaced by it, so
# that one picture is right on a light and on a dark page.
_INK, _MUTED, _GRID, _LIMIT, _OVER = "#010101", "#020202", "#030303", "#040404", "#050505"
_SERIES = ("#0a0001", "#0a0002", "#0a0003", "#0a0004", "#0a0005", "#0a0006")
_VARIABLES = {
    _INK: "var(--ink)",
    _MUTED: "var(--muted)",
    _GRID: "var(--grid)",
    _LIMIT: "var(--limit)",
    _OVER: "var(--bad)",
} | {colour: f"var(--s{k})" for k, colour in enumerate(_SERIES)}


# Text stays text, a dollar sign is no formula, and the same figure gives the same bytes.
_SETTINGS: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "dnalyaw", "text.parse_math": False}


def _settings() -> AbstractContextManager[None]:
    import matplotlib

    return matplotlib.rc_context(_SETTINGS)


def series_class(order: int) -> str:
    """Return the CSS class of the `order`-th series: 0 is all strategies together."""
    return f"s{order % len(_SERIES)}"


def series_orders(strategies: Sequence[StrategyResult]) -> list[int]:
    """Return each strategy's series: 0 for all of them together, 1 and up for its parts."""
    parts = count(1)
    return [0 if s.combined else next(parts) for s in strategies]


def _figure(width: float, height: float) -> tuple[Any, Any]:
    # Imported here: a report is the end of a run, most commands never draw.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_GRID)
    axes.tick_params(colors=_MUTED, labelsize=9, length=0, pad=6)
    return figure, axes


def _svg(figure: Any, name: str, title: str) -> str:
    """Return `figure` as an `<svg>` element whose ids begin with `name`."""
    out = StringIO()
    figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
    # A hundredth of a point is below any pixel.
    text = re.sub(r"\d+\.\d{3,}", lambda m: f"{float(m.group()):.2f}", text)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", text)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = text.replace("xlink:href", "href")
    # Several pictures share one page, where an id stands once.
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    text = re.sub(r"font(-family)?: [^;\"]*'[^;\"]*", "font-family: inherit", text)
    text = re.sub(
        r"<svg[^>]*viewBox=\"([^\"]+)\"[^>]*>",
        rf'<svg class="chart" viewBox="\1" role="img" aria-labelledby="{name}-title">'
        rf'<title id="{name}-title">' + esc(title).replace("\\", "\\\\") + "</title>",
        text,
        count=1,
    )
    return text.strip()


def _dates(sessions: Sequence[date]) -> Any:
    return np.array(sessions, dtype="datetime64[D]")


def _lines(
    strategies: Sequence[StrategyResult],
    values: Sequence[Sequence[float]],
    sign: Literal["+", "-"],
    name: str,
    title: str,
) -> str:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import FuncFormatter

    figure, axes = _figure(5.6, 2.6)
    drawn = list(zip(series_orders(strategies), zip(strategies, values, strict=True), strict=True))
    # The whole portfolio is drawn last, over its parts.
    for order, (strategy, series) in sorted(drawn, key=lambda item: item[1][0].combined):
        axes.plot(
            _dates(strategy.sessions),
            np.asarray(series, dtype=float),
            color=_SERIES[order % len(_SERIES)],
            linewidth=2.0 if strategy.combined else 1.2,
            alpha=1.0 if strategy.combined else 0.85,
            solid_capstyle="round",
            solid_joinstyle="round",
        )
    axes.axhline(0.0, color=_MUTED, linewidth=0.8)
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.margins(x=0.01)
    locator = AutoDateLocator(minticks=4, maxticks=8)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: _percent(v, sign)))
    return _svg(figure, name, title)


def _percent(value: float, sign: Literal["+", "-"] = "-") -> str:
    """Return a tick's text: as many digits as tell neighbours apart, a true minus, no sign on zero."""
    points = round(value * 100, 1)
    if points == 0:
        return "0%"
    digits = 0 if points == round(points) else 1
    return f"{points:{sign}.{digits}f}%".replace("-", "−")


def equity_chart(strategies: Sequence[StrategyResult], name: str, title: str) -> str:
    """Return the gain since the first session of each strategy."""
    gains = [[v / s.equity[0] - 1.0 for v in s.equity] for s in strategies]
    with _settings():
        return _lines(strategies, gains, "+", name, title)


def drawdown_chart(strategies: Sequence[StrategyResult], name: str, title: str) -> str:
    """Return how far each strategy is below its highest equity."""
    with _settings():
        return _lines(strategies, [s.drawdown for s in strategies], "-", name, title)


def exposure_chart(exposure: Sequence[SectorExposure], limit: float, name: str, title: str) -> str:
    """Return a bar a sector, largest first, with the limit as a line; what is over it stands out."""
    with _settings():
        return _exposure(exposure, limit, name, title)


def _exposure(exposure: Sequence[SectorExposure], limit: float, name: str, title: str) -> str:
    from matplotlib.ticker import FuncFormatter

    ordered = sorted(exposure, key=lambda e: (e.weight, e.sector))
    figure, axes = _figure(5.6, 0.55 + 0.27 * len(ordered))
    places = np.arange(len(ordered))
    weights = np.array([e.weight for e in ordered])
    # Over by less than rounding is at the limit.
    colours = [_OVER if w > limit + 1e-9 else _SERIES[1] for w in weights]
    axes.barh(places, weights, height=0.58, color=colours)
    for place, weight in zip(places, weights, strict=True):
        axes.text(weight + limit * 0.015, place, f"{weight * 100:.1f}%", va="center", fontsize=9, color=_INK)
    axes.axvline(limit, color=_LIMIT, linewidth=1.4, linestyle=(0, (4, 3)))
    axes.text(
        limit * 0.99,
        len(ordered) - 0.35,
        f"limit {limit * 100:.0f}%",
        ha="right",
        va="bottom",
        fontsize=9,
        color=_LIMIT,
    )
    axes.set_yticks(places, [e.sector for e in ordered])
    axes.tick_params(axis="y", colors=_INK)
    axes.set_xlim(0, max(limit * 1.12, float(weights.max(initial=0.0)) * 1.15))
    axes.set_ylim(-0.6, len(ordered) + 0.1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: _percent(v)))
    axes.grid(axis="x", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    return _svg(figure, name, title)
