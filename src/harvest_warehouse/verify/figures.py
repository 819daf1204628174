"""Pair local figures with those of a report: one `Figure` per measure and row of either side. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import product

from harvest_warehouse.verify.harvest_reports import BUDGET, UNINVOICED, Report, TheirRow
from harvest_warehouse.verify.local_totals import ZERO, LocalTotals, Part, Project
from harvest_warehouse.verify.report_plan import Window
from harvest_warehouse.verify.verdicts import Figure, rounded

_NO_MONEY = "Harvest shows this token no money"
_NO_RATES = "time_entries.billable_rate is left empty (exclude_columns)"
_FEE = "fixed_fee"
# Measures that a running timer does not change.
_STILL = ("budget", "uninvoiced_expenses")

_Place = tuple[int, str]


# An undocumented convention ("" for none), and our value under each of its candidates.
_Values = tuple[str, Mapping[str, Decimal]]
_NOTHING: _Values = ("", {"": ZERO})


@dataclass(frozen=True)
class _OurRow:
    """Expected row of a report, computed from our tables.

    Attributes:
        subject: name of the subject.
        moving: why a difference would prove nothing; else empty.
        values: values by measure.
        listing: `worked` or `idle` if the report may not list the row (an archived project); else empty.
    """

    subject: str
    moving: str
    values: Mapping[str, _Values]
    listing: str = ""

    @property
    def is_blank(self) -> bool:
        """True if all its values are zero, so that it equals a missing row."""
        return not any(value for _, values in self.values.values() for value in values.values())


def figures(
    sums: LocalTotals, report: Report, window: Window, theirs: Iterable[TheirRow], *, is_whole: bool = True
) -> list[Figure]:
    """Figures of one report and window: the rows of both sides, with 0 for a row missing on one side.

    Args:
        sums: local totals.
        report: the report.
        window: days of the report; for project_budget the day of the request.
        theirs: rows of the report.
        is_whole: whether the whole history is loaded; if not, all-time figures are left out.
    """
    ours = _OURS[report.path.partition("/")[0]](sums, report.path, window)
    there: dict[_Place, list[TheirRow]] = {}
    for row in theirs:
        project = sums.projects.get(row.subject_id)
        currency = project.currency if report.path == BUDGET and project else row.currency
        there.setdefault((row.subject_id, currency), []).append(row)
    found = []
    for place in dict.fromkeys([*ours, *there]):
        mine, rows = ours.get(place), there.get(place, [])
        # Skip idle projects: otherwise most figures would compare zero with zero.
        if (mine is None or mine.is_blank) and all(value == 0 for row in rows for value in row.values.values()):
            continue
        for measure in report.measures:
            figure = _figure(report, window, place, measure, mine, rows)
            if not sums.has_rates and _is_of_rates(figure):
                figure = replace(figure, unprovable=_NO_RATES)
            if figure.is_of_window or is_whole:
                found.append(figure)
    return found


def _figure(
    report: Report, window: Window, place: _Place, measure: str, mine: _OurRow | None, rows: Sequence[TheirRow]
) -> Figure:
    stated = [row.values[measure] for row in rows]
    family, values = mine.values.get(measure, _NOTHING) if mine else _NOTHING
    is_budget = report.path == BUDGET
    if is_budget and rows and measure == "budget_remaining" and all(row.values["budget"] is None for row in rows):
        # Without a budget nothing remains, and the report states no value.
        family, values = _NOTHING
    return Figure(
        report.path,
        window.first,
        window.last,
        place[0],
        mine.subject if mine else rows[0].subject,
        place[1],
        measure,
        values,
        sum((value for value in stated if value is not None), ZERO),
        family,
        is_here=mine is not None,
        is_there=bool(rows),
        is_of_window=family != _FEE and not is_budget,
        moving=mine.moving if mine and family != _FEE and measure not in _STILL else "",
        unprovable=_NO_MONEY if not is_budget and any(value is None for value in stated) else "",
        listing=mine.listing if mine else "",
    )


def _is_of_rates(figure: Figure) -> bool:
    """True if a figure is made of hours at their rates."""
    if figure.report == BUDGET:
        return figure.family == "budget"
    if figure.report == UNINVOICED:
        return figure.measure == "uninvoiced_amount" and figure.family != _FEE
    return figure.report.startswith("time/") and figure.measure == "billable_amount"


def fingerprint(sums: LocalTotals, report: str, month: Window) -> str:
    """Hash of the local figures of a window for a report; empty if there are none. Fees, which belong to no month, are excluded."""
    tables = ("time/projects", "expenses/projects") if report == UNINVOICED else (report,)
    lines = sorted(
        (table, part.subject_id, part.currency, part.month.isoformat(), part.is_running, *_compared(report, part))
        for table in tables
        for part in _within(sums.parts.get(table, ()), month)
    )
    return hashlib.sha256(repr(lines).encode()).hexdigest() if lines else ""


def _compared(report: str, part: Part) -> list[str]:
    """Sums of a part that the report depends on, as normalised text."""
    names = [
        name for name in sorted(part.sums) if (report == UNINVOICED or "open" not in name) and "budget" not in name
    ]
    return [str(part.sums[name].normalize()) for name in names]


def _within(parts: Sequence[Part], window: Window) -> list[Part]:
    """Monthly parts in a window; windows begin and end with a month, or with the summed range."""
    return [part for part in parts if window.first.replace(day=1) <= part.month <= window.last]


def _by_place(parts: Iterable[Part]) -> dict[_Place, list[Part]]:
    found: dict[_Place, list[Part]] = {}
    for part in parts:
        found.setdefault((part.subject_id, part.currency), []).append(part)
    return found


def _total(parts: Iterable[Part], name: str) -> Decimal:
    return sum((part.sums[name] for part in parts), ZERO)


def _hours(parts: Sequence[Part], name: str) -> _Values:
    """Hours with and without running timers: it is not documented whether reports count these."""
    total = _total(parts, name)
    running = _total((part for part in parts if part.is_running), name)
    return ("timers", {"counted": total, "left out": total - running}) if running else ("", {"": total})


def _money(parts: Sequence[Part], name: str) -> _Values:
    """Money rounded per total and per entry: it is not documented which one reports use."""
    return "money", {"per total": _total(parts, name), "per entry": _total(parts, f"{name}_each")}


def _moving(parts: Iterable[Part]) -> str:
    return "a timer is running in it" if any(part.is_running for part in parts) else ""


def _time(sums: LocalTotals, path: str, window: Window) -> dict[_Place, _OurRow]:
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


def _expenses(sums: LocalTotals, path: str, window: Window) -> dict[_Place, _OurRow]:
    return {
        place: _OurRow(
            parts[0].subject,
            "",
            {"total_amount": _money(parts, "amount"), "billable_amount": _money(parts, "billable")},
        )
        for place, parts in _by_place(_within(sums.parts.get(path, ()), window)).items()
    }


def _uninvoiced(sums: LocalTotals, _path: str, window: Window) -> dict[_Place, _OurRow]:
    """Expected rows of the uninvoiced report: all billable projects, idle ones too.

    https://help.getharvest.com/api-v2/reports-api/reports/uninvoiced-report/ says "all billable projects", which recorded
    reports confirm. No recorded report has an archived one.
    """
    time = _by_place(_within(sums.parts["time/projects"], window))
    spent = _by_place(_within(sums.parts.get("expenses/projects", ()), window))
    listed = {(one.project_id, one.currency): one for one in sums.projects.values() if one.is_billable}
    rows = {}
    for place in dict.fromkeys([*time, *spent, *listed]):
        entries, expenses = time.get(place, []), spent.get(place, [])
        project = sums.projects.get(place[0])
        if project is not None and not project.is_billable:
            continue
        if project is not None and project.is_fixed_fee:
            amount = _fee_left(project, window)
        else:
            amount = (
                "money",
                {
                    "per total": _total(entries, "open_money") + _total(expenses, "open"),
                    "per entry": _total(entries, "open_money_each") + _total(expenses, "open_each"),
                },
            )
        rows[place] = _OurRow(
            project.name if project else (entries or expenses)[0].subject,
            _moving(entries),
            {
                "total_hours": _hours(entries, "hours"),
                "uninvoiced_hours": _hours(entries, "open_hours"),
                "uninvoiced_expenses": _money(expenses, "open"),
                "uninvoiced_amount": amount,
            },
            "" if project is None or project.is_active else "worked" if entries or expenses else "idle",
        )
    return rows


def _fee_left(project: Project, window: Window) -> _Values:
    """Uninvoiced remainder of a fixed fee over all time; 0 before the project starts.

    https://support.getharvest.com/hc/en-us/articles/360048181472-How-project-type-affects-reports
    In recorded reports, lines of drafts and of products count, expenses do not. The effect of an invoice's discount is unknown.
    """
    if project.starts_on > window.last:
        return _NOTHING
    billed = sum((amount for _, amount in project.lines), ZERO)
    discounted = sum((amount * (100 - percent) / 100 for percent, amount in project.lines), ZERO)
    return _FEE, {"before discount": project.fee - billed, "after discount": project.fee - discounted}


def _budgets(sums: LocalTotals, _path: str, window: Window) -> dict[_Place, _OurRow]:
    """Expected rows of the project budget report; a monthly budget covers the month of the request.

    https://help.getharvest.com/api-v2/reports-api/reports/project-budget-report/
    """
    time, spent = (_by_place(sums.whole.get(table, ())) for table in ("time/projects", "expenses/projects"))
    rows = {}
    for project in sums.projects.values():
        if project.budget_by == "none":
            continue
        place = (project.project_id, project.currency)
        entries, expenses = (_counted(table.get(place, []), project, window.last) for table in (time, spent))
        is_money = project.budget_by in ("project_cost", "task_fees")
        used = _money_used(entries, expenses, project) if is_money else _hours_used(entries)
        given = {"of all assignments": project.budget or ZERO, "of active assignments": project.active_budget or ZERO}
        readings = {f"{name}, {kind}": (given[kind], used[name]) for name, kind in product(used, given)}
        family = "budget" if is_money else "budget_hours"
        rows[place] = _OurRow(
            project.name,
            _moving(entries) or _turning(project, window.last),
            {
                "budget": (family, {name: budget for name, (budget, _) in readings.items()}),
                "budget_spent": (family, {name: value for name, (_, value) in readings.items()}),
                "budget_remaining": (
                    family,
                    {name: budget - rounded(value) for name, (budget, value) in readings.items()},
                ),
            },
        )
    return rows


_TIMERS = ("with running timers", "without running timers")


def _hours_used(entries: Sequence[Part]) -> dict[str, Decimal]:
    """Hours that count towards a budget: all of them, as in recorded reports, or only billable ones, as an account may choose.

    https://support.getharvest.com/hc/en-us/articles/360048686811-How-to-set-project-budgets
    """
    kinds = (("all hours", "budget_hours"), ("billable hours", "budget_billable_hours"))
    return {
        f"{kind}, {timers}": _total(_with(timers, entries), name) for (kind, name), timers in product(kinds, _TIMERS)
    }


def _money_used(entries: Sequence[Part], expenses: Sequence[Part], project: Project) -> dict[str, Decimal]:
    """Money that counts towards a budget: billable hours at their rates, and all expenses if these count (as in recorded reports)."""
    roundings = (("rounded per total", "budget_money"), ("rounded per entry", "budget_money_each"))
    extra = _total(expenses, "amount") if project.has_expenses else ZERO
    return {
        f"{rounding}, {timers}": _total(_with(timers, entries), name) + extra
        for (rounding, name), timers in product(roundings, _TIMERS)
    }


def _with(timers: str, entries: Iterable[Part]) -> list[Part]:
    return [part for part in entries if timers == _TIMERS[0] or not part.is_running]


def _counted(parts: Iterable[Part], project: Project, today: date) -> list[Part]:
    return [part for part in parts if not project.is_monthly or part.month == today.replace(day=1)]


def _turning(project: Project, today: date) -> str:
    """Reason why a monthly budget is not provable around the turn of a month, which depends on the time zone; else empty."""
    is_turning = (today - timedelta(days=1)).month != (today + timedelta(days=1)).month
    return "a monthly budget is about to start afresh, or just has" if project.is_monthly and is_turning else ""


_OURS = {"time": _time, "expenses": _expenses, UNINVOICED: _uninvoiced, BUDGET: _budgets}
