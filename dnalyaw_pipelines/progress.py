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

    def end(self, stage: str, note: str = "", *, ok: bool = True) -> float:
        """End a stage and print its line."""
        spent = time.monotonic() - self._started.pop(stage, time.monotonic())
        self.seconds[stage] = round(self.seconds.get(stage, 0.0) + spent, 3)
        self.line(f"  {'✓' if ok else '✗'} {stage:<28} {spent:6.2f} s  {note}".rstrip())
        return spent
