"""``dnalyaw runtime``: the compiled runtime on this machine."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date

from dnalyaw_pipelines.cli._exit import FAILED, OK, CommandError
from dnalyaw_pipelines.cli._home import add_home_options, faults_as_lines, named_home
from dnalyaw_pipelines.home import Home


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_home_options(parser)
    parser.add_argument("action", choices=("up", "down", "status"))
    parser.add_argument("--region", action="append", help="US or HK; default: every region of the home")
    parser.add_argument("--session", type=date.fromisoformat, help="for up; default: the last one prepared")
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def execute(arguments: argparse.Namespace) -> int:
    """Start, stop or show the programs."""
    from dnalyaw import runtime

    home = named_home(arguments)
    with faults_as_lines():
        regions = [code.upper() for code in arguments.region or home.config().regions]
        rows = []
        for region in regions:
            layout = runtime.Layout(home.runtime(region), region)
            if arguments.action == "up":
                session = arguments.session or prepared(home, region)
                runtime.up(layout, session)
                with runtime.OmsClient(layout) as client:
                    client.wait_ready()
            elif arguments.action == "down":
                runtime.down(layout)
            rows += [
                {"region": region, "program": p.program, "pid": p.pid, "session": p.session}
                for p in runtime.status(layout)
            ]
    if arguments.json:
        sys.stdout.write(json.dumps(rows) + "\n")
    else:
        for row in rows:
            state = f"running, process {row['pid']}, session {row['session']}" if row["pid"] else "stopped"
            sys.stdout.write(f"{row['region']:<3} {row['program']:<9} {state}\n")
    running = all(row["pid"] for row in rows)
    return OK if arguments.action != "status" or running else FAILED


def prepared(home: Home, region: str) -> date:
    """The session whose files were written last; CommandError when none was."""
    stems = sorted(path.stem for path in (home.runtime(region) / "market").glob("*.json"))
    if not stems:
        raise CommandError(f"no session is prepared in {home.runtime(region)}; `dnalyaw run` prepares one")
    return date.fromisoformat(stems[-1])
