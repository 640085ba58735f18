"""``dnalyaw kill``: the operator's kill switch."""

from __future__ import annotations

import argparse
import shlex
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
            layout = runtime.Layout(home.runtime(region), region)
            try:
                kill = runtime.risk_control(layout, "kill", reason=arguments.reason)["kill"]
                sys.stderr.write(f"{region}: KILLED, {kill['phase']}; `dnalyaw rearm` takes it back\n")
            except runtime.RiskAbsentError as error:
                wire = shlex.join(layout.second_wire(arguments.reason))
                sys.stderr.write(f"{region}: {error}; flatten its account by the second wire: {wire}\n")
                status = FAILED
            except runtime.RiskControlError as error:
                sys.stderr.write(f"{region}: {error}\n")
                status = FAILED
    return status
