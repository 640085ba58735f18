"""The language: texts, trees, units, limits and the character of every fault."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnalyaw.factors import (
    FIELDS,
    MAX_DEPTH,
    MAX_LOOKBACK,
    MAX_SIZE,
    OPERATORS,
    Builder,
    FactorError,
    FactorSyntaxError,
    FactorTypeError,
    FieldSpec,
    Unit,
    fields_of,
    language_reference,
    parse,
    to_text,
    walk,
)
from tests.factors._trees import numeric


@pytest.mark.parametrize(
    ("text", "position", "match"),
    [
        ("", 0, "empty"),
        ("rank(close", 4, "never closed"),
        ("rank close", 0, "needs its arguments"),
        ("rank()", 0, "takes 1 argument, 0 given"),
        ("rank(close))", 11, "expected an operator or the end"),
        ("close +", 7, "found the end"),
        ("close + * volume", 8, "expected a field"),
        ("close\nopen", 5, "one line"),
        ("close ^ 2", 6, r"power\(x, k\)"),
        ("close = open", 6, "=="),
        ("open < close < high", 13, "do not chain"),
        ("close && open", 6, "write and, or, not"),
        ("close > open ? 1 : 2", 13, "where"),
        ("1.2.3 * close", 3, "runs into"),
        ("2x * close", 1, "runs into"),
        ("rank(close,)", 11, "expected a field"),
        ("rank(clоse)", 7, "unexpected character"),
        ("-not close", 1, "parentheses around not"),
        ("__import__('os')", 11, "unexpected character"),
    ],
)
def test_a_syntax_error_points_at_its_character(text: str, position: int, match: str) -> None:
    with pytest.raises(FactorError, match=match) as caught:
        parse(text)
    assert caught.value.position == position
    assert caught.value.text == text
    if text and "\n" not in text:
        shown, caret = str(caught.value).splitlines()[1:3]
        assert shown == "  " + text
        assert caret.index("^") == 2 + position


@pytest.mark.parametrize(
    ("text", "position", "match"),
    [
        ("close + volume", 6, "cannot add a price and a volume"),
        ("close > 5", 6, "cannot compare a price and a ratio"),
        ("amount - close", 7, "cannot subtract a money and a price"),
        ("rank(clos)", 5, "did you mean 'close'"),
        ("rnk(close)", 0, "did you mean 'rank'"),
        ("close(5)", 0, "is a field"),
        ("rank + 1", 0, "needs its arguments"),
        ("ts_mean(close, 2.5)", 15, "whole number"),
        ("ts_mean(close, 0)", 15, "from 1 to 1260"),
        ("ts_mean(close, -3)", 15, "from 1 to 1260, not -3"),
        ("ts_mean(close, 5000)", 15, "from 1 to 1260"),
        ("ts_mean(close, volume)", 15, "literal"),
        ("ts_mean(3, 5)", 0, "literals alone"),
        ("ts_sum(close > open, 5)", 7, "ts_count"),
        ("ts_count(close, 5)", 9, "condition"),
        ("exp(close)", 0, "without dimension"),
        ("sqrt(close)", 0, "no square root of a price"),
        ("power(close, 0.5)", 0, "whole exponent"),
        ("ts_product(close, 5)", 0, "without dimension"),
        ("where(close, 1, 2)", 6, "condition"),
        ("where(close > open, close, volume)", 0, "cannot choose between a price and a volume"),
        ("group_rank(close, close)", 18, "group"),
        ("rank(sector)", 5, "not a group"),
        ("not close", 4, "conditions"),
        ("close and open", 0, "conditions"),
        ("(close > open) * 2", 7, "where"),
        ("close > open", 6, "a factor is a number"),
        ("1 + 2", 2, "reads no field"),
        ("close / (1 / 0)", 11, "zero"),
        ("close * 1e999", 8, "finite"),
        ("ts_quantile(close, 5, 1.5)", 22, "from 0 to 1"),
    ],
)
def test_a_type_error_points_at_its_character(text: str, position: int, match: str) -> None:
    with pytest.raises(FactorTypeError, match=match) as caught:
        parse(text)
    assert caught.value.position == position


@pytest.mark.parametrize(
    ("text", "unit", "lookback"),
    [
        ("close", "price", 0),
        ("amount / volume", "price", 0),
        ("close * volume", "money", 0),
        ("close / open", "ratio", 0),
        ("rank(close)", "rank", 0),
        ("rank(close) * rank(open)", "ratio", 0),
        ("rank(close) - 1", "ratio", 0),
        ("ts_var(close, 10)", "price^2", 9),
        ("sqrt(high * low) - vwap", "price", 0),
        ("ts_cov(close, volume, 5)", "money", 4),
        ("ts_beta(returns, cs_mean(returns), 60)", "ratio", 59),
        ("ts_mean(delay(close, 3), 5)", "price", 7),
        ("ema(close, 10)", "price", 29),
        ("adv(20)", "money", 19),
        ("returns(close, 5)", "ratio", 5),
        ("where(close > open, delta(close, 1), 0)", "price", 1),
        ("if(close > 0, 1, -1)", "ratio", 0),
        ("abs(returns) / amount", "price^-1*volume^-1", 0),
        ("log(volume)", "ratio", 0),
        ("not_a_field", None, None),
    ],
)
def test_units_and_lookback(text: str, unit: str | None, lookback: int | None) -> None:
    if unit is None:
        with pytest.raises(FactorTypeError, match="unknown field"):
            parse(text)
        return
    expr = parse(text)
    assert str(expr.unit) == unit
    assert expr.lookback == lookback


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (" rank( ( close ) ) ", "rank(close)"),
        ("a", None),
        ("-1*close", "-1 * close"),
        ("-(-close)", "--close"),
        ("- 2.50 * close", "-2.5 * close"),
        ("close-(open-high)", "close - (open - high)"),
        ("(close-open)-high", "close - open - high"),
        ("close/(open*high)", "close / (open * high)"),
        ("-(close*2)", "-(close * 2)"),
        ("adv( 5 )", "ts_mean(amount, 5)"),
        ("returns(close, 2)", "close / delay(close, 2) - 1"),
        ("if(not (close>open) and open>0, 1, 0)", "where(not close > open and open > 0, 1, 0)"),
        ("where((close>open) == (1>0), 1, 0)", None),
        ("2/4 * close", "0.5 * close"),
        ("1e3 * close", "1000 * close"),
    ],
)
def test_canonical_text(text: str, canonical: str | None) -> None:
    if canonical is None:
        with pytest.raises(FactorError):
            parse(text)
        return
    assert to_text(parse(text)) == canonical


@settings(max_examples=300, deadline=None)
@given(numeric(depth=5, window=30))
def test_canonical_text_round_trips(expr) -> None:
    text = to_text(expr)
    again = parse(text)
    assert again == expr
    assert to_text(again) == text
    assert again.lookback == max(n.lookback for n in walk(expr))
    assert fields_of(again) <= set(FIELDS)


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(
        st.text(max_size=80),
        st.lists(
            st.sampled_from(
                [
                    *OPERATORS,
                    *FIELDS,
                    "and",
                    "or",
                    "not",
                    "(",
                    ")",
                    ",",
                    "+",
                    "-",
                    "*",
                    "/",
                    "<",
                    "==",
                    "1",
                    "0.5",
                    "252",
                    " ",
                ]
            ),
            max_size=40,
        ).map(" ".join),
    )
)
def test_any_text_is_a_factor_or_one_clear_error(text: str) -> None:
    expr, error = attempt(text)
    if error is not None:
        assert 0 <= error.position <= len(text)
        assert error.message
    else:
        assert to_text(parse(to_text(expr))) == to_text(expr)


def attempt(text: str):
    try:
        return parse(text), None
    except (FactorSyntaxError, FactorTypeError) as error:
        return None, error


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("(" * 3000, "nested more than"),
        ("-" * 3000 + "close", "nested more than"),
        ("(" * (MAX_DEPTH + 1) + "close" + ")" * (MAX_DEPTH + 1), "nested more than"),
        ("rank(" * 700 + "close" + ")" * 700, "characters|nested more than"),
        ("close" + " + close" * 400, "nested more than|terms"),
        ("rank(" + ",".join(["close"] * 600) + ")", "1 argument"),
        ("x" * 100_000, "characters"),
        ("not " * 900 + "close", "nested more than"),
        ("ts_mean(ts_mean(ts_mean(close, 1260), 1260), 1260)", f"the most is {MAX_LOOKBACK}"),
    ],
)
def test_a_hostile_text_fails_clearly(text: str, match: str) -> None:
    with pytest.raises(FactorError, match=match):
        parse(text)


def test_a_tree_of_too_many_terms_is_refused() -> None:
    build = Builder()
    tree = build.field("close")
    while 2 * tree.size + 1 <= MAX_SIZE:
        tree = build.binary("+", tree, tree)
    with pytest.raises(FactorTypeError, match=f"more than {MAX_SIZE} terms"):
        build.binary("+", tree, tree)


def test_a_long_text_shows_the_part_around_the_fault() -> None:
    text = " + ".join(["close"] * 20) + " + volume"
    with pytest.raises(FactorTypeError) as caught:
        parse(text)
    shown, caret = str(caught.value).splitlines()[1:3]
    assert len(shown) < 110
    assert shown[caret.index("^") :].startswith("+ volume")


def test_more_fields_can_be_given() -> None:
    tone = FieldSpec("tone", Unit(), "market", "tone of the last call")
    assert to_text(parse("rank(tone)", fields={"tone": tone})) == "rank(tone)"
    with pytest.raises(FactorTypeError, match="unknown field"):
        parse("rank(tone)")


def test_the_reference_is_fresh() -> None:
    page = Path(__file__).parents[2] / "docs" / "factor-language.md"
    assert page.read_text(encoding="utf-8") == language_reference(), "run python -m dnalyaw.factors"


def test_the_reference_names_every_operator_and_field() -> None:
    page = language_reference()
    for operator in OPERATORS.values():
        assert f"`{operator.signature}`" in page
    for field in FIELDS:
        assert f"`{field}`" in page
