"""Paid time off: policies, requests, balances, calendars, schedules.

The list of pages at https://help.getharvest.com/api-v2/ has named these endpoints since 2026; their fields are known from one
third-party client only. Rows are derived from the people of the account, so renames show here, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from harvest_simulator.account.rows import User
from harvest_simulator.account.tables import Tables
from harvest_simulator.account.workdays import is_working_day, next_working_day, seconds_at
from harvest_simulator.http.filters import read_day, read_flag, read_instant, read_whole
from harvest_simulator.http.responses import not_found
from harvest_simulator.http.serialization import ON_THE_WIRE, Json, Numbers, instant

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# id, name, colour, icon, days in a year, needs approval, active
_POLICIES = (
    (301, "Vacation", "#fa5d00", "palm", 25, True, True),
    (302, "Sick Leave", "#0071e3", "thermometer", None, False, True),
    (303, "Study Leave", "#2e7d32", "book", 5, True, False),
)
_STATUSES = ("approved", "pending", "declined", "approved")


class PaidTimeOff:
    """Endpoints of paid time off, derived from the account's people. `numbers` converts decimals."""

    def __init__(self, tables: Tables, numbers: Numbers = ON_THE_WIRE) -> None:
        self.tables = tables
        self.numbers = numbers
        # Fixed at creation: the policies do not change as the clock advances.
        self.founded_at = min(user.created_at for user in tables.users.values())
        self.year = tables.clock.today().year

    def answer(self, path: str, query: dict[str, str], own_user_id: int) -> tuple[str | None, Any]:
        """Answer a path: (data key, rows) for a list, or (None, object). Raises Refusal for an unknown id."""
        name = path.removeprefix("/v2/pto/")
        if name == "balances":
            return None, self._asked_balances(query, own_user_id)
        if name in ("assignments", "work_schedules", "types", "requests", "allocations"):
            rows: list[Json] = {
                "types": self.types,
                "requests": self.requests,
                "work_schedules": self.schedules,
                "assignments": self.assignments,
                "allocations": self.allocations,
            }[name]()
            kept = _filtered(rows, query)
            return f"pto_{name}", _in_window(kept, query) if name == "requests" else kept
        if name == "holiday_calendars":
            return "pto_holiday_calendars", self.calendars()
        row_id = int(re.findall(r"\d+", name)[0])
        if name.startswith("assignments/"):
            return None, self.assignment(self._user(row_id))
        for calendar in self.calendars():
            if calendar["id"] == row_id:
                return "pto_holiday_calendar_entries", calendar["entries"]
        raise not_found()

    def _asked_balances(self, query: dict[str, str], own_user_id: int) -> Json:
        user = self._user(read_whole("user_id", query["user_id"]) if query.get("user_id") else own_user_id)
        as_of = read_day("as_of", query["as_of"]) if query.get("as_of") else self.tables.clock.today()
        year = read_whole("year", query["year"]) if query.get("year") else as_of.year
        return self.balances(user, year, as_of)

    def streams(self) -> dict[str, list[Json]]:
        """List all streams of paid time off, for the truth."""
        today = self.tables.clock.today()
        entries = [
            {**entry, "holiday_calendar_id": calendar["id"]}
            for calendar in self.calendars()
            for entry in calendar["entries"]
        ]
        return {
            "pto_types": self.types(),
            "pto_requests": self.requests(),
            "pto_balances": [self.balances(user, today.year, today) for user in self.tables.users.values()],
            "pto_holiday_calendars": self.calendars(),
            "pto_holiday_calendar_entries": entries,
            "pto_work_schedules": self.schedules(),
            "pto_assignments": self.assignments(),
            "pto_allocations": self.allocations(),
        }

    def _user(self, user_id: int) -> User:
        user = self.tables.users.get(user_id)
        if user is None:
            raise not_found()
        return user

    def _stub(self, user: User) -> Json:
        return {"id": user.id, "name": user.name}

    def _stamps(self, offset_seconds: int = 0) -> Json:
        at = instant(self.founded_at + offset_seconds)
        return {"created_at": at, "updated_at": at}

    def types(self) -> list[Json]:
        """List the policies: one with a yearly allowance, one without a limit, one switched off."""
        return [
            {
                "id": row_id,
                "name": name,
                "color": color,
                "icon": icon,
                "accrual_type": "fixed" if days is not None else "unlimited",
                "accrual_schedule": "yearly" if days is not None else None,
                "accrual_first_payday": None,
                "accrual_leave_hours": None,
                "accrual_worked_hours": None,
                "accrual_max_hours_per_year": None,
                "default_days_per_year": None if days is None else self.numbers.decimal(Decimal(days)),
                "max_carryover_days": None if days is None else self.numbers.decimal(Decimal("5.5")),
                "requires_approval": needs_approval,
                "visible_to_all": True,
                "is_active": is_active,
                **self._stamps(row_id),
            }
            for row_id, name, color, icon, days, needs_approval, is_active in _POLICIES
        ]

    def _type_stub(self, number: int) -> Json:
        row_id, name, color, icon, *_ = _POLICIES[number]
        return {"id": row_id, "name": name, "color": color, "icon": icon}

    def requests(self) -> list[Json]:
        """List one request per person: some approved, some pending, some declined."""
        reviewer = next(iter(self.tables.users.values()))
        rows = []
        for number, user in enumerate(self.tables.users.values()):
            status = _STATUSES[number % 4]
            first = next_working_day(date(self.year, 1 + number % 12, 1 + number % 20))
            last = next_working_day(first + timedelta(days=1))
            at = max(seconds_at(first - timedelta(days=20), 9), user.created_at)
            at = min(at, self.tables.clock.now_seconds())
            is_reviewed = status != "pending"
            days = [day for day in (first, last) if is_working_day(day)]
            rows.append(
                {
                    "id": 9_001 + number,
                    "status": status,
                    "start_date": first.isoformat(),
                    "end_date": last.isoformat(),
                    "days": self.numbers.decimal(Decimal(len(days))),
                    "business_days_at_submission": self.numbers.decimal(Decimal(len(days))),
                    "start_time_minutes": None,
                    "end_time_minutes": None,
                    "notes": None if number % 2 else "Long weekend",
                    "review_reason": "Enjoy!" if status == "approved" else None,
                    "reviewed_at": instant(at) if is_reviewed else None,
                    "user": self._stub(user),
                    "pto_type": self._type_stub(number % 2),
                    "reviewer": self._stub(reviewer) if is_reviewed else None,
                    "request_days": [
                        {
                            "id": 90_001 + number * 10 + position,
                            "date": day.isoformat(),
                            "hours": self.numbers.decimal(Decimal("8.0")),
                            "day_fraction": self.numbers.decimal(Decimal("1.0")),
                            "created_at": instant(at),
                            "updated_at": instant(at),
                        }
                        for position, day in enumerate(days)
                    ],
                    "created_at": instant(at),
                    "updated_at": instant(at),
                }
            )
        return rows

    def balances(self, user: User, year: int, as_of: date) -> Json:
        """List one person's balances; decimals are sent as JSON strings here."""
        balances = []
        for number, (_, _, _, _, days, needs_approval, is_active) in enumerate(_POLICIES):
            if not is_active:
                continue
            used = user.id % 4
            left = "0.0" if days is None else f"{days - used}.0"
            balances.append(
                {
                    "pto_type": self._type_stub(number),
                    "is_requestable": True,
                    "year": year,
                    "as_of": as_of.isoformat(),
                    "is_unlimited": days is None,
                    "requires_approval": needs_approval,
                    "effective_accrual_type": "fixed" if days is not None else "unlimited",
                    "accrual_schedule": "yearly" if days is not None else None,
                    "accrued_days": "0.0" if days is None else f"{days}.0",
                    "carryover_days": "0.0",
                    "available_days": left,
                    "used_days": f"{used}.0",
                    "pending_days": "0.5",
                    "remaining_days": left,
                    "used_hours": f"{used * 8}.0",
                    "pending_hours": "4.0",
                    "used_fraction": "0.0" if not days else f"{used / days:.4f}",
                    "pending_fraction": "0.0",
                }
            )
        return {"user": self._stub(user), "year": year, "as_of": as_of.isoformat(), "balances": balances}

    def calendars(self) -> list[Json]:
        """List two holiday calendars with their days."""
        rows = []
        for row_id, name, days in (
            (501, "Canada", ((7, 1, "Canada Day"), (12, 25, "Christmas Day"))),
            (502, "Europe", ((5, 1, "Labour Day"), (12, 25, "Christmas Day"), (12, 26, "St Stephen's Day"))),
        ):
            entries = [
                {
                    "id": row_id * 100 + position,
                    "pto_holiday_calendar_id": row_id,
                    "name": label,
                    "date": date(self.year, month, day).isoformat(),
                    **self._stamps(),
                }
                for position, (month, day, label) in enumerate(days)
            ]
            rows.append(
                {"id": row_id, "name": name, "entries_count": len(entries), "entries": entries, **self._stamps()}
            )
        return rows

    def schedules(self) -> list[Json]:
        """List the schedules: full time and a four-day week."""
        rows = []
        for row_id, name, days in ((401, "Full time", 5), (402, "Four days", 4)):
            hours = {
                f"{weekday}_hours": self.numbers.decimal(Decimal("8.0") if number < days else Decimal("0.0"))
                for number, weekday in enumerate(_WEEKDAYS)
            }
            weekly = self.numbers.decimal(Decimal(f"{days * 8}.0"))
            head = {"id": row_id, "name": name, "is_default": days == 5, "is_active": True, "weekly_hours": weekly}
            rows.append({**head, **hours, **self._stamps()})
        return rows

    def assignments(self) -> list[Json]:
        """List the assignments of calendars and schedules to people."""
        return [self.assignment(user) for user in self.tables.users.values()]

    def assignment(self, user: User) -> Json:
        """Build a person's assignment; contractors have none of their own, so the account's default schedule applies."""
        calendar = self.calendars()[user.id % 2]
        schedule = self.schedules()[0 if user.weekly_capacity_seconds >= 144_000 else 1]
        has_own = not user.is_contractor
        return {
            "user": self._stub(user),
            "holiday_calendar": {"id": calendar["id"], "name": calendar["name"]} if has_own else None,
            "work_schedule": {"id": schedule["id"], "name": schedule["name"]} if has_own else None,
            "effective_work_schedule": {"name": schedule["name"], "weekly_hours": schedule["weekly_hours"]},
        }

    def allocations(self) -> list[Json]:
        """List the vacation allocation of each person in this year."""
        days = self.numbers.decimal(Decimal("25.0"))
        return [
            {
                "id": 7_001 + number,
                "year": self.year,
                "user": self._stub(user),
                "pto_type": self._type_stub(0),
                "accrual_type": None,
                "accrual_schedule": None,
                "accrual_first_payday": None,
                "accrual_leave_hours": None,
                "accrual_worked_hours": None,
                "accrual_max_hours_per_year": None,
                "days_per_year": days,
                "carryover_days": self.numbers.decimal(Decimal("2.5")),
                "requires_approval": None,
                "effective_days_per_year": days,
                "effective_accrual_type": "fixed",
                "effective_accrual_schedule": "yearly",
                "effective_requires_approval": True,
                **self._stamps(number),
            }
            for number, user in enumerate(self.tables.users.values())
        ]


