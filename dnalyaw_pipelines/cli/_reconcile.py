"""``dnalyaw reconcile``: where omsd's books and the venue's account differ, and a person's word that the venue is right."""

from __future__ import annotations

import argparse
import getpass
import json
import sys

from dnalyaw_pipelines.cli._exit import FAILED, OK, CommandError
from dnalyaw_pipelines.cli._home import add_home_options, faults_as_lines, named_home


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_home_options(parser)
    parser.add_argument("--region", action="append", help="US or HK; default: every region of the home")
    parser.add_argument("--accept", action="store_true", help="take the venue's account as it is")
    parser.add_argument("--reason", help="what was found; journaled by omsd, needed to accept")
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def execute(arguments: argparse.Namespace) -> int:
    """Show the differences of each region; the status says whether there are any that nobody has accepted."""
    from dnalyaw import runtime

    if arguments.accept and not (arguments.reason or "").strip():
        raise CommandError("--accept needs --reason: say what was found, it is recorded")
    home = named_home(arguments)
    rows = []
    with faults_as_lines():
        for region in [code.upper() for code in arguments.region or home.config().regions]:
            with runtime.OmsClient(runtime.Layout(home.runtime(region), region)) as client:
                found = list(client.status().differences)
                if arguments.accept and found:
                    client.accept_books(getpass.getuser(), arguments.reason)
                rows += [
                    {
                        "region": region,
                        "what": f"instrument {d.instrument_id}" if d.instrument_id else "cash",
                        "books": d.books,
                        "venue": d.venue,
                        "why": d.why,
                        "accepted": arguments.accept,
                    }
                    for d in found
                ]
    if arguments.json:
        sys.stdout.write(json.dumps(rows) + "\n")
    else:
        for row in rows:
            state = "accepted" if row["accepted"] else "no new orders until it is accepted"
            sys.stdout.write(
                f"{row['region']:<3} {row['what']}: the books have {row['books']}, the venue {row['venue']} "
                f"({row['why']}); {state}\n"
            )
        if not rows:
            sys.stdout.write("venue and books agree\n")
    return OK if arguments.accept or not rows else FAILED
