"""The Great Expectations suite on bars: distribution and coverage that no other rule looks at."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import polars as pl

from dnalyaw.market import SCHEMAS
from dnalyaw.market import region as region_of
from dnalyaw.quality._finding import Finding, GateContext, RuleKey, found

__all__ = ["SUITE_PATH", "SuiteError", "expectations"]

SUITE_PATH = Path(__file__).parent / "suites" / "bars.json"

_ADVICE = "compare the delivery with an earlier one, deliver it corrected, or accept it with a reason"


class SuiteError(RuntimeError):
    """Raised when the suite is missing, empty or unreadable: an unchecked feed is not published."""


def _load(path: Path) -> list[dict[str, Any]]:
    try:
        suite = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SuiteError(f"the expectation suite {path.name} is missing; restore it") from None
    except (OSError, ValueError) as error:
        raise SuiteError(f"the expectation suite {path.name} cannot be read ({error}); restore it") from error
    rules = suite.get("expectations") if isinstance(suite, dict) else None
    if not isinstance(rules, list) or not rules:
        raise SuiteError(f"the expectation suite {path.name} holds no expectation; restore it")
    return rules


def _derived(frame: pl.DataFrame, context: GateContext) -> tuple[pl.DataFrame, set[str]]:
    """The frame with the columns that the suite looks at, and which groups of expectations apply."""
    groups = {"always"}
    wide = frame
    if not context.close_only and frame["volume"].count():
        groups.add("volume")
        volume = pl.col("volume")
        wide = wide.with_columns(
            (volume == 0).cast(pl.Float64).alias("zero_volume"),
            (volume - volume.floor()).alias("volume_fraction"),
        )
        if context.history is not None and context.history["volume"].count():
            usual = (
                context.history.group_by("instrument_id")
                .agg(volume.filter(volume > 0).median().alias("__usual"))
                .filter(pl.col("__usual") > 0)
            )
            wide = (
                wide.join(usual, on="instrument_id", how="left", maintain_order="left")
                .with_columns((volume / pl.col("__usual")).alias("volume_against_history"))
                .drop("__usual")
            )
            if wide["volume_against_history"].count():
                groups.add("volume_history")
    # Later deliveries may carry changed instruments alone, so coverage is asked of the whole history.
    if context.genesis and context.instruments is not None and context.instruments.height:
        known = context.instruments["instrument_id"].unique()
        wide = wide.with_columns(pl.col("instrument_id").is_in(known.implode()).alias("has_label"))
        groups.add("labels")
    return wide, groups


def _fill(kwargs: dict[str, Any], parameters: dict[str, Any], path: Path) -> dict[str, Any]:
    filled = {}
    for name, value in kwargs.items():
        if isinstance(value, dict) and set(value) == {"$PARAMETER"}:
            key = value["$PARAMETER"]
            if key not in parameters:
                raise SuiteError(f"the suite {path.name} asks for the unknown parameter {key!r}")
            value = parameters[key]
        filled[name] = value
    return filled


def _validate(data: Any, rules: list[dict[str, Any]]) -> list[Any]:
    """Run the expectations in a context that lives in memory and reports to nobody."""
    # Great Expectations sends usage events unless told not to before it is imported.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    import great_expectations as gx
    from great_expectations.core.expectation_suite import ExpectationSuite
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    suite = ExpectationSuite(
        name="bars",
        expectations=[{"type": rule["type"], "kwargs": rule["kwargs"], "meta": {}} for rule in rules],
    )
    batch = (
        context.data_sources.add_pandas("delivery")
        .add_dataframe_asset("bars")
        .add_batch_definition_whole_dataframe("all")
        .get_batch({"dataframe": data})
    )
    results = batch.validate(suite).results
    if len(results) != len(rules):
        raise SuiteError(f"{len(results)} of {len(rules)} expectations were evaluated")
    return list(results)


def expectations(frame: pl.DataFrame, context: GateContext, path: Path | None = None) -> list[Finding]:
    """Run the expectation suite on bars.

    Parameters
    ----------
    frame : polars.DataFrame
    context : GateContext
    path : pathlib.Path, optional
        Another suite than the committed one.

    Raises
    ------
    SuiteError
        If the suite is missing, empty or unreadable, or not all of it could be evaluated.
    """
    path = path or SUITE_PATH
    rules = _load(path)
    if frame.is_empty():
        return []
    rule: RuleKey = ("bars", "expectations", "error")
    wide, groups = _derived(frame, context)
    parameters = {
        # Derived columns stand behind those of the feed.
        "columns": [*SCHEMAS["bars"], *(c for c in wide.columns if c not in frame.columns)],
        "currencies": [region_of(context.region).currency],
    }
    chosen = [
        {"type": r["type"], "kwargs": _fill(r["kwargs"], parameters, path)}
        for r in rules
        if r.get("applies") in groups
    ]
    if not chosen:
        raise SuiteError(f"no expectation of the suite {path.name} applies to this delivery; restore it")
    out = []
    for spec, result in zip(chosen, _validate(wide.to_pandas(), chosen), strict=True):
        error = (result.exception_info or {}).get("exception_message")
        if result.success and not error:
            continue
        outcome = result.result or {}
        seen = outcome.get("observed_value", outcome.get("partial_unexpected_list", "nothing"))
        column = spec["kwargs"].get("column")
        subject = f"column {column}" if column else "the table"
        limits = {k: v for k, v in spec["kwargs"].items() if k != "column"}
        what = f"{spec['type']} fails on {subject}: found {str(seen)[:160]}, want {str(limits)[:160]}"
        if error:
            what = f"{spec['type']} could not be evaluated on {subject}: {str(error)[:160]}"
        count = int(outcome.get("unexpected_count") or frame.height)
        indices = outcome.get("partial_unexpected_index_list") or []
        picked = [i for i in indices if isinstance(i, int)]
        shown = frame[picked].select("instrument_id", "session") if picked else frame.head(0)
        out.append(found(rule, context, shown, what, _ADVICE, n_rows=count))
    return out
