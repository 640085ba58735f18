"""Exchange rates as of a moment: direct, inverse or through one other currency; a stale one is named, never carried."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from dnalyaw.market._series import SeriesError, StaleSeriesError, known_series, sessions_since

if TYPE_CHECKING:
    from dnalyaw.pit import AsOf

__all__ = ["FxRate", "StaleRateError", "convert_money", "fx_rate"]

_PREFIX = "FX."
_THROUGH = ("USD", "EUR")
"""Currencies that a cross goes through first; then the others by name."""


class StaleRateError(StaleSeriesError):
    """Raised when an exchange rate is older than its reader allows; names the pair, its date and its age."""


@dataclass(frozen=True, slots=True)
class FxRate:
    """An exchange rate as it was known.

    Attributes
    ----------
    base, quote : str
        ISO 4217 codes.
    value : float
        Units of `quote` for one of `base`.
    session : datetime.date
        The day that it describes; of a cross the older of its two.
    age_sessions : int
        Sessions of the reader's region since.
    through : tuple of str
        The series that it was made from; empty where both currencies are one.
    """

    base: str
    quote: str
    value: float
    session: date
    age_sessions: int
    through: tuple[str, ...]


class _Rates:
    """Known rates of every pair, arranged for many questions."""

    def __init__(self, frame: pl.DataFrame, as_of: AsOf, region: str, max_age_sessions: int) -> None:
        self._as_of, self._region, self._most = as_of, region, max_age_sessions
        rows = known_series(frame.filter(pl.col("series").str.starts_with(_PREFIX)), as_of)
        self._pairs: dict[tuple[str, str], tuple[list[date], list[float]]] = {}
        for (name,), part in rows.group_by("series", maintain_order=True):
            text = str(name).removeprefix(_PREFIX)
            if len(text) != 6 or not text.isalpha() or not text.isupper():
                raise SeriesError(f"series {name}: want FX. and two ISO codes, e.g. FX.USDHKD; rename it")
            base, quote = text[:3], text[3:]
            wrong = part.filter(pl.col("unit") != f"{quote} per {base}")
            if wrong.height:
                raise SeriesError(
                    f"series {name}: its unit of {wrong['session'][0]} is {wrong['unit'][0]!r}, want "
                    f"'{quote} per {base}'; correct the feed"
                )
            self._pairs[base, quote] = (part["session"].to_list(), part["value"].to_list())

    def rate(self, base: str, quote: str, session: date) -> FxRate:
        if base == quote:
            return FxRate(base, quote, 1.0, session, 0, ())
        direct = self._leg(base, quote, session)
        if direct is not None:
            return direct
        others = {code for pair in self._pairs for code in pair} - {base, quote}
        for middle in sorted(others, key=lambda c: (_THROUGH.index(c) if c in _THROUGH else 9, c)):
            first, second = self._leg(base, middle, session), self._leg(middle, quote, session)
            if first is not None and second is not None:
                older = min(first, second, key=lambda leg: leg.session)
                through = first.through + second.through
                return FxRate(
                    *(base, quote, first.value * second.value),
                    *(older.session, older.age_sessions, through),
                )
        have = ", ".join(f"{a}{b}" for a, b in sorted(self._pairs)) or "none"
        raise SeriesError(
            f"no rate of {base}{quote} for {session} is known as of {self._as_of}, neither direct, inverse nor "
            f"through one other currency; pairs known: {have}"
        )

    def _leg(self, base: str, quote: str, session: date) -> FxRate | None:
        """The rate of a delivered pair, either way round and the newer of both; None where there is none."""
        found = []
        for pair, inverse in (((base, quote), False), ((quote, base), True)):
            days, values = self._pairs.get(pair, ([], []))
            at = bisect_right(days, session)
            if at:
                found.append((days[at - 1], not inverse, values[at - 1], f"{_PREFIX}{pair[0]}{pair[1]}"))
        if not found:
            return None
        day, straight, value, name = max(found)
        if not math.isfinite(value) or value <= 0:
            raise SeriesError(f"series {name}: its value of {day} is {value}; want a positive rate")
        age = sessions_since(self._region, day, session)
        if age > self._most:
            raise StaleRateError(
                f"rate {base}{quote} is stale: {name} as known at {self._as_of} ends on {day}, {age} "
                f"{self._region} sessions before {session}, and {self._most} are allowed; deliver the newer "
                f"ones, or allow more",
                *(name, day, age),
            )
        return FxRate(base, quote, value if straight else 1.0 / value, day, age, (name,))


def fx_rate(
    frame: pl.DataFrame,
    base: str,
    quote: str,
    session: date,
    as_of: AsOf,
    *,
    region: str,
    max_age_sessions: int,
) -> FxRate:
    """Return units of `quote` for one of `base` on `session`, as known at `as_of`.

    A pair that is delivered either way round is used as it is: when it is stale that is an error, and no cross
    papers over it. A pair that is not delivered is made through one other currency.

    Parameters
    ----------
    frame : polars.DataFrame
        Rows of feed `series`; ``FX.USDHKD`` is HKD per USD.
    base, quote : str
        ISO 4217 codes.
    session : datetime.date
    as_of : AsOf
    region : str
        Whose sessions the age is counted in.
    max_age_sessions : int
        How old a rate may be: 0 is of `session` itself, 1 of the session before.

    Raises
    ------
    StaleRateError
        If the last known rate is older than allowed; it names the pair, its date and its age.
    SeriesError
        If no rate is known, or it is not positive, or its unit contradicts its name.

    Examples
    --------
    >>> from datetime import UTC, date, datetime
    >>> from dnalyaw.market.providers import open_provider
    >>> from dnalyaw.pit import AsOf
    >>> frame = open_provider("sample").fetch("series", "HK", date(2026, 11, 16), date(2026, 11, 20))
    >>> morning = AsOf(datetime(2026, 11, 20, 1, 0, tzinfo=UTC))
    >>> rate = fx_rate(frame, "HKD", "USD", date(2026, 11, 20), morning, region="HK", max_age_sessions=1)
    >>> (round(rate.value, 2), rate.through)
    (0.13, ('FX.USDHKD',))
    """
    return _Rates(frame, as_of, region, max_age_sessions).rate(base, quote, session)


def convert_money(
    money: pl.DataFrame,
    columns: Sequence[str],
    to: str,
    rates: pl.DataFrame,
    as_of: AsOf,
    *,
    region: str,
    max_age_sessions: int,
    session: date | None = None,
) -> pl.DataFrame:
    """Return a frame of money with `columns` in another currency.

    Parameters
    ----------
    money : polars.DataFrame
        Has a column `currency`, and `session` unless one is given.
    columns : sequence of str
        Amounts to convert; null stays null.
    to : str
        ISO 4217 code.
    rates : polars.DataFrame
        Rows of feed `series`.
    as_of : AsOf
    region, max_age_sessions
        As in `fx_rate`.
    session : datetime.date, optional
        Convert every row at this session's rate; each at its own `session` when omitted.

    Returns
    -------
    polars.DataFrame
        `money`, rows in their order, with `columns` converted and `currency` set to `to`.

    Raises
    ------
    StaleRateError, SeriesError
        As `fx_rate`; and where a row lacks a currency or a session.
    """
    lacking = [
        c for c in (*columns, "currency", *(() if session else ("session",))) if c not in money.columns
    ]
    if lacking:
        raise SeriesError(f"the frame of money lacks {', '.join(lacking)}; it has {', '.join(money.columns)}")
    day = pl.lit(session, pl.Date) if session else pl.col("session")
    keyed = money.with_columns(day.alias("__day"))
    empty = keyed.with_row_index("__row").filter(pl.col("currency").is_null() | pl.col("__day").is_null())
    if empty.height:
        raise SeriesError(
            f"row {empty['__row'][0]} of the frame of money has no currency or session; fill it"
        )
    table = _Rates(rates, as_of, region, max_age_sessions)
    asked = keyed.select("currency", "__day").unique(maintain_order=True)
    found = asked.with_columns(
        pl.Series("__rate", [table.rate(c, to, d).value for c, d in asked.iter_rows()], dtype=pl.Float64)
    )
    joined = keyed.join(found, on=["currency", "__day"], how="left", maintain_order="left")
    return joined.with_columns(
        *(pl.col(c) * pl.col("__rate") for c in columns), pl.lit(to).alias("currency")
    ).drop("__day", "__rate")
