"""The Great Expectations suites, one a feed: what no other rule looks at, evaluated and refused when absent."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from dnalyaw.market import ACTION_KINDS, ASSET_CLASSES, SCHEMAS
from dnalyaw.market import region as region_of
from dnalyaw.quality._derived import derived
from dnalyaw.quality._finding import Check, Finding, GateContext, RuleKey, found

__all__ = [
    "SUITE_PATH",
    "FeedResult",
    "SuiteError",
    "evaluate",
    "expectations",
    "expectations_check",
    "suite_path",
]

SUITES = Path(__file__).parent / "suites"

SUITE_PATH = SUITES / "bars.json"

MOST_ROWS = 200_000
"""Rows of a delivery that the suite is given; pandas and Great Expectations need a second a million and more."""

_ADVICE = "compare the delivery with an earlier one, deliver it corrected, or accept it with a reason"


class SuiteError(RuntimeError):
    """Raised when the suite is missing, empty or unreadable: an unchecked feed is not published."""


@dataclass(frozen=True, slots=True)
class FeedResult:
    """What a suite said about one delivery.

    Attributes
    ----------
    region, feed : str
    session : str
        Last session of the delivery, ISO date.
    rows, judged : int
        Rows delivered, and rows that were looked at (see `evaluate`).
    success : bool
    result : dict
        Great Expectations' own validation result, as JSON holds it.
    """

    region: str
    feed: str
    session: str
    rows: int
    judged: int
    success: bool
    result: dict[str, Any]


def suite_path(feed: str) -> Path:
    """Return the file of a feed's committed suite."""
    return SUITE_PATH if feed == "bars" else SUITES / f"{feed}.json"


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


def _sample(frame: pl.DataFrame) -> pl.DataFrame:
    """At most about `MOST_ROWS` rows: evenly spaced ones, and for every column each text and both extremes.

    Sets and ranges are therefore judged as on all rows; shares and medians on the even sample.
    """
    if frame.height <= MOST_ROWS:
        return frame
    places = [pl.int_range(0, frame.height, step=-(-frame.height // MOST_ROWS), eager=True)]
    for name, dtype in frame.schema.items():
        column = frame[name]
        if dtype == pl.String:
            first = frame.select(pl.col(name).is_first_distinct().arg_true()).to_series()
            places.append(first.cast(pl.Int64).head(MOST_ROWS // 10))
        elif dtype.is_numeric() and column.count():
            places += [pl.Series([column.arg_min(), column.arg_max()], dtype=pl.Int64)]
    return frame[pl.concat(places).drop_nulls().unique().sort()]


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


def _validate(feed: str, data: Any, rules: list[dict[str, Any]]) -> Any:
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
        name=feed,
        expectations=[{"type": rule["type"], "kwargs": rule["kwargs"], "meta": {}} for rule in rules],
    )
    batch = (
        context.data_sources.add_pandas("delivery")
        .add_dataframe_asset(feed)
        .add_batch_definition_whole_dataframe("all")
        .get_batch({"dataframe": data})
    )
    said = batch.validate(suite)
    if len(said.results) != len(rules):
        raise SuiteError(f"{len(said.results)} of {len(rules)} expectations were evaluated")
    return said


def _run(
    feed: str, frame: pl.DataFrame, context: GateContext, path: Path
) -> tuple[pl.DataFrame, list[dict[str, Any]], Any]:
    """The rows that were judged, the expectations that apply to them, and what was said."""
    rules = _load(path)
    wide, groups = derived(feed, frame, context)
    parameters = {
        # Derived columns stand behind those of the feed.
        "columns": [*SCHEMAS[feed], *(c for c in wide.columns if c not in frame.columns)],
        "currencies": [region_of(context.region).currency],
        "venues": list(region_of(context.region).venues),
        "kinds": list(ACTION_KINDS),
        "asset_classes": list(ASSET_CLASSES),
    }
    chosen = [
        {"type": r["type"], "kwargs": _fill(r["kwargs"], parameters, path)}
        for r in rules
        if r.get("applies") in groups
    ]
    if not chosen:
        raise SuiteError(f"no expectation of the suite {path.name} applies to this delivery; restore it")
    judged = _sample(wide)
    return judged, chosen, _validate(feed, judged.to_pandas(), chosen)


def evaluate(feed: str, frame: pl.DataFrame, context: GateContext, path: Path | None = None) -> FeedResult:
    """Run a feed's suite and return all of what Great Expectations says, for data docs.

    A delivery of more than 200,000 rows is judged on evenly spaced rows, to which the first row of each text
    value and the rows of each number's extremes are added.

    Raises
    ------
    SuiteError
        If the suite is missing, empty or unreadable, or not all of it could be evaluated.
    """
    judged, _, said = _run(feed, frame, context, path or suite_path(feed))
    result = said.to_json_dict()
    return FeedResult(
        region=context.region,
        feed=feed,
        session=str(context.session),
        rows=frame.height,
        judged=judged.height,
        success=bool(said.success),
        result=result,
    )


def expectations_check(feed: str) -> Check:
    """Return the check that a delivery meets the suite of its feed."""

    def check(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
        return _judge(feed, frame, context, suite_path(feed))

    return check


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
    return _judge("bars", frame, context, path or SUITE_PATH)


def _judge(feed: str, frame: pl.DataFrame, context: GateContext, path: Path) -> list[Finding]:
    if frame.is_empty():
        _load(path)
        return []
    rule: RuleKey = (feed, "expectations", "error")
    judged, chosen, said = _run(feed, frame, context, path)
    sampled = "" if judged.height == frame.height else f" (judged on {judged.height} of {frame.height} rows)"
    out = []
    for spec, result in zip(chosen, said.results, strict=True):
        error = (result.exception_info or {}).get("exception_message")
        if result.success and not error:
            continue
        outcome = result.result or {}
        seen = outcome.get("observed_value", outcome.get("partial_unexpected_list", "nothing"))
        column = spec["kwargs"].get("column")
        subject = f"column {column}" if column else "the table"
        limits = {k: v for k, v in spec["kwargs"].items() if k != "column"}
        what = (
            f"{spec['type']} fails on {subject}: found {str(seen)[:160]}, want {str(limits)[:160]}{sampled}"
        )
        if error:
            what = f"{spec['type']} could not be evaluated on {subject}: {str(error)[:160]}"
        count = int(outcome.get("unexpected_count") or frame.height)
        indices = outcome.get("partial_unexpected_index_list") or []
        picked = [i for i in indices if isinstance(i, int)]
        key = [k for k in _SHOWN[feed] if k in judged.columns]
        shown = judged[picked].select(key) if picked else judged.head(0)
        out.append(found(rule, context, shown, what, _ADVICE, n_rows=count))
    return out


_SHOWN: dict[str, tuple[str, ...]] = {
    "instruments": ("instrument_id", "label", "valid_from"),
    "bars": ("instrument_id", "session"),
    "quotes": ("instrument_id", "event_time"),
    "actions": ("instrument_id", "ex_date", "kind"),
    "fundamentals": ("instrument_id", "metric", "period_end"),
    "series": ("series", "session", "value"),
    "borrow": ("instrument_id", "session"),
}
