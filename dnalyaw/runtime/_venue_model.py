"""What the simulated venue charges and when it settles, by the region's own rules; its model's other parts on request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from dnalyaw.market import next_session

FEES: Mapping[str, Mapping[str, int]] = {
    "US": {"per_share_micro": 3_500, "bp_milli": 0, "sell_bp_milli": 0, "min_micro": 350_000},
    "HK": {"per_share_micro": 0, "bp_milli": 3_000, "sell_bp_milli": 0, "min_micro": 0},
}
"""The broker's commission of a fill: 0.35 cents a share and at least 35 cents; 3 basis points."""

FIRST_RATES: Mapping[str, date] = {"US": date(2013, 5, 25), "HK": date(2014, 11, 1)}
"""From when the venue knows taxes and levies; an earlier session is charged what held then."""

US_CYCLES = ((date(2024, 5, 28), 1), (date(2017, 9, 5), 2), (date.min, 3))
"""Business days from trade to settlement by first trade date (Rule 15c6-1(a) of the Exchange Act and its changes)."""
HK_CYCLE = 2

VENUE_PARTS = frozenset({"queue", "impact", "latency", "auctions", "borrow", "halt_orders"})
"""Parts of the venue's model that are off until they are asked for: they change at which price and when orders fill."""

COLUMBUS_MONTH, VETERANS_MONTH, VETERANS_DAY = 10, 11, 11
SUNDAY = 6


def settlement_date(region: str, session: date) -> date:
    """When the trades of a session settle.

    New York's exchanges trade on Columbus Day and on Veterans Day, when banks are closed and nothing settles.
    """
    cycle = HK_CYCLE if region == "HK" else next(days for first, days in US_CYCLES if session >= first)
    day = session
    while cycle > 0:
        day = next_session(region, day)
        if region != "US" or not _us_banks_closed(day):
            cycle -= 1
    return day


def venue_model(
    region: str,
    session: date,
    instruments: Iterable[Mapping[str, Any]] = (),
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The ``model`` of a session's market file.

    Parameters
    ----------
    instruments : iterable of mapping
        Rows of the reference: ``instrument_id``, ``adv``, ``volatility_bp``, ``tick_micro``, and ``stamp_exempt`` where
        it is known.
    more : mapping, optional
        Further parts, of `VENUE_PARTS`.

    Raises
    ------
    ValueError
        When `more` names what is no such part: dates and rates are the session's.
    """
    if wrong := sorted(set(more or {}) - VENUE_PARTS):
        raise ValueError(
            f"the venue's model has no part {', '.join(wrong)}: give {', '.join(sorted(VENUE_PARTS))}"
        )
    fees = {"schedule": region.lower()}
    if session < FIRST_RATES[region]:
        fees["as_of"] = FIRST_RATES[region].isoformat()
    return {
        "settlement": {"date": settlement_date(region, session).isoformat(), "proceeds": "usable"},
        "fees": fees,
        "instruments": sorted(map(_traits, instruments), key=lambda row: row["instrument_id"]),
        **(more or {}),
    }


def _traits(row: Mapping[str, Any]) -> dict[str, Any]:
    traits = {name: row[name] for name in ("instrument_id", "adv", "volatility_bp", "tick_micro")}
    return traits | ({"stamp_exempt": True} if row.get("stamp_exempt") else {})


def _us_banks_closed(day: date) -> bool:
    second_monday = day.weekday() == 0 and 8 <= day.day <= 14
    if day.month == COLUMBUS_MONTH and second_monday:
        return True
    # On a Sunday it is kept on Monday; on a Saturday banks open on Friday.
    kept = date(day.year, VETERANS_MONTH, VETERANS_DAY)
    return day == (kept + timedelta(days=1) if kept.weekday() == SUNDAY else kept)
