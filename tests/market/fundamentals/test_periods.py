"""Durations, derived quarters and trailing sums, against values worked by hand."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from dnalyaw.market.fundamentals import duration, odd_sums, quarterly, trailing_sums
from dnalyaw.pit import AsOf
from dnalyaw.quality import GateContext, run_rules
from tests.market.fundamentals._make import ENDS, QUARTERS, VALUES, figure, filed, frame, year_to_date

LATE = AsOf(datetime(2024, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("days", "kind"),
    [
        *((91, "quarter"), (98, "quarter"), (79, "odd"), (101, "odd"), (182, "half"), (189, "half")),
        *(
            (273, "nine_months"),
            (280, "nine_months"),
            (364, "year"),
            (366, "year"),
            (371, "year"),
            (61, "odd"),
        ),
    ],
)
def test_durations_by_days(days: int, kind: str) -> None:
    start = date(2021, 1, 1)
    row = frame(figure(start, start + timedelta(days=days - 1), 1.0, filed(start)))
    assert row.select(duration()).item() == kind


def test_quarters_follow_from_what_is_filed_for_longer() -> None:
    got = quarterly(frame(*year_to_date()), LATE)
    assert got["value"].to_list() == VALUES
    assert got["period_start"].to_list() == [start for start, _ in QUARTERS]
    assert (
        got["source"].to_list() == ["filed", "half - quarter", "nine_months - half", "year - nine_months"] * 2
    )


def test_a_year_less_three_quarters_where_nine_months_are_not_filed() -> None:
    rows = [figure(*QUARTERS[i], VALUES[i], filed(QUARTERS[i][1])) for i in range(3)]
    rows.append(figure(QUARTERS[0][0], QUARTERS[3][1], 15.0, filed(QUARTERS[3][1])))
    last = quarterly(frame(*rows), LATE).row(-1, named=True)
    assert (last["value"], last["source"]) == (8.0, "year - three quarters")
    assert last["available_at"] == filed(QUARTERS[3][1])


def test_a_derived_quarter_is_known_when_its_last_input_is() -> None:
    rows = frame(*year_to_date())
    known = filed(ENDS[2])
    assert quarterly(rows, AsOf(known - timedelta(microseconds=1)))["value"].to_list() == [1.0]
    assert quarterly(rows, AsOf(known))["value"].to_list() == [1.0, 2.0]


def test_trailing_sums_of_year_to_date_figures_are_four_quarters() -> None:
    rows = frame(*year_to_date())
    for i, (_, end) in enumerate(QUARTERS):
        (value,) = trailing_sums(rows, AsOf(filed(end)))["value"]
        # Blind sums of the last four ends would give 1 + 3 + 7 + 15 after the first year.
        assert value == (sum(VALUES[i - 3 : i + 1]) if i >= 3 else None), end


def test_a_hole_gives_null_and_never_an_earlier_or_shorter_sum() -> None:
    # Without the year 2021: four quarters do not end at 2022-06-30 until nothing leans on it.
    sums = trailing_sums(frame(*year_to_date(skip=(3,))), AsOf(filed(QUARTERS[5][1])))
    assert sums.select("period_end", "value").rows() == [(QUARTERS[5][1], None)]


def test_four_filed_quarters_do_without_a_year() -> None:
    rows = [figure(*QUARTERS[i], VALUES[i], filed(QUARTERS[i][1])) for i in range(6)]
    (row,) = trailing_sums(frame(*rows), LATE).to_dicts()
    assert (row["value"], row["basis"]) == (4.0 + 8.0 + 16.0 + 32.0, "quarters")


def test_a_restated_year_is_not_mixed_with_parts_on_the_old_basis() -> None:
    rows = [figure(*QUARTERS[i], VALUES[i], filed(QUARTERS[i][1])) for i in range(5)]
    year = (QUARTERS[0][0], QUARTERS[3][1])
    rows = [*rows[:3], rows[4], figure(*year, 15.0, filed(year[1]))]
    (before,) = trailing_sums(frame(*rows), LATE)["value"]
    assert before == 15.0 + 16.0 - 1.0
    restated = figure(*year, 30.0, filed(QUARTERS[4][1]) + timedelta(days=9), form="10-K/A")
    assert trailing_sums(frame(*rows, restated), LATE)["value"].to_list() == [None]


def test_units_are_not_added_to_each_other() -> None:
    rows = [
        figure(*QUARTERS[i], VALUES[i], filed(QUARTERS[i][1]), unit="USD" if i else "CNY") for i in range(4)
    ]
    assert trailing_sums(frame(*rows), LATE)["value"].to_list() == [None]


def test_without_first_days_the_last_four_ends_are_quarters() -> None:
    rows = [figure(None, end, value, filed(end)) for (_, end), value in zip(QUARTERS, VALUES, strict=True)]
    (row,) = trailing_sums(frame(*rows), LATE).to_dicts()
    assert (row["value"], row["basis"]) == (240.0, "blind quarters")
    assert trailing_sums(frame(*rows[:3], *rows[4:7]), LATE)["value"].to_list() == [None]


def test_the_order_of_rows_changes_nothing() -> None:
    rows = frame(*year_to_date())
    for seed in range(5):
        mixed = rows.sample(fraction=1.0, shuffle=True, seed=seed)
        assert trailing_sums(mixed, LATE).equals(trailing_sums(rows, LATE))


# -- faults ----------------------------------------------------------------------------------------------------


def _gate(rows: pl.DataFrame) -> dict[str, str]:
    context = GateContext(region="US", session=date(2023, 6, 1), expected_sessions=(date(2023, 6, 1),))
    return {f.rule: f.message for f in run_rules("fundamentals", rows, context)}


def _clean() -> list[dict]:
    rows = year_to_date()
    return [
        *rows,
        *(
            figure(s, e, v, filed(e))
            for (s, e), v in zip(QUARTERS, VALUES, strict=True)
            if s != rows[0]["period_start"] and s != rows[4]["period_start"]
        ),
    ]


def test_what_is_right_passes() -> None:
    assert _gate(frame(*_clean())) == {}


def test_a_quarter_tagged_as_half_a_year_is_caught() -> None:
    rows = [r for r in _clean() if r["period_end"] != QUARTERS[1][1]]
    rows += [figure(s, QUARTERS[1][1], 2.0, filed(QUARTERS[1][1])) for s in (QUARTERS[0][0], QUARTERS[1][0])]
    found = _gate(frame(*rows))
    assert "the half and the quarter that ends with it are equal" in found["durations"]


def test_a_half_tagged_as_a_quarter_is_caught_by_its_sum() -> None:
    rows = [figure(s, e, 10.0, filed(e)) for s, e in QUARTERS[:4]]
    rows.append(figure(QUARTERS[0][0], QUARTERS[3][1], 40_000.0, filed(QUARTERS[3][1])))
    assert odd_sums(frame(*rows))["what"].to_list() == [
        "the year is out of scale with the sum of its quarters"
    ]
    assert "durations" in _gate(frame(*rows))
    assert "durations" not in _gate(frame(*rows[:4], rows[4] | {"value": 40.0}))


def test_restatements_and_unit_errors_are_shown() -> None:
    rows = [figure(*QUARTERS[0], 1000.0, filed(ENDS[1])), figure(*QUARTERS[0], 1.0, filed(ENDS[2]))]
    found = _gate(frame(*rows))
    assert set(found) == {"scale", "restatement"}
    small = [rows[0], figure(*QUARTERS[0], 900.0, filed(ENDS[2]))]
    assert _gate(frame(*small)) == {}
    backwards = figure(ENDS[3], ENDS[1], 1.0, filed(ENDS[1]))
    assert "period_start is after period_end" in _gate(frame(backwards))["durations"]


def test_parts_of_other_lengths_are_no_year() -> None:
    # 84 days of one year and 98 of the next: what lies between their ends is 379 days.
    year = figure(date(2021, 1, 1), date(2021, 12, 31), 15.0, filed(ENDS[4]))
    before = figure(date(2021, 1, 1), date(2021, 3, 25), 1.0, filed(ENDS[1]))
    part = figure(date(2022, 1, 1), date(2022, 4, 8), 16.0, filed(ENDS[5]))
    assert trailing_sums(frame(year, before, part), LATE)["value"].to_list() == [None]
