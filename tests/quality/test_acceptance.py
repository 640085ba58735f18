"""An operator may accept a finding of any rule, with a reason, for one delivery alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dnalyaw.pit import Lake
from dnalyaw.quality import RULES
from tests.quality._market import day_of, market

DAY, _ = day_of(market())


@pytest.mark.parametrize(
    ("feed", "rule"), [(feed, rule.name) for feed, rules in RULES.items() for rule in rules]
)
def test_a_finding_of_every_rule_can_be_accepted_and_is_dated(feed: str, rule: str, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    staged = lake.land("US", feed, "2024-06-28", DAY)
    assert lake.acceptance(staged, rule) is None
    lake.accept(staged, rule=rule, who="operator", reason="seen in the exchange's notice")
    record = lake.acceptance(staged, rule)
    assert record is not None
    assert (record["who"], record["reason"]) == ("operator", "seen in the exchange's notice")
    at = datetime.fromisoformat(str(record["at"]))
    assert timedelta(0) <= datetime.now(UTC) - at < timedelta(minutes=5)
    # It speaks for no other rule and for no other delivery.
    others = [other.name for other in RULES[feed] if other.name != rule]
    assert [name for name in others if lake.acceptance(staged, name)] == []
    again = lake.land("US", feed, "2024-06-28", DAY.head(3))
    assert lake.acceptance(again, rule) is None
