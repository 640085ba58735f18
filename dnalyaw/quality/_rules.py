"""Which rules hold for which feed, and how one is run."""

from __future__ import annotations

import logging

import polars as pl

from dnalyaw.market import SCHEMAS
from dnalyaw.quality._dividends import (
    dividend_change,
    dividend_rhythm,
    dividend_split,
    dividend_twice,
    dividend_units,
)
from dnalyaw.quality._drops import dividend_drop, no_jump
from dnalyaw.quality._expectations import expectations, expectations_check
from dnalyaw.quality._finding import Check, Finding, GateContext, Rule, Severity
from dnalyaw.quality._fundamentals import durations, figure_scale, restatement_size
from dnalyaw.quality._idle import flat, flat_session, zero_volume
from dnalyaw.quality._limits import price_limit
from dnalyaw.quality._prices import crossed, ohlc, quote_bar, spike, split_like
from dnalyaw.quality._reference import (
    action_amounts,
    action_times,
    filing_order,
    fundamental_values,
    instrument_labels,
    instrument_spans,
)
from dnalyaw.quality._revisions import late, revised, rewritten
from dnalyaw.quality._schema import schema_check
from dnalyaw.quality._structure import (
    duplicate_check,
    empty_check,
    missing_session,
    off_calendar_check,
    stale_bars,
    stale_quotes,
)
from dnalyaw.quality._units import price_units, volume_units
from dnalyaw.quality._vendors import vendor_closes, vendor_coverage, vendor_prices

__all__ = ["RULES", "SCREENS", "run_rule", "run_rules"]

_LOG = logging.getLogger(__name__)

_OHLCV = ("open", "high", "low", "close", "volume")
_TIMES = ("event_time", "available_at")
_FIGURE = (
    *("instrument_id", "metric", "period_start", "period_end", "value"),
    *("form", "accession", "available_at"),
)
_SUITE_NEEDS: dict[str, tuple[str, ...]] = {
    "instruments": ("instrument_id", "label", "venue", "currency", "lot", "tick"),
    "bars": ("instrument_id", "volume"),
    "quotes": ("instrument_id", "bid", "ask", "bid_size", "ask_size"),
    "actions": ("instrument_id", "kind", "ratio", "amount"),
    "fundamentals": ("metric", "period_end", "value", "available_at"),
    "series": ("series", "value"),
    "borrow": ("fee", "available"),
}
_ACTION = ("instrument_id", "ex_date", "kind", "ratio", "amount")


def _rule(
    feed: str,
    name: str,
    check: Check,
    description: str,
    *needs: str,
    severity: Severity = "error",
) -> Rule:
    return Rule(feed, name, severity, description, needs, check)


def _suite(feed: str, description: str) -> Rule:
    check = expectations if feed == "bars" else expectations_check(feed)
    return _rule(
        feed, "expectations", check, f"the Great Expectations suite on {description}", *_SUITE_NEEDS[feed]
    )


def _common(feed: str) -> tuple[Rule, ...]:
    return (
        _rule(feed, "schema", schema_check(feed), "columns, types, nulls and ranges of the feed"),
        _rule(feed, "empty", empty_check(feed), "a feed that should have rows has some"),
        _rule(feed, "duplicate", duplicate_check(feed), "no row is delivered twice"),
    )


