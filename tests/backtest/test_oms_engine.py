"""What only the OMS does: whole shares, fees of the venue, risk that cuts, stops, the kill switch. Worked by hand."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from dnalyaw.backtest import BacktestError, CostModel, oms_program, run_backtest, run_oms_backtest
from tests.backtest.frames import weekdays, weight_frame
from tests.backtest.oms_frames import NEEDS_PROGRAM, Market, actions, with_dividend, with_split

pytestmark = NEEDS_PROGRAM

FREE = CostModel.free()
CASH = 1_000_000.0
# Decided on row 6, traded on row 7: five returns are known by then, of a price that stood still.
DECIDED, TRADED, TOTAL = 6, 7, 12


def still(width: int = 1, price: float = 100.0) -> Market:
    prices = np.full((TOTAL, width), price)
    return Market(weekdays(TOTAL), prices, prices.copy(), np.ones((TOTAL, width)), actions())


def moved(
    market: Market, row: int, name: int, *, opened: float | None = None, close: float | None = None
) -> Market:
    """A name at another price from a row on; `opened` alone is the price of that open only."""
    o, c = market.open.copy(), market.close.copy()
    if close is not None:
        o[row + 1 :, name - 1] = c[row:, name - 1] = close
    if opened is not None:
        o[row, name - 1] = opened
    return Market(market.days, o, c, market.factor, market.actions)


def want(*weights: float, row: int = DECIDED) -> pl.DataFrame:
    return weight_frame([(weekdays(TOTAL)[row], j + 1, w) for j, w in enumerate(weights)])


def shares(result, name: int = 1, row: int = TRADED) -> int:
    found = result.positions.filter(
        (pl.col("instrument_id") == name) & (pl.col("session") == weekdays(TOTAL)[row])
    )
    return found["shares"].item() if found.height else 0


def test_whole_shares_and_the_fees_of_the_venue():
    """4% of a million at 99.70 is 401.2: 401 shares, 39,979.70, and half a cent each, 2.005."""
    r = run_oms_backtest(want(0.04), still(price=99.7).frame(), FREE, CASH, fees={"per_share_micro": 5_000})
    assert shares(r) == 401
    assert r.curve["cash"][1] == pytest.approx(CASH - 39_979.70 - 2.005, abs=1e-6)
    assert r.curve["equity"][-1] == pytest.approx(CASH - 2.005, abs=1e-6)
    assert r.curve.height == TOTAL - DECIDED
    order = r.orders.row(0, named=True)
    assert (order["units"], order["value"], order["fee_cost"]) == pytest.approx((401.0, 39_979.70, 2.005))


def test_spread_and_fees_of_the_cost_model_are_charged_in_proportion():
    """400 shares at 100.00 and 2.5 bp of 40,000: 10.00. The impact is not charged, and the result says so."""
    r = run_oms_backtest(want(0.04), still().frame(), CostModel(), CASH)
    assert r.curve["equity"][-1] == pytest.approx(CASH - 10.0, abs=1e-6)
    assert "NO_IMPACT" in {f.code for f in r.findings}
    assert "NO_IMPACT" not in {
        f.code for f in run_oms_backtest(want(0.04), still().frame(), FREE, CASH).findings
    }


def test_risk_cuts_a_name_to_five_percent_at_the_reserved_price():
    """10% is 1,000 shares at 100.00. The order is reserved at 100.50: 50,000 / 100.50 lets 497 through."""
    r = run_oms_backtest(want(0.10), still().frame(), FREE, CASH)
    assert shares(r) == 497
    cut = r.cuts.row(0, named=True)
    assert (cut["wanted"], cut["traded"], cut["cut_value"]) == (1_000, 497, 50_300.0)
    assert r.rebalances.select("wanted_value", "cut_value").row(0) == (100_000.0, 50_300.0)
    assert r.stats["cut_of_wanted"] == pytest.approx(0.503)
    assert "RISK_CUT" in {f.code for f in r.findings}


def test_names_of_unknown_sector_share_one_bucket():
    """Six names of 4.5%, 450 shares each. Five filled ones count 225,000 at 100.00, the bucket holds 250,000, and the
    sixth is reserved at 100.50: 248 shares."""
    frame = still(6).frame().with_columns(sector=pl.lit(None, dtype=pl.String))
    r = run_oms_backtest(want(*[0.045] * 6), frame, FREE, CASH)
    assert [shares(r, name) for name in range(1, 6)] == [450] * 5
    assert shares(r, 6) == 248


def test_a_stop_of_its_own_limits_what_a_trade_risks():
    """A stop 49.50 away from 100.00 is 50.00 from the reserved 100.50: 1% of a million is 200 shares."""
    r = run_oms_backtest(want(0.04).with_columns(stop_distance=49.5), still().frame(), FREE, CASH)
    assert shares(r) == 200


def test_a_stop_is_given_per_share_of_the_decision():
    """Decided at 100.00, 2 for 1 overnight: 49.50 is 24.75 a new share, 25.00 from the reserved 50.25: 400 shares."""
    market = with_split(still(), 1, TRADED, 2, 1)
    weights = want(0.04).with_columns(stop_distance=49.5)
    assert shares(run_oms_backtest(weights, market.frame(), FREE, CASH, actions=market.actions)) == 400


def test_a_stop_that_is_reached_at_the_close_sells_there():
    """400 shares at 100.00 with a stop at 95.00 close at 94.00: riskd sells them at that print."""
    market = moved(still(), TRADED + 1, 1, close=94.0)
    r = run_oms_backtest(want(0.04).with_columns(stop_distance=5.0), market.frame(), FREE, CASH)
    assert shares(r, row=TRADED) == 400
    assert shares(r, row=TRADED + 1) == 0
    assert r.orders.filter(pl.col("reason") == "risk")["value"].to_list() == [-37_600.0]
    assert r.curve["equity"][-1] == pytest.approx(CASH - 2_400.0)
    assert "RISK_SOLD" in {f.code for f in r.findings}


def test_after_a_fall_of_five_percent_within_a_session_the_switch_stays_thrown():
    """20 names of 4.5% fall 7% after the open: 6.3% of equity. Everything is sold, and the next hand-off is refused."""
    market = still(20)
    for name in range(1, 21):
        market = moved(market, TRADED + 1, name, close=93.0)
    # A stop within 22% lets 4.5% through; 93.00 does not reach it.
    frame = pl.concat([want(*[0.045] * 20), want(*[0.045] * 20, row=DECIDED + 3)])
    r = run_oms_backtest(frame, market.frame(), FREE, CASH)
    assert r.positions.filter(pl.col("session") == weekdays(TOTAL)[TRADED + 2]).is_empty()
    assert r.rebalances["outcome"].to_list() == ["ACCEPTED", "REFUSED"]
    assert "DRAWDOWN" in r.rebalances["message"][1]
    assert r.stats["refused_handoffs"] == 1.0
    # 20 names of 450 shares lose 7.00 each, whenever they were sold after that.
    assert r.curve["equity"][-1] == pytest.approx(CASH - 20 * 450 * 7.0)


def test_a_split_leaves_whole_shares_and_pays_the_fraction():
    """401 shares at 99.75, 3 for 2: 601.5. The half is paid at the day's open, 66.50: 33.25."""
    market = with_split(still(price=99.75), 1, TRADED + 2, 3, 2)
    r = run_oms_backtest(want(0.04), market.frame(), FREE, CASH, actions=market.actions)
    assert (shares(r), shares(r, row=TRADED + 2)) == (401, 601)
    assert r.curve["cash"][-1] == pytest.approx(CASH - 401 * 99.75 + 33.25)
    assert r.curve["equity"][-1] == pytest.approx(CASH)


