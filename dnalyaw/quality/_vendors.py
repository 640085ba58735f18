"""Two providers of one feed side by side: closes, dates, share basis, volume and coverage."""

from __future__ import annotations

from datetime import date

import polars as pl

from dnalyaw.quality._finding import Finding, GateContext, RuleKey, found

__all__ = ["compare", "vendor_closes", "vendor_coverage", "vendor_prices"]

CLOSE_AGREES = 0.01
"""Relative difference of two closes of one bar: official and consolidated closes differ by less."""

CLOSE_FAR = 0.20
"""Relative difference from which one of two closes is simply wrong, whichever it is."""

SHIFTED = 0.8
"""Share of a name's bars that must agree with the other vendor's next or previous bar to call its dates shifted."""

SHIFT_ROWS = 5

BLOCK_ROWS = 10
"""Bars in a row with one constant ratio between the vendors that make an adjustment."""

BLOCK_SAME = 0.002
"""Range within which the log ratio of a block counts as constant: rounding of adjusted prices to a cent."""

VOLUME_NEAR = 3.0
"""Factor between two vendors' volumes (median of a name) that consolidated against primary tape explains."""

_KEY = ["instrument_id", "session"]


def compare(
    first: pl.DataFrame, second: pl.DataFrame, region: str, session: date | None = None
) -> list[Finding]:
    """Compare the bars of two providers where both cover a name.

    Parameters
    ----------
    first, second : polars.DataFrame
        Bars (`instrument_id, session, close, volume` at least) under the same identities.
    region : str
    session : datetime.date, optional
        What the findings name as the delivery's session; the last one of `first` when omitted.

    Returns
    -------
    list of Finding
        Of the rules ``vendor_prices`` (error), ``vendor_closes`` and ``vendor_coverage`` (warn).
    """
    last = session or first["session"].max()
    if not isinstance(last, date):
        return []
    context = GateContext(region=region, session=last, expected_sessions=(), other=second)
    rules = (vendor_prices, vendor_closes, vendor_coverage)
    return [finding for rule in rules for finding in rule(first, context)]


def _both(frame: pl.DataFrame, context: GateContext) -> pl.DataFrame | None:
    """Bars of both vendors in order: `other_close`, `other_volume`, `off` (log ratio of closes), `lead`, `lag`."""
    other = context.other
    if other is None or other.is_empty() or frame.is_empty():
        return None
    return context.once("both", frame, lambda: _make(frame, other))


