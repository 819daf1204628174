"""Our figures beside those of a report: one `Figure` for each number of each row of either side. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import product

from harvest_warehouse.account_sums import ZERO, AccountSums, Part, Project
from harvest_warehouse.reconcile import Figure, rounded
from harvest_warehouse.report_calls import Window
from harvest_warehouse.reports import BUDGET, UNINVOICED, Report, TheirRow

_NO_MONEY = "Harvest shows this token no money"
_FEE = "fixed_fee"
# What no timer moves.
_STILL = ("budget", "uninvoiced_expenses")

_Place = tuple[int, str]


@dataclass(frozen=True)
class _OurRow:
    """A row as the report should have it: by measure, the family of conventions and the value by each."""

    subject: str
    moving: str
    values: Mapping[str, tuple[str, Mapping[str, Decimal]]]
    is_here: bool = True


def figures(
    sums: AccountSums, report: Report, window: Window, theirs: Iterable[TheirRow], *, is_whole: bool = True
) -> list[Figure]:
    """Every figure of one report and window: the rows of both sides, with 0 for a row that is missing on one.

    Args:
        sums: ours.
        report: the report.
        window: its days; for project_budget the day it was asked on.
        theirs: its rows.
        is_whole: whether all of history is loaded: without it, figures of all time are left out.
    """
    ours = _OURS[report.path.partition("/")[0]](sums, report.path, window)
    there: dict[_Place, list[TheirRow]] = {}
    for row in theirs:
        project = sums.projects.get(row.subject_id)
        currency = project.currency if report.path == BUDGET and project else row.currency
        there.setdefault((row.subject_id, currency), []).append(row)
    found = []
    for subject_id, currency in dict.fromkeys([*ours, *there]):
        mine, rows = ours.get((subject_id, currency)), there.get((subject_id, currency), [])
        for measure in report.measures:
            family, values = mine.values.get(measure, ("", {"": ZERO})) if mine else ("", {"": ZERO})
            stated = [row.values[measure] for row in rows]
            is_hidden = report.path != BUDGET and any(value is None for value in stated)
            is_of_window = family != _FEE and report.path != BUDGET
            if not is_of_window and not is_whole:
                continue
            found.append(
                Figure(
                    report.path,
                    window.first,
                    window.last,
                    subject_id,
                    mine.subject if mine else rows[0].subject,
                    currency,
                    measure,
                    values,
                    sum((value for value in stated if value is not None), ZERO),
                    family,
                    is_here=mine is not None and mine.is_here,
                    is_there=bool(rows),
                    is_of_window=is_of_window,
                    moving=mine.moving if mine and family != _FEE and measure not in _STILL else "",
                    unprovable=_NO_MONEY if is_hidden else "",
                )
            )
    return found


def fingerprint(sums: AccountSums, report: str, month: Window) -> str:
    """What changes as soon as our figures of a month do; empty where we have none. Fees belong to no month."""
    tables = ("time/projects", "expenses/projects") if report == UNINVOICED else (report,)
    lines = sorted(
        (table, part.subject_id, part.currency, part.month.isoformat(), part.is_running, *_compared(report, part))
        for table in tables
        for part in _within(sums.parts.get(table, ()), month)
    )
    return hashlib.sha256(repr(lines).encode()).hexdigest() if lines else ""


def _compared(report: str, part: Part) -> list[str]:
    """What of a part decides about the report, as text that is the same for the same number."""
    names = [
        name for name in sorted(part.sums) if (report == UNINVOICED or "open" not in name) and "budget" not in name
    ]
    return [str(part.sums[name].normalize()) for name in names]


def _within(parts: Sequence[Part], window: Window) -> list[Part]:
    """The months of a window: windows begin and end with a month, or with the range that was summed."""
    return [part for part in parts if window.first.replace(day=1) <= part.month <= window.last]


def _by_place(parts: Iterable[Part]) -> dict[_Place, list[Part]]:
    found: dict[_Place, list[Part]] = {}
    for part in parts:
        found.setdefault((part.subject_id, part.currency), []).append(part)
    return found


def _total(parts: Iterable[Part], name: str) -> Decimal:
    return sum((part.sums[name] for part in parts), ZERO)


def _hours(parts: Sequence[Part], name: str) -> tuple[str, dict[str, Decimal]]:
    """Harvest does not say whether its reports count the timers that run."""
    total = _total(parts, name)
    running = _total((part for part in parts if part.is_running), name)
    return ("timers", {"counted": total, "left out": total - running}) if running else ("", {"": total})


def _money(parts: Sequence[Part], name: str) -> tuple[str, dict[str, Decimal]]:
    """Nor whether money is rounded once or entry by entry."""
    return "money", {"per total": _total(parts, name), "per entry": _total(parts, f"{name}_each")}


def _moving(parts: Iterable[Part]) -> str:
    return "a timer is running in it" if any(part.is_running for part in parts) else ""


def _time(sums: AccountSums, path: str, window: Window) -> dict[_Place, _OurRow]:
    return {
        place: _OurRow(
            parts[0].subject,
            _moving(parts),
            {
                "total_hours": _hours(parts, "hours"),
                "billable_hours": _hours(parts, "billable_hours"),
                "billable_amount": _money(parts, "money"),
            },
        )
        for place, parts in _by_place(_within(sums.parts[path], window)).items()
    }


def _expenses(sums: AccountSums, path: str, window: Window) -> dict[_Place, _OurRow]:
    return {
        place: _OurRow(
            parts[0].subject,
            "",
            {"total_amount": _money(parts, "amount"), "billable_amount": _money(parts, "billable")},
        )
        for place, parts in _by_place(_within(sums.parts.get(path, ()), window)).items()
    }


def _uninvoiced(sums: AccountSums, _path: str, window: Window) -> dict[_Place, _OurRow]:
    """Projects with work in the window, and fixed fees that began by its end.

    https://help.getharvest.com/api-v2/reports-api/reports/uninvoiced-report/
    """
    time = _by_place(_within(sums.parts["time/projects"], window))
    spent = _by_place(_within(sums.parts.get("expenses/projects", ()), window))
    fees = {
        (project.project_id, project.currency): project
        for project in sums.projects.values()
        if project.is_fixed_fee and project.starts_on <= window.last
    }
    rows = {}
    for place in dict.fromkeys([*time, *spent, *fees]):
        entries, expenses = time.get(place, []), spent.get(place, [])
        project = sums.projects.get(place[0])
        has_work = bool(entries or expenses)
        if project is not None and project.is_fixed_fee:
            amount = _fee_left(project, _total(expenses, "open"), window, has_work=has_work)
        else:
            amount = (
                "money",
                {
                    "per total": _total(entries, "open_money") + _total(expenses, "open"),
                    "per entry": _total(entries, "open_money_each") + _total(expenses, "open_each"),
                },
            )
        name = project.name if project else (entries or expenses)[0].subject
        rows[place] = _OurRow(
            name,
            _moving(entries),
            {
                "total_hours": _hours(entries, "hours"),
                "uninvoiced_hours": _hours(entries, "open_hours"),
                "uninvoiced_expenses": _money(expenses, "open"),
                "uninvoiced_amount": amount,
            },
        )
    return rows


def _fee_left(project: Project, expenses: Decimal, window: Window, *, has_work: bool) -> tuple[str, dict[str, Decimal]]:
    """What of a fee no invoice holds: of all time, by each reading of what an invoice holds and which projects are listed."""
    if project.starts_on > window.last:
        return "", {"": ZERO}
    values = {}
    for lines, discount, extra, idle in product(
        ("all invoices", "without drafts"),
        ("before discount", "after discount"),
        ("without expenses", "with expenses"),
        ("idle projects if active", "idle projects too", "no idle projects"),
    ):
        billed = sum(
            (
                amount * (100 - percent) / 100 if discount == "after discount" else amount
                for is_draft, percent, amount in project.lines
                if not (is_draft and lines == "without drafts")
            ),
            ZERO,
        )
        is_listed = has_work or idle == "idle projects too" or (idle == "idle projects if active" and project.is_active)
        left = project.fee - billed + (expenses if extra == "with expenses" else ZERO)
        values[f"{lines}, {discount}, {extra}, {idle}"] = left if is_listed else ZERO
    return _FEE, values


def _budgets(sums: AccountSums, _path: str, window: Window) -> dict[_Place, _OurRow]:
    """As they stand: a monthly budget counts the month of the day it is looked at.

    https://help.getharvest.com/api-v2/reports-api/reports/project-budget-report/
    """
    time, spent = (_by_place(sums.whole.get(table, ())) for table in ("time/projects", "expenses/projects"))
    rows = {}
    for project in sums.projects.values():
        if project.budget_by == "none":
            continue
        place = (project.project_id, project.currency)
        entries, expenses = (_counted(table.get(place, []), project, window.last) for table in (time, spent))
        budget = project.budget or ZERO
        if project.budget_by in ("project_cost", "task_fees"):
            family, used = _money_used(entries, expenses, project)
        else:
            family, used = _hours(entries, "budget_hours")
        rows[place] = _OurRow(
            project.name,
            _moving(entries) or _turning(project, window.last),
            {
                "budget": ("", {"": budget}),
                "budget_spent": (family, used),
                # A budget that is not set has nothing left, and Harvest states nothing.
                "budget_remaining": (family, {name: budget - rounded(value) for name, value in used.items()})
                if project.budget is not None
                else ("", {"": ZERO}),
            },
        )
    return rows


def _money_used(entries: Sequence[Part], expenses: Sequence[Part], project: Project) -> tuple[str, dict[str, Decimal]]:
    values = {}
    for (rounding, name), (counted, kind) in product(
        (("per total", "budget_money"), ("per entry", "budget_money_each")),
        (("billable expenses", "billable"), ("all expenses", "amount")),
    ):
        extra = _total(expenses, kind) if project.has_expenses else ZERO
        values[f"{rounding}, {counted}"] = _total(entries, name) + extra
    return "budget", values


def _counted(parts: Iterable[Part], project: Project, today: date) -> list[Part]:
    return [part for part in parts if not project.is_monthly or part.month == today.replace(day=1)]


def _turning(project: Project, today: date) -> str:
    """Around the turn of a month it depends on the account's time zone which month a monthly budget counts."""
    is_turning = (today - timedelta(days=1)).month != (today + timedelta(days=1)).month
    return "a monthly budget begins anew these days" if project.is_monthly and is_turning else ""


_OURS = {"time": _time, "expenses": _expenses, UNINVOICED: _uninvoiced, BUDGET: _budgets}
