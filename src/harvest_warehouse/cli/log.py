"""Log lines for people or for programs: as JSON, one object a line, with the run's id, step, stream and seconds."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, TextIO
from uuid import uuid4

Format = Literal["text", "json"]
Level = Literal["info", "warning", "error"]
_MOST_OF_A_MESSAGE = 10_000


@dataclass
class RunLog:
    """Log of one run of a command.

    Attributes:
        command: the command.
        format: `text` for people, `json` for programs.
        run_id: id of this run.
        started_at: when it began.
    """

    command: str = ""
    format: Format = "text"
    run_id: str = field(default_factory=lambda: uuid4().hex)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    _began: float = field(default_factory=time.monotonic)
    _step: str = ""
    _step_began: float = 0.0
    _has_ended: bool = False

    @property
    def is_json(self) -> bool:
        """True if lines are JSON."""
        return self.format == "json"

    def write(self, level: Level, message: str, **more: object) -> None:
        """Write a line of JSON to standard error; text of any origin is made safe, without secrets.

        `elapsed_seconds` counts from the start of the command; `step` is the one under way.
        """
        # Imported late: it brings dlt, for which `--help` does not wait.
        from harvest_time_tracking.words import printable

        document = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "level": level,
            "command": self.command,
            "run_id": self.run_id,
            "step": printable(self._step) or None,
            "stream": None,
            "elapsed_seconds": round(time.monotonic() - self._began, 3),
            "message": printable(message, most=_MOST_OF_A_MESSAGE),
        } | {name: printable(value) if isinstance(value, str) else value for name, value in more.items()}
        line = json.dumps(document, ensure_ascii=True, default=str)
        stream: TextIO | None = sys.stderr
        if stream is not None:
            with suppress(ValueError):
                stream.write(f"{line}\n")
                stream.flush()

    def step(self, step: str) -> None:
        """End the step under way, with its seconds, and begin the next; an empty one only ends."""
        if self._step:
            seconds = round(time.monotonic() - self._step_began, 3)
            self.write("info", f"{self._step}: done", event="step_ended", seconds=seconds)
        self._step, self._step_began = step, time.monotonic()
        if step:
            self.write("info", step, event="step_began")

    def began(self) -> None:
        """Write the first line of a run, if lines are JSON."""
        if self.is_json:
            self.write("info", f"{self.command} began", event="run_began")

    def ended(self, exit_code: int) -> None:
        """Write the last line of a run, once, if lines are JSON."""
        if self.is_json and not self._has_ended:
            self._has_ended = True
            self.step("")
            seconds = round(time.monotonic() - self._began, 3)
            self.write("info", f"{self.command} ended", event="run_ended", exit_code=exit_code, seconds=seconds)


LOG = [RunLog()]
"""The log of the command that this process runs: one item, replaced when a command begins."""


def current() -> RunLog:
    """Log of the command that runs."""
    return LOG[0]


def begin_log(command: str, log_format: Format) -> RunLog:
    """Start the log of a command."""
    LOG[0] = RunLog(command, log_format)
    return LOG[0]


@contextmanager
def others_in_log() -> Iterator[None]:
    """Write log records of dlt and other libraries, and Python's warnings, as lines of the log, if these are JSON."""
    if not current().is_json:
        yield
        return
    handler, loggers = _Handler(), [logging.getLogger("dlt"), logging.getLogger()]
    before = [list(logger.handlers) for logger in loggers]
    # dlt takes the handler that it finds.
    loggers[0].handlers[:] = [handler]
    loggers[1].addHandler(handler)
    logging.captureWarnings(capture=True)
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        for logger, handlers in zip(loggers, before, strict=True):
            logger.handlers[:] = handlers


class _Handler(logging.Handler):
    """Handler that writes records of other libraries as lines of the log."""

    def emit(self, record: logging.LogRecord) -> None:
        level: Level = "error" if record.levelno >= logging.ERROR else "warning"
        if record.levelno < logging.WARNING:
            level = "info"
        current().write(level, record.getMessage(), logger=record.name)
