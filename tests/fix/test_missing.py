"""A machine without QuickFIX skips these tests, and says so: at the end of every run, and in `dnalyaw doctor`."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from dnalyaw_pipelines.cli import _doctor
from tests.fix import acceptor

GET = "apt-get install --no-install-recommends libquickfix-dev g++"


def test_both_name_what_is_missing_and_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert acceptor.HEADER == _doctor.QUICKFIX, "they look for the same file"
    monkeypatch.setattr(acceptor, "HEADER", tmp_path / "none")
    monkeypatch.setattr(_doctor, "QUICKFIX", tmp_path / "none")
    why = acceptor.missing()
    assert why is not None
    assert why.endswith(GET)
    finding = _doctor._quickfix()
    assert (finding.good, finding.needed) == (False, False)
    assert finding.text.endswith(GET)


def test_every_run_of_the_tests_tells_why_one_was_skipped() -> None:
    settings = tomllib.loads((_doctor.ROOT / "pyproject.toml").read_text())
    assert "-rs" in settings["tool"]["pytest"]["ini_options"]["addopts"].split()
