"""The shape of the graph, and what it costs to load it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from dnalyaw.quality import RULES
from dnalyaw_pipelines import keys
from dnalyaw_pipelines.cli._doctor import ROOT
from dnalyaw_pipelines.home import Home
from dnalyaw_pipelines.io import REQUIRED_CHECKS, required_checks
from tests.pipelines._loop import definitions, graph

SNAPSHOT = Path(__file__).with_name("graph.json")
UPDATE = "DNALYAW_UPDATE_SNAPSHOT"
"""Set to write the snapshot again after an intended change; look at its difference before it is committed."""


@pytest.fixture(scope="module")
def location(built_home: Home) -> dg.Definitions:
    with graph(built_home):
        return definitions(built_home.config_path.read_text())


def _checks(location: dg.Definitions) -> dict[dg.AssetCheckKey, dg.AssetCheckSpec]:
    repository = location.get_repository_def()
    found = {}
    for checks in repository.asset_checks_defs_by_key.values():
        found |= {spec.key: spec for spec in checks.check_specs}
    # Those that an asset yields itself, as dbt's tests.
    for asset in repository.assets_defs_by_key.values():
        found |= {spec.key: spec for spec in asset.check_specs}
    return found


def _shape(location: dg.Definitions) -> dict[str, object]:
    assets = location.resolve_asset_graph()
    repository = location.get_repository_def()
    checks = _checks(location)
    return {
        "assets": {
            key.to_user_string(): sorted(p.to_user_string() for p in assets.get(key).parent_keys)
            for key in sorted(assets.get_all_asset_keys())
        },
        "checks": {
            f"{key.asset_key.to_user_string()}:{key.name}": "blocking" if checks[key].blocking else "warning"
            for key in sorted(checks, key=lambda k: (k.asset_key, k.name))
        },
        "jobs": sorted(job.name for job in repository.get_all_jobs() if not job.name.startswith("__")),
        "schedules": {
            s.name: f"{s.cron_schedule} {s.execution_timezone} {s.job_name}"
            for s in sorted(repository.schedule_defs, key=lambda s: s.name)
        },
        "sensors": sorted(s.name for s in repository.sensor_defs),
    }


def test_assets_checks_jobs_and_schedules_are_those_of_the_snapshot(location: dg.Definitions):
    shape = _shape(location)
    if os.environ.get(UPDATE):
        SNAPSHOT.write_text(json.dumps(shape, indent=1, sort_keys=True) + "\n")
    assert shape == json.loads(SNAPSHOT.read_text()), f"set {UPDATE}=1 to write {SNAPSHOT.name} again"


def test_every_rule_is_a_check_and_blocks_as_it_says(location: dg.Definitions):
    checks = _checks(location)
    for region in ("US", "HK"):
        for feed, rules in RULES.items():
            on = {k.name: s for k, s in checks.items() if k.asset_key == keys.staging(region, feed)}
            assert {n: s.blocking for n, s in on.items()} == {r.name: r.severity == "error" for r in rules}


def test_every_partitioned_check_speaks_of_its_partition(location: dg.Definitions):
    for key, spec in _checks(location).items():
        assert spec.partitions_def is not None, key


def test_readers_demand_every_blocking_check_of_a_derived_asset(location: dg.Definitions):
    assets = location.resolve_asset_graph()
    demanded = {}
    for key in assets.get_all_asset_keys():
        if REQUIRED_CHECKS in assets.get(key).metadata:
            demanded[key] = set(required_checks(dict(assets.get(key).metadata)))
    blocking: dict[dg.AssetKey, set[str]] = {}
    for key, spec in _checks(location).items():
        if spec.blocking and "staging" not in key.asset_key.path[:2]:
            blocking.setdefault(key.asset_key, set()).add(key.name)
    assert demanded == blocking
    assert {key.path[-1] for key in demanded} >= {"factors", "mart_factor_panel"}


def test_every_asset_says_what_it_is_and_who_is_asked(location: dg.Definitions):
    assets = location.resolve_asset_graph()
    for key in assets.get_all_asset_keys():
        node = assets.get(key)
        assert node.description, key
        assert node.owners, key
        assert node.kinds, key
        assert node.partitions_def is not None, key


def test_loading_the_code_location_imports_nothing_heavy(location: dg.Definitions, built_home: Home):
    # The manifest of dbt is current: the fixture has loaded the same project just now.
    text = (
        "import json, sys\n"
        "from dnalyaw_pipelines.definitions import defs\n"
        "defs().get_repository_def()\n"
        "print(json.dumps(sorted(name.partition('.')[0] for name in sys.modules)))\n"
    )
    environment = os.environ | {"DNALYAW_HOME": str(built_home.root)}
    ran = subprocess.run(
        [sys.executable, "-c", text], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(ran.stdout.splitlines()[-1]))
    assert "dagster" in loaded
    heavy = {"feast", "great_expectations", "lightgbm", "dbt", "vectorbt", "pandera", "sklearn", "matplotlib"}
    assert loaded & heavy == set()
