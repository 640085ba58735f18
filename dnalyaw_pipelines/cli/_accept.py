"""``dnalyaw accept``: an operator takes a delivery in spite of a finding."""

from __future__ import annotations

import argparse
import getpass
import sys

from dnalyaw_pipelines.cli._exit import OK, USAGE, CommandError
from dnalyaw_pipelines.cli._home import add_home_options, faults_as_lines, named_home
from dnalyaw_pipelines.home import Home


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_home_options(parser)
    parser.add_argument("feed", help="as the message names it, for example us/bars")
    parser.add_argument("session", help="the partition, YYYY-MM-DD")
    parser.add_argument("--rule", required=True, help="the rule that blocked it")
    parser.add_argument("--reason", required=True, help="why the delivery is right; kept with the data")


def execute(arguments: argparse.Namespace) -> int:
    """Record the acceptance of the latest delivery; the next run publishes it."""
    region, slash, feed = arguments.feed.partition("/")
    home = named_home(arguments)
    known = _rules(home, region, feed) if slash else []
    if not known:
        raise CommandError(f"{arguments.feed!r} is no feed; write REGION/FEED, for example us/bars", USAGE)
    if arguments.rule not in known:
        raise CommandError(f"{feed} has no rule {arguments.rule!r}; its rules are {', '.join(known)}", USAGE)
    if not arguments.reason.strip():
        raise CommandError("a finding is accepted with a reason; give one with --reason", USAGE)
    with faults_as_lines(), home.lock():
        staged = home.lake.latest(region.upper(), feed, arguments.session)
        home.lake.accept(staged, rule=arguments.rule, who=getpass.getuser(), reason=arguments.reason)
    sys.stderr.write(
        f"{arguments.feed} {arguments.session} {staged.version}: {arguments.rule} accepted; "
        f"`dnalyaw run` publishes it\n"
    )
    return OK


def _rules(home: Home, region: str, feed: str) -> list[str]:
    """The rules of a feed: of a table of the contract, or of what a YAML file declares under another name."""
    from dnalyaw.quality import RULES

    if feed in RULES:
        return [rule.name for rule in RULES[feed]]
    from dnalyaw_pipelines import keys
    from dnalyaw_pipelines.definitions import defs
    from dnalyaw_pipelines.instance import prepare

    prepare(home)
    staging = keys.staging(region, feed)
    checks = defs().resolve_asset_graph().get_check_keys_for_assets({staging})
    return sorted(key.name for key in checks)
