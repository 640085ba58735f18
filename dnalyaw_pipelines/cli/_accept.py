"""``dnalyaw accept``: an operator takes a delivery in spite of a finding."""

from __future__ import annotations

import argparse
import getpass
import sys

from dnalyaw_pipelines.cli._exit import OK, USAGE, CommandError
from dnalyaw_pipelines.cli._home import add_home_options, faults_as_lines, named_home


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_home_options(parser)
    parser.add_argument("feed", help="as the message names it, for example us/bars")
    parser.add_argument("session", help="the partition, YYYY-MM-DD")
    parser.add_argument("--rule", required=True, help="the rule that blocked it")
    parser.add_argument("--reason", required=True, help="why the delivery is right; kept with the data")


def execute(arguments: argparse.Namespace) -> int:
    """Record the acceptance of the latest delivery; the next run publishes it."""
    from dnalyaw.quality import RULES

    region, slash, feed = arguments.feed.partition("/")
    if not slash or feed not in RULES:
        raise CommandError(f"{arguments.feed!r} is no feed; write REGION/FEED, for example us/bars", USAGE)
    known = [rule.name for rule in RULES[feed]]
    if arguments.rule not in known:
        raise CommandError(f"{feed} has no rule {arguments.rule!r}; its rules are {', '.join(known)}", USAGE)
    if not arguments.reason.strip():
        raise CommandError("a finding is accepted with a reason; give one with --reason", USAGE)
    home = named_home(arguments)
    with faults_as_lines(), home.lock():
        staged = home.lake.latest(region.upper(), feed, arguments.session)
        home.lake.accept(staged, rule=arguments.rule, who=getpass.getuser(), reason=arguments.reason)
    sys.stderr.write(
        f"{arguments.feed} {arguments.session} {staged.version}: {arguments.rule} accepted; "
        f"`dnalyaw run` publishes it\n"
    )
    return OK
