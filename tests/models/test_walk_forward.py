"""The walk-forward finds what was planted, nothing in noise, knows no future, and repeats to the bit."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dnalyaw.models import (
    Fold,
    LeakageError,
    ModelError,
    WalkForwardConfig,
    check_folds,
    demeaned_ranks,
    forward_labels,
    make_folds,
    rank_ic,
    walk_forward,
)

CONFIG = WalkForwardConfig(horizon=3, min_train=100, refit_every=50, embargo=2, rounds=25, num_threads=1)
SESSIONS, NAMES, FACTORS = 300, 30, 6


def days(count: int) -> np.ndarray:
    start = date(2022, 1, 3)
    return np.array([start + timedelta(days=k) for k in range(count)], dtype="datetime64[D]")


def price_frame(close: np.ndarray) -> pl.DataFrame:
    total, width = close.shape
    flat = close.ravel()
    return pl.DataFrame(
        {
            "instrument_id": np.tile(np.arange(1, width + 1), total),
            "session": np.repeat(days(total), width),
            "open": flat,
            "close": flat,
            "adj_open": flat,
            "adj_close": flat,
        }
    ).with_columns(pl.col("session").cast(pl.Date))


def planted(strength: float, seed: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Features and prices in which factor f2 of session t moves the returns of t + 2."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(SESSIONS, NAMES))
    noise = 0.01 * rng.normal(size=(SESSIONS, NAMES))
    noise[2:] += strength * 0.01 * signal[:-2]
    prices = price_frame(50 * np.exp(np.cumsum(noise, axis=0)))
    columns = {f"f{k}": rng.normal(size=SESSIONS * NAMES) for k in range(FACTORS)}
    columns["f2"] = signal.ravel()
    return prices.select("instrument_id", "session").with_columns(
        **{k: pl.Series(v) for k, v in columns.items()}
    ), prices


@pytest.fixture(scope="module")
def found() -> tuple:
    features, prices = planted(0.5)
    labels = forward_labels(prices, 3)
    return features, labels, walk_forward(features, labels, CONFIG)


def test_labels_by_hand() -> None:
    # Opens (= closes) of two names over five sessions; horizon 2: label of t0 runs from open t1 to open t3.
    close = np.array([[10.0, 20.0], [10.0, 20.0], [11.0, 18.0], [12.0, 22.0], [15.0, 11.0]])
    labels = forward_labels(price_frame(close), 2)
    grid = [day.item() for day in days(5)]
    assert labels["session"].unique().to_list() == grid[:2]
    first = labels.filter(session=grid[0])
    assert first["raw_return"].to_list() == pytest.approx([0.2, 0.1])
    assert first["label"].to_list() == pytest.approx([0.05, -0.05])
    assert first["known_session"].to_list() == [grid[3]] * 2
    second = labels.filter(session=grid[1])
    assert second["raw_return"].to_list() == pytest.approx([15 / 11 - 1, 11 / 18 - 1])


def test_label_of_a_delisted_name_ends_at_what_was_paid() -> None:
    close = np.full((6, 3), 10.0)
    grid = [day.item() for day in days(6)]
    frame = price_frame(close).filter(~((pl.col("instrument_id") == 2) & (pl.col("session") > grid[1])))
    frame = frame.with_columns(
        delisted_on=pl.when(pl.col("instrument_id") == 2).then(pl.lit(grid[1])), delisting_price=pl.lit(4.0)
    )
    labels = forward_labels(frame, 2).filter(instrument_id=2)
    assert labels.select("session", "raw_return").rows() == [(grid[0], pytest.approx(-0.6))]


def test_a_name_that_cannot_be_bought_has_no_label() -> None:
    grid = [day.item() for day in days(6)]
    frame = price_frame(np.full((6, 3), 10.0)).filter(
        ~((pl.col("instrument_id") == 2) & (pl.col("session") == grid[1]))
    )
    assert forward_labels(frame, 2).filter(instrument_id=2)["session"].to_list() == [grid[1], grid[2]]


def test_a_planted_signal_is_found(found: tuple) -> None:
    result = found[2]
    assert result.importance["feature"][0] == "f2"
    assert result.feature_ic["feature"][0] == "f2"
    # Of the label's three days one carries half a deviation of signal: corr = 0.5 / sqrt(3 + 0.25) = 0.277.
    assert 0.15 < result.stats["ic_mean"] < 0.30
    assert result.stats["ic_t"] > 8


def test_nothing_is_found_in_noise() -> None:
    features, prices = planted(0.0, seed=5)
    result = walk_forward(features, forward_labels(prices, 3), CONFIG)
    assert abs(result.stats["ic_t"]) < 2.5
    assert abs(result.stats["ic_mean"]) < 0.05
    assert result.findings == ()


def test_the_same_input_gives_the_same_bits(found: tuple, tmp_path: Path) -> None:
    features, labels, first = found
    again = walk_forward(features.sample(fraction=1.0, shuffle=True, seed=3), labels.reverse(), CONFIG)
    assert again.predictions.equals(first.predictions)
    cold = walk_forward(features, labels, CONFIG, cache_dir=tmp_path)
    warm = walk_forward(features, labels, CONFIG, cache_dir=tmp_path)
    assert not cold.folds["cached"].any()
    assert warm.folds["cached"].all()
    assert cold.predictions.equals(first.predictions)
    assert warm.predictions.equals(first.predictions)
    assert warm.importance.equals(first.importance)


def test_the_next_session_refits_nothing_and_changes_no_earlier_score(found: tuple, tmp_path: Path) -> None:
    features, labels, _ = found
    grid = days(SESSIONS)
    cut = grid[-2].item()
    early = walk_forward(
        features.filter(pl.col("session") <= cut),
        labels.filter(pl.col("known_session") <= cut),
        CONFIG,
        cache_dir=tmp_path,
    )
    full = walk_forward(features, labels, CONFIG, cache_dir=tmp_path)
    assert full.folds["cached"].all()
    assert full.predictions.filter(pl.col("session") <= cut).equals(early.predictions)
    assert early.latest_session == cut
    assert full.predictions["session"].max() == full.latest_session == grid[-1].item()


def test_scores_do_not_depend_on_the_future(found: tuple) -> None:
    features, labels, result = found
    cut = days(SESSIONS)[200].item()
    rng = np.random.default_rng(9)
    changed = features.with_columns(
        [
            pl.when(pl.col("session") > cut)
            .then(pl.Series(rng.normal(size=features.height)))
            .otherwise(pl.col(f"f{k}"))
            .alias(f"f{k}")
            for k in range(FACTORS)
        ]
    )
    relabelled = labels.with_columns(
        label=pl.when(pl.col("known_session") > cut).then(-pl.col("label")).otherwise(pl.col("label"))
    )
    other = walk_forward(changed, relabelled, CONFIG)
    before = pl.col("session") <= cut
    assert other.predictions.filter(before).equals(result.predictions.filter(before))
    assert not other.predictions.equals(result.predictions)


def test_folds_are_purged_and_embargoed(found: tuple) -> None:
    folds = found[2].folds
    grid = {day.item(): at for at, day in enumerate(days(SESSIONS))}
    for row in folds.iter_rows(named=True):
        assert grid[row["label_known_by"]] == grid[row["train_end"]] + 1 + 3
        assert grid[row["test_start"]] - grid[row["label_known_by"]] == 2
    assert folds["test_start"].to_list()[1:] == [
        (day + timedelta(days=1)) for day in folds["test_end"].to_list()[:-1]
    ]
    assert found[2].predictions["session"].min() == folds["test_start"][0]


def test_a_fold_that_overlaps_its_test_is_caught() -> None:
    _, prices = planted(0.0)
    labels = forward_labels(prices, 3)
    grid = days(SESSIONS)
    good = Fold(0, 0, 100, 105, 150, 3, 2)
    check_folds([good], grid, labels, 2)
    # One session more would train on a label known a session too late for the embargo.
    with pytest.raises(LeakageError, match="fold 0 trains on labels of session 2022-04-13"):
        check_folds([replace(good, train_end=101)], grid, labels, 2)
    # Labels of a longer horizon than the folds were purged for.
    with pytest.raises(LeakageError, match="purge more sessions"):
        check_folds([good], grid, forward_labels(prices, 10), 2)
    with pytest.raises(LeakageError, match="before they happened"):
        check_folds([good], grid, labels.with_columns(known_session=pl.col("session")), 2)


def test_labels_of_another_horizon_are_caught_by_the_walk_forward() -> None:
    features, prices = planted(0.0)
    with pytest.raises(LeakageError, match="purge more sessions"):
        walk_forward(features, forward_labels(prices, 9), CONFIG)


def test_a_factor_that_is_the_label_is_named(found: tuple) -> None:
    features, labels, _ = found
    leaking = features.join(labels, on=["instrument_id", "session"], how="left").select(
        *features.columns, oracle=pl.col("label") * 2
    )
    result = walk_forward(leaking, labels, CONFIG)
    assert {f.code for f in result.findings} >= {"FEATURE_KNOWS_LABEL", "MODEL_TOO_GOOD"}
    assert "oracle" in result.findings[0].message


def test_a_damaged_cache_is_trained_again(found: tuple, tmp_path: Path) -> None:
    features, labels, first = found
    walk_forward(features, labels, CONFIG, cache_dir=tmp_path)
    for file in tmp_path.glob("*.txt"):
        file.write_text(file.read_text().replace("leaf_value=", "leaf_value=9", 1))
    again = walk_forward(features, labels, CONFIG, cache_dir=tmp_path)
    assert not again.folds["cached"].any()
    assert again.predictions.equals(first.predictions)


def test_a_rolling_window_forgets() -> None:
    config = replace(CONFIG, train_sessions=100)
    assert [(f.train_start, f.train_end) for f in make_folds(220, config)] == [
        (0, 100),
        (50, 150),
        (100, 200),
    ]


def test_small_universe_with_holes(found: tuple) -> None:
    features, labels, _ = found
    few = features.filter(pl.col("instrument_id") <= 13).with_columns(
        f1=pl.when(pl.col("instrument_id") > 3).then("f1"), f5=pl.lit(None, dtype=pl.Float64)
    )
    result = walk_forward(few, labels.filter(pl.col("instrument_id") <= 13), CONFIG)
    assert result.predictions["score"].is_finite().all()
    assert result.stats["ic_mean"] > 0.1


def test_ranks_against_scipy() -> None:
    from scipy.stats import rankdata

    rng = np.random.default_rng(2)
    x = rng.integers(0, 6, size=(40, 3)).astype(float)
    x[rng.random(x.shape) < 0.2] = np.nan
    starts = np.array([0, 15, 40])
    ours = demeaned_ranks(x, starts)
    for a, b in ((0, 15), (15, 40)):
        for k in range(3):
            part = x[a:b, k]
            known = np.isfinite(part)
            expected = (rankdata(part[known]) - 1) / (known.sum() - 1) - 0.5
            np.testing.assert_allclose(ours[a:b, k][known], expected, atol=1e-15)
            assert np.isnan(ours[a:b, k][~known]).all()


def test_rank_ic_against_scipy() -> None:
    from scipy.stats import spearmanr

    rng = np.random.default_rng(4)
    score, label = rng.normal(size=50), rng.normal(size=50)
    label[7] = np.nan
    sessions = np.repeat(days(2), 25)
    ours = rank_ic(sessions, score, label, 5)
    keep = np.isfinite(label[:25])
    assert ours["ic"][0] == pytest.approx(spearmanr(score[:25][keep], label[:25][keep]).statistic)
    assert ours["names"].to_list() == [24, 25]


def test_bad_input_is_refused(found: tuple) -> None:
    features, labels, _ = found
    with pytest.raises(ModelError, match="100 sessions of features are too few: the first fold needs 106"):
        walk_forward(features.filter(pl.col("session") < days(101)[100].item()), labels, CONFIG)
    with pytest.raises(ModelError, match="twice in one session"):
        walk_forward(pl.concat([features, features.head(1)]), labels, CONFIG)
    where = (pl.col("instrument_id") == 1) & (pl.col("session") == date(2022, 1, 3))
    infinite = features.with_columns(f0=pl.when(where).then(float("inf")).otherwise(pl.col("f0")))
    with pytest.raises(ModelError, match="feature f0 of instrument 1 on 2022-01-03 is infinite"):
        walk_forward(infinite, labels, CONFIG)
    with pytest.raises(ModelError, match="no factor column nope"):
        walk_forward(features, labels, CONFIG, columns=["nope"])
    with pytest.raises(ModelError, match="no column known_session"):
        walk_forward(features, labels.drop("known_session"), CONFIG)
    with pytest.raises(ModelError, match=r"embargo must not be negative.*transform"):
        WalkForwardConfig(embargo=-1, transform="log")
    with pytest.raises(ModelError, match="must not override"):
        WalkForwardConfig(params={"deterministic": False})


def test_neither_workers_nor_threads_change_a_bit(found: tuple) -> None:
    features, labels, first = found
    assert walk_forward(features, labels, CONFIG, workers=1).predictions.equals(first.predictions)
    threads = walk_forward(features, labels, replace(CONFIG, num_threads=2), workers=3)
    assert threads.predictions.equals(first.predictions)
