"""The simulator's truth as it is read: what a record means, before any table is made of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from mart_truth.days import day_of, days, month_of, next_month
from mart_truth.places import BUDGETS, placed

Row = dict[str, Any]
Table = dict[tuple[Any, ...], Row]
ZERO = Decimal(0)
LEAVE = {"Vacation", "Sick Leave", "Public Holiday"}


class Account:
    """An account on a day.

    Args:
        truth: stream to records, as `Simulator.truth` gives them.
        as_of: the day.
        week_start: the first day of a week, 0 for Monday.
        working_days: the days of the week on which people work.
        rates: what a unit of a currency is worth in the home currency, whenever.
        productive: names of the tasks that count as productive.
        holidays: days on which nobody works.
    """

    def __init__(
        self,
        truth: Mapping[str, list[Row]],
        as_of: date,
        week_start: int = 0,
        working_days: Iterable[int] = range(5),
        rates: Mapping[str, Decimal] | None = None,
        productive: Iterable[str] = (),
        holidays: Iterable[date] = (),
    ) -> None:
        self.placed = placed(truth)
        self.truth = truth = self.placed.truth
        self.as_of = as_of
        self.week_start = week_start
        self.working_days = set(working_days)
        self.productive = set(productive)
        self.holidays = set(holidays)
        self.company = truth["company"][0]
        self.home = self.company["currency"]
        self.rates = {**({self.home: Decimal(1)} if self.home else {}), **(rates or {})}
        self.clients = {row["id"]: row for row in truth["clients"]}
        self.projects = {row["id"]: row for row in truth["projects"]}
        self.users = {row["id"]: row for row in truth["users"]}
        self.tasks = {row["id"]: row for row in truth["tasks"]}
        self.invoices = {row["id"]: row for row in truth["invoices"]}
        named = (row["invoice"] for stream in ("time_entries", "expenses") for row in truth[stream])
        self.billing = {invoice["id"] for invoice in named if invoice}
        self.entries = [self._entry(row) for row in truth["time_entries"]]
        self.expenses = [self._expense(row) for row in truth["expenses"]]
        self.entries_of = _by_project(self.entries)
        self.expenses_of = _by_project(self.expenses)

    def type_of(self, project: Row) -> str:
        if "type" in project:
            return str(project["type"])
        if not project["is_billable"]:
            return "non_billable"
        return "fixed_fee" if project["is_fixed_fee"] else "time_and_materials"

    def currency_of(self, project_id: int) -> str:
        return str(self.clients[self.projects[project_id]["client"]["id"]]["currency"])

    def name_of(self, user_id: int) -> str:
        user = self.users[user_id]
        return " ".join(filter(None, (user["first_name"], user["last_name"])))

    def budget_unit_of(self, project: Row) -> str | None:
        by = project["budget_by"]
        return (
            None if by not in BUDGETS or by == "none" else "money" if by in ("project_cost", "task_fees") else "hours"
        )

    def words_of_project(self, project_id: int) -> Row:
        """What most tables say of a project."""
        project = self.projects[project_id]
        client = self.clients[project["client"]["id"]]
        return {
            "project_name": project["name"],
            "client_id": client["id"],
            "client_name": client["name"],
            "currency": client["currency"],
        }

    def words_of_person(self, user_id: int) -> Row:
        """What most tables say of a person."""
        user = self.users[user_id]
        return {
            "person_name": self.name_of(user_id),
            "is_contractor": user["is_contractor"],
            "is_active": user["is_active"],
        }

    def words_of_week(self, first: date) -> Row:
        """What tables by week say of one; its number counts weeks from that of 1970-01-01."""
        epoch = self.week_of(date(1970, 1, 1) + timedelta(6))
        last = first + timedelta(6)
        return {"week_end": last, "week_index": (first - epoch).days // 7, "is_complete_week": last < self.as_of}

    def is_past(self, month: date) -> bool:
        return next_month(month) <= self.as_of

    def _entry(self, row: Row) -> Row:
        project = self.projects[row["project"]["id"]]
        value = nine(row["rounded_hours"] * (row["billable_rate"] or ZERO)) if row["billable"] else ZERO
        is_material = self.type_of(project) == "time_and_materials"
        return {
            "record": row,
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
            "labour": nine(row["hours"] * (row["cost_rate"] or ZERO)),
            "is_open": row["billable"] and not row["is_billed"],
            "is_material": is_material,
            "is_leave": self.tasks[row["task"]["id"]]["name"].strip() in LEAVE,
            "is_budgeted": row["budgeted"],
            "is_closed": row["is_closed"],
            "is_running": row["is_running"],
        }

    def _expense(self, row: Row) -> Row:
        project = self.projects[row["project"]["id"]]
        return {
            "record": row,
            "day": day_of(row["spent_date"]),
            "project": project["id"],
            "user": row["user"]["id"],
            "amount": row["total_cost"],
            "billable": row["total_cost"] if row["billable"] else ZERO,
            "is_open": row["billable"] and not row["is_billed"],
            "is_material": self.type_of(project) == "time_and_materials",
            "is_billable_project": self.type_of(project) in ("time_and_materials", "fixed_fee"),
        }

    def week_of(self, day: date) -> date:
        return day - timedelta(days=(day.weekday() - self.week_start) % 7)

    def spans(self) -> dict[int, tuple[date, date | None]]:
        """The first and the last day on which a person has capacity: Harvest knows of no hiring and no leaving."""
        worked: dict[int, list[date]] = defaultdict(list)
        done: dict[int, list[date]] = defaultdict(list)
        for entry in self.entries:
            worked[entry["user"]].append(entry["day"])
            # Leave is planned ahead, and tells nothing of who is still there.
            if not entry["is_leave"] and entry["day"] <= self.as_of:
                done[entry["user"]].append(entry["day"])
        return {
            user["id"]: (
                min(day_of(user["created_at"]) or date.max, *worked[user["id"]], date.max),
                self.as_of if user["is_active"] else max(done[user["id"]], default=None),
            )
            for user in self.users.values()
        }

    def is_working_day(self, day: date) -> bool:
        return day.weekday() in self.working_days and day not in self.holidays

    def capacity(self) -> Iterator[tuple[int, date, Fraction]]:
        """Person, working day, hours."""
        for user_id, (start, end) in self.spans().items():
            hours = Fraction(self.users[user_id]["weekly_capacity"], 3600) / len(self.working_days)
            if end is None or hours <= 0:
                continue
            for day in days(start, end):
                if self.is_working_day(day):
                    yield user_id, day, hours

    def invoiced_lines(self) -> dict[int, Decimal]:
        """Lines by project, in its currency, drafts included."""
        found: dict[int, Decimal] = defaultdict(Decimal)
        for invoice in self.invoices.values():
            for line in invoice["line_items"]:
                if not line["project"] or invoice["currency"] != self.currency_of(line["project"]["id"]):
                    continue
                found[line["project"]["id"]] += line["amount"]
        return found

    def is_deposit(self, invoice: Row) -> bool:
        """Whether an invoice puts money into a retainer: one that bills work draws on it."""
        return bool(invoice["retainer"]) and invoice["id"] not in self.billing

    def paid(self) -> dict[int, Decimal]:
        """Payments by invoice."""
        found: dict[int, Decimal] = defaultdict(Decimal)
        for payment in self.truth["invoice_payments"]:
            found[payment["invoice_id"]] += payment["amount"]
        return found

    def net_of(self, document: Row) -> Decimal:
        """An invoice or estimate without taxes."""
        return document["amount"] - document["tax_amount"] - document["tax2_amount"]  # type: ignore[no-any-return]

    def is_this_month(self, day: date) -> bool:
        return month_of(day) == month_of(self.as_of)


def nine(amount: Decimal) -> Decimal:
    """An amount as it is kept: with nine decimals, a half of the last going away from nothing."""
    return amount.quantize(Decimal("1e-9"), ROUND_HALF_UP)


def _by_project(rows: list[Row]) -> dict[int, list[Row]]:
    grouped: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["project"]].append(row)
    return grouped
