"""Compare the loaded tables with Harvest's own reports, figure by figure, and read again what differs."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import date, datetime

from dlt.common.exceptions import DltException
from dlt.common.storages.load_package import create_load_id

from harvest_time_tracking import Client, HarvestError, Settings, SettingWrong
from harvest_time_tracking.settings import as_date
from harvest_warehouse.database import DatabaseBusy
from harvest_warehouse.database.reread_filters import FiltersByStream
from harvest_warehouse.database.run import Run
from harvest_warehouse.database.system_tables import AGREED
from harvest_warehouse.load.load import settle
from harvest_warehouse.load.report import what_happened
from harvest_warehouse.messages.steps import say_nothing
from harvest_warehouse.verify.comparison_plan import begun
from harvest_warehouse.verify.concurrent_changes import Changes, changed_since, changes_since, touched_by
from harvest_warehouse.verify.harvest_reports import REPORTS
from harvest_warehouse.verify.local_side import Beginning, begin, ours
from harvest_warehouse.verify.repairs import repairs
from harvest_warehouse.verify.report import VerifyReport
from harvest_warehouse.verify.report_plan import ReportCall, minutes_for
from harvest_warehouse.verify.report_reader import ReportReader
from harvest_warehouse.verify.results import Compared, remember
from harvest_warehouse.verify.verdicts import is_rounding_changed
from harvest_warehouse.warehouse import Target

# Maximum number of repair rounds, and of comparisons while our tables keep changing.
_ROUNDS = 3
# Results of a comparison by month are written after this many calls: a killed run repeats no more than these.
_KEEP_EVERY_CALLS = 50

Reread = Callable[[FiltersByStream], Sequence[str]]


def verify(
    warehouse: Target,
    settings: Settings,
    *,
    since: str | date | None = None,
    until: str | date | None = None,
    is_by_month: bool = False,
    reread: Reread | None = None,
    client: Client | None = None,
    on_step: Callable[[str], None] = say_nothing,
) -> VerifyReport:
    """Compare our tables with Harvest's reports, and write the verdicts to `harvest_reconciliation`.

    The run lock is held while our tables are read and verdicts are written, but not while Harvest's reports are requested or
    waited for: other runs can write meanwhile, and the figures that they change are compared again.

    Args:
        warehouse: target with the tables.
        settings: the account.
        since: first day. Default: the month of the oldest row, with the year before it as a probe.
        until: last day. Default: the later of today and the last day with rows; while a timer runs, the day before it.
        is_by_month: whether to compare each month until it has agreed on its own; else years, and months only where a year
            differs.
        reread: re-reads rows by `load`'s filters, sweeps deleted ones, and returns notes for the user. If given, figures
            that differ are repaired and compared again (`sync.repair`).
        client: HTTP client, closed at the end; a new one if None.
        on_step: called with a short text when a step begins.

    Raises:
        SettingWrong: a day is invalid, or no day is left to compare.
        NeedsYou: nothing is loaded.
        LoadFailed: the pending load of an earlier run, or the load of a repair, failed.
        DatabaseBusy: another run has been writing into the same database for more than an hour.
        HarvestError: Harvest or the database failed; results so far are kept.
    """
    first, last = as_date("since", since), as_date("until", until)
    if first and last and last < first:
        raise SettingWrong(f"until ({last}) lies before since ({first}).")
    run = Run(warehouse, on_step=on_step)
    with client or Client(settings) as asking:
        return verify_in(run, settings, asking, first, last, is_by_month=is_by_month, reread=reread)


def verify_in(
    run: Run,
    settings: Settings,
    client: Client,
    first: date | None = None,
    last: date | None = None,
    *,
    is_by_month: bool = False,
    reread: Reread | None = None,
) -> VerifyReport:
    """Verify as a step of a run, which takes the lock when it needs it. Arguments and errors as in `verify`."""
    with _failures_told(run.warehouse):
        with run.locked(is_patient=True):
            beginning = begin(run, settings, client, first, last)
        verification = _Verification(run, settings, client, beginning, is_by_month=is_by_month)
        with verification.kept_when_it_stops():
            verification.compare()
            if reread:
                verification.repair(reread)
        return verification.report()


class _Verification:
    """Driver of one comparison."""

    def __init__(
        self,
        run: Run,
        settings: Settings,
        client: Client,
        beginning: Beginning,
        *,
        is_by_month: bool,
    ) -> None:
        self._run = run
        self._settings = settings
        self._client = client
        self._who = beginning.who
        self._scope = beginning.scope
        self._ours = beginning.ours
        self._is_by_month = is_by_month
        self._run_id = create_load_id()
        self._began = time.monotonic()
        self._notes = list(beginning.scope.notes)
        self._repaired: list[FiltersByStream] = []
        self._reader = ReportReader(client, self._who.at.date(), self._tell_wait)
        self._comparison = begun(
            self._ours.sums,
            self._scope.months,
            () if self._who.refused else [path for path in REPORTS if path not in self._scope.left_out],
            beginning.known,
            self._who.at,
            is_whole=settings.start_date is None,
            is_by_month=is_by_month,
            is_probing=self._scope.is_probing,
        )
        self._planned_calls = len(self._comparison.unasked)
        self._planned_minutes = minutes_for(self._planned_calls, settings.report_requests_per_15_min)

    def compare(self) -> None:
        """Request the planned reports, and months of those that differ."""
        if self._who.refused:
            return
        minutes = f"about {self._planned_minutes} minutes" if self._planned_minutes else "a minute or less"
        self._run.on_step(f"asking Harvest for {self._planned_calls:,} reports, {minutes}")
        self._compare()
        for first in sorted({call.window.first for call in self._comparison.too_early}):
            self._note(f"For Harvest, {first} has not begun yet: it is not compared.")

    def repair(self, reread: Reread) -> None:
        """Re-read rows where figures differ and compare these again, in at most `_ROUNDS` rounds."""
        for number in range(1, _ROUNDS + 1):
            judged, rows = self._comparison.judged, self._ours.rows
            if self._who.refused or (rows.is_clean and not any(one.is_repairable for one in judged)):
                return
            again = repairs(judged, self._scope.months if is_rounding_changed(judged) else (), rows.again)
            self._repaired.append(again)
            self._run.on_step(f"reading again what differs, round {number}")
            for note in reread(again):
                self._note(note)
            self._comparison = self._comparison.again()
            with self._locked():
                self._look_at_ours(is_reread=True)
            self._run.on_step(f"asking Harvest again for {len(self._comparison.unasked):,} reports")
            self._compare()

    def report(self) -> VerifyReport:
        """Report of the comparison so far."""
        judged = self._comparison.judged
        return VerifyReport(
            account_id=self._settings.account_id,
            run_id=self._run_id,
            first=self._scope.first,
            last=self._scope.last,
            planned_calls=self._planned_calls,
            planned_minutes=self._planned_minutes,
            calls=self._reader.calls,
            judged=judged,
            conventions=self._comparison.conventions,
            months_not_alone=self._comparison.months_not_alone,
            refused=self._who.refused or self._comparison.refused,
            left_out=self._scope.left_out,
            notes=tuple(self._notes),
            is_rounding_changed=is_rounding_changed(judged),
            repaired=tuple(self._repaired),
            started_at=self._who.at,
            seconds=round(time.monotonic() - self._began, 3),
            rows=self._ours.rows,
        )

    @contextmanager
    def kept_when_it_stops(self) -> Iterator[None]:
        """Write the results so far if the run stops, so that the next one need not request them again."""
        try:
            yield
        except BaseException:
            with suppress(HarvestError, DltException):
                self._write()
            raise

    def _compare(self) -> None:
        """Request reports until none is left, and again for figures that changed in our tables meanwhile."""
        for number in range(1, _ROUNDS + 1):
            while calls := self._comparison.unasked or self._comparison.narrower:
                self._ask([call for call in calls if call.window == calls[0].window])
            changes, stale = self._look_at_harvest() if self._comparison.is_wrong else ({}, 0)
            is_last = number == _ROUNDS
            with self._locked():
                self._look_at_ours(is_last=is_last)
                if is_last or not (self._comparison.unasked or self._comparison.narrower):
                    self._finish(changes, stale)
                    return

    def _ask(self, calls: Sequence[ReportCall]) -> None:
        """Request as many of these reports as the rate limit allows; if none, write results so far and wait."""
        room = self._reader.room_for(calls)
        if not room:
            self._write()
            self._reader.wait(len(calls))
            with self._locked():
                self._look_at_ours()
            return
        if not self._comparison.unasked:
            self._run.on_step(f"looking for the months that differ, {self._reader.calls:,} reports asked until now")
        answers = self._reader.read(calls[:room])
        self._comparison = self._comparison.with_answers(answers)
        if answers.failure:
            raise answers.failure
        is_due = len(self._comparison.unwritten) >= (_KEEP_EVERY_CALLS if self._is_by_month else len(REPORTS) - 1)
        if is_due and any(call.window.first >= self._scope.first for call in self._comparison.unasked):
            self._write()

    def _look_at_harvest(self) -> tuple[Changes, int]:
        """Look up changes in Harvest while reports were read and since the last load, which explain differences."""
        loaded_since = self._ours.loaded_since
        return changes_since(self._client, self._who.at, loaded_since), changed_since(self._client, loaded_since)

    def _look_at_ours(self, *, is_reread: bool = False, is_last: bool = False) -> None:
        """Update the local totals with changes made by another run or a repair. Call it while the run holds the lock."""
        before = None if is_reread else self._ours
        self._ours = ours(self._run, self._settings, self._client, self._scope, before)
        look = self._comparison.unsettled_by if is_last else self._comparison.with_sums
        self._comparison = look(self._ours.sums)

    def _write(self) -> None:
        """Write the results so far, unless another run holds the lock: then they are written later."""
        if not self._comparison.unwritten:
            return
        with ExitStack() as stack:
            try:
                stack.enter_context(self._run.locked())
            except DatabaseBusy:
                return
            settle(self._run, self._settings)
            self._remember(self._comparison.unwritten, self._comparison.proven | self._comparison.written)
            self._comparison = self._comparison.as_written()

    def _finish(self, changes: Changes, stale: int) -> None:
        """Finish the comparison: write all results, with verdicts by the conventions of the whole account."""
        with self._run.database() as database:
            touched = touched_by(changes, database, self._settings.account_id)
        self._comparison = self._comparison.with_touched(touched)
        if touched or self._comparison.unsettled:
            self._note("Rows changed in Harvest while reports were read: what they touch is not proven by this run.")
        if stale:
            self._note(
                f"{stale:,} time entries or expenses changed in Harvest since the last load: load, and compare again."
            )
        self._remember(self._comparison.finished, self._comparison.proven)
        self._comparison = self._comparison.as_written()

    def _remember(self, compared: Sequence[Compared], beside: Collection[ReportCall]) -> None:
        asked, left, judged = self._reader.calls, len(self._comparison.unasked), self._comparison.judged
        agreed = sum(one.verdict in AGREED for one in judged)
        self._run.on_step(
            f"writing what {asked:,} of {asked + left:,} reports said: {agreed:,} figures agree with Harvest, "
            f"{len(judged) - agreed:,} do not"
        )
        account_id, over = self._settings.account_id, self._comparison.compared.keys()
        remember(self._run, account_id, self._run_id, compared, judged, over=over, beside=beside)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Wait for the run lock, and resume the pending load of an earlier run."""
        with self._run.locked(is_patient=True):
            settle(self._run, self._settings)
            yield

    def _tell_wait(self, until: datetime) -> None:
        left = len(self._comparison.unasked)
        self._run.on_step(
            f"waiting for Harvest's report limit until {until.astimezone():%H:%M:%S}, {self._reader.calls:,} reports asked and "
            f"{f'{left:,} left' if left else 'some left, to find the months'}; `dlt-harvest sync` can run meanwhile"
        )

    def _note(self, note: str) -> None:
        if note not in self._notes:
            self._notes.append(note)


@contextmanager
def _failures_told(warehouse: Target) -> Iterator[None]:
    try:
        yield
    except DltException as error:
        raise HarvestError(what_happened(error, warehouse)) from error
