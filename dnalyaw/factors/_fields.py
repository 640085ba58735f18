"""The fields a factor may read, with their units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from dnalyaw.factors._units import GROUP, MONEY, PRICE, RATIO, VOLUME, Unit


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A column of the panel.

    Attributes
    ----------
    name : str
    unit : Unit
    source : {"market", "fundamental", "group"}
    meaning : str
    """

    name: str
    unit: Unit
    source: Literal["market", "fundamental", "group"]
    meaning: str


_ALL = (
    FieldSpec("open", PRICE, "market", "first price of the session, adjusted forward from listing"),
    FieldSpec("high", PRICE, "market", "highest price, adjusted forward"),
    FieldSpec("low", PRICE, "market", "lowest price, adjusted forward"),
    FieldSpec("close", PRICE, "market", "last price, adjusted forward"),
    FieldSpec("vwap", PRICE, "market", "volume-weighted average price, adjusted forward"),
    FieldSpec("volume", VOLUME, "market", "shares traded, adjusted for splits"),
    FieldSpec("amount", MONEY, "market", "money traded in the session"),
    FieldSpec("returns", RATIO, "market", "total return from the previous close to this one"),
    FieldSpec("market_cap", MONEY, "fundamental", "raw close times shares outstanding, as of the session"),
    FieldSpec("shares_outstanding", VOLUME, "fundamental", "shares, last known filing"),
    FieldSpec("book_equity", MONEY, "fundamental", "common equity, last known filing"),
    FieldSpec("total_assets", MONEY, "fundamental", "last known filing"),
    FieldSpec("total_debt", MONEY, "fundamental", "interest-bearing debt, last known filing"),
    FieldSpec("net_income_ttm", MONEY, "fundamental", "trailing four quarters"),
    FieldSpec("revenue_ttm", MONEY, "fundamental", "trailing four quarters"),
    FieldSpec("gross_profit_ttm", MONEY, "fundamental", "trailing four quarters"),
    FieldSpec("operating_cash_flow_ttm", MONEY, "fundamental", "trailing four quarters"),
    FieldSpec("dividends_ttm", MONEY, "fundamental", "cash dividends, trailing four quarters"),
    FieldSpec("sector", GROUP, "group", "sector as of the session; unknown sectors form one group"),
)

FIELDS: Mapping[str, FieldSpec] = MappingProxyType({spec.name: spec for spec in _ALL})
"""Every field of the language, by name."""
