"""Live mode with users that are really different: riskd's own, omsd's, and everybody else's. Needs root."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dnalyaw import runtime
from tests.risk import users
from tests.risk.gateway import Gateway, eventually
from tests.risk.link import BUY, Link, LinkClosed
from tests.risk.simulated import Simulated, price
from tests.risk.users import Connected, User, as_user

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(users.missing() is not None, reason=str(users.missing())),
]

RISK, OMS, STRANGER, ROOT = User("daemon"), User("nobody"), User("games"), User("root")
REJECT, KILLED = 3, 4
LIVE = ("--live", "--oms-user", OMS.name)
SECRETS = (
    "fix.addr",
    "risk/journal",
    "risk/journal/00000001.seg",
    "risk/fix.seq",
    "risk/metrics.json",
    "risk/lock",
)


class Live:
    """Files and folders as a deployment has them, and simvenue as somebody else's machine."""

    def __init__(self, base: Path) -> None:
        base.chmod(0o755)
        self.base = base
        self.venue = Simulated(base / "venue")
        # The programs lie where only the builder may look; a deployment puts them where they can be run.
        self.gateway = Gateway(base, Simulated.reference())
        self.gateway.reference.chmod(0o644)
        self.binary = base / "riskd"
        shutil.copy(runtime.program_path("riskd"), self.binary)
        self.binary.chmod(0o755)
        self.gateway.binary = self.binary
        self.links = base / "links"
        self.links.mkdir()
        os.chown(self.links, RISK.uid, OMS.gid)
        self.links.chmod(0o2710)
        self.gateway.socket = self.links / "risk.sock"
        self.gateway.dir.mkdir()
        os.chown(self.gateway.dir, RISK.uid, RISK.gid)
        self.gateway.dir.chmod(0o700)
        self.gateway.at(self.venue.port)
        self.gateway.address.chmod(0o600)
        os.chown(self.gateway.address, RISK.uid, RISK.gid)
        self.connections: list[Connected] = []

    @property
    def control(self) -> Path:
        """The control socket."""
        return self.gateway.dir / "control.sock"

    def start(self) -> None:
        """As riskd's user, live."""
        self.venue.start_clock()
        self.gateway.start(*LIVE, **RISK.process)

    def dial(self, user: User, *, isolated: bool) -> Link:
        """A process of the user connects; its client."""
        connected = Connected(user, self.gateway.socket, isolated=isolated)
        self.connections.append(connected)
        return Link(self.gateway.socket, connected=connected.socket)

    def stop(self) -> None:
        """End everything."""
        for connection in self.connections:
            connection.close()
        self.gateway.stop()
        self.venue.stop()


@pytest.fixture
def live() -> Iterator[Live]:
    base = Path(tempfile.mkdtemp(prefix="live"))
    made = Live(base)
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(base, ignore_errors=True)


def test_live_refuses_root_and_omsds_own_user(live: Live) -> None:
    assert "runs as root" in live.gateway.refuses(*LIVE)
    assert "omsd's own user nobody" in live.gateway.refuses(*LIVE, **OMS.process)
    assert "root passes every lock" in live.gateway.refuses("--live", "--oms-user", "root", **RISK.process)
    assert "no such user" in live.gateway.refuses("--live", "--oms-user", "nobody2", **RISK.process)
    assert "oms-user" in live.gateway.refuses("--live", **RISK.process)


@pytest.mark.parametrize(
    "wrong", ["address readable", "address of another", "directory open", "folder shut", "folder open"]
)
def test_live_refuses_files_that_others_can_read_or_change(live: Live, wrong: str) -> None:
    address, folder, links = live.gateway.address, live.gateway.dir, live.links
    if wrong == "address readable":
        address.chmod(0o640)
    elif wrong == "address of another":
        os.chown(address, OMS.uid, OMS.gid)
    elif wrong == "directory open":
        folder.chmod(0o711)
    elif wrong == "folder shut":
        links.chmod(0o700)
    else:
        links.chmod(0o2777)
    named = {"a": address, "d": folder, "f": links}[wrong[0]]
    assert str(named) in live.gateway.refuses(*LIVE, **RISK.process)


@pytest.mark.parametrize("wrong", ["file", "folder", "owner", "tighter"])
def test_live_refuses_limits_that_others_can_change(live: Live, wrong: str) -> None:
    folder = live.base / "limits"
    folder.mkdir(mode=0o755)
    reference = shutil.move(live.gateway.reference, folder / "reference.json")
    tighter = folder / "tighter.json"
    tighter.write_text('{"instrument_bp": 400}')
    live.gateway.reference = reference
    if wrong == "file":
        reference.chmod(0o664)
    elif wrong == "folder":
        folder.chmod(0o777)
    elif wrong == "owner":
        os.chown(reference, OMS.uid, OMS.gid)
    else:
        tighter.chmod(0o646)
    named = {"file": reference, "folder": folder, "owner": reference, "tighter": tighter}[wrong]
    said = live.gateway.refuses(*LIVE, "--tighter", str(tighter), **RISK.process)
    assert f"{named}: " in said
    assert "change it" in said


