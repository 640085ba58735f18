"""What makes a body usable: whole, unpacked, and of the kind that was asked for."""

from __future__ import annotations

import json
import zlib
from typing import Any

from dnalyaw.market.providers._http_rules import HttpError, Passing

__all__ = ["JSON_TYPES", "MAX_BODY", "check_type", "said", "to_json", "unpacked"]

MAX_BODY = 1 << 30
"""Bytes that a body held in memory may have."""

JSON_TYPES = ("application/json", "text/json")


def unpacked(raw: bytes, encoding: str, where: str) -> bytes:
    """Return `raw` without its content encoding.

    httpx's own decoder takes a gzip stream that stops early for a whole one.

    Raises
    ------
    HttpError
        `Passing` where the stream is broken or cut off.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return raw
    if encoding not in ("gzip", "x-gzip"):
        raise HttpError(
            f"{where} sent a body packed as {encoding!r}, which nobody asked for; tell the provider"
        )
    pieces: list[bytes] = []
    size = 0
    while raw:
        stream = zlib.decompressobj(31)
        try:
            piece = stream.decompress(raw, MAX_BODY - size + 1)
        except zlib.error as error:
            raise Passing(f"{where} sent a broken gzip body ({error}); run again later") from None
        size += len(piece)
        if size > MAX_BODY:
            raise HttpError(f"{where} unpacks to more than {MAX_BODY} bytes; ask for less at a time")
        if not stream.eof:
            raise Passing(f"{where} sent half a body (gzip cut off); run again later")
        pieces.append(piece)
        raw = stream.unused_data
    return b"".join(pieces)


def check_type(body: bytes, kind: str, types: tuple[str, ...], where: str, keys: str, begins: str) -> None:
    """Refuse a body that is empty, or of another media type than `types` (any when empty).

    Parameters
    ----------
    body : bytes
    kind : str
        The answer's Content-Type; a body of no stated type is judged by what it holds.
    types : tuple of str
    where, keys : str
        Provider and URL, and the variables of its keys, for messages.
    begins : str
        How the body begins, fit to print.
    """
    kind = kind.partition(";")[0].strip().lower()
    if not body.strip():
        raise Passing(f"{where} sent an empty body; run again later")
    as_json = "application/json" in types
    markup = as_json and body.lstrip()[:1] == b"<"
    if not types or (not markup and (kind in types or kind == "" or (as_json and kind.endswith("+json")))):
        return
    what = "HTML" if "html" in kind or markup else kind
    raise HttpError(
        f"{where} sent {what} instead of {types[0]} (it begins {begins!r}): a page of maintenance, login or a "
        f"proxy; check the URL{' and ' + keys if keys else ''}, or run again later"
    )


def to_json(body: bytes, where: str) -> Any:
    """Return the JSON value of `body`; NaN and Infinity, which JSON does not have, are refused."""
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise HttpError(
            f"{where} sent bytes that are not UTF-8 (at byte {error.start}); run again, and tell the provider "
            f"if it stays"
        ) from None
    except (ValueError, RecursionError) as error:
        # Half of a body whose length is not stated looks like this, so it is asked for again. What Python
        # says holds a place and a kind, never the text.
        raise Passing(f"{where} sent what is no JSON ({error}): half a body? run again later") from None


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON number")


def said(raw: bytes) -> str:
    """What a server says of its refusal in `message` or `error`, on one line; empty where it says nothing."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return ""
    text = (value.get("message") or value.get("error")) if isinstance(value, dict) else None
    return " ".join(text.split()) if isinstance(text, str) else ""
