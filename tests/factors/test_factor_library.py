"""The library: every factor is real, distinct, causal; a sample agrees with pandas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dnalyaw.factors import FIELDS, FactorLibraryError, Panel, evaluate, evaluate_many, load_library, parse
from tests.factors._make import market, same_bits

LIBRARY = load_library()
CUT = 790


@pytest.fixture(scope="module")
def panel() -> Panel:
    return market(840, 24, seed=11, absent=0.004)


@pytest.fixture(scope="module")
def values(panel: Panel) -> dict[str, np.ndarray]:
    return evaluate_many(LIBRARY.expressions, panel)


def test_the_library_is_large_and_wide() -> None:
    assert len(LIBRARY) >= 120
    assert set(LIBRARY.families) == {
        "alpha101",
        "liquidity",
        "low_risk",
        "momentum",
        "quality",
        "reversal",
        "seasonality",
        "size",
        "value",
    }
    assert len(LIBRARY.select(families=["alpha101"])) >= 50
    assert len({f.text for f in LIBRARY}) == len(LIBRARY)
    assert all(f.data <= set(FIELDS) for f in LIBRARY)
    assert all(len(f.reference) > 8 for f in LIBRARY)


def test_daily_bars_alone_carry_at_least_forty_factors() -> None:
    bars = ["open", "high", "low", "close", "vwap", "volume", "amount", "returns"]
    assert len(LIBRARY.select(data=bars)) >= 40
    assert "book_to_price" not in LIBRARY.select(data=bars)


@pytest.mark.parametrize("name", LIBRARY.names)
def test_a_factor_has_coverage_and_varies(name: str, values: dict[str, np.ndarray]) -> None:
    lookback = LIBRARY[name].expr.lookback
    assert np.isnan(values[name][:lookback]).all()
    part = values[name][lookback:]
    assert np.isfinite(part).mean() > 0.35
    across = [np.unique(row[np.isfinite(row)]).size > 1 for row in part]
    assert np.mean(across) > 0.5
    assert np.unique(part[np.isfinite(part)]).size > 1


def test_no_two_factors_have_the_same_values(values: dict[str, np.ndarray]) -> None:
    seen: dict[bytes, str] = {}
    for name, array in values.items():
        key = array.tobytes()
        assert key not in seen, f"{name} repeats {seen.get(key)}"
        seen[key] = name


def test_no_factor_sees_the_future(panel: Panel, values: dict[str, np.ndarray]) -> None:
    rng = np.random.default_rng(4)
    fields = {}
    for name, array in panel.fields.items():
        changed = array.copy()
        changed[CUT:] *= rng.uniform(0.2, 5, changed[CUT:].shape)
        changed[CUT:][rng.random(changed[CUT:].shape) < 0.2] = np.nan
        fields[name] = changed
    groups = {"sector": panel.groups["sector"].copy()}
    groups["sector"][CUT:] = rng.integers(-1, 4, groups["sector"][CUT:].shape)
    perturbed = evaluate_many(
        LIBRARY.expressions, Panel(panel.sessions, panel.instrument_ids, fields, groups)
    )
    reacted = 0
    for name, array in values.items():
        assert same_bits(perturbed[name][:CUT], array[:CUT]), name
        reacted += not same_bits(perturbed[name][CUT:], array[CUT:])
    assert reacted > 0.95 * len(LIBRARY), "the perturbation did not reach the factors"


def test_today_alone_is_the_same_as_history(panel: Panel, values: dict[str, np.ndarray]) -> None:
    """What a live run computes from the last lookback sessions is what the batch computed."""
    lookback = LIBRARY.lookback
    today = evaluate_many(LIBRARY.expressions, panel.slice(840 - lookback - 1, 840))
    for name, array in values.items():
        assert same_bits(today[name][-1:], array[-1:]), name


def wide(panel: Panel, name: str) -> pd.DataFrame:
    return pd.DataFrame(panel.fields[name])


def pct(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.rank(axis=1, pct=True)


def last_rank(frame: pd.DataFrame, w: int) -> pd.DataFrame:
    return frame.rolling(w).rank(pct=True)


def in_group(frame: pd.DataFrame, codes: np.ndarray, how: str) -> pd.DataFrame:
    by = frame.T.groupby(codes)
    return (by.rank(pct=True) if how == "rank" else by.transform(how)).T


def linear_decay(frame: pd.DataFrame, w: int) -> pd.DataFrame:
    weights = np.arange(1, w + 1) / (w * (w + 1) / 2)
    return frame.rolling(w).apply(lambda v: (v * weights).sum(), raw=True)


ORACLES = {
    "alpha101_003": lambda d: -pct(d["open"]).rolling(10).corr(pct(d["volume"])),
    "alpha101_004": lambda d: -last_rank(pct(d["low"]), 9),
    "alpha101_006": lambda d: -d["open"].rolling(10).corr(d["volume"]),
    "alpha101_012": lambda d: np.sign(d["volume"].diff()) * -d["close"].diff(),
    "alpha101_022": lambda d: (
        -d["high"].rolling(5).corr(d["volume"]).diff(5) * pct(d["close"].rolling(20).std())
    ),
    "alpha101_033": lambda d: pct(d["open"] / d["close"] - 1),
    "alpha101_035": lambda d: (
        last_rank(d["volume"], 32)
        * (1 - last_rank(d["close"] + d["high"] - d["low"], 16))
        * (1 - last_rank(d["returns"], 32))
    ),
    "alpha101_041": lambda d: (d["high"] * d["low"]) ** 0.5 - d["vwap"],
    "alpha101_042": lambda d: pct(d["vwap"] - d["close"]) / pct(d["vwap"] + d["close"]),
    "alpha101_053": lambda d: -((2 * d["close"] - d["low"] - d["high"]) / (d["close"] - d["low"])).diff(9),
    "alpha101_101": lambda d: (d["close"] - d["open"]) / (d["high"] - d["low"]),
    "alpha101_039": lambda d: (
        -pct(d["close"].diff(7) * (1 - pct(linear_decay(d["volume"] / d["volume"].rolling(20).mean(), 9))))
        * (1 + pct(d["returns"].rolling(250).sum()))
    ),
    "momentum_12_1": lambda d: pct(d["close"].shift(21) / d["close"].shift(252)),
    "high_52w": lambda d: pct(d["close"] / d["high"].rolling(252).max()),
    "sector_momentum": lambda d: pct(
        in_group(d["close"].shift(5) / d["close"].shift(126) - 1, d["sector"], "mean")
    ),
    "reversal_1m_in_sector": lambda d: pct(
        -(
            d["close"] / d["close"].shift(21)
            - in_group(d["close"] / d["close"].shift(21), d["sector"], "mean")
        )
    ),
    "low_volatility": lambda d: pct(-d["returns"].rolling(252).std()),
    "low_beta": lambda d: pct(
        -d["returns"].rolling(252).cov(market_of(d)).div(market_of(d).rolling(252).var())
    ),
    "low_skewness": lambda d: pct(-d["returns"].rolling(126).skew()),
    "low_max_return": lambda d: pct(-d["returns"].rolling(21).max()),
    "low_tail_loss": lambda d: pct(d["returns"].rolling(252).quantile(0.05)),
    "amihud_illiquidity": lambda d: pct((d["returns"].abs() / d["amount"]).rolling(21).mean()),
    "book_to_price_in_sector": lambda d: in_group(d["book_equity"] / d["market_cap"], d["sector"], "rank"),
    "low_accruals": lambda d: pct((d["operating_cash_flow_ttm"] - d["net_income_ttm"]) / d["total_assets"]),
    "low_asset_growth": lambda d: pct(1 - d["total_assets"] / d["total_assets"].shift(252)),
    "size": lambda d: pct(-np.log(d["market_cap"])),
    "seasonality_1y": lambda d: pct(d["close"].shift(231) / d["close"].shift(252)),
}


def market_of(d: dict[str, pd.DataFrame]) -> pd.DataFrame:
    mean = d["returns"].mean(axis=1)
    return pd.DataFrame(dict.fromkeys(d["returns"], mean)).where(d["returns"].notna())


@pytest.fixture(scope="module")
def whole() -> Panel:
    """No absent cells, no ties: pandas has another rule for short windows, and its sums break ties."""
    return market(420, 24, seed=21, absent=0.0, ties=False)


@pytest.fixture(scope="module")
def frames(whole: Panel) -> dict:
    data: dict = {name: wide(whole, name) for name in whole.fields}
    data["sector"] = whole.groups["sector"][0]
    return data


@pytest.mark.parametrize("name", sorted(ORACLES))
def test_a_factor_agrees_with_its_formula_in_pandas(name: str, whole: Panel, frames: dict) -> None:
    got = evaluate(LIBRARY[name].expr, whole)
    wanted = ORACLES[name](frames).to_numpy(dtype=np.float64)
    wanted[~np.isfinite(wanted)] = np.nan
    wanted[: LIBRARY[name].expr.lookback] = np.nan
    assert np.isfinite(got).sum() > 1000
    both = np.isfinite(got) & np.isfinite(wanted)
    assert both.sum() > 0.97 * np.isfinite(got).sum()
    close = np.isclose(got[both], wanted[both], rtol=1e-7, atol=1e-9)
    assert close.mean() > 0.9999


def test_select() -> None:
    assert LIBRARY.select(families=["size"]).names == ("size", "size_in_sector", "size_nonlinear")
    assert LIBRARY.select(names=["size", "low_beta"]).names == ("low_beta", "size")
    assert LIBRARY.select(families=["size"], data=["market_cap"]).names == ("size", "size_nonlinear")
    with pytest.raises(FactorLibraryError, match="no family 'sise'"):
        LIBRARY.select(families=["sise"])
    with pytest.raises(FactorLibraryError, match="did you mean 'low_beta'"):
        LIBRARY.select(names=["low_bta"])


def test_the_hash_follows_the_texts() -> None:
    assert len(LIBRARY.content_hash) == 64
    assert LIBRARY.content_hash == load_library().content_hash
    assert LIBRARY.select(families=["size"]).content_hash != LIBRARY.content_hash


GOOD = (
    "family: own\nfactors:\n  - {name: one, text: rank(close), reference: me and you, sign: 1, horizon: 5}\n"
)


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def test_a_library_of_ones_own(tmp_path: Path) -> None:
    (only,) = load_library(write(tmp_path, own=GOOD))
    assert (only.name, only.text, only.family, only.sign, only.horizon) == ("one", "rank(close)", "own", 1, 5)
    assert only.expr == parse("rank(close)")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (GOOD.replace("rank(close)", "rank(clos)"), r"a.yaml: factor one: unknown field 'clos'"),
        (GOOD.replace("sign: 1", "sign: 2"), "sign is 2"),
        (GOOD.replace("sign: 1", "sign: true"), "sign is True"),
        (GOOD.replace("horizon: 5", "horizon: soon"), "horizon is 'soon', wanted int"),
        (GOOD.replace("horizon: 5", "horizon: 0"), "1 to 252"),
        (GOOD.replace("name: one", "name: One-1"), "lower-case"),
        (GOOD.replace("sign: 1", "sgn: 1"), "unknown key 'sgn'"),
        (GOOD.replace("reference: me and you, ", ""), "reference is None"),
        (GOOD.replace("family", "famly"), "exactly the keys"),
        ("family: own\nfactors: []\n", "not a list with entries"),
        ("family: own\nfactors: [3]\n", "not a mapping"),
        ("family: own\nfactors: [", "not readable as YAML"),
        ("family: !!python/object/apply:os.system [ls]\n", "not readable as YAML"),
    ],
)
def test_a_wrong_library_is_refused(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(FactorLibraryError, match=match):
        load_library(write(tmp_path, a=text))


def test_duplicates_are_refused_by_name_and_by_meaning(tmp_path: Path) -> None:
    with pytest.raises(FactorLibraryError, match=r"b.yaml: factor one is in a.yaml already"):
        load_library(write(tmp_path, a=GOOD, b=GOOD))
    other = GOOD.replace("name: one", "name: two").replace("rank(close)", "rank( (close) )")
    with pytest.raises(FactorLibraryError, match=r"factor two is the same as one: rank\(close\)"):
        load_library(write(tmp_path, b=other))


def test_a_missing_or_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FactorLibraryError, match="no such folder"):
        load_library(tmp_path / "none")
    with pytest.raises(FactorLibraryError, match=r"holds no \.yaml"):
        load_library(tmp_path)