RULES: dict[str, tuple[Rule, ...]] = {
    "instruments": (
        *_common("instruments"),
        _rule(
            "instruments",
            "labels",
            instrument_labels,
            "labels, venues, currencies and ticks are of the region",
            *("label", "ticker", "venue", "currency", "tick"),
        ),
        _rule(
            "instruments",
            "spans",
            instrument_spans,
            "dates run forward and a label names one instrument a day",
            *("instrument_id", "label", "valid_from", "valid_to", "listed_on", "delisted_on"),
        ),
        _suite("instruments", "columns, currency, venues and labels"),
    ),
    "bars": (
        *_common("bars"),
        _rule(
            "bars",
            "missing_session",
            missing_session,
            "every expected session is there, with most of its names",
            *("instrument_id", "session"),
        ),
        _rule("bars", "off_calendar", off_calendar_check("bars"), "every row is of a session", "session"),
        _rule(
            "bars",
            "stale",
            stale_bars,
            "times are of the session, and its numbers are not those of the one before",
            *("instrument_id", "session", *_OHLCV, *_TIMES),
        ),
        _rule("bars", "ohlc", ohlc, "bars are possible and prices positive", "session", *_OHLCV),
        _rule(
            "bars",
            "spike",
            spike,
            "extreme returns are confirmed by quotes, volume, an action or what follows",
            *("instrument_id", "session", "close", "volume"),
        ),
        _rule(
            "bars",
            "quote_bar",
            quote_bar,
            "closes agree with the last quotes",
            *("instrument_id", "session", "close"),
        ),
        _rule(
            "bars",
            "split_like",
            split_like,
            "jumps near a split's ratio have an action on file",
            *("instrument_id", "session", "close", "volume"),
            severity="warn",
        ),
        _rule(
            "bars",
            "price_units",
            price_units,
            "no price is 100 times, or a hundredth of, the one before without an action",
            *("instrument_id", "session", *_OHLCV),
        ),
        _rule(
            "bars",
            "volume_units",
            volume_units,
            "volumes do not change by 100 times and stay there",
            *("instrument_id", "session", "close", "volume"),
        ),
        _rule(
            "bars",
            "flat_session",
            flat_session,
            "most names that traded have a range",
            *("session", *_OHLCV),
        ),
        _rule(
            "bars",
            "flat",
            flat,
            "a name that has a range otherwise has one on a day of usual volume",
            *("instrument_id", "session", *_OHLCV),
            severity="warn",
        ),
        _rule(
            "bars",
            "zero_volume",
            zero_volume,
            "names that always trade have volume",
            *("instrument_id", "session", "close", "volume"),
            severity="warn",
        ),
        _rule(
            "bars",
            "late",
            late,
            "bars are known within 36 hours of their close",
            *("instrument_id", "session", *_TIMES),
            severity="warn",
        ),
        _rule(
            "bars",
            "revised",
            revised,
            "bars published already come with the same numbers",
            *("instrument_id", "session", *_OHLCV),
            severity="warn",
        ),
        _rule(
            "bars",
            "rewritten",
            rewritten,
            "published closes do not change in numbers, as adjusted histories do",
            *("instrument_id", "session", *_OHLCV),
        ),
        _rule(
            "bars",
            "price_limit",
            price_limit,
            "mainland closes are within the exchange's daily limit",
            *("instrument_id", "session", "close", "volume"),
            severity="warn",
        ),
        _rule(
            "bars",
            "vendor_prices",
            vendor_prices,
            "a second provider has the same dates, share basis and closes within 20%",
            *("instrument_id", "session", "close", "volume"),
        ),
        _rule(
            "bars",
            "vendor_closes",
            vendor_closes,
            "closes are within 1% of a second provider's",
            *("instrument_id", "session", "close", "volume"),
            severity="warn",
        ),
        _rule(
            "bars",
            "vendor_coverage",
            vendor_coverage,
            "a second provider has the same sessions and about the same volume",
            *("instrument_id", "session", "close", "volume"),
            severity="warn",
        ),
        _suite("bars", "columns, currency, volume and labels"),
    ),
    "quotes": (
        *_common("quotes"),
        _rule("quotes", "off_calendar", off_calendar_check("quotes"), "every row is of a session", "session"),
        _rule(
            "quotes",
            "stale",
            stale_quotes,
            "times are of the session",
            *("instrument_id", "session", *_TIMES),
        ),
        _rule(
            "quotes",
            "crossed",
            crossed,
            "no bid is above its ask and nothing is negative",
            *("instrument_id", "bid", "ask", "bid_size", "ask_size", "event_time"),
        ),
        _suite("quotes", "columns, currency, spreads and one-sided quotes"),
    ),
    "actions": (
        *_common("actions"),
        _rule(
            "actions",
            "amounts",
            action_amounts,
            "ratios and amounts are sane and smaller than the price",
            *("instrument_id", "ex_date", "kind", "ratio", "amount"),
        ),
        _rule(
            "actions",
            "times",
            action_times,
            "an action is known before it takes effect",
            *("ex_date", "available_at"),
        ),
        _rule(
            "actions",
            "no_jump",
            no_jump,
            "the raw price moves by a split or a large payment on its ex-date",
            *_ACTION,
        ),
        _rule(
            "actions",
            "dividend_twice",
            dividend_twice,
            "no dividend is booked again within days",
            *_ACTION,
        ),
        _rule(
            "actions",
            "dividend_units",
            dividend_units,
            "no dividend is 100 times, or a hundredth of, the steady ones before",
            *_ACTION,
        ),
        _rule(
            "actions",
            "dividend_split",
            dividend_split,
            "dividends per share follow the name's splits",
            *_ACTION,
        ),
        _rule(
            "actions",
            "dividend_drop",
            dividend_drop,
            "prices fall by about the dividends on file, one by one where large and over many ex-dates",
            *_ACTION,
        ),
        _rule(
            "actions",
            "dividend_change",
            dividend_change,
            "a dividend is of the size of those before",
            *_ACTION,
            severity="warn",
        ),
        _rule(
            "actions",
            "dividend_rhythm",
            dividend_rhythm,
            "no dividend of the same amount comes much sooner than the name pays",
            *_ACTION,
            severity="warn",
        ),
        _suite("actions", "columns, kinds, currencies and sizes"),
    ),
    "fundamentals": (
        *_common("fundamentals"),
        _rule(
            "fundamentals",
            "filing_order",
            filing_order,
            "no figure is known before its period ends",
            *("period_end", "available_at"),
        ),
        _rule(
            "fundamentals",
            "values",
            fundamental_values,
            "share counts are positive and periods plausible",
            *("metric", "period_end", "value"),
        ),
        _rule(
            "fundamentals",
            "durations",
            durations,
            "periods have the length that their sizes speak of",
            *_FIGURE,
        ),
        _rule(
            "fundamentals",
            "scale",
            figure_scale,
            "no vintage is a power of ten from the one before",
            *_FIGURE,
            severity="warn",
        ),
        _rule(
            "fundamentals",
            "restatement",
            restatement_size,
            "restatements of more than a quarter are shown",
            *_FIGURE,
            severity="warn",
        ),
        _suite("fundamentals", "columns, metrics, forms and filing lags"),
    ),
    "series": (
        *_common("series"),
        _rule("series", "off_calendar", off_calendar_check("series"), "every row is of a session", "session"),
        _suite("series", "columns, names and units of rates and levels"),
    ),
    "borrow": (
        *_common("borrow"),
        _rule("borrow", "off_calendar", off_calendar_check("borrow"), "every row is of a session", "session"),
        _suite("borrow", "columns, fees and share counts"),
    ),
}
"""Rules of each feed, in the order in which they should be reported."""

