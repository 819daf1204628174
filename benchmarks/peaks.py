"""The most memory that a program held, by what it said that it was doing."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

_STEPS = {
    "looking": "looking at the token and the database",
    "reading": "reading Harvest",
    "writing": "writing the database",
    "building": "building the marts",
    "checking": "checking the marts",
    "replacing": "replacing the marts",
}
_LOOK_EVERY_SECONDS = 0.02


class Peaks:
    """Watches a program that tells its steps, a line each.

    Linux alone tells the most memory that a process held since somebody asked; elsewhere nothing is found.

    Attributes:
        by_step: MB of each step, all its turns together.
    """

    def __init__(self) -> None:
        self.by_step: dict[str, float] = {}

    def watch(self, pid: int, said: int) -> None:
        """Watch a process until it ends; `said` is the file into which it writes."""
        step, read = "starting", 0
        while held := _most_held_mb(pid):
            self.by_step[step] = max(self.by_step.get(step, 0.0), held)
            lines, newline, _ = os.pread(said, 2**20, read).rpartition(b"\n")
            read += len(lines) + len(newline)
            for line in lines.decode(errors="replace").splitlines():
                if new := _STEPS.get(line.partition(" ")[0]):
                    step = new
                    _forget_most(pid)
            time.sleep(_LOOK_EVERY_SECONDS)


def _most_held_mb(pid: int) -> float:
    """Nothing of a process that has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return 0.0


def _forget_most(pid: int) -> None:
    # https://docs.kernel.org/filesystems/proc.html: 5 resets what VmHWM tells to what is held now.
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="utf-8")
