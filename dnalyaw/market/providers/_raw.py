"""Bytes of a user's file, and what they are where they are not what the file's name says."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from dnalyaw.market.providers._base import ProviderError

__all__ = ["mistaken", "read_bytes", "unpack"]

_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"\x1f\x8b", "gzip", "name it .csv.gz, or unpack it"),
    (b"PK\x03\x04", "a zip or an Excel workbook", "unpack it, or save the sheet as CSV UTF-8"),
    (b"PAR1", "Parquet", "name it .parquet"),
    (b"\x28\xb5\x2f\xfd", "zstd", "unpack it"),
    (b"BZh", "bzip2", "unpack it"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV UTF-8"),
    # Before UTF-16, whose mark it begins with.
    (b"\xff\xfe\x00\x00", "UTF-32 text", "save it as UTF-8"),
    (b"\xff\xfe", "UTF-16 text", "save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text", "save it as UTF-8"),
    (b"SQLite format 3", "an SQLite database", "read it with provider sql:"),
    (b"DBN", "Databento DBN", "read it with provider dbn:"),
)
_PAGES = (b"<!doctype html", b"<html", b"<head", b"<body", b"<?xml")


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises
    ------
    ProviderError
        If it cannot be read; the message names it.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ProviderError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error


def unpack(data: bytes, where: str) -> bytes:
    """Return what a gzip file holds.

    Raises
    ------
    ProviderError
        If it is no gzip, or ends early, or is damaged.
    """
    if data[:2] != b"\x1f\x8b":
        what = mistaken(data) or ("nothing: it is empty" if not data else "something else", "fetch it again")
        raise ProviderError(f"{where}: is named .gz and is {what[0]}; {what[1]}")
    try:
        return gzip.decompress(data)
    except EOFError as error:
        raise ProviderError(f"{where}: the gzip ends early; fetch the whole file again") from error
    except (OSError, zlib.error) as error:
        raise ProviderError(f"{where}: the gzip is damaged ({error}); fetch it again") from error


def mistaken(data: bytes) -> tuple[str, str] | None:
    """Return what bytes that should be CSV evidently are instead, and what to do; None when they may be CSV.

    Parameters
    ----------
    data : bytes
        The whole file, or at least its first kilobyte.
    """
    for magic, what, cure in _MAGIC:
        if data.startswith(magic):
            return what, cure
    head = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.lower().startswith(_PAGES):
        return "a web page", "the download was refused or needs a login: fetch the file again"
    if head[:1] == b"{" or head[:2] in (b"[{", b"[]"):
        return "JSON", "convert it, or fetch it as CSV"
    return None