SCREENS: dict[str, tuple[str, ...]] = {
    "bars": (
        "missing_session",
        "off_calendar",
        "stale",
        "ohlc",
        "spike",
        "split_like",
        "price_units",
        "volume_units",
        "flat_session",
        "flat",
        "zero_volume",
        "late",
        "revised",
        "rewritten",
        "price_limit",
    ),
    "actions": (
        "no_jump",
        "dividend_twice",
        "dividend_units",
        "dividend_split",
        "dividend_drop",
        "dividend_change",
        "dividend_rhythm",
    ),
}
"""Names of the statistical screens of each feed: what `gate_rows_per_s` times, on one shared `GateContext`."""


def run_rule(rule: Rule, frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Judge a delivery by one rule; what cannot be judged is refused.

    Returns
    -------
    list of Finding
        Empty when nothing was found. A rule that raises, or whose columns are absent or of another type,
        gives an error finding.
    """
    schema = SCHEMAS[rule.feed]
    odd = [name for name in rule.needs if name not in frame.columns or frame.schema[name] != schema[name]]
    if odd:
        return [
            _refused(
                rule,
                frame,
                context,
                f"could not judge: column {', '.join(odd)} is absent or of another type (see rule schema)",
            )
        ]
    try:
        return rule.check(frame, context)
    except Exception as error:  # noqa: BLE001 - a gate that fails must close, whatever the reason
        _LOG.exception("rule %s of %s failed on %s", rule.name, rule.feed, context.session)
        return [_refused(rule, frame, context, f"raised {type(error).__name__}: {error}")]


def run_rules(feed: str, frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Judge a delivery by every rule of its feed, in order."""
    return [finding for rule in RULES[feed] for finding in run_rule(rule, frame, context)]


def _refused(rule: Rule, frame: pl.DataFrame, context: GateContext, why: str) -> Finding:
    line = " ".join(why.split())
    return Finding(
        feed=rule.feed,
        rule=rule.name,
        severity="error",
        n_rows=frame.height,
        rows=(),
        message=(
            f"{context.region} {rule.feed} {context.session}: rule {rule.name} {line}; "
            f"the delivery of {frame.height} rows is refused until it can be judged"
        ),
    )
