"""Titles on hours of people."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from harvest_warehouse.dashboard.formatting import count, hours, percent, points, ratio, rounds_to_zero, total
from harvest_warehouse.dashboard.reader import Row

NO_ROLE = "No role"
"""What stands for the role of people who have none in Harvest."""


def utilisation(weeks: Sequence[Row], target: Decimal) -> str:
    """Title on billable utilisation over some weeks, compared with the target."""
    measured = [row for row in weeks if row["available_hours"]]
    average = ratio(total(measured, "billable_hours"), total(measured, "available_hours"))
    if average is None:
        return "Nobody had available hours in a complete week: there is no utilisation"
    gap = average - target
    side = "on" if abs(gap) < Decimal("0.005") else f"{points(gap)} {'above' if gap > 0 else 'below'}"
    return f"Billable utilisation over {count(len(measured), 'week')} is {percent(average)}: {side} target"


def people(able: Sequence[Row], target: Decimal | None) -> str:
    """Title on people below target, from rows with a `share` of billable hours and its `target`.

    Args:
        able: people with available hours.
        target: the target of all; None if people have targets of their own.
    """
    below = len([row for row in able if row["share"] < row["target"]])
    of_all = "target" if target is None else f"target of {percent(target)}"
    if not able:
        return "Nobody had available hours in these weeks"
    if not below:
        return f"{'The one person is' if len(able) == 1 else f'All {len(able):,} people are'} at or above {'their' if target is None else 'the'} {of_all}"
    return f"{below:,} of {count(len(able), 'person', 'people')} {'is' if below == 1 else 'are'} below {'their' if target is None else 'the'} {of_all}"


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


def free(weeks: Sequence[Row], roles: Sequence[Row]) -> str:
    """Title on free hours of the weeks to come, from rows by week and rows of the next week by role (`bench_hours`)."""
    if not weeks:
        return "Nobody has capacity in the weeks to come"
    free, available = total(weeks[:1], "bench_hours"), total(weeks[:1], "available_hours")
    if rounds_to_zero(free):
        return "Nobody is free next week if all bill as they usually do"
    title = f"{hours(free)} of {hours(available)} next week are free if all bill as they usually do"
    most = max(row["bench_hours"] for row in roles)
    first = [row["role"] for row in roles if row["bench_hours"] == most]
    return f"{title}: {_has(first[0])} most, {hours(most)}" if len(roles) > 1 and len(first) == 1 else title


def free_roles(roles: Sequence[Row]) -> str:
    """Title on the role with the largest share of free hours, from rows by role (`available_hours`, `bench_hours`)."""
    shares = {row["role"]: ratio(row["bench_hours"], row["available_hours"]) or Decimal(0) for row in roles}
    if not shares or not max(shares.values()):
        return "No role has free hours in the next eight weeks"
    most = max(shares.values())
    first = [role for role, share in shares.items() if share == most]
    if len(shares) == 1:
        whose = "people without a role" if first[0] == NO_ROLE else first[0]
        return f"{percent(most)} of the available hours of {whose} are free in the next eight weeks"
    if len(first) > 1:
        return f"{len(first):,} roles have most room: {percent(most)} of their available hours in the next eight weeks"
    whose = "their" if first[0] == NO_ROLE else "its"
    title = f"{_has(first[0])} most room: {percent(most)} of {whose} available hours in the next eight weeks"
    return title[:1].upper() + title[1:] if first[0] == NO_ROLE else title


def _has(role: str) -> str:
    return "people without a role have" if role == NO_ROLE else f"{role} has"


def free_people(people: Sequence[Row], threshold: Decimal) -> str:
    """Title on people who are free next week, from rows by person (`next_week`, `week_after`)."""
    now = [row for row in people if row["next_week"] >= threshold]
    later = [row for row in people if row["week_after"] >= threshold and row["next_week"] < threshold]
    least = f"{threshold.normalize():f} h or more"
    if not people:
        return "Nobody has capacity in the weeks to come"
    title = f"{count(len(now), 'person', 'people')} of {len(people):,} {'has' if len(now) == 1 else 'have'} {least} free next week"
    return f"{title}; {len(later):,} more the week after" if later else title
