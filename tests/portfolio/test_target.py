"""Target portfolios: rounding, faults, and a hash of the content alone."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnalyaw.portfolio import PortfolioError, Target, TargetPortfolio

AS_OF = datetime(2024, 3, 5, 14, 0, tzinfo=UTC)


def build(*targets: Target, **other: object) -> TargetPortfolio:
    given: dict = {
        "strategy_id": "us-reversal",
        "as_of": AS_OF,
        "session": date(2024, 3, 5),
        "region": "US",
        "targets": targets,
    }
    return TargetPortfolio.build(**{**given, **other})


def test_weights_are_rounded_sorted_and_nothing_stays_of_nothing() -> None:
    portfolio = build(
        Target(9, 0.12345678, 1.23456789, "B.NYSE"),
        Target(2, 0.5, 1e-9, "A.NYSE"),
        Target(5, 4e-7, 1.0),
        Target(6, 0.0, 0.0),
    )
    assert portfolio.targets == (Target(2, 0.5, 1e-6, "A.NYSE"), Target(9, 0.123457, 1.234568, "B.NYSE"))
    assert portfolio.gross == pytest.approx(0.623457)


def test_the_hash_is_that_of_the_canonical_text() -> None:
    text = (
        '{"region":"US","session":"2024-03-05","strategy_id":"us-reversal",'
        '"targets":[[2,500000,1500000],[9,123457,0]]}'
    )
    portfolio = build(Target(9, 0.1234567, 0.0), Target(2, 0.5, 1.5))
    assert portfolio.content_hash == hashlib.sha256(text.encode()).hexdigest()


def test_what_is_content_and_what_is_not() -> None:
    one = build(Target(2, 0.5, 1.5, "A.NYSE"), Target(3, 0.1, 1.0))
    assert (
        build(Target(3, 0.1, 1.0), Target(2, 0.5000000001, 1.5, "NEW.NYSE")).content_hash == one.content_hash
    )
    assert build(*one.targets, as_of=AS_OF + timedelta(minutes=1)).content_hash == one.content_hash
    others = [
        build(Target(2, 0.500001, 1.5), Target(3, 0.1, 1.0)),
        build(Target(2, 0.5, 1.500001), Target(3, 0.1, 1.0)),
        build(Target(2, 0.5, 1.5)),
        build(*one.targets, session=date(2024, 3, 6)),
        build(*one.targets, region="HK"),
        build(*one.targets, strategy_id="other"),
    ]
    assert len({one.content_hash, *(other.content_hash for other in others)}) == 7


@given(
    st.lists(
        st.tuples(st.integers(1, 50), st.floats(0, 0.02), st.floats(0, 100)),
        max_size=50,
        unique_by=lambda t: t[0],
    ),
    st.randoms(),
)
def test_order_never_matters_and_building_again_changes_nothing(rows: list, random: object) -> None:
    targets = [Target(*row) for row in rows]
    one = build(*targets)
    random.shuffle(targets)  # type: ignore[attr-defined]
    assert build(*targets) == one
    again = build(*one.targets)
    assert again == one
    assert again.content_hash == one.content_hash
    assert one.gross <= 1.0 + 1e-6


def test_every_fault_is_named() -> None:
    bad = [
        Target(1, float("nan"), 1.0, "A.NYSE"),
        Target(2, -0.1, 1.0),
        Target(3, 0.1, float("inf")),
        Target(3, 0.1, -1.0),
        Target(0, 0.1, 1.0),
        Target(2**63, 0.1, 1.0),
    ]
    with pytest.raises(PortfolioError) as caught:
        build(*bad, strategy_id=" ", region="", as_of=datetime(2024, 3, 5), max_leverage=float("nan"))
    for part in (
        "no strategy id",
        "no region",
        "no time zone",
        "leverage nan",
        "instrument 1 (A.NYSE): weight nan is not finite",
        "instrument 2: weight -0.1 is negative",
        "instrument 3: stop distance inf",
        "instrument 3: given twice",
        "instrument 3: stop distance -1.0",
        "instrument 0: not a permanent",
        f"instrument {2**63}: not a permanent",
    ):
        assert part in str(caught.value)


def test_gross_stays_within_the_leverage() -> None:
    with pytest.raises(PortfolioError, match=r"gross weight 1.100000 is above the leverage 1"):
        build(Target(1, 0.6, 1.0), Target(2, 0.5, 1.0))
    with pytest.raises(PortfolioError, match=r"above the leverage 0.5"):
        build(Target(1, 0.6, 1.0), max_leverage=0.5)
    # Three thirds, each rounded on its own, are no fault.
    assert build(*(Target(k, 1 / 3, 1.0) for k in (1, 2, 3))).gross == pytest.approx(0.999999)
    assert build().targets == ()
    assert replace(build(), session=date(2024, 3, 6)).session == date(2024, 3, 6)
