"""The marts computed a second time, in plain Python, from what the simulator knows: no SQL, and nothing of the build's.

Rows by table, each under its key without the account. Fractions stay fractions until they are compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

Row = dict[str, Any]
Table = dict[tuple[Any, ...], Row]
ZERO = Decimal(0)
LEAVE = {"Vacation", "Sick Leave", "Public Holiday"}


def day_of(text: str | None) -> date | None:
    return date.fromisoformat(text[:10]) if text else None


def month_of(day: date) -> date:
    return day.replace(day=1)


def next_month(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1)


def months(first: date, last: date) -> Iterator[date]:
    """First days of all months from that of `first` to that of `last`."""
    month = month_of(first)
    while month <= last:
        yield month
        month = next_month(month)


def days(first: date, last: date) -> Iterator[date]:
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def ratio(above: Any, below: Any) -> Fraction | None:
    return Fraction(above) / Fraction(below) if below and below > 0 else None


def bucket(age: int) -> str:
    return "0-30" if age <= 30 else "31-60" if age <= 60 else "61-90" if age <= 90 else "90+"


class Books:
    """What the marts must say of an account on a day.

    Args:
        truth: stream to records, as `Simulator.truth` gives them.
        as_of: the day.
        week_start: the first day of a week, 0 for Monday.
        working_days: the days of the week on which people work.
        rates: what a unit of a currency is worth in the home currency, whenever.
    """

    def __init__(
        self,
        truth: Mapping[str, list[Row]],
        as_of: date,
        week_start: int = 0,
        working_days: Iterable[int] = range(5),
        rates: Mapping[str, Decimal] | None = None,
    ) -> None:
        self.truth = truth
        self.as_of = as_of
        self.week_start = week_start
        self.working_days = set(working_days)
        self.company = truth["company"][0]
        self.home = self.company["currency"]
        self.rates = {self.home: Decimal(1), **(rates or {})}
        self.clients = {row["id"]: row for row in truth["clients"]}
        self.projects = {row["id"]: row for row in truth["projects"]}
        self.users = {row["id"]: row for row in truth["users"]}
        self.tasks = {row["id"]: row for row in truth["tasks"]}
        self.invoices = {row["id"]: row for row in truth["invoices"]}
        self.entries = [self._entry(row) for row in truth["time_entries"]]
        self.expenses = [self._expense(row) for row in truth["expenses"]]

    # What a record means

    def type_of(self, project: Row) -> str:
        if not project["is_billable"]:
            return "non_billable"
        return "fixed_fee" if project["is_fixed_fee"] else "time_and_materials"

    def currency_of(self, project_id: int) -> str:
        return str(self.clients[self.projects[project_id]["client"]["id"]]["currency"])

    def _entry(self, row: Row) -> Row:
        project = self.projects[row["project"]["id"]]
        value = row["rounded_hours"] * (row["billable_rate"] or ZERO) if row["billable"] else ZERO
        is_material = self.type_of(project) == "time_and_materials"
        return {
            "time_entry_id": row["id"],
            "day": day_of(row["spent_date"]),
            "user": row["user"]["id"],
            "project": project["id"],
            "client": project["client"]["id"],
            "task": row["task"]["id"],
            "tracked": row["hours"],
            "hours": row["rounded_hours"],
            "billable_hours": row["rounded_hours"] if row["billable"] else ZERO,
            "value": value,
            "revenue": value if is_material else ZERO,
            "labour": row["hours"] * (row["cost_rate"] or ZERO),
            "is_open": row["billable"] and not row["is_billed"],
            "is_material": is_material,
            "is_leave": row["task"]["name"] in LEAVE,
            "is_budgeted": row["budgeted"],
            "is_closed": row["is_closed"],
            "is_running": row["is_running"],
        }

    def _expense(self, row: Row) -> Row:
        project = self.projects[row["project"]["id"]]
        return {
            "day": day_of(row["spent_date"]),
            "project": project["id"],
            "user": row["user"]["id"],
            "amount": row["total_cost"],
            "billable": row["total_cost"] if row["billable"] else ZERO,
            "is_open": row["billable"] and not row["is_billed"],
            "is_material": self.type_of(project) == "time_and_materials",
        }

    def week_of(self, day: date) -> date:
        return day - timedelta(days=(day.weekday() - self.week_start) % 7)

    def capacity(self) -> Iterator[tuple[int, date, Fraction]]:
        """Person, working day, hours."""
        first: dict[int, date] = {}
        last: dict[int, date] = {}
        for entry in self.entries:
            first[entry["user"]] = min(first.get(entry["user"], date.max), entry["day"])
            last[entry["user"]] = max(last.get(entry["user"], date.min), entry["day"])
        for user in self.users.values():
            start = min(day_of(user["created_at"]) or date.max, first.get(user["id"], date.max))
            end = self.as_of if user["is_active"] else last.get(user["id"])
            hours = Fraction(user["weekly_capacity"], 3600) / len(self.working_days)
            if end is None or hours <= 0:
                continue
            for day in days(start, end):
                if day.weekday() in self.working_days:
                    yield user["id"], day, hours

    # The marts

    def fct_time_entry(self) -> Table:
        return {
            (entry["time_entry_id"],): {
                "tracked_hours": entry["tracked"],
                "hours": entry["hours"],
                "billable_hours": entry["billable_hours"],
                "value_at_rates": entry["value"],
                "billable_amount": entry["revenue"],
                "labour_cost": entry["labour"],
                "uninvoiced_hours": entry["hours"] if entry["is_open"] else ZERO,
                "uninvoiced_amount": entry["revenue"] if entry["is_open"] else ZERO,
                "is_time_off": entry["is_leave"],
                "client_id": entry["client"],
                "currency": self.currency_of(entry["project"]),
            }
            for entry in self.entries
        }

    def mart_utilisation_weekly(self) -> Table:
        names = ("leave", "tracked", "hours", "billable")
        weeks: Table = defaultdict(lambda: {"capacity": Fraction(0), **dict.fromkeys(names, ZERO)})
        for user, day, hours in self.capacity():
            weeks[user, self.week_of(day)]["capacity"] += hours
        for entry in self.entries:
            week = weeks[entry["user"], self.week_of(entry["day"])]
            week["tracked"] += entry["tracked"]
            week["hours"] += entry["hours"]
            week["billable"] += entry["billable_hours"]
            week["leave"] += entry["tracked"] if entry["is_leave"] else ZERO
        made: Table = {}
        for key, week in weeks.items():
            available = max(Fraction(week["capacity"]) - Fraction(week["leave"]), Fraction(0))
            made[key] = {
                "capacity_hours": week["capacity"],
                "time_off_hours": week["leave"],
                "available_hours": available,
                "tracked_hours": week["tracked"],
                "hours": week["hours"],
                "billable_hours": week["billable"],
                "billable_utilisation": ratio(week["billable"], available),
                "total_utilisation": ratio(week["tracked"], week["capacity"]),
                "is_complete_week": key[1] + timedelta(days=6) < self.as_of,
            }
        return made

    def mart_timesheet_compliance_weekly(self) -> Table:
        tracked: dict[tuple[int, date], Decimal] = defaultdict(Decimal)
        names = ("working_days", "capacity_hours", "tracked_hours", "missing_hours", "empty_working_days")
        made: Table = defaultdict(lambda: dict.fromkeys((*names, "unapproved_hours", "running_timers"), 0))
        for entry in self.entries:
            tracked[entry["user"], entry["day"]] += entry["tracked"]
            week = made[entry["user"], self.week_of(entry["day"])]
            week["tracked_hours"] += entry["tracked"]
            week["unapproved_hours"] += ZERO if entry["is_closed"] else entry["tracked"]
            week["running_timers"] += entry["is_running"]
        for user, day, hours in self.capacity():
            week = made[user, self.week_of(day)]
            done = Fraction(tracked.get((user, day), ZERO))
            week["working_days"] += 1
            week["capacity_hours"] += hours
            week["missing_hours"] += max(hours - done, Fraction(0))
            week["empty_working_days"] += done == 0
        return made

    def spent_by_day(self, project: Row) -> dict[date, Decimal]:
        """What counts to the budget of a project, in its unit."""
        is_money = project["budget_by"] in ("project_cost", "task_fees")
        found: dict[date, Decimal] = defaultdict(Decimal)
        for entry in self._by_project(self.entries)[project["id"]]:
            if entry["is_budgeted"]:
                found[entry["day"]] += entry["value"] if is_money else entry["hours"]
        if project["budget_by"] == "project_cost" and project["cost_budget_include_expenses"]:
            for expense in self._by_project(self.expenses)[project["id"]]:
                found[expense["day"]] += expense["billable"]
        return found

    def _by_project(self, rows: list[Row]) -> dict[int, list[Row]]:
        cached: dict[int, dict[int, list[Row]]] = self.__dict__.setdefault("_grouped", {})
        if id(rows) not in cached:
            grouped: dict[int, list[Row]] = defaultdict(list)
            for row in rows:
                grouped[row["project"]].append(row)
            cached[id(rows)] = grouped
        return cached[id(rows)]

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

    def budgeted(self) -> list[Row]:
        return [project for project in self.projects.values() if project["budget_by"] != "none"]

    def mart_project_budget(self) -> Table:
        made: Table = {}
        this_week = self.week_of(self.as_of)
        for project in self.budgeted():
            spent_on = self.spent_by_day(project)
            is_monthly = project["budget_is_monthly"]
            spent = sum((v for d, v in spent_on.items() if not is_monthly or month_of(d) == month_of(self.as_of)), ZERO)
            recent = sum((v for d, v in spent_on.items() if this_week - timedelta(28) <= d < this_week), ZERO)
            budget = self.budget_of(project)
            until = next_month(self.as_of) - timedelta(1) if is_monthly else day_of(project["ends_on"])
            left = None if until is None else max((until - self.as_of).days, 0)
            at_end = None if left is None else Fraction(spent) + Fraction(recent) * left / 28
            if budget is None:
                status = "no_budget_value"
            elif spent > budget:
                status = "over"
            elif at_end is not None and at_end > budget:
                status = "forecast_over"
            else:
                status = "watch" if spent and spent * 10 >= budget * 8 else "ok"
            made[project["id"],] = {
                "currency": self.currency_of(project["id"]),
                "budget": budget,
                "budget_spent": spent,
                "budget_remaining": None if budget is None else budget - spent,
                "spent_share": ratio(spent, budget),
                "weekly_burn": Fraction(recent) / 4,
                "weeks_of_budget_left": None
                if budget is None or not recent
                else Fraction(budget - spent) * 4 / Fraction(recent),
                "estimate_at_completion": at_end,
                "status": status,
            }
        return made

    def mart_project_budget_line(self) -> Table:
        made: Table = {}
        for project in self.budgeted():
            by = project["budget_by"]
            for kind, stream, member in (("task", "task_assignments", "task"), ("person", "user_assignments", "user")):
                spent: dict[int, Decimal] = defaultdict(Decimal)
                budgets: dict[int, Decimal] = {}
                for entry in self._by_project(self.entries)[project["id"]]:
                    is_now = not project["budget_is_monthly"] or month_of(entry["day"]) == month_of(self.as_of)
                    if entry["is_budgeted"] and is_now:
                        spent[entry[member]] += (
                            entry["value"] if by in ("project_cost", "task_fees") else entry["hours"]
                        )
                if by in (("task", "task_fees") if kind == "task" else ("person",)):
                    for row in self.truth[stream]:
                        if row["project"]["id"] == project["id"] and row["budget"] is not None:
                            budgets[row[member]["id"]] = budgets.get(row[member]["id"], ZERO) + row["budget"]
                for line in {*spent, *budgets}:
                    budget = budgets.get(line)
                    made[project["id"], kind, line] = {
                        "budget": budget,
                        "spent": spent.get(line, ZERO),
                        "remaining": None if budget is None else budget - spent.get(line, ZERO),
                    }
        return made

    def invoiced_lines(self) -> dict[int, Decimal]:
        """Lines by project, drafts included."""
        found: dict[int, Decimal] = defaultdict(Decimal)
        for invoice in self.invoices.values():
            for line in invoice["line_items"]:
                if line["project"]:
                    found[line["project"]["id"]] += line["amount"]
        return found

    def mart_fixed_fee_revenue_monthly(self) -> Table:
        made: Table = {}
        invoiced = self.invoiced_lines()
        for project in self.projects.values():
            first, last = day_of(project["starts_on"]), day_of(project["ends_on"])
            if self.type_of(project) != "fixed_fee" or first is None or last is None:
                continue
            whole = max(project["fee"] or ZERO, invoiced.get(project["id"], ZERO))
            length, done, before = (last - first).days + 1, 0, ZERO
            for month in months(first, last):
                in_month = (min(last, next_month(month) - timedelta(1)) - max(first, month)).days + 1
                done += in_month
                share = Fraction(whole) * done / length
                # Half a cent goes up, exactly.
                to_date = Decimal(int(share * 100 + Fraction(1, 2))) / 100
                made[project["id"], month] = {
                    "currency": self.currency_of(project["id"]),
                    "days_in_month": in_month,
                    "project_revenue": whole,
                    "revenue": to_date - before,
                }
                before = to_date
        return made

    def mart_project_profitability_monthly(self) -> Table:
        names = (
            "tracked",
            "hours",
            "billable",
            "value",
            "time",
            "expense_revenue",
            "fee",
            "labour",
            "expense",
            "invoiced",
        )
        sums: Table = defaultdict(lambda: dict.fromkeys(names, ZERO))
        for entry in self.entries:
            row = sums[entry["project"], month_of(entry["day"])]
            row["tracked"] += entry["tracked"]
            row["hours"] += entry["hours"]
            row["billable"] += entry["billable_hours"]
            row["value"] += entry["value"]
            row["time"] += entry["revenue"]
            row["labour"] += entry["labour"]
        for expense in self.expenses:
            row = sums[expense["project"], month_of(expense["day"])]
            row["expense"] += expense["amount"]
            row["expense_revenue"] += expense["billable"] if expense["is_material"] else ZERO
        for key, fee in self.mart_fixed_fee_revenue_monthly().items():
            sums[key]["fee"] += fee["revenue"]
        for invoice in self.invoices.values():
            if invoice["state"] == "draft" or invoice["retainer"]:
                continue
            for line in invoice["line_items"]:
                if line["project"]:
                    share = 1 - (invoice["discount"] or ZERO) / 100
                    sums[line["project"]["id"], month_of(day_of(invoice["issue_date"]))]["invoiced"] += (
                        line["amount"] * share
                    )  # type: ignore[arg-type]
        made: Table = {}
        invoiced_to_date: dict[int, Decimal] = defaultdict(Decimal)
        for key in sorted(sums):
            row = sums[key]
            currency = self.currency_of(key[0])
            revenue = row["time"] + row["expense_revenue"] + row["fee"]
            is_home, rate = currency == self.home, self.rates.get(currency)
            invoiced_to_date[key[0]] += row["invoiced"]
            made[key] = {
                "currency": currency,
                "client_id": self.projects[key[0]]["client"]["id"],
                "tracked_hours": row["tracked"],
                "hours": row["hours"],
                "billable_hours": row["billable"],
                "value_at_rates": row["value"],
                "time_revenue": row["time"],
                "expense_revenue": row["expense_revenue"],
                "fixed_fee_revenue": row["fee"],
                "revenue": revenue,
                "labour_cost": row["labour"],
                "expense_cost": row["expense"],
                "cost": row["labour"] + row["expense"] if is_home else None,
                "margin": revenue - row["labour"] - row["expense"] if is_home else None,
                "invoiced_net": row["invoiced"],
                "effective_rate": ratio(revenue, row["hours"]),
                "rate_realisation": ratio(revenue, row["value"]),
                "invoiced_net_to_date": invoiced_to_date[key[0]],
                "revenue_home": None if rate is None else revenue * rate,
                "cost_home": None if rate is None else row["labour"] + row["expense"] * rate,
                "margin_home": None if rate is None else (revenue - row["expense"]) * rate - row["labour"],
            }
        return made

    def mart_unbilled(self) -> Table:
        sums: Table = defaultdict(lambda: {"hours": ZERO, "time": ZERO, "expense": ZERO, "fee": ZERO})
        for entry in self.entries:
            if entry["is_open"] and entry["is_material"]:
                row = sums[entry["project"], bucket((self.as_of - entry["day"]).days)]
                row["hours"] += entry["hours"]
                row["time"] += entry["value"]
        for expense in self.expenses:
            if expense["is_open"] and expense["is_material"]:
                sums[expense["project"], bucket((self.as_of - expense["day"]).days)]["expense"] += expense["amount"]
        invoiced = self.invoiced_lines()
        for project in self.projects.values():
            start = day_of(project["starts_on"]) or day_of(project["created_at"])
            if self.type_of(project) != "fixed_fee" or project["fee"] is None or start is None or start > self.as_of:
                continue
            rest = project["fee"] - invoiced.get(project["id"], ZERO)
            if rest:
                sums[project["id"], "fee"]["fee"] += rest
        return {
            key: {
                "currency": self.currency_of(key[0]),
                "uninvoiced_hours": row["hours"],
                "time_amount": row["time"],
                "expense_amount": row["expense"],
                "uninvoiced_amount": row["time"] + row["expense"] + row["fee"],
            }
            for key, row in sums.items()
        }

    def paid(self) -> dict[int, Decimal]:
        found: dict[int, Decimal] = defaultdict(Decimal)
        for payment in self.truth["invoice_payments"]:
            found[payment["invoice_id"]] += payment["amount"]
        return found

    def fct_invoice(self) -> Table:
        paid = self.paid()
        made: Table = {}
        for invoice in self.invoices.values():
            state, amount = invoice["state"], invoice["amount"]
            overdue = (self.as_of - (day_of(invoice["due_date"]) or self.as_of)).days
            late = bucket(overdue).replace("0-30", "1-30") if overdue > 0 else "not_due"
            made[invoice["id"],] = {
                "currency": invoice["currency"],
                "net_amount": amount - invoice["tax_amount"] - invoice["tax2_amount"],
                "paid_amount": paid.get(invoice["id"], ZERO),
                "open_amount": invoice["due_amount"] if state == "open" else ZERO,
                "written_off_amount": amount - paid.get(invoice["id"], ZERO) if state == "closed" else ZERO,
                "days_overdue": overdue if state == "open" else None,
                "overdue_bucket": late if state == "open" else None,
                "is_retainer": bool(invoice["retainer"]),
            }
        return made

    def mart_receivables_monthly(self) -> Table:
        events: dict[str, list[tuple[date, str, Decimal]]] = defaultdict(list)
        paid = self.paid()
        for invoice in self.invoices.values():
            if invoice["state"] == "draft":
                continue
            mine = events[invoice["currency"]]
            mine.append((day_of(invoice["issue_date"]) or date.min, "issued", invoice["amount"]))
            if invoice["state"] == "closed":
                rest = invoice["amount"] - paid.get(invoice["id"], ZERO)
                mine.append((day_of(invoice["closed_at"]) or date.min, "written_off", rest))
        for payment in self.truth["invoice_payments"]:
            invoice = self.invoices[payment["invoice_id"]]
            if invoice["state"] != "draft":
                events[invoice["currency"]].append(
                    (day_of(payment["paid_date"]) or date.min, "paid", payment["amount"])
                )
        made: Table = {}
        for currency, moved in events.items():
            owed = ZERO
            last = max(*(day for day, *_ in moved), self.as_of)
            for month in months(min(day for day, *_ in moved), last):
                end = self.as_of if month == month_of(self.as_of) else next_month(month) - timedelta(1)
                now = dict.fromkeys(("issued", "paid", "written_off"), ZERO)
                for day, kind, amount in moved:
                    if month_of(day) == month:
                        now[kind] += amount
                owed += now["issued"] - now["paid"] - now["written_off"]
                recent = sum(
                    (amount for day, kind, amount in moved if kind == "issued" and end - timedelta(89) <= day <= end),
                    ZERO,
                )
                made[currency, month] = {
                    **now,
                    "receivable_end": owed,
                    "issued_in_90_days": recent,
                    "days_sales_outstanding": ratio(owed * 90, recent),
                }
        return made

    def mart_retainer_monthly(self) -> Table:
        made: Table = {}
        for project in self.budgeted():
            budget = self.budget_of(project)
            if not project["budget_is_monthly"] or budget is None:
                continue
            spent_on = self.spent_by_day(project)
            start = min(day_of(project["starts_on"]) or day_of(project["created_at"]) or date.max, *spent_on, date.max)
            end = min(day_of(project["ends_on"]) or self.as_of, self.as_of)
            balance = ZERO
            for month in months(start, end):
                used = sum((amount for day, amount in spent_on.items() if month_of(day) == month), ZERO)
                balance += budget - used
                made[project["id"], month] = {
                    "budget": budget,
                    "used": used,
                    "unused": budget - used,
                    "rolling_balance": balance,
                }
        return made

    def mart_client_monthly(self) -> Table:
        sums: Table = defaultdict(lambda: {"hours": ZERO, "revenue": ZERO, "invoiced": ZERO})
        for (project_id, month), row in self.mart_project_profitability_monthly().items():
            mine = sums[self.projects[project_id]["client"]["id"], month]
            mine["hours"] += row["hours"]
            mine["revenue"] += row["revenue"]
        for invoice in self.invoices.values():
            is_theirs = invoice["currency"] == self.clients[invoice["client"]["id"]]["currency"]
            if invoice["state"] in ("open", "paid") and not invoice["retainer"] and is_theirs:
                month = month_of(day_of(invoice["issue_date"]) or date.min)
                net = invoice["amount"] - invoice["tax_amount"] - invoice["tax2_amount"]
                sums[invoice["client"]["id"], month]["invoiced"] += net
        made: Table = {}
        for client in {client for client, _ in sums}:
            active = [month for one, month in sums if one == client]
            line = list(months(min(active), max(*active, self.as_of)))
            for position, month in enumerate(line):
                row = sums.get((client, month), {"hours": ZERO, "revenue": ZERO, "invoiced": ZERO})
                year = [
                    sums[client, m]["revenue"]
                    for m in line[max(0, position - 11) : position + 1]
                    if (client, m) in sums
                ]
                made[client, month] = {
                    "currency": self.clients[client]["currency"],
                    "hours": row["hours"],
                    "revenue": row["revenue"],
                    "invoiced_net": row["invoiced"],
                    "revenue_in_12_months": sum(year, ZERO),
                }
        totals: dict[tuple[str, date], list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
        for (_, month), row in made.items():
            totals[row["currency"], month][0] += row["revenue"]
            totals[row["currency"], month][1] += row["revenue_in_12_months"]
        for (_, month), row in made.items():
            total, in_year = totals[row["currency"], month]
            row["revenue_share"] = ratio(row["revenue"], total)
            row["revenue_share_in_12_months"] = ratio(row["revenue_in_12_months"], in_year)
        return made

    def mart_estimate_pipeline(self) -> Table:
        invoiced: dict[int, Decimal] = defaultdict(Decimal)
        for invoice in self.invoices.values():
            if invoice["estimate"] and invoice["state"] != "draft":
                net = invoice["amount"] - invoice["tax_amount"] - invoice["tax2_amount"]
                invoiced[invoice["estimate"]["id"]] += net
        made: Table = {}
        for row in self.truth["estimates"]:
            net = row["amount"] - row["tax_amount"] - row["tax2_amount"]
            is_open = row["state"] in ("draft", "sent")
            age = (self.as_of - (day_of(row["issue_date"]) or self.as_of)).days
            made[row["id"],] = {
                "currency": row["currency"],
                "amount": row["amount"],
                "net_amount": net,
                "not_yet_invoiced": net - invoiced.get(row["id"], ZERO) if row["state"] == "accepted" else None,
                "days_open": age if is_open else None,
                "age_bucket": bucket(age) if is_open else None,
                "decided_on": day_of(row["accepted_at"]) or day_of(row["declined_at"]),
            }
        return made


KEYS = {
    "fct_time_entry": ("time_entry_id",),
    "fct_invoice": ("invoice_id",),
    "mart_utilisation_weekly": ("user_id", "week_start"),
    "mart_timesheet_compliance_weekly": ("user_id", "week_start"),
    "mart_project_budget": ("project_id",),
    "mart_project_budget_line": ("project_id", "line_kind", "line_id"),
    "mart_fixed_fee_revenue_monthly": ("project_id", "month_start"),
    "mart_project_profitability_monthly": ("project_id", "month_start"),
    "mart_unbilled": ("project_id", "age_bucket"),
    "mart_receivables_monthly": ("currency", "month_start"),
    "mart_retainer_monthly": ("project_id", "month_start"),
    "mart_client_monthly": ("client_id", "month_start"),
    "mart_estimate_pipeline": ("estimate_id",),
}
"""The tables that are computed twice, and what identifies a row within an account."""


def same(have: Any, want: Any) -> bool:
    """Exactly equal; where something was divided, to nine digits."""
    if isinstance(want, Fraction) or isinstance(have, float):
        if have is None or want is None:
            return have is want
        return abs(Fraction(have) - Fraction(want)) <= max(Fraction(1, 10**7), abs(Fraction(want)) / 10**9)
    return bool(have == want)
