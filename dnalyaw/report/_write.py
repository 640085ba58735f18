"""Writing a report so that a reader never meets half of one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from dnalyaw.report._data import ReportData
from dnalyaw.report._page import render_html

__all__ = ["write_report"]


def write_report(data: ReportData, directory: str | Path) -> Path:
    """Write the report to ``directory/YYYY-MM-DD/index.html`` and return that path.

    The page is written beside its place and renamed into it: an earlier page of the day stays until then.

    Raises
    ------
    OSError
        If the folder cannot be made or written; nothing half-written is left.
    """
    folder = Path(directory) / data.day.isoformat()
    page = render_html(data)
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".index-", suffix=".html", dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes a file for its owner alone; a report is for everyone who may read the folder.
        os.chmod(name, 0o644)
        target = folder / "index.html"
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return target
