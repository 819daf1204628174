"""What is spent of each budget, and where it is heading."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from mart_truth.account import ZERO, Account, Row, Table
from mart_truth.days import day_of, month_end, month_of, months, ratio


class Budgets(Account):
    """The tables of budgets, in hours or money."""

    def budgeted(self) -> list[Row]:
        return [project for project in self.projects.values() if self.budget_unit_of(project)]

    def budget_of(self, project: Row) -> Decimal | None:
        by = project["budget_by"]
        if by == "project":
            return project["budget"]  # type: ignore[no-any-return]
        if by == "project_cost":
            return project["cost_budget"]  # type: ignore[no-any-return]
        stream = "user_assignments" if by == "person" else "task_assignments"
        parts = [row["budget"] for row in self.truth[stream] if row["project"]["id"] == project["id"]]
        known = [part for part in parts if part is not None]
        return sum(known, ZERO) if known else None

    def spent_by_day(self, project: Row) -> dict[date, Decimal]:
        """What counts to the budget of a project, in its unit."""
        is_money = self.budget_unit_of(project) == "money"
        found: dict[date, Decimal] = defaultdict(Decimal)
        for entry in self.entries_of[project["id"]]:
            if entry["is_budgeted"]:
                found[entry["day"]] += entry["value"] if is_money else entry["hours"]
        if project["budget_by"] == "project_cost" and project["cost_budget_include_expenses"]:
            for expense in self.expenses_of[project["id"]]:
                # Billable or not: a recorded report counts all of them.
                found[expense["day"]] += expense["amount"]
        return found

    def words_of_budget(self, project: Row) -> Row:
        """What all tables of budgets say of one."""
        return {
            **self.words_of_project(project["id"]),
            "is_active": project["is_active"],
            "budget_unit": self.budget_unit_of(project),
        }

    def mart_project_budget(self) -> Table:
        made: Table = {}
        this_week = self.week_of(self.as_of)
        for project in self.budgeted():
            spent_on = self.spent_by_day(project)
            is_monthly = project["budget_is_monthly"]
            spent = sum((v for d, v in spent_on.items() if not is_monthly or self.is_this_month(d)), ZERO)
            recent = sum((v for d, v in spent_on.items() if this_week - timedelta(28) <= d < this_week), ZERO)
            budget = self.budget_of(project)
            until = month_end(self.as_of) if is_monthly else day_of(project["ends_on"])
            left = None if until is None else max((until - self.as_of).days, 0)
            uses = [self.week_of(day) for day, amount in spent_on.items() if amount]
            seen = min(max((this_week - min(uses)).days // 7, 0), 4) if uses else 4
            at_end = None if left is None or not seen else Fraction(spent) + Fraction(recent) * left / (7 * seen)
            burns = self._burns(spent_on, min(uses) if uses else None)
            remaining = None if budget is None else Fraction(budget - spent)
            backlog = None
            if remaining is not None and project["is_active"] and left != 0:
                backlog = max(remaining, Fraction(0))
            made[project["id"],] = {
                **self.words_of_budget(project),
                "project_type": self.type_of(project),
                "budget_by": project["budget_by"],
                "budget_is_monthly": is_monthly,
                "starts_on": day_of(project["starts_on"]),
                "ends_on": day_of(project["ends_on"]),
                "budget": budget,
                "budget_spent": spent,
                "budget_remaining": None if budget is None else budget - spent,
                "spent_share": ratio(spent, budget),
                "weeks_seen": seen,
                "weekly_burn": Fraction(recent) / seen if seen else None,
                "weeks_of_budget_left": None
                if budget is None or not recent
                else Fraction(budget - spent) * seen / Fraction(recent),
                "lowest_weekly_burn": min(burns) if burns else None,
                "highest_weekly_burn": max(burns) if burns else None,
                "fewest_weeks_left": ratio(remaining, max(burns)) if burns and max(burns) > 0 else None,
                "most_weeks_left": ratio(remaining, min(burns)) if burns and min(burns) > 0 else None,
                "backlog": backlog,
                "backlog_amount": self._in_money(project, backlog),
                "forecast_until": until,
                "estimate_at_completion": at_end,
                "status": _status(budget, spent, at_end),
            }
        return made

    def _burns(self, spent_on: dict[date, Decimal], first_use: date | None) -> list[Decimal]:
        """What was spent in each of the last eight complete weeks since the first use."""
        this_week = self.week_of(self.as_of)
        weeks = [this_week - timedelta(7 * ago) for ago in range(1, 9)]
        return [
            sum((amount for day, amount in spent_on.items() if week <= day < week + timedelta(7)), ZERO)
            for week in weeks
            if first_use is None or first_use <= week
        ]

    def _in_money(self, project: Row, backlog: Fraction | None) -> Fraction | None:
        if backlog is None or self.type_of(project) != "time_and_materials":
            return None
        if self.budget_unit_of(project) == "money":
            return backlog
        counted = [entry for entry in self.entries_of[project["id"]] if entry["is_budgeted"]]
        hours = sum((entry["hours"] for entry in counted), ZERO)
        worth = ratio(sum((entry["value"] for entry in counted), ZERO), hours) if hours > 0 else None
        return None if worth is None else backlog * worth

    def mart_project_budget_line(self) -> Table:
        made: Table = {}
        for project in self.budgeted():
            by, is_monthly = project["budget_by"], project["budget_is_monthly"]
            counted = [
                entry
                for entry in self.entries_of[project["id"]]
                if entry["is_budgeted"] and (not is_monthly or self.is_this_month(entry["day"]))
            ]
            is_money = self.budget_unit_of(project) == "money"
            for kind, stream, member in (("task", "task_assignments", "task"), ("person", "user_assignments", "user")):
                spent: dict[int, Decimal] = defaultdict(Decimal)
                budgets: dict[int, Decimal] = {}
                for entry in counted:
                    spent[entry[member]] += entry["value"] if is_money else entry["hours"]
                if by in (("task", "task_fees") if kind == "task" else ("person",)):
                    for row in self.truth[stream]:
                        if row["project"]["id"] == project["id"] and row["budget"] is not None:
                            budgets[row[member]["id"]] = budgets.get(row[member]["id"], ZERO) + row["budget"]
                for line in {*spent, *budgets}:
                    budget = budgets.get(line)
                    made[project["id"], kind, line] = {
                        **self.words_of_budget(project),
                        "budget_by": by,
                        "budget_is_monthly": is_monthly,
                        "line_name": self.tasks[line]["name"] if kind == "task" else self.name_of(line),
                        "budget": budget,
                        "spent": spent.get(line, ZERO),
                        "remaining": None if budget is None else budget - spent.get(line, ZERO),
                        "spent_share": ratio(spent.get(line, ZERO), budget),
                    }
        return made

    def mart_retainer_monthly(self) -> Table:
        made: Table = {}
        for project in self.budgeted():
            budget = self.budget_of(project)
            if not project["budget_is_monthly"] or budget is None:
                continue
            spent_on = self.spent_by_day(project)
            begins, ends = day_of(project["starts_on"]) or day_of(project["created_at"]), day_of(project["ends_on"])
            start = min(begins or date.max, *spent_on, date.max)
            over = ends or (self.as_of if project["is_active"] or not (spent_on or begins) else None)
            end = min(max(over or (date.min if spent_on else begins or self.as_of), *spent_on, date.min), self.as_of)
            balance = ZERO
            for month in months(start, end):
                used = sum((amount for day, amount in spent_on.items() if month_of(day) == month), ZERO)
                is_agreed = (begins is None or month >= month_of(begins)) and (ends is None or month <= ends)
                granted = budget if is_agreed else ZERO
                balance += granted - used
                made[project["id"], month] = {
                    **self.words_of_budget(project),
                    "is_complete_month": self.is_past(month),
                    "budget": granted,
                    "used": used,
                    "unused": granted - used,
                    "rolling_balance": balance,
                }
        return made


def _status(budget: Decimal | None, spent: Decimal, at_end: Fraction | None) -> str:
    if budget is None:
        return "no_budget_value"
    if spent > budget:
        return "over"
    if at_end is not None and at_end > budget:
        return "forecast_over"
    return "watch" if spent and spent * 10 >= budget * 8 else "ok"
