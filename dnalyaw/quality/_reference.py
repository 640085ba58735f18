"""Reference feeds: actions, fundamentals and instruments that contradict themselves or the prices."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from dnalyaw.market import LabelError, parse_label
from dnalyaw.market import region as region_of
from dnalyaw.quality._finding import Finding, GateContext, RuleKey, found

__all__ = [
    "action_amounts",
    "action_times",
    "filing_order",
    "fundamental_values",
    "instrument_labels",
    "instrument_spans",
]

_FIX = "correct the row at its source and deliver it again"
_FAR = timedelta(days=3650)


def action_amounts(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find splits without a sane ratio, and dividends without a sane amount."""
    rule: RuleKey = ("actions", "amounts", "error")
    shown = ["instrument_id", "ex_date", "kind", "ratio", "amount"]
    kind, ratio, amount = pl.col("kind"), pl.col("ratio"), pl.col("amount")
    wrong = frame.filter(
        (
            (kind == "split")
            & (ratio.is_null() | ~ratio.is_between(1e-4, 1e4) | (ratio == 1.0) | amount.is_not_null())
        )
        | ((kind == "dividend") & (amount.is_null() | (amount <= 0) | ratio.is_not_null()))
        | ((kind == "delisting") & ((amount < 0) | ratio.is_not_null()).fill_null(False))
    )
    out = []
    if wrong.height:
        what = (
            "a split needs a ratio (new shares per old, not 1) and a dividend a positive amount, and neither "
            "has the other's"
        )
        out.append(found(rule, context, wrong.select(shown), what, _FIX))
    if context.history is not None and context.history.height:
        before = (
            frame.filter(kind == "dividend")
            .sort("ex_date")
            .join_asof(
                context.history.select("instrument_id", "session", "close").sort("session"),
                left_on="ex_date",
                right_on="session",
                by="instrument_id",
                strategy="backward",
                allow_exact_matches=False,
                check_sortedness=False,
            )
            .filter(amount >= pl.col("close"))
        )
        if before.height:
            what = "a dividend is not smaller than the price before it"
            out.append(found(rule, context, before.select(*shown, "close"), what, _FIX))
    return out


def action_times(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find actions that would be known only after they took effect."""
    midnight = pl.col("ex_date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    late = frame.filter(pl.col("available_at") >= midnight)
    if late.is_empty():
        return []
    rows = late.select("instrument_id", "ex_date", "kind", "available_at")
    what = "available_at is not before the day of ex_date, so prices would jump unexplained"
    advice = "state when it was announced, 20:00 UTC on the day before ex_date at the latest"
    return [found(("actions", "times", "error"), context, rows, what, advice)]


def filing_order(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find figures that were available before their period ended: look-ahead."""
    end = pl.col("period_end").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    early = frame.filter(pl.col("available_at") < end)
    if early.is_empty():
        return []
    rows = early.select("instrument_id", "metric", "period_end", "available_at")
    what = "available_at is before period_end: nobody knew the figure then"
    advice = "give the moment of the filing as available_at"
    return [found(("fundamentals", "filing_order", "error"), context, rows, what, advice)]


def fundamental_values(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find share counts that are not positive, and figures of periods that lie far from the delivery."""
    rule: RuleKey = ("fundamentals", "values", "error")
    out = []
    shown = ["instrument_id", "metric", "period_end", "value"]
    shares = frame.filter(pl.col("metric").str.starts_with("shares") & (pl.col("value") <= 0))
    if shares.height:
        what = "a number of shares is not positive"
        out.append(found(rule, context, shares.select(shown), what, _FIX))
    odd = frame.filter(pl.col("period_end") > pl.lit(context.session) + _FAR)
    if odd.height:
        what = "period_end lies more than ten years ahead"
        out.append(found(rule, context, odd.select(shown), what, _FIX))
    return out


def instrument_labels(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find labels that are not `TICKER.VENUE`, venues and currencies of another region, and bad ticks."""
    rule: RuleKey = ("instruments", "labels", "error")
    market = region_of(context.region)

    def parts(label: str) -> str:
        try:
            parsed = parse_label(label)
        except LabelError:
            return ""
        return f"{parsed.ticker}|{parsed.venue}"

    said = pl.col("ticker") + "|" + pl.col("venue")
    parsed = pl.col("label").map_elements(parts, return_dtype=pl.String)
    shown = ["instrument_id", "label", "ticker", "venue", "currency", "tick"]
    out = []
    wrong = frame.filter(parsed != said)
    if wrong.height:
        what = "label is not ticker.venue, read from the right"
        out.append(found(rule, context, wrong.select(shown), what, _FIX))
    foreign = frame.filter(
        ~pl.col("venue").is_in(list(market.venues)) | (pl.col("currency") != market.currency)
    )
    if foreign.height:
        what = f"venue or currency is not of {context.region} ({', '.join(market.venues)}; {market.currency})"
        out.append(found(rule, context, foreign.select(shown), what, _FIX))
    tick = frame.filter(pl.col("tick") < 0)
    if tick.height:
        what = "tick is negative (0 stands for the venue's table)"
        out.append(found(rule, context, tick.select(shown), what, _FIX))
    return out


def instrument_spans(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find dates that run backwards, and one label that names two instruments on one day."""
    rule: RuleKey = ("instruments", "spans", "error")
    out = []
    shown = ["instrument_id", "label", "valid_from", "valid_to", "listed_on", "delisted_on"]
    backwards = frame.filter(
        (pl.col("valid_to") < pl.col("valid_from")).fill_null(False)
        | (pl.col("delisted_on") < pl.col("listed_on")).fill_null(False)
        | (pl.col("valid_from") < pl.col("listed_on"))
    )
    if backwards.height:
        what = "valid_to is before valid_from, delisted_on before listed_on, or valid_from before listed_on"
        out.append(found(rule, context, backwards.select(shown), what, _FIX))
    day = pl.duration(days=1)
    latest = (
        frame.sort("instrument_id", "valid_from", "available_at")
        .unique(["instrument_id", "valid_from"], keep="last", maintain_order=True)
        .with_columns(
            # A label ends when it says so, when the instrument gets its next one, or when it is delisted.
            pl.min_horizontal(
                "valid_to",
                pl.col("valid_from").shift(-1).over("instrument_id") - day,
                pl.col("delisted_on") - pl.when(pl.col("valid_to").is_null()).then(1).otherwise(0) * day,
            ).alias("__end")
        )
        .filter(pl.col("__end").is_null() | (pl.col("__end") >= pl.col("valid_from")))
        .sort("label", "valid_from")
        .with_columns(
            pl.col("instrument_id").shift(1).over("label").alias("other_instrument"),
            pl.col("__end").shift(1).over("label").alias("__other_end"),
        )
    )
    overlap = latest.filter(
        pl.col("other_instrument").is_not_null()
        & (pl.col("other_instrument") != pl.col("instrument_id"))
        & (pl.col("__other_end").is_null() | (pl.col("__other_end") >= pl.col("valid_from")))
    )
    if overlap.height:
        what = "one label names two instruments on the same days"
        rows = overlap.select("label", "instrument_id", "other_instrument", "valid_from")
        out.append(found(rule, context, rows, what, "end the earlier one with valid_to or delisted_on"))
    return out
