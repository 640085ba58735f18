"""Figures of a made company, and trailing sums of them by another road."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import polars as pl

from dnalyaw.market import conform

ENDS = [date(2020, 12, 31), date(2021, 3, 31), date(2021, 6, 30), date(2021, 9, 30), date(2021, 12, 31)]
ENDS += [date(2022, 3, 31), date(2022, 6, 30), date(2022, 9, 30), date(2022, 12, 31)]
QUARTERS = [(a + timedelta(days=1), b) for a, b in pairwise(ENDS)]
VALUES = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0]


def figure(start: date | None, end: date, value: float, known: datetime, **more: object) -> dict:
    return {
        "instrument_id": 1,
        "metric": "revenue",
        "period_start": start,
        "period_end": end,
        "value": value,
        "unit": "USD",
        "form": "10-Q",
        "accession": "0000000001-21-000001",
        "event_time": datetime(end.year, end.month, end.day, tzinfo=UTC),
        "available_at": known,
    } | more


def frame(*rows: dict) -> pl.DataFrame:
    times = {"event_time": pl.Datetime("us", "UTC"), "available_at": pl.Datetime("us", "UTC")}
    return conform(
        "fundamentals",
        pl.DataFrame(
            list(rows), schema_overrides={**times, "period_start": pl.Date}, infer_schema_length=None
        ),
    )


def filed(end: date) -> datetime:
    return datetime(end.year, end.month, end.day, 21, tzinfo=UTC) + timedelta(days=30)


def year_to_date(skip: tuple[int, ...] = ()) -> list[dict]:
    """Quarter one, half, nine months and year of 2021 and 2022, as cash flows are filed; some left out."""
    rows = []
    for i, (_, end) in enumerate(QUARTERS):
        first = i - i % 4
        if i not in skip:
            rows.append(figure(QUARTERS[first][0], end, sum(VALUES[first : i + 1]), filed(end)))
    return rows
