"""How far figures can be trusted: what Harvest's own reports prove of them, how old they are, and what is missing. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import product

from harvest_warehouse.database.system_tables import AGREED
from harvest_warehouse.marts.models import rules
from harvest_warehouse.mcp.answer import Status, Trust
from harvest_warehouse.mcp.standing import Standing, Window
from harvest_warehouse.semantics import Metric

OLDEST_HOURS = 48.0
"""Hours after which a load is old: most accounts are synced every night."""

_DIFFERENT = ("mismatch", "missing_here", "missing_there")
# Dimensions in which a report states its figures, by the last part of its path.
_SUBJECTS = {
    "projects": {"project_name", "project_id", "client_name", "client_id", "project_type", "is_active"},
    "team": {"person_name", "user_id"},
    "tasks": {"task_name", "task_id"},
    "categories": {"expense_category_name"},
}
_OF_PROJECTS = ("uninvoiced", "project_budget")
_MONTHS = {"month_start", "quarter_start", "year_start"}
_ALWAYS = {"currency", "budget_unit"}
# From the least to the most trust.
_ORDER: tuple[Status, ...] = ("differs", "not_compared", "stale", "not_provable", "partly_proven", "proven")


@dataclass(frozen=True)
class Asked:
    """What a figure is asked of: the period, and the dimensions that it is split and filtered by."""

    dimensions: Collection[str] = ()
    since: date | None = None
    until: date | None = None


def trust_of(metric: Metric, known: Standing, asked: Asked) -> Trust:
    """Trust in a metric's figures. Pure."""
    status, words, windows, figures = _judged(metric, known, asked)
    gaps = {name: known.gaps[name] for name in metric.needs if name in known.gaps}
    if gaps:
        words += f" Incomplete: {'; '.join(f'{name} {why}' for name, why in gaps.items())}."
    return _trust(known, status, words, windows, figures, gaps)


def trust_in_all(metrics: Sequence[Metric], known: Standing, asked: Asked) -> Trust:
    """Trust in several metrics: that of the one that deserves the least."""
    found = {metric.name: trust_of(metric, known, asked) for metric in metrics}
    least = min(found.values(), key=lambda one: _ORDER.index(one.status))
    better = [f"{name}: {one.status.replace('_', ' ')}" for name, one in found.items() if one.status != least.status]
    return replace(least, words=f"{least.words} ({', '.join(better)}.)") if better else least


def unverified(known: Standing) -> Trust:
    """Trust in a statement that is not of the semantic model."""
    words = "This statement is not a verified one, so no report of Harvest's vouches for its figures."
    return _trust(known, "not_provable", words + _age(known), (), {}, known.gaps)


def windows_for(metric: Metric, known: Standing, asked: Asked) -> tuple[str | None, tuple[Window, ...]]:
    """The report that states a metric by these dimensions, and its finished windows in the period. Pure."""
    if metric.proof is None:
        return None, ()
    wanted = set(asked.dimensions) - _ALWAYS - _MONTHS
    fitting = [one for one in metric.proof.reports if wanted <= _subject(one)]
    report = fitting[0] if fitting else metric.proof.reports[0]
    first, last = _period(known, asked)
    windows = [
        one
        for one in known.windows
        if one.report == report and one.is_finished and first and last and one.first <= last and first <= one.last
    ]
    return report, tuple(sorted(windows, key=lambda one: one.first))


def _judged(metric: Metric, known: Standing, asked: Asked) -> tuple[Status, str, Sequence[Window], Mapping[str, int]]:
    report, windows = windows_for(metric, known, asked)
    figures = _figures(metric, known, windows)
    agreed = sum(figures.get(verdict, 0) for verdict in AGREED)
    different = sum(figures.get(verdict, 0) for verdict in _DIFFERENT)
    status: Status = "proven"
    words = f"Proven: all {agreed} figures of Harvest's report {report} agree"
    words += f" from {windows[0].first} to {windows[-1].last}." if windows else "."
    if report is None:
        status, words = "not_provable", f"No report of Harvest's states {metric.name}, so nothing can prove it."
    elif not known.is_built:
        status, words = "stale", "Rows were loaded after the marts were built: run `dlt-harvest build`."
    elif any(name in known.gaps for name in metric.needs):
        status, words = "not_provable", f"{metric.name} cannot be proven, since lists that it needs are incomplete."
    elif not windows:
        status = "not_compared"
        words = f"{metric.name} was not compared with Harvest's report {report}: `dlt-harvest verify` does."
    elif different:
        status = "differs"
        words = (
            f"{different} of {sum(figures.values())} figures differ from Harvest's report {report}: `trust` lists them."
        )
    elif stale := _staleness(known, windows, asked):
        status, words = "stale", stale
    elif missing := _missing(metric, report, known, windows, figures, asked):
        status = "partly_proven"
        words = f"Partly proven by Harvest's report {report} ({agreed} figures agree): {missing}."
    return status, words if words.endswith(_age(known)) else words + _age(known), windows, figures


