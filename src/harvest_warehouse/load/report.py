"""Report of a load, and the errors of one that failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dlt.pipeline.exceptions import PipelineStepFailed

from harvest_time_tracking import STREAMS, HarvestError, StreamOutcome, printable
from harvest_time_tracking.errors import NewColumn
from harvest_warehouse.messages.text import advised
from harvest_warehouse.warehouse import Target


@dataclass(frozen=True)
class LoadReport:
    """Result of one load.

    Attributes:
        account_id: the Harvest account.
        run_id: the run's id in `harvest_runs`, and the id of its first load package with rows; empty if nothing was read.
        database: location of the database: the file, or the server and its database.
        dataset: database schema with the tables.
        streams: outcomes of the streams, in the order of the catalogue.
        finished: ids of the load packages of an earlier run that were loaded first.
        started_at: start of the load.
        seconds: duration.
    """

    account_id: str
    run_id: str
    database: str
    dataset: str
    streams: tuple[StreamOutcome, ...]
    finished: tuple[str, ...]
    started_at: datetime
    seconds: float

    @property
    def rows(self) -> int:
        """Number of records received from Harvest, all streams together."""
        return sum(outcome.rows for outcome in self.streams)

    @property
    def requests(self) -> int:
        """Number of requests sent to Harvest, all streams together."""
        return sum(outcome.requests for outcome in self.streams)

    @property
    def skipped(self) -> tuple[StreamOutcome, ...]:
        """Outcomes of the streams that were skipped; their old rows stay."""
        return tuple(outcome for outcome in self.streams if outcome.outcome == "skipped")

    @property
    def unproven(self) -> tuple[StreamOutcome, ...]:
        """Outcomes of the streams that could not be proven complete."""
        return tuple(outcome for outcome in self.streams if outcome.outcome == "unproven")

    @property
    def not_there(self) -> tuple[StreamOutcome, ...]:
        """Outcomes of unproven streams that read rows by id: an id given does not exist in Harvest."""
        return tuple(outcome for outcome in self.unproven if STREAMS[outcome.stream].argument)


class LoadFailed(HarvestError):
    """A load failed; the message says why and what to do.

    Attributes:
        report: report of the load until then.
    """

    def __init__(self, message: str, report: LoadReport) -> None:
        super().__init__(message)
        self.report = report


class AccessLost(LoadFailed):
    """The token sees less than an earlier one (permission regression): nothing was read with it.

    Attributes:
        lost: messages about what it no longer sees.
    """

    def __init__(self, lost: tuple[str, ...], report: LoadReport) -> None:
        super().__init__(
            f"This token sees less than an earlier one: {'; '.join(lost)}. Nothing was read, nothing was changed. Use a token "
            "that sees what the earlier one saw; or, if this is intended, add --accept-access.",
            report,
        )
        self.lost = lost


class ColumnStopped(LoadFailed):
    """Harvest sends a field that it did not send before, and `on_new_column` is `stop`."""


def is_stopped_by_a_column(error: BaseException) -> bool:
    """True if a new field is what ended a load."""
    return any(isinstance(link, NewColumn) for link in _chain(error))


def what_happened(error: BaseException, warehouse: Target) -> str:
    """Message for a failed load: that of the first HarvestError in the chain of causes, else of the root cause."""
    chain = _chain(error)
    ours = next((link for link in chain if isinstance(link, HarvestError)), None)
    if ours is not None:
        return str(ours)
    if any(isinstance(link, KeyboardInterrupt) for link in chain):
        return "Interrupted."
    last = str(chain[-1])
    said = printable(last)
    if warehouse.kind.is_busy(last) and warehouse.name in last:
        return f"{warehouse.place} is open in another program: close it there, and load again. ({said})"
    step = error.step if isinstance(error, PipelineStepFailed) else "load"
    return advised(f"{warehouse.name}: {step} failed with {type(chain[-1]).__name__}: {said}")


def _chain(error: BaseException) -> list[BaseException]:
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
        chain.append(cause)
    return chain
