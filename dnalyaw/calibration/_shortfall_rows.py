"""omsd's rows of what parent orders cost (docs/cost-analysis.md), read into frames."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from dnalyaw.calibration._orders import CostError

__all__ = ["SHORTFALL_PARTS", "SHORTFALL_SCHEMA", "read_shortfall"]

VERSION = 2
"""Version of the rows that is read here; another one is refused."""

SHORTFALL_PARTS = ("delay", "timing", "impact", "spread", "unsplit", "fees", "opportunity")
"""What a shortfall is made of besides its residual, in the order of the identity."""

_I, _F, _S, _B = pl.Int64(), pl.Float64(), pl.String(), pl.Boolean()
_NAMES = {"schema": _I, "parent_id": _I, "scheduled": _B, "session": _I}
_EXECUTION = {"timing": _I, "impact": _I, "spread": _I, "unsplit": _I, "fees": _I}
_WHOLE = {
    "opportunity": _I,
    "residual": _I,
    "shortfall": _I,
}
_MISSING = {"missing": pl.List(pl.String())}

SHORTFALL_SCHEMA: Mapping[str, Mapping[str, pl.DataType]] = {
    "parent": {
        **_NAMES,
        "correlation": _S,
        "instrument_id": _I,
        "currency": _S,
        "algorithm": _S,
        "side": _S,
        **dict.fromkeys(("qty", "filled", "children", "fills", "decision_ns", "arrival_ns", "end_ns"), _I),
        **dict.fromkeys(
            ("decision_px", "arrival_bid", "arrival_ask", "average_px", "vwap_px", "vwap_volume"), _I
        ),
        **dict.fromkeys(("twap_px", "close_px", "traded", "delay"), _I),
        **_EXECUTION,
        **_WHOLE,
        **dict.fromkeys(("vs_arrival", "vs_vwap", "vs_twap", "vs_close"), _I),
        **dict.fromkeys(("shortfall_bp", "vs_arrival_bp", "vs_vwap_bp", "vs_twap_bp", "vs_close_bp"), _F),
        "notional": _I,
        **_MISSING,
    },
    "child": {
        **dict.fromkeys(("schema", "parent_id"), _I),
        "scheduled": _B,
        **dict.fromkeys(("child_id", "session"), _I),
        "instrument_id": _I,
        "currency": _S,
        "side": _S,
        "path": _I,
        "venue": _S,
        "style": _S,
        "limit_px": _I,
        "experiment": _B,
        "stratum": _S,
        "block": _I,
        "slot": _I,
        "route": _S,
        **dict.fromkeys(("sent_ns", "ack_ns", "done_ns", "first_fill_ns", "sent_bid", "sent_ask"), _I),
        **dict.fromkeys(("qty", "filled", "fills", "traded"), _I),
        **_EXECUTION,
        "cost": _I,
        "cost_bp": _F,
        "notional": _I,
        **_MISSING,
    },
    "strategy": {
        **_NAMES,
        "strategy": _S,
        "instrument_id": _I,
        "currency": _S,
        "side": _S,
        **dict.fromkeys(("qty", "filled", "traded", "delay"), _I),
        **_EXECUTION,
        **_WHOLE,
        "shortfall_bp": _F,
        "notional": _I,
        **_MISSING,
    },
    "paths": {
        "schema": _I,
        "session": _I,
        "venue": _S,
        **dict.fromkeys(("n1", "n2", "missing1", "missing2", "forced", "strata", "used_strata"), _I),
        **dict.fromkeys(
            ("mean1_bp", "mean2_bp", "diff_bp", "std_err_bp", "low_bp", "high_bp", "confidence", "p"), _F
        ),
        "redraws": _I,
    },
}
"""Columns of each kind of row, in docs/cost-analysis.md; prices and money in millionths. Aggregates are computed here."""


def read_shortfall(path: Path) -> dict[str, pl.DataFrame]:
    """Read a file of omsd's rows into a frame a kind.

    Raises
    ------
    CostError
        If a line is not of the expected version and fields, or a parent's parts do not make its shortfall.
    """
    rows: dict[str, list[dict[str, Any]]] = {kind: [] for kind in SHORTFALL_SCHEMA}
    for number, text in enumerate(path.read_text().splitlines(), 1):
        try:
            row = json.loads(text)
            kind, version = row.pop("kind"), row["schema"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CostError(f"{path}:{number}: not a row of costs ({error})") from error
        if version != VERSION:
            raise CostError(
                f"{path}:{number}: schema {version}, this release reads {VERSION}: write the file anew with `omsd costs`"
            )
        if kind == "aggregate":
            continue
        if kind not in rows:
            raise CostError(f"{path}:{number}: rows of kind {kind!r} are not known")
        if row.keys() != SHORTFALL_SCHEMA[kind].keys():
            odd = sorted(row.keys() ^ SHORTFALL_SCHEMA[kind].keys())
            raise CostError(f"{path}:{number}: the fields of a {kind} are other ones: {', '.join(odd)}")
        if kind in ("parent", "strategy"):
            _check_sum(row, f"{path}:{number}")
        rows[kind].append(row)
    return {
        kind: pl.DataFrame(found, schema=dict(SHORTFALL_SCHEMA[kind]), orient="row")
        for kind, found in rows.items()
    }


def _check_sum(row: Mapping[str, Any], place: str) -> None:
    if row["shortfall"] is None:
        return
    parts = sum(row[part] or 0 for part in (*SHORTFALL_PARTS, "residual"))
    if parts != row["shortfall"]:
        raise CostError(
            f"{place}: the parts of parent {row['parent_id']} make {parts} millionths, its shortfall is {row['shortfall']}"
        )
