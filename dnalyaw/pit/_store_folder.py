"""The folder a store lies in, on a disk or behind an fsspec URL: whole files, made once, never changed."""

from __future__ import annotations

import io
import os
import threading
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from dnalyaw.pit._errors import StoreError

EXCLUSIVE = frozenset({"file", "local", "memory", "s3", "s3a", "gs", "gcs"})
"""Protocols whose fsspec filesystem creates an object only where there is none (a conditional put on object stores)."""

_IN_PROCESS = threading.Lock()


class Folder:
    """Whole files below one fsspec URL.

    Parameters
    ----------
    url : str
        A local folder, ``memory://...``, ``s3://bucket/...``, or what else fsspec knows.
    storage_options : dict
        Options of the fsspec filesystem.
    single_writer : bool
        The caller promises that one process at a time writes: needed where the filesystem has no exclusive create.
    """

    def __init__(self, url: str, storage_options: dict[str, Any], *, single_writer: bool = False) -> None:
        import fsspec

        self.url = str(url).rstrip("/")
        try:
            self.fs, root = fsspec.core.url_to_fs(self.url, **storage_options)
        except (ImportError, ValueError) as error:
            raise StoreError(f"{self.url}: no filesystem for this URL ({error})") from error
        self.root = root.rstrip("/")
        protocol = self.fs.protocol
        self.protocol = protocol if isinstance(protocol, str) else protocol[0]
        self.local = self.protocol in ("file", "local")
        self.exclusive = self.protocol in EXCLUSIVE
        if not self.exclusive and not single_writer:
            raise StoreError(
                f"{self.url}: {self.protocol} promises no exclusive create, so two writers could lose an append. "
                f"Give single_writer=True where you make sure that one process at a time writes"
            )
        self.faults = _faults(self.protocol)
        self._options = storage_options
        self._probed = self.local or self.protocol == "memory" or not self.exclusive

    def path(self, name: str) -> str:
        """The whole path of a file of this folder."""
        return f"{self.root}/{name}"

    # -- reading ------------------------------------------------------------------------------------

    def names(self, folder: str) -> list[str]:
        """Names of the files in a subfolder, ascending; none where it does not exist."""
        self.fs.invalidate_cache(self.path(folder))
        try:
            found = self.fs.ls(self.path(folder), detail=False)
        except FileNotFoundError:
            return []
        except self.faults as error:
            raise StoreError(
                f"{self.path(folder)} cannot be read ({error}); is the store there, and ours?"
            ) from error
        names = (str(path).rstrip("/").rsplit("/", 1)[-1] for path in found)
        return sorted(name for name in names if not name.startswith("."))

    def walk(self, folder: str) -> list[str]:
        """Every file below a subfolder, as names within this folder, ascending."""
        self.fs.invalidate_cache()
        try:
            found = self.fs.find(self.path(folder))
        except FileNotFoundError:
            return []
        return sorted(str(path)[len(self.root) + 1 :] for path in found)

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        return self.fs.cat_file(self.path(name))

    def made_at(self, name: str) -> datetime:
        """When a file was written."""
        info = self.fs.info(self.path(name))
        for field in ("mtime", "LastModified", "created", "updated", "timeCreated"):
            value = info.get(field)
            if isinstance(value, int | float):
                return datetime.fromtimestamp(value, UTC)
            if isinstance(value, str):
                value = datetime.fromisoformat(value)
            if isinstance(value, datetime):
                return value if value.tzinfo else value.replace(tzinfo=UTC)
        raise StoreError(f"{self.path(name)}: the filesystem does not say when it was written")

    def scan(self, names: Sequence[str], schema: dict[str, pl.DataType]) -> pl.LazyFrame:
        """The rows of several Parquet files; columns that a file does not have yet are null."""
        paths = [self.path(name) for name in names]
        options: dict[str, Any] = {"schema": schema, "missing_columns": "insert", "glob": False}
        if self.local:
            return pl.scan_parquet(paths, **options)
        if self.protocol in ("s3", "s3a"):
            urls = [f"s3://{path}" for path in paths]
            return pl.scan_parquet(urls, storage_options=_s3_options(self._options), **options)
        # polars cannot reach this filesystem itself: whole files go through fsspec.
        return pl.scan_parquet([self.read(name) for name in names], **options)

    # -- writing ------------------------------------------------------------------------------------

    def write_parquet(self, name: str, frame: pl.DataFrame) -> int:
        """Write rows to a new file and bring them to the disk.

        Returns
        -------
        int
            Bytes written.
        """
        settings: dict[str, Any] = {
            "compression": "zstd",
            "compression_level": 1,
            "statistics": True,
            "row_group_size": 1 << 17,
        }
        if self.local:
            path = Path(self.path(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                frame.write_parquet(path, **settings)
                _sync(path)
                _sync(path.parent)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
            return path.stat().st_size
        buffer = io.BytesIO()
        frame.write_parquet(buffer, **settings)
        self.fs.pipe_file(self.path(name), buffer.getvalue())
        return buffer.tell()

    def create(self, name: str, data: bytes) -> bool:
        """Write a file whole and only where there is none; False where there is one already."""
        if self.local:
            return _create_local(Path(self.path(name)), data)
        if not self._probed:
            self._probe()
        with _IN_PROCESS:
            return self._create(self.path(name), data)

    def _create(self, path: str, data: bytes) -> bool:
        try:
            self.fs.pipe_file(path, data, mode="create")
        except FileExistsError:
            return False
        except OSError as error:
            # Two conditional puts at once: S3 answers the later one 409 instead of 412.
            if "ConditionalRequestConflict" in str(error):
                return False
            raise
        return True

    def _probe(self) -> None:
        """Make sure, once, that this store honours the condition: many that speak S3's protocol pass it over."""
        path = self.path(f".probe-{uuid.uuid4().hex}")
        try:
            first, second = self._create(path, b"1"), self._create(path, b"2")
        finally:
            self.fs.rm_file(path)
        if not first or second:
            raise StoreError(
                f"{self.url}: this store writes over an object although asked to create it only, so two writers could "
                f"lose an append. Nothing was written; use a store with conditional puts"
            )
        self._probed = True

    def replace(self, name: str, data: bytes) -> None:
        """Put a file in the place of another, in one step."""
        if not self.local:
            self.fs.pipe_file(self.path(name), data)
            return
        path = Path(self.path(name))
        partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        partial.write_bytes(data)
        partial.rename(path)

    def remove(self, name: str) -> None:
        """Remove a file; one that is gone already is no fault."""
        try:
            self.fs.rm_file(self.path(name))
        except FileNotFoundError:
            return


def _faults(protocol: str) -> tuple[type[Exception], ...]:
    """What a filesystem raises when it is full, out of reach or not ours."""
    found: tuple[type[Exception], ...] = (OSError, pl.exceptions.PolarsError)
    if protocol in ("s3", "s3a"):
        from botocore.exceptions import BotoCoreError, ClientError

        found = (*found, BotoCoreError, ClientError)
    return found


def _create_local(path: Path, data: bytes) -> bool:
    """Link a whole, synced file to its name: a link is made only where the name is free."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with partial.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(partial, path)
        except FileExistsError:
            return False
    finally:
        partial.unlink(missing_ok=True)
    _sync(path.parent)
    return True


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _s3_options(given: dict[str, Any]) -> dict[str, Any]:
    """The options of s3fs as polars' own reader takes them; what is left out comes from the environment for both."""
    client = given.get("client_kwargs") or {}
    endpoint = given.get("endpoint_url") or client.get("endpoint_url") or os.environ.get("AWS_ENDPOINT_URL")
    options: dict[str, Any] = {
        "aws_access_key_id": given.get("key"),
        "aws_secret_access_key": given.get("secret"),
        "aws_session_token": given.get("token"),
        "aws_endpoint_url": endpoint,
        "aws_region": client.get("region_name"),
    }
    if endpoint and endpoint.startswith("http://"):
        options["aws_allow_http"] = "true"
    return {name: value for name, value in options.items() if value is not None}
