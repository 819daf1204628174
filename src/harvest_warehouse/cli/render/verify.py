"""Render the report of a comparison with Harvest's reports for a terminal and as JSON. Prints nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from harvest_time_tracking.words import printable
from harvest_warehouse.database.reread_filters import FiltersByStream
from harvest_warehouse.database.system_tables import AGREED
from harvest_warehouse.messages.text import counted
from harvest_warehouse.verify import VerifyReport
from harvest_warehouse.verify.row_checks import OddEntry, RowChecks
from harvest_warehouse.verify.verdicts import Convention, Judged

# As many as fit on a terminal; the table `harvest_reconciliation` has all of them.
MOST_LINES = 40
_MOST_FILTERS = 3

_STYLES = {"not_provable": "yellow", "unresolved": "yellow"}
_FAMILIES = {
    "archived": "archived projects that are billable, uninvoiced, are",
    "money": "money is rounded",
    "timers": "running timers are",
    "fixed_fee": "what is left of a fixed fee counts invoice lines",
    "budget": "budgets in money count billable hours at their rates,",
    "budget_hours": "budgets in hours count",
}


def difference_table(judged: Iterable[Judged]) -> Table:
    """Table of the figures that differ, with both values, newest first."""
    table = Table(box=box.SIMPLE, pad_edge=False)
    # The most important columns come first, as a narrow terminal drops the last ones.
    for name in ("subject", "measure", "ours", "Harvest's", "currency", "from", "to", "verdict", "report"):
        is_figure = name in ("ours", "Harvest's")
        is_long = name in ("subject", "measure")
        # Figures and dates are never cut.
        table.add_column(
            name,
            justify="right" if is_figure else "left",
            no_wrap=not is_long,
            overflow="fold" if is_long else "ellipsis",
        )
    newest = sorted(judged, key=lambda one: (one.figure.last, one.figure.first, one.figure.report), reverse=True)
    for one in newest[:MOST_LINES]:
        figure = one.figure
        table.add_row(
            f"{escape(printable(figure.subject))} ({figure.subject_id})",
            figure.measure,
            _shown(one.ours),
            _shown(figure.theirs),
            "" if figure.is_hours else escape(printable(figure.currency)),
            figure.first.isoformat(),
            figure.last.isoformat(),
            Text(one.verdict.replace("_", " "), _STYLES.get(one.verdict, "bold red")),
            figure.report,
        )
    return table


def verify_lines(report: VerifyReport) -> list[str]:
    """Lines for a comparison: verdicts counted, conventions it rests on, and its limits."""
    lines = [_headline(report)]
    more = len(report.differing) - MOST_LINES
    if more > 0:
        lines.append(f"{counted(more, 'more figure')} in harvest_reconciliation.")
    if report.is_rounding_changed:
        lines.append("More than half of all rows differ in hours: the account's rounding setting was changed.")
    reasons = dict.fromkeys(one.reason for one in report.differing if one.reason)
    lines += [f"Not provable: {reason}." for reason in reasons]
    lines += [f"Not provable, {path}: {reason}" for path, reason in _by_reason(report.refused)]
    lines += [f"Not compared, {path}: {reason}." for path, reason in _by_reason(report.left_out)]
    lines += rows_lines(report.rows)
    lines += [convention_line(convention) for convention in report.conventions if convention.telling]
    if report.months_not_alone:
        lines.append(
            f"{counted(report.months_not_alone, 'month')} compared only as part of a year: differences of two months that cancel "
            "out, for the same subject and currency, would not show. `dlt-harvest verify --months` compares each month."
        )
    lines += report.notes
    lines += [f"Read again, round {n}: {_filters(again)}." for n, again in enumerate(report.repaired, start=1)]
    lines.append(f"Not proven, because no Harvest report shows it: {'; '.join(report.not_proven)}.")
    return lines


def rows_lines(rows: RowChecks) -> list[str]:
    """Lines for the row checks: duplicate keys, and hours inconsistent with their rounded hours."""
    lines = [
        f"Twice in {one.stream}: {', '.join(one.named)}. {counted(one.rows, 'row')} with {counted(one.keys, 'key')}: "
        "duplicates hide what is missing."
        for one in rows.doubled
    ]
    lines += [
        f"Hours that no rounding explains: time entry {one.entry_id} ({one.spent_date}, {printable(one.project)}, "
        f"{printable(one.person)}) has "
        f"{_shown(one.hours)} hours, rounded {_shown(one.rounded_hours)}."
        for one in rows.odd
    ]
    rounding = rows.rounding
    if rounding.unlike_entries > len(rows.odd):
        lines.append(f"Time entries like these: {rounding.unlike_entries:,} in all.")
    lines += [
        f"Found: hours are {rule} ({fitting:,} of {rounding.entries:,} time entries)."
        for rule, fitting in rounding.rules
    ]
    return lines


def convention_line(convention: Convention) -> str:
    """Line for a convention that Harvest does not document, and how many figures support it."""
    asked = _FAMILIES.get(convention.family, convention.family)
    most = sorted(convention.fitting.items(), key=lambda item: -item[1])
    if convention.accepted is None:
        found = ", ".join(f"{name}: {fits:,}" for name, fits in most[:3])
        return f"Unresolved, {asked}: of {counted(convention.telling, 'figure')} that decide it, no interpretation fits all ({found})."
    fits = convention.fitting[convention.accepted]
    return f"Found: {asked} {convention.accepted} ({fits:,} of {counted(convention.telling, 'figure')} that decide it)."


def verify_json(report: VerifyReport) -> str:
    """Render the report as JSON, with only those figures that do not agree."""
    document: dict[str, Any] = {
        "account_id": report.account_id,
        "run_id": report.run_id,
        "is_proven": report.is_proven,
        "first": report.first.isoformat(),
        "last": report.last.isoformat(),
        "planned_calls": report.planned_calls,
        "planned_minutes": report.planned_minutes,
        "calls": report.calls,
        "counts": dict(report.counts),
        "differing": [_figure(one) for one in report.differing],
        "rows": {
            "doubled": [asdict(one) for one in report.rows.doubled],
            "hours_that_fit_no_rule": report.rows.rounding.unlike_entries,
            "odd_entries": [_entry(one) for one in report.rows.odd],
            "rounding_rules": {str(rule): fitting for rule, fitting in report.rows.rounding.rules},
        },
        "conventions": [
            {
                "question": convention.family,
                "accepted": convention.accepted,
                "telling_figures": convention.telling,
                "fitting_figures": dict(convention.fitting),
            }
            for convention in report.conventions
        ],
        "months_not_alone": report.months_not_alone,
        "is_rounding_changed": report.is_rounding_changed,
        "refused": dict(report.refused),
        "left_out": dict(report.left_out),
        "not_in_reports": report.not_proven,
        "notes": report.notes,
        "repaired": report.repaired,
        "started_at": report.started_at.isoformat(),
        "seconds": report.seconds,
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _headline(report: VerifyReport) -> str:
    exact, ties = report.counts.get("exact", 0), report.counts.get("tie", 0)
    others = ", ".join(
        f"{count:,} {verdict.replace('_', ' ')}"
        for verdict, count in sorted(report.counts.items())
        if verdict not in AGREED
    )
    return (
        f"{report.first} to {report.last}: {exact:,} exact, {counted(ties, 'tie')}{f', {others}' if others else ''}, "
        f"with {counted(report.calls, 'report')} in {report.seconds:.1f} s. {_verdict(report)}"
    )


def _verdict(report: VerifyReport) -> str:
    """Conclusion of the headline, which claims no more than was compared."""
    if not report.is_proven:
        return (
            "Not every figure is proven."
            if report.differing or report.refused
            else "Rows in the database contradict themselves."
        )
    compared = dict.fromkeys(one.figure.report for one in report.judged)
    if not compared:
        return "There was no figure to compare."
    return f"Every figure in these Harvest reports agrees: {', '.join(compared)}."


def _by_reason(reasons: Mapping[str, str]) -> list[tuple[str, str]]:
    found: dict[str, list[str]] = {}
    for path, reason in reasons.items():
        found.setdefault(reason, []).append(path)
    return [(", ".join(paths), reason) for reason, paths in found.items()]


def _filters(again: FiltersByStream) -> str:
    return ", ".join(f"{stream} ({_few(filters)})" for stream, filters in again.items()) or "what changed"


def _few(filters: Sequence[Mapping[str, object]]) -> str:
    words = [" ".join(str(value) for value in one.values()) or "all" for one in filters]
    return ", ".join(words) if len(words) <= _MOST_FILTERS else f"{len(words)} windows and projects"


def _entry(odd: OddEntry) -> dict[str, object]:
    return {
        "id": odd.entry_id,
        "spent_date": odd.spent_date.isoformat() if odd.spent_date else None,
        "project": odd.project,
        "person": odd.person,
        "hours": str(odd.hours),
        "rounded_hours": str(odd.rounded_hours),
    }


def _figure(judged: Judged) -> dict[str, object]:
    figure = judged.figure
    return {
        "report": figure.report,
        "from": figure.first.isoformat(),
        "to": figure.last.isoformat(),
        "subject_id": figure.subject_id,
        "subject": figure.subject,
        "currency": figure.currency,
        "measure": figure.measure,
        "ours": str(judged.ours),
        "theirs": str(figure.theirs),
        "verdict": judged.verdict,
        "convention": judged.convention,
        "reason": judged.reason,
    }


def _shown(value: Decimal) -> str:
    return f"{value:,.2f}" if value == round(value, 2) else f"{value:,}"
