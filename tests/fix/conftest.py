"""riskd against QuickFIX: one acceptor, one riskd and one client a test, and the comparison at its end."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dnalyaw import runtime
from tests.fix import acceptor
from tests.fix.desk import Desk


@pytest.fixture(scope="session")
def quickfix(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The compiled acceptor and its dictionary."""
    if why := acceptor.missing():
        pytest.skip(why)
    return acceptor.compile_acceptor(tmp_path_factory.mktemp("fix") / "acceptor"), acceptor.dictionary()


@pytest.fixture
def desk(quickfix: tuple[Path, Path]) -> Iterator[Desk]:
    """A venue, and a riskd that was told where it is and is not yet started."""
    runtime.program_path("riskd")
    # The system's folder for temporary files: pytest's own is too deep for a socket's path.
    root = Path(tempfile.mkdtemp(prefix="fix"))
    made = Desk(*quickfix, root)
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(root, ignore_errors=True)
