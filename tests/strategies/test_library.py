"""What holds for every strategy of the library."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from dnalyaw.backtest import CostModel, run_backtest
from dnalyaw.portfolio import WEIGHT_SCHEMA, Strategy, StrategyView, check_weights, load_strategies
from strategies import (
    REGISTRY,
    MLCrossSection,
    MLCrossSectionParams,
    ShortTermReversal,
    ShortTermReversalParams,
    TimeSeriesMomentum,
    TimeSeriesMomentumParams,
    declarations_path,
)

from .market import market, moment, predictions, sessions

ALL = [MLCrossSection(), ShortTermReversal(), TimeSeriesMomentum()]
every_strategy = pytest.mark.parametrize("strategy", ALL, ids=lambda s: s.id)


def view_of(prices: pl.DataFrame, as_of: object = None) -> StrategyView:
    last = prices["session"].max()
    return StrategyView.of(
        as_of=as_of or moment(last), region="US", prices=prices, predictions=predictions(prices)
    )


@pytest.fixture(scope="module")
def prices() -> pl.DataFrame:
    return market()


@every_strategy
def test_targets_are_valid_on_a_small_universe_with_unknown_sectors(
    strategy: Strategy, prices: pl.DataFrame
) -> None:
    weights = strategy.target_weights(view_of(prices))
    assert dict(weights.schema) == WEIGHT_SCHEMA
    checked = check_weights(weights)
    gross = checked.group_by("session").agg(pl.col("weight").sum())["weight"]
    assert checked["session"].n_unique() > 20
    assert (gross > 0.2).mean() > 0.5
    assert checked["weight"].max() <= 0.10 + 1e-12
    result = run_backtest(weights, prices, CostModel(), 1e6)
    assert result.stats["orders"] > 50
    assert np.isfinite(list(result.stats.values())).all()


# With the cap out of the way, so that every weight moves with what it is made of.
UNCAPPED = [
    MLCrossSection(params=MLCrossSectionParams(max_weight=1.0)),
    ShortTermReversal(params=ShortTermReversalParams(max_weight=1.0)),
    TimeSeriesMomentum(params=TimeSeriesMomentumParams(max_weight=1.0)),
]


@pytest.mark.parametrize("strategy", UNCAPPED, ids=lambda s: s.id)
def test_a_decision_does_not_depend_on_the_future(strategy: Strategy, prices: pl.DataFrame) -> None:
    full = strategy.target_weights(view_of(prices))
    days = sessions(420)
    # A look ahead shows only in the last decision of a cut, and not in each: so every decision day of a
    # stretch (every
    # fifth row is a Monday), and days before and after a split, a delisting and a rebalance.
    for cut in (199, 201, 299, 301, 377, *range(280, 350, 5)):
        early = StrategyView.of(
            as_of=moment(days[cut]), region="US", prices=prices, predictions=predictions(prices)
        )
        assert strategy.target_weights(early).equals(full.filter(pl.col("session") <= days[cut]))


@every_strategy
def test_order_of_rows_does_not_matter(strategy: Strategy, prices: pl.DataFrame) -> None:
    mixed = StrategyView.of(
        as_of=moment(sessions(420)[-1]),
        region="US",
        prices=prices.sample(fraction=1.0, shuffle=True, seed=5),
        predictions=predictions(prices).sample(fraction=1.0, shuffle=True, seed=6),
    )
    assert strategy.target_weights(mixed).equals(strategy.target_weights(view_of(prices)))


@every_strategy
def test_weekly_decisions_fall_on_the_first_session_of_a_week(
    strategy: Strategy, prices: pl.DataFrame
) -> None:
    days = sorted(strategy.target_weights(view_of(prices))["session"].unique())
    assert all(day.weekday() == 0 for day in days)
    assert all((b - a).days % 7 == 0 for a, b in pairwise(days))


@every_strategy
def test_stops_are_above_zero_and_below_the_raw_price(strategy: Strategy, prices: pl.DataFrame) -> None:
    held = strategy.target_weights(view_of(prices)).filter(pl.col("weight") > 0)
    with_price = held.join(prices, on=["instrument_id", "session"], how="left", validate="m:1")
    assert with_price["close"].null_count() == 0
    ratio = with_price["stop_distance"] / with_price["close"]
    assert ratio.min() >= 0.005
    assert ratio.max() <= 0.5


@every_strategy
def test_it_says_what_it_is(strategy: Strategy) -> None:
    assert isinstance(strategy, Strategy)
    assert strategy.family
    assert strategy.description
    assert any(char.isdigit() for char in strategy.reference)
    assert REGISTRY[strategy.id.replace("-", "_")] is type(strategy)


def test_families_differ() -> None:
    assert len({strategy.family for strategy in ALL}) == 3


def test_model_strategy_holds_the_highest_scores_and_keeps_what_slips_a_little(prices: pl.DataFrame) -> None:
    strategy = MLCrossSection(
        params=MLCrossSectionParams(min_names=1, max_weight=1.0, enter_quantile=0.1, stay_quantile=0.3)
    )
    days = sessions(420)
    mondays = [day for day in days[260:290] if day.weekday() == 0][:4]
    ids = [100, 104, 105, 106, 107, 108, 109, 110, 111, 112]
    # 104 leads, slips to second (stays), then to fifth (leaves).
    orders = [[104, 105], [105, 104], [105, 106, 107, 108, 104], [105]]
    rows = []
    for day, lead in zip(mondays, orders, strict=True):
        rest = [i for i in ids if i not in lead]
        rows += [(i, day, float(-rank)) for rank, i in enumerate(lead + rest)]
    scored = pl.DataFrame(rows, schema=["instrument_id", "session", "score"], orient="row")
    view = StrategyView.of(as_of=moment(days[-1]), region="US", prices=prices, predictions=scored)
    held = (
        strategy.target_weights(view)
        .group_by("session", maintain_order=True)
        .agg(pl.col("instrument_id").sort())
    )
    assert held["instrument_id"].to_list() == [[104], [104, 105], [105], [105]]


def test_model_strategy_without_scores_decides_nothing(prices: pl.DataFrame) -> None:
    view = StrategyView.of(as_of=moment(sessions(420)[-1]), region="US", prices=prices)
    assert MLCrossSection().target_weights(view).is_empty()


def test_inverse_volatility_is_inverse(prices: pl.DataFrame) -> None:
    strategy = MLCrossSection(
        params=MLCrossSectionParams(enter_quantile=1.0, stay_quantile=1.0, max_weight=1.0)
    )
    weights = strategy.target_weights(view_of(prices))
    day = weights["session"].max()
    mine = {r["instrument_id"]: r["weight"] for r in weights.filter(session=day).iter_rows(named=True)}
    inverse = {}
    for name in mine:
        closes = prices.filter((pl.col("instrument_id") == name) & (pl.col("session") <= day))[
            "adj_close"
        ].to_numpy()
        if name != 103:  # has gaps: another window
            inverse[name] = 1 / (closes[1:] / closes[:-1] - 1)[-63:].std(ddof=1)
    ratios = [mine[name] / value for name, value in inverse.items()]
    assert max(ratios) / min(ratios) == pytest.approx(1.0, rel=1e-9)


def _flat(total: int = 60, width: int = 10) -> tuple[list, dict]:
    days = sessions(total)
    return days, {j: np.full(total, 100.0) for j in range(width)}


def _frame(days: list, closes: dict, sectors: dict, volumes: dict | None = None) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    rows = []
    for j, series in closes.items():
        noise = 1 + rng.normal(0, 0.001, len(days))
        for t, day in enumerate(days):
            c = float(series[t] * noise[t])
            rows.append(
                {
                    "instrument_id": j + 1,
                    "session": day,
                    "open": c,
                    "high": c * 1.01,
                    "low": c * 0.99,
                    "close": c,
                    "volume": float((volumes or {}).get(j, 1e6)),
                    "adj_open": c,
                    "adj_close": c,
                    "sector": sectors.get(j),
                }
            )
    return pl.DataFrame(rows, schema_overrides={"sector": pl.String})


def test_reversal_compares_with_the_sector() -> None:
    days, closes = _flat()
    # Sector X falls 10% as a whole in the last week, its member 1 by 12%; in sector Y only member 6 falls,
    # by 5%.
    for j in range(5):
        closes[j][-5:] = 90.0
    closes[1][-5:] = 88.0
    closes[6][-5:] = 95.0
    sectors = {j: "X" if j < 5 else "Y" for j in range(10)}
    params = ShortTermReversalParams(
        quantile=0.2, liquid_fraction=1.0, min_names=1, max_weight=1.0, rebalance="day"
    )
    strategy = ShortTermReversal(params=params)

    def last(frame: pl.DataFrame) -> set[int]:
        weights = strategy.target_weights(StrategyView.of(as_of=moment(days[-1]), region="US", prices=frame))
        return set(weights.filter(session=days[-1])["instrument_id"])

    frame = _frame(days, closes, sectors).with_columns(available_at=pl.lit(moment(days[-1])))
    assert last(frame) == {2, 7}
    # With sectors unknown the market is the yardstick: the two furthest down are both of X.
    unknown = _frame(days, closes, {}).with_columns(available_at=pl.lit(moment(days[-1])))
    assert 2 in last(unknown)
    assert 7 not in last(unknown)
    # An illiquid loser is not bought.
    thin = _frame(days, closes, sectors, {6: 10.0}).with_columns(available_at=pl.lit(moment(days[-1])))
    strict = ShortTermReversal(params=replace(params, liquid_fraction=0.9))
    chosen = strict.target_weights(StrategyView.of(as_of=moment(days[-1]), region="US", prices=thin))
    assert 7 not in set(chosen.filter(session=days[-1])["instrument_id"])
    # Nor one that crashed.
    closes[6][-1] = 40.0
    crashed = _frame(days, closes, sectors).with_columns(available_at=pl.lit(moment(days[-1])))
    assert 7 not in last(crashed)


def test_momentum_holds_what_rises_and_goes_to_cash_when_nothing_does() -> None:
    days = sessions(400)
    rise, fall = 100 * 1.0008 ** np.arange(400), 100 * 0.9992 ** np.arange(400)
    both = _frame(days, {0: rise, 1: fall, 2: rise}, {}).with_columns(available_at=pl.lit(moment(days[-1])))
    strategy = TimeSeriesMomentum(params=TimeSeriesMomentumParams(max_weight=0.4))
    weights = strategy.target_weights(StrategyView.of(as_of=moment(days[-1]), region="US", prices=both))
    assert set(weights["instrument_id"]) == {1, 3}
    down = _frame(days, {0: fall, 1: fall}, {}).with_columns(available_at=pl.lit(moment(days[-1])))
    weights = strategy.target_weights(StrategyView.of(as_of=moment(days[-1]), region="US", prices=down))
    assert weights["weight"].sum() == 0.0
    assert weights["session"].n_unique() == weights.height > 10


def test_momentum_is_scaled_to_its_target_volatility() -> None:
    prices = market(420, 13, 4, drift=0.002)
    strategy = TimeSeriesMomentum(params=TimeSeriesMomentumParams(target_volatility=0.05, max_weight=0.2))
    weights = strategy.target_weights(view_of(prices))
    result = run_backtest(weights, prices, CostModel.free())
    assert 0.03 < result.stats["volatility"] < 0.07
    loose = TimeSeriesMomentum(params=TimeSeriesMomentumParams(target_volatility=1.0, max_weight=0.2))
    assert loose.target_weights(view_of(prices))["weight"].sum() > 1.5 * weights["weight"].sum()


@pytest.mark.parametrize(
    ("made", "values", "message"),
    [
        (
            MLCrossSectionParams,
            {"enter_quantile": 0.5, "stay_quantile": 0.2},
            "enter_quantile <= stay_quantile",
        ),
        (MLCrossSectionParams, {"rebalance": "hourly"}, "day, week or month"),
        (ShortTermReversalParams, {"lookback": 0, "quantile": 0.9}, r"lookback must .*, quantile must"),
        (TimeSeriesMomentumParams, {"skip": 70}, "skip < short"),
        (TimeSeriesMomentumParams, {"target_volatility": float("nan")}, "target_volatility"),
    ],
)
def test_parameters_are_checked(made: type, values: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(**values)


@pytest.mark.parametrize("region", ["US", "HK"])
def test_the_declarations_that_ship_load(region: str) -> None:
    declared = load_strategies(declarations_path(), region, registry=REGISTRY)
    assert len({d.strategy.family for d in declared}) == 3
    assert all(d.stage == "paper" and d.strategy.id == d.id for d in declared)
    assert sum(d.capital_fraction for d in declared) <= 1.0
