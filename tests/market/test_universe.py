"""The universe of a day: survivorship-free, by what was known, and as an independent oracle has it."""

import random
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any

import polars as pl
import pytest

from dnalyaw.market import (
    InstrumentMaster,
    UniverseError,
    UniverseRules,
    conform,
    decision_moment,
    index_members,
    session_close,
    sessions_between,
    universe,
    universe_history,
)
from dnalyaw.pit import AsOf

DAYS = sessions_between("US", date(2020, 1, 2), date(2020, 6, 30))
RULES = UniverseRules(
    asset_classes=("equity",),
    min_price=5.0,
    min_traded=2_000.0,
    window=20,
    min_history=15,
    min_age=30,
    max_stale=2,
    top=8,
    buffer=2,
)


@pytest.fixture(scope="module")
def market() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Thirty names that list, halt, end and are corrected at random."""
    rng = random.Random(5)
    instruments: list[dict[str, Any]] = []
    bars: list[dict[str, Any]] = []
    for key in range(1, 31):
        start = 0 if rng.random() < 0.6 else rng.randrange(1, 80)
        end = len(DAYS) if rng.random() < 0.7 else rng.randrange(start + 10, len(DAYS))
        listed = DAYS[start] - timedelta(days=400 if start == 0 else 0)
        known = datetime.combine(DAYS[start] - timedelta(days=1), datetime.min.time(), UTC)
        row = {
            "instrument_id": key, "issuer_id": key, "label": f"N{key}.NYSE", "ticker": f"N{key}", "venue": "NYSE",
            "currency": "USD", "sector": None, "lot": 1, "tick": 0.01, "valid_from": listed, "valid_to": None,
            "listed_on": listed, "delisted_on": None, "last_price": None,
            "asset_class": "etf" if key % 10 == 0 else None, "event_time": known, "available_at": known,
        }  # fmt: skip
        instruments.append(row)
        if end < len(DAYS):
            told = session_close("US", DAYS[end - 1]) + timedelta(minutes=15)
            instruments.append(row | {"delisted_on": DAYS[end], "event_time": told, "available_at": told})
        price, size = rng.uniform(4, 12), rng.uniform(100, 900)
        for day in DAYS[start:end]:
            if rng.random() < 0.06:
                continue
            price *= rng.uniform(0.97, 1.03)
            close = session_close("US", day)
            bar = {
                "instrument_id": key, "session": day, "open": price, "high": price, "low": price, "close": price,
                "volume": float(int(size * rng.uniform(0.3, 1.7))), "currency": "USD",
                "event_time": close, "available_at": close + timedelta(minutes=15),
            }  # fmt: skip
            bars.append(bar)
            if rng.random() < 0.03:
                bars.append(
                    bar | {"close": price * 2, "high": price * 2, "available_at": close + timedelta(days=9)}
                )
    return (
        conform("instruments", pl.DataFrame(instruments, infer_schema_length=None)),
        conform("bars", pl.DataFrame(bars, infer_schema_length=None)),
    )


def _oracle(
    day: date, instruments: list[dict[str, Any]], bars: list[dict[str, Any]], before: list[int]
) -> list[int]:
    moment = decision_moment("US", day)
    rows: dict[int, dict[str, Any]] = {}
    for row in sorted(instruments, key=lambda r: r["available_at"]):
        if row["available_at"] <= moment:
            rows[row["instrument_id"]] = row
    held: dict[tuple[int, date], tuple[float, float]] = {}
    for bar in sorted(bars, key=lambda b: b["available_at"]):
        if bar["available_at"] <= moment and bar["session"] < day:
            held[bar["instrument_id"], bar["session"]] = (bar["close"], bar["volume"])
    past = [d for d in DAYS if d < day]
    window = sessions_between("US", day - timedelta(days=60), day - timedelta(days=1))[-20:]
    values: dict[int, float] = {}
    for key, row in rows.items():
        mine = [d for d in past if (key, d) in held]
        gone = row["delisted_on"] is not None and row["delisted_on"] <= day
        if row["asset_class"] not in (None, "equity") or row["valid_from"] > day or gone or len(mine) < 15:
            continue
        if (day - row["listed_on"]).days < 30 or mine[-1] not in window[-3:] or held[key, mine[-1]][0] < 5.0:
            continue
        value = median([held[key, d][0] * held[key, d][1] if (key, d) in held else 0.0 for d in window])
        if value >= 2_000.0:
            values[key] = value
    ranked = sorted(values, key=lambda k: (-values[k], k))
    sure = ranked[:6]
    kept = [k for k in ranked[6:10] if k in before]
    rest = [k for k in ranked[6:] if k not in kept]
    return sorted((sure + kept + rest)[:8])


def test_an_independent_oracle_agrees_on_every_day(market: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    instruments, bars = market
    days = DAYS[10:]
    history = universe_history("US", days, RULES, instruments, bars)
    rows, ticks = instruments.to_dicts(), bars.to_dicts()
    before: list[int] = []
    changes = 0
    for day in days:
        want = _oracle(day, rows, ticks, before)
        assert sorted(history.filter(day=day)["instrument_id"]) == want, day
        changes += want != before
        before = want
    # The sample moves: names come, go and are delisted while they are members.
    assert changes > 10
    ended = set(instruments.filter(pl.col("delisted_on").is_not_null())["instrument_id"])
    assert ended & set(history["instrument_id"])


def test_what_comes_later_changes_no_earlier_universe(market: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    instruments, bars = market
    for day in DAYS[40::30]:
        moment = decision_moment("US", day)
        before_i, before_b = (table.filter(pl.col("available_at") <= moment) for table in market)
        early = universe_history(
            "US", DAYS[DAYS.index(day) - 6 : DAYS.index(day) + 1], RULES, before_i, before_b
        )
        late = universe_history(
            "US", DAYS[DAYS.index(day) - 6 : DAYS.index(day) + 1], RULES, instruments, bars
        )
        assert early.equals(late)


def test_a_bar_of_the_day_itself_is_not_read(market: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    instruments, bars = market
    day = DAYS[60]
    late = AsOf(datetime(2021, 1, 1, tzinfo=UTC))
    cut = bars.filter(pl.col("session") < day)
    assert universe("US", day, RULES, instruments, bars, late).equals(
        universe("US", day, RULES, instruments, cut, late)
    )


def test_rules_that_contradict_themselves_are_refused_all_at_once() -> None:
    with pytest.raises(
        UniverseError, match=r"'bond' is unknown; window is 0, want 1 or more; .*buffer means nothing"
    ):
        UniverseRules(asset_classes=("bond",), window=0, buffer=1)


def test_closes_alone_do_where_no_rule_asks_for_volume(market: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    instruments, bars = market
    closes = bars.with_columns(volume=pl.lit(None, pl.Float64))
    moment = AsOf(decision_moment("US", DAYS[60]))
    found = universe("US", DAYS[60], UniverseRules(min_price=5.0), instruments, closes, moment)
    assert found.height
    assert found["traded"].null_count() == found.height
    with pytest.raises(UniverseError, match=r"has no volume on .*drop min_traded and top, or give volumes"):
        universe("US", DAYS[60], RULES, instruments, closes, moment)


def test_index_members_are_those_known_on_the_day() -> None:
    told = [
        datetime(2020, 1, 1, tzinfo=UTC),
        datetime(2020, 1, 1, tzinfo=UTC),
        datetime(2020, 3, 1, tzinfo=UTC),
    ]
    table = pl.DataFrame(
        {
            "instrument_id": [1, 2, 1],
            "valid_from": [date(2019, 1, 1), date(2020, 2, 3), date(2019, 1, 1)],
            "valid_to": [None, None, date(2020, 3, 20)],
            "available_at": told,
        },
        schema_overrides={"available_at": pl.Datetime("us", "UTC")},
    )
    early, late = AsOf(datetime(2020, 2, 28, tzinfo=UTC)), AsOf(datetime(2020, 3, 1, tzinfo=UTC))
    assert index_members(table, date(2020, 2, 2), early) == [1]
    assert index_members(table, date(2020, 3, 23), early) == [1, 2]
    assert index_members(table, date(2020, 3, 23), late) == [2]


def test_the_master_and_the_universe_agree_on_who_is_listed(
    market: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    instruments, bars = market
    moment = AsOf(decision_moment("US", DAYS[60]))
    found = universe(
        "US", DAYS[60], UniverseRules(asset_classes=("equity", "etf")), instruments, bars, moment
    )
    master = InstrumentMaster(instruments, moment)
    assert [master.label_on(key, DAYS[60]) for key in found["instrument_id"]] == found["label"].to_list()
