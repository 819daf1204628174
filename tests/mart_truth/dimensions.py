"""What there is: the account, its calendar, and everybody and everything that work is recorded for."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from mart_truth.account import LEAVE, Account, Table
from mart_truth.days import day_of, days, month_end, month_of

# Harvest tells zones by Rails' names.
ZONES = {"Eastern Time (US & Canada)": "America/New_York", "Pacific Time (US & Canada)": "America/Los_Angeles"}


class Dimensions(Account):
    """The tables whose names begin with `dim_`."""

    def dim_account(self) -> Table:
        company = self.company
        return {
            (): {
                "account_name": company["name"],
                "as_of_date": self.as_of,
                "time_zone": ZONES.get(self.truth["users_me"][0]["timezone"], "UTC"),
                "home_currency": company["currency"],
                "week_start_day": calendar.day_name[self.week_start],
                "working_days_per_week": len(self.working_days),
                "target_utilisation": Decimal("0.75"),
                "has_approval": company["approval_feature"],
                "has_expenses": company["expense_feature"],
                "has_invoices": company["invoice_feature"],
            }
        }

    def dim_date(self) -> Table:
        named = [*self._named_days(), self.as_of, self.as_of + timedelta(63)]
        made: Table = {}
        for day in days(month_of(min(named)), month_end(max(named))):
            last = month_end(day)
            made[day,] = {
                "day_number": (day - date(1970, 1, 1)).days,
                "weekday_number": day.isoweekday(),
                "is_working_day": self.is_working_day(day),
                "week_start": self.week_of(day),
                **self.words_of_week(self.week_of(day)),
                "month_start": month_of(day),
                "month_end": last,
                "month_index": 12 * day.year + day.month,
                "days_in_month": last.day,
                "is_complete_month": self.is_past(day),
                "quarter_start": date(day.year, (1, 4, 7, 10)[(day.month - 1) // 3], 1),
                "year_start": date(day.year, 1, 1),
                "is_as_of_date": day == self.as_of,
                "is_far_off": day.year < 1990 or day.year > self.as_of.year + 20,
            }
        return made

    def _named_days(self) -> Iterator[date]:
        """Every day that a row of the marts stands on, begins or ends at."""
        fields = {
            "time_entries": ("spent_date",),
            "expenses": ("spent_date",),
            "invoices": ("issue_date", "due_date", "closed_at"),
            "invoice_payments": ("paid_date",),
            "estimates": ("issue_date",),
            "projects": ("starts_on", "ends_on", "created_at"),
            "users": ("created_at",),
        }
        for stream, names in fields.items():
            for row in self.truth[stream]:
                yield from filter(None, (day_of(row[name]) for name in names))

    def dim_client(self) -> Table:
        return {
            (row["id"],): {
                "client_name": row["name"],
                "currency": row["currency"],
                "is_active": row["is_active"],
                "is_listed": True,
            }
            for row in self.clients.values()
        }

    def dim_project(self) -> Table:
        return {
            (row["id"],): {
                **self.words_of_project(row["id"]),
                "project_code": row["code"],
                "is_home_currency": self.currency_of(row["id"]) == self.home,
                "is_active": row["is_active"],
                "is_listed": row.get("is_listed", True),
                "project_type": self.type_of(row),
                "budget_unit": self.budget_unit_of(row),
                "starts_on": day_of(row["starts_on"]),
                "ends_on": day_of(row["ends_on"]),
                "effective_starts_on": day_of(row["starts_on"]) or day_of(row["created_at"]),
                **{name: row[name] for name in ("bill_by", "hourly_rate", "budget_by", "budget_is_monthly", "budget")},
                **{name: row[name] for name in ("cost_budget", "cost_budget_include_expenses", "fee")},
            }
            for row in self.projects.values()
        }

    def dim_person(self) -> Table:
        spans = self.spans()
        return {
            (row["id"],): {
                **self.words_of_person(row["id"]),
                "email": row["email"],
                "role_name": next(iter(row["roles"]), None),
                "is_listed": row.get("is_listed", True),
                "weekly_capacity_hours": Decimal(row["weekly_capacity"]) / 3600,
                "default_hourly_rate": row["default_hourly_rate"],
                "target_utilisation": Decimal("0.75"),
                "cost_rate": row["cost_rate"],
                "span_start": spans[row["id"]][0],
                "span_end": spans[row["id"]][1],
            }
            for row in self.users.values()
        }

    def dim_person_rate(self) -> Table:
        return {
            (row["user_id"], kind, row["id"]): {
                "amount": row["amount"],
                "valid_from": day_of(row["start_date"]) or date(1900, 1, 1),
                "valid_to": day_of(row["end_date"]) or date(9999, 12, 31),
            }
            for kind in ("billable", "cost")
            for row in self.truth[f"user_{kind}_rates"]
        }

    def dim_task(self) -> Table:
        return {
            (row["id"],): {
                "task_name": row["name"],
                "is_active": row["is_active"],
                "is_listed": True,
                "is_billable_by_default": row["billable_by_default"],
                "default_hourly_rate": row["default_hourly_rate"],
                "is_time_off": row["name"] in LEAVE,
                "is_productive": row["name"] in self.productive,
            }
            for row in self.tasks.values()
        }