def _filtered(rows: Iterable[Json], query: dict[str, str]) -> list[Json]:
    """Apply the filters of the pto lists; a list ignores those that it does not support."""
    kept = list(rows)
    if query.get("is_active"):
        is_active = read_flag("is_active", query["is_active"])
        kept = [row for row in kept if row.get("is_active", is_active) is is_active]
    if query.get("updated_since"):
        since = instant(read_instant("updated_since", query["updated_since"])) or ""
        kept = [row for row in kept if row.get("updated_at", since) >= since]
    if query.get("status"):
        kept = [row for row in kept if row.get("status") == query["status"]]
    if query.get("year"):
        kept = [row for row in kept if row.get("year") == read_whole("year", query["year"])]
    for name, member in (
        ("user_id", "user"),
        ("user_ids", "user"),
        ("pto_type_id", "pto_type"),
        ("pto_type_ids", "pto_type"),
    ):
        if query.get(name):
            wanted = {read_whole(name, part) for part in query[name].split(",")}
            kept = [row for row in kept if row.get(member, {}).get("id") in wanted]
    return kept


def _in_window(rows: Iterable[Json], query: dict[str, str]) -> list[Json]:
    """Select requests that overlap the range of days."""
    first = read_day("from", query["from"]).isoformat() if query.get("from") else ""
    last = read_day("to", query["to"]).isoformat() if query.get("to") else "9999"
    return [row for row in rows if row["end_date"] >= first and row["start_date"] <= last]
