"""The market around the simulated names: what it is made of, and that making it moved nothing else."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from dnalyaw.market import session_times
from dnalyaw.market.providers import open_provider
from tests.sample.conftest import LAST

BEFORE_THEY_WERE_ADDED = {
    "US": "3d473a4b63957c75",
    # aa023abcf4458683 on the calendar that still had the storm days of September 2023: the market counts its sessions.
    "HK": "29f51f8284b4163e",
}


@pytest.mark.parametrize("region", ["US", "HK"])
def test_the_older_tables_kept_their_bytes(sample, region):
    """The digests were taken before series and borrow were delivered, at seed 7."""
    digest = hashlib.sha256()
    for feed in ("instruments", "bars", "quotes", "actions", "fundamentals"):
        frame = sample.fetch(feed, region, LAST - timedelta(days=40), LAST)
        if feed == "instruments":  # the class of an instrument came later
            frame = frame.with_columns(asset_class=pl.lit(None, pl.String))
        digest.update(frame.write_csv().encode())
    assert digest.hexdigest()[:16] == BEFORE_THEY_WERE_ADDED[region]


def test_the_series_of_each_region_and_their_units(us, hk):
    def units(market):
        return dict(market.series.select("series", "unit").unique().iter_rows())

    assert units(us) == {"INDEX.US": "points", "VOL.US": "points", "RATE.USD.3M": "fraction a year"}
    assert units(hk) == {
        "INDEX.HK": "points",
        "VOL.HK": "points",
        "RATE.HKD.3M": "fraction a year",
        "FX.USDHKD": "HKD per USD",
    }


def test_every_session_has_every_series_known_after_its_close(market):
    sessions = market.bars["session"].n_unique()
    counts = market.series.group_by("series").len()["len"].unique().to_list()
    assert counts == [sessions]
    close = session_times(market.region, LAST).close
    last = market.series.filter(session=LAST)
    assert set(last["event_time"]) == {close}
    assert set(last["available_at"]) == {close + timedelta(minutes=15)}


def test_the_index_moves_with_the_names(market):
    """The mean return of the names on a session is mostly the index's, as betas average near one."""
    closes = market.bars.sort("session").with_columns(move=pl.col("close").log().diff().over("instrument_id"))
    names = closes.group_by("session").agg(pl.col("move").median()).drop_nulls()
    index = market.series.filter(pl.col("series").str.starts_with("INDEX.")).sort("session")
    both = index.with_columns(index_move=pl.col("value").log().diff()).join(names, on="session").drop_nulls()
    assert both.select(pl.corr("index_move", "move")).item() > 0.85


def test_the_volatility_index_foretells_how_much_the_index_moves(market):
    wide = market.series.pivot(on="series", index="session", values="value").sort("session")
    moves = wide[f"INDEX.{market.region}"].log().diff().fill_null(0.0).to_numpy()
    implied = wide[f"VOL.{market.region}"].to_numpy()[:-21]
    realised = np.array([moves[k + 1 : k + 22].std() for k in range(len(implied))]) * np.sqrt(252) * 100
    assert np.corrcoef(implied, realised)[0, 1] > 0.25
    assert 0.7 < np.median(realised) / np.median(implied) < 1.4


def test_the_peg_holds_and_rates_are_of_this_world(us, hk):
    peg = hk.series.filter(series="FX.USDHKD")["value"]
    assert peg.min() >= 7.75
    assert peg.max() <= 7.85
    assert peg.n_unique() > 100
    for market in (us, hk):
        rates = market.series.filter(pl.col("series").str.starts_with("RATE."))["value"]
        assert 0 < rates.min() < rates.max() < 0.15


def test_borrow_covers_the_listed_names_and_what_nobody_lends_is_unknown(us, hk):
    for market in (us, hk):
        listed = market.bars.select("instrument_id", "session")
        assert listed.join(market.borrow, on=["instrument_id", "session"], how="anti").is_empty()
        assert market.borrow.height == listed.height
        known = market.borrow.drop_nulls()
        # What is unknown is unknown in both columns.
        assert known.height == market.borrow.height - market.borrow["fee"].null_count()
        assert known["fee"].min() > 0
        assert known["available"].min() >= 0
    assert us.borrow["fee"].null_count() == 0
    unlent = hk.borrow.group_by("instrument_id").agg(pl.col("fee").is_null().mean())["fee"]
    assert set(unlent) == {0.0, 1.0}


def test_dear_names_are_scarce(us):
    mean = us.borrow.group_by("instrument_id").agg(pl.col("fee").median(), pl.col("available").median())
    dear, cheap = mean.filter(pl.col("fee") > 0.03), mean.filter(pl.col("fee") < 0.01)
    assert dear.height >= 2
    assert dear["available"].median() < cheap["available"].median() / 20


def test_another_seed_has_another_market_around_it(us):
    other = open_provider("sample", seed=8).fetch("series", "US", LAST, LAST)
    mine = us.series.filter(session=LAST)
    assert not (other["value"] == mine["value"]).any()
