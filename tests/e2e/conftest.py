"""A desk a test: a runtime in a short folder of its own, stopped whatever happens."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dnalyaw import runtime
from dnalyaw_pipelines.home import Home, HomeConfig, RegionConfig
from tests.e2e.desk import Desk


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A runtime that nothing was written for yet."""
    # The system's folder for temporary files: pytest's own is too deep for a socket's path.
    base = Path(tempfile.mkdtemp(prefix="desk"))
    made = Desk(base / "runtime" / "us")
    try:
        for program in runtime.PROGRAMS:
            runtime.program_path(program)
        yield made
    finally:
        made.down()
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def home() -> Iterator[Home]:
    """A home of one region; its folder's name is short enough for a socket's path."""
    base = Path(tempfile.mkdtemp(prefix="home"))
    made = Home(base)
    made.write_config(HomeConfig("sample", 7, True, False, {"US": RegionConfig("2026-01-02", "2026-03-09")}))
    desk = Desk(made.runtime("US"))
    try:
        yield made
    finally:
        desk.down()
        shutil.rmtree(base, ignore_errors=True)
