"""Prices, quotes, actions, names and filings behave as on a real market, and as the ground truth says."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from dnalyaw.market import session_times
from dnalyaw.market.providers._sample import QUOTE_SESSIONS
from tests.sample.conftest import LAST


def _price_step(price: Decimal, reduced: bool) -> Decimal:
    """HKEX's spread table up to 500 dollars, written out by hand."""
    for end, step, fine in (
        ("0.25", "0.001", "0.001"),
        ("0.5", "0.005", "0.005"),
        ("10", "0.01", "0.01"),
        ("20", "0.02", "0.01"),
        ("50", "0.05", "0.02"),
        ("100", "0.05", "0.05"),
        ("200", "0.1", "0.1"),
        ("500", "0.2", "0.2"),
    ):
        if price <= Decimal(end):
            return Decimal(fine if reduced else step)
    raise AssertionError(f"no step for {price}")


def _returns(market) -> pl.DataFrame:
    """Total returns from raw closes, splits and dividends."""
    moves = (
        market.actions.filter(pl.col("kind") != "delisting")
        .group_by("instrument_id", pl.col("ex_date").alias("session"))
        .agg(pl.col("ratio").product(), pl.col("amount").sum())
    )
    return (
        market.bars.join(moves, on=["instrument_id", "session"], how="left")
        .sort("instrument_id", "session")
        .with_columns(pl.col("ratio").fill_null(1.0), pl.col("amount").fill_null(0.0))
        .with_columns(before=pl.col("close").shift(1).over("instrument_id") / pl.col("ratio"))
        .with_columns(r=(pl.col("close") + pl.col("amount")) / pl.col("before") - 1)
    )


def test_bars_are_well_formed(market):
    b = market.bars
    assert b.filter(pl.col("high") < pl.max_horizontal("open", "close")).is_empty()
    assert b.filter(pl.col("low") > pl.min_horizontal("open", "close")).is_empty()
    assert b.filter((pl.col("low") <= 0) | (pl.col("volume") <= 0)).is_empty()
    lots = dict(market.instruments.select("instrument_id", "lot").iter_rows())
    assert all(v % lots[i] == 0 for i, v in b.select("instrument_id", "volume").iter_rows())


def test_bars_close_with_the_session_and_arrive_a_quarter_of_an_hour_later(market):
    half_days = 0
    for day, event, known in market.bars.select("session", "event_time", "available_at").unique().iter_rows():
        close = session_times(market.region, day).close
        half_days += close.hour < (8 if market.region == "HK" else 20)
        assert event == close
        assert known == close + timedelta(minutes=15)
    assert half_days >= 4


def test_every_session_has_bars(market):
    sessions = [d for d in market.provider.sessions(market.region) if d <= LAST]
    assert market.bars["session"].unique().sort().to_list() == sessions


def test_hong_kong_prices_lie_on_the_price_steps(hk):
    for day, *prices in hk.bars.select("session", "open", "high", "low", "close").iter_rows():
        for price in prices:
            exact = Decimal(repr(price))
            assert exact % _price_step(exact, day >= date(2025, 8, 4)) == 0, (day, price)


def test_hong_kong_quotes_lie_on_the_price_steps(hk):
    events = hk.provider.market_events("HK", LAST)
    for price in (*hk.quotes["bid"], *hk.quotes["ask"], *events["bid"], *events["ask"]):
        exact = Decimal(repr(price))
        assert exact % _price_step(exact, True) == 0, price


def test_united_states_prices_are_whole_cents(us):
    for frame, columns in ((us.bars, ("open", "high", "low", "close")), (us.quotes, ("bid", "ask"))):
        for column in columns:
            assert all(Decimal(repr(p)) % Decimal("0.01") == 0 for p in frame[column])


