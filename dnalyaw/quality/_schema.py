"""Form of a feed: columns, types, nulls and ranges, as a pandera schema."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import polars as pl

from dnalyaw.market import ACTION_KINDS, ASSET_CLASSES, KEYS, NULLABLE, SCHEMAS
from dnalyaw.quality._finding import Check, Finding, GateContext, RuleKey, found

__all__ = ["frame_schema", "schema_check"]

_POSITIVE = {
    "instruments": ("instrument_id", "issuer_id", "lot"),
    "bars": ("instrument_id",),
    "quotes": ("instrument_id",),
    "actions": ("instrument_id",),
    "fundamentals": ("instrument_id",),
    "series": (),
    "borrow": ("instrument_id",),
}
_ONE_OF = {
    ("actions", "kind"): list(ACTION_KINDS),
    ("instruments", "asset_class"): list(ASSET_CLASSES),
}
_KEEP = "correct the feed at its source and deliver it again"


@lru_cache(maxsize=16)
def frame_schema(feed: str, close_only: bool = False) -> Any:
    """Return the pandera schema of a feed; bars of a close-only provider may lack what is not a close."""
    # pandera takes about a second to import.
    import pandera.polars as pa

    columns = {}
    for name, dtype in SCHEMAS[feed].items():
        checks = []
        if name in _POSITIVE[feed]:
            checks.append(pa.Check.gt(0))
        if (feed, name) in _ONE_OF:
            checks.append(pa.Check.isin(_ONE_OF[feed, name]))
        if dtype == pl.Float64:
            checks.append(pa.Check(_finite, name="finite"))
        if dtype == pl.String:
            checks.append(pa.Check.str_length(min_value=1))
        nullable = name in NULLABLE[feed] and (feed != "bars" or close_only)
        columns[name] = pa.Column(dtype, nullable=nullable, checks=checks)
    return pa.DataFrameSchema(columns, strict=True, ordered=False, name=feed)


def _finite(data: Any) -> pl.LazyFrame:
    return data.lazyframe.select(pl.col(data.key).is_finite())


def schema_check(feed: str) -> Check:
    """Return the check that a frame has the form of `feed`."""

    def check(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
        from pandera.errors import SchemaErrors

        # A delivery without rows has no types to judge beyond its columns; the rule `empty` speaks for it.
        try:
            frame_schema(feed, context.close_only).validate(frame, lazy=True)
        except SchemaErrors as error:
            return _findings(feed, frame, context, error.failure_cases)
        return []

    return check


def _findings(feed: str, frame: pl.DataFrame, context: GateContext, cases: pl.DataFrame) -> list[Finding]:
    rule: RuleKey = (feed, "schema", "error")
    out: list[Finding] = []
    key = [name for name in KEYS[feed] if name in frame.columns]
    wrong_type: set[str] = set()
    for case in cases.iter_rows(named=True):
        check = str(case["check"])
        if check in ("column_in_schema", "column_in_dataframe"):
            name = str(case["failure_case"] if check == "column_in_schema" else case["column"])
            name = str(case["failure_case"]) if name in ("None", feed) else name
            absent = check == "column_in_dataframe"
            what = f"column {name} is {'missing' if absent else 'unknown'}"
            out.append(found(rule, context, frame.head(0), what, _KEEP, n_rows=frame.height))
        elif check.startswith("dtype("):
            name = str(case["column"])
            wrong_type.add(name)
            what = f"column {name} has type {frame.schema[name]}, want {SCHEMAS[feed][name]}"
            rows = _not_convertible(frame, feed, name)
            count = rows.height or frame.height
            out.append(found(rule, context, rows.select(*key, name).head(20), what, _KEEP, n_rows=count))
    # What a column of another type holds cannot be compared: its other failures say nothing.
    values = cases.filter(pl.col("index").is_not_null() & ~pl.col("column").is_in(list(wrong_type)))
    for (name, check), part in values.group_by("column", "check", maintain_order=True):
        column = str(name)
        rows = frame[sorted(set(part["index"].to_list()))]
        shown = list(dict.fromkeys([*key, column]))
        what = f"column {column} breaks {'not null' if check == 'not_nullable' else check}"
        out.append(found(rule, context, rows.select(shown), what, _KEEP))
    if not out:
        first = cases.row(0, named=True)
        what = f"{first['column']}: {first['check']}: {first['failure_case']}"
        out.append(found(rule, context, frame.head(0), what, _KEEP, n_rows=frame.height))
    return out


def _not_convertible(frame: pl.DataFrame, feed: str, name: str) -> pl.DataFrame:
    """The rows whose cell does not even fit after a conversion; all rows when the type is of another kind."""
    try:
        fits = frame[name].cast(SCHEMAS[feed][name], strict=False).is_not_null()
    except pl.exceptions.PolarsError:
        return frame
    return frame.filter(~fits & frame[name].is_not_null())
