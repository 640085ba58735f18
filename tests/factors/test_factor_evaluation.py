"""The evaluator against plain loops, against itself on other panels, and by hand."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnalyaw.factors import (
    OPERATORS,
    FactorDataError,
    Panel,
    evaluate,
    evaluate_many,
    parse,
    to_long,
    to_text,
    walk,
)
from tests.factors import _naive
from tests.factors._make import market, same_bits
from tests.factors._trees import as_tuples, numeric

EACH = {
    "abs": "abs(delta(close, 1))",
    "sign": "sign(returns)",
    "log": "log(close)",
    "exp": "exp(returns)",
    "sqrt": "sqrt(high * low)",
    "power": "power(returns, -2) + power(close / open, 0.5)",
    "signed_power": "signed_power(returns, 1.5)",
    "min": "min(close, open)",
    "max": "max(delta(close, 1), 0)",
    "where": "where(close > open or not returns > 0, close, open)",
    "delay": "delay(close, 3)",
    "delta": "delta(close, 3)",
    "decay_linear": "decay_linear(close, 7)",
    "ema": "ema(close, 4)",
    "ts_quantile": "ts_quantile(close, 9, 0.3)",
    "ts_count": "ts_count(returns > 0, 8)",
    "ts_corr": "ts_corr(close, volume, 9)",
    "ts_cov": "ts_cov(close, volume, 9)",
    "ts_beta": "ts_beta(returns, cs_mean(returns), 9)",
    "ts_beta_resid": "ts_beta_resid(returns, cs_mean(returns), 9)",
    "winsorize": "winsorize(close, 0.1)",
    "neutralize": "neutralize(close, volume)",
    "group_rank": "group_rank(close, sector)",
    "group_mean": "group_mean(close, sector)",
    "group_neutralize": "group_neutralize(close, sector)",
    "group_zscore": "group_zscore(close, sector)",
    "ts_product": "ts_product(close / open, 6)",
    **{f"ts_{n}": f"ts_{n}(close, 8)" for n in ("sum", "mean", "std", "var", "skew", "min", "max", "argmin")},
    **{f"ts_{n}": f"ts_{n}(close, 8)" for n in ("argmax", "rank", "zscore", "slope", "rsquare", "resid")},
    **{n: f"{n}(close)" for n in ("rank", "zscore", "scale", "demean", "cs_mean", "cs_std")},
}


def test_every_operator_has_an_example() -> None:
    assert set(EACH) == set(OPERATORS)
    for name, text in EACH.items():
        assert name in {getattr(node, "op", None) for node in walk(parse(text))}


def naive(expr, panel: Panel) -> np.ndarray:
    rows, columns = panel.shape
    plain = {
        name: [[None if math.isnan(v) else float(v) for v in row] for row in values]
        for name, values in panel.fields.items()
    }
    plain |= {name: codes.tolist() for name, codes in panel.groups.items()}
    found = _naive.evaluate(as_tuples(expr), plain, rows, columns)
    return np.array([[np.nan if v is None else v for v in row] for row in found], dtype=np.float64)


@pytest.mark.parametrize("name", sorted(EACH))
def test_an_operator_agrees_with_plain_loops(name: str) -> None:
    panel = market(40, 7, seed=3, absent=0.08)
    expr = parse(EACH[name])
    got, wanted = evaluate(expr, panel), naive(expr, panel)
    assert np.isfinite(got).sum() > 50
    np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted))
    scale = float(np.nanmax(np.abs(wanted)))
    np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-12 * scale)


VALUES = st.sampled_from((math.nan, -3.0, -1.0, -0.0, 0.0, 0.1, 0.3, 1.0, 1.0, 2.0, 2.5, 7.0, 1e6))


@st.composite
def tiny_panels(draw: st.DrawFn) -> Panel:
    rows, columns = draw(st.integers(1, 14)), draw(st.integers(1, 4))
    cells = rows * columns

    def grid(values: st.SearchStrategy) -> np.ndarray:
        return np.array(draw(st.lists(values, min_size=cells, max_size=cells))).reshape(rows, columns)

    fields = {n: grid(VALUES).astype(np.float64) for n in ("close", "volume", "returns", "open")}
    fields |= dict.fromkeys(("high", "low", "vwap"), fields["close"]) | {"amount": fields["volume"]}
    days = np.datetime64("2020-01-01") + np.arange(rows)
    return Panel(days, np.arange(columns), fields, {"sector": grid(st.integers(-1, 1)).astype(np.int64)})


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(EACH)), tiny_panels())
def test_an_operator_agrees_with_plain_loops_on_ties_zeros_and_gaps(name: str, panel: Panel) -> None:
    expr = parse(EACH[name].replace(", 9", ", 4").replace(", 8", ", 4").replace(", 7", ", 3"))
    got, wanted = evaluate(expr, panel), naive(expr, panel)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted))
    np.testing.assert_allclose(got, wanted, rtol=1e-7, atol=1e-7)
    assert not np.isinf(got).any()


@settings(max_examples=60, deadline=None)
@given(numeric(depth=3, window=4), st.data())
def test_results_depend_on_nothing_they_should_not(expr, data) -> None:
    """To the bit: the future, the start, the order of instruments, and instruments without data."""
    panel = market(30, 6, seed=5, absent=0.05)
    whole = evaluate(expr, panel)

    end = data.draw(st.integers(1, 30), label="end")
    assert same_bits(evaluate(expr, panel.slice(0, end)), whole[:end])

    last = data.draw(st.integers(0, 29), label="last")
    if last >= expr.lookback:
        start = data.draw(st.integers(0, last - expr.lookback), label="start")
        part = evaluate(expr, panel.slice(start, last + 1))
        assert same_bits(part[expr.lookback :], whole[start + expr.lookback : last + 1])

    order = np.array(data.draw(st.permutations(range(6)), label="order"))
    shuffled = Panel(
        panel.sessions,
        panel.instrument_ids[order],
        {n: v[:, order] for n, v in panel.fields.items()},
        {n: v[:, order] for n, v in panel.groups.items()},
    )
    assert same_bits(evaluate(expr, shuffled), np.ascontiguousarray(whole[:, order]))

    nothing = np.full((30, 3), np.nan)
    wider = Panel(
        panel.sessions,
        np.append(panel.instrument_ids, [901, 902, 903]),
        {n: np.hstack([v, nothing]) for n, v in panel.fields.items()},
        {n: np.hstack([v, np.full((30, 3), 9)]) for n, v in panel.groups.items()},
    )
    assert same_bits(np.ascontiguousarray(evaluate(expr, wider)[:, :6]), whole)


def wide_enough_for_every_loop(text: str) -> None:
    panel = market(400, 173, seed=8)
    whole = evaluate(text, panel)
    assert same_bits(evaluate(text, panel.slice(0, 307)), whole[:307])
    expr = parse(text)
    start = 211
    part = evaluate(text, panel.slice(start, 400))
    assert same_bits(part[expr.lookback :], whole[start + expr.lookback :])
    keep = np.arange(0, 173, 3)
    if not any(getattr(n, "op", "") in CROSS for n in walk(expr)):
        narrow = Panel(
            panel.sessions, panel.instrument_ids[keep], {n: v[:, keep] for n, v in panel.fields.items()}, {}
        )
        assert same_bits(evaluate(text, narrow), np.ascontiguousarray(whole[:, keep]))
    order = np.random.default_rng(2).permutation(173)
    shuffled = Panel(
        panel.sessions,
        panel.instrument_ids[order],
        {n: v[:, order] for n, v in panel.fields.items()},
        {n: v[:, order] for n, v in panel.groups.items()},
    )
    assert same_bits(evaluate(text, shuffled), np.ascontiguousarray(whole[:, order]))


CROSS = {name for name, op in OPERATORS.items() if op.family in ("cross-section", "group")}


@pytest.mark.parametrize("name", sorted(EACH))
def test_an_operator_is_the_same_to_the_bit_on_any_panel(name: str) -> None:
    """Large enough for the vector loops, their tails and several blocks."""
    wide_enough_for_every_loop(EACH[name])


def small(**fields: list[list[float]]) -> Panel:
    arrays = {n: np.array(v, dtype=np.float64) for n, v in fields.items()}
    rows, columns = next(iter(arrays.values())).shape
    return Panel(np.datetime64("2020-01-01") + np.arange(rows), np.arange(columns), arrays, {})


NAN = math.nan


@pytest.mark.parametrize(
    ("text", "close", "wanted"),
    [
        # Three of four sessions are enough, two are not.
        ("ts_mean(close, 4)", [1, NAN, 3, 5, NAN, 2], [NAN, NAN, NAN, 3, NAN, 10 / 3]),
        ("ts_sum(close, 2)", [1, 2, 3, NAN, 5, 6], [NAN, 3, 5, NAN, NAN, 11]),
        ("ts_rank(close, 4)", [5, 1, 5, 5, 0, 9], [NAN, NAN, NAN, 0.75, 0.25, 1]),
        ("ts_argmax(close, 4)", [5, 1, 5, 5, 0, 9], [NAN, NAN, NAN, 1, 2, 4]),
        ("ts_argmin(close, 4)", [5, 1, 1, 5, 0, 9], [NAN, NAN, NAN, 2, 4, 3]),
        ("ts_std(close, 3)", [2, 2, 2, 4, 6, 8], [NAN, NAN, 0, math.sqrt(4 / 3), 2, 2]),
        ("ts_slope(close, 3)", [1, 3, 5, 4, 3, 2], [NAN, NAN, 2, 0.5, -1, -1]),
        ("ts_resid(close, 3)", [0, 0, 3, 3, 3, 3], [NAN, NAN, 0.5, -0.5, 0, 0]),
        ("ts_zscore(close, 3)", [1, 1, 1, 1, 2, 3], [NAN, NAN, NAN, NAN, 2 / math.sqrt(3), 1]),
        ("decay_linear(close, 3)", [6, 0, 0, 6, 6, 6], [NAN, NAN, 1, 3, 5, 6]),
        ("ema(close, 1)", [1, 2, 3, 4, 5, 6], [NAN, NAN, 3, 4, 5, 6]),
        ("ts_quantile(close, 3, 0.5)", [3, 1, 2, 9, 9, 4], [NAN, NAN, 2, 2, 9, 9]),
        ("log(close)", [1, 0, -1, math.e, NAN, 1], [0, NAN, NAN, 1, NAN, 0]),
        ("1 / close", [1, 0, -2, 4, NAN, 1], [1, NAN, -0.5, 0.25, NAN, 1]),
        ("where(close > 0, close, 0)", [1, 0, -2, 4, NAN, 1], [1, 0, 0, 4, NAN, 1]),
    ],
)
def test_hand_worked_windows(text: str, close: list[float], wanted: list[float]) -> None:
    got = evaluate(text, small(close=[[v] for v in close]))
    np.testing.assert_allclose(got[:, 0], wanted, rtol=1e-14)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("rank(close)", [0.25, 0.625, 0.625, NAN, 1.0]),
        ("demean(close)", [-3.0, -1.0, -1.0, NAN, 5.0]),
        ("scale(close)", [-1 / 10, 1 / 10, 1 / 10, NAN, 7 / 10]),
        (
            "zscore(close)",
            [-3 / math.sqrt(12), -1 / math.sqrt(12), -1 / math.sqrt(12), NAN, 5 / math.sqrt(12)],
        ),
        ("cs_mean(close)", [2.0, 2.0, 2.0, NAN, 2.0]),
        ("winsorize(close, 0.5)", [1.0, 1.0, 1.0, NAN, 1.0]),
    ],
)
def test_hand_worked_cross_sections(text: str, wanted: list[float]) -> None:
    got = evaluate(text, small(close=[[-1.0, 1.0, 1.0, NAN, 7.0]]))
    np.testing.assert_allclose(got[0], wanted, rtol=1e-14)


WILD = st.builds(
    lambda sign, digits, power: sign * digits * 10.0**power,
    st.sampled_from((-1, 1)),
    st.integers(1, 999_999),
    st.integers(-25, 25),
)


@pytest.mark.parametrize(
    "text",
    [
        "cs_mean(close)",
        "zscore(close)",
        "scale(close)",
        "neutralize(close, open)",
        "group_mean(close, sector)",
    ],
)
@settings(max_examples=60, deadline=None)
@given(row=st.lists(WILD, min_size=3, max_size=12), data=st.data())
def test_sums_across_instruments_do_not_depend_on_order_even_when_they_cancel(text, row, data) -> None:
    """Values that nearly cancel show the order of a sum where tame ones, compensated, do not."""
    row = [*row, *(-v for v in row[:-1]), math.nan]
    order = data.draw(st.permutations(range(len(row))))
    panels = []
    for values in (row, [row[i] for i in order]):
        cells = np.array([values])
        panels.append(
            Panel(
                np.array(["2020-01-01"], dtype="datetime64[D]"),
                np.arange(len(row)),
                {"close": cells, "open": np.abs(cells)},
                {"sector": np.zeros(cells.shape, dtype=np.int64)},
            )
        )
    first, second = (evaluate(text, panel) for panel in panels)
    assert same_bits(np.ascontiguousarray(first[:, order]), second)


@pytest.mark.parametrize(
    "text", ["close", "close * -1", "-close", "winsorize(-close, 0.25)", "ts_max(-close, 1)"]
)
def test_no_zero_has_a_sign(text: str) -> None:
    """Which of two equal zeros a sort or a maximum returns must not show."""
    got = evaluate(text, small(close=[[-0.0, 0.0, 0.0, -0.0, 0.0, 1.0]]))
    assert not np.signbit(got[got == 0]).any()


def test_sums_keep_what_plain_sums_lose() -> None:
    panel = small(close=[[1.0], [1e100], [1.0], [-1e100]])
    assert evaluate("ts_sum(close, 4)", panel)[3, 0] == 2.0


def test_sharing_changes_no_bit_and_computes_once(monkeypatch) -> None:
    from dnalyaw.factors import _evaluate

    panel = market(80, 5)
    texts = {
        "a": "rank(ts_mean(close, 10))",
        "b": "rank(ts_mean(close, 10)) - rank(ts_mean( close, 10 ))",
        "c": "ts_mean(close, 10) / close",
        "same": "rank( ts_mean(close,10) )",
    }
    calls = []
    real = _evaluate._KERNELS["ts_mean"]

    def counted(*args):
        calls.append(1)
        return real(*args)

    monkeypatch.setattr(_evaluate, "_KERNELS", {**_evaluate._KERNELS, "ts_mean": counted})
    seen: list[tuple[int, int, str]] = []
    together = evaluate_many(texts, panel, progress=lambda *a: seen.append(a))
    assert len(calls) == 1
    assert seen == [(1, 4, "a"), (2, 4, "b"), (3, 4, "c"), (4, 4, "same")]
    for name, text in texts.items():
        assert same_bits(together[name], evaluate(text, panel))
    together["a"][:] = 0
    assert not (together["same"] == 0).all()


def test_a_panel_without_a_field_is_named() -> None:
    panel = small(close=[[1.0]])
    with pytest.raises(FactorDataError, match=r"factor pair: the panel has no amount, sector; it has close"):
        evaluate_many({"pair": "group_rank(amount, sector)"}, panel)


def test_a_bare_field_is_a_copy() -> None:
    panel = small(close=[[1.0]])
    evaluate("close", panel)[0, 0] = 9
    assert panel.fields["close"][0, 0] == 1


def frame(**more) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "session": [date(2024, 1, 3), date(2024, 1, 2), date(2024, 1, 2)],
            "instrument_id": [7, 9, 7],
            "close": [3.0, None, 1.0],
            "sector": ["tech", None, "tech"],
            **more,
        }
    )


def test_a_panel_from_a_long_frame() -> None:
    panel = Panel.from_long(frame())
    assert panel.sessions.astype(str).tolist() == ["2024-01-02", "2024-01-03"]
    assert panel.instrument_ids.tolist() == [7, 9]
    np.testing.assert_array_equal(panel.fields["close"], [[1.0, NAN], [3.0, NAN]])
    assert panel.groups["sector"].tolist() == [[0, -1], [0, -1]]
    assert panel.available == {"close", "sector"}
    long = to_long({"f": evaluate("close * 2", panel)}, panel)
    assert long.rows() == [
        (date(2024, 1, 2), 7, 2.0),
        (date(2024, 1, 2), 9, None),
        (date(2024, 1, 3), 7, 6.0),
        (date(2024, 1, 3), 9, None),
    ]


@pytest.mark.parametrize(
    ("broken", "match"),
    [
        (frame().drop("session"), "no column session"),
        (pl.concat([frame(), frame()]), "more than one row"),
        (frame(close=[1.0, math.inf, 2.0]), r"close is infinite at session 2024-01-02, instrument 9"),
        (frame(tags=[[1], [2], [3]]), "column tags is List"),
        (frame(instrument_id=[7, None, 8]), "1 nulls"),
        (frame(session=["a", "b", "c"]), "wanted Date"),
        (frame(instrument_id=["a", "b", "c"]), "wanted an integer"),
    ],
)
def test_a_wrong_frame_is_refused(broken: pl.DataFrame, match: str) -> None:
    with pytest.raises(FactorDataError, match=match):
        Panel.from_long(broken)


def test_a_wrong_panel_is_refused() -> None:
    days = np.datetime64("2020-01-01") + np.arange(2)
    good = np.ones((2, 2))
    with pytest.raises(FactorDataError, match="ascend"):
        Panel(days[::-1], np.arange(2), {"close": good}, {})
    with pytest.raises(FactorDataError, match="repeat"):
        Panel(days, np.zeros(2, dtype=np.int64), {"close": good}, {})
    with pytest.raises(FactorDataError, match="field close has shape"):
        Panel(days, np.arange(2), {"close": good.T[:1]}, {})
    with pytest.raises(FactorDataError, match="group sector"):
        Panel(days, np.arange(2), {}, {"sector": good})
    panel = Panel(days, np.arange(2), {"close": good}, {})
    with pytest.raises(ValueError, match="read-only"):
        panel.fields["close"][0, 0] = 2


def test_to_text_names_subtrees_uniquely() -> None:
    """What the evaluator shares by text must differ where the trees differ."""
    pairs = [("close - (open - high)", "close - open - high"), ("-close * open", "-(close * open)")]
    for left, right in pairs:
        assert to_text(parse(left)) != to_text(parse(right))
