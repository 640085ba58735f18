"""Regions: the calendar, currency and clock that a market lives by."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["REGIONS", "Region", "RegionError", "region"]


class RegionError(ValueError):
    """Raised for a region code that the platform does not know."""


@dataclass(frozen=True, slots=True)
class Region:
    """One market with one exchange calendar, currency and local clock.

    Attributes
    ----------
    code : str
        Short name used in commands, folders and partitions, e.g. ``"US"``.
    calendar : str
        Name of the calendar in `exchange_calendars`, e.g. ``"XNYS"``.
    currency : str
        ISO 4217 code in which prices of the region are quoted.
    timezone : str
        IANA name of the exchange's local time.
    venues : tuple of str
        Venues that the label of an instrument of the region may end in.
    """

    code: str
    calendar: str
    currency: str
    timezone: str
    venues: tuple[str, ...]


REGIONS: dict[str, Region] = {
    "US": Region(
        code="US",
        calendar="XNYS",
        currency="USD",
        timezone="America/New_York",
        venues=("NYSE", "NASDAQ", "ARCA", "AMEX", "BATS", "OTC"),
    ),
    "HK": Region(
        code="HK",
        calendar="XHKG",
        currency="HKD",
        timezone="Asia/Hong_Kong",
        venues=("HKEX",),
    ),
    # Shanghai and Shenzhen keep one calendar and one clock; exchange_calendars has it under Shanghai's code.
    "CN": Region(
        code="CN",
        calendar="XSHG",
        currency="CNY",
        timezone="Asia/Shanghai",
        venues=("SSE", "SZSE"),
    ),
}


def region(code: str) -> Region:
    """Return the region named `code`.

    Raises
    ------
    RegionError
        If the code is unknown; the message lists the known ones.

    Examples
    --------
    >>> region("HK").calendar
    'XHKG'
    """
    try:
        return REGIONS[code]
    except KeyError:
        known = ", ".join(sorted(REGIONS))
        raise RegionError(f"unknown region {code!r}: use one of {known}") from None
