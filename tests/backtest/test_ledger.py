"""The ledger counts what was tried and notices whatever is taken from it."""

from __future__ import annotations

import json
import multiprocessing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from dnalyaw.backtest import (
    CostModel,
    Head,
    LedgerError,
    TrialLedger,
    deflated_sharpe,
    moments,
    plot_equity,
    run_backtest,
    sharpe_ratio,
    weigh,
)

from .frames import frame, random_prices, random_weights, weekdays, weight_frame

AT = datetime(2024, 1, 2, tzinfo=UTC)


def note(ledger: TrialLedger, number: int, sharpe: float = 0.5, version: str = "v1") -> None:
    ledger.record(
        who="tester",
        what="momentum",
        dataset="sample/US",
        data_version=version,
        params={"lookback": number},
        result={"sharpe": sharpe},
        at=AT,
    )


@pytest.fixture
def ledger(tmp_path: Path) -> TrialLedger:
    made = TrialLedger(tmp_path / "trials.jsonl")
    for number in range(5):
        note(made, number)
    return made


def test_it_records_and_verifies(ledger: TrialLedger) -> None:
    assert ledger.verify().count == 5
    lines = ledger.trials()
    assert [t.params["lookback"] for t in lines] == list(range(5))
    assert lines[0].at == "2024-01-02T00:00:00+00:00"
    assert ledger.trials(what="other") == []


def test_the_same_trial_counts_once(ledger: TrialLedger) -> None:
    note(ledger, 3, sharpe=0.7, version="v2")
    assert len(ledger.trials()) == 6
    assert len(ledger.distinct()) == 5
    assert sorted(t.result["sharpe"] for t in ledger.distinct().values()) == [0.5, 0.5, 0.5, 0.5, 0.7]
    assert ledger.distinct("sample/HK") == {}


@pytest.mark.parametrize("gone", [0, 2, 4])
def test_a_removed_line_is_found(ledger: TrialLedger, gone: int) -> None:
    lines = ledger.path.read_text().splitlines(keepends=True)
    # The last line alone could be an append that a kill kept from its head: take the head back no further.
    del lines[gone]
    ledger.path.write_text("".join(lines))
    with pytest.raises(LedgerError, match="removed"):
        ledger.verify()
    with pytest.raises(LedgerError, match="removed"):
        note(ledger, 9)


def test_a_changed_line_is_found(ledger: TrialLedger) -> None:
    ledger.path.write_text(ledger.path.read_text().replace('"sharpe":0.5', '"sharpe":0.1', 1))
    with pytest.raises(LedgerError, match="line 1 was changed"):
        ledger.verify()


def test_lines_swapped_or_garbled_are_found(ledger: TrialLedger) -> None:
    good = ledger.path.read_text()
    lines = good.splitlines(keepends=True)
    ledger.path.write_text("".join([lines[1], lines[0], *lines[2:]]))
    with pytest.raises(LedgerError, match="line 1 does not follow"):
        ledger.verify()
    ledger.path.write_text(good + '{"half": \n')
    with pytest.raises(LedgerError, match="line 6 is not JSON"):
        ledger.verify()
    ledger.path.write_text(good + "{}\n")
    with pytest.raises(LedgerError, match="line 6 does not have the fields"):
        ledger.verify()


def test_a_deleted_ledger_or_head_is_found(ledger: TrialLedger) -> None:
    head = ledger.head_path.read_text()
    ledger.head_path.unlink()
    with pytest.raises(LedgerError, match="has no head file"):
        ledger.verify()
    ledger.head_path.write_text("{")
    with pytest.raises(LedgerError, match="cannot be read"):
        ledger.verify()
    ledger.head_path.write_text(head)
    ledger.path.unlink()
    with pytest.raises(LedgerError, match="0 lines, its head says 5"):
        ledger.verify()


def test_a_ledger_rebuilt_with_its_head_is_found_by_a_published_head(
    ledger: TrialLedger, tmp_path: Path
) -> None:
    published = ledger.head()
    other = TrialLedger(tmp_path / "other" / "trials.jsonl")
    for number in (0, 1, 2, 4):
        note(other, number)
    assert other.verify().count == 4
    with pytest.raises(LedgerError, match="published at line 5: lines were removed"):
        other.verify(published)
    note(other, 7)
    with pytest.raises(LedgerError, match="rewritten"):
        other.verify(published)
    note(ledger, 8)
    assert ledger.verify(published).count == 6


def test_a_kill_between_line_and_head_loses_nothing(ledger: TrialLedger) -> None:
    before = ledger.head_path.read_text()
    note(ledger, 5)
    ledger.head_path.write_text(before)
    assert ledger.verify().count == 6
    note(ledger, 6)
    assert ledger.verify().count == 7
    assert json.loads(ledger.head_path.read_text())["count"] == 7


