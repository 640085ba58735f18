"""SEC Financial Statement Data Sets: the quarterly zips of num.txt, sub.txt, tag.txt and pre.txt."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import polars as pl

from dnalyaw.market.fundamentals._facts import FACTS
from dnalyaw.market.providers._base import ProviderError

__all__ = ["read_statement_sets"]

_COLUMNS = {
    "sub.txt": ("adsh", "cik", "form", "period", "fy", "fp", "filed", "accepted"),
    "num.txt": ("adsh", "tag", "version", "coreg", "ddate", "qtrs", "uom", "value"),
    "tag.txt": ("tag", "version", "custom", "abstract", "iord"),
    "pre.txt": ("adsh", "stmt", "tag", "version"),
}
_NEW_YORK = "America/New_York"


def read_statement_sets(path: Path, ciks: tuple[int, ...] | None = None) -> pl.DataFrame:
    """Read one quarter's Financial Statement Data Sets.

    The sets state no first day: `period_start` is the first day of the month that lies `qtrs` quarters before
    the month after `ddate`, which the SEC itself rounds to the nearest end of a month; both are therefore days of a
    calendar's months, not those of a 52/53-week year, and do not meet the dates of companyfacts. Figures of a
    co-registrant (`coreg`) or a segment (`segments`) are left out: they are not the company's.

    Parameters
    ----------
    path : pathlib.Path
        ``2024q3.zip`` and the like.
    ciks : tuple of int, optional
        Companies to keep; all when omitted.

    Returns
    -------
    polars.DataFrame
        Columns `FACTS`, ``statement`` (BS, IS, CF, EQ, CI or null: where pre.txt presents the tag) and
        ``iord`` (``I`` where tag.txt says that it is a stock, ``D`` a flow), one row a vintage, ordered by
        filing. `accepted` is read as US Eastern time. A tag of the filer's own has the accession number as
        its taxonomy.

    Raises
    ------
    ProviderError
        If the zip is broken or lacks a file or column, a cell is malformed, or a number is of no filing in the set.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            tables = {name: _table(archive, path, name) for name in _COLUMNS}
    except (OSError, zipfile.BadZipFile) as error:
        raise ProviderError(f"{path}: is no whole zip ({error}); fetch it again from sec.gov") from error
    filings = _filings(tables["sub.txt"], path)
    numbers = _numbers(tables["num.txt"], path)
    if ciks is not None:
        kept = filings.filter(pl.col("cik").is_in(list(ciks)))
        numbers = numbers.join(kept.select("accession"), on="accession", how="semi")
    tags = tables["tag.txt"].select("tag", "version", "iord").unique(["tag", "version"], keep="first")
    shown = (
        tables["pre.txt"]
        .filter(pl.col("stmt").is_in(["BS", "IS", "CF", "EQ", "CI"]))
        .select(pl.col("adsh").alias("accession"), "tag", "version", pl.col("stmt").alias("statement"))
        .unique(["accession", "tag", "version"], keep="first", maintain_order=True)
    )
    rows = (
        numbers.join(filings, on="accession", how="left", maintain_order="left")
        .join(tags, on=["tag", "version"], how="left", maintain_order="left")
        .join(shown, on=["accession", "tag", "version"], how="left", maintain_order="left")
    )
    _refuse(rows, pl.col("cik").is_null(), path, "is of a filing that sub.txt does not have")
    end = pl.col("period_end")
    start = end.dt.offset_by("1d").dt.offset_by(pl.format("-{}mo", pl.col("quarters") * 3))
    return rows.select(
        *(
            pl.when(pl.col("quarters") > 0).then(start).alias(name)
            if name == "period_start"
            else pl.col("version").str.replace(r"/.*", "").alias(name)
            if name == "taxonomy"
            else pl.col("tag" if name == "concept" else name).cast(dtype).alias(name)
            for name, dtype in FACTS.items()
        ),
        "statement",
        "iord",
    ).sort("filed", "accession", "taxonomy", "concept", "unit", "period_end", maintain_order=True)


