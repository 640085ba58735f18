"""Starting and stopping: what runs is reused, what is another's is left alone, what cannot start says why."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from dnalyaw import runtime
from dnalyaw.runtime import _processes

DAY, NEXT = date(2026, 3, 10), date(2026, 3, 11)

# A stand-in for a program: it serves until it is told to stop, and says when it began.
PROGRAM = """#!/bin/sh
# auditd is asked whether the audit table's server is there.
[ "$1" = status ] && echo '{{"writers":[]}}' && exit 0
echo "started $$ $*" >> "{trace}"
{before}
echo 'READY {{}}'
trap 'exit 0' TERM
while :; do sleep 0.05; done
"""


class Fake:
    """A folder of stand-ins for the programs."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.bin = base / "bin"
        self.bin.mkdir()
        self.trace = base / "trace"
        self.layout = runtime.Layout(base / "runtime" / "us", "US")
        for program in runtime.PROGRAMS:
            self.write(program)

    def write(self, program: str, before: str = "", text: str | None = None) -> None:
        path = self.bin / program
        path.write_text(text or PROGRAM.format(trace=self.trace, before=before))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def starts(self) -> list[str]:
        return self.trace.read_text().splitlines() if self.trace.exists() else []


def _kill(pid: int | None) -> None:
    """Kill a stand-in, and wait until it is gone."""
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _runs(pid: int, layout: runtime.Layout, program: str) -> bool:
    """A stand-in is a script, so its interpreter is the first word and its own name the second."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    named = any(os.path.basename(word) == program.encode() for word in words[:2])
    return state != "Z" and named and any(w.startswith(f"{layout.root}/".encode()) for w in words)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    base = Path(tempfile.mkdtemp(prefix="fake"))
    made = Fake(base)
    monkeypatch.setenv("DNALYAW_BIN", str(made.bin))
    # A server of one's own, for which auditd's stand-in answers: nothing here needs a table.
    monkeypatch.setenv("DNALYAW_AUDIT_DSN_FILE", str(base / "dsn"))
    monkeypatch.setattr(_processes, "_is_ours", _runs)
    monkeypatch.setattr(_processes, "READY_SECONDS", 5.0)
    try:
        yield made
    finally:
        runtime.down(made.layout)
        shutil.rmtree(base)


def test_up_starts_in_order_and_a_second_up_reuses(fake: Fake) -> None:
    assert runtime.up(fake.layout, DAY) == ["simvenue", "riskd", "auditd", "omsd"]
    first = runtime.status(fake.layout)
    assert [p.program for p in first] == ["simvenue", "riskd", "auditd", "omsd"]
    assert {p.session for p in first} == {"2026-03-10"}
    assert runtime.up(fake.layout, DAY) == []
    assert runtime.status(fake.layout) == first
    assert len(fake.starts()) == 4
    assert runtime.down(fake.layout) == ["omsd", "riskd", "auditd", "simvenue"]
    assert [p.pid for p in runtime.status(fake.layout)] == [None] * 4
    assert runtime.down(fake.layout) == []


def test_another_session_restarts_everything(fake: Fake) -> None:
    runtime.up(fake.layout, DAY)
    old = {p.pid for p in runtime.status(fake.layout)}
    assert runtime.up(fake.layout, NEXT) == ["simvenue", "riskd", "auditd", "omsd"]
    now = runtime.status(fake.layout)
    assert {p.session for p in now} == {"2026-03-11"}
    assert not old & {p.pid for p in now}


def test_without_the_venue_all_are_started_again_and_without_another_that_one_alone(fake: Fake) -> None:
    runtime.up(fake.layout, DAY)
    _kill(runtime.status(fake.layout)[1].pid)
    assert runtime.up(fake.layout, DAY) == ["riskd"]
    _kill(runtime.status(fake.layout)[0].pid)
    assert runtime.up(fake.layout, DAY) == ["simvenue", "riskd", "auditd", "omsd"]


def test_a_pid_that_another_process_was_given_is_not_killed(fake: Fake) -> None:
    """After a reboot the number in the file is somebody else's."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        fake.layout.root.mkdir(parents=True)
        record = {"pid": stranger.pid, "session": DAY.isoformat()}
        fake.layout.pid("omsd").write_text(json.dumps(record))
        assert runtime.status(fake.layout)[3].pid is None
        assert runtime.down(fake.layout) == []
        assert runtime.up(fake.layout, NEXT) == ["simvenue", "riskd", "auditd", "omsd"]
        assert stranger.poll() is None
        stranger.kill()


def test_a_program_of_another_folder_is_not_taken_for_ours(fake: Fake) -> None:
    runtime.up(fake.layout, DAY)
    # A folder whose path begins with ours.
    beside = runtime.Layout(fake.layout.root.with_name("us2"), "US")
    assert runtime.up(beside, DAY) == ["simvenue", "riskd", "auditd", "omsd"]
    try:
        for program in runtime.PROGRAMS:
            shutil.copy(beside.pid(program), fake.layout.pid(program))
            assert not _processes._is_ours(
                json.loads(beside.pid(program).read_text())["pid"], fake.layout, program
            )
    finally:
        runtime.down(beside)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1}', "null"])
def test_a_pid_file_that_cannot_be_read_is_no_process(fake: Fake, text: str) -> None:
    fake.layout.root.mkdir(parents=True)
    fake.layout.pid("riskd").write_text(text)
    assert runtime.status(fake.layout)[1].pid is None
    assert runtime.up(fake.layout, DAY) == ["simvenue", "riskd", "auditd", "omsd"]


