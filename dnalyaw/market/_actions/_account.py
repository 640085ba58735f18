"""Actions as an account of whole shares and cash can be told them."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from dnalyaw.market._actions._known import columns_of
from dnalyaw.market._known import last_rows
from dnalyaw.market._schema import KEYS

__all__ = ["AccountActions", "account_actions"]

_ORDER = ("dividend", "split", "delisting")


@dataclass(frozen=True, slots=True)
class AccountActions:
    """What of some actions an account knows how to apply.

    Attributes
    ----------
    applied : polars.DataFrame
        Kinds `dividend`, `split` and `delisting` alone, with the columns of the given actions, in the order in which they
        apply: by ex-date and instrument, and of one day first cash (per old share), then shares, then the end.
    inexpressible : polars.DataFrame
        Rights, spin-offs and mergers for shares: the holder gets another instrument, or a choice.
    """

    applied: pl.DataFrame
    inexpressible: pl.DataFrame

    def names(self) -> list[str]:
        """Each inexpressible action in words, ``instrument 7: spin_off of 2024-05-01``."""
        rows = self.inexpressible.select("instrument_id", "kind", "ex_date").rows()
        return [f"instrument {name}: {kind} of {day}" for name, kind, day in rows]


def account_actions(actions: pl.DataFrame) -> AccountActions:
    """Translate what can be said exactly in splits, dividends and delistings, and keep the rest apart.

    Bonus shares of ratio ``b`` are a split of ``1 + b``; a merger for cash alone is a delisting that pays its amount; a
    symbol change is nothing. No other kind is dropped: it is in `inexpressible`, and who keeps an account must not take
    on new risk in that name, nor go on where it is held.

    Parameters
    ----------
    actions : polars.DataFrame
        Feed `actions`, at least ``instrument_id, ex_date, kind, ratio, amount``; of several rows with one key the latest
        known one holds.
    """
    columns = actions.columns
    given = last_rows(columns_of(actions), KEYS["actions"])
    kind = pl.col("kind")
    for_cash = (kind == "merger") & pl.col("ratio").is_null()
    said = kind.is_in(_ORDER) | kind.is_in(["stock_dividend", "symbol_change"]) | for_cash
    applied = (
        given.filter(said & (kind != "symbol_change"))
        .with_columns(
            pl.when(kind == "stock_dividend").then(1.0 + pl.col("ratio")).otherwise("ratio").alias("ratio"),
            pl.when(kind == "stock_dividend")
            .then(pl.lit("split"))
            .when(for_cash)
            .then(pl.lit("delisting"))
            .otherwise(kind)
            .alias("kind"),
        )
        .sort(
            "ex_date",
            "instrument_id",
            kind.replace_strict(dict(zip(_ORDER, range(3), strict=True)), return_dtype=pl.Int8),
            maintain_order=True,
        )
    )
    return AccountActions(applied.select(columns), given.filter(~said).select(columns))
