"""The dbt project: its manifest for the graph, and its builds for a partition."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from graphlib import TopologicalSorter
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "dbt"
BUILD = PROJECT.parent / "build" / "dbt"
WAREHOUSE_VARIABLE = "DNALYAW_WAREHOUSE"


class DbtError(Exception):
    """dbt could not parse or build the project; the message carries what dbt said."""


@dataclass(frozen=True)
class DbtModel:
    """One model: its layer (folder), the models it reads, and its tests."""

    name: str
    layer: str
    description: str
    upstream: tuple[str, ...]
    tests: tuple[str, ...]


@dataclass(frozen=True)
class DbtOutcome:
    """What became of one model or test: ``success``, ``pass``, ``fail``, ``error`` or ``skipped``."""

    status: str
    failures: int
    message: str
    seconds: float


def models() -> tuple[DbtModel, ...]:
    """The project's models, upstream ones first; parsed when a model changed since the last time."""
    return _models(_fingerprint())


def manifest() -> dict:
    """What dbt knows of the project, parsed again when a file changed."""
    models()
    return json.loads((BUILD / "manifest.json").read_text())


def _fingerprint() -> str:
    files = sorted(p for p in PROJECT.rglob("*") if p.suffix in {".sql", ".yml"})
    return "\n".join(f"{p.relative_to(PROJECT)} {p.stat().st_mtime_ns}" for p in files)


@lru_cache(maxsize=1)
def _models(fingerprint: str) -> tuple[DbtModel, ...]:
    manifest, stamp = BUILD / "manifest.json", BUILD / "fingerprint"
    BUILD.mkdir(parents=True, exist_ok=True)
    with _exclusive(BUILD / "parse.lock"):
        if not (manifest.exists() and stamp.exists() and stamp.read_text() == fingerprint):
            _invoke(["parse"], target=BUILD, warehouse=BUILD / "parse.duckdb", inputs=BUILD)
            stamp.write_text(fingerprint)
    nodes = json.loads(manifest.read_text())["nodes"]
    tests: dict[str, list[str]] = {}
    for node in nodes.values():
        if node["resource_type"] == "test":
            for parent in _tested(node):
                tests.setdefault(parent, []).append(node["name"])
    found = {
        node["name"]: DbtModel(
            name=node["name"],
            layer=node["fqn"][1],
            description=node["description"],
            upstream=tuple(sorted(nodes[p]["name"] for p in node["depends_on"]["nodes"] if p in nodes)),
            tests=tuple(sorted(tests.get(node["unique_id"], ()))),
        )
        for node in nodes.values()
        if node["resource_type"] == "model"
    }
    order = TopologicalSorter({name: found[name].upstream for name in sorted(found)}).static_order()
    return tuple(found[name] for name in order)


def _tested(node: dict) -> list[str]:
    """The model a test speaks of: its column's model, or for a free test the first one that it reads."""
    attached = node.get("attached_node")
    return [attached] if attached else [p for p in node["depends_on"]["nodes"] if p.startswith("model.")][:1]


def build(
    warehouse: Path, inputs: Path, target: Path, profile: str = "duckdb", inputs_schema: str = "published"
) -> dict[str, DbtOutcome]:
    """Build every model and run every test on the Parquet files of ``inputs``.

    Parameters
    ----------
    warehouse, inputs, target : Path
        DuckDB's file, the tables' folder, and where dbt leaves its results.
    profile : str
        ``duckdb``, or ``postgres``: then the tables lie in the schema `inputs_schema` of the server that the
        variables DNALYAW_POSTGRES_* name (`dbt_postgres.load_inputs`).

    Returns
    -------
    dict of name to DbtOutcome
    """
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    # Everything in it is made again below; what a kill left half-written must not stop the next run.
    if profile == "duckdb":
        for leftover in (warehouse, warehouse.with_name(warehouse.name + ".wal")):
            leftover.unlink(missing_ok=True)
    _invoke(
        ["build", "--target", profile],
        target=target,
        warehouse=warehouse,
        inputs=inputs,
        inputs_schema=inputs_schema,
        strict=False,
    )
    try:
        results = json.loads((target / "run_results.json").read_text())["results"]
    except (OSError, ValueError) as error:
        raise DbtError(f"dbt left no results in {target}: {error}") from error
    return {
        result["unique_id"].split(".")[2]: DbtOutcome(
            result["status"], result["failures"] or 0, result["message"] or "", result["execution_time"]
        )
        for result in results
    }


def generate_docs(warehouse: Path, inputs: Path, target: Path) -> Path:
    """The documentation of every model and column, with the lineage: one page that opens without a server."""
    _invoke(["docs", "generate", "--static"], target=target, warehouse=warehouse, inputs=inputs)
    return target / "static_index.html"


def _invoke(
    command: list[str],
    *,
    target: Path,
    warehouse: Path,
    inputs: Path,
    inputs_schema: str = "published",
    strict: bool = True,
) -> None:
    # dbt takes two seconds to import; only what builds needs it.
    from dbt.cli.main import dbtRunner

    target.mkdir(parents=True, exist_ok=True)
    (target / "run_results.json").unlink(missing_ok=True)
    with _environment(WAREHOUSE_VARIABLE, str(warehouse)), _closed_connections():
        result = dbtRunner().invoke(
            [
                *command,
                "--quiet",
                "--no-send-anonymous-usage-stats",
                "--project-dir",
                str(PROJECT),
                "--profiles-dir",
                str(PROJECT),
                "--target-path",
                str(target),
                "--log-path",
                str(target / "logs"),
                "--vars",
                json.dumps({"inputs": str(inputs), "inputs_schema": inputs_schema}),
            ]
        )
    if result.exception is not None and (strict or not (target / "run_results.json").exists()):
        raise DbtError(f"dbt {command[0]} failed: {result.exception}")
    if strict and not result.success:
        raise DbtError(f"dbt {command[0]} failed; see {target / 'logs'}")


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@contextmanager
def _closed_connections() -> Iterator[None]:
    """Let go of the warehouse afterwards: dbt keeps its connection for as long as the process lives."""
    try:
        yield
    finally:
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager

        DuckDBConnectionManager.close_all_connections()


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
