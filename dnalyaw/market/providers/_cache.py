"""What providers' servers have sent, kept on disk as it came: an interrupted download asks only for the rest."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dnalyaw.market.providers._base import ProviderError

__all__ = ["CACHE_VARIABLE", "Page", "PageCache", "cache_root"]

_LOG = logging.getLogger(__name__)

CACHE_VARIABLE = "DNALYAW_CACHE"
"""Environment variable that names the folder; `~/.cache/dnalyaw` without it."""


@dataclass(frozen=True, slots=True)
class Page:
    """One answer as it was received.

    Attributes
    ----------
    key : str
        What was asked for, without secrets.
    body : bytes
        The body, unpacked and otherwise untouched.
    fetched_at : datetime.datetime
        When it had come, UTC: nothing in it was known to us earlier.
    sha256 : str
        Of `body`, in hex.
    """

    key: str
    body: bytes
    fetched_at: datetime
    sha256: str


def cache_root() -> Path:
    """Return the folder that caches lie in."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "dnalyaw"


class PageCache:
    """The answers of one provider: an append-only index, and bodies named by their hash.

    Several processes may write at once. A line that a kill cut off is passed over, a body whose bytes are not
    what its name says counts as absent; both are asked for again.

    Parameters
    ----------
    name : str
        Folder of the provider, such as ``"alpaca"``.
    root : pathlib.Path, optional
        `cache_root` when omitted.
    now : callable, optional
        For tests: the present moment, UTC.
    """

    def __init__(
        self, name: str, root: Path | None = None, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.folder = (root or cache_root()) / name
        self.now = now
        self._lines: dict[str, list[dict[str, str]]] = {}
        self._read_to = 0

    def versions(self, key: str) -> list[Page]:
        """Return everything that was received for `key`, oldest first; repeats of the same bytes once."""
        self._refresh()
        pages: list[Page] = []
        for line in self._lines.get(key, []):
            if pages and pages[-1].sha256 == line["sha256"]:
                continue
            body = self._body(line["sha256"])
            if body is not None:
                pages.append(Page(key, body, datetime.fromisoformat(line["at"]), line["sha256"]))
        return pages

    def last(self, key: str) -> Page | None:
        """Return what was received last for `key`, with the moment it was last seen; None where there is nothing."""
        self._refresh()
        for line in reversed(self._lines.get(key, [])):
            body = self._body(line["sha256"])
            if body is not None:
                return Page(key, body, datetime.fromisoformat(line["at"]), line["sha256"])
        return None

    def get(self, key: str, ask: Callable[[], bytes], *, since: datetime | None = None) -> Page:
        """Return the page of `key`, asking for it only where none fetched at or after `since` is held.

        Parameters
        ----------
        key : str
        ask : callable
            Asks the server; its errors pass through and nothing is kept.
        since : datetime.datetime, optional
            UTC; any age will do when omitted.
        """
        held = self.last(key)
        if held is not None and (since is None or held.fetched_at >= since):
            return held
        body = ask()
        return self.put(key, body)

    def put(self, key: str, body: bytes) -> Page:
        """Keep `body` as received now for `key`.

        Raises
        ------
        ProviderError
            If the folder cannot be written.
        """
        digest, at = hashlib.sha256(body).hexdigest(), self.now()
        line = json.dumps({"key": key, "sha256": digest, "bytes": len(body), "at": at.isoformat()}) + "\n"
        try:
            self._keep(digest, body)
            with (self.folder / "index.jsonl").open("ab+") as index:
                fcntl.flock(index, fcntl.LOCK_EX)
                end = index.seek(0, os.SEEK_END)
                if end:
                    index.seek(end - 1)
                    if index.read(1) != b"\n":
                        # A kill cut the line before; ours must not become part of it.
                        line = "\n" + line
                index.write(line.encode())
                index.flush()
                os.fsync(index.fileno())
        except OSError as error:
            raise ProviderError(
                f"cannot keep what was received in {self.folder} ({error.strerror}); free space or set "
                f"{CACHE_VARIABLE} to another folder, then run again: what came before is held"
            ) from error
        return Page(key, body, at, digest)

    def _keep(self, digest: str, body: bytes) -> None:
        path = self._path(digest)
        if self._body(digest) is not None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _path(self, digest: str) -> Path:
        return self.folder / "objects" / digest[:2] / digest

    def _body(self, digest: str) -> bytes | None:
        try:
            body = self._path(digest).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ProviderError(
                f"cannot read {self._path(digest)} ({error.strerror}); check its permissions"
            ) from error
        if hashlib.sha256(body).hexdigest() != digest:
            _LOG.warning("%s: is not what was received; it is asked for again", self._path(digest))
            return None
        return body

    def _refresh(self) -> None:
        """Read the index lines that are new since the last look."""
        try:
            with (self.folder / "index.jsonl").open("rb") as index:
                index.seek(self._read_to)
                data = index.read()
        except FileNotFoundError:
            return
        except OSError as error:
            raise ProviderError(
                f"cannot read {self.folder} ({error.strerror}); check its permissions"
            ) from error
        whole = data.rfind(b"\n") + 1
        self._read_to += whole
        for text in data[:whole].splitlines():
            try:
                line = json.loads(text)
                key = line["key"]
                datetime.fromisoformat(line["at"])
                int(line["sha256"], 16)
            except (ValueError, KeyError, TypeError):
                if text.strip():
                    _LOG.warning(
                        "%s: a line of the index was cut off; what it was of is asked for again", self.folder
                    )
                continue
            self._lines.setdefault(key, []).append(line)
