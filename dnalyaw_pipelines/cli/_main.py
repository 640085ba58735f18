"""Parses the command line and calls the command."""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
import warnings
from collections.abc import Sequence

from dnalyaw_pipelines.cli._exit import USAGE, CommandError

COMMANDS = {
    "run": "one day of the whole platform: feeds, checks, features, model, targets, orders, fills, report",
    "runtime": "start, stop or look at the compiled runtime (up, down, status)",
    "accept": "take a delivery in spite of a finding, with a reason",
    "marts": "the dbt models in PostgreSQL, or their documentation as a page",
    "risk": "limits, how much of them is used, which riskd runs, and stress scenarios",
    "reconcile": "where omsd's books and the venue differ, and accept the venue's account",
    "unwind": "take a name or a strategy down to nothing by hand, and keep it there",
    "kill": "throw the kill switch: cancel everything, close everything, until it is re-armed",
    "rearm": "take the kill switch back, with a reason that is recorded",
    "audit": "the audit trail: verify it against the journals, how far it is, its last rows",
    "ui": "open the Dagster UI on the data home",
    "doctor": "say what is missing on this machine",
    "backtest": "a strategy's stored weights through the fast engine, the order management, or both compared",
    "bench": "measure; the last line of stdout is one JSON object",
}


class _Parser(argparse.ArgumentParser):
    """An argument parser whose faults are one line."""

    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = _Parser(prog="dnalyaw", description="A quantitative trading platform whose loop is whole.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    words = list(sys.argv[1:] if argv is None else argv)
    for name, text in COMMANDS.items():
        sub = commands.add_parser(name, help=text, description=text)
        # Only the command that is asked for is imported: the others' libraries cost seconds.
        if name in words[:1]:
            importlib.import_module(f"dnalyaw_pipelines.cli._{name}").configure(sub)
    arguments = parser.parse_args(words)
    # Libraries' own chatter is for their authors; what we have to say comes as lines of progress or errors.
    logging.basicConfig(level=logging.WARNING, format="  ! %(message)s")
    for handler in logging.getLogger().handlers:
        handler.addFilter(lambda r: r.levelno >= logging.ERROR or not r.name.startswith("great_expectations"))
    warnings.simplefilter("ignore")
    command = importlib.import_module(f"dnalyaw_pipelines.cli._{arguments.command}")
    try:
        return int(command.execute(arguments))
    except CommandError as error:
        sys.stderr.write(f"dnalyaw {arguments.command}: {error}\n")
        return error.status
    except KeyboardInterrupt:
        sys.stderr.write(f"dnalyaw {arguments.command}: interrupted; run it again, it goes on where it was\n")
        return 130
