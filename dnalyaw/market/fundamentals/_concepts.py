"""From the concepts that companies file under to our metrics, and from facts to the feed."""

from __future__ import annotations

import logging
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import polars as pl

from dnalyaw.market._schema import KEYS, conform, empty
from dnalyaw.market.fundamentals._facts import FACTS, known_at

__all__ = ["FLOWS", "STOCKS", "Metric", "fundamentals_feed", "mapped_facts", "metrics"]

_LOG = logging.getLogger(__name__)
_FILE = Path(__file__).with_name("concepts.toml")
_UNITS = {"money": r"^[A-Z]{3}$", "shares": r"(?i)^shares$", "money/shares": r"^[A-Z]{3}/shares$"}
_FILING = ["cik", "accession", "period_start", "period_end", "unit"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric and the concepts that it is read from.

    Attributes
    ----------
    name : str
    kind : str
        ``flow`` or ``stock``.
    unit : str
        ``money``, ``shares`` or ``money/shares``.
    concepts : tuple of tuple of (str, bool)
        Alternatives, the first that a filing has is taken; each a sum of ``taxonomy:Concept`` and whether it may
        be absent.
    """

    name: str
    kind: Literal["flow", "stock"]
    unit: str
    concepts: tuple[tuple[tuple[str, bool], ...], ...]


@lru_cache(maxsize=1)
def metrics() -> dict[str, Metric]:
    """Return the metrics of `concepts.toml` by name."""
    out = {}
    for name, entry in tomllib.loads(_FILE.read_text()).items():
        sums = []
        for text in entry["concepts"]:
            terms = tuple((term.rstrip("?"), term.endswith("?")) for term in re.split(r"\s*\+\s*", text))
            if all(optional for _, optional in terms):
                raise ValueError(f"{_FILE}: {name}: {text!r} needs a concept without '?'")
            sums.append(terms)
        if entry["kind"] not in ("flow", "stock") or entry["unit"] not in _UNITS:
            raise ValueError(f"{_FILE}: {name}: kind {entry['kind']!r} or unit {entry['unit']!r} is unknown")
        out[name] = Metric(name, entry["kind"], entry["unit"], tuple(sums))
    return out


FLOWS: tuple[str, ...] = tuple(name for name, m in metrics().items() if m.kind == "flow")
"""Metrics over a period."""

STOCKS: tuple[str, ...] = tuple(name for name, m in metrics().items() if m.kind == "stock")
"""Metrics at a date."""


def mapped_facts(facts: pl.DataFrame) -> pl.DataFrame:
    """Return facts by metric: of each filing and period the first alternative that the filing has.

    The choice looks at one filing alone, so that no later one changes what was known. Of several units in one
    filing the one with the most facts of the metric is taken (a translation into dollars for the reader's
    convenience covers one year), then the first of the alphabet.

    Parameters
    ----------
    facts : polars.DataFrame
        Columns `FACTS`.

    Returns
    -------
    polars.DataFrame
        `FACTS` without taxonomy, ``metric`` added, ``concept`` what the value was read from, and
        ``available_at``, UTC. A flow without a first day and a stock with one are left out.
    """
    named = facts.select(*FACTS).with_columns(
        (pl.col("taxonomy") + ":" + pl.col("concept")).alias("concept"), known_at().alias("available_at")
    )
    parts = []
    for metric in metrics().values():
        flow = metric.kind == "flow"
        fits = named.filter(
            pl.col("unit").str.contains(_UNITS[metric.unit])
            & (pl.col("period_start").is_not_null() if flow else pl.col("period_start").is_null())
        )
        chosen = [
            _sum(fits, terms).with_columns(pl.lit(at).alias("__priority"))
            for at, terms in enumerate(metric.concepts)
        ]
        rows = pl.concat(chosen).with_columns(pl.lit(metric.name).alias("metric"))
        parts.append(
            rows.sort("__priority", maintain_order=True)
            .unique(_FILING, keep="first", maintain_order=True)
            .drop("__priority")
        )
    both = pl.concat(parts)
    units = (
        both.group_by("cik", "accession", "metric", "unit")
        .len()
        .sort("len", "unit", descending=[True, False])
        .unique(["cik", "accession", "metric"], keep="first", maintain_order=True)
        .drop("len")
    )
    return both.join(units, on=["cik", "accession", "metric", "unit"], how="semi").sort(
        "available_at", "accession", "metric", "period_end", "period_start"
    )


def _sum(facts: pl.DataFrame, terms: tuple[tuple[str, bool], ...]) -> pl.DataFrame:
    needed = [concept for concept, optional in terms if not optional]
    every = [concept for concept, _ in terms]
    rows = (
        facts.filter(pl.col("concept").is_in(every))
        # A filing states a fact more than once where it stands in several places; the first is it.
        .unique([*_FILING, "concept"], keep="first", maintain_order=True)
    )
    keep = [name for name in rows.columns if name not in (*_FILING, "taxonomy", "concept", "value")]
    return (
        rows.group_by(_FILING, maintain_order=True)
        .agg(
            *(pl.col(name).first() for name in keep),
            pl.col("concept").sort().str.join(" + "),
            pl.col("value").sum(),
            pl.col("concept").is_in(needed).sum().alias("__needed"),
        )
        .filter(pl.col("__needed") == len(needed))
        .drop("__needed")
    )


def fundamentals_feed(facts: pl.DataFrame, instruments: Mapping[int, int | tuple[int, ...]]) -> pl.DataFrame:
    """Return the feed `fundamentals` of facts.

    Parameters
    ----------
    facts : polars.DataFrame
        Columns `FACTS`.
    instruments : mapping
        CIK to the `instrument_id`, or to those of each share class; companies that it lacks are left out.

    Returns
    -------
    polars.DataFrame
        Feed `fundamentals`: every vintage, repeats of a value too. Of two filings that could be known at one
        moment (filed on one day, acceptance unknown) the one with the higher accession number is kept.
    """
    pairs = [
        (cik, one)
        for cik, many in instruments.items()
        for one in ((many,) if isinstance(many, int) else many)
    ]
    if facts.is_empty() or not pairs:
        return empty("fundamentals")
    ids = pl.DataFrame(pairs, schema={"cik": pl.Int64, "instrument_id": pl.Int64}, orient="row")
    rows = mapped_facts(facts).join(ids, on="cik", how="inner", maintain_order="left")
    once = rows.sort("accession", maintain_order=True).unique(
        list(KEYS["fundamentals"]), keep="last", maintain_order=True
    )
    if once.height < rows.height:
        _LOG.info(
            "%d figures stand in two filings known at one moment; the later filing's are kept",
            rows.height - once.height,
        )
    return conform(
        "fundamentals",
        once.select(
            "instrument_id",
            "metric",
            "period_end",
            "value",
            "form",
            "period_start",
            "unit",
            "accession",
            pl.col("period_end").cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias("event_time"),
            "available_at",
        ),
    ).sort("available_at", "instrument_id", "metric", "period_end", "period_start")
