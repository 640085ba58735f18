"""Options that name the data home, shared by the commands."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dnalyaw_pipelines.cli._exit import FAILED, USAGE, CommandError
from dnalyaw_pipelines.home import Home, HomeError, default_home


def add_home_options(parser: argparse.ArgumentParser) -> None:
    """``--data`` and ``--home``."""
    parser.add_argument(
        "--data",
        default="sample",
        metavar="PROVIDER",
        help="sample (default), sample:null, lean:DIR, csvdir:DIR or sp500",
    )
    parser.add_argument(
        "--home", type=Path, help="data home; default: $DNALYAW_HOME, else .dnalyaw/ with the provider's name"
    )


def named_home(arguments: argparse.Namespace) -> Home:
    """The home that the options name."""
    return Home(arguments.home or default_home(arguments.data))


@contextmanager
def faults_as_lines() -> Iterator[None]:
    """Turn the named errors of the library into one line and a status."""
    from dnalyaw.audit import AuditError
    from dnalyaw.market import RegionError, SessionError
    from dnalyaw.market.providers import ProviderError
    from dnalyaw.pit import LakeError
    from dnalyaw.runtime import OmsError, RiskControlError, RuntimeStartError, VenueControlError

    try:
        yield
    except (ProviderError, RegionError, SessionError) as error:
        raise CommandError(str(error), USAGE) from error
    except (
        AuditError,
        HomeError,
        LakeError,
        OmsError,
        RiskControlError,
        RuntimeStartError,
        VenueControlError,
    ) as error:
        raise CommandError(str(error), FAILED) from error