@pytest.mark.parametrize("source", ["quotes", "events"])
def test_quotes_agree_with_the_bar(market, source):
    if source == "quotes":
        quotes = market.quotes
        per_name = quotes.group_by("instrument_id", "session").len()
        assert set(per_name["len"]) == {13}
        assert quotes["session"].n_unique() == QUOTE_SESSIONS
    else:
        quotes = market.provider.market_events(market.region, LAST).with_columns(session=pl.lit(LAST))
    joined = quotes.join(market.bars.drop("event_time"), on=["instrument_id", "session"], how="left")
    assert joined["close"].null_count() == 0
    mid = (pl.col("bid") + pl.col("ask")) / 2
    assert joined.filter((mid < pl.col("low") - 1e-9) | (mid > pl.col("high") + 1e-9)).is_empty()
    assert joined.filter((pl.col("bid") <= 0) | (pl.col("bid") >= pl.col("ask"))).is_empty()
    last = joined.sort("event_time").group_by("instrument_id", "session").last()
    assert last.filter((mid - pl.col("close")).abs() > (pl.col("ask") - pl.col("bid")) / 2).is_empty()
    lots = dict(market.instruments.select("instrument_id", "lot").iter_rows())
    for name, bid_size, ask_size in quotes.select("instrument_id", "bid_size", "ask_size").iter_rows():
        assert bid_size > 0
        assert bid_size % lots[name] == 0
        assert ask_size > 0
        assert ask_size % lots[name] == 0


def test_quotes_stay_inside_trading_hours(market):
    events = market.provider.market_events(market.region, LAST)
    times = session_times(market.region, LAST)
    stamps = events["event_time"].unique().sort().to_list()
    assert stamps[0] == times.open
    assert times.close - timedelta(seconds=2) <= stamps[-1] < times.close
    for start, end in times.breaks:
        assert not [s for s in stamps if start <= s < end]
        assert end in stamps
    if market.region == "HK":
        # 12:00 to 13:00 in Hong Kong.
        assert times.breaks == (
            (datetime(2026, 11, 20, 4, tzinfo=UTC), datetime(2026, 11, 20, 5, tzinfo=UTC)),
        )


