"""The way to a provider's server: spaced, retried, checked, and silent about its keys."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from dnalyaw.market.providers._base import ProviderError
from dnalyaw.market.providers._http_body import JSON_TYPES, MAX_BODY, check_type, said, to_json, unpacked
from dnalyaw.market.providers._http_retry import again
from dnalyaw.market.providers._http_rules import (
    RETRY_AFTER_CAP_S,
    Counters,
    HttpError,
    Passing,
    Secrets,
    bucket_of,
    fault_of,
)

if TYPE_CHECKING:
    import httpx

__all__ = ["MAX_BODY", "RETRY_AFTER_CAP_S", "HttpError", "HttpSource", "Passing"]

_LOG = logging.getLogger(__name__)

_T = TypeVar("_T")
_Bytes = bytes  # a method of the class is called so
_REDIRECTS = 5
_TOTAL = 10
"""A body held in memory may take this many times the timeout: a server that drips is slow too."""


class HttpSource:
    """One server of a provider.

    Connection faults, timeouts, broken bodies, 429 and 5xx are asked again, with exponential backoff and
    jitter, or after the seconds that Retry-After asks for (at most `RETRY_AFTER_CAP_S`). Other 4xx are not.
    Requests to one host are spaced across the whole process. A redirect to another host gets no secret.

    Parameters
    ----------
    base_url : str
        ``https://host[/prefix]``; plain http with secrets is refused except to this machine itself.
    name : str
        The provider as typed, for messages.
    headers : mapping, optional
        Headers that anybody may read, such as User-Agent.
    secrets : mapping, optional
        Headers whose values reach no log, error or repr.
    secret_params : mapping, optional
        The same for query parameters.
    rate_per_s : float
        Requests a second at most, for the host and the process.
    tries : int, default 6
        How often one thing is asked for before the last fault is raised.
    timeout_s : float, default 30
        Seconds for a connection, and for the next bytes of an answer.
    transport : httpx.BaseTransport, optional
        For tests.
    keys : str, default ""
        Names of the environment variables that hold the secrets, for messages.
    sleep, clock : callable, optional
        For tests: wait seconds; monotonic seconds.

    Raises
    ------
    ProviderError
        If the URL or a secret is unfit.
    """

    def __init__(
        self,
        base_url: str,
        *,
        name: str,
        headers: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        secret_params: Mapping[str, str] | None = None,
        rate_per_s: float,
        tries: int = 6,
        timeout_s: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        keys: str = "",
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise ProviderError(f"provider {name}: {base_url!r} is no URL of a server: want https://HOST")
        hidden = bool(secrets or secret_params)
        if hidden and parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise ProviderError(f"provider {name}: keys are not sent to {base_url} in the clear; use https")
        for key, value in (headers or {}).items():
            if not value.isascii() or not value.isprintable() or value != value.strip():
                raise ProviderError(f"provider {name}: {key} {value!r} is no header: use plain ASCII text")
        if rate_per_s <= 0 or tries < 1:
            raise ValueError(f"rate_per_s {rate_per_s} and tries {tries} must be positive")
        self.name = name
        self.counters = Counters()
        self._base, self._keys = base_url.rstrip("/"), keys
        self._origin = (parts.scheme, parts.netloc)
        self._headers = {"Accept-Encoding": "gzip", **(headers or {})}
        self._secrets = Secrets(name, secrets or {}, secret_params or {})
        self._bucket = bucket_of(parts.netloc, rate_per_s)
        self._tries, self._timeout_s, self._transport = tries, timeout_s, transport
        self._sleep, self._clock = sleep, clock
        self._client: httpx.Client | None = None
        self._reported = 0

    def __repr__(self) -> str:
        return f"HttpSource({self._base!r}, name={self.name!r})"

    def __enter__(self) -> HttpSource:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close connections and log what was asked."""
        if self._client is not None:
            self._client.close()
            self._client = None
        self.report()

    def report(self) -> None:
        """Log the counters where they moved since the last report."""
        c = self.counters
        if c.requests > self._reported:
            self._reported = c.requests
            _LOG.info(
                "%s: %s answered %d requests (%d asked again, %d failed), %d bytes, %.1f s waited",
                *(self.name, self._base, c.requests, c.retries, c.failures, c.bytes, c.waited_s),
            )

    # -- what is asked for -----------------------------------------------------------------------------

    def json(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """Return the JSON value at `path`.

        Raises
        ------
        HttpError
            If the answer is an error, no JSON, cut off or empty; one line with provider, URL and remedy.
        """
        return self.again(lambda: self._parsed(path, params)[1])

    def json_bytes(self, path: str, params: Mapping[str, str] | None = None) -> tuple[_Bytes, Any]:
        """Return the body at `path` as it came, and the JSON value in it; raises as `json` does."""
        return self.again(lambda: self._parsed(path, params))

    def bytes(
        self, path: str, params: Mapping[str, str] | None = None, *, types: tuple[str, ...] = ()
    ) -> _Bytes:
        """Return the body at `path`.

        Parameters
        ----------
        path : str
        params : mapping, optional
            Query parameters.
        types : tuple of str, optional
            Media types that will do, such as ``("application/zip",)``; any when empty.

        Raises
        ------
        HttpError
            If the answer is an error, cut off, empty or of another type.
        """
        return self.again(lambda: self._body(path, params, types)[0])

    def download(
        self,
        path: str,
        target: Path,
        *,
        params: Mapping[str, str] | None = None,
        progress: Callable[[int, int | None], None] | None = None,
        sha256: str | None = None,
    ) -> Path:
        """Fetch a file, going on where an earlier call was cut off; see `_http_download.download`."""
        from dnalyaw.market.providers._http_download import download

        return download(self, path, target, params=params, progress=progress, sha256=sha256)

    # -- one answer ------------------------------------------------------------------------------------

    def _parsed(self, path: str, params: Mapping[str, str] | None) -> tuple[_Bytes, Any]:
        body, where = self._body(path, params, JSON_TYPES)
        return body, to_json(body, where)

    def _body(
        self, path: str, params: Mapping[str, str] | None, types: tuple[str, ...]
    ) -> tuple[_Bytes, str]:
        began, limit = self._clock(), _TOTAL * self._timeout_s
        with self.answer(path, params) as response:
            where = self.where(response)
            chunks, size = [], 0
            for chunk in response.iter_raw():
                chunks.append(chunk)
                size += len(chunk)
                self.counters.add(bytes=len(chunk))
                if size > MAX_BODY:
                    raise HttpError(f"{where} sent more than {MAX_BODY} bytes; ask for less at a time")
                if self._clock() - began > limit:
                    raise Passing(f"{where} took over {limit:.0f} s for {size} bytes; run again later")
        body = unpacked(b"".join(chunks), response.headers.get("content-encoding", ""), where)
        begins = self.hide(" ".join(body[:200].decode("utf-8", "replace").split()))[:60]
        check_type(body, response.headers.get("content-type", ""), types, where, self._keys, begins)
        return body, where

    @contextmanager
    def answer(
        self, path: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[httpx.Response]:
        """Send one request and give its good answer (2xx), the body still to be read.

        Raises
        ------
        HttpError
            `Passing` where asking again may help.
        """
        import httpx

        url = httpx.URL(f"{self._base}/{path.lstrip('/')}")
        query = {**(params or {}), **self._secrets.params}
        url = url.copy_merge_params(query) if query else url
        if (url.scheme, url.netloc.decode()) != self._origin:
            raise ProviderError(f"provider {self.name}: {path!r} leads to another server than {self._base}")
        where = f"provider {self.name}: {self.hide(str(url))}"
        try:
            response = self._send(url, headers or {})
            try:
                self._raise_for(response, self.where(response))
                yield response
            finally:
                response.close()
        except httpx.TimeoutException as error:
            kind = type(error).__name__.removesuffix("Timeout").lower()
            text = f"{where} did not answer in {self._timeout_s:g} s ({kind})"
            raise Passing(f"{text}; check the network, or run again later") from None
        except (httpx.RemoteProtocolError, httpx.ReadError) as error:
            # Never the cause itself: it carries the request, and that the headers.
            text = (
                f"{where} broke off: half a body, or nothing ({self.hide(str(error)) or 'connection reset'})"
            )
            raise Passing(f"{text}; run again later") from None
        except httpx.InvalidURL:
            raise HttpError(f"{where} redirects to what is no URL; check the URL") from None
        except httpx.TransportError as error:
            text = f"{where} cannot be reached ({self.hide(str(error)) or type(error).__name__})"
            raise Passing(f"{text}; check the network and the URL") from None

    def _send(self, url: httpx.URL, headers: Mapping[str, str]) -> httpx.Response:
        import httpx

        if self._client is None:
            self._client = httpx.Client(
                timeout=self._timeout_s, transport=self._transport, follow_redirects=False
            )
        home = url
        for _ in range(_REDIRECTS + 1):
            own = (url.scheme, url.netloc.decode()) == self._origin
            secret = self._secrets.headers if own else {}
            request = self._client.build_request("GET", url, headers={**self._headers, **headers, **secret})
            self._wait(self._bucket.reserve(self._clock()))
            self.counters.add(requests=1)
            began = self._clock()
            response = self._client.send(request, stream=True)
            _LOG.debug(
                "%s: GET %s -> %d in %.3f s",
                *(self.name, self.hide(str(url)), response.status_code, self._clock() - began),
            )
            if response.status_code not in (301, 302, 303, 307, 308):
                return response
            location = response.headers.get("location", "")
            response.close()
            url = url.join(location)
            if (url.scheme, url.netloc.decode()) == self._origin and self._secrets.params:
                url = url.copy_merge_params(self._secrets.params)
            if (
                not location
                or url.scheme not in ("http", "https")
                or (home.scheme, url.scheme) == ("https", "http")
            ):
                raise HttpError(
                    f"provider {self.name}: {self.hide(str(home))} redirects to {self.hide(location)!r}, where "
                    f"nothing is asked for; check the URL",
                    response.status_code,
                )
        raise HttpError(f"provider {self.name}: {self.hide(str(home))} redirects in a circle; check the URL")

    def _raise_for(self, response: httpx.Response, where: str) -> None:
        if not 200 <= response.status_code < 300:
            fault = fault_of(
                response.status_code,
                self._said(response),
                response.headers.get("retry-after"),
                where,
                self._keys,
            )
            if isinstance(fault, Passing) and fault.wait_s:
                self._bucket.pause(self._clock() + fault.wait_s)
            raise fault

    def _said(self, response: httpx.Response) -> str:
        raw = b""
        for chunk in response.iter_raw():
            raw += chunk
            if len(raw) > 65536:
                break
        self.counters.add(bytes=len(raw))
        # Hidden before it is cut: half of a secret is one too.
        text = "" if response.headers.get("content-encoding") else self.hide(said(raw))[:120]
        return f" ({text})" if text else ""

    # -- asking again ----------------------------------------------------------------------------------

    def again(self, ask: Callable[[], _T], *, got: Callable[[], int] = lambda: 0) -> _T:
        """Call `ask` until it works or the tries are used up; see `_http_retry.again`."""
        return again(ask, tries=self._tries, sleep=self._wait, counters=self.counters, got=got)

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self.counters.add(waited_s=seconds)
            self._sleep(seconds)

    def hide(self, text: str) -> str:
        """Return `text` without the source's secrets."""
        return self._secrets.hide(text)

    def where(self, response: httpx.Response) -> str:
        """Provider and URL, for messages."""
        return f"provider {self.name}: {self.hide(str(response.request.url))}"
