"""The trial ledger: every backtest that somebody looked at is counted, and none can be taken back."""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Any

from dnalyaw.backtest._errors import LedgerError

_GENESIS = "0" * 64
_FIELDS = ("seq", "prev", "at", "who", "what", "dataset", "data_version", "params", "result", "trial", "hash")


@dataclass(frozen=True)
class Head:
    """Where a ledger stands: number of lines and the hash of the last.

    Keep it with a result to pin the ledger.
    """

    count: int
    hash: str


@dataclass(frozen=True)
class Trial:
    """One line of the ledger."""

    seq: int
    at: str
    who: str
    what: str
    dataset: str
    data_version: str
    params: dict[str, Any]
    result: dict[str, Any]
    trial: str
    hash: str


class TrialLedger:
    """Append-only, hash-chained JSON lines.

    A line holds who tried what, when, on which data, with which parameters, and what came out; its hash
    covers the hash of the line before. The head (count and last hash) is kept beside the file as
    ``<name>.head``, so that a line removed anywhere, the end included, is found by `verify`. A head kept
    elsewhere (every published result carries one) finds a ledger that was rebuilt together with its head.

    A *trial* is what was tried: `what`, `dataset` and `params`. The same trial on a later version of the
    data is counted once.

    Parameters
    ----------
    path : Path or str
        File of the ledger; made, with its folder, by the first record.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.head_path = self.path.with_name(self.path.name + ".head")

    def record(
        self,
        *,
        who: str,
        what: str,
        dataset: str,
        data_version: str,
        params: Mapping[str, Any],
        result: Mapping[str, Any],
        at: datetime | None = None,
    ) -> Trial:
        """Append one trial and return its line, durably on disk.

        Parameters
        ----------
        who : str
            Person or schedule.
        what : str
            What was tried: the strategy's id and class.
        dataset : str
            Provider and region; part of the trial's identity.
        data_version : str
            Version or snapshot of the data; not part of the identity.
        params, result : mapping
            JSON values; numbers finite. `result` should hold ``sharpe`` (annualised) and ``sessions``.
        at : datetime or None
            Moment, with a time zone; None is now.

        Raises
        ------
        LedgerError
            When the chain does not verify, or a value is not JSON.
        """
        moment = at or datetime.now(UTC)
        if moment.tzinfo is None:
            raise LedgerError("trial moment has no time zone; give UTC")
        for name, text in (("who", who), ("what", what), ("dataset", dataset)):
            if not text.strip():
                raise LedgerError(f"trial has no {name}; a trial nobody can name cannot be counted")
        clean, outcome = _plain(dict(params), "params"), _plain(dict(result), "result")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            head = self._checked_head(self._read(file))
            self._drop_torn_line(file)
            body = {
                "seq": head.count + 1,
                "prev": head.hash,
                "at": moment.astimezone(UTC).isoformat(),
                "who": who,
                "what": what,
                "dataset": dataset,
                "data_version": data_version,
                "params": clean,
                "result": outcome,
                "trial": trial_id(what, dataset, clean),
            }
            body["hash"] = _digest(body)
            file.write(_canonical(body) + "\n")
            file.flush()
            os.fsync(file.fileno())
            self._write_head(Head(int(str(body["seq"])), str(body["hash"])))
        return _trial(body)

    def verify(self, expected: Head | None = None) -> Head:
        """Check every hash and the head, and return the head.

        Parameters
        ----------
        expected : Head or None
            A head noted earlier; the ledger must still contain that line at that place.

        Raises
        ------
        LedgerError
            Names the line that was changed, or says that lines are missing.
        """
        lines = self._lines()
        head = self._checked_head(lines)
        if expected is not None and expected.count:
            if expected.count > len(lines):
                raise LedgerError(
                    f"trial ledger {self.path} has {len(lines)} lines, but a result was published at line "
                    f"{expected.count}: lines were removed; restore the file"
                )
            if lines[expected.count - 1]["hash"] != expected.hash:
                raise LedgerError(
                    f"trial ledger {self.path} line {expected.count} is not the one a result was published "
                    f"with: "
                    "the ledger was rewritten; restore the file"
                )
        return head

    def head(self) -> Head:
        """Return the verified head, to be kept with a published result."""
        return self.verify()

    def trials(self, what: str | None = None) -> list[Trial]:
        """Return all verified lines in order, of one `what` when named."""
        lines = self._lines()
        self._checked_head(lines)
        return [_trial(line) for line in lines if what is None or line["what"] == what]

    def distinct(self, dataset: str | None = None) -> dict[str, Trial]:
        """Return the latest line of every distinct trial, keyed by trial id, of one dataset when named."""
        return {t.trial: t for t in self.trials() if dataset is None or t.dataset == dataset}

    def _lines(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        with self.path.open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            return self._read(file)

    def _read(self, file: IO[str]) -> list[dict[str, Any]]:
        file.seek(0)
        lines: list[dict[str, Any]] = []
        previous = _GENESIS
        for number, text in enumerate(file, start=1):
            if not text.endswith("\n"):
                break
            place = f"trial ledger {self.path} line {number}"
            try:
                line = json.loads(text)
            except json.JSONDecodeError as fault:
                raise LedgerError(
                    f"{place} is not JSON ({fault.msg}): restore the file from a copy"
                ) from fault
            if not isinstance(line, dict) or set(line) != set(_FIELDS):
                raise LedgerError(
                    f"{place} does not have the fields of a trial: restore the file from a copy"
                )
            if line["seq"] != number or line["prev"] != previous:
                raise LedgerError(
                    f"{place} does not follow the line before it: a line was removed or moved; restore it"
                )
            if line["hash"] != _digest({k: v for k, v in line.items() if k != "hash"}):
                raise LedgerError(f"{place} was changed after it was written; restore the file from a copy")
            previous = line["hash"]
            lines.append(line)
        return lines

    def _stored_head(self) -> Head | None:
        if not self.head_path.exists():
            return None
        try:
            stored = json.loads(self.head_path.read_text(encoding="utf-8"))
            return Head(int(stored["count"]), str(stored["hash"]))
        except (ValueError, KeyError, TypeError) as fault:
            raise LedgerError(
                f"head of the trial ledger {self.head_path} cannot be read: restore it"
            ) from fault

    def _checked_head(self, lines: list[dict[str, Any]]) -> Head:
        actual = Head(len(lines), lines[-1]["hash"] if lines else _GENESIS)
        stored = self._stored_head()
        if stored is None:
            # The head is written after the line: one line without a head is a first record that was
            # interrupted.
            if len(lines) > 1:
                raise LedgerError(
                    f"trial ledger {self.path} has no head file {self.head_path.name}: restore it"
                )
            return actual
        interrupted = stored.count == len(lines) - 1 and (
            stored.hash == (lines[-2]["hash"] if len(lines) > 1 else _GENESIS)
        )
        if stored != actual and not interrupted:
            raise LedgerError(
                f"trial ledger {self.path} has {actual.count} lines, its head says {stored.count}: "
                "lines were removed or rewritten; restore the file from a copy"
            )
        return actual

    def _drop_torn_line(self, file: IO[str]) -> None:
        # Half a line at the end is an append that a kill cut short: nobody was told that it was recorded.
        data = self.path.read_bytes()
        file.truncate(data.rfind(b"\n") + 1)

    def _write_head(self, head: Head) -> None:
        temporary = self.head_path.with_name(self.head_path.name + ".tmp")
        with temporary.open("w", encoding="utf-8") as file:
            file.write(_canonical({"count": head.count, "hash": head.hash}))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.head_path)


def trial_id(what: str, dataset: str, params: Mapping[str, Any]) -> str:
    """Return the identity of a trial: 16 hex digits over what was tried, on what, with which parameters."""
    content = {"what": what, "dataset": dataset, "params": _plain(dict(params), "params")}
    return hashlib.sha256(_canonical(content).encode()).hexdigest()[:16]


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(body).encode()).hexdigest()


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _plain(value: Any, place: str) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise LedgerError(f"{place} is {value}; a ledger holds finite numbers, or null")
        return value
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(item, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{place}[{at}]") for at, item in enumerate(value)]
    if hasattr(value, "item"):
        return _plain(value.item(), place)
    raise LedgerError(
        f"{place} is a {type(value).__name__}, which is not JSON; give numbers, text, lists or objects"
    )


def _trial(line: Mapping[str, Any]) -> Trial:
    return Trial(**{name: line[name] for name in _FIELDS if name != "prev"})
