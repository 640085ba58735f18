"""The engine against an example worked by hand, against vectorbt, and against properties that always hold."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnalyaw.backtest import BacktestError, CostModel, PricePanel, run_backtest

from .frames import frame, random_prices, random_weights, weekdays, weight_frame

DAYS = weekdays(4)
# Three assets, four days, prices chosen so that every step can be done on paper.
OPEN = np.array([[10.0, 20.0, 40.0], [10.0, 20.0, 50.0], [11.0, 20.0, 60.0], [12.0, 25.0, 50.0]])
CLOSE = np.array([[10.0, 20.0, 45.0], [11.0, 20.0, 55.0], [11.0, 22.0, 55.0], [12.0, 20.0, 60.0]])


def test_hand_worked_example_without_costs() -> None:
    weights = weight_frame([(DAYS[0], 1, 0.5), (DAYS[0], 2, 0.4), (DAYS[2], 2, 0.25), (DAYS[2], 3, 0.5)])
    result = run_backtest(weights, frame(OPEN, CLOSE), CostModel.free(), 1000.0)
    # Day 1 open: 500 / 10 = 50 of A, 400 / 20 = 20 of B, cash 100. Close: 50*11 + 20*20 + 100 = 1050.
    # Day 2 close: 50*11 + 20*22 + 100 = 1090.
    # Day 3 open: 50*12 + 20*25 + 100 = 1200. B to 300 = 12, A to 0, C to 600 = 12, cash 300.
    # Day 3 close: 12*20 + 12*60 + 300 = 1260.
    assert result.curve["equity"].to_list() == pytest.approx([1000, 1050, 1090, 1260], abs=1e-12)
    assert result.curve["cash"].to_list() == pytest.approx([1000, 100, 100, 300], abs=1e-12)
    # Day 1 traded 900 of 1000; day 3 traded 600 + 200 + 600 = 1400 of 1090 at the close before.
    assert result.curve["turnover"].to_list() == pytest.approx([0, 0.9, 0, 1400 / 1090])
    assert result.orders.height == 5
    assert result.stats["total_return"] == pytest.approx(0.26)
    assert dict(result.holdings.iter_rows()) == pytest.approx({2: 240 / 1260, 3: 720 / 1260})


def test_hand_worked_example_with_spread_and_fee() -> None:
    weights = weight_frame([(DAYS[0], 1, 0.5), (DAYS[0], 2, 0.4)])
    costs = CostModel(half_spread_bp=40, fee_bp=60, impact=0)
    result = run_backtest(weights, frame(OPEN, CLOSE), costs, 1000.0)
    # 1% of 900 is 9: cash 91, so 1041, 1081; day 3: 50*12 + 20*20 + 91 = 1091.
    assert result.curve["equity"].to_list() == pytest.approx([1000, 1041, 1081, 1091], abs=1e-12)
    assert result.curve["cost"].to_list() == pytest.approx([0, 9, 0, 0])
    assert result.orders["spread_cost"].to_list() == pytest.approx([2.0, 1.6])
    assert result.orders["fee_cost"].to_list() == pytest.approx([3.0, 2.4])
    assert result.curve["gross_return"][1] == pytest.approx(0.05)


def test_fully_invested_buys_are_cut_to_the_cash_there_is() -> None:
    weights = weight_frame([(DAYS[0], 1, 1.0)])
    result = run_backtest(
        weights, frame(OPEN, CLOSE), CostModel(half_spread_bp=100, fee_bp=0, impact=0), 1010.0
    )  # 1010 buys 1000 worth at 1% cost: 100 shares, no cash left.
    assert result.orders["units"].to_list() == pytest.approx([100.0])
    assert result.curve["cash"].to_list()[1] == pytest.approx(0.0, abs=1e-9)


def test_impact_follows_the_square_root_of_size() -> None:
    open_, close = random_prices(40, 1, 3)
    prices, days = frame(open_, close), weekdays(40)
    costs = CostModel(half_spread_bp=0, fee_bp=0, impact=1.0)
    one = run_backtest(weight_frame([(days[30], 1, 0.5)]), prices, costs, 1e6)
    four = run_backtest(weight_frame([(days[30], 1, 0.5)]), prices, costs, 4e6)
    rate = one.orders["impact_cost"][0] / one.orders["value"][0]
    assert four.orders["impact_cost"][0] / four.orders["value"][0] == pytest.approx(2 * rate)
    returns = close[1:31, 0] / close[:30, 0] - 1
    adv = (close[10:31, 0] * 1e6).mean()
    assert rate == pytest.approx(returns[-21:].std(ddof=1) * np.sqrt(5e5 / adv))


def test_delisting_pays_what_was_paid_and_assumes_a_loss_where_unknown() -> None:
    close = np.array([[10.0, 10.0, 10.0]] * 2 + [[np.nan, 10.0, np.nan]] * 2)
    base = frame(close.copy(), close)
    dead = {1: 8.0, 3: None}
    prices = base.with_columns(
        delisted_on=pl.when(pl.col("instrument_id") != 2).then(pl.lit(DAYS[1])),
        delisting_price=pl.col("instrument_id").replace_strict(dead, default=None, return_dtype=pl.Float64),
    )
    result = run_backtest(
        weight_frame([(DAYS[0], 1, 0.3), (DAYS[0], 2, 0.3), (DAYS[0], 3, 0.3)]),
        prices,
        CostModel.free(),
        100.0,
    )
    # Instrument 1: 3 shares at 8; instrument 3: 3 shares at 10 * 0.7; 30 stays in 2; cash 10.
    assert result.curve["equity"].to_list() == pytest.approx([100, 100, 24 + 21 + 30 + 10, 85])
    assert [f.code for f in result.findings] == ["ASSUMED_DELISTING"]
    assert result.orders.filter(reason="delisting")["session"].unique().to_list() == [DAYS[2]]


def test_delisting_for_nothing_loses_everything() -> None:
    close = np.array([[10.0, 10.0]] * 2 + [[np.nan, 10.0]] * 2)
    prices = frame(close.copy(), close).with_columns(
        delisted_on=pl.when(pl.col("instrument_id") == 1).then(pl.lit(DAYS[1])), delisting_price=pl.lit(0.0)
    )
    result = run_backtest(weight_frame([(DAYS[0], 1, 0.5)]), prices, CostModel.free(), 100.0)
    assert result.curve["equity"].to_list() == pytest.approx([100, 100, 50, 50])


def test_bars_after_the_delisting_are_refused() -> None:
    prices = frame(OPEN, CLOSE).with_columns(delisted_on=pl.lit(DAYS[1]))
    with pytest.raises(BacktestError, match=r"instrument 1 has bars up to .*after its delisting"):
        run_backtest(weight_frame([(DAYS[0], 1, 0.5)]), prices)


def test_a_name_without_an_open_waits_and_is_reported() -> None:
    close = CLOSE.copy()
    close[1, 1] = np.nan
    result = run_backtest(
        weight_frame([(DAYS[0], 1, 0.5), (DAYS[0], 2, 0.5)]), frame(OPEN, close), CostModel.free(), 100.0
    )
    assert result.skipped.rows() == [(DAYS[1], 2)]
    assert result.orders["instrument_id"].to_list() == [1]
    assert "MANY_SKIPPED" in [f.code for f in result.findings]


def test_a_held_name_that_is_halted_keeps_its_last_price() -> None:
    close = CLOSE.copy()
    close[2, 0] = np.nan
    weights = weight_frame([(DAYS[0], 1, 0.5), (DAYS[1], 2, 1.0)])
    result = run_backtest(weights, frame(OPEN, close), CostModel.free(), 1000.0)
    # 50 of A cannot be sold at day 2; valued at 11. Worth 1050: B wanted 1050, cash pays for 500 = 25 shares.
    assert result.curve["equity"].to_list() == pytest.approx([1000, 1050, 550 + 25 * 22, 600 + 500])
    assert result.skipped.rows() == [(DAYS[2], 1)]


@pytest.mark.parametrize(
    ("low", "expected"),
    # Bought at 10 with a stop at 9. A low of 9 on the day sells at 9; a gap to 8 sells at 8.
    [
        ([10, 10, 9.0, 9.5], 9.0),
        ([10, 10, 9.5, 8.0], 8.0),
        ([10, 10, 9.5, 9.1], None),
        ([10, 9.0, 9.5, 9.6], 9.0),
    ],
)
def test_stops(low: list[float], expected: float | None) -> None:
    open_ = np.array([[10.0], [10.0], [9.6], [8.0 if low[3] == 8.0 else 9.6]])
    close = np.array([[10.0], [10.0], [9.6], [9.6]])
    weights = weight_frame([(DAYS[0], 1, 1.0)]).with_columns(stop_distance=pl.lit(1.0))
    prices = frame(open_, close, low=np.array(low)[:, None])
    result = run_backtest(weights, prices, CostModel.free(), 100.0, use_stops=True)
    stops = result.orders.filter(reason="stop")
    assert stops["adj_price"].to_list() == ([] if expected is None else [expected])
    assert result.stats["final_equity"] == pytest.approx(96.0 if expected is None else 10 * expected)


def test_a_stop_is_a_raw_distance_and_survives_a_split() -> None:
    # Raw 100 with a stop 10 below; a 2:1 split halves the raw price and not the adjusted one.
    raw = np.array([[100.0], [100.0], [50.0], [44.0]])
    adjusted = np.array([[100.0], [100.0], [100.0], [88.0]])
    prices = frame(raw, raw).with_columns(
        adj_open=pl.Series(adjusted[:, 0]), adj_close=pl.Series(adjusted[:, 0])
    )
    weights = weight_frame([(DAYS[0], 1, 1.0)]).with_columns(stop_distance=pl.lit(10.0))
    result = run_backtest(weights, prices, CostModel.free(), 100.0, use_stops=True)
    assert result.orders.filter(reason="stop").select("session", "adj_price").rows() == [(DAYS[3], 88.0)]


def test_going_to_cash_and_pending_decisions() -> None:
    weights = weight_frame([(DAYS[0], 1, 0.5), (DAYS[3], 1, 0.5)])
    result = run_backtest(weights, frame(OPEN, CLOSE), CostModel.free(), 1000.0, rebalance_sessions=[DAYS[1]])
    assert result.pending == (DAYS[3],)
    assert result.curve["exposure"].to_list()[2:] == [0.0, 0.0]
    assert result.holdings.is_empty()


def test_vectorbt_works_out_the_same_orders_from_target_weights() -> None:
    vbt = pytest.importorskip("vectorbt")
    import pandas as pd

    open_, close = random_prices(260, 12, 5)
    days = weekdays(260)
    weights = random_weights(days[:-1], 5, 12, 0.97, 8)
    ours = run_backtest(weights, frame(open_, close), CostModel(half_spread_bp=10, fee_bp=5, impact=0), 1e6)
    size = np.full((260, 12), np.nan)
    for day, instrument, weight in weights.iter_rows():
        size[days.index(day) + 1, instrument - 1] = weight
    index = pd.DatetimeIndex(days)
    theirs = vbt.Portfolio.from_orders(
        pd.DataFrame(close, index=index),
        size=pd.DataFrame(size, index=index),
        size_type="targetpercent",
        price=pd.DataFrame(open_, index=index),
        fees=0.0015,
        init_cash=1e6,
        cash_sharing=True,
        group_by=True,
        call_seq="auto",
        freq="1D",
    )
    np.testing.assert_allclose(ours.curve["equity"].to_numpy(), theirs.value().to_numpy(), rtol=1e-9)
    assert ours.orders.height == theirs.orders.count()


def test_vectorbt_agrees_on_a_full_portfolio_with_impact_given_our_orders() -> None:
    vbt = pytest.importorskip("vectorbt")
    import pandas as pd

    open_, close = random_prices(200, 8, 11)
    days = weekdays(200)
    ours = run_backtest(random_weights(days[30:-1], 7, 8, 1.0, 4), frame(open_, close), CostModel(), 1e6)
    size, fees = np.zeros((200, 8)), np.zeros((200, 8))
    for row in ours.orders.iter_rows(named=True):
        at = days.index(row["session"]), row["instrument_id"] - 1
        size[at] = row["units"]
        fees[at] = row["spread_cost"] + row["fee_cost"] + row["impact_cost"]
    index = pd.DatetimeIndex(days)
    theirs = vbt.Portfolio.from_orders(
        pd.DataFrame(close, index=index),
        size=pd.DataFrame(size, index=index),
        size_type="amount",
        price=pd.DataFrame(open_, index=index),
        fixed_fees=pd.DataFrame(fees, index=index),
        init_cash=1e6 + 1e-6,  # rounding of the last buy must not turn it away
        cash_sharing=True,
        group_by=True,
        call_seq="auto",
        freq="1D",
    )
    np.testing.assert_allclose(ours.curve["equity"].to_numpy(), theirs.value().to_numpy()[30:], rtol=1e-9)
    assert ours.orders.height > 150


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), every=st.integers(1, 9), gross=st.floats(0.1, 1.0))
def test_cash_and_value_are_conserved(seed: int, every: int, gross: float) -> None:
    open_, close = random_prices(40, 4, seed)
    days = weekdays(40)
    result = run_backtest(random_weights(days, every, 4, gross, seed), frame(open_, close), CostModel(), 1e5)
    units = np.zeros(4)
    cash = 1e5
    by_day = result.orders.partition_by("session", as_dict=True)
    for at, day in enumerate(days):
        for row in by_day[(day,)].iter_rows(named=True) if (day,) in by_day else ():
            units[row["instrument_id"] - 1] += row["units"]
            cash -= row["units"] * open_[at, row["instrument_id"] - 1]
            cash -= row["spread_cost"] + row["fee_cost"] + row["impact_cost"]
        assert (units >= -1e-9).all()
        assert cash >= -1e-6
        assert result.curve["equity"][at] == pytest.approx(cash + units @ close[at], rel=1e-10)
        assert result.curve["cash"][at] == pytest.approx(cash, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.01, 1000.0))
def test_size_of_the_account_changes_nothing_without_impact(seed: int, scale: float) -> None:
    open_, close = random_prices(30, 3, seed)
    weights = random_weights(weekdays(30), 4, 3, 0.9, seed)
    costs = CostModel(impact=0)
    one = run_backtest(weights, frame(open_, close), costs, 1e5)
    other = run_backtest(weights, frame(open_, close), costs, 1e5 * scale)
    np.testing.assert_allclose(other.curve["equity"] / scale, one.curve["equity"], rtol=1e-9)


def test_no_trade_costs_nothing() -> None:
    open_, close = random_prices(30, 3, 1)
    result = run_backtest(weight_frame([(weekdays(30)[0], 1, 0.0)]), frame(open_, close), CostModel(), 1e5)
    assert result.curve["equity"].unique().to_list() == [1e5]
    assert result.stats["cost_total"] == 0.0
    assert result.stats["sharpe"] == 0.0
    assert result.orders.is_empty()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(DAYS[0], 1, float("nan"))], "weight of instrument 1 on 2020-01-06 is nan"),
        ([(DAYS[0], 1, -0.1)], "is -0.1 .*not negative"),
        ([(DAYS[0], 1, 0.6), (DAYS[0], 2, 0.6)], "add up to 1.2"),
        ([(DAYS[0], 1, 0.1), (DAYS[0], 1, 0.1)], "several weights"),
        ([(DAYS[0], 9, 0.1)], "no prices for instrument 9"),
        ([(date(2020, 1, 5), 1, 0.1)], "session 2020-01-05 is not among"),
        ([(DAYS[0], 1, None)], "null session, instrument or weight"),
        ([], "empty"),
    ],
)
def test_bad_weights_are_refused(rows: list, message: str) -> None:
    with pytest.raises(BacktestError, match=message):
        run_backtest(weight_frame(rows), frame(OPEN, CLOSE))


def test_bad_prices_are_refused() -> None:
    good = frame(OPEN, CLOSE)
    with pytest.raises(BacktestError, match="more than once"):
        PricePanel.from_frame(pl.concat([good, good.head(1)]))
    with pytest.raises(BacktestError, match="close of instrument 1 on 2020-01-06 is -10"):
        PricePanel.from_frame(good.with_columns(close=-pl.col("close")))
    with pytest.raises(BacktestError, match="only one of close and adj_close"):
        PricePanel.from_frame(
            good.with_columns(adj_close=pl.when(pl.col("instrument_id") > 1).then("adj_close"))
        )
    with pytest.raises(BacktestError, match="no column adj_open"):
        PricePanel.from_frame(good.drop("adj_open"))
    with pytest.raises(BacktestError, match="mixes currencies HKD, USD"):
        PricePanel.from_frame(
            good.with_columns(
                currency=pl.when(pl.col("instrument_id") > 1).then(pl.lit("HKD")).otherwise(pl.lit("USD"))
            )
        )
    with pytest.raises(BacktestError, match="no rows"):
        PricePanel.from_frame(good.clear())
    with pytest.raises(BacktestError, match="half_spread_bp=-1"):
        CostModel(half_spread_bp=-1)
    with pytest.raises(BacktestError, match="initial cash"):
        run_backtest(weight_frame([(DAYS[0], 1, 0.1)]), good, initial_cash=0.0)


def test_results_do_not_depend_on_the_order_of_rows() -> None:
    open_, close = random_prices(40, 5, 2)
    weights = random_weights(weekdays(40), 3, 5, 0.8, 2)
    prices = frame(open_, close)
    one = run_backtest(weights, prices)
    shuffled = weights.sample(fraction=1.0, shuffle=True, seed=1)
    other = run_backtest(shuffled, prices.sample(fraction=1.0, shuffle=True, seed=2))
    assert one.curve.equals(other.curve)
    assert one.orders.equals(other.orders)


def test_yearly_figures_chain_to_the_total() -> None:
    open_, close = random_prices(600, 4, 9)
    result = run_backtest(random_weights(weekdays(600), 20, 4, 0.9, 1), frame(open_, close))
    assert result.per_year.height == 3
    chained = float(np.prod(1 + result.per_year["net_return"].to_numpy()) - 1)
    assert chained == pytest.approx(result.stats["total_return"])
    yearly = result.stats["turnover_per_year"] * result.stats["years"]
    assert result.per_year["turnover"].sum() == pytest.approx(yearly)
    assert result.stats["max_drawdown"] == pytest.approx(result.curve["drawdown"].min())
