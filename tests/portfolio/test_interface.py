"""What a strategy may see, what it must return, and how it is declared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnalyaw.backtest import CostModel, PricePanel, run_backtest
from dnalyaw.portfolio import (
    WEIGHT_SCHEMA,
    DeclarationError,
    PortfolioError,
    StrategyView,
    capped,
    check_weights,
    combine_strategies,
    load_strategies,
    rebalance_rows,
    registered_strategies,
    standing_weights,
    stop_distances,
)

DAYS = [date(2024, 1, 1) + timedelta(days=k) for k in range(5)]


def prices(close: np.ndarray, factor: np.ndarray | None = None) -> pl.DataFrame:
    """Opens equal closes; `factor` is adjusted over raw."""
    total, width = close.shape
    ratio = np.ones_like(close) if factor is None else factor
    return pl.DataFrame(
        {
            "instrument_id": np.tile(np.arange(1, width + 1), total),
            "session": np.repeat(np.array(DAYS[:total], dtype="datetime64[D]"), width),
            "open": close.ravel(),
            "close": close.ravel(),
            "adj_open": (close * ratio).ravel(),
            "adj_close": (close * ratio).ravel(),
        }
    ).with_columns(pl.col("session").cast(pl.Date))


def weights(*rows: tuple[date, int, float, float | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=WEIGHT_SCHEMA, orient="row")


CLOSE = np.array([[10.0, 20.0], [10.0, 20.0], [12.0, 20.0], [15.0, 10.0]])


def test_a_view_shows_only_what_was_available() -> None:
    moment = datetime(2024, 1, 3, 14, tzinfo=UTC)
    late = pl.DataFrame(
        {"instrument_id": [1, 1, 1], "session": DAYS[:3], "score": [1.0, 2.0, 3.0]}
    ).with_columns(
        available_at=pl.Series(
            [
                datetime(2024, 1, 1, 22, tzinfo=UTC),
                datetime(2024, 1, 3, 15, tzinfo=UTC),
                datetime(2024, 1, 3, tzinfo=UTC),
            ]
        )
    )
    view = StrategyView.of(as_of=moment, region="US", prices=prices(CLOSE), predictions=late)
    assert view.prices["session"].max() == DAYS[1]
    # The second arrives later; the third belongs to a session without prices yet.
    assert view.predictions["score"].to_list() == [1.0]
    assert view.scores.shape == (2, 2)
    assert view.scores[0, 0] == 1.0
    assert np.isnan(view.scores).sum() == 3
    with pytest.raises(PortfolioError, match="no feature 'x'"):
        view.feature("x")
    with pytest.raises(PortfolioError, match="no price is available"):
        StrategyView.of(as_of=datetime(2023, 1, 1, tzinfo=UTC), region="US", prices=prices(CLOSE))
    with pytest.raises(PortfolioError, match="no time zone"):
        StrategyView.of(as_of=datetime(2024, 1, 3), region="US", prices=prices(CLOSE))
    with pytest.raises(PortfolioError, match="predictions have no column session"):
        StrategyView.of(as_of=moment, region="US", prices=prices(CLOSE), predictions=late.drop("session"))


def test_bad_weights_are_named() -> None:
    good = weights((DAYS[0], 1, 0.5, 1.0), (DAYS[0], 2, 0.0, None))
    assert check_weights(good).height == 2
    bad = weights(
        (DAYS[0], 1, 0.9, 1.0),
        (DAYS[0], 1, 0.9, None),
        (DAYS[1], 2, -0.1, 1.0),
        (DAYS[1], 3, float("nan"), 1.0),
    )
    with pytest.raises(PortfolioError) as caught:
        check_weights(bad)
    for part in (
        "key is repeated",
        "stop distance is not above 0",
        "negative",
        "not finite",
        "gross weight on 2024-01-01 is 1.8",
    ):
        assert part in str(caught.value)
    with pytest.raises(PortfolioError, match="no column stop_distance"):
        check_weights(good.drop("stop_distance"))


def test_standing_weights_drift_with_prices_by_hand() -> None:
    book = weights((DAYS[0], 1, 0.5, 1.0), (DAYS[0], 2, 0.3, 2.0))
    # Bought at the open of day 1 (10 and 20); on day 3 at 15 and 10: 0.75 and 0.15, cash 0.2, all 1.1.
    standing = standing_weights(book, prices(CLOSE), DAYS[3])
    assert standing["weight"].to_list() == pytest.approx([0.75 / 1.1, 0.15 / 1.1])
    assert standing["stop_distance"].to_list() == [1.0, 2.0]
    assert standing["decided_on"].to_list() == [DAYS[0]] * 2
    assert standing_weights(book, prices(CLOSE), DAYS[0])["weight"].to_list() == [0.5, 0.3]


def test_standing_weights_follow_splits_and_the_last_decision() -> None:
    # A 2:1 split of name 1 on day 2: half the price, twice the factor, half the stop distance, no change of
    # weight.
    close = np.array([[10.0, 20.0], [10.0, 20.0], [5.0, 20.0], [5.0, 20.0]])
    factor = np.array([[1.0, 1.0], [1.0, 1.0], [2.0, 1.0], [2.0, 1.0]])
    standing = standing_weights(weights((DAYS[0], 1, 0.5, 1.0)), prices(close, factor), DAYS[3])
    assert standing.select("weight", "stop_distance").row(0) == (0.5, 0.5)
    book = weights((DAYS[0], 1, 0.5, 1.0), (DAYS[2], 1, 0.0, None))
    assert standing_weights(book, prices(close, factor), DAYS[3]).is_empty()
    assert standing_weights(book, prices(close, factor), DAYS[1]).height == 1
    assert standing_weights(weights((DAYS[2], 1, 0.5, 1.0)), prices(close), DAYS[1]).is_empty()


def test_standing_weights_agree_with_the_backtest() -> None:
    rng = np.random.default_rng(4)
    close = 30 * np.exp(np.cumsum(rng.normal(0, 0.05, (5, 4)), axis=0))
    book = weights(*((DAYS[0], k, 0.2, 1.0) for k in (1, 2, 3, 4)))
    result = run_backtest(book, prices(close), CostModel.free())
    held = dict(result.holdings.iter_rows())
    standing = standing_weights(book, prices(close), DAYS[4])
    assert dict(standing.select("instrument_id", "weight").iter_rows()) == pytest.approx(held)


def test_strategies_are_combined_by_capital() -> None:
    one = weights((DAYS[0], 1, 0.5, 1.0), (DAYS[0], 2, 0.5, 2.0))
    two = weights((DAYS[2], 2, 1.0, 4.0))
    flat = np.full((4, 2), 10.0)
    both = combine_strategies({"a": one, "b": two}, {"a": 0.6, "b": 0.4}, prices(flat))
    assert both.filter(session=DAYS[0])["weight"].to_list() == pytest.approx([0.3, 0.3])
    assert both.filter(session=DAYS[2])["weight"].to_list() == pytest.approx([0.3, 0.7])
    assert both.filter(session=DAYS[2])["stop_distance"].to_list() == pytest.approx(
        [1.0, (0.3 * 2 + 0.4 * 4) / 0.7]
    )
    cash = combine_strategies({"a": weights((DAYS[1], 1, 0.0, None))}, {"a": 1.0}, prices(flat))
    assert cash.rows() == [(DAYS[1], 1, 0.0, None)]
    with pytest.raises(PortfolioError, match="add up to at most 1"):
        combine_strategies({"a": one, "b": two}, {"a": 0.7, "b": 0.4}, prices(flat))
    with pytest.raises(PortfolioError, match=r"\['b'\] lack"):
        combine_strategies({"a": one, "b": two}, {"a": 0.7}, prices(flat))


@given(st.lists(st.floats(0, 100), min_size=1, max_size=20), st.floats(0.02, 1.0))
def test_capped_weights(raw: list[float], cap: float) -> None:
    values = np.array(raw)
    found = capped(values, cap)
    positive = int((values > 0).sum())
    assert (found >= 0).all()
    assert found.max() <= cap + 1e-12
    assert found.sum() == pytest.approx(min(1.0, cap * positive), abs=1e-9)
    assert (found[values == 0] == 0).all()
    order = np.argsort(values)
    assert (np.diff(found[order]) >= -1e-9).all()


def test_capped_by_hand() -> None:
    # 4:1:1 at a cap of one half: the first takes 0.5, the others share the rest.
    assert capped(np.array([4.0, 1.0, 1.0, 0.0]), 0.5).tolist() == pytest.approx([0.5, 0.25, 0.25, 0.0])


def test_rebalance_rows() -> None:
    days = np.arange("2024-01-25", "2024-02-09", dtype="datetime64[D]")
    frame = pl.DataFrame(
        {
            "session": days,
            "instrument_id": 1,
            **dict.fromkeys(("open", "close", "adj_open", "adj_close"), 1.0),
        }
    )
    panel = PricePanel.from_frame(frame.filter(pl.col("session").dt.weekday() < 6))
    picked = [str(panel.sessions[row]) for row in rebalance_rows(panel, "week")]
    assert picked == ["2024-01-29", "2024-02-05"]
    assert [str(panel.sessions[row]) for row in rebalance_rows(panel, "month")] == ["2024-02-01"]
    assert len(rebalance_rows(panel, "day")) == 11
    with pytest.raises(ValueError, match="day, week or month"):
        rebalance_rows(panel, "hour")


def test_stop_distance_by_hand() -> None:
    days = np.arange("2024-01-01", "2024-01-11", dtype="datetime64[D]")
    frame = pl.DataFrame(
        {"session": days, "instrument_id": 1, "open": 100.0, "high": 102.0, "low": 99.0, "close": 100.0}
    ).with_columns(adj_open=pl.col("open") * 2, adj_close=pl.col("close") * 2)
    panel = PricePanel.from_frame(frame)
    assert stop_distances(panel, 9, 2.0)[0] == pytest.approx(6.0)  # true range 3
    assert np.isnan(stop_distances(panel, 4, 2.0)[0])  # four ranges only
    # Two days at 110 to 112 after closes of 100: ranges 12 (from the close before) and 2, at closes of 110.
    late = pl.col("session") >= days[8].item()
    gapped = frame.with_columns(
        high=pl.when(late).then(112.0).otherwise("high"),
        low=pl.when(late).then(110.0).otherwise("low"),
        close=pl.when(late).then(110.0).otherwise("close"),
        adj_close=pl.when(late).then(220.0).otherwise("adj_close"),
    )
    ratio = (7 * 3 / 100 + 12 / 110 + 2 / 110) / 9
    assert stop_distances(PricePanel.from_frame(gapped), 9, 2.0)[0] == pytest.approx(2 * ratio * 110)
    assert stop_distances(panel, 9, 100.0)[0] == pytest.approx(50.0)
    assert stop_distances(panel, 9, 0.01)[0] == pytest.approx(0.5)


@dataclass(frozen=True)
class _Params:
    speed: float = 1.0
    names: int = 3

    def __post_init__(self) -> None:
        if self.names < 1:
            raise ValueError("names must be at least 1")


@dataclass(frozen=True)
class _Still:
    Params = _Params
    family = "test"
    description = "holds nothing"
    reference = "none, 2024"
    id: str = "still"
    params: _Params = field(default_factory=_Params)

    def target_weights(self, view: StrategyView) -> pl.DataFrame:
        return pl.DataFrame(schema=WEIGHT_SCHEMA)


KNOWN: dict[str, Callable] = {"still": _Still}
ENTRY = """
  - id: us-still
    class: still
    regions: [US]
    params: {speed: 2}
    capital_fraction: 0.5
    stage: paper
