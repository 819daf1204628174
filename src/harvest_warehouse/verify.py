"""Compare the loaded tables with Harvest's own reports, figure by figure, and read again what differs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from dlt.common.exceptions import DltException
from dlt.common.storages.load_package import create_load_id

from harvest_time_tracking import STREAMS, Client, HarvestError, NeedsYou, Settings, SettingWrong
from harvest_time_tracking.errors import PermissionMissing
from harvest_time_tracking.settings import as_date
from harvest_warehouse import standing
from harvest_warehouse.account_sums import AccountSums, account_sums, days_of, is_loaded
from harvest_warehouse.changed import changed_since, touched_since
from harvest_warehouse.comparison import Comparison
from harvest_warehouse.database import open_database
from harvest_warehouse.load import say_nothing, settle
from harvest_warehouse.load_report import what_happened
from harvest_warehouse.reconcile import Judged, is_rounding_changed
from harvest_warehouse.reconciliation import Compared, known, remember
from harvest_warehouse.repairs import Filters, repairs
from harvest_warehouse.report_calls import minutes_for, months_of, probe_before
from harvest_warehouse.reports import BUDGET, REPORTS
from harvest_warehouse.row_checks import RowChecks, row_checks
from harvest_warehouse.settings import Warehouse
from harvest_warehouse.timers import with_running
from harvest_warehouse.turn import turn
from harvest_warehouse.verify_report import VerifyReport

# After these, what still differs is not a matter of reading rows again.
_ROUNDS = 3

Reread = Callable[[Filters], Sequence[str]]


def verify(
    warehouse: Warehouse,
    settings: Settings,
    *,
    since: str | date | None = None,
    until: str | date | None = None,
    reread: Reread | None = None,
    client: Client | None = None,
    on_step: Callable[[str], None] = say_nothing,
) -> VerifyReport:
    """Compare our tables with Harvest's reports, and write the verdicts to `harvest_reconciliation`.

    Args:
        warehouse: where the rows are.
        settings: the account.
        since: the first day; by default the month of the oldest row, and the year before it as a probe.
        until: the last day; by default the last day with work, or yesterday while a timer of today runs.
        reread: reads rows again, by `load`'s filters, takes out what vanished, and gives what is worth knowing of that. With it,
            what differs is read again, and compared once more (`sync.repair`).
        client: asks Harvest; a new one if None.
        on_step: is told, in a few words, what begins.

    Raises:
        SettingWrong: on a day that is none, or days in the wrong order.
        NeedsYou: where nothing is loaded.
        LoadFailed: where an earlier load cannot be finished, or a repair's does not come to its end.
        Busy: where another run is writing into the same database.
        HarvestError: where Harvest or the database cannot be asked; what was compared until then is kept.
    """
    first, last = as_date("since", since), as_date("until", until)
    if first and last and last < first:
        raise SettingWrong(f"until ({last}) lies before since ({first}).")
    with turn(warehouse), _failures_told(warehouse), client or Client(settings) as asking:
        run = _Verification(warehouse, settings, asking, on_step)
        run.begin(first, last)
        run.compare()
        if reread:
            run.repair(reread)
        return run.report()


class _Verification:
    """One comparison, with the database and the account that it is about."""

    def __init__(
        self, warehouse: Warehouse, settings: Settings, client: Client, on_step: Callable[[str], None]
    ) -> None:
        self._warehouse = warehouse
        self._settings = settings
        self._account_id = settings.account_id
        self._client = client
        self._on_step = on_step
        self._run_id = create_load_id()
        self._began = time.monotonic()
        self._notes: list[str] = []
        self._repaired: list[Filters] = []
        self._refused: dict[str, str] = {}
        self._left_out: dict[str, str] = {}
        self._comparison: Comparison | None = None
        self._rows = RowChecks()
        self._planned = (0, 0)

    def begin(self, first: date | None, last: date | None) -> None:
        """See who asks, and what there is to compare."""
        if not self._warehouse.is_there():
            raise NeedsYou(
                f"There is no {self._warehouse.place} to compare: run {self._warehouse.command('load')} first."
            )
        settle(self._warehouse, self._settings, on_step=self._on_step)
        me = self._client.page("users/me", None)
        self._started_at = self._asked_since = me.date or datetime.now(UTC)
        roles = me.records[0].get("access_roles") or []
        if "administrator" not in roles:
            said = f"the token belongs to {', '.join(roles) or 'somebody'}, and only an administrator sees everything"
            self._refused = dict.fromkeys(REPORTS, said)
        try:
            company = self._client.page("company", None).records[0]
        except PermissionMissing:
            company = {}
        self._left_out = {
            report.path: f"switched off in the account ({report.feature})"
            for report in REPORTS.values()
            if report.feature and company.get(report.feature) is False
        }
        if self._settings.start_date is not None:
            self._left_out[BUDGET] = (
                f"budgets count all time, and only days from {self._settings.start_date} are loaded"
            )
            self._note("What is left of fixed fees is not compared: it counts invoices of all time.")
        self._set_days(first, last)

    def _set_days(self, first: date | None, last: date | None) -> None:
        """What to compare by day; the oldest and the newest rows decide where nothing is said."""
        today = self._started_at.date()
        if first is not None and first > today:
            raise SettingWrong(f"since ({first}) lies in the future: Harvest's reports begin today at the latest.")
        self._is_probing = first is None and self._settings.start_date is None
        with open_database(self._warehouse) as database:
            if not is_loaded(database):
                raise NeedsYou(
                    f"{self._warehouse.place} has no time entries to compare: run {self._warehouse.command('load')} first."
                )
            missing = {table for report in REPORTS.values() for table in report.needs if not database.columns(table)}
            oldest, newest, running = days_of(database, self._account_id)
        if "expenses/projects" in self._left_out:
            # Switched off: then there are none on either side.
            missing.discard("expenses")
        for report in REPORTS.values():
            if absent := sorted(missing.intersection(report.needs)):
                self._left_out.setdefault(report.path, f"not loaded: {', '.join(absent)}")
        if last is None:
            last = max(newest or today, today)
            # Today by the account's clock may be a day before or after ours.
            if running is not None and running >= today - timedelta(days=1):
                last = min(running, today) - timedelta(days=1)
                self._note(f"A timer runs: days after {last} are compared when it has stopped.")
        first = self._beginning(first, oldest, last)
        self._first, self._last = first, last
        self._months = months_of(first, last, today)
        if self._months[-1].last < last:
            self._note(f"Days after {self._months[-1].last} are not compared: a report takes at most 365.")

    def _beginning(self, first: date | None, oldest: date | None, last: date) -> date:
        if first is None:
            # The last day may lie before all that we have.
            first = min(oldest or last, last).replace(day=1)
        first = max(first, self._settings.start_date or first)
        if first > last:
            raise SettingWrong(f"No day is left to compare: the first is {first}, the last {last}.")
        return first

    def compare(self) -> None:
        """Ask for the reports that are due, and for the months of those that differ."""
        self._check_rows()
        if self._refused:
            return
        sums = self._sums()
        with open_database(self._warehouse) as database:
            earlier = known(database, self._account_id)
        comparison = self._comparison = Comparison(
            self._client,
            sums,
            self._months,
            self._started_at,
            [path for path in REPORTS if path not in self._left_out],
            self._remember,
            is_whole=self._settings.start_date is None,
        )
        calls = comparison.plan(earlier, is_probing=self._is_probing)
        minutes = minutes_for(len(calls), self._settings.report_requests_per_15_min)
        self._planned = (len(calls), minutes)
        self._on_step(
            f"asking Harvest for {len(calls):,} reports, {f'about {minutes} minutes' if minutes else 'a minute or less'}"
        )
        with self._kept_when_it_stops():
            comparison.ask(calls)
            comparison.narrow()
            self._look_what_changed()
            comparison.finish()
        for first in comparison.too_early:
            self._note(f"For Harvest, {first} has not begun yet: it is not compared.")

    def repair(self, reread: Reread) -> None:
        """Read again what differs and compare that once more, a few times at most."""
        comparison = self._comparison
        if comparison is None:
            return
        for number in range(1, _ROUNDS + 1):
            judged, _ = comparison.judged()
            if self._rows.is_clean and not any(one.is_repairable for one in judged):
                return
            windows = self._months if is_rounding_changed(judged) else ()
            again = repairs(judged, windows, self._rows.again)
            self._repaired.append(again)
            self._on_step(f"reading again what differs, round {number}")
            for note in reread(again):
                self._note(note)
            self._check_rows()
            self._asked_since = self._client.page("users/me", None).date or datetime.now(UTC)
            with self._kept_when_it_stops():
                calls = comparison.again(self._sums())
                self._on_step(f"asking Harvest again for {len(calls):,} reports")
                comparison.ask(calls)
                comparison.narrow()
                self._look_what_changed()
                comparison.finish()

    def report(self) -> VerifyReport:
        """What it found until now."""
        judged, conventions = self._comparison.judged() if self._comparison else ((), ())
        refused = self._refused or (self._comparison.refused if self._comparison else {})
        return VerifyReport(
            self._account_id,
            self._run_id,
            self._first,
            self._last,
            *self._planned,
            self._comparison.calls if self._comparison else 0,
            judged,
            conventions,
            refused,
            self._left_out,
            tuple(self._notes),
            is_rounding_changed(judged),
            tuple(self._repaired),
            self._started_at,
            round(time.monotonic() - self._began, 3),
            self._rows,
        )

    def _check_rows(self) -> None:
        with open_database(self._warehouse) as database:
            self._rows = row_checks(database, self._account_id)

    def _sums(self) -> AccountSums:
        first = probe_before(self._first).first if self._is_probing else self._first
        with open_database(self._warehouse) as database:
            sums = account_sums(database, self._account_id, first, self._last)
        if not sums.running_ids:
            return sums
        stream = STREAMS["time_entries"]
        running = self._client.page(stream.path, stream.data_key, stream.live)
        return with_running(sums, json.loads(running.body, parse_float=Decimal)[stream.data_key])

    def _look_what_changed(self) -> None:
        """What changed in Harvest while reports were read is no fault of our tables."""
        comparison = self._comparison
        if comparison is None or not any(one.is_repairable for one in comparison.judged()[0]):
            return
        with open_database(self._warehouse) as database:
            comparison.touched = touched_since(self._client, database, self._account_id, self._asked_since)
        stale = changed_since(self._client, standing.loaded_since(self._warehouse, self._account_id))
        if comparison.touched:
            self._note("Rows changed in Harvest while reports were read: what they touch is not proven by this run.")
        if stale:
            self._note(
                f"{stale:,} time entries or expenses changed in Harvest since the last load: load, and compare again."
            )

    def _note(self, note: str) -> None:
        if note not in self._notes:
            self._notes.append(note)

    def _remember(self, compared: Sequence[Compared], judged: Sequence[Judged]) -> None:
        if self._comparison is not None:
            self._on_step(f"writing what {self._comparison.calls:,} reports said")
        remember(self._warehouse, self._account_id, self._run_id, compared, judged)

    @contextmanager
    def _kept_when_it_stops(self) -> Iterator[None]:
        """What was asked before a run stops need not be asked by the next."""
        try:
            yield
        except BaseException:
            if self._comparison is not None:
                self._comparison.keep()
            raise


@contextmanager
def _failures_told(warehouse: Warehouse) -> Iterator[None]:
    try:
        yield
    except DltException as error:
        raise HarvestError(what_happened(error, warehouse)) from error
