"""Who is busy, and whose timesheet is missing."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from fractions import Fraction

from mart_truth.account import ZERO, Account, Table
from mart_truth.days import ratio


class People(Account):
    """The tables by person and week."""

    def mart_utilisation_weekly(self) -> Table:
        names = ("tracked", "hours", "billable", "client", "for_nothing", "productive")
        weeks: Table = defaultdict(
            lambda: {"capacity": Fraction(0), "leave": Fraction(0), **dict.fromkeys(names, ZERO)}
        )
        off: dict[tuple[int, date], Decimal] = defaultdict(Decimal)
        for entry in self.entries:
            off[entry["user"], entry["day"]] += entry["tracked"] if entry["is_leave"] else ZERO
        for user, day, hours in self.capacity():
            week = weeks[user, self.week_of(day)]
            week["capacity"] += hours
            week["leave"] += min(Fraction(off.get((user, day), ZERO)), Fraction(hours))
        for entry in self.entries:
            week = weeks[entry["user"], self.week_of(entry["day"])]
            week["tracked"] += entry["tracked"]
            week["hours"] += entry["hours"]
            week["billable"] += entry["billable_hours"]
            if self.projects[entry["project"]]["is_billable"]:
                week["client"] += entry["hours"]
                week["for_nothing"] += entry["hours"] - entry["billable_hours"]
            if entry["billable_hours"] or self.tasks[entry["task"]]["name"] in self.productive:
                week["productive"] += entry["hours"]
        made: Table = {}
        for (user, first), week in weeks.items():
            available = max(week["capacity"] - week["leave"], Fraction(0))
            made[user, first] = {
                **self.words_of_person(user),
                **self.words_of_week(first),
                "capacity_hours": week["capacity"],
                "time_off_hours": week["leave"],
                "available_hours": available,
                "tracked_hours": week["tracked"],
                "hours": week["hours"],
                "billable_hours": week["billable"],
                "billable_utilisation": ratio(week["billable"], available),
                "total_utilisation": ratio(week["tracked"], week["capacity"]),
                "client_hours": week["client"],
                "non_billable_client_hours": week["for_nothing"],
                "productive_hours": week["productive"],
                "non_billable_share": ratio(week["for_nothing"], week["client"]),
                "productive_utilisation": ratio(week["productive"], available),
            }
        return made

    def mart_timesheet_compliance_weekly(self) -> Table:
        tracked: dict[tuple[int, date], Decimal] = defaultdict(Decimal)
        names = ("working_days", "capacity_hours", "tracked_hours", "missing_hours", "empty_working_days")
        sums: Table = defaultdict(lambda: dict.fromkeys((*names, "unapproved_hours", "running_timers"), 0))
        for entry in self.entries:
            tracked[entry["user"], entry["day"]] += entry["tracked"]
            week = sums[entry["user"], self.week_of(entry["day"])]
            week["tracked_hours"] += entry["tracked"]
            week["unapproved_hours"] += ZERO if entry["is_closed"] else entry["tracked"]
            week["running_timers"] += entry["is_running"]
        for user, day, hours in self.capacity():
            week = sums[user, self.week_of(day)]
            done = Fraction(tracked.get((user, day), ZERO))
            week["working_days"] += 1
            week["capacity_hours"] += hours
            week["missing_hours"] += max(hours - done, Fraction(0))
            week["empty_working_days"] += done == 0
        if not self.company["approval_feature"]:
            for week in sums.values():
                week["unapproved_hours"] = None
        for week in sums.values():
            week["missing_hours_of_week"] = max(week["capacity_hours"] - Fraction(week["tracked_hours"]), Fraction(0))
        return {
            (user, first): {**self.words_of_person(user), **self.words_of_week(first), **week}
            for (user, first), week in sums.items()
        }
