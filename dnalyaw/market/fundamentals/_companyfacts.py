"""SEC companyfacts: every XBRL fact of one company, with the filing that each vintage stood in."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from dnalyaw.market.fundamentals._facts import FACTS
from dnalyaw.market.providers._base import ProviderError

__all__ = ["facts_of", "read_companyfacts"]

_NEEDED = ("end", "val", "accn", "form", "filed")


def read_companyfacts(path: Path, accepted: Mapping[str, datetime] | None = None) -> pl.DataFrame:
    """Read a companyfacts file, plain or gzip.

    Parameters
    ----------
    path : pathlib.Path
        ``CIK##########.json`` as data.sec.gov gives it, perhaps packed.
    accepted : mapping, optional
        Accession number to the moment of acceptance, UTC, as in EDGAR's submissions.

    Returns
    -------
    polars.DataFrame
        Columns `FACTS`, one row a vintage, in the order of filing.

    Raises
    ------
    ProviderError
        If the file is cut off, no JSON, or not in the form of companyfacts; the message names the place.
    """
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise ProviderError(f"{path}: cannot be read ({error}); fetch it again") from error
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ProviderError(
            f"{path}: is no JSON, or cut off ({error}); fetch it again from data.sec.gov"
        ) from error
    return facts_of(value, str(path), accepted)


def facts_of(value: Any, where: str, accepted: Mapping[str, datetime] | None = None) -> pl.DataFrame:
    """Turn the JSON value of companyfacts into facts; see `read_companyfacts`.

    Parameters
    ----------
    value : object
        What `json.loads` gave.
    where : str
        File or URL, for messages.
    accepted : mapping, optional
    """
    if not isinstance(value, dict) or not isinstance(value.get("facts"), dict):
        raise ProviderError(f"{where}: has no 'facts'; give a companyfacts file of data.sec.gov")
    try:
        cik = int(value["cik"])
    except (KeyError, TypeError, ValueError):
        raise ProviderError(f"{where}: has no whole number as 'cik'; give a companyfacts file") from None
    columns: dict[str, list[Any]] = {name: [] for name in FACTS}
    place = ""
    try:
        for taxonomy, concepts in value["facts"].items():
            for concept, entry in concepts.items():
                for unit, rows in entry["units"].items():
                    for at, row in enumerate(rows):
                        place = f"{taxonomy}:{concept} {unit} entry {at + 1}"
                        _append(columns, cik, taxonomy, concept, unit, row)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        why = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        raise ProviderError(f"{where}: {place or 'facts'}: {why}; fetch the file again") from None
    frame = pl.DataFrame(columns, schema={**FACTS, "accepted": pl.Datetime("us", "UTC")})
    if accepted:
        known = pl.DataFrame(
            {"accession": list(accepted), "__accepted": list(accepted.values())},
            schema={"accession": pl.String, "__accepted": pl.Datetime("us", "UTC")},
        )
        frame = frame.join(known, on="accession", how="left", maintain_order="left")
        frame = frame.with_columns(pl.coalesce("accepted", "__accepted").alias("accepted")).drop("__accepted")
    return frame.sort("filed", "accession", "taxonomy", "concept", "unit", "period_end", maintain_order=True)


def _append(
    columns: dict[str, list[Any]], cik: int, taxonomy: str, concept: str, unit: str, row: dict[str, Any]
) -> None:
    end, number, accession, form, filed = (row[name] for name in _NEEDED)
    start = row.get("start")
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError(f"val {number!r} is no number")
    first, last, day = (None if d is None else date.fromisoformat(d) for d in (start, end, filed))
    if first is not None and last is not None and first > last:
        raise ValueError(f"start {first} is after end {last}")
    columns["cik"].append(cik)
    columns["taxonomy"].append(taxonomy)
    columns["concept"].append(concept)
    columns["unit"].append(unit)
    columns["period_start"].append(first)
    columns["period_end"].append(last)
    columns["value"].append(float(number))
    columns["form"].append(form)
    columns["accession"].append(accession)
    columns["fiscal_year"].append(row.get("fy"))
    columns["fiscal_period"].append(row.get("fp"))
    columns["quarters"].append(None)
    columns["filed"].append(day)
    columns["accepted"].append(None)
