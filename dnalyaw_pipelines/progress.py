"""What a person sees while a run goes on: a line a stage, with its seconds."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TextIO


@dataclass
class Progress:
    """Collects and prints the seconds of every stage.

    Parameters
    ----------
    stream : text file, optional
        Where lines go; stderr by default, so that stdout holds results alone.
    """

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    seconds: dict[str, float] = field(default_factory=dict)
    _started: dict[str, float] = field(default_factory=dict)

    def line(self, text: str) -> None:
        """Print one line."""
        self.stream.write(text + "\n")
        self.stream.flush()

    def start(self, stage: str) -> None:
        """Begin a stage."""
        self._started[stage] = time.monotonic()

    def stop(self, stage: str) -> float:
        """End a stage without a line; its seconds."""
        return time.monotonic() - self._started.pop(stage, time.monotonic())

    def end(self, stage: str, name: str = "", note: str = "", *, ok: bool = True) -> None:
        """End a stage and print its line."""
        self.report(name or stage, self.stop(stage), note, ok=ok)

    def report(self, name: str, seconds: float, note: str = "", *, ok: bool = True) -> None:
        """Print the line of a stage and keep its seconds."""
        self.seconds[name] = round(self.seconds.get(name, 0.0) + seconds, 3)
        self.line(f"  {'✓' if ok else '✗'} {name:<40} {seconds:6.2f} s  {note}".rstrip())
