"""``dnalyaw marts``: the dbt models of a home's last run, in PostgreSQL, or their documentation."""

from __future__ import annotations

import argparse
import json
import sys

from dnalyaw_pipelines.cli._exit import FAILED, OK, USAGE, CommandError
from dnalyaw_pipelines.cli._home import add_home_options, faults_as_lines, named_home


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_home_options(parser)
    parser.add_argument(
        "what", choices=["postgres", "docs"], help="build them in PostgreSQL, or write their pages"
    )
    parser.add_argument("--region", default="US", help="US (default), HK or CN")


def execute(arguments: argparse.Namespace) -> int:
    """Build the models on the inputs that the region's last run left."""
    from dnalyaw_pipelines.dbt_postgres import Address, PostgresError, load_inputs
    from dnalyaw_pipelines.dbt_project import DbtError, build, generate_docs

    home, region = named_home(arguments), arguments.region.upper()
    with faults_as_lines():
        known = home.config().regions
    if region not in known:
        raise CommandError(f"{home.root} holds no data of {region}; it holds {', '.join(known)}", USAGE)
    work = home.root / "warehouse" / region.lower()
    if not (work / "warehouse.duckdb").exists():
        raise CommandError(f"{work} holds no marts yet; run `dnalyaw run --region {region}` first")
    with faults_as_lines(), home.lock():
        try:
            if arguments.what == "docs":
                page = generate_docs(work / "warehouse.duckdb", work / "inputs", work / "docs")
                sys.stdout.write(f"{page}\n")
                return OK
            # A schema a region: one database holds them all.
            rows = load_inputs(work / "inputs", Address.from_environment(), f"published_{region.lower()}")
            found = build(
                work / "warehouse.duckdb",
                work / "inputs",
                work / "postgres",
                profile="postgres",
                inputs_schema=f"published_{region.lower()}",
            )
        except (DbtError, PostgresError) as error:
            raise CommandError(str(error), FAILED) from error
    bad = {n: o.message for n, o in found.items() if o.status not in ("success", "pass")}
    if bad:
        name, message = next(iter(bad.items()))
        raise CommandError(
            f"{len(bad)} of {len(found)} models and tests failed, first {name}: {message}", FAILED
        )
    sys.stdout.write(json.dumps({"region": region, "loaded": rows, "built": len(found)}) + "\n")
    return OK
