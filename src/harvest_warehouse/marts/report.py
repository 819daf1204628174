"""Report of a build: the tables, and what the checks found; and the error of one that failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from harvest_time_tracking import HarvestError
from harvest_warehouse.marts.models import Severity


@dataclass(frozen=True)
class BuiltTable:
    """Built table: its name, number of rows, and duration in seconds."""

    name: str
    rows: int
    seconds: float


@dataclass(frozen=True)
class Found:
    """Finding of a check.

    Attributes:
        name: name of the check.
        severity: an error fails the build, a warning or a finding does not.
        words: what a row found means.
        rows: number of rows found.
        query: query that shows them.
    """

    name: str
    severity: Severity
    words: str
    rows: int
    query: str


@dataclass(frozen=True)
class BuildReport:
    """Result of a build.

    Attributes:
        database: location of the database.
        dataset: schema with the marts.
        as_of: day up to which each account counts: as given, else that of its last load, in its time zone.
        tables: tables built, in build order.
        found: findings of the checks that found rows.
        checks: number of checks run.
        unmatched: names and ids in `time_off_tasks` (unless it is the default) and `productive_tasks` that match no task.
        has_comments: whether descriptions of tables and columns were written into the database.
        seconds: duration.
        unmatched_targets: names and ids in `target_utilisation` that are no role's and no person's.
        rates_of_home: currencies in `exchange_rates` that are the home currency of an account, whose rate is 1.
    """

    database: str
    dataset: str
    as_of: tuple[tuple[str, date], ...]
    tables: tuple[BuiltTable, ...]
    found: tuple[Found, ...]
    checks: int
    unmatched: tuple[str | int, ...]
    has_comments: bool
    seconds: float
    unmatched_targets: tuple[str, ...] = ()
    rates_of_home: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[Found, ...]:
        """Findings that did not fail the build."""
        return tuple(found for found in self.found if found.severity != "error")

    @property
    def errors(self) -> tuple[Found, ...]:
        """Findings that failed the build."""
        return tuple(found for found in self.found if found.severity == "error")


class BuildFailed(HarvestError):
    """The marts were not built; the previous ones stay. `report` has the checks that failed, if it came to that."""

    def __init__(self, message: str, report: BuildReport | None = None) -> None:
        super().__init__(message)
        self.report = report


def failure(report: BuildReport) -> str:
    """Message for a failed build: the checks that failed, with a query for each."""
    lines = [f"{found.name}: {found.rows:,} rows. {found.words} To see them: {found.query}" for found in report.errors]
    return "\n".join(["The previous marts stay: not every check passed.", *lines])
