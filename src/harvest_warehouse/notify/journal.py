"""Journal of runs on this machine, beside the lock file: what the database cannot know, such as runs that never reached it.

It decides nothing about rows, and may be lost: `harvest_runs` in the database has every run that read a stream.
"""

from __future__ import annotations

import json
import os
import socket
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from harvest_warehouse.notify.outcome import DONE, Event, Outcome
from harvest_warehouse.warehouse import Target

_MOST_RUNS = 30
_LOCK_SECONDS = 5.0
_LONGEST_RUN = timedelta(days=1)


@dataclass(frozen=True)
class Running:
    """Run that began and has not ended: its command, id, start, process and machine."""

    command: str
    run_id: str
    started_at: datetime
    process_id: int
    machine: str

    @property
    def is_alive(self) -> bool:
        """True if its process is there; of a process on another machine nothing is known, and it counts as ended."""
        if self.machine != socket.gethostname():
            return False
        if os.name != "posix":
            # Elsewhere, asking for a process by a signal can end it.
            return datetime.now(UTC) - self.started_at < _LONGEST_RUN
        try:
            os.kill(self.process_id, 0)
        except ProcessLookupError:
            return False
        except OSError:
            return True
        return True


@dataclass(frozen=True)
class Journal:
    """Last runs on this machine.

    Attributes:
        runs: outcomes, newest last.
        running: runs that began and have not ended.
        told: what was told last and still holds, by command and event: it is not told again.
    """

    runs: tuple[Outcome, ...] = ()
    running: tuple[Running, ...] = ()
    told: Mapping[str, str] = field(default_factory=dict)

    def last(self, command: str) -> Outcome | None:
        """Last run of a command that has ended."""
        return next((run for run in reversed(self.runs) if run.command == command), None)

    def failures(self, command: str) -> tuple[Outcome, ...]:
        """Runs of a command that failed since its last one that did not, newest first."""
        found: list[Outcome] = []
        for run in reversed(self.runs):
            if run.command == command:
                if not run.has_failed:
                    break
                found.append(run)
        return tuple(found)

    def with_killed(self) -> Journal:
        """Journal in which runs whose process is gone have ended, with no exit code."""
        alive = tuple(run for run in self.running if run.is_alive)
        killed = tuple(
            Outcome(run.command, run.run_id, run.started_at, run.started_at, None)
            for run in self.running
            if run not in alive
        )
        return replace(self, runs=_newest((*self.runs, *killed)), running=alive)

    def ended(self, outcome: Outcome, told: Mapping[str, str]) -> Journal:
        """Journal after a run."""
        running = tuple(run for run in self.running if run.run_id != outcome.run_id)
        return Journal(_newest((*self.runs, outcome)), running, told)

    def needed_somebody(self, command: str) -> bool:
        """True if the last run of a command did not end with 0."""
        last = self.last(command)
        return last is not None and last.exit_code != DONE


def _newest(runs: Sequence[Outcome]) -> tuple[Outcome, ...]:
    """The newest runs of each command."""
    counts: Counter[str] = Counter()
    kept = []
    for run in reversed(runs):
        counts[run.command] += 1
        if counts[run.command] <= _MOST_RUNS:
            kept.append(run)
    return tuple(reversed(kept))


def journal_file(warehouse: Target) -> Path:
    """Path of the journal of a database's runs."""
    return warehouse.lock_file.with_suffix(".runs.json")


def read_journal(file: Path) -> Journal:
    """Read a journal; an empty one if there is none, or it cannot be read."""
    try:
        return _journal(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Journal()


@contextmanager
def changing(file: Path) -> Iterator[list[Journal]]:
    """Yield a list with the journal, and write what the block puts in its place.

    A journal that cannot be written, as in a read-only folder, is left: no run fails because of it.
    """
    lock = FileLock(file.with_suffix(".lock"), timeout=_LOCK_SECONDS)
    with suppress(OSError, Timeout):
        file.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        holder = [read_journal(file)]
        before = holder[0]
        yield holder
        if holder[0] != before:
            with suppress(OSError):
                _write(file, holder[0])
    finally:
        lock.release()


def write_whole(file: Path, text: str, mode: int = 0o600) -> None:
    """Write a file so that a reader sees the old text or the new one, never a part. Raises OSError."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as out:
            out.write(text)
        # Whatever the umask is.
        part.chmod(mode)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _write(file: Path, journal: Journal) -> None:
    document = {
        "runs": [_plain(run) for run in journal.runs],
        "running": [
            {
                "command": run.command,
                "run_id": run.run_id,
                "started_at": run.started_at.isoformat(),
                "process_id": run.process_id,
                "machine": run.machine,
            }
            for run in journal.running
        ],
        "told": dict(journal.told),
    }
    write_whole(file, json.dumps(document, indent=1))


def _plain(run: Outcome) -> dict[str, object]:
    return {
        "command": run.command,
        "run_id": run.run_id,
        "started_at": run.started_at.isoformat(),
        "ended_at": run.ended_at.isoformat(),
        "exit_code": run.exit_code,
        "events": [[event.name, event.words] for event in run.events],
        "harvest_run_id": run.harvest_run_id,
        "rows": run.rows,
        "requests": run.requests,
        "streams": dict(run.streams),
    }


def _journal(document: Mapping[str, Any]) -> Journal:
    return Journal(
        tuple(_outcome(run) for run in document["runs"]),
        tuple(_running(run) for run in document["running"]),
        {str(name): str(words) for name, words in document["told"].items()},
    )


def _outcome(run: Mapping[str, Any]) -> Outcome:
    return Outcome(
        run["command"],
        run["run_id"],
        _instant(run["started_at"]),
        _instant(run["ended_at"]),
        run["exit_code"],
        _events(run["events"]),
        run["harvest_run_id"],
        run["rows"],
        run["requests"],
        run["streams"],
    )


def _events(pairs: Sequence[Sequence[Any]]) -> tuple[Event, ...]:
    return tuple(Event(name, words) for name, words in pairs)


def _running(run: Mapping[str, Any]) -> Running:
    return Running(run["command"], run["run_id"], _instant(run["started_at"]), run["process_id"], run["machine"])


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
