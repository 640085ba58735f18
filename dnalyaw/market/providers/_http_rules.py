"""Rules of asking a server: how often, how long to wait, and what must not be told."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import quote, quote_plus

from dnalyaw.market.providers._base import ProviderError

__all__ = [
    "RETRY_AFTER_CAP_S",
    "Bucket",
    "Counters",
    "HttpError",
    "Passing",
    "Secrets",
    "bucket_of",
    "fault_of",
    "retry_after",
]


RETRY_AFTER_CAP_S = 300.0
"""The longest that a server's Retry-After is obeyed; past it the run ends with what it asked for."""


@dataclass
class Counters:
    """What a source has asked and got since it was opened; read it for metrics.

    Attributes
    ----------
    requests : int
        Requests sent, retries among them.
    retries : int
        Requests sent again after a fault that may pass.
    failures : int
        Answers that ended in an error.
    bytes : int
        Bytes of bodies received, as they came over the wire.
    waited_s : float
        Seconds spent waiting, for the rate limit and between retries.
    """

    requests: int = 0
    retries: int = 0
    failures: int = 0
    bytes: int = 0
    waited_s: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, **amounts: float) -> None:
        """Add to the counters named."""
        with self._lock:
            for name, amount in amounts.items():
                setattr(self, name, getattr(self, name) + amount)


class HttpError(ProviderError):
    """An answer that cannot be used.

    Attributes
    ----------
    status : int or None
        HTTP status, None where no whole answer came.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Passing(HttpError):
    """A fault that may pass: asked again until the tries are used up.

    Attributes
    ----------
    wait_s : float or None
        Seconds that the server asked to wait.
    """

    def __init__(self, message: str, status: int | None = None, wait_s: float | None = None) -> None:
        super().__init__(message, status)
        self.wait_s = wait_s


class Bucket:
    """A token bucket of one token, shared by all who ask one host: requests are spaced, never in bursts.

    Of several rates asked for, the lowest holds.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._gap_s = 0.0
        self._next = float("-inf")

    def slow_to(self, rate_per_s: float) -> None:
        """Keep to `rate_per_s` from now on, unless a lower rate holds already."""
        with self._lock:
            self._gap_s = max(self._gap_s, 1.0 / rate_per_s)

    def reserve(self, now: float) -> float:
        """Take the next place; returns the seconds to wait for it."""
        with self._lock:
            at = max(now, self._next)
            self._next = at + self._gap_s
            return at - now

    def pause(self, until: float) -> None:
        """Let nobody ask before `until`: the server asked for it."""
        with self._lock:
            self._next = max(self._next, until)


_BUCKETS: dict[str, Bucket] = {}
_BUCKETS_LOCK = threading.Lock()


def bucket_of(host: str, rate_per_s: float) -> Bucket:
    """Return the process's one bucket of `host` (with its port), at `rate_per_s` at most."""
    with _BUCKETS_LOCK:
        bucket = _BUCKETS.setdefault(host, Bucket())
    bucket.slow_to(rate_per_s)
    return bucket


def retry_after(text: str | None, now: datetime) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for, None where it is absent or unreadable.

    Parameters
    ----------
    text : str or None
        Seconds, or an HTTP date (RFC 9110, 10.2.3).
    now : datetime.datetime
        UTC.

    Examples
    --------
    >>> retry_after("Tue, 01 Dec 2026 00:00:30 GMT", datetime(2026, 12, 1, tzinfo=UTC))
    30.0
    """
    text = (text or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())


def fault_of(status: int, words: str, wait: str | None, where: str, keys: str) -> HttpError:
    """Return the fault that an answer with an error's status is.

    Parameters
    ----------
    status : int
    words : str
        What the server says of it, in brackets; empty where it says nothing.
    wait : str or None
        Its Retry-After.
    where, keys : str
        Provider and URL, and the variables of its keys, for messages.
    """
    if status == 429 or status >= 500:
        now = datetime.now(UTC)
        seconds = retry_after(wait, now)
        if seconds is not None and seconds > RETRY_AFTER_CAP_S:
            at = (now + timedelta(seconds=seconds)).isoformat(timespec="minutes")
            return HttpError(
                f"{where} answered {status} and asks to wait {seconds:.0f} s; run again after {at}", status
            )
        what = "too many requests" if status == 429 else "the server's own fault"
        return Passing(f"{where} answered {status} ({what}){words}; run again later", status, seconds)
    if status in (401, 403):
        remedy = f"check {keys}" if keys else "check what it asks of its users"
    elif status == 404:
        remedy = "it has no such thing; check the name"
    else:
        remedy = "the request is not to its liking; check names and dates"
    return HttpError(f"{where} answered {status}{words}; {remedy}", status)


class _LogFilter(logging.Filter):
    """Keeps secrets out of the libraries' own logs: httpx logs whole URLs, httpcore headers that come."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: set[str] = set()
        for logger in ("httpx", "httpcore.http11", "httpcore.http2", "httpcore.connection", "httpcore.proxy"):
            logging.getLogger(logger).addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        for form in sorted(self.forms, key=len, reverse=True):
            text = text.replace(form, "***")
        record.msg, record.args = text, None
        return True


_FILTER = _LogFilter()


class Secrets:
    """Values that a server must get and nobody else may read."""

    def __init__(self, name: str, headers: Mapping[str, str], params: Mapping[str, str]) -> None:
        for key, value in {**headers, **params}.items():
            # The transport would print an unfit value in its own error.
            if not value or not value.isascii() or not value.isprintable() or value != value.strip():
                raise ProviderError(
                    f"provider {name}: the value of {key} is empty or holds blanks, line ends or letters that "
                    f"no key has; set it again"
                )
        self.headers, self.params = dict(headers), dict(params)
        values = [*headers.values(), *params.values()]
        # `Bearer KEY` must not leave the key alone either.
        values += [value.split()[-1] for value in values]
        forms = {form for value in values for form in (value, quote(value, safe=""), quote_plus(value))}
        # The longest first, so that a value within another leaves no rest of it.
        self._forms = sorted(forms, key=lambda form: (-len(form), form))
        _FILTER.forms.update(forms)

    def __repr__(self) -> str:
        return f"Secrets({', '.join((*self.headers, *self.params))})"

    def hide(self, text: str) -> str:
        """Return `text` with ``***`` for every secret, as it stands or as a URL writes it."""
        for form in self._forms:
            text = text.replace(form, "***")
        return text
