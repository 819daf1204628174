"""Show the progress of a load: a live table on a terminal, plain lines anywhere else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from harvest_time_tracking import Ledger, StreamOutcome
from harvest_warehouse.cli.log import current
from harvest_warehouse.cli.render.tables import outcome_table, remark
from harvest_warehouse.messages.text import counted

_LOOK_EVERY_SECONDS = 0.2

OnStep = Callable[[str], None]


@contextmanager
def progress(console: Console, ledger: Ledger) -> Iterator[OnStep]:
    """Show the progress of `ledger` on `console` until the block ends; yields the callback for steps."""
    shown = _Moving(console, ledger) if console.is_terminal and not current().is_json else _Plain(console, ledger)
    with shown.running():
        yield shown.step


class _Moving:
    """Live display: the step, totals, and the streams still being read."""

    def __init__(self, console: Console, ledger: Ledger) -> None:
        self._console = console
        self._ledger = ledger
        self._step = ""

    def step(self, step: str) -> None:
        self._step = step

    @contextmanager
    def running(self) -> Iterator[None]:
        with Live(get_renderable=self._picture, console=self._console, refresh_per_second=4, transient=True):
            yield

    def _picture(self) -> RenderableType:
        outcomes = self._ledger.outcomes()
        waiting = [outcome for outcome in outcomes if outcome.outcome == "reading"]
        if not outcomes:
            return Text(self._step, "bold")
        ended = len(outcomes) - len(waiting)
        rows = sum(outcome.rows for outcome in outcomes)
        requests = sum(outcome.requests for outcome in outcomes)
        if not outcomes:
            return Text(self._step, "bold")
        line = f"{self._step}: {ended} of {len(outcomes)} streams, {rows:,} rows, {requests:,} requests"
        return Group(Text(line, "bold"), outcome_table(waiting)) if waiting else Text(line, "bold")


class _Plain:
    """Plain display: a line for each step and for each stream that ends."""

    def __init__(self, console: Console, ledger: Ledger) -> None:
        self._console = console
        self._ledger = ledger
        self._told: set[str] = set()
        self._ended = threading.Event()

    def step(self, step: str) -> None:
        self._tell_ended()
        if current().is_json:
            current().step(step)
        else:
            self._say(step)

    @contextmanager
    def running(self) -> Iterator[None]:
        watcher = threading.Thread(target=self._watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            self._ended.set()
            watcher.join()
            self._tell_ended()

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_EVERY_SECONDS):
            self._tell_ended()

    def _tell_ended(self) -> None:
        for outcome in self._ledger.outcomes():
            # Once a stream has failed, it is obvious that the others stop.
            if outcome.outcome not in ("reading", "stopped") and outcome.stream not in self._told:
                self._told.add(outcome.stream)
                if current().is_json:
                    _log(outcome)
                else:
                    self._say(_line(outcome))

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _log(outcome: StreamOutcome) -> None:
    """Write the end of a stream as a line of the log."""
    current().write(
        "info" if outcome.outcome == "complete" else "error" if outcome.outcome == "failed" else "warning",
        _line(outcome).strip(),
        event="stream_ended",
        stream=outcome.stream,
        outcome=outcome.outcome,
        reason=outcome.reason,
        rows=outcome.rows,
        requests=outcome.requests,
        retries=outcome.retries,
        seconds=outcome.seconds,
    )


def _line(outcome: StreamOutcome) -> str:
    said = remark(outcome)
    said = "" if outcome.outcome == "failed" else said
    return (
        f"  {outcome.stream}: {outcome.outcome}, {counted(outcome.rows, 'row')}, {counted(outcome.requests, 'request')}"
        f"{f' ({said})' if said else ''}"
    )
