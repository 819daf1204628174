"""Choose the rows to read again for figures that differ, as re-read filters for `load`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harvest_warehouse.database.reread_filters import FiltersByStream
from harvest_warehouse.verify.harvest_reports import BUDGET, UNINVOICED
from harvest_warehouse.verify.report_plan import Window
from harvest_warehouse.verify.verdicts import Figure, Judged

# Up to a month, all rows are read, in a few requests; for a longer window, only those of the project.
_WHOLE_DAYS = 31


def repairs(
    judged: Iterable[Judged], windows: Iterable[Window] = (), beside: FiltersByStream | None = None
) -> FiltersByStream:
    """Re-read filters for figures that differ, by stream.

    Args:
        judged: verdicts; only repairable ones add filters.
        windows: windows in which to read all time entries again, whatever the verdicts, after a change of the rounding rule.
        beside: further filters, for rows that failed the row checks.
    """
    wrong = [one.figure for one in judged if one.is_repairable]
    time = [_days(window) for window in windows]
    time += [_work(figure) for figure in wrong if _is_time(figure)]
    expenses = [_work(figure) for figure in wrong if _is_expenses(figure)]
    projects_by_day = {figure.subject_id for figure in wrong if figure.is_of_window and figure.subject_id}
    for figure in wrong:
        # Budgets cover all time, unless figures by day of the same project differ too, which then are the cause.
        if figure.report == BUDGET and figure.measure != "budget" and figure.subject_id not in projects_by_day:
            time.append({"project_id": figure.subject_id})
            expenses.append({"project_id": figure.subject_id})
    found: FiltersByStream = {"time_entries": _fewest(time), "expenses": _fewest(expenses)}
    if wrong:
        # Short lists that every figure depends on: currency, fee, kind of project.
        found |= {"clients": [{}], "projects": [{}]}
    if any(figure.report == BUDGET for figure in wrong):
        found |= {"task_assignments": [{}], "user_assignments": [{}]}
    if any(figure.report == UNINVOICED and not figure.is_of_window for figure in wrong):
        found["invoices"] = [{}]
    for stream, filters in (beside or {}).items():
        found[stream] = _fewest([*found.get(stream, []), *filters])
    return {stream: filters for stream, filters in found.items() if filters}


def _is_time(figure: Figure) -> bool:
    return figure.is_of_window and (
        figure.report.startswith("time/") or (figure.report == UNINVOICED and figure.measure != "uninvoiced_expenses")
    )


def _is_expenses(figure: Figure) -> bool:
    money_of_work = ("uninvoiced_expenses", "uninvoiced_amount")
    return figure.is_of_window and (
        figure.report.startswith("expenses/") or (figure.report == UNINVOICED and figure.measure in money_of_work)
    )


def _work(figure: Figure) -> dict[str, object]:
    window = Window(figure.first, figure.last)
    by_project = figure.report in ("time/projects", "expenses/projects", UNINVOICED)
    if by_project and (window.last - window.first).days >= _WHOLE_DAYS:
        return {**_days(window), "project_id": figure.subject_id}
    return _days(window)


def _days(window: Window) -> dict[str, object]:
    return {"from": window.first.isoformat(), "to": window.last.isoformat()}


def _fewest(filters: Iterable[Mapping[str, object]]) -> list[dict[str, object]]:
    """Drop duplicate filters, and those that another one includes."""
    different = list({tuple(sorted(one.items(), key=str)): dict(one) for one in filters}.values())
    return [one for one in different if not any(other is not one and _holds(other, one) for other in different)]


def _holds(wide: Mapping[str, object], narrow: Mapping[str, object]) -> bool:
    if "project_id" in wide and wide["project_id"] != narrow.get("project_id"):
        return False
    if "from" not in wide:
        return True
    return "from" in narrow and str(wide["from"]) <= str(narrow["from"]) and str(narrow["to"]) <= str(wide["to"])
