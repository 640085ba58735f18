"""How a session is traded: the expected volume, worked by hand, and slices that a replay at any speed can keep."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from dnalyaw import runtime
from dnalyaw.market import session_times
from dnalyaw.runtime import _session

SECOND = 10**9
MILLION = 10**6
DAY = date(2026, 3, 10)
HALF_DAYS = {"US": date(2026, 11, 27), "HK": date(2026, 12, 24)}


def hours(region: str, session: date) -> tuple[datetime, datetime, Any]:
    times = session_times(region, session)
    return times.open, times.close, times.breaks


def written(root: Path, region: str, session: date, speed: float, **more: Any) -> dict[str, Any]:
    layout = runtime.Layout(root, region)
    terms: dict[str, Any] = {"times": hours(region, session), "venues": {"NYSE"}, "seed": 7} | more
    runtime.write_session(layout, session, speed=speed, **terms)
    found: dict[str, Any] = json.loads((root / "session.json").read_text())
    return found


def ns(moment: datetime) -> int:
    return int(moment.timestamp()) * SECOND


def curve_of(region: str, session: date) -> tuple[int, list[int], list[int]]:
    opened, closed, breaks = hours(region, session)
    curve = runtime.volume_curve(ns(opened), ns(closed), [(ns(a), ns(b)) for a, b in breaks])
    return curve["start_ns"], curve["end_ns"], curve["cum_ppm"]


def test_new_yorks_curve_by_hand() -> None:
    """From 0 to x the volume is 3/5 (x + ((2x - 1)^3 + 1) / 3)."""
    start, ends, cum = curve_of("US", DAY)
    quarter = 15 * 60 * SECOND
    assert start == ns(datetime(2026, 3, 10, 13, 30, tzinfo=UTC))
    assert ends == [start + k * quarter for k in range(1, 27)]
    # x = 1/26: 3/5 (1/26 + (1 - (12/13)^3) / 3) = 0.065771...; x = 1/2: 3/5 (1/2 + 1/3); x = 6/13 and 7/13 around it.
    assert cum[0] == 65_772
    assert (cum[11], cum[12], cum[13]) == (476_832, 500_000, 523_168)
    assert (cum[24], cum[25]) == (934_228, 1_000_000)


def test_hong_kongs_curve_by_hand() -> None:
    """Five hours and a half: eleven buckets before lunch and fourteen after it; 5/11 of the time is over at noon."""
    start, ends, cum = curve_of("HK", DAY)
    assert start == ns(datetime(2026, 3, 10, 1, 30, tzinfo=UTC))
    noon, one = ns(datetime(2026, 3, 10, 4, 0, tzinfo=UTC)), ns(datetime(2026, 3, 10, 5, 0, tzinfo=UTC))
    assert (ends.index(noon), ends.index(one), len(ends)) == (10, 11, 26)
    # 3/5 (5/11 + (1 - 1/11^3) / 3) = 0.472577..., and nothing more until one o'clock.
    assert cum[10] == cum[11] == 472_577
    assert ends[-1] == ns(datetime(2026, 3, 10, 8, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("region", "session"),
    [("US", DAY), ("HK", DAY), *HALF_DAYS.items()],
)
def test_the_curve_is_a_u(region: str, session: date) -> None:
    """Buckets ascend to the close and a million; each holds its part of a weight of 3 at the ends and 1 in the middle."""
    opened, closed, breaks = hours(region, session)
    start, ends, cum = curve_of(region, session)
    assert ends == sorted(set(ends))
    assert cum == sorted(cum)
    assert (start, ends[-1], cum[-1]) == (ns(opened), ns(closed), MILLION)

    def elapsed(at: int) -> Fraction:
        paused = sum(max(0, min(at, ns(b)) - ns(a)) for a, b in breaks)
        return Fraction(at - start - paused)

    whole = elapsed(ends[-1])
    parabola = lambda x: 1 + 8 * (x - Fraction(1, 2)) ** 2  # noqa: E731
    assert (parabola(Fraction(0)), parabola(Fraction(1)), parabola(Fraction(1, 2))) == (3, 3, 1)
    total, seen, at = Fraction(5, 3), 0, start
    for end, so_far in zip(ends, cum, strict=True):
        a, b = elapsed(at) / whole, elapsed(end) / whole
        # Simpson's rule is exact for a parabola.
        part = (b - a) / 6 * (parabola(a) + 4 * parabola((a + b) / 2) + parabola(b)) / total
        assert abs(so_far - seen - part * MILLION) <= 1, (end, so_far)
        seen, at = so_far, end
    if not breaks:
        # The same from behind.
        steps = [b - a for a, b in zip([0, *cum], cum, strict=False)]
        assert all(abs(a - b) <= 1 for a, b in zip(steps, reversed(steps), strict=True))


@pytest.mark.parametrize(
    ("region", "session", "speed", "seconds"),
    [
        # Five minutes are five minutes of a person's time.
        ("US", DAY, 1.0, 300),
        ("HK", DAY, 1.0, 300),
        # A fifth of a second of wall time is 4,000 replayed seconds, or 2,000.
        ("US", DAY, 20_000.0, 4_000),
        ("HK", DAY, 20_000.0, 4_000),
        ("US", HALF_DAYS["US"], 10_000.0, 2_000),
        # At most a quarter of the trading time: 6.5, 5.5, 3.5 and 2.5 hours.
        ("US", DAY, 1e6, 5_850),
        ("HK", DAY, 1e6, 4_950),
        ("US", HALF_DAYS["US"], 1e6, 3_150),
        ("HK", HALF_DAYS["HK"], 1e6, 2_250),
    ],
)
def test_a_slice_is_long_enough_for_an_answer(
    tmp_path: Path, region: str, session: date, speed: float, seconds: int
) -> None:
    base = written(tmp_path, region, session, speed)["rule"]["base"]
    assert base["slice_ns"] == base["sweep_ns"] == seconds * SECOND


def test_the_documents_head_and_its_paths(tmp_path: Path) -> None:
    document = written(tmp_path, "HK", HALF_DAYS["HK"], 1.0, venues=["HKEX", "ELSE"])
    opened = ns(datetime(2026, 12, 24, 1, 30, tzinfo=UTC))
    assert (document["region"], document["session"]) == ("HK", "2026-12-24")
    # The morning alone, so no lunch.
    assert (document["open_ns"], document["close_ns"]) == (opened, opened + 9_000 * SECOND)
    assert document["breaks"] == []
    paths = document["router"]["paths"]
    assert list(paths) == ["ELSE", "HKEX"]
    assert [(p["id"], p["venue"]) for p in paths["HKEX"]] == [(1, "HKEX"), (2, "HKEX")]


def test_every_day_and_every_seed_is_an_experiment_of_its_own(tmp_path: Path) -> None:
    days = [DAY + timedelta(days=n) for n in range(3)]
    keys = [
        written(tmp_path, "US", day, 1.0, seed=seed)["router"]["design"]["seed"]
        for day in days
        for seed in (0, 1, 2**40)
    ]
    assert len(set(keys)) == len(keys)
    assert all(0 < key < 2**63 for key in keys)
    # The same again: a session that is run anew has the same assignment.
    assert written(tmp_path, "US", DAY, 1.0, seed=0)["router"]["design"]["seed"] == keys[0]


def test_a_seed_is_never_none() -> None:
    """The router takes 0 for a seed that nobody gave."""
    assert _session._router({"X"}, 2**63)["design"]["seed"] == 1


@pytest.mark.parametrize(
    ("speed", "displayed", "adv"), [(1.0, 1_000_000, 10_000), (10_000.0, 6_666_666, 66_666)]
)
def test_a_child_may_be_what_every_five_minutes_of_its_slice_could_be(
    tmp_path: Path, speed: float, displayed: int, adv: int
) -> None:
    """2,000 seconds are six times and two thirds of five minutes."""
    base = written(tmp_path, "US", DAY, speed)["rule"]["base"]
    assert (base["max_displayed_ppm"], base["max_adv_ppm"]) == (displayed, adv)


def test_a_recorded_shape_by_hand(tmp_path: Path) -> None:
    """Quarters of 40, 10, 10 and 40 per cent: a bucket of a 26th holds as much of its quarter as it covers."""
    start, ends, cum = curve_of("US", DAY)
    document = written(tmp_path, "US", DAY, 1.0, profile=(0.4, 0.5, 0.6, 1.0))
    assert (document["volume"]["start_ns"], document["volume"]["end_ns"]) == (start, ends)
    found = document["volume"]["cum_ppm"]
    # 1/26 is 4/26 of the first quarter; 7/26 is 2/26 into the second; 13/26 is its end; 25/26 is 22/26 into the last.
    assert (found[0], found[6], found[12]) == (61_538, 407_692, 500_000)
    assert (found[24], found[25]) == (938_462, MILLION)
    assert found == sorted(found)
    assert found != cum
    # Hong Kong: 5/11 of the time is over at noon, 9/11 of the second quarter; lunch has nothing.
    document = written(tmp_path, "HK", DAY, 1.0, profile=(0.4, 0.5, 0.6, 1.0))
    assert document["volume"]["cum_ppm"][10:12] == [481_818, 481_818]


def test_a_market_of_prints_is_traded_at_once(tmp_path: Path) -> None:
    rule = written(tmp_path, "US", DAY, 1.0, at_once=True)["rule"]
    # A thousand times the daily volume is small, and so is what nobody knows the volume of.
    assert rule["small_adv_ppm"] > 1_000 * MILLION
    assert rule["unknown"] == "IMMEDIATE"
    usual = written(tmp_path, "US", DAY, 1.0)["rule"]
    assert usual["small_adv_ppm"] == 5_000
    assert "unknown" not in usual
