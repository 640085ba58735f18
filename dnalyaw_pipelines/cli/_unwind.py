"""``dnalyaw unwind``: an operator takes a name or a strategy down to nothing, through risk like everything else."""

from __future__ import annotations

import argparse
import getpass
import json
import sys

from dnalyaw.runtime import Layout
from dnalyaw_pipelines.cli._exit import OK, USAGE, CommandError
from dnalyaw_pipelines.cli._home import add_home_options, faults_as_lines, named_home


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_home_options(parser)
    parser.add_argument("--region", required=True, help="US or HK")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--name", metavar="LABEL", help="a name, as AAPL.NASDAQ, or its instrument_id")
    what.add_argument("--strategy", metavar="ID", help="a strategy, as the register names it")
    parser.add_argument("--reason", required=True, help="why; journaled by omsd")
    parser.add_argument(
        "--lift", action="store_true", help="end it: from the next plan on it may be held again"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Ask the region's omsd, which must be running."""
    from dnalyaw import runtime

    home = named_home(arguments)
    region = arguments.region.upper()
    layout = runtime.Layout(home.runtime(region), region)
    with faults_as_lines(), runtime.OmsClient(layout) as client:
        instrument_id = instrument_of(layout, arguments.name) if arguments.name else 0
        answer = client.unwind(
            getpass.getuser(),
            arguments.reason,
            instrument_id=instrument_id,
            strategy_id=arguments.strategy or "",
            lift=arguments.lift,
        )
    what = arguments.name or arguments.strategy
    if arguments.lift:
        sys.stderr.write(f"{region}: {what} may be held again from the next plan on\n")
    else:
        sys.stderr.write(
            f"{region}: {what} is being unwound in {answer.instruments} instruments, "
            f"{answer.cancels_sent} orders are being cancelled; it stays out until --lift\n"
        )
    return OK


def instrument_of(layout: Layout, name: str) -> int:
    """The instrument of a label in the session's reference file; CommandError says when there is none."""
    if name.isdecimal():
        return int(name)
    try:
        rows = json.loads(layout.reference.read_text())["instruments"]
    except (OSError, ValueError, KeyError) as error:
        raise CommandError(f"{layout.reference} cannot be read ({error}); give the instrument_id") from error
    found = [int(row["instrument_id"]) for row in rows if name.upper() in (row["label"], row["symbol"])]
    if len(found) != 1:
        raise CommandError(
            f"{name} is {'no name' if not found else 'more than one name'} of {layout.reference}; "
            "give the label (TICKER.VENUE) or the instrument_id",
            USAGE,
        )
    return found[0]
