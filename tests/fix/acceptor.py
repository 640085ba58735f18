"""The QuickFIX acceptor as a process: compiled once a run, spoken to line by line, judged by its own files."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(__file__).with_name("acceptor.cpp")
HEADER = Path("/usr/include/quickfix/Session.h")
SOH = "\x01"

Fields = list[tuple[int, str]]


def missing() -> str | None:
    """What keeps the acceptor from being compiled, and how to get it; None when nothing does."""
    if not HEADER.exists() or shutil.which("g++") is None:
        return (
            "QuickFIX and g++ are not installed: apt-get install --no-install-recommends libquickfix-dev g++"
        )
    return None


def compile_acceptor(to: Path) -> Path:
    """Compile it; a fault in it is a failed test, not a skipped one."""
    # The library's headers have exception specifications, which C++17 took away.
    subprocess.run(
        ["g++", "-std=c++14", "-Wno-deprecated", str(SOURCE), "-o", str(to), "-lquickfix", "-lpthread"],
        check=True,
    )
    return to


def dictionary() -> Path:
    """QuickFIX's FIX44.xml: Debian leaves it out, the Go module of the same project ships it."""
    go = subprocess.run([str(ROOT / "tools" / "go.sh")], capture_output=True, text=True, check=True)
    module = subprocess.run(
        [go.stdout.strip(), "list", "-m", "-f", "{{.Dir}}", "github.com/quickfixgo/quickfix"],
        cwd=ROOT / "execution",
        capture_output=True,
        text=True,
        check=True,
    )
    path = Path(module.stdout.strip()) / "spec" / "FIX44.xml"
    assert path.is_file(), f"{path} is missing: run `make build`"
    return path


@dataclass(frozen=True)
class Message:
    """One FIX message."""

    fields: tuple[tuple[int, str], ...]

    @staticmethod
    def parse(text: str) -> Message:
        """From tag=value pairs."""
        pairs = (part.partition("=") for part in text.strip(SOH).split(SOH))
        return Message(tuple((int(tag), value) for tag, _, value in pairs))

    def get(self, tag: int) -> str | None:
        """The first value of a tag."""
        return next((value for t, value in self.fields if t == tag), None)

    def __getitem__(self, tag: int) -> str:
        value = self.get(tag)
        assert value is not None, f"no tag {tag} in {self.fields}"
        return value

    @property
    def kind(self) -> str:
        """MsgType."""
        return self[35]

    @property
    def seq(self) -> int:
        """MsgSeqNum."""
        return int(self[34])


class Acceptor:
    """The process. `on_message` is called in the reading thread for every message that it took, `on_up` at each logon."""

    def __init__(
        self,
        binary: Path,
        spec: Path,
        root: Path,
        on_message: Callable[[Message], None],
        on_up: Callable[[], None],
    ) -> None:
        self.root = root
        self.port = _free_port()
        self._command = [str(binary), str(self.port), str(spec), str(root)]
        self._on_message, self._on_up = on_message, on_up
        self._answers: list[str] = []
        self.ups = 0
        self.up = False
        self.errors: list[str] = []
        for name in ("store", "log"):
            (root / name).mkdir(parents=True, exist_ok=True)
        self.start()

    def start(self) -> None:
        """Start, with whatever numbers and messages its store holds."""
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == "ready"
        self._thread = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._thread.start()

    def _read(self, lines: Iterable[str]) -> None:
        for line in lines:
            word, _, rest = line.rstrip("\n").partition(" ")
            if word == "in":
                self._on_message(Message.parse(rest))
            elif word == "up":
                self.up, self.ups = True, self.ups + 1
                self._on_up()
            elif word == "down":
                self.up = False
            elif word == "numbers":
                self._answers.append(rest)
            else:
                self.errors.append(line)

    def tell(self, line: str) -> None:
        """Give it a command."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def refuse(self, what: str) -> None:
        """Have it refuse a logon or a message, from the moment this returns."""
        self.tell(f"refuse {what}")
        self.numbers()

    def send(self, kind: str, fields: Fields) -> None:
        """Have it send a message."""
        pairs = [(35, kind), *fields]
        self.tell("send " + "".join(f"{tag}={value}{SOH}" for tag, value in pairs))

    def numbers(self) -> tuple[int, int]:
        """The next number it sends, and the next it expects."""
        asked = len(self._answers)
        self.tell("numbers")
        deadline = time.monotonic() + 20
        while len(self._answers) == asked:
            assert time.monotonic() < deadline, "the acceptor does not answer"
            time.sleep(0.005)
        sender, target = self._answers[-1].split()
        return int(sender), int(target)

    def freeze(self) -> None:
        """Stop the process where it stands: the connection stays and says nothing."""
        self._process.send_signal(signal.SIGSTOP)
        deadline = time.monotonic() + 20
        # The signal is sent at once and heeded a moment later, by each thread on its own.
        while not all(
            task.read_text().rpartition(")")[2].split()[0] == "T"
            for task in Path(f"/proc/{self._process.pid}/task").glob("*/stat")
        ):
            assert time.monotonic() < deadline, "the acceptor does not stop"
            time.sleep(0.001)

    def thaw(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL; its store keeps numbers and messages."""
        self._process.kill()
        self._process.wait()
        self._thread.join()
        self.up = False

    def stop(self) -> None:
        """End it."""
        if self._process.poll() is None:
            self.thaw()
            self.kill()

    def log(self) -> list[Message]:
        """Every message of both directions in the order in which QuickFIX logged it."""
        (path,) = (self.root / "log").glob("FIX*messages.current.log")
        lines = path.read_text().splitlines()
        return [Message.parse(re.sub(r"^.*? : ", "", line)) for line in lines if line]

    def diary(self) -> str:
        """QuickFIX's log of events and of messages, as text."""
        files = sorted((self.root / "log").glob("FIX*.current.log"))
        return "\n".join(path.read_text().replace(SOH, "|") for path in files)

    def received(self, *kinds: str) -> list[Message]:
        """The messages of riskd by QuickFIX's log."""
        return [m for m in self.log() if m[49] == "RISKD" and (not kinds or m.kind in kinds)]

    def sent(self, *kinds: str) -> list[Message]:
        """The messages of the venue by QuickFIX's log."""
        return [m for m in self.log() if m[49] == "SIMVENUE" and (not kinds or m.kind in kinds)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
