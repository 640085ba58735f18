"""One home built once for all the processes of a run; tests that change it take a copy."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest

from dnalyaw_pipelines.cli._doctor import ROOT
from dnalyaw_pipelines.home import Home
from tests.pipelines._loop import FIRST_SESSION, NEXT_SESSION, REGION, environment, run

Copy = Callable[[Home], Home]


class Twin(NamedTuple):
    """A home that another process fills."""

    home: Home
    process: subprocess.Popen[str]


@pytest.fixture(autouse=True)
def _environment_restored() -> Iterator[None]:
    with environment():
        yield


def _copy(home: Home, target: Path) -> Home:
    shutil.copytree(home.root, target)
    return Home(target)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def built_home(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Home]:
    """The first session of the small region, from feed to report, without trading. Not to be changed.

    Whichever process of a parallel run comes first builds it; the last to leave removes it.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "built"
    folder.mkdir(exist_ok=True)
    home, good = Home(folder / "home"), folder / "good"
    with (folder / "users").open("a") as users:
        with _alone(folder / "lock"):
            fcntl.flock(users, fcntl.LOCK_SH)
            if not good.exists():
                shutil.rmtree(home.root, ignore_errors=True)  # what a failed try left
                ran = run(home, FIRST_SESSION)
                assert ran.status == 0, ran.err
                good.touch()
        yield home
        with _alone(folder / "lock"):
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return  # another process still reads it
            good.unlink()
            shutil.rmtree(home.root)


@pytest.fixture(scope="session")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    """The run of `built_home` again, in a process of its own beside the tests.

    It has another seed of Python's hashes and another number of threads.
    """
    home = Home(tmp_path_factory.mktemp("twin") / "home")
    threads = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
    words = ["run", "--home", str(home.root), "--region", REGION, "--session", str(FIRST_SESSION)]
    process = subprocess.Popen(
        [sys.executable, "-m", "dnalyaw_pipelines.cli", *words, "--no-trade", "--json"],
        cwd=ROOT,
        env=os.environ | threads | {"PYTHONHASHSEED": "4242"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield Twin(home, process)
    if process.poll() is None:
        process.kill()
    process.communicate()
    shutil.rmtree(home.root, ignore_errors=True)


@pytest.fixture(scope="session")
def next_home(built_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The shared home one session later. Not to be changed."""
    home = _copy(built_home, tmp_path_factory.mktemp("next") / "home")
    ran = run(home, NEXT_SESSION)
    assert ran.status == 0, ran.err
    yield home
    shutil.rmtree(home.root)


@pytest.fixture
def copy_of(tmp_path: Path) -> Iterator[Copy]:
    """Makes copies of a home that a test may change, and removes them."""
    numbers, made = count(), []

    def copy(home: Home) -> Home:
        made.append(_copy(home, tmp_path / f"home{next(numbers)}"))
        return made[-1]

    yield copy
    for home in made:
        shutil.rmtree(home.root)
