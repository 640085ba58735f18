"""``dg scaffold`` writes a feed that loads as it stands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from dnalyaw_pipelines.cli._doctor import ROOT
from dnalyaw_pipelines.components.feed_scaffold import FeedParams, FeedScaffolder
from tests.pipelines._feeds import NAME, TYPE, declared

DG = Path(sys.executable).with_name("dg")


def test_what_is_scaffolded_loads(tmp_path: Path):
    place = tmp_path / "my-feed"
    place.mkdir()
    params = FeedParams.model_validate({"region": "HK", "schema": "borrow", "provider": "csvdir:data"})
    request = dg.ScaffoldRequest(
        type_name=TYPE, target_path=place, scaffold_format="yaml", project_root=None, params=params
    )
    FeedScaffolder().scaffold(request)

    location = declared(tmp_path / "project", (place / "defs.yaml").read_text())

    assets = {k.to_user_string() for k in location.resolve_asset_graph().get_all_asset_keys()}
    assert assets >= {"hk/staging/my_feed", "hk/published/my_feed"}
    assert [s.name for s in location.schedules or ()] == ["hk_my_feed_ingest"]


@pytest.mark.soak
@pytest.mark.skipif(not DG.exists(), reason="dg is not installed")
def test_dg_itself_scaffolds_a_feed(tmp_path: Path):
    declared(tmp_path, "type: dnalyaw_pipelines.components.Feed\nattributes: {region: US, feed: bars}\n")
    with (tmp_path / "pyproject.toml").open("a") as file:
        file.write('registry_modules = ["dnalyaw_pipelines.components"]\n')
    ran = subprocess.run(
        [DG, "scaffold", "defs", TYPE, "vendor_bars", "--provider", "csvdir:data", "--owner", "team:vendors"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    written = (tmp_path / NAME / "defs" / "vendor_bars" / "defs.yaml").read_text()
    assert "feed: vendor_bars" in written
    assert "provider: csvdir:data" in written
    assert "owners: [team:vendors]" in written
    assert "# severity:" in written
    location = declared(tmp_path / "again", written)
    assert "us/published/vendor_bars" in {
        k.to_user_string() for k in location.resolve_asset_graph().get_all_asset_keys()
    }
