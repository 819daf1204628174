"""Update local totals with the present hours of running timers, which have grown since the load. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from harvest_warehouse.verify.local_totals import ZERO, LocalTotals, Part
from harvest_warehouse.verify.verdicts import rounded

_SUBJECTS = {"time/projects": "project", "time/team": "user", "time/tasks": "task"}


def with_running(sums: LocalTotals, records: Sequence[Mapping[str, Any]]) -> LocalTotals:
    """Replace the hours of running timers in the sums by their present ones, if the same timers are running.

    Args:
        sums: local totals, as loaded.
        records: all running time entries of the account, with exact numbers.
    """
    if {record["id"] for record in records} != sums.running_ids:
        # Timers started or stopped since the load: our rows are outdated, which the comparison should show.
        return sums
    parts = {table: _replaced(found, records, sums, table) for table, found in sums.parts.items()}
    whole = {table: _replaced(found, records, sums, table) for table, found in sums.whole.items()}
    return replace(sums, parts=parts, whole=whole)


def _replaced(
    parts: Sequence[Part], records: Sequence[Mapping[str, Any]], sums: LocalTotals, table: str
) -> tuple[Part, ...]:
    if table not in _SUBJECTS:
        return tuple(parts)
    running = {(part.subject_id, part.currency, part.month): part for part in parts if part.is_running}
    grown: dict[tuple[int, str, date], dict[str, Decimal]] = {}
    for record in records:
        project = sums.projects.get(record["project"]["id"])
        month = date.fromisoformat(record["spent_date"]).replace(day=1)
        place = (record[_SUBJECTS[table]]["id"], project.currency if project else "", month)
        if place in running:
            own = grown.setdefault(place, dict.fromkeys(running[place].sums, ZERO))
            has_money = table == "time/projects" or not (project and project.is_fixed_fee)
            for name, value in _sums(record, has_money=has_money).items():
                own[name] += value
    return tuple(
        replace(part, sums=grown.get((part.subject_id, part.currency, part.month), part.sums))
        if part.is_running
        else part
        for part in parts
    )


def _sums(record: Mapping[str, Any], *, has_money: bool) -> dict[str, Decimal]:
    hours = Decimal(record["rounded_hours"])
    value = hours * Decimal(record["billable_rate"] or 0)
    billable = bool(record["billable"])
    is_open, is_counted = billable and not record["is_billed"], bool(record["budgeted"])
    found = {
        "hours": (True, hours),
        "billable_hours": (billable, hours),
        "money": (billable and has_money, value),
        "open_hours": (is_open, hours),
        "open_money": (is_open, value),
        "budget_hours": (is_counted, hours),
        "budget_billable_hours": (is_counted and billable, hours),
        "budget_money": (is_counted and billable, value),
    }
    exact = {name: amount if counts else ZERO for name, (counts, amount) in found.items()}
    return exact | {f"{name}_each": rounded(exact[name]) for name in ("money", "open_money", "budget_money")}
