"""``dnalyaw audit``: whether the audit trail is as it was written, how far it is, and its last rows."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dnalyaw_pipelines.cli._exit import OK
from dnalyaw_pipelines.cli._home import add_home_options, faults_as_lines, named_home

if TYPE_CHECKING:
    from dnalyaw.audit import Trail, Verdict, WriterHead

TAMPERED = 3
"""A row is not as it was written, is missing, or the table was cut off."""

BODY = 96
"""Characters of a record that a line shows; ``--json`` has all."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument(
        "what",
        choices=("verify", "status", "tail"),
        help="verify: every row against the journals, 3 when one was changed; status: how far the table is; "
        "tail: the last rows",
    )
    add_home_options(parser)
    parser.add_argument("--region", action="append", help="US or HK; default: every region of the home")
    parser.add_argument("--dsn", help="a PostgreSQL of your own, without a password; default: the home's")
    parser.add_argument("--count", type=int, default=20, help="rows to show for each writer (20)")
    parser.add_argument("--json", action="store_true", help="machine-readable output, one object a line")


def execute(arguments: argparse.Namespace) -> int:
    """Look at the trails of every region named."""
    from dnalyaw import audit, runtime

    home = named_home(arguments)
    with faults_as_lines():
        regions = [code.upper() for code in arguments.region or home.config().regions]
        trails = [t for code in regions for t in audit.trails(runtime.Layout(home.runtime(code), code))]
        with audit.reading(home.root, arguments.dsn) as dsn:
            if arguments.what == "verify":
                return _verify(dsn, trails, arguments.json)
            if arguments.what == "status":
                return _status(dsn, trails, arguments.json)
            return _tail(dsn, trails, arguments.count, arguments.json)


def _verify(dsn: Sequence[str], trails: Sequence[Trail], as_json: bool) -> int:
    from dnalyaw import audit

    status = OK
    for trail in trails:
        verdict = audit.verify(dsn, trail)
        if verdict.bad is not None:
            status = TAMPERED
        if as_json:
            sys.stdout.write(json.dumps(asdict(verdict)) + "\n")
        elif verdict.bad is not None:
            sys.stderr.write(f"{verdict.bad}\n")
        else:
            sys.stdout.write(verdict_line(verdict) + "\n")
    return status


def verdict_line(verdict: Verdict) -> str:
    """One line about rows that are good."""
    if verdict.records:
        held = f"as in the journal of {verdict.records:,} records"
    else:
        held = "their chain is whole; no journal to compare them with"
    behind = f" · {verdict.behind:,} on their way" if verdict.behind else ""
    return f"{verdict.writer}: {verdict.rows:,} rows, {held} · {verdict.anchors:,} anchors{behind}"


def _status(dsn: Sequence[str], trails: Sequence[Trail], as_json: bool) -> int:
    from dnalyaw import audit

    heads = {head.writer: head for head in audit.writers(dsn)}
    for trail in trails:
        head = heads.get(trail.writer)
        if as_json:
            sys.stdout.write(json.dumps(asdict(head) if head else {"writer": trail.writer, "seq": 0}) + "\n")
        else:
            sys.stdout.write(status_line(trail.writer, head) + "\n")
    return OK


def status_line(writer: str, head: WriterHead | None) -> str:
    """One line about how far the table is."""
    if head is None:
        return f"{writer}: no rows"
    return (
        f"{writer}: {head.seq:,} rows, the last of {_moment(head.ts_ns)}, "
        f"inserted {head.inserted_at or 'and gone'} · head {head.hash[:16]}"
    )


def _tail(dsn: Sequence[str], trails: Sequence[Trail], count: int, as_json: bool) -> int:
    from dnalyaw import audit

    for trail in trails:
        for row in audit.tail(dsn, trail.writer, count):
            sys.stdout.write((json.dumps(row) if as_json else row_line(row)) + "\n")
    return OK


def row_line(row: dict[str, Any]) -> str:
    """One row of the table."""
    about = " ".join(
        f"{name} {row[key]}"
        for name, key in (("order", "order_id"), ("instrument", "instrument_id"), ("of", "correlation"))
        if row[key]
    )
    body = json.dumps(row["body"], separators=(",", ":")) if "body" in row else "no JSON"
    short = body if len(body) <= BODY else body[: BODY - 1] + "…"
    return f"{row['writer']} {row['seq']:>8} {_moment(row['ts_ns'])} {row['kind']:<10} {about:<40} {short}"


def _moment(ns: int) -> str:
    """A time in ns UTC, to the millisecond; a record that says none has a dash."""
    if not ns:
        return "-".ljust(23)
    return f"{datetime.fromtimestamp(ns // 1_000_000 / 1000, UTC):%Y-%m-%d %H:%M:%S.%f}"[:23]
