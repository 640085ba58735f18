"""``dnalyaw backtest`` on a home that holds what a run leaves: a strategy's weights, the panel, published actions."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import polars as pl
import pytest

from dnalyaw.backtest import CostModel, TrialLedger, run_backtest
from dnalyaw_pipelines.cli._exit import FAILED, OK, USAGE
from dnalyaw_pipelines.cli._main import main
from dnalyaw_pipelines.components.strategy import asset_name, declared
from dnalyaw_pipelines.home import Home, HomeConfig, RegionConfig
from dnalyaw_pipelines.io import write_frame
from tests.backtest.frames import weight_frame
from tests.backtest.oms_frames import NEEDS_PROGRAM, Market, calm_market, with_dividend
from tests.backtest.test_oms_quotes import write_quotes

SESSIONS, NAMES = 40, 10
STRATEGY = declared("US")[0].id
KNOWN = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def market() -> Market:
    return with_dividend(calm_market(SESSIONS, NAMES, 5), 4, 33, 0.6)


@pytest.fixture
def weights(market) -> pl.DataFrame:
    # Name 1 is beyond 5% of equity at every second decision.
    return weight_frame(
        [
            (market.days[row], j + 1, 0.09 if j == 0 and row % 10 == 5 else 0.03)
            for row in (25, 30, 35)
            for j in range(NAMES)
        ]
    )


@pytest.fixture
def home(tmp_path, market, weights):
    found = Home(tmp_path / "home")
    last = market.days[-1].isoformat()
    region = RegionConfig(market.days[0].isoformat(), last)
    found.write_config(HomeConfig("sample", 7, True, False, {"US": region}))
    mart = market.frame(lot=1).select(
        *("instrument_id", "session", "adj_open", "adj_close", "sector", "lot", "currency"),
        available_at=pl.lit(KNOWN),
        **{f"raw_{name}": pl.col(name) for name in ("open", "close", "volume")},
        raw_high=pl.max_horizontal("open", "close"),
        raw_low=pl.min_horizontal("open", "close"),
        delisted_on=pl.lit(None, dtype=pl.Date),
        delisting_price=pl.lit(None, dtype=pl.Float64),
    )
    write_frame(found.assets("us", "dbt", "marts", "mart_factor_panel") / f"{last}.parquet", mart)
    write_frame(found.assets("us", "strategies", asset_name(STRATEGY)) / f"{last}.parquet", weights)
    rows = market.actions.with_columns(
        currency=pl.lit("USD"), event_time=pl.lit(KNOWN), available_at=pl.lit(KNOWN)
    )
    found.lake.publish(found.lake.land("US", "actions", last, rows), rows=rows.height, checks={})
    return found


def command(home: Home, *words: str) -> int:
    return main(["backtest", "--home", str(home.root), "--strategy", STRATEGY, *words])


def test_the_fast_engine_is_the_one_of_the_pipeline_and_the_trial_is_counted(home, market, weights, capsys):
    assert command(home, "--json") == OK
    found = json.loads(capsys.readouterr().out)
    expected = run_backtest(weights, market.frame(), CostModel.for_region("US"), 10_000_000.0)
    assert found["results"]["fast"] == expected.summary()
    assert "oms" not in found["results"]
    assert len(TrialLedger(home.trials).trials()) == 1


def test_a_window_of_sessions(home, market, capsys):
    assert command(home, "--start", str(market.days[30]), "--end", str(market.days[34]), "--json") == OK
    fast = json.loads(capsys.readouterr().out)["results"]["fast"]
    assert (fast["start"], fast["end"]) == (str(market.days[30]), str(market.days[34]))


@NEEDS_PROGRAM
def test_both_engines_are_compared_and_what_risk_cut_is_named(home, market, capsys):
    assert command(home, "--engine", "both") == OK
    shown = capsys.readouterr()
    assert shown.out.startswith(f"SIMULATED · US · {STRATEGY} · data up to {market.days[-1]}")
    assert "largest_gap" in shown.out
    # 9% was asked twice, at the first and the last decision.
    assert "2 of 3 hand-offs were not traded in full" in shown.out
    assert "oms: RISK_CUT" in shown.out
    assert f"{SESSIONS - 26} of {SESSIONS - 26} sessions" in shown.err
    assert len(TrialLedger(home.trials).trials()) == 2


@NEEDS_PROGRAM
def test_the_dividend_of_the_published_actions_is_paid(home, market, weights, capsys):
    """The home's own feed reaches the account: the result is that of the library with the same actions."""
    from dnalyaw.backtest import run_oms_backtest

    assert command(home, "--engine", "oms", "--json") == OK
    found = json.loads(capsys.readouterr().out)
    frame, costs = market.frame(), CostModel.for_region("US")
    paid = run_oms_backtest(weights, frame, costs, 10_000_000.0, actions=market.actions)
    unpaid = run_oms_backtest(weights, frame, costs, 10_000_000.0, actions=market.actions.clear())
    assert found["results"]["oms"] == paid.summary()
    # Name 4 at 3% of 10 million, 0.60 a share: a few thousand shares.
    assert paid.stats["final_equity"] - unpaid.stats["final_equity"] > 1_000.0
    assert [row["outcome"] for row in found["rebalances"]] == ["ACCEPTED"] * 3


def test_what_is_not_there_is_named(home, capsys):
    assert main(["backtest", "--home", str(home.root), "--strategy", "nothing"]) == USAGE
    assert "no strategy 'nothing' is declared; there are " in capsys.readouterr().err
    assert command(home, "--region", "xx") == USAGE
    assert "unknown region 'XX'" in capsys.readouterr().err
    with pytest.raises(SystemExit, match=str(USAGE)):
        command(home, "--start", "2030")
    assert "'2030' is no date; write YYYY-MM-DD" in capsys.readouterr().err
    assert command(home, "--start", "2030-01-01") == USAGE
    assert f"{STRATEGY} decided nothing between 2030-01-01" in capsys.readouterr().err
    other = declared("US")[1].id
    assert main(["backtest", "--home", str(home.root), "--strategy", other]) == FAILED
    assert f"no weights of {other} yet: `dnalyaw run`" in capsys.readouterr().err


@NEEDS_PROGRAM
def test_sessions_of_quotes_are_traded_on_them(home, market, weights, tmp_path, capsys):
    """The same decisions, with the quotes of one session half a percent above its bars: paid for, and told."""
    day = market.days[26]
    quotes = [(0, n + 1, 1.005 * market.open[26, n], 1.005 * market.open[26, n]) for n in range(NAMES)]
    folder = tmp_path / "quotes"
    folder.mkdir()
    write_quotes(folder, day, quotes, size=1_000_000)
    assert command(home, "--engine", "oms", "--json", "--quotes", str(folder)) == OK
    quoted = json.loads(capsys.readouterr().out)
    assert command(home, "--engine", "oms", "--json") == OK
    plain = json.loads(capsys.readouterr().out)
    assert quoted["rebalances"][0]["outcome"] == "ACCEPTED"
    lost = plain["results"]["oms"]["final_equity"] - quoted["results"]["oms"]["final_equity"]
    # A third of ten million, bought half a percent dearer.
    assert 0.004 < lost / (plain["rebalances"][0]["wanted_value"]) < 0.006
    assert command(home, "--quotes", str(folder)) == USAGE
    (folder / f"{day}.csv").rename(tmp_path / "elsewhere.csv")
    assert command(home, "--engine", "oms", "--quotes", str(folder)) == FAILED