def _table(archive: zipfile.ZipFile, path: Path, name: str) -> pl.DataFrame:
    try:
        data = archive.read(name)
    except KeyError:
        raise ProviderError(
            f"{path}: lacks {name}; give a zip of the Financial Statement Data Sets"
        ) from None
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ProviderError(f"{path}: {name} line {line} is not UTF-8; fetch the file again") from error
    try:
        frame = pl.read_csv(
            io.BytesIO(data),
            separator="\t",
            quote_char=None,
            infer_schema=False,
        )
    except pl.exceptions.PolarsError as error:
        why = " ".join(str(error).split())[:120]
        raise ProviderError(f"{path}: {name} is malformed ({why}); fetch the file again") from error
    missing = [column for column in _COLUMNS[name] if column not in frame.columns]
    if missing:
        raise ProviderError(f"{path}: {name} lacks column {', '.join(missing)}; fetch the file again")
    return frame.with_row_index("__line", offset=2)


def _filings(sub: pl.DataFrame, path: Path) -> pl.DataFrame:
    accepted = (
        pl.col("accepted")
        .str.slice(0, 19)
        .str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us")
        # The hour that is told twice in autumn is read as the later one: never too early.
        .dt.replace_time_zone(_NEW_YORK, ambiguous="latest", non_existent="null")
        .dt.convert_time_zone("UTC")
    )
    frame = sub.select(
        "__line",
        pl.col("adsh").alias("accession"),
        pl.col("cik").cast(pl.Int64, strict=False),
        "form",
        pl.col("fy").cast(pl.Int32, strict=False).alias("fiscal_year"),
        pl.col("fp").alias("fiscal_period"),
        pl.col("filed").str.to_date("%Y%m%d", strict=False),
        accepted.alias("accepted"),
        pl.col("accepted").alias("__accepted"),
    )
    for column, want in (("cik", "a whole number"), ("filed", "YYYYMMDD"), ("form", "a form")):
        _wrong(frame, pl.col(column).is_null(), path, "sub.txt", column, want)
    stamped = pl.col("accepted").is_null() & pl.col("__accepted").is_not_null()
    _wrong(frame, stamped, path, "sub.txt", "accepted", "YYYY-MM-DD HH:MM:SS.0")
    _wrong(frame, pl.col("accession").is_duplicated(), path, "sub.txt", "adsh", "each filing once")
    return frame.drop("__line", "__accepted")


def _numbers(num: pl.DataFrame, path: Path) -> pl.DataFrame:
    own = pl.col("coreg").is_null()
    if "segments" in num.columns:
        own &= pl.col("segments").is_null()
    frame = num.filter(own & pl.col("value").is_not_null()).select(
        "__line",
        pl.col("adsh").alias("accession"),
        "tag",
        "version",
        pl.col("uom").alias("unit"),
        pl.col("ddate").str.to_date("%Y%m%d", strict=False).alias("period_end"),
        pl.col("qtrs").cast(pl.Int32, strict=False).alias("quarters"),
        pl.col("value").cast(pl.Float64, strict=False),
    )
    _wrong(frame, pl.col("period_end").is_null(), path, "num.txt", "ddate", "YYYYMMDD")
    bad = pl.col("quarters").is_null() | (pl.col("quarters") < 0)
    _wrong(frame, bad, path, "num.txt", "qtrs", "a whole number from 0")
    odd = pl.col("value").is_null() | ~pl.col("value").is_finite()
    _wrong(frame, odd, path, "num.txt", "value", "a finite number")
    # Later sets hold decimals as the filer stated them; one fact of several precisions is one fact.
    return frame.unique(
        ["accession", "tag", "version", "unit", "period_end", "quarters"], keep="first", maintain_order=True
    )


def _wrong(frame: pl.DataFrame, bad: pl.Expr, path: Path, file: str, column: str, want: str) -> None:
    rows = frame.filter(bad)
    if rows.height:
        raise ProviderError(f"{path}: {file} line {rows['__line'][0]}: column {column} is not {want}")


def _refuse(rows: pl.DataFrame, bad: pl.Expr, path: Path, what: str) -> None:
    wrong = rows.filter(bad.fill_null(False))
    if wrong.height:
        row = wrong.row(0, named=True)
        raise ProviderError(
            f"{path}: num.txt line {row['__line']}: {row['accession']} {row['tag']} {what}; fetch the set again"
        )
