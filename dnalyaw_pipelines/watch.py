"""Turns Dagster's events into the progress lines of ``dnalyaw run``."""

from __future__ import annotations

import logging
from collections import defaultdict

import dagster as dg

from dnalyaw_pipelines.progress import Progress

_current: Progress | None = None


def follow(progress: Progress | None) -> None:
    """Send the events of runs in this process to a progress display; None stops it."""
    global _current
    _current = progress


class _ProgressHandler(logging.Handler):
    """One line an asset, one line for the checks of an asset."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._rows: dict[str, str] = {}
        self._checks: dict[str, list[tuple[str, bool, bool]]] = defaultdict(list)

    def emit(self, record: logging.LogRecord) -> None:
        meta = getattr(record, "dagster_meta", None) or {}
        event = meta.get("dagster_event") if isinstance(meta, dict) else getattr(meta, "dagster_event", None)
        if event is None:
            if record.levelno >= logging.WARNING and _current is not None:
                _current.line(f"  ! {meta.get('orig_message') or record.getMessage()}")
            return
        if _current is None:
            return
        self._show(event, _current)

    def _show(self, event: dg.DagsterEvent, progress: Progress) -> None:
        kind, step = event.event_type_value, event.step_key or ""
        if kind == "STEP_START":
            progress.start(_stage(step))
        elif kind == "ASSET_MATERIALIZATION":
            data = event.step_materialization_data.materialization
            rows = data.metadata.get("dagster/row_count")
            self._rows[step] = f"{rows.value:,} rows" if rows is not None else ""
        elif kind == "ASSET_CHECK_EVALUATION":
            evaluation = event.asset_check_evaluation_data
            blocking = evaluation.severity == dg.AssetCheckSeverity.ERROR
            self._checks[evaluation.asset_key.to_user_string()].append(
                (evaluation.check_name, evaluation.passed, blocking)
            )
        elif kind in ("STEP_SUCCESS", "STEP_FAILURE"):
            ok = kind == "STEP_SUCCESS"
            progress.end(_stage(step), self._rows.pop(step, ""), ok=ok)
            if not ok and event.step_failure_data.error is not None:
                progress.line(f"      {_reason(event)}")


def _stage(step: str) -> str:
    """``us__staging__bars_spike`` (a check) and ``us__staging__bars`` (an asset) as people read them."""
    return step.replace("__", "/")


def _reason(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    while error.cause is not None:
        error = error.cause
    return error.message.strip().splitlines()[0]


@dg.logger(description="Progress lines of dnalyaw run.")
def progress_logger(context: dg.InitLoggerContext) -> logging.Logger:
    """A logger that only feeds the progress display."""
    logger = logging.Logger("dnalyaw.progress", logging.DEBUG)
    logger.addHandler(_ProgressHandler())
    return logger
