"""The five programs of a day as processes of the test's own: started as the runtime starts them, and killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Literal

from dnalyaw import audit, runtime
from dnalyaw.audit._cluster import program as postgres_program
from tests.day import market
from tests.risk.gateway import eventually

Program = Literal["simvenue", "riskd", "omsd", "auditd", "postgres"]
CLOSING_SPEED = 20_000.0
ZONES = ("UTC", "Asia/Kolkata", "America/St_Johns", "Pacific/Kiritimati")


class Programs:
    """A region in a folder, with its audit trail."""

    def __init__(self, home: Path, seed: int) -> None:
        self.home = home
        self.layout = runtime.Layout(home / "us", "US")
        self.server = audit.Server(home)
        self.omsd_trail, self.riskd_trail = audit.trails(self.layout)
        self.speed = market.SPEED
        self.running: dict[str, subprocess.Popen[str]] = {}
        self._random = random.Random(seed)

    def start_all(self) -> None:
        """Everything, from the table to omsd."""
        self._start_table()
        name = self.layout.root / "audit.dsn"
        name.touch(mode=0o600)
        name.write_text(self.server.dsn()[1] + "\n")
        for program in ("simvenue", "riskd", "omsd", "auditd"):
            self.start(program)

    def _command(self, program: str) -> list[str]:
        if program == "auditd":
            self.riskd_trail.status.parent.mkdir(exist_ok=True)
            return self.riskd_trail.ship(self.server.dsn())
        command = self.layout.command(program, market.DAY, self.speed)
        if program == "omsd":
            command += ["--audit", str(self.layout.root / "audit.dsn")]
        if program == "riskd":
            # So small that segments end, and snapshots are written, in the middle of it all.
            command += ["--journal-segment-kib", "512"]
        return command

    def start(self, program: str) -> dict[str, Any]:
        """Start a program and return what its READY says."""
        if program == "postgres":
            self._start_table()
            return {}
        with self.layout.log(program).open("a") as log:
            # A kill may have cut its last line short.
            log.write("\n")
            log.flush()
            process = subprocess.Popen(self._command(program), stdout=subprocess.PIPE, stderr=log, text=True)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("READY "), f"{program}: no READY but {line!r}; {self.log_end(program)}"
        self.running[program] = process
        return dict(json.loads(line[6:]))

    def _start_table(self) -> None:
        # As another process: as root it is started under another user, for which Python forks, and a fork of a process in
        # which gRPC's threads are at work may crash before it becomes PostgreSQL.
        words = "import pathlib, sys; from dnalyaw.audit import server; server(pathlib.Path(sys.argv[1]))"
        subprocess.run([sys.executable, "-c", words, str(self.home)], check=True)

    def kill(self, program: str) -> None:
        """SIGKILL."""
        if program == "postgres":
            pid = self.server.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            return
        process = self.running.pop(program)
        process.kill()
        process.wait()

    def stop(self, program: str) -> None:
        """SIGTERM, and status 0."""
        process = self.running.pop(program)
        process.terminate()
        assert process.wait(30) == 0, f"{program} ended with {process.returncode}: {self.log_end(program)}"

    def stop_all(self) -> None:
        """Whatever still runs."""
        for process in self.running.values():
            process.kill()
            process.wait()
        self.running.clear()
        self.server.stop()

    def log_end(self, program: str) -> str:
        """The last of a program's log."""
        path = self.layout.log(program)
        return path.read_text()[-3000:] if path.exists() else ""

    def log_size(self, program: str) -> int:
        """Where the next start's log will begin."""
        path = self.layout.log(program)
        return path.stat().st_size if path.exists() else 0

    def events(self, program: str, message: str, since: int) -> list[dict[str, Any]]:
        """The lines of a program's log from a byte on that say something; the last may be half written."""
        with self.layout.log(program).open("rb") as log:
            log.seek(since)
            lines = log.read().decode().split("\n")[:-1]
        found = (json.loads(line) for line in lines if f'"{message}"' in line and line.startswith("{"))
        return [line for line in found if message in (line.get("msg"), line.get("event"))]

    def client(self) -> runtime.OmsClient:
        """A connection to omsd."""
        return runtime.OmsClient(self.layout)

    def replay(self) -> dict[str, Any]:
        """What a fresh process makes of omsd's journal, wherever it believes to be and on however many cores."""
        zone, cores = self._random.choice(ZONES), self._random.choice("14")
        done = subprocess.run(
            [str(runtime.program_path("omsd")), "replay", str(self.layout.root / "oms")],
            capture_output=True,
            text=True,
            env={**os.environ, "TZ": zone, "GOMAXPROCS": cores},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def lives_as_replayed(self) -> None:
        """The state of the omsd that runs is what its journal says, at a moment in which nothing changes it."""
        for _ in range(40):
            with self.client() as client:
                before = client.status().state_hash
                replayed = self.replay()
                if client.status().state_hash == before:
                    assert replayed["state_hash"] == before, "the replayed state is not the live one"
                    return
        raise AssertionError("the state never stood still")

    def close_session(self) -> Any:
        """Let the venue's day end, and return omsd's report once everything has come to rest."""
        if "simvenue" in self.running:
            self.kill("simvenue")
        self.speed = CLOSING_SPEED
        self.start("simvenue")
        runtime.wait_closed(self.layout, 120)
        number = int(market.DAY.strftime("%Y%m%d"))
        with self.client() as client:
            eventually("the links", lambda: (s := client.status()).risk_link_up and s.venue_up)
            eventually("the end of every order", lambda: client.status().open_orders == 0)
            assert not client.status().differences, client.status().differences
            seen, still = client.report(number), time.monotonic()
            deadline = still + 60
            while time.monotonic() - still < 1.0:
                time.sleep(0.2)
                if (now := client.report(number)) != seen:
                    seen, still = now, time.monotonic()
                assert time.monotonic() < deadline, "the report never came to rest"
            return seen

    def ship_the_rest(self) -> None:
        """After everything has stopped: what the journals have and the table does not."""
        for trail in (self.omsd_trail, self.riskd_trail):
            trail.status.parent.mkdir(exist_ok=True)
            done = subprocess.run(
                [*trail.ship(self.server.dsn()), "--once"], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr

    def table(self, writer: str) -> list[tuple[int, bytes]]:
        """The table's rows of a writer by SQL: number and the record's bytes."""
        query = (
            "copy (select seq, encode(coalesce(raw, convert_to(body::text, 'UTF8')), 'hex') from audit.events "
            f"where writer = '{writer}' order by seq) to stdout"
        )
        psql = postgres_program(self.server.data, "psql")
        done = subprocess.run(
            [*psql, self.server.dsn()[1], "-Xqc", query], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        rows = (line.split("\t") for line in done.stdout.splitlines())
        return [(int(seq), bytes.fromhex(body)) for seq, body in rows]
