"""The risk engine's decisions in an OMS backtest, as `oms-backtest` writes them down."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from dnalyaw.backtest._oms_files import OmsInput
from dnalyaw.backtest._oms_market import MICRO

_DECISIONS = {
    **{"session_number": pl.Int64, "ts_ns": pl.Int64, "order_id": pl.UInt64, "instrument_id": pl.Int64},
    **{"side": pl.String, "decision": pl.String, "reason": pl.String, "qty": pl.Int64},
    **{"approved_qty": pl.Int64, "reference_px": pl.Int64, "equity_micro": pl.Int64},
    **{"worst_case_micro": pl.Int64, "limit_micro": pl.Int64},
}


def read_decisions(folder: Path) -> pl.DataFrame:
    """Every decision of the risk engine, as `OmsBacktestResult.decisions` has them."""
    path = folder / "decisions.jsonl"
    rows = pl.read_ndjson(path, schema=_DECISIONS) if path.stat().st_size else pl.DataFrame(schema=_DECISIONS)
    money = {
        "price": "reference_px",
        "equity": "equity_micro",
        "exposure": "worst_case_micro",
        "limit": "limit_micro",
    }
    return rows.select(
        session=pl.col("session_number").cast(pl.String).str.to_date("%Y%m%d"),
        at=pl.from_epoch("ts_ns", time_unit="ns").dt.replace_time_zone("UTC"),
        order_id="order_id",
        instrument_id="instrument_id",
        side="side",
        decision="decision",
        reason="reason",
        qty="qty",
        approved="approved_qty",
        **{name: pl.col(column) / MICRO for name, column in money.items()},
    )


def first_orders(run: OmsInput, folder: Path) -> dict[int, dict[int, int]]:
    """What omsd first asked risk for in sessions of quotes, signed shares by column, by session number."""
    quoted = {run.number(row) for row in run.quotes}
    cols = {int(run.panel.ids[col]): int(col) for col in run.cols}
    found: dict[int, dict[int, int]] = {}
    if not quoted:
        return found
    with (folder / "decisions.jsonl").open() as lines:
        for row in map(json.loads, lines):
            if row["session_number"] in quoted and row["decision"] != "FLATTEN":
                sign = 1 if row["side"] == "buy" else -1
                asked = found.setdefault(row["session_number"], {})
                asked.setdefault(cols[row["instrument_id"]], sign * row["qty"])
    return found