def test_a_dividend_is_paid_in_cash():
    market = with_dividend(still(), 1, TRADED + 2, 1.25)
    r = run_oms_backtest(want(0.04), market.frame(), FREE, CASH, actions=market.actions)
    assert r.curve["cash"][-1] == pytest.approx(CASH - 40_000.0 + 400 * 1.25)


@pytest.mark.parametrize(("paid", "price"), [(88.0, 88.0), (None, 70.0)])
def test_a_delisting_pays_what_is_recorded_or_the_last_close_less_thirty_percent(paid, price):
    days = weekdays(TOTAL)
    frame = still(2).frame().filter((pl.col("instrument_id") == 2) | (pl.col("session") < days[TRADED + 2]))
    first = pl.col("instrument_id") == 1
    frame = frame.with_columns(
        delisted_on=pl.when(first).then(pl.lit(days[TRADED + 2])),
        delisting_price=pl.when(first).then(pl.lit(paid, dtype=pl.Float64)),
    )
    r = run_oms_backtest(want(0.04, 0.04), frame, FREE, CASH)
    assert (shares(r), shares(r, row=TRADED + 2), shares(r, 2, row=TRADED + 2)) == (400, 0, 400)
    assert r.curve["equity"][-1] == pytest.approx(CASH - 400 * (100.0 - price))
    assert r.stats["delistings"] == 1.0
    assert r.stats["assumed_delistings"] == (0.0 if paid else 1.0)


