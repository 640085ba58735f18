"""Which corporate actions are due depends on the last session that the venue began, not on what was prepared."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from dnalyaw import runtime
from dnalyaw_pipelines.session_actions import last_begun

LOG = (
    '{"n":1,"kind":"session","text":"session begins","session":"2026-03-06","state":"waiting"}\n'
    '{"n":2,"kind":"order","cl_ord_id":"US-1"}\n'
    '{"n":3,"kind":"session","text":"session begins","session":"2026-03-09","state":"waiting"}\n'
    '{"n":4,"kind":"session","text":"session begins","session":"2026-03-1'
)


def test_a_prepared_session_that_never_began_is_not_the_last(tmp_path: Path) -> None:
    layout = runtime.Layout(tmp_path, "US")
    assert last_begun(layout, date(2026, 3, 11)) is None
    layout.venue_log.parent.mkdir(parents=True)
    layout.venue_log.write_text(LOG)
    # The 10th was prepared; the line that says that it began was never finished.
    (tmp_path / "market").mkdir()
    (tmp_path / "market" / "2026-03-10.json").write_text("{}")
    assert last_begun(layout, date(2026, 3, 11)) == date(2026, 3, 9)
    # Started again on the 9th itself: what is due must not change, or the venue refuses the files.
    assert last_begun(layout, date(2026, 3, 9)) == date(2026, 3, 6)
    assert last_begun(layout, date(2026, 3, 6)) is None
