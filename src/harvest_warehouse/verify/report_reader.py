"""Request Harvest's reports concurrently, within the rate limit for reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from harvest_time_tracking import Client, HarvestError
from harvest_time_tracking.errors import ContractViolation, Forbidden, NotFound, RequestRefused
from harvest_time_tracking.reading.calls import compact
from harvest_warehouse.verify.harvest_reports import BUDGET, REPORTS, Report, TheirRow, their_rows
from harvest_warehouse.verify.report_plan import ReportCall, Window

_MOST_PAGES = 1_000
# Shorter waits are not reported.
_SHORT_SECONDS = 5.0
_LOOK_EVERY_SECONDS = 1.0


@dataclass(frozen=True)
class Reading:
    """Rows of one report, time of its request (aware), and number of its pages."""

    rows: tuple[TheirRow, ...]
    at: datetime
    pages: int


@dataclass(frozen=True)
class Answers:
    """Results of some report calls.

    Attributes:
        readings: rows of the reports.
        refused: reports that Harvest denies this token, and why.
        too_early: calls refused because their window begins in the future for Harvest.
        failure: error that must end the run; to be raised once the other results are stored.
    """

    readings: Mapping[ReportCall, Reading]
    refused: Mapping[str, str]
    too_early: frozenset[ReportCall]
    failure: HarvestError | None = None


class ReportReader:
    """Reader that requests reports from Harvest.

    Args:
        client: HTTP client.
        today: day at the start of the comparison, by the server's clock.
        on_wait: called once per wait for the rate limit, with its end.

    Attributes:
        calls: number of successful report requests, including further pages.
    """

    def __init__(self, client: Client, today: date, on_wait: Callable[[datetime], None]) -> None:
        self._client = client
        self._today = today
        self._on_wait = on_wait
        self._told_until: datetime | None = None
        self.calls = 0

    def room_for(self, calls: Sequence[ReportCall]) -> int:
        """Number of these calls that the rate limit allows within seconds; 0 if even the first must wait."""
        return next((count for count in range(len(calls), 0, -1) if not self._must_wait(count)), 0)

    def wait(self, reports: int) -> None:
        """Wait until the rate limit allows this many reports, and report the end of the wait."""
        self._tell_wait(reports)
        self._client.wait_until_free("reports", reports)

    def read(self, calls: Sequence[ReportCall]) -> Answers:
        """Request these reports concurrently."""
        asked = {call: self._client.in_background(self._reading, call) for call in calls}
        readings: dict[ReportCall, Reading] = {}
        refused: dict[str, str] = {}
        too_early: set[ReportCall] = set()
        failure: HarvestError | None = None
        for call, answer in asked.items():
            try:
                readings[call] = self._result(answer)
            except (Forbidden, NotFound) as error:
                refused[call.report] = str(error)
            except HarvestError as error:  # Reports are expensive: keep those that succeeded.
                # In the account's time zone it may still be the day before, so that the window lies in the future.
                if isinstance(error, RequestRefused) and call.window.first >= self._today:
                    too_early.add(call)
                else:
                    failure = failure or error
        self.calls += sum(reading.pages for reading in readings.values())
        return Answers(readings, refused, frozenset(too_early), failure)

    def _result(self, answer: Future[Reading]) -> Reading:
        """Wait for a report; if the rate limit delays it (another program may use it, too), report the end of the wait."""
        while not wait((answer,), _LOOK_EVERY_SECONDS).done:
            self._tell_wait(1)
        return answer.result()

    def _must_wait(self, reports: int) -> bool:
        return self._client.free_in_seconds("reports", reports) > _SHORT_SECONDS

    def _tell_wait(self, reports: int) -> None:
        if not self._must_wait(reports):
            return
        until = self._client.now() + timedelta(seconds=self._client.free_in_seconds("reports", reports))
        if self._told_until is None or until - self._told_until > timedelta(seconds=_SHORT_SECONDS):
            self._told_until = until
            self._on_wait(until)

    def _reading(self, call: ReportCall) -> Reading:
        report = REPORTS[call.report]
        page = self._client.page(f"reports/{report.path}", "results", _params(report, call.window))
        at, rows = page.date or datetime.now(UTC), their_rows(report, page.body)
        followed: set[str] = set()
        while page.next_url is not None:
            if page.next_url in followed or len(followed) > _MOST_PAGES:
                raise ContractViolation(f"Harvest's links to the next page of {call.report} go round in a circle.")
            followed.add(page.next_url)
            page = self._client.page_at(page.next_url, "results")
            rows += their_rows(report, page.body)
        return Reading(tuple(rows), at, 1 + len(followed))


def _params(report: Report, window: Window) -> Mapping[str, str]:
    if report.path == BUDGET:
        return report.params
    return {"from": compact(window.first), "to": compact(window.last), **report.params}