def test_live_believes_no_simulated_clock(live: Live) -> None:
    live.start()
    link = live.dial(OMS, isolated=True)
    eventually("the refusal", lambda: live.gateway.events("simulated_clock"))
    eventually("the venue is up", lambda: link.state()["venue_up"])
    assert link.state()["session_state"] == 0
    assert link.order(1, 101, BUY, 10, price(101) - 0.2)["decision"] == REJECT
    assert not live.venue.ledger().orders


def test_omsd_of_its_own_user_is_served_and_cannot_look_or_reach_behind_riskd(live: Live) -> None:
    live.start()
    link = live.dial(OMS, isolated=True)
    eventually("the venue is up", lambda: link.state()["venue_up"])
    assert link.order(1, 101, BUY, 10, price(101) - 0.2)["decision"] == REJECT

    def secrets() -> dict[str, str]:
        found = {}
        for name in SECRETS:
            for verb, mode in (("read", os.O_RDONLY), ("write", os.O_WRONLY)):
                try:
                    os.close(os.open(live.base / name, mode))
                except PermissionError:
                    continue
                except OSError as error:
                    found[f"{verb} {name}"] = str(error)
                else:
                    found[f"{verb} {name}"] = "done"
        return found

    assert as_user(RISK, lambda: (live.base / SECRETS[0]).read_text()).strip().endswith(str(live.venue.port))
    # Not there, too, would be an answer: the folder may not be looked into.
    assert as_user(OMS, secrets) == {}

    def command() -> None:
        with socket.socket(socket.AF_UNIX) as dial:
            dial.connect(str(live.control))
            dial.sendall(json.dumps({"cmd": "rearm", "reason": "let me"}).encode() + b"\n")

    with pytest.raises(PermissionError):
        as_user(OMS, command)
    process = live.gateway.process
    assert process is not None
    for number in (signal.SIGKILL, signal.SIGUSR1, signal.SIGSTOP):
        with pytest.raises(PermissionError):
            as_user(OMS, lambda number=number: os.kill(process.pid, number))
    for name in ("mem", "environ", "fd"):
        with pytest.raises(PermissionError):
            as_user(OMS, lambda name=name: os.listdir(f"/proc/{process.pid}/{name}") if name == "fd" else
                    os.close(os.open(f"/proc/{process.pid}/{name}", os.O_RDONLY)))  # fmt: skip
    # The socket's own folder cannot be changed under it either.
    with pytest.raises(PermissionError):
        as_user(OMS, lambda: os.unlink(live.gateway.socket))
    assert link.order(2, 101, BUY, 10, price(101) - 0.2)["decision"] == REJECT


def test_the_control_socket_refuses_a_stranger_by_his_credentials_too(live: Live) -> None:
    live.start()
    # The folder laid open by somebody's mistake: the system's word on who dials still counts.
    live.gateway.dir.chmod(0o711)
    live.control.chmod(0o666)

    def command() -> bytes:
        with socket.socket(socket.AF_UNIX) as dial:
            dial.connect(str(live.control))
            dial.sendall(b'{"cmd":"kill","reason":"mischief"}\n')
            return dial.recv(4096)

    for user in (OMS, STRANGER):
        try:
            said = as_user(user, command)
        except (BrokenPipeError, ConnectionResetError):
            said = b""
        assert b'"ok":true' not in said.replace(b" ", b""), said
    eventually("both refusals", lambda: len(live.gateway.events("control_refused")) >= 2)
    link = live.dial(OMS, isolated=True)
    eventually("the account is known", lambda: link.state()["equity"] > 0)
    assert link.state()["trading_state"] != KILLED, "nobody threw the switch"
    assert as_user(RISK, command)
    eventually("riskd's own user may", lambda: link.state()["trading_state"] == KILLED)


def test_only_omsds_user_gets_the_link(live: Live) -> None:
    live.start()
    with pytest.raises(PermissionError):
        live.dial(STRANGER, isolated=True)
    # Root passes every lock of the file system, and the folder is laid open for the stranger: the credentials refuse.
    live.links.chmod(0o2711)
    live.gateway.socket.chmod(0o666)
    for user in (STRANGER, RISK, ROOT):
        with pytest.raises((LinkClosed, BrokenPipeError, ConnectionResetError)):
            live.dial(user, isolated=True)
    refused = [line["why"] for line in live.gateway.events("link_refused")]
    assert [
        f"user {user.uid} " in why for user, why in zip((STRANGER, RISK, ROOT), refused, strict=True)
    ] == [True] * 3
    link = live.dial(OMS, isolated=True)
    eventually("the venue is up", lambda: link.state()["venue_up"])


@pytest.mark.skipif(
    len(Path("/proc/net/dev").read_text().splitlines()) < 4,
    reason="this machine has no interface that could be found",
)
def test_an_omsd_that_can_reach_more_than_its_machine_is_refused(live: Live) -> None:
    live.start()
    with pytest.raises((LinkClosed, BrokenPipeError, ConnectionResetError)):
        live.dial(OMS, isolated=False)
    eventually(
        "the reason",
        lambda: [e for e in live.gateway.events("link_refused") if "has the interface" in e["why"]],
    )
