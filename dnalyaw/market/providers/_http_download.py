"""Fetching a file so that a cut line, a kill or a full disk costs no byte that has come."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnalyaw.market.providers._base import ProviderError
from dnalyaw.market.providers._http_rules import HttpError, Passing

if TYPE_CHECKING:
    import httpx

    from dnalyaw.market.providers._http import HttpSource

__all__ = ["download"]

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
Progress = Callable[[int, "int | None"], None]


def download(
    source: HttpSource,
    path: str,
    target: Path,
    *,
    params: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    sha256: str | None = None,
) -> Path:
    """Fetch `path` into `target`, going on where an earlier call stopped.

    What has come lies in ``TARGET.partial`` and what it is of (URL, validator) in ``TARGET.partial.json``. The
    rest is asked for by Range with If-Range, so that a file which changed meanwhile starts anew; without a
    validator it is gone on with only where `sha256` will prove the whole. `target` appears at once and whole.

    Parameters
    ----------
    source : HttpSource
    path : str
    target : pathlib.Path
        Replaced when all has come.
    params : mapping, optional
    progress : callable, optional
        Called with bytes held and bytes in all (None: unknown).
    sha256 : str, optional
        What the file's SHA-256 must be, in hex.

    Raises
    ------
    HttpError
        If the server fails, or the file's length or hash is another.
    ProviderError
        If the disk is full or the folder cannot be written, or another process fetches the same file.
    """
    partial = target.with_name(target.name + ".partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("ab+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ProviderError(
                    f"provider {source.name}: another process is fetching {target}; wait for it"
                ) from None
            fetch = _Fetch(source, path, params, file, partial, progress, provable=sha256 is not None)
            source.again(fetch.go, got=lambda: fetch.size)
            file.flush()
            os.fsync(file.fileno())
            if sha256 is not None:
                _prove(fetch, sha256.lower(), target)
            partial.replace(target)
            fetch.notes.unlink(missing_ok=True)
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        raise ProviderError(
            f"provider {source.name}: cannot write {target} ({error.strerror}); free space or name another folder, "
            f"then run again: it goes on where it stopped"
        ) from error
    return target


def _prove(fetch: _Fetch, want: str, target: Path) -> None:
    fetch.file.seek(0)
    have = hashlib.file_digest(fetch.file, "sha256").hexdigest()
    if have != want:
        fetch.restart()
        raise HttpError(
            f"{fetch.where} gave {target.name} with SHA-256 {have}, want {want}; it is thrown away: run again, and "
            f"check the hash if it stays"
        )


class _Fetch:
    """One file as far as it has come."""

    def __init__(
        self,
        source: HttpSource,
        path: str,
        params: Mapping[str, str] | None,
        file: io.BufferedRandom,
        partial: Path,
        progress: Progress | None,
        *,
        provable: bool,
    ) -> None:
        self.source, self.path, self.params, self.file = source, path, params, file
        self.notes = partial.with_name(partial.name + ".json")
        self.where = f"provider {source.name}: {path}"
        self._progress, self._provable = progress, provable
        self._of = {"path": path, "params": source.hide(json.dumps(dict(params or {}), sort_keys=True))}
        self._validator: str | None = None
        self.size = file.seek(0, os.SEEK_END)
        noted = self._noted()
        self._validator = noted.get("validator") if noted else None
        if self.size and (noted is None or not (self._validator or provable)):
            self.restart()

    def _noted(self) -> dict[str, Any] | None:
        """What the partial file is of; None where that is unknown or another thing."""
        try:
            noted = json.loads(self.notes.read_text())
        except (FileNotFoundError, ValueError):
            return None
        same = isinstance(noted, dict) and all(noted.get(key) == value for key, value in self._of.items())
        return noted if same else None

    def restart(self) -> None:
        """Throw away what has come."""
        self.file.seek(0)
        self.file.truncate()
        self.size = 0
        self.notes.unlink(missing_ok=True)

    def go(self) -> None:
        """Ask for the rest, once."""
        headers = {"Accept-Encoding": "identity"}
        if self.size:
            headers["Range"] = f"bytes={self.size}-"
            if self._validator:
                headers["If-Range"] = self._validator
        try:
            with self.source.answer(self.path, self.params, headers) as response:
                self.where = self.source.where(response)
                total = self._begin(response)
                self._take(response, total)
        except HttpError as error:
            if error.status != 416 or not self.size:
                raise
            # What is held is not the beginning of what the server has now.
            self.restart()
            raise Passing(f"{self.where} no longer holds what was begun; it starts anew", 416, 0.0) from None

    def _begin(self, response: httpx.Response) -> int | None:
        """Get the file ready for the answer's bytes; returns the whole length, None where it is unknown."""
        encoding = response.headers.get("content-encoding", "identity")
        if encoding != "identity":
            raise HttpError(f"{self.where} sent the file packed as {encoding!r}; tell the provider")
        if response.status_code == 206:
            found = _RANGE.fullmatch(response.headers.get("content-range", ""))
            if found is None or int(found[1]) != self.size:
                self.restart()
                raise Passing(f"{self.where} sent another part of the file than was asked for", 206, 0.0)
            return None if found[3] == "*" else int(found[3])
        self.restart()
        etag = response.headers.get("etag", "")
        # A weak validator says that two bodies mean the same, not that their bytes are the same.
        strong = etag if etag and not etag.startswith("W/") else response.headers.get("last-modified")
        self._validator = strong
        self.notes.write_text(json.dumps({**self._of, "validator": strong}))
        length = response.headers.get("content-length", "")
        return int(length) if length.isdigit() else None

    def _take(self, response: httpx.Response, total: int | None) -> None:
        self._tell(total)
        for chunk in response.iter_raw():
            self.file.write(chunk)
            self.size += len(chunk)
            self.source.counters.add(bytes=len(chunk))
            self._tell(total)
        self.file.flush()
        if total is not None and self.size != total:
            size = self.size
            if size > total:
                self.restart()
            raise Passing(f"{self.where} sent {size} of {total} bytes: half a body; run again later")
        if not self.size:
            raise Passing(f"{self.where} sent an empty file; run again later")

    def _tell(self, total: int | None) -> None:
        if self._progress is not None:
            self._progress(self.size, total)
