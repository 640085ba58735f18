"""How many rows the statistical screens judge."""

from __future__ import annotations

import time
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from dnalyaw.market import conform, session_table, sessions_between
from dnalyaw.quality import RULES, SCREENS, GateContext, run_rule


@pytest.mark.soak
def test_the_screens_judge_two_million_rows_a_second_on_two_cores() -> None:
    """500 names over ten years; processor time is asked, as other work may share the machine."""
    sessions, names = sessions_between("US", date(2010, 1, 4), date(2019, 12, 31)), 500
    rng = np.random.default_rng(0)
    days = len(sessions)
    close = 100 * np.exp(np.cumsum(0.01 * rng.standard_t(4, (days, names)), axis=0))
    opened = np.vstack([np.full(names, 100.0), close[:-1]])
    hours = session_table("US", sessions[0], sessions[-1]).select(
        "session", pl.col("close").alias("event_time")
    )
    bars = pl.DataFrame(
        {
            "instrument_id": np.tile(np.arange(1, names + 1), days),
            "session": pl.Series(sessions).gather(np.repeat(np.arange(days), names)),
            "open": opened.ravel(),
            "high": (np.maximum(opened, close) * 1.004).ravel(),
            "low": (np.minimum(opened, close) * 0.996).ravel(),
            "close": close.ravel(),
            "volume": np.exp(13 + 0.4 * rng.standard_normal(days * names)),
        }
    ).join(hours, on="session", maintain_order="left")
    bars = conform(
        "bars",
        bars.with_columns(currency=pl.lit("USD"), available_at=pl.col("event_time") + timedelta(minutes=15)),
    )
    best = 0.0
    for _ in range(3):
        context = GateContext(
            region="US", session=sessions[-1], expected_sessions=tuple(sessions), genesis=True
        )
        begun = time.process_time()
        for rule in RULES["bars"]:
            if rule.name in SCREENS["bars"]:
                run_rule(rule, bars, context)
        best = max(best, bars.height / (time.process_time() - begun))
    assert best > 1e6, f"{best:,.0f} rows a second of one processor"