def _missing(
    metric: Metric, report: str, known: Standing, windows: Sequence[Window], figures: Mapping[str, int], asked: Asked
) -> str:
    """What keeps agreeing figures from being a whole proof; empty if nothing does."""
    first, last = _period(known, asked)
    unknown = sum(count for verdict, count in figures.items() if verdict not in AGREED)
    split = set(asked.dimensions) - _ALWAYS - _subject(report)
    gap = "" if report == "project_budget" else _uncovered(windows, first, last)
    reason = ""
    if unknown:
        reason = f"{unknown} figures could not be compared"
    elif split - _MONTHS:
        reason = f"the total is proven, its split by {', '.join(sorted(split - _MONTHS))} is not"
    elif gap:
        reason = f"{gap} was not compared"
    elif split and not all(one.is_month for one in windows):
        reason = "years were compared and not each month of them (`dlt-harvest verify --months`)"
    elif metric.time is not None and _is_within(known, windows, asked):
        reason = "its days are part of longer windows that agree, and were not compared on their own"
    return reason


def _is_within(known: Standing, windows: Sequence[Window], asked: Asked) -> bool:
    """True if a period begins or ends within a window, so that the window's sums do not prove its own."""
    first, last = known.first or date.min, known.last or date.max
    begins = asked.since is not None and asked.since > first and all(one.first != asked.since for one in windows)
    ends = asked.until is not None and asked.until < last and all(one.last != asked.until for one in windows)
    return begins or ends


def _uncovered(windows: Sequence[Window], first: date | None, last: date | None) -> str:
    """Days of a period that are in none of the windows, in words; empty if all are."""
    if first is None or last is None:
        return ""
    day = first
    for one in sorted(windows, key=lambda window: window.first):
        if one.first <= day <= one.last:
            day = one.last + timedelta(days=1)
    if day > last:
        return ""
    return f"{day}" if day == last else f"{day} to {last}"


def _staleness(known: Standing, windows: Sequence[Window], asked: Asked) -> str:
    """Why agreeing figures are out of date; empty if they are not."""
    compared_at = min(one.compared_at for one in windows)
    first, last = _period(known, asked)
    changed = [day for day, at in known.changed.items() if at > compared_at and first and last and first <= day <= last]
    if changed:
        return f"Rows of {len(changed)} days changed after the comparison of {compared_at:%Y-%m-%d %H:%M} UTC: run `dlt-harvest verify` again."
    if known.deleted_at and known.deleted_at > compared_at:
        return f"Rows were deleted after the comparison of {compared_at:%Y-%m-%d %H:%M} UTC: run `dlt-harvest verify` again."
    if any(one.report == "project_budget" and one.last < known.as_of_date for one in windows):
        return f"Budgets were compared on {windows[-1].last}, before the last load: run `dlt-harvest verify` again."
    return _age(known).strip()


def _age(known: Standing) -> str:
    if not known.is_built:
        return " Rows were loaded after the marts were built: run `dlt-harvest build`."
    if known.age_hours <= OLDEST_HOURS:
        return ""
    return f" The last load is {known.age_hours / 24:.0f} days old: run `dlt-harvest sync`."


def _figures(metric: Metric, known: Standing, windows: Iterable[Window]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for one, measure in product(windows, metric.proof.measures if metric.proof else ()):
        for verdict, count in known.verdicts.get((one.report, measure, one.first, one.last), {}).items():
            counted[verdict] = counted.get(verdict, 0) + count
    return counted


def _period(known: Standing, asked: Asked) -> tuple[date | None, date | None]:
    first, last = known.first, known.last
    if first is None or last is None:
        return None, None
    return max(first, asked.since or first), min(last, asked.until or last)


def _subject(report: str) -> set[str]:
    return _SUBJECTS["projects"] if report in _OF_PROJECTS else _SUBJECTS[report.rpartition("/")[2]]


def _trust(
    known: Standing,
    status: Status,
    words: str,
    windows: Sequence[Window],
    figures: Mapping[str, int],
    gaps: Mapping[str, str],
) -> Trust:
    return Trust(
        words.strip(),
        status,
        known.as_of_date.isoformat(),
        known.loaded_at.isoformat(timespec="seconds"),
        known.age_hours,
        max(one.last for one in windows).isoformat() if windows else "",
        dict(figures),
        dict(gaps),
        dict(known.findings),
    )


def words_of_findings() -> Mapping[str, str]:
    """What each check means, from our own files: texts of the database are not quoted outside of rows."""
    return {rule.name: rule.words for rule in rules()}
