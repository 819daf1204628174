"""Report of a build: the tables, and what the checks found; and the error of one that failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from harvest_time_tracking import HarvestError
from harvest_warehouse.marts.models import Severity


@dataclass(frozen=True)
class BuiltTable:
    """Built table: its rows, and how long it took."""

    name: str
    rows: int
    seconds: float


@dataclass(frozen=True)
class Found:
    """Finding of a check.

    Attributes:
        name: of the check.
        severity: an error stops the build, a warning or a finding does not.
        words: what a row that it found means.
        rows: how many it found.
        query: a select that shows them.
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
        database: the database's file.
        dataset: the schema that holds the marts.
        as_of: the date of the last load in each account's time zone, by account.
        tables: the tables that were built, in the order in which they were.
        found: what the checks found, where it is not nothing.
        checks: how many checks ran.
        unmatched: names and ids in `time_off_tasks` that no task has, where the setting is not the default.
        has_comments: whether the words of the columns are in the database too.
        seconds: how long all of it took.
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

    @property
    def warnings(self) -> tuple[Found, ...]:
        """Findings that did not stop the build."""
        return tuple(found for found in self.found if found.severity != "error")

    @property
    def errors(self) -> tuple[Found, ...]:
        """Findings that stopped the build."""
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
