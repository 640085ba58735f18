"""A folder of companyfacts files as a provider."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from dnalyaw.market._schema import empty
from dnalyaw.market.fundamentals import fundamentals_feed, read_companyfacts
from dnalyaw.market.providers._base import ProviderError
from dnalyaw.market.providers._filed import FiledProvider
from dnalyaw.market.providers._text import read_cells, to_type

__all__ = ["FactsProvider"]

_MAP = "instruments.csv"


class FactsProvider(FiledProvider):
    """Every ``*.json`` and ``*.json.gz`` of a folder, read as SEC companyfacts.

    ``instruments.csv`` (``cik,instrument_id``, a line a share class) says whose figures they are; companies that it
    lacks are left out. Without the file an instrument's id is the CIK.

    Parameters
    ----------
    folder : pathlib.Path
    name : str, optional
        The provider as typed.

    Raises
    ------
    ProviderError
        If the folder has no such file, or one is malformed (when it is first read).
    """

    def __init__(self, folder: Path, *, name: str | None = None) -> None:
        self.name = name or f"facts:{folder}"
        self._folder = folder
        self._files = sorted((*folder.glob("*.json"), *folder.glob("*.json.gz")))
        if not self._files:
            raise ProviderError(
                f"provider {self.name}: {folder} has no *.json or *.json.gz; put companyfacts files of "
                f"data.sec.gov there"
            )

    def _rows(self) -> pl.DataFrame:
        mapping = self._mapping()
        parts, seen = [empty("fundamentals")], dict[int, Path]()
        for path in self._files:
            facts = read_companyfacts(path)
            for cik in facts["cik"].unique():
                if cik in seen:
                    raise ProviderError(
                        f"provider {self.name}: {path} and {seen[cik]} are both of CIK {cik}; keep one"
                    )
                seen[cik] = path
                ids = (cik,) if mapping is None else mapping.get(cik, ())
                parts.append(fundamentals_feed(facts, {cik: ids}))
        return pl.concat(parts).sort("available_at", "instrument_id", "metric", "period_end", "period_start")

    def _mapping(self) -> dict[int, tuple[int, ...]] | None:
        path = self._folder / _MAP
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ProviderError(
                f"{path}: cannot be read ({error.strerror}); check its permissions"
            ) from error
        cells = read_cells(data, str(path), hint="cik,instrument_id")
        missing = [c for c in ("cik", "instrument_id") if c not in cells.frame.columns]
        if missing:
            raise ProviderError(f"{path}: lacks column {', '.join(missing)}; the header is cik,instrument_id")
        ciks, ids = (to_type(cells, c, pl.Int64) for c in ("cik", "instrument_id"))
        out: dict[int, tuple[int, ...]] = {}
        for line, (cik, one) in enumerate(zip(ciks, ids, strict=True)):
            if one <= 0 or any(one in held for held in out.values()):
                raise ProviderError(
                    f"{path}: line {cells.lines[line]}: instrument_id {one} is named twice or not positive"
                )
            out[cik] = (*out.get(cik, ()), one)
        return out
