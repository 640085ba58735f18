"""The equity curve as a picture."""

from __future__ import annotations

from pathlib import Path

from dnalyaw.backtest._errors import BacktestError
from dnalyaw.backtest._result import BacktestResult


def plot_equity(result: BacktestResult, path: Path | str, *, title: str = "") -> Path:
    """Draw equity (net and before costs) and drawdown to an SVG or PNG file, and return its path.

    Parameters
    ----------
    result : BacktestResult
    path : Path or str
        Ends in ``.svg`` or ``.png``; its folder is made.
    title : str
        Say SIMULATED in it where the data is.
    """
    target = Path(path)
    if target.suffix not in (".svg", ".png"):
        raise BacktestError(f"plot path {target} must end in .svg or .png")
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    sessions = result.curve["session"].to_list()
    start = result.curve["equity"].item(0)
    # A fixed salt makes the same curve the same bytes, so that reports compare.
    with rc_context({"svg.hashsalt": "dnalyaw", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 5), layout="constrained")
        FigureCanvasAgg(figure)
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        top.plot(
            sessions, result.curve["equity"] / start, label="net of costs", color="#1f5fa8", linewidth=1.4
        )
        top.plot(
            sessions,
            result.curve["gross_equity"] / start,
            label="before costs",
            color="#9aa5b1",
            linewidth=1.0,
        )
        top.axhline(1.0, color="#cccccc", linewidth=0.8, zorder=0)
        top.set_ylabel("equity, start = 1")
        top.legend(loc="upper left", frameon=False)
        top.set_title(
            title or f"Sharpe {result.stats['sharpe']:.2f}, worst drawdown {result.stats['max_drawdown']:.1%}"
        )
        bottom.fill_between(
            sessions, result.curve["drawdown"] * 100, 0, color="#c0504d", alpha=0.6, linewidth=0
        )
        bottom.set_ylabel("drawdown, %")
        for axis in (top, bottom):
            axis.spines[["top", "right"]].set_visible(False)
        target.parent.mkdir(parents=True, exist_ok=True)
        metadata = {"Date": None} if target.suffix == ".svg" else {"Software": None}
        figure.savefig(target, dpi=110, metadata=metadata)
    return target
