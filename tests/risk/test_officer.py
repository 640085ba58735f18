"""`dnalyaw risk` and the page for Prometheus, on programs that run; the page is read by Prometheus' own parser."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from dnalyaw import runtime
from dnalyaw_pipelines.cli._risk import risk_lines
from tests.risk.conftest import Floor
from tests.risk.gateway import eventually
from tests.risk.link import BUY

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.e2e


@pytest.fixture
def watched(floor: Floor) -> Floor:
    """riskd once more, with the endpoint."""
    floor.gateway.stop()
    floor.gateway.start("--metrics", "127.0.0.1:0")
    return floor


def _samples(floor: Floor) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    found = json.loads((floor.gateway.dir / "prometheus.json").read_text())
    with urllib.request.urlopen(f"http://{found[0]['targets'][0]}/metrics", timeout=5) as answer:
        page = answer.read().decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def test_prometheus_reads_the_page_and_the_rules_ask_for_what_is_there(watched: Floor):
    link = watched.connect()
    link.order(1, 101, BUY, 100)
    name = "dnalyaw_risk_check_seconds_count"
    eventually("a counted check", lambda: _samples(watched)[(name, (("region", "US"),))] == 1)
    samples = _samples(watched)
    names = {name for name, _ in samples}
    buckets = sorted(
        (float(dict(labels)["le"]), value)
        for (name, labels), value in samples.items()
        if name.endswith("_seconds_bucket")
    )
    assert [value for _, value in buckets] == sorted(value for _, value in buckets)
    assert buckets[-1] == (float("inf"), 1.0)
    states = [v for (name, _), v in samples.items() if name == "dnalyaw_risk_trading_state"]
    assert sorted(states) == [0, 0, 0, 1]
    rules = yaml.safe_load((ROOT / "deploy/prometheus/risk.rules.yml").read_text())
    asked = set()
    for rule in rules["groups"][0]["rules"]:
        asked |= set(re.findall(r"dnalyaw_\w+", rule["expr"]))
    assert asked
    assert asked <= names


def test_the_page_of_a_region_says_what_a_risk_officer_asks(watched: Floor):
    link = watched.connect()
    link.order(1, 101, BUY, 100)
    layout = runtime.Layout(watched.gateway.root, "US")
    assert layout.risk_control == watched.gateway.dir / "control.sock"
    book = eventually(
        "the hash of the program",
        lambda: (found := runtime.risk_control(layout, "risk"))["binary_sha256"] and found,
    )
    book["stress"] = runtime.risk_control(layout, "stress")["scenarios"]
    page = risk_lines("US", book)
    text = "\n".join(page)
    assert page[0].startswith("US · session 20261123 · ACTIVE · venue up")
    assert re.search(r"instrument +5% +5%", text)
    assert re.search(r"order notional +500,000,000 +500,000,000", text)
    used = next(row for row in book["used"] if row["limit"] == "instrument")
    assert used["name"] == "N101.NYSE"
    assert re.search(rf"instrument +N101.NYSE +{used['amount'] / 1e6:,.0f} +{used['of'] / 1e6:,.0f} ", text)
    assert "gap_5_sigma" in text
    assert "venue_gone:NYSE" in text
    assert all(len(line) < 130 for line in page)


def test_a_region_without_riskd_is_named(tmp_path: Path):
    with pytest.raises(runtime.RiskAbsentError, match=r"riskd \(US\) does not run"):
        runtime.risk_control(runtime.Layout(tmp_path, "US"), "risk")
