"""Titles on hours of people."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from harvest_warehouse.dashboard.formatting import count, hours, percent, points, ratio, total
from harvest_warehouse.dashboard.reader import Row


def utilisation(weeks: Sequence[Row], target: Decimal) -> str:
    """Title on billable utilisation over some weeks, compared with the target."""
    measured = [row for row in weeks if row["available_hours"]]
    average = ratio(total(measured, "billable_hours"), total(measured, "available_hours"))
    if average is None:
        return "Nobody had available hours in a complete week: there is no utilisation"
    gap = average - target
    side = "on" if abs(gap) < Decimal("0.005") else f"{points(gap)} {'above' if gap > 0 else 'below'}"
    return f"Billable utilisation over {count(len(measured), 'week')} is {percent(average)}: {side} target"


def people(able: Sequence[Row], target: Decimal) -> str:
    """Title on people below target, from rows with a `share` of billable hours."""
    below = len([row for row in able if row["share"] < target])
    if not able:
        return "Nobody had available hours in these weeks"
    if not below:
        return f"{'The one person is' if len(able) == 1 else f'All {len(able):,} people are'} at or above the target of {percent(target)}"
    return f"{below:,} of {count(len(able), 'person', 'people')} {'is' if below == 1 else 'are'} below the target of {percent(target)}"


def full_weeks(able: Sequence[Row]) -> str:
    """Title on people with weeks above 100% (`weeks_above`)."""
    over = len([row for row in able if row["weeks_above"]])
    if not able:
        return "Nobody had available hours in these weeks"
    if not over:
        return "Nobody had a single week above 100%"
    return f"{count(over, 'person', 'people')} had at least one week above 100%"


def timesheets(late: Sequence[Row], threshold: Decimal, week: str) -> str:
    """Title on missing hours of the last complete week, from rows with `missing_hours`.

    Args:
        late: timesheets with missing hours.
        threshold: hours from which a timesheet is to be chased.
        week: the first day of the week, in words.
    """
    chased = [row for row in late if row["missing_hours"] >= threshold]
    least = f"{threshold.normalize():f} h or more"
    if not late:
        return "No timesheet of the last complete week has missing hours"
    if not chased:
        return f"No timesheet for the week of {week} lacks {least}; {count(len(late), 'timesheet')} {'lacks' if len(late) == 1 else 'lack'} less"
    lacks = "timesheet lacks" if len(chased) == 1 else "timesheets lack"
    title = f"{len(chased):,} {lacks} {least} for the week of {week}: {hours(total(chased, 'missing_hours'))}"
    rest = len(late) - len(chased)
    return f"{title}; {rest:,} {'lacks' if rest == 1 else 'lack'} less" if rest else title


def leave(this_week: int, next_week: int) -> str:
    """Title on leave: number of people this week, and of those who are away next week only."""
    if not this_week and not next_week:
        return "Nobody has entered leave for this week or the next"
    later = f"{count(next_week, 'person', 'people')} next week"
    if not this_week:
        return f"Nobody has entered leave for this week; {later}"
    now = f"{count(this_week, 'person', 'people')} on leave this week"
    return f"{now}, {next_week:,} more next week" if next_week else now


def without_cost(people: Sequence[Row]) -> str:
    """Title on time without a cost rate, from rows by person (`entries`, `hours`)."""
    if not people:
        return "All time has a cost rate"
    who = people[0]["person_name"] if len(people) == 1 else f"{len(people):,} people"
    return f"{hours(total(people, 'hours'))} of {who} have no cost rate, and count as free"
