"""What a session of an OMS backtest begins with; none of it needs the program."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import numpy as np
import polars as pl
import pytest

from dnalyaw.backtest import BacktestError, CostModel, PricePanel, run_oms_backtest
from dnalyaw.backtest._oms_market import Action, actions_by_row, standing, venue_fees, worst_gaps
from tests.backtest.frames import frame, weekdays, weight_frame
from tests.backtest.oms_frames import actions, calm_market

DAYS = weekdays(12)


def panel_of(prices: np.ndarray, **extra: object) -> PricePanel:
    return PricePanel.from_frame(frame(prices, prices, **extra))


def due(
    panel: PricePanel, *rows: tuple[int, date, str, float | None, float | None]
) -> dict[int, list[Action]]:
    return actions_by_row(panel, np.array([0, 1]), actions(*rows), CostModel(), 0)


def test_actions_fall_on_the_session_of_their_ex_date_or_the_next():
    panel = panel_of(np.full((12, 2), 50.0))
    saturday = date(2020, 1, 11)
    found = due(
        panel,
        (2, saturday, "split", 1.5, None),
        (1, DAYS[3], "split", 2.0, None),
        (1, DAYS[3], "dividend", None, 0.25),
        (99, DAYS[3], "split", 2.0, None),
        (1, date(2021, 1, 1), "split", 2.0, None),
    )
    # Monday is row 5; the dividend is per old share, so it comes before the split.
    assert found == {
        3: [Action(0, "dividend", Fraction(1), 250_000), Action(0, "split", Fraction(2), 0)],
        5: [Action(1, "split", Fraction(3, 2), 0)],
    }


@pytest.mark.parametrize(
    ("row", "match"),
    [
        ((1, DAYS[3], "split", None, None), "split of instrument 1 on 2020-01-09 has the ratio None"),
        ((1, DAYS[3], "split", -2.0, None), "ratio -2.0"),
        ((1, DAYS[3], "dividend", None, float("nan")), "dividend of instrument 1 on 2020-01-09 is nan"),
        ((1, DAYS[3], "dividend", None, -0.1), "not below 0"),
    ],
)
def test_an_action_that_cannot_be_applied_is_named(row, match):
    with pytest.raises(BacktestError, match=match):
        due(panel_of(np.full((12, 2), 50.0)), row)


def test_actions_without_their_columns_are_refused():
    with pytest.raises(BacktestError, match="no column ratio, amount"):
        actions_by_row(
            panel_of(np.full((12, 1), 50.0)), np.array([0]), actions().drop("ratio", "amount"), CostModel(), 0
        )


def test_fees_of_the_venue():
    # Half a spread of 2 bp and fees of 0.5 bp, in thousandths of a basis point.
    assert venue_fees(CostModel(), None) == {"bp_milli": 2_500}
    assert venue_fees(CostModel(), {"min_micro": 5}) == {"min_micro": 5}
    with pytest.raises(BacktestError, match=r"no fee bp;.*bp_milli"):
        venue_fees(CostModel(), {"bp": 5})
    with pytest.raises(BacktestError, match="whole numbers not below 0"):
        venue_fees(CostModel(), {"bp_milli": -1})


def test_statistics_are_those_before_the_session():
    """100, 110, 100, ... : returns of +10% and -1/11 by turns; the standard deviation of three and three of them.

    Mean (0.1 - 1/11) / 2 = 1/220; each is 21/220 away from it; sqrt(6 / 5) * 21/220 = 10.457%: 1,046 bp.
    The worst gap of an open that equals its close is that move, 1,000 bp; five volatilities are more.
    """
    prices = np.array([[100.0 if t % 2 == 0 else 110.0] for t in range(12)])
    panel = panel_of(prices)
    known = standing(panel, worst_gaps(panel), np.array([0]), 7, prices[6])
    assert known.volatility_bp.tolist() == [1_046]
    assert known.gap_bp.tolist() == [5_230]
    # A million shares a day of a price that is now 100: on average (4 x 100 + 3 x 110) / 7 x 1e6 / 100.
    assert known.adv.tolist() == [1_042_857]
    assert known.close_micro.tolist() == [100_000_000]


def test_a_young_name_has_the_volatility_of_what_is_unknown():
    panel = panel_of(np.full((12, 1), 50.0))
    known = standing(panel, worst_gaps(panel), np.array([0]), 3, np.array([50.0]))
    assert (known.volatility_bp.tolist(), known.gap_bp.tolist()) == ([1_000], [5_000])


def test_adjusted_prices_need_their_actions():
    market = calm_market(12, 2, 1)
    market.factor[5:, 1] = 1.02
    weights = weight_frame([(DAYS[2], 1, 0.04), (DAYS[2], 2, 0.04)])
    panel = PricePanel.from_frame(market.frame())
    with pytest.raises(BacktestError, match=f"prices of instrument 2 are adjusted on {DAYS[5]}"):
        actions_by_row(panel, np.array([0, 1]), None, CostModel(), 2)
    # Before the first decision nobody holds anything.
    assert actions_by_row(panel, np.array([0, 1]), None, CostModel(), 5) == {}
    assert weights.height == 2


def test_a_program_that_is_not_built_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("DNALYAW_BIN", str(tmp_path))
    with pytest.raises(BacktestError, match="oms-backtest is not built: run `make build`"):
        run_oms_backtest(weight_frame([(DAYS[2], 1, 0.04)]), calm_market(12, 1, 1).frame())


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"default_stop": 0.0}, "default_stop is a fraction"),
        ({"initial_cash": float("inf")}, "initial cash must be finite"),
        ({"weights": weight_frame([(DAYS[-1], 1, 0.04)])}, "nothing to simulate"),
        ({"region": "XX"}, "no cost defaults for region 'XX'"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(changed, match, tmp_path, monkeypatch):
    # Refused before the program is asked for anything; any executable will do.
    (tmp_path / "oms-backtest").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "oms-backtest").chmod(0o755)
    monkeypatch.setenv("DNALYAW_BIN", str(tmp_path))
    settings = {
        "weights": weight_frame([(DAYS[2], 1, 0.04)]),
        "prices": calm_market(12, 1, 1).frame(),
        **changed,
    }
    with pytest.raises(BacktestError, match=match):
        run_oms_backtest(**settings)


def test_bonus_shares_are_a_split_and_the_account_is_told_so():
    panel = panel_of(np.full((12, 2), 50.0))
    found = due(panel, (1, DAYS[3], "stock_dividend", 0.3, None), (2, DAYS[3], "symbol_change", None, None))
    assert found == {3: [Action(0, "split", Fraction(13, 10), 0)]}


@pytest.mark.parametrize("kind", ["rights", "spin_off", "merger"])
def test_what_the_account_cannot_hold_is_refused_by_name_and_day(kind):
    panel = panel_of(np.full((12, 2), 50.0))
    with pytest.raises(BacktestError, match=f"{kind} of instrument 2 on {DAYS[3]}: the account knows splits"):
        due(panel, (2, DAYS[3], kind, 0.5, None))
    # Before the first decision's next session, after the last one, and in names nobody wants, it touches nobody.
    assert due(panel, (2, DAYS[0], kind, 0.5, None), (2, date(2021, 1, 1), kind, 0.5, None)) == {}
    assert due(panel, (9, DAYS[3], kind, 0.5, None)) == {}


def test_a_merger_that_the_panel_pays_out_is_a_delisting():
    prices = np.full((12, 2), 50.0)
    prices[6:, 1] = np.nan
    rows = frame(prices, prices).with_columns(
        delisted_on=pl.when(pl.col("instrument_id") == 2).then(pl.lit(DAYS[6])),
        delisting_price=pl.when(pl.col("instrument_id") == 2).then(55.0),
    )
    found = due(PricePanel.from_frame(rows), (2, DAYS[6], "merger", 0.5, None))
    assert found == {6: [Action(1, "delisting", Fraction(1), 55_000_000)]}
