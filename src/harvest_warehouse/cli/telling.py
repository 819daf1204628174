"""Tell how a scheduled command went: `errors_told`, and the channels of `[harvest_notify]`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from harvest_warehouse.cli.app import DIFFERENT, DONE, err, errors_told, prepare
from harvest_warehouse.cli.log import current

if TYPE_CHECKING:
    from harvest_time_tracking import Ledger
    from harvest_warehouse.notify import Event, Reporter
    from harvest_warehouse.status import StatusReport
    from harvest_warehouse.warehouse import Target


class Telling:
    """What is known of a run while it is under way.

    Attributes:
        events: events of its report.
        harvest_run_id: the run's id in `harvest_runs`.
    """

    def __init__(self, command: str) -> None:
        self._command = command
        self._reporter: Reporter | None = None
        self._place: Target | None = None
        self.events: Sequence[Event] = ()
        self.harvest_run_id = ""
        self._ledgers: list[Ledger] = []

    def begin(self) -> None:
        """Read the channels, and tell those who want to know it that the run begins. Raises SettingWrong."""
        from harvest_warehouse.notify import Reporter, notify_settings

        log = current()
        self._reporter = Reporter(notify_settings(), self._command, log.run_id, log.started_at)
        self._reporter.begin()

    def about(self, place: Target) -> Target:
        """Name the database that the run is about; gives the database."""
        self._place = place
        if self._reporter:
            self._reporter.knows(place)
        return place

    def starts(self) -> None:
        """Note that the run is under way, once its settings are known to be right."""
        if self._reporter and self._place:
            self._reporter.writes_into(self._place)

    def reads(self, ledger: Ledger) -> Ledger:
        """Note where the outcomes of streams will be; gives the ledger."""
        self._ledgers.append(ledger)
        return ledger

    def end(self, exit_code: int, error: BaseException | None) -> None:
        """Tell how it went. Neither a channel nor a second Ctrl-C here changes the exit code."""
        if not self._reporter:
            return
        with suppress(KeyboardInterrupt):
            try:
                failures = self._told(self._reporter, exit_code, error)
            except Exception as unexpected:  # noqa: BLE001 (whatever goes wrong here, the run ends as it went)
                failures = [f"Not told: {type(unexpected).__name__}."]
            for failure in failures:
                err.print(failure, markup=False, highlight=False, soft_wrap=True)

    def _told(self, reporter: Reporter, exit_code: int, error: BaseException | None) -> list[str]:
        from harvest_warehouse.notify import Event, Outcome
        from harvest_warehouse.sync.events import failure_event

        events = list(self.events)
        if error is not None:
            failure = failure_event(error)
            events = [failure, *(event for event in events if event.name != failure.name)]
        elif exit_code not in (DONE, DIFFERENT) and not events:
            events = [Event("failed", f"It ended with exit code {exit_code}.")]
        streams = [stream for ledger in self._ledgers for stream in ledger.outcomes()]
        return reporter.end(
            Outcome(
                self._command,
                current().run_id,
                current().started_at,
                datetime.now(UTC),
                exit_code,
                tuple(events),
                self.harvest_run_id,
                sum(stream.rows for stream in streams),
                sum(stream.requests for stream in streams),
                Counter(stream.outcome for stream in streams),
            )
        )


@contextmanager
def told(command: str, is_debug: bool, *, as_json: bool = False) -> Iterator[Telling]:
    """Run a command with its messages and exit code, and tell how it went."""
    telling = Telling(command)
    with errors_told(is_debug, as_json=as_json, on_end=telling.end):
        prepare()
        telling.begin()
        yield telling


def tell_staleness(place: Target, report: StatusReport) -> list[str]:
    """Tell the channels that data is old, once until it is not; give what could not be told. Raises SettingWrong."""
    from dataclasses import replace

    from harvest_warehouse.notify import Event, Outcome, Reporter, notify_settings

    log, command = current(), "status"
    # Pinged by those commands alone that have a check of their own.
    reporter = Reporter(replace(notify_settings(), commands=(command,)), command, log.run_id, log.started_at)
    reporter.knows(place)
    hours = int(report.max_age.total_seconds() // 3600)
    words = f"The data is older than {hours:,} hours. {' '.join(report.next_steps)}"
    events = (Event("stale", words),) if report.is_old else ()
    code = DIFFERENT if report.is_old else DONE
    return reporter.end(Outcome(command, log.run_id, log.started_at, datetime.now(UTC), code, events))
