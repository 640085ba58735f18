"""Turns Dagster's events into the progress lines of ``dnalyaw run``."""

import logging

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
        self._judging: dict[str, str] = {}
        self._checks: dict[str, _Verdicts] = {}

    def emit(self, record: logging.LogRecord) -> None:
        if _current is None:
            return
        meta = getattr(record, "dagster_meta", None) or {}
        event = meta.get("dagster_event")
        if event is not None:
            self._show(event, _current)
        elif record.levelno >= logging.ERROR:
            text = str(meta.get("orig_message") or record.getMessage())
            if not text.startswith("Dependencies for step"):
                _current.line(f"  ! {text}")

    def _show(self, event: dg.DagsterEvent, progress: Progress) -> None:
        kind, step = event.event_type_value, event.step_key or ""
        if kind == "STEP_START":
            progress.start(step)
        elif kind == "ASSET_MATERIALIZATION":
            self._flush(progress)
            rows = event.step_materialization_data.materialization.metadata.get("dagster/row_count")
            self._rows[step] = f"{rows.value:,} rows" if rows is not None else ""
        elif kind == "ASSET_CHECK_EVALUATION":
            evaluation = event.asset_check_evaluation_data
            asset = evaluation.asset_key.to_user_string()
            self._judging[step] = asset
            self._checks.setdefault(asset, _Verdicts()).add(evaluation)
        elif kind in ("STEP_SUCCESS", "STEP_FAILURE"):
            self._end(event, step, kind == "STEP_SUCCESS", progress)
        elif kind in ("PIPELINE_SUCCESS", "PIPELINE_FAILURE"):
            self._flush(progress)

    def _end(self, event: dg.DagsterEvent, step: str, ok: bool, progress: Progress) -> None:
        if ok and step in self._judging and step not in self._rows:
            self._checks[self._judging.pop(step)].seconds += progress.stop(step)
            return
        self._judging.pop(step, None)
        progress.end(step, _stage(step), self._rows.pop(step, ""), ok=ok)
        error = None if ok else event.step_failure_data.error
        if error is not None:
            while error.cause is not None:
                error = error.cause
            progress.line(f"      {error.message.strip().splitlines()[0]}")

    def _flush(self, progress: Progress) -> None:
        for asset, verdicts in self._checks.items():
            progress.report(f"checks {asset}", verdicts.seconds, verdicts.text(), ok=not verdicts.blocked)
        self._checks.clear()


class _Verdicts:
    """The checks of one asset."""

    def __init__(self) -> None:
        self.passed = 0
        self.warned: list[str] = []
        self.blocked: list[str] = []
        self.seconds = 0.0

    def add(self, evaluation: dg.AssetCheckEvaluation) -> None:
        """Count one verdict."""
        if evaluation.passed:
            self.passed += 1
        elif evaluation.severity == dg.AssetCheckSeverity.ERROR:
            self.blocked.append(evaluation.check_name)
        else:
            self.warned.append(evaluation.check_name)

    def text(self) -> str:
        """What a person reads."""
        parts = [f"{self.passed} passed"]
        parts += [f"warned: {', '.join(self.warned)}"] if self.warned else []
        parts += [f"BLOCKED: {', '.join(self.blocked)}"] if self.blocked else []
        return ", ".join(parts)


def _stage(step: str) -> str:
    """``us__staging__bars`` as people read it."""
    return step.replace("__", "/")


@dg.logger(description="Progress lines of dnalyaw run.")
def progress_logger(context: dg.InitLoggerContext) -> logging.Logger:
    """A logger that only feeds the progress display."""
    logger = logging.Logger("dnalyaw.progress", logging.DEBUG)
    logger.addHandler(_ProgressHandler())
    return logger
