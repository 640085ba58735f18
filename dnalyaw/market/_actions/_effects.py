"""What actions do to a holder's shares and to the price, one row an instrument and ex-date."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from dnalyaw.market._actions._errors import AdjustError
from dnalyaw.market._actions._known import known, where
from dnalyaw.market._schema import UTC

if TYPE_CHECKING:
    from dnalyaw.pit import AsOf

__all__ = ["action_effects", "effects"]

KINDS = ("split", "dividend", "stock_dividend", "rights", "spin_off")
"""Kinds that move a price on their ex-date; a symbol change moves nothing, a merger or delisting ends the name."""

_PAID = ("dividend", "rights", "spin_off")
_ROW = {
    "instrument_id": pl.Int64(),
    "ex_date": pl.Date(),
    "session": pl.Date(),
    "previous_session": pl.Date(),
    "previous_close": pl.Float64(),
    "ex_price": pl.Float64(),
    "share_step": pl.Float64(),
    "total_step": pl.Float64(),
    "available_at": UTC,
}


def action_effects(bars: pl.DataFrame, actions: pl.DataFrame, as_of: AsOf) -> pl.DataFrame:
    """Compute what the actions known at a moment do to shares and prices.

    All that happens to an instrument on one ex-date is per share held before that date, whatever the rows' order:
    with ``c`` the last close before it, ``cash`` the dividends, ``out`` the value spun off, ``b`` bonus shares, ``r``
    rights at the price ``p``, ``s`` the split, the ex-price is
    ``(c - cash - out + p r) / ((1 + b + r) s)`` (see `ex_reference`, here unrounded). Rights that cost as much as the
    share, ``p (1 + b) >= c - cash - out``, are left to lapse and change nothing. Of several ex-dates between two bars
    each is counted from the ex-price of the one before.

    Parameters
    ----------
    bars : polars.DataFrame
        Feed `bars`, raw.
    actions : polars.DataFrame
        Feed `actions`; of several rows with one key the latest known one holds.
    as_of : AsOf
        What is known later is not seen.

    Returns
    -------
    polars.DataFrame
        One row an instrument and ex-date with a bar before it, sorted by both: `session` (first bar on or after the
        ex-date, null while there is none), `previous_session`, `previous_close` and `ex_price` (currency per share),
        `share_step` (new shares for one old share; for rights the bonus element, ``ex-cash price / theoretical
        ex-rights price``), `total_step` (``previous_close / ex_price``: shares for one old share when all cash is
        reinvested at the ex-price), `available_at`. Ex-price and steps are null while the value of what was
        spun off is not known, and of an action to come that could not be applied as it stands.

    Raises
    ------
    AdjustError
        If a ratio, amount or price is not what its kind needs, its currency is not the bars', or what goes off the
        price is not below it, once there is a bar on or after the ex-date.
    """
    return effects(*known(bars, actions, as_of))


def effects(bars: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """As `action_effects`, of frames that hold what is known and nothing else."""
    due = actions.filter(pl.col("kind").is_in(KINDS))
    if due.is_empty():
        return pl.DataFrame(schema=_ROW)
    days = _days(_valued(bars, _judged(_placed(bars, due))))
    done: list[pl.DataFrame] = []
    for level in range(int(days["level"].max() or 0) + 1 if days.height else 0):  # type: ignore[arg-type]
        now = days.filter(pl.col("level") == level)
        if level:
            # No bar lies between the two ex-dates: the later one starts from the earlier one's ex-price.
            now = now.drop("previous_close").join(
                done[-1].select("instrument_id", "previous_session", previous_close="ex_price"),
                on=["instrument_id", "previous_session"],
                how="left",
            )
        done.append(_stepped(now))
    if not done:
        return pl.DataFrame(schema=_ROW)
    return pl.concat([frame.select(_ROW.keys()) for frame in done]).sort("instrument_id", "ex_date")


def _placed(bars: pl.DataFrame, due: pl.DataFrame) -> pl.DataFrame:
    """Beside each action the bar before its ex-date, whose absence means that nobody held it, and the first one after."""
    closes = bars.select("instrument_id", "session", "close", pl.col("currency").alias("__currency")).sort(
        "session"
    )
    return (
        due.sort("ex_date")
        .join_asof(
            closes.rename({"session": "previous_session", "close": "previous_close"}),
            left_on="ex_date",
            right_on="previous_session",
            by="instrument_id",
            strategy="backward",
            allow_exact_matches=False,
            check_sortedness=False,
        )
        .filter(pl.col("previous_session").is_not_null())
        .join_asof(
            closes.select("instrument_id", "session"),
            left_on="ex_date",
            right_on="session",
            by="instrument_id",
            strategy="forward",
            check_sortedness=False,
        )
    )


def _judged(due: pl.DataFrame) -> pl.DataFrame:
    """Raise for the first action in force whose numbers are not what its kind needs; mark those still to come: `__bad`.

    What has no bar yet may still be put right, as rights whose price is not set when they are announced.
    """
    kind = pl.col("kind")

    def bad(name: str, *, zero: bool = True) -> pl.Expr:
        value = pl.col(name)
        good = (value >= 0 if zero else value > 0) & value.is_finite()
        return ~good.fill_null(False)

    faults = (
        ((kind == "split") & bad("ratio", zero=False), "ratio {ratio} is not positive"),
        ((kind == "dividend") & bad("amount"), "amount {amount} is not 0 or more"),
        (
            (kind.is_in(["stock_dividend", "rights", "spin_off"])) & bad("ratio"),
            "ratio {ratio} is not 0 or more",
        ),
        ((kind == "rights") & bad("price"), "price {price} of a new share is not 0 or more"),
        (
            (kind == "spin_off") & pl.col("price").is_not_null() & bad("price"),
            "price {price} of what is spun off is not 0 or more",
        ),
        (
            kind.is_in(_PAID) & (pl.col("currency") != pl.col("__currency")),
            "is in {currency}, the bars are in {__currency}: convert it at the rate known then",
        ),
    )
    in_force = pl.col("session").is_not_null()
    for fault, what in faults:
        wrong = due.filter(fault & in_force)
        if wrong.height:
            row = wrong.row(0, named=True)
            raise AdjustError(f"{where(row)}: {what.format(**row)}; correct the feed actions")
    return due.with_columns(pl.any_horizontal(fault for fault, _ in faults).fill_null(False).alias("__bad"))


def _valued(bars: pl.DataFrame, due: pl.DataFrame) -> pl.DataFrame:
    """Add `__out`, the value spun off per share held: by the price given, else by the first trade, once it is known."""
    spun = pl.col("kind") == "spin_off"
    if not due.select((spun & pl.col("price").is_null()).any()).item():
        return due.with_columns(
            pl.when(spun).then(pl.col("ratio") * pl.col("price")).otherwise(0.0).alias("__out")
        )
    others = due.filter(spun)["other_id"].drop_nulls().unique()
    first = (
        bars.filter(pl.col("instrument_id").is_in(others.implode()))
        .select(
            pl.col("instrument_id").alias("other_id"),
            pl.col("session").alias("__traded"),
            pl.coalesce("open", "close").alias("__first"),
            pl.col("available_at").alias("__seen"),
        )
        .sort("__traded")
    )
    due = due.sort("ex_date").join_asof(
        first,
        left_on="ex_date",
        right_on="__traded",
        by="other_id",
        strategy="forward",
        check_sortedness=False,
    )
    open_ = spun & pl.col("price").is_null()
    return due.with_columns(
        pl.when(spun).then(pl.col("ratio") * pl.coalesce("price", "__first")).otherwise(0.0).alias("__out"),
        pl.when(open_)
        .then(pl.max_horizontal("available_at", "__seen"))
        .otherwise("available_at")
        .alias("available_at"),
    )


def _days(due: pl.DataFrame) -> pl.DataFrame:
    """All of an instrument's actions of one ex-date in one row; `level` counts ex-dates since the bar before."""

    def of(kind: str, what: pl.Expr) -> pl.Expr:
        return pl.when(pl.col("kind") == kind).then(what).otherwise(0.0)

    return (
        due.sort("instrument_id", "ex_date", "kind")
        .group_by("instrument_id", "ex_date", maintain_order=True)
        .agg(
            pl.col("session", "previous_session", "previous_close").first(),
            pl.when(pl.col("kind") == "split").then(pl.col("ratio")).otherwise(1.0).product().alias("split"),
            of("dividend", pl.col("amount")).sum().alias("cash"),
            of("stock_dividend", pl.col("ratio")).sum().alias("bonus"),
            of("rights", pl.col("ratio")).sum().alias("rights"),
            of("rights", pl.col("price")).max().alias("price"),
            # A sum passes over nulls; a value that is not known must not count as none.
            pl.when(pl.col("__out").is_null().any()).then(None).otherwise(pl.col("__out").sum()).alias("out"),
            pl.col("kind").filter(pl.col("kind").is_in(["dividend", "spin_off"])).alias("kinds"),
            pl.col("__bad").any().alias("bad"),
            pl.col("available_at").max(),
        )
        .with_columns(
            (pl.int_range(pl.len()).over("instrument_id", "previous_session")).alias("level"),
        )
    )