def _make(frame: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame | None:
    good = (pl.col("close") > 0) & pl.col("close").is_finite()
    theirs = (
        other.filter(good)
        .unique(_KEY, keep="last")
        .sort(_KEY)
        .select(
            *_KEY,
            pl.col("close").alias("other_close"),
            pl.col("volume").alias("other_volume"),
            pl.col("close").shift(-1).over("instrument_id").alias("lead"),
            pl.col("close").shift(1).over("instrument_id").alias("lag"),
        )
    )
    ours = frame.filter(good).unique(_KEY, keep="first").select(*_KEY, "close", "volume")
    both = ours.join(theirs, on=_KEY, how="inner").sort(_KEY)
    return both.with_columns((pl.col("close") / pl.col("other_close")).log().alias("off"))


def vendor_prices(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find names that one vendor adjusted or dated otherwise, and closes that differ by more than 20%."""
    both = _both(frame, context)
    if both is None or both.is_empty():
        return []
    rule: RuleKey = ("bars", "vendor_prices", "error")
    near = CLOSE_AGREES
    names = both.group_by("instrument_id").agg(
        pl.len().alias("bars"),
        (pl.col("off").abs() < near).mean().alias("agree"),
        ((pl.col("close") / pl.col("lead")).log().abs() < near / 10).mean().alias("with_next"),
        ((pl.col("close") / pl.col("lag")).log().abs() < near / 10).mean().alias("with_previous"),
        ((pl.col("off").abs() < near / 10).mean()).alias("exact"),
    )
    shifted = names.filter(
        pl.col("bars") >= SHIFT_ROWS,
        pl.max_horizontal("with_next", "with_previous") >= SHIFTED,
        pl.col("exact") < 1 - SHIFTED,
    ).sort("instrument_id")
    out = []
    if shifted.height:
        what = (
            "closes agree with those of the other provider on the session before or after: dates are shifted"
        )
        advice = "look at the dates of both feeds (time zone, settlement date)"
        rows = shifted.select("instrument_id", "bars", "with_next", "with_previous")
        out.append(found(rule, context, rows, what, advice, n_rows=int(shifted["bars"].sum())))
    rest = both.filter(~pl.col("instrument_id").is_in(shifted["instrument_id"].implode()))
    # A new block begins where the ratio changes by more than rounding.
    block = (pl.col("off").diff().abs() > BLOCK_SAME) | (
        pl.col("instrument_id") != pl.col("instrument_id").shift(1)
    )
    blocks = (
        rest.with_columns(block.fill_null(True).cum_sum().alias("block"))
        .group_by("instrument_id", "block")
        .agg(
            pl.col("session").min().alias("from"),
            pl.col("session").max().alias("to"),
            pl.len().alias("bars"),
            pl.col("off").median().exp().round(6).alias("ratio"),
        )
        .filter(pl.col("bars") >= BLOCK_ROWS, (pl.col("ratio").log().abs() > near))
        .sort("instrument_id", "from")
    )
    if blocks.height:
        what = "closes stand in a constant ratio to the other provider's: one of the two is adjusted"
        advice = "take raw prices from both, and look for the split or dividend of that ratio"
        rows = blocks.drop("block")
        out.append(found(rule, context, rows, what, advice, n_rows=int(blocks["bars"].sum())))
    adjusted = blocks.select("instrument_id").unique()
    far = rest.join(adjusted, on="instrument_id", how="anti").filter(
        pl.col("off").abs() > pl.lit(1 + CLOSE_FAR).log()
    )
    if far.height:
        what = f"closes differ from the other provider's by more than {CLOSE_FAR:.0%}"
        advice = "one of the two is wrong: ask a third source"
        out.append(found(rule, context, far.select(*_KEY, "close", "other_close"), what, advice))
    return out


def vendor_closes(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find closes that differ from the other provider's by more than 1%."""
    both = _both(frame, context)
    if both is None:
        return []
    bad = both.filter(pl.col("off").abs() > pl.lit(1 + CLOSE_AGREES).log())
    if bad.is_empty():
        return []
    what = f"closes differ from the other provider's by more than {CLOSE_AGREES:.0%}"
    advice = "compare with the exchange's official close"
    rows = bad.select(*_KEY, "close", "other_close")
    return [found(("bars", "vendor_closes", "warn"), context, rows, what, advice)]


def vendor_coverage(frame: pl.DataFrame, context: GateContext) -> list[Finding]:
    """Find bars that only one of two providers has, and names whose volumes differ by more than three times."""
    both = _both(frame, context)
    if both is None or context.other is None:
        return []
    rule: RuleKey = ("bars", "vendor_coverage", "warn")
    out = []
    mine, theirs = frame.select(_KEY).unique(), context.other.select(_KEY).unique()
    for left, right, who in ((theirs, mine, "this"), (mine, theirs, "the other")):
        # Only names that both cover, and only sessions of the other's own span for the name.
        span = right.group_by("instrument_id").agg(
            pl.col("session").min().alias("from"), pl.col("session").max().alias("to")
        )
        lone = (
            left.join(right, on=_KEY, how="anti")
            .join(span, on="instrument_id", how="inner")
            .filter(pl.col("session").is_between(pl.col("from"), pl.col("to")))
            .sort("session", "instrument_id")
            .select(_KEY)
        )
        if lone.height:
            what = f"{who} provider lacks bars of sessions that it covers before and after"
            out.append(found(rule, context, lone, what, "fetch the sessions again"))
    times = pl.col("volume") / pl.col("other_volume")
    volume = (
        both.filter(pl.col("volume") > 0, pl.col("other_volume") > 0)
        .group_by("instrument_id")
        .agg(pl.len().alias("bars"), times.median().round(4).alias("volume_ratio"))
        .filter(pl.col("volume_ratio").log().abs() > pl.lit(VOLUME_NEAR).log())
        .sort("instrument_id")
    )
    if volume.height:
        what = f"volume is more than {VOLUME_NEAR:g} times, or less than a third of, the other provider's"
        advice = "one may count lots, or one venue alone"
        out.append(found(rule, context, volume, what, advice, n_rows=int(volume["bars"].sum())))
    return out
