"""What somebody types wrongly ends in one line that says what to do, and a status."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dnalyaw_pipelines.cli._doctor import ROOT
from dnalyaw_pipelines.home import Home, HomeError
from tests.pipelines._loop import FIRST, FIRST_SESSION, REGION, command, run

# Holding the lock of a home from another process: says a line when it has it, and ends with its stdin.
HOLDER = """
import fcntl, os, sys
file = open(sys.argv[1], "a+")
fcntl.flock(file, fcntl.LOCK_EX)
file.truncate(0)
file.write(f"{os.getpid()} since now")
file.flush()
print("held", flush=True)
sys.stdin.read()
"""


def _one_line(ran, status: int) -> str:
    assert ran.status == status, ran.err
    assert ran.out == ""
    assert len(ran.err.splitlines()) == 1, ran.err
    assert ran.err.startswith("dnalyaw")
    return ran.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "--fault", "flood"], "unknown fault 'flood': use one of spike, stale, crossed"),
        (["run", "--fualt", "spike"], "unrecognized arguments: --fualt spike; see dnalyaw --help"),
        (["run", "--fault"], "argument --fault: expected one argument"),
        (
            ["run", "--data", "nowhere"],
            "unknown provider 'nowhere': use one of sample, sample:null, lean:DIR",
        ),
        (["run", "--data", "sample:nil"], "use sample or sample:null"),
        (["run", "--data", "lean:"], "write lean:DIR"),
        (["run", "--data", "lean:/no/such/folder"], "/no/such/folder does not exist; give the path"),
        (["run", "--data", "csvdir:FILE"], "is a file; give the folder that holds it"),
        (["run", "--data", "csvdir:EMPTY"], "holds no bars.csv or bars.parquet"),
        (["run", "--data", "lean:EMPTY"], "equity/usa/daily is missing"),
        (["run", "--region", "FR"], "sample has no region FR; it has US, HK"),
        (
            ["run", "--region", "HK", "--session", "2026-12-25"],
            "2026-12-25 is no session of HK; the next one is",
        ),
        (["run", "--region", "HK", "--session", "2026-11-21"], "the next one is 2026-11-23"),
        (["run", "--region", "HK", "--session", "1970-01-02"], "1970-01-02 is outside the HK calendar"),
        (["run", "--region", "HK", "--session", "2031-12-30"], "2031-12-30 (HK) is too far ahead"),
        (["run", "--session", "yesterday"], "'yesterday' is no date; write YYYY-MM-DD"),
        (["run", "--speed", "0"], "'0' is no speed; write a number above 0"),
        (["run", "--speed", "fast"], "'fast' is no speed"),
        (["accept", "bars", "2026-11-18", "--rule", "spike", "--reason", "x"], "'bars' is no feed"),
        (["accept", "hk/bars", "2026-11-18", "--rule", "spkie", "--reason", "x"], "bars has no rule 'spkie'"),
        (["accept", "hk/bars", "2026-11-18", "--rule", "spike", "--reason", " "], "with a reason"),
        (["accept", "hk/bars", "2026-11-18", "--rule", "spike"], "required: --reason"),
        (["trade"], "invalid choice: 'trade'"),
        ([], "required: COMMAND"),
    ],
)
def test_what_nobody_knows_is_named_in_one_line(words: list[str], says: str, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    places = {"FILE": str(tmp_path / "file"), "EMPTY": str(tmp_path / "empty")}
    words = [word.replace("FILE", places["FILE"]).replace("EMPTY", places["EMPTY"]) for word in words]
    home = tmp_path / "home"
    at = ["--home", str(home)] if words[:1] and words[0] in ("run", "accept") else []
    assert says in _one_line(command(*words, *at), 2)
    assert not home.exists()


def test_a_session_without_data_before_it_is_refused(tmp_path: Path):
    ran = command("run", "--home", tmp_path / "home", "--region", "HK", "--session", "2023-01-03")
    assert "sample has no data of 2022-12-30, the session before 2023-01-03 (HK)" in _one_line(ran, 1)


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_home_that_cannot_be_one_is_refused(place: str, tmp_path: Path):
    (tmp_path / "file").write_text("")
    ran = command("run", "--home", tmp_path / place, "--region", REGION)
    assert "cannot be used as a data home" in _one_line(ran, 1)


def test_a_home_holds_the_data_of_one_provider_and_seed(built_home: Home):
    before = built_home.config_path.read_bytes()
    ran = run(built_home, FIRST_SESSION, "--seed", "8")
    assert "holds the data of 'sample' (seed 7), not of 'sample' (seed 8)" in _one_line(ran, 1)
    ran = run(built_home, FIRST_SESSION, "--data", "sample:null")
    assert "not of 'sample:null'" in _one_line(ran, 1)
    ran = run(built_home, FIRST_SESSION.replace(day=18))
    assert "begins with session 2026-11-19 of HK; to run 2026-11-18, name another --home" in _one_line(ran, 1)
    assert built_home.config_path.read_bytes() == before


@pytest.mark.parametrize("select", ["hk/nothing", "us/factors", "key:("])
def test_a_selection_of_nothing_is_refused(select: str, built_home: Home):
    ran = run(built_home, FIRST_SESSION, "--select", select)
    assert ran.status == 2
    assert f"dnalyaw run: --select {select!r}" in ran.err.splitlines()[-1]
    assert "Traceback" not in ran.err


def test_accepting_what_was_never_delivered_is_refused(built_home: Home):
    words = ("accept", "hk/bars", "2026-11-20", "--rule", "spike", "--reason", "x")
    ran = command(*words, "--home", built_home.root)
    assert "HK bars 2026-11-20: nothing was landed" in _one_line(ran, 1)


@contextmanager
def _held(home: Home) -> Iterator[int]:
    words = [sys.executable, "-c", HOLDER, str(home.root / "run.lock")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder.pid


def test_a_second_run_while_one_is_going_is_refused(tmp_path: Path):
    home = Home(tmp_path / "home")
    home.root.mkdir()
    with _held(home) as pid:
        line = _one_line(run(home, FIRST_SESSION), 1)
        assert f"a run is going on in {home.root} (process {pid} since now); wait for it" in line
        words = ("accept", "hk/bars", FIRST, "--rule", "spike", "--reason", "x", "--home", home.root)
        assert "a run is going on" in _one_line(command(*words), 1)
    assert not home.config_path.exists()


def test_a_run_gives_the_home_back(built_home: Home):
    with (built_home.root / "run.lock").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_the_home_of_a_killed_run_is_free_again(tmp_path: Path):
    home = Home(tmp_path / "home")
    home.root.mkdir()
    with _held(home) as pid:
        os.kill(pid, 9)
    with home.lock():
        assert (home.root / "run.lock").read_text().startswith(f"{os.getpid()} since")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["version", "regions", "provider", "HK", "genesis"]), inner, max_size=4
        )
    ),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=JSON.map(json.dumps)
    | st.text(max_size=20)
    | JSON.map(lambda v: json.dumps({"version": 1, "regions": v}))
)
def test_a_damaged_configuration_is_named(text: str, tmp_path: Path):
    home = Home(tmp_path)
    home.config_path.write_text(text, encoding="utf-8")
    with pytest.raises(HomeError, match=r"config\.json"):
        home.config()


BARE = {"provider": "sample", "seed": 7, "simulated": True, "replay": False, "regions": {}, "version": 1}


@pytest.mark.parametrize(
    ("by_hand", "says"),
    [
        ({"firm_currency": "dollar"}, "firm_currency 'dollar' is no currency"),
        ({"firm_currency": 5}, "firm_currency 5 is no currency"),
        ({"firm_rates": {"HKD": 0}}, "firm_rates 'HKD' is 0; give"),
        ({"firm_rates": {"HKD": True}}, "firm_rates 'HKD' is True; give"),
        ({"firm_rates": {"HKD": "0.128"}}, "firm_rates 'HKD' is '0.128'; give"),
        ({"firm_rates": [0.128]}, r"firm_rates 'firm_rates' is \[0.128\]; give"),
        ({"venue_model": {"fees": {}, "queue": {}}}, "venue_model has fees; give an object of auctions"),
        ({"venue_model": [1]}, r"venue_model has \[1\]; give an object of auctions"),
    ],
)
def test_what_was_set_wrongly_by_hand_is_named(by_hand: dict, says: str, tmp_path: Path):
    (tmp_path / "config.json").write_text(json.dumps(BARE | by_hand))
    with pytest.raises(HomeError, match=says):
        Home(tmp_path).config()


def test_the_firms_currency_is_read_and_kept(tmp_path: Path):
    impact = {"impact": {"temporary": 0.1, "permanent": 0.05}}
    terms = {"firm_currency": "USD", "firm_rates": {"HKD": 0.128}, "venue_model": impact}
    (tmp_path / "config.json").write_text(json.dumps(BARE | terms))
    home = Home(tmp_path)
    home.write_config(home.config())
    assert (home.config().firm_currency, home.config().firm_rates) == ("USD", {"HKD": 0.128})
    assert home.config().venue_model == impact
    (tmp_path / "config.json").write_text(json.dumps(BARE))
    assert (home.config().firm_currency, home.config().firm_rates, home.config().venue_model) == (
        None,
        {},
        {},
    )


def test_help_names_every_command():
    ran = subprocess.run(
        [sys.executable, "-m", "dnalyaw_pipelines.cli", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    for name in ("run", "runtime", "accept", "risk", "kill", "rearm", "ui", "doctor", "bench"):
        assert f"\n    {name} " in ran.stdout
        shown = command(name, "--help")
        assert shown.status == 0
        assert shown.out.startswith(f"usage: dnalyaw {name}")


def test_doctor_says_a_line_for_each_thing(built_home: Home):
    ran = command("doctor", "--home", built_home.root)
    names = [line.split()[1] for line in ran.out.splitlines()[:-1]]
    assert names[:4] == ["python", "cargo", "go", "dnalyaw._native"]
    assert f"{built_home.root}: sample, HK since {FIRST}" in ran.out
    missing = [line for line in ran.out.splitlines() if line.startswith("✗")]
    assert ran.status == (1 if missing else 0)


def test_runtime_status_shows_every_program(built_home: Home, tmp_path: Path):
    ran = command("runtime", "status", "--home", built_home.root, "--json")
    assert ran.status == 1
    assert [(row["region"], row["program"], row["pid"]) for row in ran.last] == [
        ("HK", "simvenue", None),
        ("HK", "riskd", None),
        ("HK", "auditd", None),
        ("HK", "omsd", None),
    ]
    ran = command("runtime", "status", "--home", tmp_path)
    assert "is empty: fill it with `dnalyaw run`" in _one_line(ran, 1)
    assert command("runtime", "down", "--home", built_home.root).status == 0
    ran = command("runtime", "up", "--home", built_home.root)
    assert "no session is prepared" in _one_line(ran, 1)