def _stepped(days: pl.DataFrame) -> pl.DataFrame:
    close, gone = pl.col("previous_close"), pl.col("cash") + pl.col("out")
    wrong = days.filter((gone >= close) & pl.col("session").is_not_null())
    if wrong.height:
        row = wrong.row(0, named=True)
        raise AdjustError(
            f"instrument {row['instrument_id']}, {' and '.join(row['kinds'])} of {row['ex_date']}: "
            f"{row['cash'] + row['out']} is not between 0 and the close before it, {row['previous_close']:g}; "
            f"correct the feed actions"
        )
    bonus, rights, price = pl.col("bonus"), pl.col("rights"), pl.col("price")
    left = pl.when((gone < close) & ~pl.col("bad")).then(close - gone)
    taken = (rights > 0) & (price * (1.0 + bonus) < left)
    share = (
        pl.when(taken).then(left * (1.0 + bonus + rights) / (left + price * rights)).otherwise(1.0 + bonus)
    )
    return (
        days.with_columns((share * pl.col("split")).alias("share_step"))
        .with_columns((close / left * pl.col("share_step")).alias("total_step"))
        # Shares are known where the value of what is spun off is not, but what the rights are worth hangs on it.
        .with_columns(pl.when(pl.col("total_step").is_not_null()).then("share_step").alias("share_step"))
        .with_columns((close / pl.col("total_step")).alias("ex_price"))
    )
