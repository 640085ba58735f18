"""Results too good to be believed say so themselves."""

from __future__ import annotations

from dnalyaw.backtest._result import Finding

_MAX_SHARPE = 2.0
_MAX_GROWTH = 0.5


def review(stats: dict[str, float]) -> tuple[Finding, ...]:
    """Return the findings of a set of statistics as `run_backtest` makes them."""
    found = []
    if stats["sharpe"] > _MAX_SHARPE:
        found.append(
            Finding(
                "SHARPE_TOO_GOOD",
                f"Sharpe ratio {stats['sharpe']:.2f} is above {_MAX_SHARPE:g}: more often a fault than an "
                f"edge",
                (
                    "whether a feature is available only after the open it trades at (available_at, "
                    "restated values)",
                    "whether the label's horizon overlaps the training window (purge and embargo in the "
                    "folds table)",
                    "whether names that later died are in the universe",
                    f"whether costs are real: {stats['cost_bp_per_turnover']:.2f} bp of traded value were "
                    f"charged",
                    "how many trials came before (deflated Sharpe ratio from the trial ledger)",
                ),
            )
        )
    if stats["cagr"] > _MAX_GROWTH and stats["sessions"] >= 60:
        found.append(
            Finding(
                "GROWTH_TOO_GOOD",
                f"growth of {stats['cagr']:.0%} a year is above {_MAX_GROWTH:.0%}",
                (
                    "whether one name or one day makes it (orders and curve): an unadjusted split looks "
                    "like this",
                    "whether a reused ticker joined two companies' prices",
                    f"whether the capacity is there: turnover is {stats['turnover_per_year']:.1f} times a "
                    f"year",
                ),
            )
        )
    if stats["skipped_orders"] > 0.05 * max(stats["orders"], 1.0):
        found.append(
            Finding(
                "MANY_SKIPPED",
                f"{stats['skipped_orders']:.0f} orders found no open, against {stats['orders']:.0f} that "
                f"traded",
                ("whether prices miss sessions", "whether the strategy asks for names that are not listed"),
            )
        )
    if stats["assumed_delistings"] > 0:
        found.append(
            Finding(
                "ASSUMED_DELISTING",
                f"{stats['assumed_delistings']:.0f} delistings had no payment; a return was assumed",
                ("the delisting rows of the actions feed",),
            )
        )
    return tuple(found)
