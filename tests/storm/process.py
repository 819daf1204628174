"""Run the product in a forked process: quick to start, and killed as in a crash, with its files left as they are."""

from __future__ import annotations

import errno
import gc
import logging
import mmap
import os
import pickle
import resource
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from harvest_simulator.clock import Clock
from harvest_time_tracking import Client, HarvestError, Secret, Settings
from harvest_time_tracking.sizes import ReadSizes
from harvest_warehouse.load import AccessLost, LoadReport, load
from harvest_warehouse.sync import SyncReport, sync
from harvest_warehouse.warehouse import Target
from storm.events import TRICKLES, Day, FullDisk, Kill

# Longer than any run takes: a run that never ends is a failure.
_PATIENCE_SECONDS = 180.0
_CRASHED = 70
_CELLS = 512

Report = LoadReport | SyncReport


class SharedClock(Clock):
    """Virtual clock shared by forked processes: each adds to its own cell, and the time is their sum."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self._cells = memoryview(mmap.mmap(-1, 8 * _CELLS)).cast("d")
        self._own = 0

    def monotonic(self) -> float:
        """Seconds since the start."""
        return sum(self._cells)

    def sleep(self, seconds: float) -> None:
        """Advance the clock at once."""
        if seconds > 0:
            with self._lock:
                self._cells[self._own] += seconds

    def in_child(self, number: int) -> None:
        """Use another cell from now on, in a forked process."""
        self._own, self._lock = 1 + number % (_CELLS - 1), threading.Lock()


@dataclass(frozen=True)
class RunEnd:
    """End of a run.

    Attributes:
        code: exit code; None if it was killed.
        said: everything that it printed, logged and reported.
        is_full_disk_met: whether a write failed on the full disk.
    """

    code: int | None
    said: str
    is_full_disk_met: bool = False


class Run:
    """Run in progress."""

    def __init__(self, act: Callable[[], Report], folder: Path, day: Day, number: int) -> None:
        self._log = folder / f"run-{number}.txt"
        reader, writer = os.pipe()
        sys.stdout.flush()
        self._pid = os.fork()
        if not self._pid:
            os.close(reader)
            _be_the_run(act, self._log, writer, day)
        os.close(writer)
        self._reader = reader

    def ended(self) -> RunEnd:
        """Wait for its end. Raises AssertionError if it never ends."""
        told = b""
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        # (Not select(), which does not support descriptors beyond 1,023.)
        poll = select.poll()
        poll.register(self._reader)
        while poll.poll(max(0.0, give_up_at - time.monotonic()) * 1_000):
            part = os.read(self._reader, 1 << 16)
            told += part
            if not part:
                break
        else:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            raise AssertionError(f"a run did not end: {self._log.read_text(errors='replace')[-3_000:]}")
        os.close(self._reader)
        _, status = os.waitpid(self._pid, 0)
        said = self._log.read_text(errors="replace")
        # The output is checked apart, not as a file of the run.
        self._log.unlink()
        if os.WIFSIGNALED(status):
            code = None if os.WTERMSIG(status) == signal.SIGKILL else _CRASHED + os.WTERMSIG(status)
            return RunEnd(code, said)
        landing: RunEnd = pickle.loads(told)
        return RunEnd(landing.code, said, landing.is_full_disk_met)


def _be_the_run(act: Callable[[], Report], log: Path, writer: int, day: Day) -> None:
    """Run in the child process, report the end, and exit."""
    # The process is short-lived, so that garbage collection is not worth its time.
    gc.disable()
    watch = Watch(day.kill, day.disk)
    # Opening and closing are half the cost of a small database, so connections are held open, unless the run itself is hit.
    held = _opened_once() if not (day.kill or day.disk or day.is_twice) else {}
    code = _CRASHED
    try:
        said = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        os.dup2(said, 1)
        os.dup2(said, 2)
        sys.stdout = sys.stderr = open(said, "w", buffering=1, encoding="utf-8")  # noqa: SIM115 (for as long as we live)
        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr, force=True)
        logging.getLogger("sqlglot").setLevel(logging.WARNING)
        watch.begin()
        report = act()
        print(report)
        code = code_of(report)
    except (HarvestError, OSError) as error:
        print(f"Error: {error}")
        traceback.print_exc()
        code = 3 if isinstance(error, AccessLost) else 1
    except BaseException:  # noqa: BLE001 (the law of clear ends judges it by its code)
        traceback.print_exc()
    finally:
        watch.end()
        for connection in held.values():
            connection.close()
        os.write(writer, pickle.dumps(RunEnd(code, "", watch.is_full_disk_met)))
        sys.stdout.flush()
        os._exit(0)


def _opened_once() -> dict[str, duckdb.DuckDBPyConnection]:
    """Keep every database open once it was opened, until the returned connections are closed."""
    held: dict[str, duckdb.DuckDBPyConnection] = {}
    connect = duckdb.connect

    def connected(database: str = ":memory:", *arguments: Any, **named: Any) -> duckdb.DuckDBPyConnection:
        connection = connect(database, *arguments, **named)
        if database not in held:
            # A connection of its own, since closing a connection closes its cursors.
            held[database] = connect(database, *arguments, **named)
        return connection

    duckdb.connect = connected  # type: ignore[assignment]
    return held


def code_of(report: Report) -> int:
    """Exit code of the command line for a report."""
    return 3 if isinstance(report, SyncReport) and report.needs_somebody else 0


class Watch:
    """Counter of the process's file and network events (Python's audit events), which injects the day's kill or full disk.

    Attributes:
        count: number of events since `begin`.
        is_full_disk_met: whether a write failed on the full disk.
    """

    _EVENTS = ("open", "os.", "shutil.", "http.client.send", "socket.connect")

    def __init__(self, kill: Kill | None, disk: FullDisk | None) -> None:
        self._kill, self._disk = kill, disk
        self.count = 0
        self._is_on = False
        self.is_full_disk_met = False

    def begin(self) -> None:
        """Start counting."""
        if self._disk and self._disk.room_bytes is not None:
            # Emulates a full disk: the kernel refuses writes beyond the limit (Python ignores the signal).
            room = self._disk.room_bytes
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        if self._kill or (self._disk and self._disk.at_event is not None):
            sys.addaudithook(self._noticed)
        self._is_on = True

    def end(self) -> None:
        """Stop counting."""
        self._is_on = False
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def _noticed(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._is_on or not event.startswith(self._EVENTS):
            return
        self.count += 1
        if self._kill and self.count == self._kill.at_event:
            if self._kill.then_ms:
                threading.Thread(target=_kill_after, args=(self._kill.then_ms,), daemon=True).start()
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        if self._disk and self._disk.at_event is not None and self.count >= self._disk.at_event:
            is_writing = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            if is_writing or event == "os.mkdir":
                self.is_full_disk_met = True
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(arguments[0]))


def _kill_after(milliseconds: int) -> None:
    time.sleep(milliseconds / 1_000)
    os.kill(os.getpid(), signal.SIGKILL)


def asking(url: str, account_id: str, token: str, clock: Clock, sizes: ReadSizes, day: Day) -> Client:
    """Client on the simulator's clock, so that it never really waits, with the given sizes of reads."""
    ahead = timedelta(seconds=day.ahead_seconds)
    # Trickling responses are timed by the virtual clock; others by the real one, as waits of other workers would count.
    answer_clock = clock.monotonic if day.odd and day.odd[1] in TRICKLES else time.monotonic
    settings = Settings(Secret(token), account_id, url, requests_per_15_s=0, report_requests_per_15_min=0)
    return Client(
        settings,
        sleep=clock.sleep,
        monotonic=clock.monotonic,
        now=lambda: clock.now() + ahead,
        answer_clock=answer_clock,
        sizes=sizes,
    )


def command_of(day: Day, warehouse: Target, asks: Client, say: Callable[[str], None]) -> Callable[[], Report]:
    """Function that runs the day's command; `say` is its progress callback."""
    if day.command == "load":
        return lambda: load(warehouse, asks.settings, day.streams, client=asks, on_step=say)
    return lambda: sync(
        warehouse,
        asks.settings,
        repair=day.command in ("calm", "sync --repair"),
        accept_deletions=day.command == "calm",
        build_marts=day.is_built,
        client=asks,
        on_step=say,
    )
