"""What a person sees in the Dagster UI after a feed was blocked."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from dnalyaw.quality import RULES
from tests.browser.session import (
    COMMAND,
    chromium,
    click,
    dagster_ui,
    missing,
    text_of,
    wait_for_text,
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(missing()), reason=missing() or "Chromium is here"),
]

REGION, SESSION, DATA = "HK", "2026-11-19", "2026-11-18"


@pytest.fixture(scope="module")
def faulty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data home whose bars were delivered with a spike, and blocked."""
    home = tmp_path_factory.mktemp("browser") / "home"
    done = subprocess.run(
        [
            *(*COMMAND, "run", "--home", str(home), "--region", REGION, "--session", SESSION),
            *("--no-trade", "--fault", "spike", "--json"),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 3, done.stderr[-4000:]
    outcome = json.loads(done.stdout.splitlines()[-1])
    assert (outcome["feed"], outcome["rule"]) == ("hk/bars", "spike")
    return home


def test_the_graph_and_the_failed_check_of_a_faulty_feed(faulty_home: Path, tmp_path: Path) -> None:
    """The asset graph shows both regions; the page of the blocked feed shows what was found in it."""
    with dagster_ui(faulty_home, tmp_path) as address, chromium(tmp_path) as driver:
        driver.get(f"{address}/asset-groups")
        for group in ("hk_feeds", "hk_execution", "us_feeds", "us_strategies"):
            wait_for_text(driver, rf"(?m)^{group}$")

        # A node shows how many of its checks passed: the spike also disagrees with the quotes.
        driver.get(f"{address}/locations/dnalyaw/asset-groups/hk_feeds")
        for feed in ("instruments", "quotes", "actions", "fundamentals", "bars"):
            wait_for_text(driver, rf"(?m)^{feed}$")
        wait_for_text(driver, rf"bars\s+Latest event\s.*\s+Asset checks\s+\d+ / {len(RULES['bars'])} Passed")

        driver.get(f"{address}/assets/hk/staging/bars")
        wait_for_text(driver, "bars of HK as received")
        click(driver, "Checks")
        wait_for_text(driver, rf"Checks \({len(RULES['bars'])}\)")
        wait_for_text(driver, r"spike\s+Failed")
        assert "schema\nSucceeded" in text_of(driver)

        click(driver, "spike")
        wait_for_text(driver, r"Evaluation result\s+Failed")
        page = text_of(driver)
        assert "This is a blocking asset check." in page
        assert f"HK bars {DATA}: rule spike: 1 row" in page
        assert DATA in page

        # What the check stands before was planned and not made.
        driver.get(f"{address}/assets/hk/published/bars")
        wait_for_text(driver, "the version whose checks passed")
        wait_for_text(driver, r"Latest materialization\s+Failed")
        assert "Row count" not in text_of(driver)
