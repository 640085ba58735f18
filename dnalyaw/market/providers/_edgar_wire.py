"""EDGAR's servers: what is asked of them, kept as it came, and read with every field checked."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from dnalyaw.market.providers._base import ProviderError
from dnalyaw.market.providers._cache import PageCache
from dnalyaw.market.providers._http import HttpSource

__all__ = ["AGENT", "FILINGS", "Client", "accepted_at"]

AGENT = "DNALYAW_EDGAR_USER_AGENT"
DATA_URL, WWW_URL = "DNALYAW_EDGAR_DATA_URL", "DNALYAW_EDGAR_WWW_URL"
_RATE_PER_S = 5.0
"""Half of the ten requests a second that the SEC allows, as there are two hosts."""
_NEW_YORK = ZoneInfo("America/New_York")
_OPEN, _SHUT, _NEXT_DAY = time(6, 0), time(22, 0), time(17, 30)
_OWNERSHIP = frozenset({"3", "4", "5", "3/A", "4/A", "5/A", "144", "144/A"})
_ACCESSION = re.compile(r"\d{10}-\d{2}-\d{6}")
_PLAIN_NAME = re.compile(r"[\w][\w.\-]*(/[\w][\w.\-]*)?")

FILINGS: dict[str, pl.DataType] = {
    "cik": pl.Int64(),
    "accession": pl.String(),
    "form": pl.String(),
    "filed": pl.Date(),
    "period": pl.Date(),
    "accepted": pl.Datetime("us", "UTC"),
    "document": pl.String(),
}
"""Columns of a company's filings; ``document`` is the primary document's file, null where there is none."""


def accepted_at(text: str, filed: date, form: str) -> datetime:
    """Return the moment of acceptance that submissions state, UTC.

    ``acceptanceDateTime`` ends in Z everywhere, but for many filers it is New York's clock. A reading is possible where
    EDGAR was open (06:00 to 22:00 in New York) and the day of filing follows from it (what comes after 17:30 is filed on a
    later day, but for ownership forms). Of two possible readings the later one, New York's, is taken: never too early.

    Parameters
    ----------
    text : str
        ``2024-11-01T06:01:36.000Z``.
    filed : datetime.date
        The filing's date.
    form : str

    Raises
    ------
    ValueError
        If the text is no moment.
    """
    clock = datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=None)
    as_new_york = clock.replace(tzinfo=_NEW_YORK, fold=1).astimezone(UTC)
    as_utc = clock.replace(tzinfo=UTC)

    def possible(moment: datetime) -> bool:
        local = moment.astimezone(_NEW_YORK)
        if not _OPEN <= local.time() <= _SHUT:
            return False
        if form in _OWNERSHIP:
            return local.date() <= filed
        return local.date() == filed if local.time() <= _NEXT_DAY else local.date() < filed

    if possible(as_utc) and not possible(as_new_york):
        return as_utc
    return as_new_york


class Client:
    """data.sec.gov and www.sec.gov, and the cache of their answers.

    Parameters
    ----------
    name : str
        The provider as typed.
    now : callable
        The present moment, UTC.
    sleep, clock, tries, timeout_s : optional
        As in `HttpSource`, for tests.

    Raises
    ------
    ProviderError
        If the user agent that the SEC asks for is not in the environment.
    """

    def __init__(self, name: str, now: Callable[[], datetime], **http: Any) -> None:
        agent = os.environ.get(AGENT, "").strip()
        if "@" not in agent:
            raise ProviderError(
                f"provider {name}: the SEC asks who is calling: set {AGENT} to your name and e-mail address, as "
                f"'Sample Company admin@example.com'"
            )
        self.name, self.now = name, now
        self.cache = PageCache("edgar", now=now)

        def source(variable: str, usual: str) -> HttpSource:
            return HttpSource(
                os.environ.get(variable) or usual,
                name=name,
                headers={"User-Agent": agent},
                rate_per_s=_RATE_PER_S,
                keys=AGENT,
                **http,
            )

        self._data = source(DATA_URL, "https://data.sec.gov")
        self._www = source(WWW_URL, "https://www.sec.gov")

    def cik_of(self, ticker: str) -> int:
        """Return the CIK that holds `ticker` today, by company_tickers.json."""
        table = self._json(self._www, "files/company_tickers.json")
        try:
            held = {row["ticker"].upper(): int(row["cik_str"]) for row in table.values()}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ProviderError(
                f"provider {self.name}: company_tickers.json is not in its usual form ({error!r}); give CIKs"
            ) from None
        # EDGAR writes BRK-B where others write BRK.B.
        cik = held.get(ticker.upper(), held.get(ticker.upper().replace(".", "-")))
        if cik is None:
            raise ProviderError(
                f"provider {self.name}: no company files under ticker {ticker} today; give its CIK instead"
            )
        return cik

    def companyfacts(self, cik: int) -> Any:
        """Return the JSON of companyfacts."""
        return self._json(self._data, f"api/xbrl/companyfacts/CIK{cik:010d}.json")

    def filings(self, cik: int) -> pl.DataFrame:
        """Return every filing of a company, the older pages too; columns `FILINGS`, in the order of filing."""
        path = f"submissions/CIK{cik:010d}.json"
        value = self._json(self._data, path)
        try:
            pages = [(path, value["filings"]["recent"])]
            names = [entry["name"] for entry in value["filings"]["files"]]
        except (KeyError, TypeError) as error:
            raise ProviderError(f"provider {self.name}: {path} lacks {error}; run again later") from None
        for name in names:
            if not _PLAIN_NAME.fullmatch(name):
                raise ProviderError(
                    f"provider {self.name}: {path} names an odd page {name!r}; run again later"
                )
            pages.append((f"submissions/{name}", self._json(self._data, f"submissions/{name}")))
        frame = pl.concat([self._page(cik, where, page) for where, page in pages])
        return frame.unique("accession", keep="first", maintain_order=True).sort("filed", "accession")

    def _page(self, cik: int, where: str, page: Any) -> pl.DataFrame:
        columns = (
            "accessionNumber",
            "form",
            "filingDate",
            "reportDate",
            "acceptanceDateTime",
            "primaryDocument",
        )
        rows: list[tuple[Any, ...]] = []
        number = 0
        try:
            cells = [page[name] for name in columns]
            for row in zip(*cells, strict=True):
                number += 1
                accession, form, filed, period, accepted, document = row
                if not _ACCESSION.fullmatch(accession):
                    raise ValueError(f"{accession!r} is no accession number")
                day = date.fromisoformat(filed)
                rows.append(
                    (
                        cik,
                        accession,
                        form,
                        day,
                        date.fromisoformat(period) if period else None,
                        accepted_at(accepted, day, form) if accepted else None,
                        document or None,
                    )
                )
        except (KeyError, TypeError, ValueError) as error:
            why = f"lacks {error}" if isinstance(error, KeyError) else f"filing {number}: {error}"
            raise ProviderError(f"provider {self.name}: {where} {why}; run again later") from None
        return pl.DataFrame(rows, schema=FILINGS, orient="row")

    def document(
        self,
        cik: int,
        accession: str,
        document: str | None = None,
        *,
        progress: Callable[[int, int | None], None] | None = None,
    ) -> Path:
        """Return the path of a filed document, fetched raw where it is not held.

        Parameters
        ----------
        cik : int
        accession : str
            ``0000320193-24-000123``.
        document : str, optional
            File of the filing; the filing's index (``index.json``) when omitted.
        progress : callable, optional
            Called with bytes held and bytes in all (None: unknown).

        Notes
        -----
        Filed documents never change: what is held is not asked for again. An interrupted download goes on where it
        stopped.
        """
        if not _ACCESSION.fullmatch(accession):
            raise ProviderError(
                f"provider {self.name}: {accession!r} is no accession number; write 0000320193-24-000123"
            )
        name = document or "index.json"
        if not _PLAIN_NAME.fullmatch(name):
            raise ProviderError(f"provider {self.name}: {accession}: {name!r} is no file of a filing")
        bare = accession.replace("-", "")
        target = self.cache.folder / "filings" / str(cik) / bare / name
        if target.is_file():
            return target
        return self._www.download(f"Archives/edgar/data/{cik}/{bare}/{name}", target, progress=progress)

    def _json(self, source: HttpSource, path: str) -> Any:
        """The JSON at `path`, asked for once a UTC day."""
        today = datetime.combine(self.now().date(), time(0), tzinfo=UTC)
        page = self.cache.get(path, lambda: source.json_bytes(path)[0], since=today)
        return json.loads(page.body)
