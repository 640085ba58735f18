"""``dnalyaw rearm``: take a thrown kill switch back."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from typing import TYPE_CHECKING

from dnalyaw_pipelines.cli._exit import FAILED, OK
from dnalyaw_pipelines.cli._home import add_home_options, faults_as_lines, named_home

if TYPE_CHECKING:
    from dnalyaw.runtime import Layout


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_home_options(parser)
    parser.add_argument("--region", action="append", help="US or HK; default: every region that is killed")
    parser.add_argument("--reason", required=True, help="why it may trade again; journaled by riskd")


def execute(arguments: argparse.Namespace) -> int:
    """Re-arm every region named; a runtime that is down is started for it and stopped again."""
    from dnalyaw import runtime
    from dnalyaw_pipelines.cli._runtime import prepared

    home = named_home(arguments)
    status = OK
    with faults_as_lines():
        named = [code.upper() for code in arguments.region or ()]
        layouts = {code: runtime.Layout(home.runtime(code), code) for code in named or home.config().regions}
        killed = {code: layout for code, layout in layouts.items() if named or runtime.latched(layout)}
        if not killed:
            sys.stderr.write("no region's kill switch is thrown\n")
        for region, layout in killed.items():
            try:
                _rearm(layout, prepared(home, region), arguments.reason)
                sys.stderr.write(f"{region}: armed again\n")
            except runtime.RiskControlError as error:
                sys.stderr.write(f"{region}: {error}\n")
                status = FAILED
    return status


def _rearm(layout: Layout, session: date, reason: str) -> None:
    from dnalyaw import runtime

    try:
        runtime.risk_control(layout, "rearm", reason=reason)
        return
    except runtime.RiskAbsentError:
        pass
    with layout.exclusive():
        runtime.up(layout, session)
        try:
            with runtime.OmsClient(layout) as client:
                client.wait_ready()
            runtime.risk_control(layout, "rearm", reason=reason)
        finally:
            runtime.down(layout)
