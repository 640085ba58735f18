"""The marts in PostgreSQL: the published tables as of the moment are loaded, and the same models built on them."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

TYPES: Mapping[type[pl.DataType], str] = {
    pl.Int64: "bigint",
    pl.Float64: "double precision",
    pl.String: "text",
    pl.Date: "date",
    pl.Datetime: "timestamptz",
    pl.Boolean: "boolean",
}
_NULL = "\\N"


class PostgresError(Exception):
    """The server cannot be reached, or does not take the tables; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Address:
    """How the server is reached: what the profile ``postgres`` of dbt/profiles.yml reads.

    `host` is an address, or the folder of a Unix socket. The password never stands in a message.
    """

    host: str
    port: int
    user: str
    password: str
    database: str

    @classmethod
    def from_environment(cls) -> Address:
        """From DNALYAW_POSTGRES_HOST, _PORT, _USER, _PASSWORD and _DATABASE, with the profile's defaults."""
        port = os.environ.get("DNALYAW_POSTGRES_PORT", "5432")
        if not port.isdigit():
            raise PostgresError(f"DNALYAW_POSTGRES_PORT is {port!r}; give a number")
        return cls(
            os.environ.get("DNALYAW_POSTGRES_HOST", "localhost"),
            int(port),
            os.environ.get("DNALYAW_POSTGRES_USER", "postgres"),
            os.environ.get("DNALYAW_POSTGRES_PASSWORD", ""),
            os.environ.get("DNALYAW_POSTGRES_DATABASE", "postgres"),
        )

    def connect(self):  # type: ignore[no-untyped-def]  # psycopg2 has no types
        """A connection whose clock is UTC."""
        import psycopg2

        try:
            return psycopg2.connect(
                host=self.host,
                port=self.port,
                user=self.user,
                password=self.password,
                dbname=self.database,
                options="-c timezone=UTC",
            )
        except psycopg2.OperationalError as error:
            raise PostgresError(
                f"PostgreSQL at {self.host}:{self.port} cannot be reached ({str(error).strip().splitlines()[0]}); "
                f"set DNALYAW_POSTGRES_HOST, _PORT, _USER, _PASSWORD and _DATABASE"
            ) from error


def load_inputs(folder: Path, address: Address, schema: str = "published") -> dict[str, int]:
    """Put every Parquet file of a folder into a table of its name, all in one transaction.

    What reads them sees the old tables or the new ones.

    Returns
    -------
    dict of table to rows
    """
    files = sorted(folder.glob("*.parquet"))
    if not files:
        raise PostgresError(f"{folder} holds no tables; run `dnalyaw run` first")
    rows = {}
    connection = address.connect()
    try:
        with connection, connection.cursor() as cursor:
            # The models' views stand on the old tables; dbt makes them again.
            cursor.execute(f'drop schema if exists "{schema}" cascade')
            cursor.execute(f'create schema "{schema}"')
            for file in files:
                frame = pl.read_parquet(file)
                _copy(cursor, f'"{schema}"."{file.stem}"', frame)
                rows[file.stem] = frame.height
    finally:
        connection.close()
    return rows


def _copy(cursor, table: str, frame: pl.DataFrame) -> None:  # type: ignore[no-untyped-def]
    columns = ", ".join(f'"{name}" {_type(table, name, dtype)}' for name, dtype in frame.schema.items())
    cursor.execute(f"create table {table} ({columns})")
    text = frame.with_columns(
        pl.col(pl.Datetime).dt.strftime("%Y-%m-%d %H:%M:%S%.6f+00"), pl.col(pl.Date).dt.strftime("%Y-%m-%d")
    )
    buffer = io.BytesIO()
    # polars writes the shortest digits that give the same float back.
    text.write_csv(buffer, include_header=False, null_value=_NULL, quote_style="necessary")
    buffer.seek(0)
    cursor.copy_expert(f"copy {table} from stdin with (format csv, null '{_NULL}')", buffer)
    cursor.execute(f"analyze {table}")


def _type(table: str, name: str, dtype: pl.DataType) -> str:
    found = TYPES.get(type(dtype))
    if found is None:
        raise PostgresError(f"{table}, column {name}: PostgreSQL has no type here for {dtype}")
    return found


def read_model(address: Address, layer: str, name: str, like: pl.Schema) -> pl.DataFrame:
    """A model's rows in the types of ``like``, its columns in that order."""
    connection = address.connect()
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(f'select * from main_{layer}."{name}"')
            names = [column.name for column in cursor.description]
            frame = pl.DataFrame(cursor.fetchall(), schema=names, orient="row", infer_schema_length=None)
    finally:
        connection.close()
    missing = [n for n in like if n not in names] + [n for n in names if n not in like]
    if missing:
        raise PostgresError(f"{layer}.{name}: {', '.join(missing)} stands in one of the two alone")
    return frame.select(pl.col(n).cast(dtype) for n, dtype in like.items())