def test_half_a_line_at_the_end_was_never_recorded(ledger: TrialLedger) -> None:
    good = ledger.path.read_text()
    for cut in (1, 40, len(good.splitlines()[-1]) - 1):
        ledger.path.write_text(good + good.splitlines()[-1][:cut])
        assert ledger.verify().count == 5
    note(ledger, 6)
    assert ledger.path.read_text().startswith(good)
    assert ledger.verify().count == 6
    # Half of a line that was recorded is a line removed.
    ledger.path.write_text(ledger.path.read_text()[:-20])
    with pytest.raises(LedgerError, match="removed"):
        ledger.verify()


def test_an_empty_ledger_is_sound(tmp_path: Path) -> None:
    assert TrialLedger(tmp_path / "none.jsonl").verify() == Head(0, "0" * 64)


def _many(path: str, first: int) -> None:
    for number in range(first, first + 10):
        note(TrialLedger(path), number)


def test_writers_at_once_lose_no_line(tmp_path: Path) -> None:
    path = str(tmp_path / "shared.jsonl")
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_many, args=(path, 100 * k)) for k in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert TrialLedger(path).verify().count == 30


def test_what_cannot_be_counted_is_refused(ledger: TrialLedger) -> None:
    with pytest.raises(LedgerError, match="no who"):
        ledger.record(who=" ", what="x", dataset="d", data_version="v", params={}, result={})
    with pytest.raises(LedgerError, match=r"result.sharpe is nan"):
        note(ledger, 1, sharpe=float("nan"))
    with pytest.raises(LedgerError, match=r"params.a is a object"):
        ledger.record(who="w", what="x", dataset="d", data_version="v", params={"a": object()}, result={})
    with pytest.raises(LedgerError, match="no time zone"):
        ledger.record(
            who="w", what="x", dataset="d", data_version="v", params={}, result={}, at=datetime(2024, 1, 1)
        )
    assert ledger.verify().count == 5
    record = ledger.record(
        who="w", what="x", dataset="d", data_version="v", params={"n": np.int64(3)}, result={"a": (1, AT)}
    )
    assert record.params == {"n": 3}


def test_evidence_deflates_by_the_trials_of_the_ledger(tmp_path: Path) -> None:
    open_, close = random_prices(400, 6, 12)
    result = run_backtest(random_weights(weekdays(400), 10, 6, 0.9, 3), frame(open_, close))
    ledger = TrialLedger(tmp_path / "trials.jsonl")
    ledger.record(
        who="t", what="mine", dataset="d", data_version="1", params={}, result=result.summary(), at=AT
    )
    alone = weigh(result, ledger)
    assert alone.trials == 1
    assert alone.deflated == pytest.approx(alone.probabilistic)
    for number in range(20):
        note(ledger, number, sharpe=0.1 * number)
    many = weigh(result, ledger)
    assert many.trials == 21
    assert many.deflated < many.probabilistic
    sharpes = np.array([result.summary()["sharpe"], *(0.1 * n for n in range(20))]) / np.sqrt(252)
    returns = result.returns.to_numpy()
    skew, kurtosis = moments(returns)
    expected = deflated_sharpe(
        sharpe_ratio(returns), 399, trials=21, variance=sharpes.var(ddof=1), skew=skew, kurtosis=kurtosis
    )
    assert many.deflated == pytest.approx(expected)
    assert many.interval.low < many.sharpe < many.interval.high
    assert many.ledger.count == 21
    assert weigh(result, ledger, dataset="d").trials == 1


def test_results_too_good_are_named() -> None:
    days = weekdays(260)
    rng = np.random.default_rng(0)
    close = (50 * np.exp(np.cumsum(rng.normal(0.002, 0.004, 260))))[:, None]
    result = run_backtest(weight_frame([(days[0], 1, 1.0)]), frame(close, close), CostModel.free())
    assert result.stats["sharpe"] > 2
    assert [f.code for f in result.findings] == ["SHARPE_TOO_GOOD", "GROWTH_TOO_GOOD"]
    assert any("available_at" in check for check in result.findings[0].checks)
    assert result.summary()["findings"] == ["SHARPE_TOO_GOOD", "GROWTH_TOO_GOOD"]


def test_the_picture_is_drawn_and_repeats(tmp_path: Path) -> None:
    open_, close = random_prices(60, 3, 1)
    result = run_backtest(random_weights(weekdays(60), 5, 3, 0.9, 1), frame(open_, close))
    one = plot_equity(result, tmp_path / "a" / "equity.svg", title="SIMULATED US")
    two = plot_equity(result, tmp_path / "again.svg", title="SIMULATED US")
    assert "SIMULATED US" in one.read_text()
    assert one.read_bytes() == two.read_bytes()
    assert plot_equity(result, tmp_path / "equity.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="must end in"):
        plot_equity(result, tmp_path / "equity.bmp")
