"""The bench of the data, on a few rows: what it measures is what it says, and a wrong answer is no figure."""

import pytest

from dnalyaw.quality import SCREENS
from dnalyaw_pipelines.bench import BenchError, _made_bars, data


@pytest.fixture(autouse=True)
def _few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"NAMES": 40, "SESSIONS": 60, "ROUNDS": 2, "CORRECTED": 0.05}.items():
        monkeypatch.setattr(data, name, value)
    monkeypatch.setattr(data, "STREAMED", (500, 50))
    monkeypatch.setattr(data, "GATED", (60, 90))
    monkeypatch.setattr(data, "GATE_ROUNDS", 2)


def test_every_figure_is_there_and_every_screen_was_run():
    lines: list[str] = []
    figures = data.measure(lines.append)
    assert figures["as_of_read_rows"] == 40 * 60
    assert figures["streamed_rows"] == 500 * 50
    assert figures["streamed_revisions"] == 500 * 50 // 10_007 + 1
    assert {"spike", "ohlc", "stale", "split_like", "missing_session"} <= set(figures["gate_ms"])
    assert set(figures["gate_ms"]) == {name for names in SCREENS.values() for name in names}
    assert figures["gate_actions"] == 60
    assert all(figures[name] > 0 for name in (*data.LIMITS, "ingest_rows_per_s", "read_rows_per_s"))
    assert set(figures["missed"]) <= set(data.LIMITS)
    assert any(line.startswith("screen spike") for line in lines)


def test_a_read_of_other_rows_is_no_figure(tmp_path, monkeypatch: pytest.MonkeyPatch):
    from dnalyaw.pit import BitemporalStore

    read = BitemporalStore.read
    monkeypatch.setattr(BitemporalStore, "read", lambda *args, **options: read(*args, **options).head(7))
    with pytest.raises(BenchError, match="gave 7 rows, not 2400"):
        data._reads(tmp_path, lambda _: None)


def test_a_stream_that_fails_is_said(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(BenchError, match="streaming ended with status 1"):
        data.streamed(tmp_path / "file" / "store", 10, 5, lambda _: None)


def test_a_screen_that_cannot_judge_is_no_figure(monkeypatch: pytest.MonkeyPatch):
    from dnalyaw import quality

    monkeypatch.setattr(quality, "run_rule", lambda rule, frame, context: [_Refused()])
    with pytest.raises(BenchError, match="could not judge"):
        data._gates(lambda _: None)


class _Refused:
    message, n_rows = "rule spike could not judge: column close is absent", 1


def test_made_bars_are_what_the_feed_takes():
    from dnalyaw.market import SCHEMAS

    days = _made_bars.sessions(30)
    frame = _made_bars.bars(5, days, seed=1)
    assert dict(frame.schema) == SCHEMAS["bars"]
    assert frame.height == days.height * 5 == 150
    assert not frame.select("instrument_id", "session").is_duplicated().any()
