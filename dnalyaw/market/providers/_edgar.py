"""SEC EDGAR: figures that companies filed, their filings, and the filed documents."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from dnalyaw.market._schema import empty
from dnalyaw.market.fundamentals import facts_of, fundamentals_feed
from dnalyaw.market.providers._base import ProviderError
from dnalyaw.market.providers._edgar_wire import Client
from dnalyaw.market.providers._filed import FiledProvider

__all__ = ["EdgarProvider"]

_ENTRY = re.compile(r"(?P<who>[A-Za-z][A-Za-z0-9.\-]*|\d{1,10})(=(?P<id>[1-9]\d*))?")


class EdgarProvider(FiledProvider):
    """Figures of the companies of a list, from data.sec.gov's companyfacts and submissions.

    A ticker is who holds it **today** (company_tickers.json): for a reused ticker, or a company that is gone, give the CIK.
    An instrument's id is the CIK unless the list says another (``AAPL=1001``). Each vintage is known from the moment
    of acceptance; where that is not stated, from the end of the day it was filed, in New York.

    Parameters
    ----------
    text : str
        ``"AAPL,MSFT"``, ``"320193"``, ``"AAPL=1001,789019=1002"``.
    name : str, optional
        The provider as typed.
    now : callable, optional
        For tests: the present moment, UTC.
    http : optional
        ``sleep``, ``clock``, ``tries`` and ``timeout_s`` of `HttpSource`.

    Raises
    ------
    ProviderError
        If the list is malformed, or DNALYAW_EDGAR_USER_AGENT is not set.
    """

    def __init__(
        self,
        text: str,
        *,
        name: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        **http: Any,
    ) -> None:
        self.name = name or f"edgar:{text}"
        self._entries: list[tuple[str, int | None]] = []
        for word in (w.strip() for w in text.split(",")):
            match = _ENTRY.fullmatch(word)
            if match is None:
                raise ProviderError(
                    f"provider {self.name}: {word!r} is no ticker or CIK; write edgar:AAPL,789019 or "
                    f"edgar:AAPL=1001 with the instrument's id"
                )
            self._entries.append((match["who"], int(match["id"]) if match["id"] else None))
        self._client = Client(self.name, now, **http)

    @cached_property
    def companies(self) -> dict[int, int]:
        """CIK to instrument_id, in the order of the list."""
        out: dict[int, int] = {}
        for who, instrument in self._entries:
            cik = int(who) if who.isdigit() else self._client.cik_of(who)
            if cik in out:
                raise ProviderError(f"provider {self.name}: names CIK {cik} twice; keep one")
            out[cik] = cik if instrument is None else instrument
        return out

    def _rows(self) -> pl.DataFrame:
        parts = [empty("fundamentals")]
        for cik, instrument in self.companies.items():
            filings = self._client.filings(cik).filter(pl.col("accepted").is_not_null())
            accepted = dict(zip(filings["accession"], filings["accepted"], strict=True))
            value = self._client.companyfacts(cik)
            facts = facts_of(value, f"provider {self.name}: companyfacts of CIK {cik}", accepted)
            parts.append(fundamentals_feed(facts, {cik: instrument}))
        return pl.concat(parts).sort("available_at", "instrument_id", "metric", "period_end", "period_start")

    def filings(self, cik: int, forms: tuple[str, ...] | None = None) -> pl.DataFrame:
        """Return the filings of a company, oldest first.

        Parameters
        ----------
        cik : int
        forms : tuple of str, optional
            Such as ``("10-K", "10-K/A")``; all when omitted.

        Returns
        -------
        polars.DataFrame
            cik, accession, form, filed, period, accepted (UTC), document.
        """
        rows = self._client.filings(cik)
        return rows if forms is None else rows.filter(pl.col("form").is_in(list(forms)))

    def document(
        self,
        cik: int,
        accession: str,
        document: str | None = None,
        *,
        progress: Callable[[int, int | None], None] | None = None,
    ) -> Path:
        """Return where a filed document lies, raw, fetched if it is not held; see `Client.document`."""
        return self._client.document(cik, accession, document, progress=progress)