def test_shown_sizes_are_small_beside_the_day_and_larger_at_its_ends(market):
    events = market.provider.market_events(market.region, LAST)
    volume = market.bars.filter(pl.col("session") == LAST).select("instrument_id", "volume")
    shown = events.join(volume, on="instrument_id").with_columns(part=pl.col("ask_size") / pl.col("volume"))
    liquid = shown.filter(pl.col("volume") > shown["volume"].median())
    assert liquid["part"].max() < 0.02
    by_time = liquid.group_by("event_time").agg(pl.col("part").mean()).sort("event_time")["part"].to_numpy()
    n = len(by_time)
    ends = np.r_[by_time[: n // 6], by_time[-(n // 6) :]].mean()
    assert ends > 1.5 * by_time[n // 3 : 2 * n // 3].mean()


def test_volatility_clusters_and_tails_are_heavy(market):
    r = _returns(market).filter(pl.col("r").is_not_null())
    wide = r.pivot("instrument_id", index="session", values="r").sort("session").drop("session").to_numpy()
    index = np.nanmean(wide, axis=1)
    size = np.abs(index - index.mean())
    assert np.corrcoef(size[1:], size[:-1])[0, 1] > 0.08
    own = wide - index[:, None]
    z = (own - np.nanmean(own, axis=0)) / np.nanstd(own, axis=0)
    assert np.nanmean(z**4) > 5
    # Names of one sector move together beyond the market.
    sector = dict(market.instruments.select("instrument_id", "sector").iter_rows())
    ids = [int(c) for c in r.pivot("instrument_id", index="session", values="r").columns[1:]]
    lasting = [k for k in range(len(ids)) if np.isfinite(own[:, k]).mean() > 0.95]
    corr = np.ma.corrcoef(np.ma.masked_invalid(own[:, lasting]), rowvar=False).filled(np.nan)
    same = np.array([[sector[ids[a]] == sector[ids[b]] for b in lasting] for a in lasting])
    off = ~np.eye(len(lasting), dtype=bool)
    assert corr[same & off].mean() > corr[~same].mean() + 0.03


def test_volume_and_spread_rise_with_the_size_of_the_move(us):
    r = _returns(us).filter(pl.col("r").is_not_null())
    own = r.with_columns(
        size=pl.col("r").abs() / pl.col("r").std().over("instrument_id"),
        crowd=pl.col("volume")
        * pl.col("close")
        / (pl.col("volume") * pl.col("close")).mean().over("instrument_id"),
    )
    assert own.select(pl.corr("size", "crowd", method="spearman")).item() > 0.25
    ranges = us.bars.with_columns(width=(pl.col("high") - pl.col("low")) / pl.col("close"))
    spread = us.quotes.group_by("instrument_id", "session").agg(
        s=((pl.col("ask") - pl.col("bid")) / pl.col("ask")).mean()
    )
    both = spread.join(ranges, on=["instrument_id", "session"])
    assert both.select(pl.corr("s", "width", method="spearman")).item() > 0.2


def test_crash_days_are_true(market):
    crashes = market.truth["market_crashes"]
    assert len(crashes) >= 2
    r = _returns(market)
    for crash in crashes:
        day = date.fromisoformat(crash["session"])
        assert -0.12 <= crash["return"] <= -0.08
        fell = r.filter(pl.col("session") == day)
        assert fell["r"].mean() == pytest.approx(crash["return"], abs=0.02)
        assert (fell["r"] < 0).mean() > 0.9
        usual = r.filter(pl.col("session").is_between(day - timedelta(days=40), day - timedelta(days=1)))
        ratio = fell.join(usual.group_by("instrument_id").agg(pl.col("volume").mean()), on="instrument_id")
        assert (ratio["volume"] / ratio["volume_right"]).median() > 2
        # The quotes of that day follow the bar.
        quotes = market.provider.fetch("quotes", market.region, day, day)
        last = quotes.sort("event_time").group_by("instrument_id").last().join(fell, on="instrument_id")
        assert ((last["bid"] + last["ask"]) / 2 / last["close"] - 1).abs().max() < 0.002


def test_jumps_are_confirmed_by_volume(market):
    r = _returns(market)
    earnings = [j for j in market.truth["jumps"] if j["cause"] == "earnings"]
    assert len(earnings) >= 6
    for jump in market.truth["jumps"]:
        day = date.fromisoformat(jump["session"])
        name = r.filter(pl.col("instrument_id") == jump["instrument_id"])
        row = name.filter(pl.col("session") == day)
        assert row["r"].item() == pytest.approx(jump["return"], abs=0.02)
        # Turnover, for a split changes how many shares trade.
        turnover = pl.col("volume") * pl.col("close")
        usual = name.filter(pl.col("session") < day).tail(21).select(turnover).to_series().mean()
        if usual is not None:
            assert row.select(turnover).item() > 1.5 * usual


def test_splits_move_raw_prices_and_not_returns(market):
    splits = market.actions.filter(pl.col("kind") == "split")
    assert splits.height >= 2
    assert splits.select("instrument_id", "ratio").rows() == [
        (s["instrument_id"], s["ratio"])
        for s in sorted(market.truth["splits"], key=lambda s: (s["ex_date"], s["instrument_id"]))
    ]
    r = _returns(market)
    for name, day, ratio in splits.select("instrument_id", "ex_date", "ratio").iter_rows():
        row = r.filter((pl.col("instrument_id") == name) & (pl.col("session") == day))
        raw = row["close"].item() / (row["before"].item() * ratio)
        assert raw == pytest.approx(1 / ratio, rel=0.25)
        assert abs(row["r"].item()) < 0.25


def test_actions_are_known_the_day_before(market):
    for ex_date, known in market.actions.select("ex_date", "available_at").iter_rows():
        assert known <= datetime.combine(ex_date - timedelta(days=1), time(20), tzinfo=UTC)
    dividends = market.actions.filter(pl.col("kind") == "dividend")
    assert dividends["amount"].min() > 0
    assert dividends["ratio"].null_count() == dividends.height


def test_delisted_names_stop_trading_and_pay(market):
    gone = market.actions.filter(pl.col("kind") == "delisting")
    assert gone.height >= 4
    for name, ex_date, paid in gone.select("instrument_id", "ex_date", "amount").iter_rows():
        own = market.bars.filter(pl.col("instrument_id") == name)
        assert own["session"].max() < ex_date
        assert paid > 0
        assert paid == pytest.approx(own["close"][-1], rel=0.45)
        row = market.instruments.filter(pl.col("instrument_id") == name).sort("valid_from")[-1]
        assert row["delisted_on"].item() == ex_date
        assert row["last_price"].item() == paid
        # It is known before the first session without it.
        assert row["available_at"].item() < session_times(market.region, ex_date).open
    assert {g["cause"] for g in market.truth["delistings"]} == {"failure", "takeover"}


def test_a_ticker_comes_back_on_another_instrument(market):
    assert market.truth["reused_tickers"]
    for reuse in market.truth["reused_tickers"]:
        rows = market.instruments.filter(pl.col("ticker") == reuse["ticker"])
        first, second = reuse["first_instrument_id"], reuse["second_instrument_id"]
        assert set(rows["instrument_id"]) == {first, second}
        ended = rows.filter(pl.col("instrument_id") == first)["delisted_on"].max()
        assert ended < rows.filter(pl.col("instrument_id") == second)["listed_on"].min()


def test_no_two_listed_names_share_a_label(market):
    rows = market.instruments.sort("valid_from")
    for day in (date(2023, 1, 3), date(2024, 6, 28), date(2025, 12, 31), LAST):
        now = rows.filter(pl.col("valid_from") <= day).group_by("instrument_id").last()
        now = now.filter(pl.col("delisted_on").is_null())
        assert not now["label"].is_duplicated().any()
        traded = market.bars.filter(pl.col("session") <= day)["session"].max()
        assert set(now["instrument_id"]) == set(
            market.bars.filter(pl.col("session") == traded)["instrument_id"]
        )


def test_ticker_changes_keep_the_instrument(market):
    changes = [c for c in market.truth["ticker_changes"] if c["session"] <= LAST.isoformat()]
    assert changes
    for change in changes:
        rows = market.instruments.filter(pl.col("instrument_id") == change["instrument_id"]).sort(
            "valid_from"
        )
        assert rows["ticker"].to_list() == [change["from"], change["to"]]
        assert rows["valid_from"][1].isoformat() == change["session"]


def test_two_classes_of_one_issuer_move_together(market):
    r = _returns(market)
    for pair in market.truth["share_classes"]:
        first, second = (
            r.filter(pl.col("instrument_id") == i).sort("session") for i in pair["instrument_ids"]
        )
        both = first.join(second, on="session").filter(pl.col("r").is_not_null())
        assert both.select(pl.corr("r", "r_right")).item() > 0.95
        issuers = market.instruments.filter(pl.col("instrument_id").is_in(pair["instrument_ids"]))[
            "issuer_id"
        ]
        assert set(issuers) == {pair["issuer_id"]}


def test_companies_are_listed_on_the_way(market):
    late = [x for x in market.truth["listings"] if x["session"] <= LAST.isoformat()]
    assert len(late) >= 4
    for listing in late:
        first = market.bars.filter(pl.col("instrument_id") == listing["instrument_id"])["session"].min()
        assert first.isoformat() == listing["session"]


def test_filings_lag_their_period_and_are_restated_later(market):
    f = market.fundamentals
    metrics = {
        "revenue",
        "net_income",
        "book_equity",
        "total_assets",
        "shares_outstanding",
        "operating_cash_flow",
    }
    assert set(f["metric"]) == metrics
    first = f.sort("available_at").group_by("instrument_id", "metric", "period_end").first()
    lag = (first["available_at"].dt.date() - first["period_end"]).dt.total_days()
    assert lag.min() >= 25
    # 60 days, and at most a holiday week more.
    assert lag.max() <= 67
    versions = f.group_by("instrument_id", "metric", "period_end").agg(
        pl.col("available_at").n_unique(), pl.col("value").n_unique().alias("values")
    )
    restated = versions.filter(pl.col("available_at") > 1)
    assert restated.height >= 10
    assert (restated["values"] == restated["available_at"]).mean() > 0.95
    assert len(market.truth["restatements"]) >= 5


def test_shares_outstanding_follow_a_split(us):
    for split in us.truth["splits"]:
        day = date.fromisoformat(split["ex_date"])
        filed = us.fundamentals.filter(
            (pl.col("instrument_id") == split["instrument_id"]) & (pl.col("metric") == "shares_outstanding")
        ).sort("available_at")
        before = filed.filter(pl.col("available_at").dt.date() < day)
        after = filed.filter(pl.col("available_at").dt.date() >= day)
        if before.height and after.height:
            assert after["value"][0] == pytest.approx(before["value"][-1] * split["ratio"], rel=1e-6)
