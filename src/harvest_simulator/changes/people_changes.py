"""Changes of people, their roles and their rates.

https://help.getharvest.com/api-v2/users-api/users/billable-rates/
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from harvest_simulator.account.rows import Rate, Role, User
from harvest_simulator.changes.changes import Changes, NotPossible, change


class PeopleChanges(Changes):
    """Changes of users, roles, rates and teammates, as methods of the store."""

    @change
    def create_user(self, first_name: str, last_name: str, **values: Any) -> int:
        """Create a full-time member."""
        now = self.now_seconds()
        user_id = self.take_id("user")
        user = User(
            id=user_id,
            first_name=first_name,
            last_name=last_name,
            email=f"user{user_id}@northbank.example",
            telephone="",
            timezone="London",
            weekly_capacity_seconds=self.company.weekly_capacity_seconds,
            is_contractor=False,
            is_active=True,
            access_roles=("member",),
            employee_id=None,
            has_access_to_all_future_projects=False,
            calendar_integration_source=None,
            avatar_url="https://cache.harvestapp.com/assets/avatars/default_avatar.png",
            created_at=now,
            updated_at=now,
        )
        self.edit(user, values)
        self.users[user_id] = user
        return user_id

    @change
    def edit_user(self, user_id: int, **values: Any) -> int:
        """Change fields, e.g. first_name, weekly_capacity (seconds), is_contractor."""
        return self.edit(self.users[user_id], values)

    def rename_user(self, user_id: int, first_name: str, last_name: str) -> int:
        """Rename a user; entries show the new name without moving."""
        return self.edit_user(user_id, first_name=first_name, last_name=last_name)

    def archive_user(self, user_id: int) -> int:
        """Archive a user; their time stays."""
        return self.edit_user(user_id, is_active=False)

    @change
    def delete_user(self, user_id: int) -> int:
        """Delete a user without tracked time, together with assignments, rates and roles."""
        has_time = any(entry.user_id == user_id for entry in self.time_entries.values())
        if has_time or any(expense.user_id == user_id for expense in self.expenses.values()):
            raise NotPossible("This user has tracked time and can't be deleted.")
        del self.users[user_id]
        for row in [row for row in self.user_assignments.values() if row.user_id == user_id]:
            self.remove_user_assignment(row)
        self.billable_rates.pop(user_id, None)
        self.cost_rates.pop(user_id, None)
        self.teammate_ids.pop(user_id, None)
        for role in self.roles.values():
            role.user_ids = [held for held in role.user_ids if held != user_id]
        for manager, members in self.teammate_ids.items():
            self.teammate_ids[manager] = [member for member in members if member != user_id]
        return user_id

    @change
    def add_billable_rate(self, user_id: int, amount: Decimal, start_date: date | None = None) -> int:
        """Add a dated billable rate: later ones are deleted, the previous one ends the day before. users.updated_at does not move."""
        return self._add_rate(self.billable_rates, user_id, amount, start_date)

    @change
    def add_cost_rate(self, user_id: int, amount: Decimal, start_date: date | None = None) -> int:
        """Add a dated cost rate, with the same effects as `add_billable_rate`."""
        return self._add_rate(self.cost_rates, user_id, amount, start_date)

    def _add_rate(
        self, schedules: dict[int, list[Rate]], user_id: int, amount: Decimal, start_date: date | None
    ) -> int:
        now = self.now_seconds()
        kept = [rate for rate in schedules.get(user_id, ()) if _starts_before(rate, start_date)]
        if kept and start_date is not None:
            kept[-1].end_date = start_date - timedelta(days=1)
            kept[-1].updated_at = now
        rate = Rate(self.take_id("rate"), user_id, amount, start_date if kept else None, None, now, now)
        schedules[user_id] = [*kept, rate]
        return rate.id

    @change
    def create_role(self, name: str, user_ids: tuple[int, ...] = ()) -> int:
        """Create a business role; users.roles of its holders changes without their updated_at."""
        now = self.now_seconds()
        role = Role(self.take_id("role"), name, list(user_ids), now, now)
        self.roles[role.id] = role
        return role.id

    @change
    def edit_role(self, role_id: int, **values: Any) -> int:
        """Change name or user_ids."""
        return self.edit(self.roles[role_id], values)

    @change
    def delete_role(self, role_id: int) -> int:
        """Delete a role; its holders lose the name from their roles."""
        del self.roles[role_id]
        return role_id

    @change
    def set_teammates(self, manager_user_id: int, user_ids: list[int]) -> int:
        """Set the teammates of a manager; nobody's updated_at moves."""
        self.teammate_ids[manager_user_id] = list(user_ids)
        return manager_user_id


def _starts_before(rate: Rate, start_date: date | None) -> bool:
    """True if a rate starts before another; a new rate without a start replaces the whole schedule."""
    return start_date is not None and (rate.start_date is None or rate.start_date < start_date)
