"""Scope of a comparison: which days and reports, and what is left out and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from harvest_time_tracking import Client, NeedsYou, Settings, SettingWrong
from harvest_time_tracking.errors import Forbidden
from harvest_warehouse.database import Database
from harvest_warehouse.verify.harvest_reports import BUDGET, REPORTS
from harvest_warehouse.verify.local_totals import days_of, is_loaded
from harvest_warehouse.verify.report_plan import Window, months_of, probe_before
from harvest_warehouse.warehouse import Target


@dataclass(frozen=True)
class Asker:
    """Rights of the token's owner, and the modules of the account.

    Attributes:
        at: time of the lookup, by Harvest's clock.
        refused: why the token's owner sees too little, by report; empty for an administrator.
        off: reports whose module is switched off in the account, and why.
    """

    at: datetime
    refused: Mapping[str, str]
    off: Mapping[str, str]


@dataclass(frozen=True)
class Scope:
    """Days and reports to compare.

    Attributes:
        first: first day.
        last: last day.
        months: the days as months, oldest first.
        is_probing: whether to also check the year before the first day.
        left_out: reports that are not requested, and why.
        notes: notes for the user.
    """

    first: date
    last: date
    months: tuple[Window, ...]
    is_probing: bool
    left_out: Mapping[str, str]
    notes: tuple[str, ...]

    @property
    def first_summed(self) -> date:
        """First day of the local totals, including the probed year."""
        return probe_before(self.first).first if self.is_probing else self.first


def asker(client: Client) -> Asker:
    """Look up the token's owner and the account's modules in Harvest."""
    me = client.page("users/me", None)
    roles = me.records[0].get("access_roles") or []
    refused = {}
    if "administrator" not in roles:
        said = f"the token belongs to {', '.join(roles) or 'somebody'}, and only an administrator sees everything"
        refused = dict.fromkeys(REPORTS, said)
    try:
        company = client.page("company", None).records[0]
    except Forbidden:
        company = {}
    off = {
        report.path: f"switched off in the account ({report.feature})"
        for report in REPORTS.values()
        if report.feature and company.get(report.feature) is False
    }
    return Asker(me.date or datetime.now(UTC), refused, off)


def scope(
    warehouse: Target, database: Database, settings: Settings, who: Asker, first: date | None, last: date | None
) -> Scope:
    """Determine the scope; days not given default to those of the oldest and newest rows.

    Raises:
        SettingWrong: the first day lies in the future, or no day is left.
        NeedsYou: nothing is loaded.
    """
    today = who.at.date()
    if first is not None and first > today:
        raise SettingWrong(f"since ({first}) lies in the future: Harvest's reports begin today at the latest.")
    if not is_loaded(database):
        raise NeedsYou(f"{warehouse.place} has no time entries to compare: run {warehouse.command('load')} first.")
    notes: list[str] = []
    left_out = {**who.off, **_not_loaded(database, who)}
    if settings.start_date is not None:
        left_out[BUDGET] = f"budgets count all time, and only days from {settings.start_date} are loaded"
        notes.append("What is left of fixed fees is not compared: that counts invoices from all of history.")
    oldest, newest, running = days_of(database, settings.account_id)
    is_probing = first is None and settings.start_date is None
    if last is None:
        last = max(newest or today, today)
        # Today in the account's time zone may be a day before or after ours.
        if running is not None and running >= today - timedelta(days=1):
            last = min(running, today) - timedelta(days=1)
            notes.append(f"A timer runs: days after {last} are compared when it has stopped.")
    first = _beginning(settings, first, oldest, last)
    months = months_of(first, last, today)
    if months[-1].last < last:
        notes.append(f"Days after {months[-1].last} are not compared: a report takes at most 365.")
    return Scope(first, last, months, is_probing, left_out, tuple(notes))


def _not_loaded(database: Database, who: Asker) -> dict[str, str]:
    missing = {table for report in REPORTS.values() for table in report.needs if not database.columns(table)}
    if "expenses/projects" in who.off:
        # If the module is switched off, neither side has expenses.
        missing.discard("expenses")
    return {
        report.path: f"not loaded: {', '.join(absent)}"
        for report in REPORTS.values()
        if report.path not in who.off and (absent := sorted(missing.intersection(report.needs)))
    }


def _beginning(settings: Settings, first: date | None, oldest: date | None, last: date) -> date:
    if first is None:
        # The last day may lie before all our rows.
        first = min(oldest or last, last).replace(day=1)
    first = max(first, settings.start_date or first)
    if first > last:
        raise SettingWrong(f"No day is left to compare: the first is {first}, the last {last}.")
    return first
