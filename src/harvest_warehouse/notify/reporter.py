"""Report a run to every channel of `[harvest_notify]`: at its start, and at its end."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from harvest_warehouse.messages.text import counted
from harvest_warehouse.notify.delivery import post
from harvest_warehouse.notify.journal import Journal, Running, changing, journal_file
from harvest_warehouse.notify.mail import send_mail
from harvest_warehouse.notify.message import Message
from harvest_warehouse.notify.outcome import DONE, WRONG_USE, Event, Outcome
from harvest_warehouse.notify.ping import Signal, send_ping
from harvest_warehouse.notify.settings import EventName, NotifySettings
from harvest_warehouse.notify.slack import send_slack
from harvest_warehouse.notify.textfile import send_textfile
from harvest_warehouse.warehouse import Target

TOLD_ONCE: tuple[EventName, ...] = ("skipped", "new_column", "stale")
"""Events that last: told when they begin or change, and not in every run while they last."""

Send = Callable[[], str | None]


class Reporter:
    """Reporter of one run.

    Nothing that goes wrong here is an error of the run: `end` returns what could not be told, as messages.

    Args:
        settings: the channels.
        command: the command: `sync`.
        run_id: id of the run.
        started_at: when it began (aware).
    """

    def __init__(self, settings: NotifySettings, command: str, run_id: str, started_at: datetime) -> None:
        self._settings = settings
        self._command = command
        self._run_id = run_id
        self._started_at = started_at
        self._starting: threading.Thread | None = None
        self._place: Target | None = None

    def begin(self) -> None:
        """Ping the start, without waiting for an answer."""
        if address := self._ping_address:
            self._starting = threading.Thread(
                target=send_ping,
                args=(address, "start", self._run_id),
                kwargs={"seconds": self._settings.timeout_seconds},
                daemon=True,
            )
            self._starting.start()

    def knows(self, warehouse: Target) -> None:
        """Name the database that the run is about, for messages and for its journal."""
        self._place = warehouse

    def writes_into(self, warehouse: Target) -> None:
        """Note in the journal of this database that the run is under way."""
        self._place = warehouse
        running = Running(self._command, self._run_id, self._started_at, os.getpid(), socket.gethostname())
        with changing(journal_file(warehouse)) as holder:
            journal = holder[0].with_killed()
            holder[0] = replace(journal, running=(*journal.running, running))

    def end(self, outcome: Outcome) -> list[str]:
        """Tell how the run went; wait for each channel at most as long as is set.

        Returns:
            What could not be told, as messages without addresses.
        """
        if self._place is None:
            # The run never knew its database: nothing is known of earlier runs either.
            events = self._with_standing(outcome, Journal(), {})
            return self._send(outcome, Journal().ended(outcome, {}), events)
        file = journal_file(self._place)
        if outcome.exit_code == WRONG_USE and not file.exists():
            # Not in a folder where nothing was ever configured.
            return self._send(outcome, Journal().ended(outcome, {}), self._with_standing(outcome, Journal(), {}))
        with changing(file) as holder:
            before = holder[0].with_killed()
            standing: dict[str, str] = {}
            events = self._with_standing(outcome, before, standing)
            holder[0] = after = before.ended(replace(outcome, events=events), standing)
        failures = self._send(outcome, after, events)
        if failures and len(failures) >= self._channels:
            # Nobody knows: what is told once is told by the next run.
            with changing(file) as holder:
                holder[0] = replace(holder[0], told=before.told)
        return failures

    def _with_standing(self, outcome: Outcome, before: Journal, standing: dict[str, str]) -> tuple[Event, ...]:
        """Events of a run with what follows from the runs before it, without those that were told already.

        Args:
            outcome: the run.
            before: the journal before it.
            standing: filled with what was told and still holds.
        """
        events = [*_recovered(outcome, before), *outcome.events]
        if not events and outcome.exit_code == DONE:
            events.append(Event("succeeded", f"{self._command} has ended, with {counted(outcome.rows, 'row')}."))
        if outcome.has_failed:
            # A run that failed says nothing about what it did not look at.
            standing |= before.told
        else:
            standing |= {key: words for key, words in before.told.items() if not key.startswith(f"{self._command} ")}
        told = []
        for event in events:
            key = f"{self._command} {event.name}"
            if event.name in TOLD_ONCE:
                is_old = before.told.get(key) == event.words
                standing[key] = event.words
                if is_old:
                    continue
            told.append(event)
        return tuple(told)

    def _send(self, outcome: Outcome, journal: Journal, events: Sequence[Event]) -> list[str]:
        if self._command not in self._settings.commands:
            events = ()
        wanted = tuple(event for event in events if event.name in self._settings.events)
        failures = len(journal.failures(self._command))
        message = Message(self._name, outcome, wanted, failures) if wanted else None
        sends = self._messages(message) if message else {}
        if address := self._ping_address:
            sends["the ping"] = lambda: self._ping(address, outcome, events, failures)
        if file := self._settings.textfile:
            sends["the file for Prometheus"] = lambda: send_textfile(Path(file), journal)
        return _at_once(sends)

    def _messages(self, message: Message) -> dict[str, Send]:
        settings, seconds = self._settings, self._settings.timeout_seconds
        sends: dict[str, Send] = {}
        if settings.slack_hook:
            sends["Slack"] = lambda: send_slack(settings.slack_hook.reveal(), message.slack, seconds=seconds)
        if settings.webhook_url:
            sends["the webhook"] = lambda: post(settings.webhook_url.reveal(), json=message.document, seconds=seconds)
        if settings.email_to:
            sends["e-mail"] = lambda: send_mail(settings.mail, message.subject, message.text, seconds=seconds)
        return sends

    def _ping(self, address: str, outcome: Outcome, events: Sequence[Event], failures: int) -> str | None:
        if self._starting:
            # In the order in which they happened.
            self._starting.join(self._settings.timeout_seconds)
        signal: Signal = "success" if outcome.exit_code == DONE else "fail"
        text = Message(self._name, outcome, tuple(events), failures).text
        return send_ping(address, signal, self._run_id, text, seconds=self._settings.timeout_seconds)

    @property
    def _channels(self) -> int:
        settings = self._settings
        return sum(map(bool, (settings.slack_hook, settings.webhook_url, settings.email_to)))

    @property
    def _ping_address(self) -> str:
        address = self._settings.ping_url.get(self._command)
        return address.reveal() if address else ""

    @property
    def _name(self) -> str:
        if self._settings.name:
            return self._settings.name
        return f"{self._place.name if self._place else 'dlt-harvest'} on {socket.gethostname()}"


def _recovered(outcome: Outcome, before: Journal) -> list[Event]:
    failed = before.failures(outcome.command)
    if failed and not outcome.has_failed:
        killed = sum(run.exit_code is None for run in failed)
        since = failed[-1].started_at.astimezone(UTC)
        how = f", {killed:,} of them killed" if killed else ""
        said = f"{outcome.command} has recovered after {counted(len(failed), 'failure')}{how}, the first {since:%Y-%m-%d %H:%M} UTC."
        return [Event("recovered", said)]
    if outcome.exit_code == DONE and before.needed_somebody(outcome.command):
        return [Event("recovered", f"{outcome.command} needs nobody any more: it ended with 0.")]
    return []


def _at_once(sends: Mapping[str, Send]) -> list[str]:
    """Use all channels at the same time: the slowest decides how long it takes. Each limits its own time."""
    failures: dict[str, str] = {}

    def send(name: str, use: Send) -> None:
        try:
            said = use()
        except Exception as error:  # noqa: BLE001 (whatever a channel does, the run ends as it went)
            said = type(error).__name__
        if said:
            failures[name] = said

    threads = [threading.Thread(target=send, args=one, daemon=True) for one in sends.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [f"Not told by {name}: {failures[name]}." for name in sends if name in failures]
