"""Which corporate actions a session begins with, and what the account cannot be told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from dnalyaw import runtime
from dnalyaw_pipelines.home import Home
from dnalyaw_pipelines.tables import published_table


@dataclass(frozen=True, slots=True)
class SessionActions:
    """Actions as the account can be told them (`dnalyaw.market.account_actions`), and those it cannot.

    Attributes
    ----------
    applied : polars.DataFrame
        Splits, dividends and delistings; bonus shares and mergers for cash are among them as such.
    inexpressible : polars.DataFrame
        Rights, spin-offs and mergers for shares.
    """

    applied: pl.DataFrame
    inexpressible: pl.DataFrame

    def names(self) -> frozenset[int]:
        """Instruments of the inexpressible ones."""
        return frozenset(self.inexpressible["instrument_id"]) if self.inexpressible.height else frozenset()


def announced_actions(home: Home, region: str, partition: str, session: date) -> SessionActions:
    """Corporate actions up to the session that are known as of the hand-off."""
    from dnalyaw.market import account_actions

    actions = published_table(home, region, "actions", partition).read(home.as_of(region, partition))
    if actions.is_empty():
        return SessionActions(actions, actions)
    told = account_actions(actions.filter(pl.col("ex_date") <= session))
    return SessionActions(told.applied, told.inexpressible)


def due_actions(announced: SessionActions, session: date, begun: date | None) -> SessionActions:
    """Actions that fall due at this session's start: also those of sessions nobody traded since `begun`."""
    after = begun if begun is not None else session - timedelta(days=1)
    due = pl.col("ex_date") > after
    return SessionActions(
        *(
            frame if frame.is_empty() else frame.filter(due)
            for frame in (announced.applied, announced.inexpressible)
        )
    )


def last_begun(layout: runtime.Layout, session: date) -> date | None:
    """The last session before this one that the venue began, by its own log.

    A session that was prepared and then never begun applied no action to the account.
    """
    if not layout.venue_log.exists():
        return None
    # What a kill cut short has no end of line.
    lines = layout.venue_log.read_text().split("\n")[:-1]
    days = {json.loads(line).get("session") for line in lines if '"kind":"session"' in line} - {None, ""}
    earlier = [day for day in map(date.fromisoformat, days) if day < session]
    return max(earlier, default=None)


def held_through(inexpressible: pl.DataFrame, begun: date | None, report: Path | None) -> str:
    """Say why the account cannot go through these actions; empty where it holds none of their names.

    Where the venue began a session whose report is not there, what is held is not known, and nothing goes on.

    Parameters
    ----------
    inexpressible : polars.DataFrame
        Actions that are due and cannot be said in splits, dividends and delistings.
    begun : datetime.date or None
        The last session that the venue began; None: the account is new and holds nothing.
    report : pathlib.Path or None
        omsd's report of it.
    """
    if inexpressible.is_empty() or begun is None:
        return ""
    rows = inexpressible.sort("ex_date", "instrument_id").rows(named=True)
    if report is None or not report.is_file():
        names = ", ".join(
            f"instrument {row['instrument_id']} ({row['kind']} of {row['ex_date']})" for row in rows
        )
        return (
            f"what the account holds after {begun} is not known, as there is no report of that session, and the simulated "
            f"venue cannot apply {names}; report {begun} first (`dnalyaw run` for it), then go on"
        )
    held = {
        int(position["instrument_id"]): int(position["qty"])
        for position in json.loads(report.read_text())["positions"]
    }
    stuck = [row for row in rows if held.get(row["instrument_id"])]
    if not stuck:
        return ""
    names = ", ".join(
        f"{held[row['instrument_id']]} shares of instrument {row['instrument_id']} "
        f"through its {row['kind']} of {row['ex_date']}"
        for row in stuck
    )
    return (
        f"the account holds {names}, which the simulated venue cannot apply: it knows splits, dividends and delistings. "
        f"Nothing was handed off. Sell before such a date; to go on from here, give the actions feed the same thing in "
        f"cash (a dividend of its value, or a merger with an amount alone)"
    )
