"""The ground truth: what was planted, so that a finding can be held against it."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from dnalyaw.market.providers._sample._dynamics import Market
from dnalyaw.market.providers._sample._effects import EFFECTS
from dnalyaw.market.providers._sample._params import BURN_IN, ORIGIN

__all__ = ["region_truth", "truth_header"]


def truth_header(seed: int, null: bool, until: date) -> dict[str, Any]:
    """Return what holds for every region: the setting and the effects."""
    return {
        "provider": "sample:null" if null else "sample",
        "simulated": True,
        "seed": seed,
        "from": ORIGIN.isoformat(),
        "until": until.isoformat(),
        "effects": []
        if null
        else [
            {
                "name": e.name,
                "formula": e.formula,
                "daily_return_per_standard_deviation": e.strength,
                "horizon_sessions": e.horizon,
                "typical_rank_ic": e.rank_ic,
            }
            for e in EFFECTS
        ],
    }


def region_truth(market: Market, last: int) -> dict[str, Any]:
    """Return the events of one region up to session ordinal `last`, dates as ISO text."""
    u, days = market.universe, market.clock.days
    ids = u.instrument_id

    def on(at: int) -> str:
        return days[at].isoformat()

    known = [j for j in market.jumps if BURN_IN <= j.at <= last]
    actions = [a for a in market.actions if a.at <= last]
    return {
        "market_crashes": [{"session": on(j.at), "return": round(j.size, 6)} for j in known if j.index < 0],
        "jumps": [
            {
                "session": on(j.at),
                "instrument_id": int(ids[j.index]),
                "jump": round(j.size, 6),
                "return": round(float(market.returns[j.at, j.index]), 6),
                "cause": j.why,
            }
            for j in known
            if j.index >= 0
        ],
        "splits": [
            {"ex_date": on(a.at), "instrument_id": int(ids[a.index]), "ratio": a.ratio}
            for a in actions
            if a.kind == "split"
        ],
        "delistings": [
            {
                "ex_date": on(a.at),
                "instrument_id": int(ids[a.index]),
                "paid": a.amount,
                "cause": "failure" if u.failure[a.index] else "takeover",
            }
            for a in actions
            if a.kind == "delisting"
        ],
        "dividends": sum(a.kind == "dividend" for a in actions),
        "listings": [
            {"session": on(int(u.listed[i])), "instrument_id": int(ids[i])}
            for i in np.argsort(u.listed, kind="stable")
            if BURN_IN < u.listed[i] <= last
        ],
        "reused_tickers": [
            {
                "ticker": r["ticker"],
                "session": on(r["ordinal"]),
                "first_instrument_id": int(ids[r["first"]]),
                "second_instrument_id": int(ids[r["second"]]),
            }
            for r in u.reused
            if r["ordinal"] <= last
        ],
        "ticker_changes": [
            {"session": on(at), "instrument_id": int(ids[i]), "from": names[k][1], "to": ticker}
            for i, names in enumerate(u.names)
            for k, (at, ticker) in enumerate(names[1:])
            if at <= last
        ],
        "share_classes": [
            {"issuer_id": int(u.issuer_id[i]), "instrument_ids": [int(ids[u.twin[i]]), int(ids[i])]}
            for i in np.flatnonzero(u.twin >= 0)
        ],
        "restatements": [
            {
                "session": on(f.at),
                "issuer_id": int(u.issuer_id[f.source]),
                "period_end": f.period_end.isoformat(),
                "form": f.form,
            }
            for f in market.filings
            if f.restatement and BURN_IN <= f.at <= last
        ],
    }