def test_a_program_whose_starter_was_killed_before_the_record_is_found(fake: Fake) -> None:
    runtime.up(fake.layout, DAY)
    pids = [p.pid for p in runtime.status(fake.layout)]
    fake.layout.pid("omsd").unlink()
    assert [p.pid for p in runtime.status(fake.layout)] == pids
    # Whose session it serves is not known: everything begins again, and nothing runs twice.
    assert runtime.up(fake.layout, DAY) == ["simvenue", "riskd", "auditd", "omsd"]
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_program_that_ends_before_it_serves_says_why(fake: Fake) -> None:
    fake.write("riskd", text="#!/bin/sh\necho 'reference.json:3: lot is 0' >&2\nexit 2\n")
    with pytest.raises(runtime.RuntimeStartError) as caught:
        runtime.up(fake.layout, DAY)
    message = str(caught.value)
    assert "riskd (US) did not start (status 2)" in message
    assert "reference.json:3: lot is 0" in message
    assert "\n" not in message


def test_a_program_that_never_serves_is_stopped(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_processes, "READY_SECONDS", 0.3)
    fake.write("omsd", before="sleep 30")
    with pytest.raises(runtime.RuntimeStartError, match="omsd"):
        runtime.up(fake.layout, DAY)
    assert runtime.status(fake.layout)[3].pid is None


def test_a_program_that_does_not_stop_is_killed(fake: Fake) -> None:
    deaf = "#!/bin/sh\ntrap '' TERM\necho READY\nwhile :; do sleep 0.05; done\n"
    fake.write("simvenue", text=deaf)
    runtime.up(fake.layout, DAY)
    assert runtime.down(fake.layout, seconds=0.2) == ["omsd", "riskd", "auditd", "simvenue"]
    assert [p.pid for p in runtime.status(fake.layout)] == [None] * 4


def test_a_path_too_long_for_a_socket_is_refused_before_anything_starts(fake: Fake) -> None:
    # The longest of the sockets' names: one more than fits.
    room = 108 - len("/runtime/us/risk/control.sock") - len(f"{fake.base}/")
    deep = runtime.Layout(fake.base / ("d" * room) / "runtime" / "us", "US")
    assert len(str(deep.risk_control)) == 108
    with pytest.raises(runtime.RuntimeStartError) as caught:
        runtime.up(deep, DAY)
    assert "108 bytes, the most is 107" in str(caught.value)
    assert "shorter folder" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert fake.starts() == []
    assert not deep.root.exists()
    fits = runtime.Layout(fake.base / ("d" * (room - 1)) / "runtime" / "us", "US")
    assert runtime.up(fits, DAY) == ["simvenue", "riskd", "auditd", "omsd"]
    runtime.down(fits)


def test_a_length_is_counted_in_bytes(fake: Fake) -> None:
    room = 108 - len("/risk/control.sock") - len(f"{fake.base}/")
    with pytest.raises(runtime.RuntimeStartError, match="bytes, the most is 107"):
        runtime.up(runtime.Layout(fake.base / ("é" * (room // 2 + 1)), "US"), DAY)


@pytest.mark.parametrize("missing", runtime.PROGRAMS)
def test_a_program_that_is_not_built_names_the_command(fake: Fake, missing: str) -> None:
    (fake.bin / missing).unlink()
    with pytest.raises(runtime.RuntimeStartError) as caught:
        runtime.up(fake.layout, DAY)
    assert f"{missing} is not built" in str(caught.value)
    assert "`make build`" in str(caught.value)
    # Nothing was started before the fault was found.
    assert fake.starts() == []
    assert not fake.layout.root.exists()


def test_without_the_audit_tables_server_venue_and_gateway_serve_and_nothing_opens(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.write("auditd", text="#!/bin/sh\necho 'auditd: connect to PostgreSQL: refused' >&2\nexit 1\n")
    with pytest.raises(runtime.RuntimeStartError) as caught:
        runtime.up(fake.layout, DAY)
    message = str(caught.value)
    assert "the audit trail has no database, and US opens nothing without one" in message
    assert "connect to PostgreSQL: refused" in message
    assert f"DNALYAW_AUDIT_DSN_FILE={fake.base}/dsn" in message
    assert [p.program for p in runtime.status(fake.layout) if p.pid] == ["simvenue", "riskd"]


def test_a_folder_that_is_no_homes_is_refused(fake: Fake) -> None:
    with pytest.raises(runtime.RuntimeStartError, match="is not HOME/runtime/REGION"):
        runtime.up(runtime.Layout(fake.base / "us", "US"), DAY)
    assert fake.starts() == []


def test_programs_get_no_secrets_of_the_environment(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "secret")
    fake.write("simvenue", before=f'env > "{fake.base}/env"')
    runtime.up(fake.layout, DAY)
    assert "secret" not in (fake.base / "env").read_text()


def test_a_caller_that_ignores_sigterm_starts_programs_that_heed_it():
    """A job in the background of a script ignores SIGINT, and Dagster gives SIGTERM the same fate."""
    script = (
        "import signal, subprocess, sys\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "from dnalyaw.runtime._processes import _stoppable_children\n"
        "with _stoppable_children():\n"
        "    child = subprocess.Popen(['sleep', '60'])\n"
        "assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN\n"
        "child.terminate()\n"
        "sys.exit(0 if child.wait(10) == -signal.SIGTERM else 1)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=30).returncode == 0
