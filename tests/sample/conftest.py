"""One simulated market for the whole folder: building it takes most of a second a region."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import polars as pl
import pytest

from dnalyaw.market.providers import Provider, open_provider

LAST = date(2026, 11, 20)


class Market(NamedTuple):
    """Everything delivered for one region up to `LAST`."""

    provider: Provider
    region: str
    bars: pl.DataFrame
    quotes: pl.DataFrame
    actions: pl.DataFrame
    instruments: pl.DataFrame
    fundamentals: pl.DataFrame
    series: pl.DataFrame
    borrow: pl.DataFrame
    truth: dict


def _market(provider: Provider, region: str) -> Market:
    feeds = ("bars", "quotes", "actions", "instruments", "fundamentals", "series", "borrow")
    tables = [provider.fetch(feed, region, date(2023, 1, 1), LAST) for feed in feeds]
    return Market(provider, region, *tables, provider.ground_truth(until=LAST)["regions"][region])


@pytest.fixture(scope="session")
def sample() -> Provider:
    return open_provider("sample")


@pytest.fixture(scope="session")
def us(sample) -> Market:
    return _market(sample, "US")


@pytest.fixture(scope="session")
def hk(sample) -> Market:
    return _market(sample, "HK")


@pytest.fixture(scope="session", params=["US", "HK"])
def market(request, us, hk) -> Market:
    return us if request.param == "US" else hk
