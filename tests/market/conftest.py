"""Where the recorded files lie."""

from pathlib import Path

import pytest

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def lean_folder() -> Path:
    folder = RECORDED / "lean"
    if not folder.is_dir():
        pytest.skip(f"recorded data is not at {folder}")
    return folder