"""


def declared(tmp_path: Path, text: str) -> Path:
    (tmp_path / "some.yaml").write_text("strategies:" + text)
    return tmp_path


def test_a_declaration_is_loaded(tmp_path: Path) -> None:
    (found,) = load_strategies(declared(tmp_path, ENTRY), "US", registry=KNOWN)
    assert (found.id, found.class_name, found.capital_fraction, found.stage) == (
        "us-still",
        "still",
        0.5,
        "paper",
    )
    assert found.max_leverage == 1.0
    assert found.strategy.params == _Params(speed=2)
    assert load_strategies(tmp_path / "some.yaml", "HK", registry=KNOWN) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "class: still",
            "class: gone",
            "some.yaml entry 1 (us-still): class 'gone' is unknown (known: still)",
        ),
        ("regions: [US]", "regions: [US, MARS]", "regions ['US', 'MARS'] must name some of US, HK"),
        ("regions: [US]", "regions: []", "regions [] must name"),
        ("stage: paper", "stage: real", "stage 'real' must be one of research, paper, live, retired"),
        ("0.5", "1.5", "capital_fraction 1.5 must lie in (0, 1]"),
        ("0.5", "true", "capital_fraction is True, not a float"),
        ("0.5", "None", "capital_fraction is 'None', not a float"),
        ("0.5", ".nan", "capital_fraction is nan, not a float"),
        ("us-still", "US Still", "id must be lower-case"),
        ("    stage: paper\n", "", "no stage"),
        ("stage: paper", "stage: paper\n    colour: red", "unknown key colour"),
        ("stage: paper", "stage: paper\n    max_leverage: 2", "max_leverage 2.0 must lie in (0, 1]"),
        ("speed: 2", "pace: 2", "unknown parameter pace (known: speed, names)"),
        ("speed: 2", "names: 2.5", "parameter names is 2.5, not a int"),
        ("speed: 2", "names: 0", "names must be at least 1"),
        ("{speed: 2}", "[1]", "params is [1], not a dict"),
        ("[US]", "[US", "not YAML"),
        ("id: us-still", "us-still", "not YAML"),
    ],
)
def test_a_faulty_declaration_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in ENTRY
    with pytest.raises(DeclarationError) as caught:
        load_strategies(declared(tmp_path, ENTRY.replace(old, new)), "US", registry=KNOWN)
    assert message in str(caught.value)


def test_faults_of_all_files_are_named_at_once(tmp_path: Path) -> None:
    declared(tmp_path, ENTRY + ENTRY.replace("stage: paper", "stage: x"))
    (tmp_path / "other.yaml").write_text("strategies:" + ENTRY.replace("0.5", "0.6"))
    (tmp_path / "third.yaml").write_text("[1, 2]")
    (tmp_path / "fourth.yaml").write_text("strategies: [7]")
    with pytest.raises(DeclarationError) as caught:
        load_strategies(tmp_path, "US", registry=KNOWN)
    for part in (
        "stage 'x'",
        "declared twice",
        "add up to 1.1000",
        "third.yaml",
        "fourth.yaml entry 1 (?): is not a mapping",
    ):
        assert part in str(caught.value)
    with pytest.raises(DeclarationError, match="cannot be read"):
        load_strategies(tmp_path / "none.yaml", "US", registry=KNOWN)
    with pytest.raises(DeclarationError, match="unknown region"):
        load_strategies(tmp_path, "MARS", registry=KNOWN)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DeclarationError, match=r"no \*.yaml"):
        load_strategies(tmp_path / "empty", "US", registry=KNOWN)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_no_text_breaks_the_loader(text: str) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8", errors="replace") as file:
        file.write(text)
        file.flush()
        with pytest.raises(DeclarationError):
            load_strategies(file.name, "US", registry=KNOWN)


def test_registered_classes_build_strategies() -> None:
    # Whatever is installed under the group offers what the loader needs.
    for name, factory in registered_strategies().items():
        assert hasattr(factory, "Params"), name
