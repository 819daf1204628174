"""What is to come: who is free, which cash to expect; and what became of work that was invoiced."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from mart_truth.account import ZERO, Row, Table
from mart_truth.days import day_of, month_of, ratio
from mart_truth.revenue import Revenue


class Ahead(Revenue):
    """The tables that a plan is made from."""

    def mart_capacity_forecast_weekly(self) -> Table:
        this_week = self.week_of(self.as_of)
        made: Table = {}
        for user in self.users.values():
            a_day = Fraction(user["weekly_capacity"], 3600) / len(self.working_days)
            if not user["is_active"] or a_day <= 0:
                continue
            mine = [entry for entry in self.entries if entry["user"] == user["id"]]
            before = (this_week - timedelta(28), this_week - timedelta(1))
            usual = sum((one["billable_hours"] for one in mine if before[0] <= one["day"] <= before[1]), ZERO)
            for ahead in range(1, 9):
                first = this_week + timedelta(7 * ahead)
                capacity = leave = work = Fraction(0)
                for day in (first + timedelta(offset) for offset in range(7)):
                    hours = a_day if self.is_working_day(day) else Fraction(0)
                    there = [entry for entry in mine if entry["day"] == day]
                    off = sum((Fraction(entry["tracked"]) for entry in there if entry["is_leave"]), Fraction(0))
                    capacity += hours
                    leave += min(off, hours)
                    work += sum((Fraction(entry["tracked"]) for entry in there if not entry["is_leave"]), Fraction(0))
                made[user["id"], first] = {
                    **self._who(user["id"]),
                    "week_end": first + timedelta(6),
                    "week_index": self.words_of_week(first)["week_index"],
                    "weeks_ahead": ahead,
                    "capacity_hours": capacity,
                    "planned_leave_hours": leave,
                    "available_hours": capacity - leave,
                    "planned_work_hours": work,
                    "usual_billable_hours": Fraction(usual) / 4,
                    "bench_hours": max(capacity - leave - Fraction(usual) / 4, Fraction(0)),
                }
        return made

    def mart_expected_cash(self) -> Table:
        habits: dict[tuple[int, str], list[tuple[Decimal, int]]] = defaultdict(list)
        for invoice in self.invoices.values():
            paid, issued = day_of(invoice["paid_date"]), day_of(invoice["issue_date"])
            if invoice["state"] != "paid" or not paid or not issued or invoice["amount"] <= 0:
                continue
            if self.as_of - timedelta(364) <= paid <= self.as_of:
                habits[invoice["client"]["id"], invoice["currency"]].append((invoice["amount"], (paid - issued).days))
        made: Table = {}
        for invoice in self.invoices.values():
            if invoice["state"] != "open" or not invoice["due_amount"] or invoice["due_amount"] <= 0:
                continue
            known = habits.get((invoice["client"]["id"], invoice["currency"]), [])
            usual = None
            if known:
                mean = Fraction(sum(a * d for a, d in known)) / Fraction(sum(a for a, _ in known))
                usual = int(_decimal(mean).quantize(Decimal(1), ROUND_HALF_UP))
            issued, due = day_of(invoice["issue_date"]), day_of(invoice["due_date"])
            start = due or issued
            when = (issued + timedelta(usual) if usual is not None and issued else start) if start else None
            ahead = (when - self.as_of).days if when else None
            made[invoice["id"],] = {
                "invoice_number": invoice["number"],
                "client_id": invoice["client"]["id"],
                "client_name": self.clients[invoice["client"]["id"]]["name"],
                "currency": invoice["currency"],
                "issue_date": issued,
                "due_date": due,
                "due_amount": invoice["due_amount"],
                "days_overdue": (self.as_of - due).days if due else None,
                "paid_invoices": len(known),
                "days_to_pay": usual,
                "expected_in_days": ahead,
                "expected_bucket": _expected(ahead),
            }
        return made

    def mart_invoice_realisation(self) -> Table:
        made: Table = {}
        for invoice in self.invoices.values():
            if invoice["state"] == "draft":
                continue
            entries = [one for one in self.entries if self._is_in(one["record"], one["project"], invoice)]
            expenses = [one for one in self.expenses if self._is_in(one["record"], one["project"], invoice)]
            if not entries and not expenses:
                continue
            issued, paid = day_of(invoice["issue_date"]), day_of(invoice["paid_date"])
            value = sum((one["value"] for one in entries), ZERO)
            spent = sum((one["billable"] for one in expenses), ZERO)
            lag = sum(((issued - one["day"]).days * one["value"] for one in entries), ZERO) if issued else None
            is_closed = invoice["state"] == "closed"
            made[invoice["id"],] = {
                "invoice_number": invoice["number"],
                "client_id": invoice["client"]["id"],
                "client_name": self.clients[invoice["client"]["id"]]["name"],
                "currency": invoice["currency"],
                "state": invoice["state"],
                "issue_date": issued,
                "paid_date": paid,
                "net_amount": self.net_of(invoice),
                "hours": sum((one["hours"] for one in entries), ZERO),
                "time_value": value,
                "expense_value": spent,
                "written_down": value + spent - self.net_of(invoice),
                "written_off_amount": invoice["amount"] - self.paid().get(invoice["id"], ZERO) if is_closed else ZERO,
                "realisation": ratio(self.net_of(invoice), value + spent),
                "billing_lag_days": ratio(lag, value) if lag is not None else None,
                "days_to_pay": (paid - issued).days if invoice["state"] == "paid" and paid and issued else None,
            }
        return made

    def mart_work_monthly(self) -> Table:
        fees = self.mart_fixed_fee_revenue_monthly()
        sums: Table = defaultdict(
            lambda: dict.fromkeys(("tracked", "hours", "billable_hours", "value", "revenue", "labour"), ZERO)
        )
        of_project: dict[tuple[int, date], list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
        for entry in self.entries:
            month = month_of(entry["day"])
            row = sums[entry["user"], entry["project"], entry["task"], month]
            for name in row:
                row[name] += entry[name]
            of_project[entry["project"], month][0] += entry["value"]
            of_project[entry["project"], month][1] += entry["hours"]
        made: Table = {}
        for (user, project, task, month), row in sums.items():
            value, hours = of_project[project, month]
            fee = fees[project, month]["revenue"] if (project, month) in fees else ZERO
            share = ratio(row["value"], value) if value > 0 else ratio(row["hours"], hours)
            # To four digits, a half going up.
            exact = Fraction(row["revenue"]) + Fraction(fee) * (share or 0)
            revenue = Fraction(int(exact * 10_000 + Fraction(1, 2)), 10_000)
            made[user, project, task, month] = {
                **self._who(user),
                **self.words_of_project(project),
                "project_type": self.type_of(self.projects[project]),
                "task_name": self.tasks[task]["name"],
                "is_complete_month": self.is_past(month),
                "tracked_hours": row["tracked"],
                "hours": row["hours"],
                "billable_hours": row["billable_hours"],
                "value_at_rates": row["value"],
                "revenue": revenue,
                "labour_cost": row["labour"],
                "labour_margin": revenue - Fraction(row["labour"]) if self.currency_of(project) == self.home else None,
            }
        return made

    def _is_in(self, record: Row, project: int, invoice: Row) -> bool:
        named = record["invoice"]
        return bool(named) and named["id"] == invoice["id"] and self.currency_of(project) == invoice["currency"]

    def _who(self, user_id: int) -> Row:
        roles = self.users[user_id].get("roles") or []
        return {
            "person_name": self.name_of(user_id),
            "role_name": roles[0] if roles else None,
            "is_contractor": self.users[user_id]["is_contractor"],
        }


def _expected(ahead: int | None) -> str | None:
    if ahead is None:
        return None
    return (
        "late" if ahead < 0 else "0-7" if ahead <= 7 else "8-30" if ahead <= 30 else "31-60" if ahead <= 60 else "60+"
    )


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)
