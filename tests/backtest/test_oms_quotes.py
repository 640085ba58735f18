"""Sessions of recorded quotes, the risk engine's decisions, and the kill switch armed again. Worked by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dnalyaw.backtest import BacktestError, CostModel, quote_files, run_oms_backtest
from tests.backtest.frames import weekdays, weight_frame
from tests.backtest.oms_frames import NEEDS_PROGRAM, Market, actions, with_dividend, with_split

pytestmark = NEEDS_PROGRAM

FREE = CostModel.free()
CASH = 1_000_000.0
DECIDED, TRADED, TOTAL = 6, 7, 12
DAYS = weekdays(TOTAL)
NANOS = 1_000_000_000


def still(width: int = 1) -> Market:
    prices = np.full((TOTAL, width), 100.0)
    return Market(DAYS, prices, prices.copy(), np.ones((TOTAL, width)), actions())


def write_quotes(
    folder: Path, day: date, quotes: list[tuple[float, int, float, float]], size: int = 1_000
) -> Path:
    """A session's file as the simulated venue's are: seconds since the open of New York in winter, name, bid, ask."""
    opened = int(datetime(day.year, day.month, day.day, 14, 30, tzinfo=UTC).timestamp()) * NANOS
    lines = ["ts_ns,instrument_id,symbol,kind,bid,ask,bid_size,ask_size,source"]
    lines += [
        f"{opened + int(at * NANOS)},{name},S{name},quote,{round(bid * 1e6)},{round(ask * 1e6)},{size},{size},test"
        for at, name, bid, ask in quotes
    ]
    path = folder / f"{day}.csv"
    path.write_text("\n".join(lines) + "\n")
    path.with_suffix(".json").write_text(
        f'{{"region":"US","session":"{day}","currency":"USD","open_ns":{opened},"close_ns":{opened + 23_400 * NANOS},'
        '"breaks":[],"actions":[],"initial_cash_micro":1,"fees":{},"reject_bp":0,"seed":1}'
    )
    return path


def test_a_day_of_quotes_is_traded_at_its_quotes_and_the_days_around_it_at_their_bars(tmp_path):
    """4% at the middle of 101.00 and 101.02 is 396 shares, at 101.02. Sold at the next rebalance's bar, 100.00. A crossed
    quote, which would be a better price, is refused."""
    path = write_quotes(
        tmp_path, DAYS[TRADED], [(0, 1, 101.00, 101.02), (0.5, 1, 101.00, 101.02), (0.7, 1, 101.0, 90.0)]
    )
    assert quote_files(tmp_path) == {DAYS[TRADED]: [path]}
    weights = weight_frame([(DAYS[DECIDED], 1, 0.04), (DAYS[DECIDED + 2], 1, 0.0)])
    r = run_oms_backtest(
        weights, still().frame(), FREE, CASH, quotes=quote_files(tmp_path), keep=tmp_path / "k"
    )
    paid = 396 * 101.02
    cash = dict(r.curve.select("session", "cash").iter_rows())
    assert cash[DAYS[TRADED]] == pytest.approx(CASH - paid, abs=1e-6)
    assert cash[DAYS[TRADED + 2]] == pytest.approx(CASH - paid + 39_600.0, abs=1e-6)
    assert r.rebalances.select("orders", "cut_value").rows() == [(1, 0.0), (1, 0.0)]
    refused = (tmp_path / f"k/output/refused-{DAYS[TRADED]}.jsonl").read_text()
    assert refused.count("\n") == 1
    assert "CROSSED" in refused
    again = run_oms_backtest(weights, still().frame(), FREE, CASH, quotes=quote_files(tmp_path))
    assert again.curve.equals(r.curve)
    assert again.decisions.equals(r.decisions)


def test_quotes_that_cannot_be_had_are_named(tmp_path):
    weights, frame = weight_frame([(DAYS[DECIDED], 1, 0.04)]), still().frame()
    with pytest.raises(BacktestError, match="holds no quotes"):
        quote_files(tmp_path)
    with pytest.raises(BacktestError, match="no session of the run: it trades 2020-01-15 to"):
        run_oms_backtest(weights, frame, FREE, CASH, quotes={DAYS[0]: [tmp_path / "x.csv"]})
    with pytest.raises(BacktestError, match=r"x\.csv is not there"):
        run_oms_backtest(weights, frame, FREE, CASH, quotes={DAYS[TRADED]: [tmp_path / "x.csv"]})
    broken = tmp_path / f"{DAYS[TRADED]}.csv"
    broken.write_text("no market\n")
    with pytest.raises(BacktestError, match=r"ended with status 1: .*is no market data that is known"):
        run_oms_backtest(weights, frame, FREE, CASH, quotes=quote_files(tmp_path))


def test_every_decision_of_the_risk_engine_is_told_with_its_reason():
    """10% of a name is cut to 497 shares, 4% of another passes; the third has no volume, and nothing is opened in it."""
    frame = (
        still(3)
        .frame()
        .with_columns(volume=pl.when(pl.col("instrument_id") == 3).then(None).otherwise(pl.col("volume")))
    )
    weights = weight_frame([(DAYS[DECIDED], 1, 0.10), (DAYS[DECIDED], 2, 0.04), (DAYS[DECIDED], 3, 0.04)])
    r = run_oms_backtest(weights, frame, FREE, CASH)
    columns = ("session", "instrument_id", "side", "decision", "reason", "qty", "approved")
    assert r.decisions.select(columns).rows() == [
        (DAYS[TRADED], 1, "buy", "REDUCE", "INSTRUMENT_LIMIT", 1_000, 497),
        (DAYS[TRADED], 2, "buy", "APPROVE", "NONE", 400, 400),
        (DAYS[TRADED], 3, "buy", "REJECT", r.decisions["reason"][2], 400, 0),
    ]
    assert r.decisions["reason"][2] not in {"NONE", ""}
    first = r.decisions.row(0, named=True)
    assert first["at"] == datetime(2020, 1, 15, 14, 30, 1, tzinfo=UTC)
    assert (first["equity"], first["limit"]) == (CASH, 50_000.0)
    assert first["price"] == 100.0


def test_the_kill_switch_is_armed_again_where_that_is_asked_for():
    """20 names of 4.5% fall 7% within a session: all is sold, and the next hand-off refused, or taken once armed again."""
    close = np.full((TOTAL, 20), 100.0)
    close[TRADED + 1 :] = 93.0
    opened = np.vstack([close[:1], close[:-1]])
    market = Market(DAYS, opened, close, np.ones((TOTAL, 20)), actions())
    weights = weight_frame(
        [(DAYS[row], name, 0.045) for row in (DECIDED, DECIDED + 3) for name in range(1, 21)]
    )
    outcomes = {
        after: run_oms_backtest(weights, market.frame(), FREE, CASH, rearm_after=after)
        .rebalances["outcome"]
        .to_list()
        for after in (0, 2, 3)
    }
    # The second hand-off is on the second session that begins with the switch thrown.
    assert outcomes == {0: ["ACCEPTED", "REFUSED"], 2: ["ACCEPTED", "ACCEPTED"], 3: ["ACCEPTED", "REFUSED"]}
    with pytest.raises(BacktestError, match="rearm_after"):
        run_oms_backtest(weights, market.frame(), FREE, CASH, rearm_after=-1)


def test_a_ledger_of_fees_a_dividend_a_split_and_a_delisting_to_the_cent():
    """Half a cent a share. Three names of 400 shares at 100.00: 120,000.00 and 6.00. A dividend of 0.25 on 400: 100.00.
    3 for 2 makes 400 shares 600, at 66.67. The third is delisted at 88.00: 35,200.00. The second is sold at 66.67, 40,002.00
    less 3.00; of the first 398 are wanted, and two shares are left alone."""
    market = with_split(with_dividend(still(3), 1, TRADED + 1, 0.25), 2, TRADED + 2, 3, 2)
    gone = (pl.col("instrument_id") == 3) & (pl.col("session") >= DAYS[TRADED + 3])
    third = pl.col("instrument_id") == 3
    frame = (
        market.frame()
        .filter(~gone)
        .with_columns(
            delisted_on=pl.when(third).then(pl.lit(DAYS[TRADED + 3])),
            delisting_price=pl.when(third).then(pl.lit(88.0)),
        )
    )
    weights = weight_frame([(DAYS[DECIDED], n, 0.04) for n in (1, 2, 3)] + [(DAYS[DECIDED + 3], 1, 0.04)])
    r = run_oms_backtest(weights, frame, FREE, CASH, actions=market.actions, fees={"per_share_micro": 5_000})
    cents = [round(value * 100) for value in r.curve["cash"]]
    assert cents == [
        100_000_000,  # decided
        87_999_400,  # bought: 1,000,000.00 - 120,000.00 - 6.00
        88_009_400,  # dividend: + 100.00
        88_009_400,  # split
        95_529_300,  # delisting and sale: + 35,200.00 + 40,002.00 - 3.00
        95_529_300,
    ]
    held = r.positions.filter(pl.col("session") == DAYS[TRADED + 2]).select("instrument_id", "shares").rows()
    assert held == [(1, 400), (2, 600), (3, 400)]
    assert r.positions.filter(pl.col("session") == DAYS[-1]).select("instrument_id", "shares").rows() == [
        (1, 400)
    ]
    assert round(r.curve["equity"][-1] * 100) == 95_529_300 + 4_000_000
    assert r.orders["fee_cost"].sum() == pytest.approx(3 * 2.00 + 3.00)


def test_sessions_are_found_in_folders_too(tmp_path):
    (tmp_path / "2020-01-15").mkdir()
    for name in (
        "2020-01-15/a.dbn",
        "2020-01-15/b.dbn.zst",
        "2020-01-16.csv",
        "2020-01-16.json",
        "notes.txt",
    ):
        (tmp_path / name).touch()
    assert quote_files(tmp_path) == {
        date(2020, 1, 15): [tmp_path / "2020-01-15/a.dbn", tmp_path / "2020-01-15/b.dbn.zst"],
        date(2020, 1, 15) + timedelta(days=1): [tmp_path / "2020-01-16.csv"],
    }
