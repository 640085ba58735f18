"""The folder that `oms-backtest` reads: a reference, a market and targets for every session of a panel."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnalyaw.backtest._engine import Plan
from dnalyaw.backtest._errors import BacktestError
from dnalyaw.backtest._oms_market import Action, Standing, micro, standing, worst_gaps
from dnalyaw.backtest._oms_quotes import QuoteDay
from dnalyaw.backtest._panel import Floats, PricePanel

SECOND = 1_000_000_000
OPEN_NS, CLOSE_NS = (14 * 60 + 30) * 60 * SECOND, 21 * 60 * 60 * SECOND
"""A simulated session is from 14:30 to 21:00 UTC, whatever the calendar: nothing in a daily bar depends on it."""
HANDOFF_NS = SECOND
"""From the open to the hand-off. A price that jumped is told again by then, as risk wants two that agree."""
CLOSING_NS = 60 * SECOND
"""From the print at the close, at which risk looks at stops and the drawdown once more, to the end of the session."""
AS_OF_NS = 30 * 60 * SECOND
JUMP = 0.10
"""A price further than this from the last close is told twice; risk waits for the second from 20% on."""
SIZE = 1_000_000_000
STRATEGY = "backtest"
REGISTER = "register.jsonl"


@dataclass(frozen=True, eq=False)
class OmsInput:
    """Everything a run depends on.

    Attributes
    ----------
    panel : PricePanel
    plan : Plan
        Rebalances; `stops` is in force here whenever it is there, NaN takes `default_stop`.
    cols : ndarray of int64, shape (n,)
        Columns that are ever wanted.
    actions : mapping of row to list of Action
    fees : mapping
        The venue's fee keys.
    cash_micro : int
    region, currency : str
    default_stop : float
        Stop distance as a fraction of the open.
    quotes : mapping of row to QuoteDay
        Sessions that are traded on recorded quotes.
    symbols : mapping of instrument_id to str
        What the files of quotes call an instrument, where they go by symbols.
    rearm_after : int
        After how many sessions a thrown kill switch is armed again; 0 = never.
    """

    panel: PricePanel
    plan: Plan
    cols: NDArray[np.int64]
    actions: Mapping[int, list[Action]]
    fees: Mapping[str, int]
    cash_micro: int
    region: str
    currency: str
    default_stop: float
    quotes: Mapping[int, QuoteDay] = field(default_factory=dict)
    symbols: Mapping[int, str] = field(default_factory=dict)
    rearm_after: int = 0

    @property
    def rows(self) -> range:
        """Rows of the sessions that are simulated: those after the first decision."""
        return range(self.plan.start_row + 1, len(self.panel.sessions))

    def number(self, row: int) -> int:
        """A session's number, YYYYMMDD."""
        return int(str(self.panel.sessions[row]).replace("-", ""))

    def ratios(self, row: int) -> dict[int, Fraction]:
        """New shares for one old share on a row, by column."""
        found: dict[int, Fraction] = {}
        for action in self.actions.get(row, ()):
            if action.kind == "split":
                found[action.col] = found.get(action.col, Fraction(1)) * action.ratio
        return found

    def asked(self, row: int) -> dict[int, int] | None:
        """Wanted weights of a row in millionths by column, without names that cannot trade; None without a hand-off."""
        at = int(np.searchsorted(self.plan.trade_rows, row))
        if at == len(self.plan.trade_rows) or self.plan.trade_rows[at] != row:
            return None
        weights, can = self.plan.weights[at], self.panel.tradable[row]
        millionths = np.rint(weights * 1e6).astype(np.int64)
        return {int(col): int(millionths[col]) for col in np.flatnonzero((millionths > 0) & can)}


def write_input(run: OmsInput, folder: Path) -> None:
    """Write run.json and the files that it names."""
    panel = run.panel
    # Days may be many; one folder each keeps a listing readable.
    last_close: Floats = np.full(len(panel.ids), np.nan)
    gaps = worst_gaps(panel)
    days: list[dict[str, Any]] = []
    for row in range(len(panel.sessions)):
        for col, ratio in run.ratios(row).items():
            last_close[col] /= float(ratio)
        if row in run.rows:
            days.append(_write_day(run, folder, row, last_close, gaps))
        closed = np.isfinite(panel.close[row])
        last_close = np.where(closed, panel.close[row], last_close)
    entry = {
        **{"seq": 1, "at": f"{panel.sessions[run.plan.start_row]}T00:00:00+00:00", "strategy_id": STRATEGY},
        **{"stage": "live", "capital_fraction": 1, "max_leverage": 1, "reason": "backtest"},
    }
    (folder / REGISTER).write_text(json.dumps(entry) + "\n")
    (folder / "run.json").write_text(
        json.dumps(
            {
                **{"region": run.region, "register": REGISTER, "rearm_after": run.rearm_after},
                "days": days,
            },
            indent=1,
        )
    )