def test_a_price_that_jumped_overnight_is_traded_all_the_same():
    """Risk waits for a second price that agrees with one 30% away from the last close; it has one by the hand-off."""
    market = moved(moved(still(), TRADED, 1, close=130.0), TRADED, 1, opened=130.0)
    r = run_oms_backtest(want(0.04), market.frame(), FREE, CASH)
    # 40,000 / 130.00 = 307 shares; the worst gap known before is none.
    assert r.rebalances["outcome"].to_list() == ["ACCEPTED"]
    assert shares(r) == 307


def test_a_name_without_an_open_is_skipped_and_kept():
    """Name 1 has no bar on the second rebalance, where nobody wants it any more: it stays, name 2 is bought."""
    days = weekdays(TOTAL)
    gone = (pl.col("instrument_id") == 1) & (pl.col("session") == days[DECIDED + 3])
    frame = still(2).frame().filter(~gone)
    weights = weight_frame([(days[DECIDED], 1, 0.04), (days[DECIDED + 2], 2, 0.04)])
    r = run_oms_backtest(weights, frame, FREE, CASH)
    assert r.skipped.rows() == [(days[DECIDED + 3], 1)]
    assert (shares(r, 1, row=TOTAL - 1), shares(r, 2, row=TOTAL - 1)) == (400, 400)
    fast = run_backtest(weights, frame, FREE, CASH)
    assert fast.skipped.rows() == r.skipped.rows()


@pytest.mark.parametrize("how", ["no bar", "no volume"])
def test_a_wanted_name_that_cannot_trade_holds_up_nobody_else(how):
    here = (pl.col("instrument_id") == 1) & (pl.col("session") == weekdays(TOTAL)[TRADED])
    frame = still(2).frame()
    if how == "no bar":
        frame = frame.filter(~here)
    else:
        frame = frame.with_columns(volume=pl.when(here).then(0.0).otherwise(pl.col("volume")))
    r = run_oms_backtest(want(0.04, 0.04), frame, FREE, CASH)
    assert r.rebalances["outcome"].to_list() == ["ACCEPTED"]
    assert (shares(r, 1, row=TOTAL - 1), shares(r, 2, row=TOTAL - 1)) == (0, 400)
    assert r.skipped.rows() == [(weekdays(TOTAL)[TRADED], 1)]


def test_the_reference_counts_in_shares_of_its_session(tmp_path):
    """2 for 1 on the traded session: the last close of 100.00 is 50.00 a new share, ten million old ones are twenty."""
    market = with_split(still(), 1, TRADED, 2, 1)
    run_oms_backtest(want(0.04), market.frame(), FREE, CASH, actions=market.actions, keep=tmp_path)
    for row, close, adv, split in ((TRADED, 50_000_000, 20_000_000, 2), (TRADED + 1, 50_000_000, None, 1)):
        path = tmp_path / f"input/{weekdays(TOTAL)[row]}/reference.json"
        (line,) = json.loads(path.read_text())["instruments"]
        assert (line["close_micro"], line["split_num"], line["split_den"]) == (close, split, 1)
        assert adv is None or line["adv"] == adv


