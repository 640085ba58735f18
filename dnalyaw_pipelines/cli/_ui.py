"""``dnalyaw ui``: the Dagster UI on a data home."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from dnalyaw_pipelines.cli._exit import USAGE, CommandError
from dnalyaw_pipelines.cli._home import add_home_options, named_home
from dnalyaw_pipelines.instance import prepare

WORKSPACE = Path(__file__).resolve().parents[2] / "workspace.yaml"


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_home_options(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=3000, help="port (default 3000)")


def execute(arguments: argparse.Namespace) -> int:
    """Serve until interrupted."""
    home = named_home(arguments)
    if not home.config_path.exists():
        raise CommandError(f"{home.root} is empty: fill it with `dnalyaw run` first", USAGE)
    prepare(home)
    sys.stderr.write(
        f"Dagster on http://{arguments.host}:{arguments.port} (data home {home.root}); Ctrl-C ends it\n"
    )
    return subprocess.call(
        [
            *(sys.executable, "-m", "dagster", "dev", "--workspace", str(WORKSPACE)),
            *("--host", arguments.host, "--port", str(arguments.port), "--log-level", "warning"),
        ],
        cwd=WORKSPACE.parent,
        env=os.environ,
    )