def _write_day(run: OmsInput, folder: Path, row: int, last_close: Floats, gaps: Floats) -> dict[str, Any]:
    panel = run.panel
    session = str(panel.sessions[row])
    known = np.isfinite(last_close[run.cols]) | np.isfinite(panel.open[row, run.cols])
    cols = run.cols[known & (panel.delisting_row[run.cols] > row)]
    if not cols.size:
        raise BacktestError(f"no name that the weights want is listed on {session}; begin later")
    place = folder / session
    place.mkdir()
    quoted = run.quotes.get(row)
    opened = quoted.open_ns if quoted else int(np.datetime64(session, "ns").astype(np.int64)) + OPEN_NS
    known_before = standing(panel, gaps, cols, row, last_close)
    (place / "reference.json").write_text(json.dumps(_reference(run, session, row, cols, known_before)))
    hours = quoted.hours() if quoted else {}
    (place / "market.json").write_text(json.dumps(_market(run, session, row, opened) | hours))
    day: dict[str, Any] = {
        **{"session": session, "reference": f"{session}/reference.json"},
        "market": f"{session}/market",
    }
    if quoted:
        day["quotes"] = [str(path) for path in quoted.files]
    else:
        (place / "market.csv").write_text(_events(run, row, cols, opened, last_close))
    asked = run.asked(row)
    if asked is not None:
        (place / "targets.json").write_text(json.dumps(_handoff(run, session, row, opened, asked)))
        day["targets"] = f"{session}/targets.json"
    return day


def _reference(
    run: OmsInput, session: str, row: int, cols: NDArray[np.int64], known: Standing
) -> dict[str, Any]:
    ratios, panel = run.ratios(row), run.panel
    rows = []
    for at, col in enumerate(cols):
        ratio, number = ratios.get(int(col), Fraction(1)), int(panel.ids[col])
        rows.append(
            {
                **{"instrument_id": number, "issuer_id": number, "label": f"N{number}.SIM"},
                **{
                    "symbol": run.symbols.get(number, f"N{number}"),
                    "sector": panel.sector[col],
                    "lot": int(panel.lot[col]),
                },
                # The finest: a daily bar's prices may lie between a venue's ticks.
                **{"tick_micro": 1, "currency": run.currency, "tradable": True},
                **{"volatility_bp": int(known.volatility_bp[at]), "gap_bp": int(known.gap_bp[at])},
                **{"adv": int(known.adv[at]), "close_micro": int(known.close_micro[at])},
                **{"split_num": ratio.numerator, "split_den": ratio.denominator},
            }
        )
    head = {"region": run.region, "session": session, "currency": run.currency}
    return {
        **head,
        "generated_at": f"{session}T14:00:00+00:00",
        "strategies": [STRATEGY],
        "instruments": rows,
    }


def _market(run: OmsInput, session: str, row: int, opened: int) -> dict[str, Any]:
    actions = [
        {
            **{"instrument_id": int(run.panel.ids[action.col]), "kind": action.kind},
            **{"ratio_num": action.ratio.numerator, "ratio_den": action.ratio.denominator},
            "amount_micro": action.amount_micro,
        }
        for action in run.actions.get(row, ())
    ]
    return {
        **{"region": run.region, "session": session, "currency": run.currency, "open_ns": opened},
        **{"close_ns": opened - OPEN_NS + CLOSE_NS, "breaks": [], "actions": actions},
        **{"initial_cash_micro": run.cash_micro, "fees": dict(run.fees), "reject_bp": 0, "seed": 0},
    }


def _events(run: OmsInput, row: int, cols: NDArray[np.int64], opened: int, last_close: Floats) -> str:
    """An auction at the open, the same again where it jumped, and one at the close; what cannot trade is only marked."""
    panel = run.panel
    first, last, can = micro(panel.open[row]), micro(panel.close[row]), panel.tradable[row]
    with np.errstate(invalid="ignore"):
        near = np.abs(panel.open[row] / last_close - 1.0) <= JUMP
    splits = run.ratios(row)
    again = [int(c) for c in cols if can[c] and (not near[c] or int(c) in splits)]
    closing = opened - OPEN_NS + CLOSE_NS - CLOSING_NS
    lines = ["ts_ns,instrument_id,symbol,kind,bid,ask,bid_size,ask_size,source"]
    for at, names, prices in (
        (opened, [int(c) for c in cols if can[c]], first),
        (opened + HANDOFF_NS, again, first),
        (closing, [int(c) for c in cols if last[c] > 0], last),
    ):
        for col in names:
            kind, size, number, px = (
                "auction" if can[col] else "quote",
                SIZE if can[col] else 0,
                panel.ids[col],
                prices[col],
            )
            lines.append(f"{at},{number},N{number},{kind},{px},{px},{size},{size},daily bar")
    return "\n".join(lines) + "\n"


def _handoff(run: OmsInput, session: str, row: int, opened: int, asked: dict[int, int]) -> list[Any]:
    at = int(np.searchsorted(run.plan.trade_rows, row))
    stops, ratios = run.plan.stops, run.ratios(row)
    targets = []
    for col, weight in asked.items():
        distance = np.nan
        if stops is not None:
            # Given per share of the decision's close; what trades is a share of today.
            distance = stops[at, col] / float(ratios.get(col, Fraction(1)))
        if not np.isfinite(distance):
            distance = run.default_stop * run.panel.open[row, col]
        number = int(run.panel.ids[col])
        targets.append(
            {"instrument_id": number, "weight": weight / 1e6, "stop_distance": round(float(distance), 6)}
        )
    portfolio = {
        **{"strategy_id": STRATEGY, "as_of_ns": opened - AS_OF_NS, "session": int(session.replace("-", ""))},
        "correlation": hashlib.sha256(f"{STRATEGY}|{session}".encode()).hexdigest()[:32],
        "targets": targets,
    }
    return [{"at_ns": opened + HANDOFF_NS, "portfolios": [portfolio]}]
