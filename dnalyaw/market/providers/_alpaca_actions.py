"""Alpaca's corporate actions (v1) in the terms of the feed `actions`."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from dnalyaw.market.providers._alpaca_bars import day_of, number
from dnalyaw.market.providers._alpaca_wire import Wire
from dnalyaw.market.providers._base import ProviderError
from dnalyaw.market.providers._times import known_before

__all__ = ["Span", "Told", "actions_of", "renamings", "tell"]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """One action as Alpaca tells it.

    Attributes
    ----------
    kind : str
        Its category, such as ``"cash_dividends"``.
    row : dict
    late_at : datetime.datetime or None
        When we first got it, where an earlier answer did not hold it yet; None for what was there at first.
    """

    kind: str
    row: Wire
    late_at: datetime | None


@dataclass(frozen=True, slots=True)
class Span:
    """Days on which a company had a ticker: from `start` on (None: from the first bar), before `end`."""

    symbol: str
    start: date | None
    end: date | None

    def holds(self, day: date) -> bool:
        """Whether `day` is one of them."""
        return (self.start is None or day >= self.start) and (self.end is None or day < self.end)


def tell(answers: list[tuple[datetime, dict[str, list[Wire]]]]) -> list[Told]:
    """Return the actions that are in force: those of the last answer, with when each was first told.

    Parameters
    ----------
    answers : list of (datetime, dict)
        As `Client.actions` returns them.
    """
    first_told: dict[str, datetime | None] = {}
    for index, (at, held) in enumerate(answers):
        for kind, rows in held.items():
            for row in rows:
                first_told.setdefault(_content(kind, row), at if index else None)
    last = answers[-1][1] if answers else {}
    return [Told(kind, row, first_told[_content(kind, row)]) for kind, rows in last.items() for row in rows]


def _content(kind: str, row: Wire) -> str:
    # What decides the row of our table: a payable date that is filled in later is no news to it.
    skip = ("id", "record_date", "payable_date", "process_date", "due_bill_redemption_date", "cusip")
    return f"{kind} {sorted((k, str(v)) for k, v in row.items() if k not in skip)}"


def renamings(told: list[Told], symbol: str, before: date | None, where: str) -> tuple[str, date] | None:
    """Return the ticker that became `symbol` and the day it did, None where it was never renamed to."""
    days = [
        (day_of(t.row, "process_date", f"{where} name_changes"), str(t.row.get("old_symbol") or ""))
        for t in told
        if t.kind == "name_changes"
        and t.row.get("new_symbol") == symbol
        and t.row.get("old_symbol") != symbol
    ]
    fitting = sorted(item for item in days if item[1] and (before is None or item[0] < before))
    return (fitting[-1][1], fitting[-1][0]) if fitting else None


def actions_of(
    told: list[Told], span: Span, where: str, other: Callable[[str | None], int | None]
) -> list[dict[str, Any]]:
    """Return rows (ex_date, kind, ratio, amount, other_id, available_at) of one ticker's actions.

    Parameters
    ----------
    told : list of Told
    span : Span
        Actions on days when the ticker was another company's are left out.
    where : str
        Provider and ticker, for messages.
    other : callable
        The instrument of a ticker, None where it is none of ours.

    Notes
    -----
    Cash on one day is one row: a special dividend is added to the regular one. An action is known at 20:00 UTC
    on the day before its ex-date, or when it was first received where an earlier answer lacked it.
    """
    rows: dict[tuple[date, str], dict[str, Any]] = {}
    strange: Counter[str] = Counter()
    for item in told:
        at = f"{where} {item.kind}"
        made = _made(item, span.symbol, at, other)
        if made is None:
            if not _others(item, span.symbol):
                strange[item.kind] += 1
            continue
        if not span.holds(made["ex_date"]):
            continue
        known = known_before(made["ex_date"])
        made["available_at"] = max(known, item.late_at) if item.late_at else known
        key = (made["ex_date"], made["kind"])
        if key in rows and made["kind"] == "dividend":
            made["amount"] += rows[key]["amount"]
            made["available_at"] = max(made["available_at"], rows[key]["available_at"])
        elif key in rows and made["kind"] in ("split", "stock_dividend"):
            _LOG.warning("%s: two on %s; the first is taken", at, made["ex_date"])
            continue
        rows[key] = made
    for kind, count in sorted(strange.items()):
        _LOG.warning("%s: %d %s are not taken: the platform has no such action", where, count, kind)
    return [rows[key] for key in sorted(rows)]


def _others(item: Told, symbol: str) -> bool:
    """Whether an action of a kind that we take happens to somebody else (the acquirer, the old name)."""
    return item.kind in _TAKEN and symbol not in {item.row.get(key) for key in ("symbol", "acquiree_symbol")}


_TAKEN = {"name_changes", "cash_mergers", "stock_mergers", "stock_and_cash_mergers", "spin_offs"}
_TAKEN |= {"rights_distributions"}


def _made(
    item: Told, symbol: str, at: str, other: Callable[[str | None], int | None]
) -> dict[str, Any] | None:
    """The row of our table, None for what happens to somebody else or has no place in it."""
    row, kind = item.row, item.kind

    def make(kind: str, day: str, **fields: Any) -> dict[str, Any]:
        base = {
            "ex_date": day_of(row, day, at),
            "kind": kind,
            "ratio": None,
            "amount": None,
            "other_id": None,
        }
        return base | fields

    def of(key: str) -> float:
        return number(row, key, at)

    if kind in ("forward_splits", "reverse_splits") and row.get("symbol") == symbol:
        return make("split", "ex_date", ratio=_over(of("new_rate"), of("old_rate"), at))
    if kind == "stock_dividends" and row.get("symbol") == symbol:
        return make("stock_dividend", "ex_date", ratio=of("rate"))
    if kind == "cash_dividends" and row.get("symbol") == symbol:
        return make("dividend", "ex_date", amount=of("rate"))
    if kind == "spin_offs" and row.get("source_symbol") == symbol:
        ratio = _over(of("new_rate"), of("source_rate"), at)
        return make("spin_off", "ex_date", ratio=ratio, other_id=other(row.get("new_symbol")))
    if kind == "rights_distributions" and row.get("source_symbol") == symbol:
        # Alpaca does not say what a new share costs: the price stays unknown, and the gates name it.
        return make("rights", "ex_date", ratio=of("rate"))
    if kind in ("cash_mergers", "stock_mergers", "stock_and_cash_mergers"):
        if row.get("acquiree_symbol") != symbol:
            return None
        taker = other(row.get("acquirer_symbol"))
        if kind == "cash_mergers":
            return make("merger", "effective_date", amount=of("rate"), other_id=taker)
        ratio = _over(of("acquirer_rate"), of("acquiree_rate"), at)
        cash = None
        if kind == "stock_and_cash_mergers":
            cash = _over(of("cash_rate"), of("acquiree_rate"), at)
        return make("merger", "effective_date", ratio=ratio, amount=cash, other_id=taker)
    if kind == "redemptions" and row.get("symbol") == symbol:
        return make("delisting", "process_date", amount=of("rate"))
    if kind == "worthless_removals" and row.get("symbol") == symbol:
        return make("delisting", "process_date", amount=0.0)
    if kind == "name_changes" and row.get("new_symbol") == symbol and row.get("old_symbol") != symbol:
        return make("symbol_change", "process_date")
    return None


def _over(new: float, old: float, at: str) -> float:
    if new <= 0 or old <= 0:
        raise ProviderError(f"{at}: a rate of {new:g} for {old:g} is none; tell the provider")
    return new / old
