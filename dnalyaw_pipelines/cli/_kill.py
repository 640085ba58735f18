"""``dnalyaw kill``: the operator's kill switch."""

from __future__ import annotations

import argparse
import getpass
import sys

from dnalyaw_pipelines.cli._exit import FAILED, OK
from dnalyaw_pipelines.cli._home import add_home_options, faults_as_lines, named_home


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_home_options(parser)
    parser.add_argument("--region", action="append", help="US or HK; default: every region of the home")
    parser.add_argument("--reason", required=True, help="why; journaled by riskd")


def execute(arguments: argparse.Namespace) -> int:
    """Throw it in every region named, and go on with the next where one does not answer."""
    from dnalyaw import runtime

    home = named_home(arguments)
    status = OK
    with faults_as_lines():
        for region in [code.upper() for code in arguments.region or home.config().regions]:
            try:
                with runtime.OmsClient(runtime.Layout(home.runtime(region), region)) as client:
                    state = client.kill(getpass.getuser(), arguments.reason)
                sys.stderr.write(f"{region}: {state}\n")
            except runtime.OmsError as error:
                sys.stderr.write(f"{region}: {error}; signal riskd itself: kill -USR1 its process\n")
                status = FAILED
    return status