def test_small_differences_are_left_alone():
    """0.05% of equity is inside the drift band: no order, and no cut either."""
    days = weekdays(TOTAL)
    weights = weight_frame([(days[DECIDED], 1, 0.04), (days[DECIDED + 2], 1, 0.0405)])
    r = run_oms_backtest(weights, still().frame(), FREE, CASH)
    assert r.rebalances["orders"].to_list() == [1, 0]
    assert shares(r, row=TOTAL - 1) == 400
    assert r.cuts.is_empty()


def test_the_last_decision_is_pending_and_an_empty_one_goes_to_cash():
    days = weekdays(TOTAL)
    weights = pl.concat([want(0.04), weight_frame([(days[DECIDED + 2], 1, 0.0), (days[-1], 1, 0.04)])])
    r = run_oms_backtest(weights, still().frame(), FREE, CASH)
    assert r.pending == (days[-1],)
    assert r.holdings.is_empty()
    assert r.curve["cash"][-1] == pytest.approx(CASH)


def test_the_same_run_twice_is_the_same_to_the_last_bit():
    one, other = (run_oms_backtest(want(0.04, 0.09), still(2).frame(), CostModel(), CASH) for _ in range(2))
    assert one.curve.equals(other.curve)
    assert one.orders.equals(other.orders)


def test_what_the_program_read_and_wrote_can_be_kept(tmp_path):
    run_oms_backtest(want(0.04), still().frame(), FREE, CASH, keep=tmp_path / "kept")
    days = json.loads((tmp_path / "kept/input/run.json").read_text())["days"]
    assert len(days) == TOTAL - TRADED
    assert (tmp_path / "kept/output/days.jsonl").read_text().count("\n") == len(days)
    with pytest.raises(BacktestError, match="is there already"):
        run_oms_backtest(want(0.04), still().frame(), FREE, CASH, keep=tmp_path / "kept")


@pytest.mark.parametrize(
    ("harm", "match"),
    [
        ('sed -i \'/"kind":"fill"/d\' $4/orders.jsonl', "fills and actions add up to .*, the venue has"),
        (
            'sed -i \'s/"fee":[0-9]*/"fee":1/\' $4/orders.jsonl',
            "fills and actions add up to .*, the venue has",
        ),
        ("sed -i '$d' $4/days.jsonl", "traded 4 of 5 sessions"),
    ],
    ids=["a lost fill", "another fee", "a lost session"],
)
def test_an_account_that_does_not_add_up_is_no_result(harm, match, tmp_path, monkeypatch):
    """The real program, and then a hand in what it wrote: the account kept from it is not the venue's any more."""
    altered = tmp_path / "oms-backtest"
    altered.write_text(f'#!/bin/sh\n{oms_program()} "$@" || exit 1\n{harm}\n')
    altered.chmod(0o755)
    monkeypatch.setenv("DNALYAW_BIN", str(tmp_path))
    with pytest.raises(BacktestError, match=match):
        run_oms_backtest(want(0.04), still().frame(), FREE, CASH, fees={"bp_milli": 1_000})


def test_a_program_that_fails_says_why(tmp_path, monkeypatch):
    """A fill that the program cannot make sense of ends the run with its own line, not with half a result."""
    fake = tmp_path / "oms-backtest"
    fake.write_text("#!/bin/sh\necho 'oms-backtest: session 20200115: no room' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("DNALYAW_BIN", str(tmp_path))
    with pytest.raises(BacktestError, match="ended with status 1: oms-backtest: session 20200115: no room"):
        run_oms_backtest(want(0.04), still().frame(), FREE, CASH)
