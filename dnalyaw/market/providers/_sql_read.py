"""The mapping of a SQL source, and its rows in chunks as typed columns."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC as utc
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from dnalyaw.market._region import REGIONS
from dnalyaw.market._schema import UTC
from dnalyaw.market.providers._base import ProviderError
from dnalyaw.market.providers._csvdir_files import FORMS
from dnalyaw.market.providers._raw import read_bytes

__all__ = ["PASSWORD", "FeedMapping", "Source", "SqlMapping", "read_mapping"]

PASSWORD = "DNALYAW_SQL_PASSWORD"
CHUNK = 50_000


@dataclass(frozen=True, slots=True)
class FeedMapping:
    """Where the rows of a feed stand: a `table` or a `query`, our columns by theirs, and the zone of times without one."""

    table: str | None
    query: str | None
    columns: Mapping[str, str]
    timezone: str | None
    available_after_minutes: float | None


@dataclass(frozen=True, slots=True)
class SqlMapping:
    """A mapping file, checked."""

    path: Path
    url: str
    region: str
    feeds: Mapping[str, FeedMapping]


def read_mapping(path: Path) -> SqlMapping:
    """Read and check a mapping; `ProviderError` names what is wrong with it and where."""
    import yaml

    try:
        said = yaml.safe_load(read_bytes(path))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ProviderError(f"{path}: is no YAML ({str(error).splitlines()[0]}); correct it") from error
    if (
        not isinstance(said, dict)
        or not isinstance(said.get("url"), str)
        or not isinstance(said.get("feeds"), dict)
    ):
        raise ProviderError(f"{path}: want url, region and feeds; see docs/own-data.md")
    unknown = set(said) - {"url", "region", "feeds"}
    if unknown:
        raise ProviderError(f"{path}: has the unknown key {', '.join(sorted(map(str, unknown)))}")
    region = said.get("region", "US")
    if region not in REGIONS:
        raise ProviderError(f"{path}: region is {region!r}; use one of {', '.join(REGIONS)}")
    feeds = {name: _feed(path, name, how) for name, how in said["feeds"].items()}
    if "bars" not in feeds:
        raise ProviderError(f"{path}: feeds lacks bars; every other feed is optional")
    return SqlMapping(path, said["url"], region, feeds)


def _feed(path: Path, name: str, how: Any) -> FeedMapping:
    if name not in FORMS:
        raise ProviderError(f"{path}: has the unknown feed {name!r}; use one of {', '.join(FORMS)}")
    form = FORMS[name]
    keys = {"table", "query", "columns", "timezone", "available_after_minutes"}
    if not isinstance(how, dict) or set(how) - keys or ("table" in how) == ("query" in how):
        raise ProviderError(
            f"{path}: feed {name}: want either table or query, and of the rest {', '.join(sorted(keys))}"
        )
    columns = how.get("columns")
    if not isinstance(columns, dict) or not all(isinstance(v, str) for v in columns.values()):
        raise ProviderError(
            f"{path}: feed {name}: columns maps our names to theirs, e.g. session: trade_date"
        )
    needed = [c for c, column in form.items() if column.required]
    lag = how.get("available_after_minutes")
    if lag is not None:
        if not isinstance(lag, int | float) or lag < 0 or "available_at" in columns:
            raise ProviderError(
                f"{path}: feed {name}: available_after_minutes is a number from 0, or available_at a column"
            )
        needed = [c for c in (*needed, "event_time") if c != "available_at"]
    missing = [c for c in needed if c not in columns]
    odd = [c for c in columns if c not in form or c == "region"]
    if missing or odd:
        what = f"lacks {', '.join(missing)}" if missing else f"has the unknown {', '.join(map(str, odd))}"
        raise ProviderError(f"{path}: feed {name}: columns {what}; see docs/own-data.md")
    if "label" in form and not {"label", "instrument_id"} & set(columns):
        raise ProviderError(f"{path}: feed {name}: columns lacks label or instrument_id")
    zone = how.get("timezone")
    if zone is not None:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, TypeError, OSError) as error:
            raise ProviderError(
                f"{path}: feed {name}: timezone {zone!r} is unknown; use an IANA name"
            ) from error
    return FeedMapping(how.get("table"), how.get("query"), columns, zone, lag)


class Source:
    """The database of a mapping; every question is its own read-only transaction."""

    def __init__(self, mapping: SqlMapping) -> None:
        import sqlalchemy as sa

        self._mapping, self._sa = mapping, sa
        try:
            url = sa.engine.make_url(mapping.url)
        except sa.exc.ArgumentError as error:
            raise ProviderError(
                f"{mapping.path}: url is no database URL; want e.g. sqlite:///prices.db"
            ) from error
        if url.password:
            raise ProviderError(f"{mapping.path}: url holds a password; remove it and set {PASSWORD}")
        self._sqlite = url.get_backend_name() == "sqlite"
        if self._sqlite:
            file = mapping.path.parent / (url.database or "")
            if not file.is_file():
                raise ProviderError(
                    f"{mapping.path}: {file} does not exist; a relative path is from the mapping's folder"
                )
            url = sa.engine.make_url(f"sqlite:///file:{file.resolve()}").set(
                query={"mode": "ro", "uri": "true"}
            )
        elif os.environ.get(PASSWORD):
            url = url.set(password=os.environ[PASSWORD])
        try:
            self._engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
        except (ImportError, sa.exc.SQLAlchemyError) as error:
            raise ProviderError(
                f"{mapping.path}: no driver for {url.drivername} ({error}); install one"
            ) from error

    @contextmanager
    def _asked(self, what: str) -> Iterator[Any]:
        try:
            with self._engine.connect() as connection:
                if self._engine.dialect.name == "postgresql":
                    connection = connection.execution_options(postgresql_readonly=True)
                yield connection.execution_options(stream_results=True, yield_per=CHUNK)
        except self._sa.exc.SQLAlchemyError as error:
            said = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            raise ProviderError(f"{self._mapping.path}: feed {what}: the database says: {said}") from error

    def _from(self, feed: str) -> tuple[Any, dict[str, Any]]:
        how, sa = self._mapping.feeds[feed], self._sa
        columns = [sa.column(theirs) for theirs in dict.fromkeys(how.columns.values())]
        if how.table is not None:
            schema, _, name = how.table.rpartition(".")
            source = sa.table(name, *columns, schema=schema or None)
        else:
            source = sa.text(str(how.query)).columns(*columns).subquery("source")
        return source, {ours: source.c[theirs] for ours, theirs in how.columns.items()}

    def read(self, feed: str, bound: str | None, low: date | None, high: date | None) -> pl.DataFrame:
        """Return rows of a feed whose column `bound` lies in [`low`, `high`], typed as a folder's file would be."""
        how = self._mapping.feeds[feed]
        _, columns = self._from(feed)
        query = self._sa.select(*(c.label(ours) for ours, c in columns.items()))
        if bound is not None and how.available_after_minutes is not None and bound == "available_at":
            bound = "event_time"
        if bound is not None and low is not None and high is not None:
            moments = FORMS[feed][bound].dtype == UTC
            # In text, as SQLite keeps time, what is of the last day comes before the next.
            above = high + timedelta(days=1) if moments else high
            for day, over in ((low, False), (above, True)):
                if day == date.min:
                    continue
                value: Any = day.isoformat() if self._sqlite else day
                if moments and not self._sqlite:
                    value = datetime.combine(day, time(), tzinfo=utc)
                column = columns[bound]
                query = query.where(column <= value if over else column >= value)
        frames = []
        with self._asked(feed) as connection:
            result = connection.execute(query)
            names = list(result.keys())
            for part in result.partitions(CHUNK):
                frames.append(self._typed(feed, names, part))
        frame = pl.concat(frames) if frames else self._typed(feed, names, [])
        if how.available_after_minutes is not None:
            lag = timedelta(minutes=how.available_after_minutes)
            frame = frame.with_columns((pl.col("event_time") + lag).alias("available_at"))
        lines = pl.Series("__line", range(1, frame.height + 1), dtype=pl.Int64)
        return frame.with_columns(lines, pl.lit(f"{self._mapping.path}: feed {feed}").alias("__path"))

    def days(self) -> list[date]:
        """Return the days that have bars, ascending."""
        _, columns = self._from("bars")
        query = self._sa.select(columns["session"].label("session")).distinct()
        with self._asked("bars") as connection:
            rows = connection.execute(query).all()
        return self._typed("bars", ["session"], rows)["session"].sort().to_list()

    def firsts(self) -> pl.DataFrame:
        """Return one row of bars for each name: its first session, and a close of 1 that nobody reads."""
        _, columns = self._from("bars")
        who = [c.label(n) for n, c in columns.items() if n in ("label", "instrument_id")]
        query = self._sa.select(*who, self._sa.func.min(columns["session"]).label("session"))
        with self._asked("bars") as connection:
            result = connection.execute(query.group_by(*(c.element for c in who)))
            names, rows = list(result.keys()), result.all()
        frame = self._typed("bars", names, rows).with_columns(pl.lit(1.0).alias("close"))
        lines = pl.Series("__line", range(1, frame.height + 1), dtype=pl.Int64)
        return frame.with_columns(lines, pl.lit(f"{self._mapping.path}: feed bars").alias("__path"))

    def _typed(self, feed: str, names: list[str], rows: Any) -> pl.DataFrame:
        form, zone = FORMS[feed], self._mapping.feeds[feed].timezone
        series = []
        for name, cells in zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True):
            how = form[name]
            out = []
            for at, cell in enumerate(cells):
                try:
                    value = None if cell is None else _value(cell, how.dtype, zone)
                except (ValueError, TypeError, OverflowError) as error:
                    raise self._wrong(feed, at, name, f"holds {str(cell)[:40]!r} ({error})") from error
                if value is None and not how.nullable:
                    raise self._wrong(feed, at, name, "is null")
                if value is not None and how.choices and value not in how.choices:
                    raise self._wrong(feed, at, name, f"holds {value!r}; use one of {', '.join(how.choices)}")
                out.append(value)
            series.append(pl.Series(name, out, dtype=how.dtype))
        return pl.DataFrame(series)

    def _wrong(self, feed: str, at: int, name: str, what: str) -> ProviderError:
        theirs = self._mapping.feeds[feed].columns[name]
        return ProviderError(
            f"{self._mapping.path}: feed {feed}: row {at + 1}, column {theirs} ({name}) {what}; correct "
            f"the table or the query"
        )


def _value(cell: Any, dtype: pl.DataType, zone: str | None) -> Any:
    """One cell as our type; text is read as ISO 8601, and nothing is guessed."""
    if dtype == pl.String():
        return str(cell)
    if dtype == pl.Date():
        if isinstance(cell, datetime):
            if cell.time() != time():
                raise ValueError("a day has no time")
            return cell.date()
        return cell if isinstance(cell, date) else date.fromisoformat(cell)
    if dtype == UTC:
        moment = cell if isinstance(cell, datetime) else datetime.fromisoformat(cell)
        if moment.tzinfo is None:
            if zone is None:
                raise ValueError("it has no offset: name the timezone of the feed")
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        return moment.astimezone(utc)
    if isinstance(cell, bool | str):
        raise TypeError("want a number")
    if dtype == pl.Int64():
        if int(cell) != cell:
            raise ValueError("want a whole number")
        return int(cell)
    number = float(cell)
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError("want a finite number")
    return number
