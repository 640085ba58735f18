"""``dnalyaw run``: one day of the whole platform, from feed to fills."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from dnalyaw_pipelines.cli._exit import OK, USAGE, CommandError
from dnalyaw_pipelines.cli._home import add_home_options, faults_as_lines, named_home
from dnalyaw_pipelines.cli._parallel import end_with_parent, run_regions
from dnalyaw_pipelines.home import Home, provider_for
from dnalyaw_pipelines.progress import Progress


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_home_options(parser)
    parser.add_argument("--region", action="append", help="US or HK; default: every region of the provider")
    parser.add_argument(
        "--session",
        type=_date,
        metavar="YYYY-MM-DD",
        help="session to trade; default: the provider's current one",
    )
    parser.add_argument("--seed", type=int, default=7, help="seed of the simulated market (default 7)")
    parser.add_argument(
        "--fault", help="put a fault into the delivery of the last session, to see it blocked"
    )
    parser.add_argument(
        "--select",
        metavar="ASSETS",
        help="materialize only these assets (Dagster's selection syntax, e.g. us/factors+); nothing is handed off",
    )
    parser.add_argument("--no-trade", action="store_true", help="stop before the hand-off to the runtime")
    parser.add_argument(
        "--speed",
        type=_speed,
        help="replayed seconds of the session in one second, after its slow opening (default 20000)",
    )
    parser.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
    parser.add_argument("--part-of", type=int, help=argparse.SUPPRESS)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write YYYY-MM-DD") from None


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not 0 < speed < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no speed; write a number above 0")
    return speed


def execute(arguments: argparse.Namespace) -> int:
    """Run every region, print the summary, and say how it ended."""
    began = time.monotonic()
    home = named_home(arguments)
    progress = Progress()
    if arguments.part_of is not None:
        end_with_parent(arguments.part_of)
    with faults_as_lines():
        sessions = _sessions(arguments)
        with home.lock("run" if arguments.part_of is None else f"run-{'-'.join(sessions)}"):
            if arguments.part_of is None:
                home.ensure(arguments.data, arguments.seed, sessions)
                progress.line(f"Dnalyaw · {arguments.data} · data home {home.root}")
            run = run_regions if len(sessions) > 1 else _run
            outcome = run(arguments, home, sessions, progress)
    outcome["seconds"] = round(time.monotonic() - began, 2)
    outcome["stages"] = progress.seconds
    _print(arguments, outcome)
    return int(outcome["exit_status"])


def _sessions(arguments: argparse.Namespace) -> dict[str, date]:
    """The session to trade in every region asked for, in the order in which the regions open."""
    from dnalyaw.market import is_session, next_session, previous_session, session_open
    from dnalyaw.market import region as region_of
    from dnalyaw.market.providers import open_provider

    provider = provider_for(arguments.data, arguments.seed)
    if arguments.fault is not None:
        open_provider(arguments.data, seed=arguments.seed, fault=arguments.fault)
    regions = [code.upper() for code in arguments.region or _selected_regions(arguments, provider.regions())]
    unknown = [code for code in regions if code not in provider.regions()]
    if unknown:
        raise CommandError(
            f"{arguments.data} has no region {', '.join(unknown)}; it has {', '.join(provider.regions())}",
            USAGE,
        )
    today = datetime.now(UTC).date()
    sessions = {}
    for code in regions:
        session = arguments.session or provider.default_session(code, today)
        if not is_session(code, session):
            raise CommandError(
                f"{session} is no session of {code}; the next one is {next_session(code, session)}", USAGE
            )
        here = datetime.now(ZoneInfo(region_of(code).timezone)).date()
        if previous_session(code, session) > here:
            raise CommandError(
                f"{session} ({code}) is too far ahead: the session before it is later than today, {here}",
                USAGE,
            )
        sessions[code] = session
    return dict(sorted(sessions.items(), key=lambda item: session_open(item[0], item[1])))


def _selected_regions(arguments: argparse.Namespace, held: tuple[str, ...]) -> list[str]:
    """The regions that ``--select`` speaks of; all of them without it, or where it names none."""
    named = [code for code in held if f"{code.lower()}/" in (arguments.select or "")]
    return named or list(held)


def _run(
    arguments: argparse.Namespace, home: Home, sessions: dict[str, date], progress: Progress
) -> dict[str, Any]:
    from dnalyaw.runtime import DEFAULT_SPEED
    from dnalyaw_pipelines.runner import Runner, RunRequest

    stage = f"code location ({', '.join(sessions)})"
    progress.start(stage)
    runner = Runner(home, progress, list(sessions))
    progress.end(stage)
    outcome: dict[str, Any] = {"status": "ok", "exit_status": OK, "home": str(home.root), "regions": {}}
    with runner:
        for region, session in sessions.items():
            request = RunRequest(
                region=region,
                session=session,
                fault=arguments.fault,
                select=arguments.select,
                trade=not (arguments.no_trade or arguments.select),
                speed=arguments.speed or DEFAULT_SPEED,
            )
            found = runner.run(request)
            outcome["regions"][region] = found
            if found["exit_status"] != OK:
                outcome |= {key: found[key] for key in ("status", "exit_status")}
                outcome |= {key: found[key] for key in ("feed", "rule", "rows", "message") if key in found}
                break
    return outcome


def _print(arguments: argparse.Namespace, outcome: dict[str, Any]) -> None:
    from dnalyaw_pipelines.cli._summary import summary_lines

    sys.stderr.flush()
    if not arguments.json:
        sys.stdout.write("\n".join(summary_lines(outcome)) + "\n")
        return
    if arguments.part_of is None:
        sys.stderr.write("\n".join(summary_lines(outcome)) + "\n")
    sys.stdout.write(json.dumps(outcome, default=str) + "\n")
