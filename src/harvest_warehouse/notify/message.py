"""Write messages about a run: as plain text, in Slack's markup, and as a JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from importlib.metadata import version

from harvest_warehouse.messages.text import counted
from harvest_warehouse.notify.outcome import NEEDS_SOMEBODY, Event, Outcome
from harvest_warehouse.notify.settings import EventName
from harvest_warehouse.notify.slack import escaped

_SIGNS = {"good": ":large_green_circle:", "look": ":large_yellow_circle:", "bad": ":red_circle:"}
_GOOD: tuple[EventName, ...] = ("recovered", "repaired", "succeeded")


@dataclass(frozen=True)
class Message:
    """Message about a run.

    Attributes:
        installation: name of the installation.
        outcome: the run.
        events: what is told of it; at least one.
        failures: how many runs of this command failed in a row, this one included.
    """

    installation: str
    outcome: Outcome
    events: tuple[Event, ...]
    failures: int

    @property
    def subject(self) -> str:
        """Title in one line."""
        return f"[{self.installation}] {self.outcome.command} {_verdict(self.outcome, self.events)}"

    @property
    def text(self) -> str:
        """Message as plain text."""
        return "\n".join([self.subject, "", *(f"- {event.words}" for event in self.events), "", *self._closing()])

    @property
    def slack(self) -> str:
        """Message in Slack's markup, with nothing that could be a link or a mention."""
        sign = _SIGNS[_severity(self.outcome, self.events)]
        lines = [
            f"{sign} *{escaped(self.subject)}*",
            *(f"• {escaped(event.words)}" for event in self.events),
            *(escaped(line) for line in self._closing()),
        ]
        return "\n".join(lines)

    @property
    def document(self) -> dict[str, object]:
        """Message for programs."""
        run = self.outcome
        return {
            "sender": "dlt-harvest",
            "version": version("dlt-harvest"),
            "installation": self.installation,
            "command": run.command,
            "severity": _severity(run, self.events),
            "subject": self.subject,
            "events": [{"name": event.name, "words": event.words} for event in self.events],
            "run_id": run.run_id,
            "harvest_run_id": run.harvest_run_id,
            "started_at": run.started_at.astimezone(UTC).isoformat(),
            "ended_at": run.ended_at.astimezone(UTC).isoformat(),
            "seconds": run.seconds,
            "exit_code": run.exit_code,
            "failures_in_a_row": self.failures,
            "rows": run.rows,
            "requests": run.requests,
            "streams": dict(run.streams),
        }

    def _closing(self) -> list[str]:
        run = self.outcome
        began = run.started_at.astimezone(UTC)
        again = f", {counted(self.failures, 'failure')} in a row" if self.failures > 1 else ""
        return [
            f"Began {began:%Y-%m-%d %H:%M} UTC, took {_duration(run.seconds)}, exit code {run.exit_code}{again}. "
            f"Run {run.run_id}. The command's own output says more."
        ]


def _verdict(run: Outcome, events: Sequence[Event]) -> str:
    if run.has_failed:
        return "failed"
    if run.exit_code == NEEDS_SOMEBODY:
        return "needs somebody"
    return "has recovered" if any(event.name == "recovered" for event in events) else "ended well"


def _severity(run: Outcome, events: Sequence[Event]) -> str:
    if run.has_failed:
        return "bad"
    return "good" if all(event.name in _GOOD for event in events) else "look"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
