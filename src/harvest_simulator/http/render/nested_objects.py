"""Render nested objects: the client, project, person, task and assignments inside other objects.

They are rendered on read, so that a rename shows everywhere at once, and shared within a response.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from harvest_simulator.account.rows import TaskAssignment, UserAssignment
from harvest_simulator.account.tables import Tables
from harvest_simulator.http.serialization import Json, Numbers, instant


class Embedding:
    """Renderer of nested objects from the present rows, cached until something changes."""

    def __init__(self, tables: Tables, numbers: Numbers) -> None:
        self.tables = tables
        self.numbers = numbers
        self._shared: dict[tuple[str, int], Json] = {}
        self._shared_as_of: tuple[int, date] = (-1, date.min)

    def refresh(self) -> None:
        """Drop outdated cached parts; called before each response."""
        as_of = (self.tables.version, self.tables.clock.today())
        if as_of != self._shared_as_of:
            self._shared = {}
            self._shared_as_of = as_of

    def _share(self, kind: str, row_id: int, make: Callable[[int], Json]) -> Json:
        key = (kind, row_id)
        found = self._shared.get(key)
        if found is None:
            found = self._shared[key] = make(row_id)
        return found

    def client_stub(self, client_id: int) -> Json:
        """Client's id and name."""
        return self._share("client", client_id, lambda i: {"id": i, "name": self.tables.clients[i].name})

    def money_client_stub(self, client_id: int) -> Json:
        """Client's id, name and currency, as embedded beside money."""

        def make(row_id: int) -> Json:
            client = self.tables.clients[row_id]
            return {"id": client.id, "name": client.name, "currency": client.currency}

        return self._share("money_client", client_id, make)

    def user_stub(self, user_id: int) -> Json:
        """User's id and name."""
        return self._share("user", user_id, lambda i: {"id": i, "name": self.tables.users[i].name})

    def task_stub(self, task_id: int) -> Json:
        """Task's id and name."""
        return self._share("task", task_id, lambda i: {"id": i, "name": self.tables.tasks[i].name})

    def project_stub(self, project_id: int) -> Json:
        """Project's id, name and code."""

        def make(row_id: int) -> Json:
            project = self.tables.projects[row_id]
            return {"id": project.id, "name": project.name, "code": project.code}

        return self._share("project", project_id, make)

    def user_assignment_stub(self, row: UserAssignment | None) -> Json | None:
        """User assignment, as embedded in entries and expenses; None if the person was removed from the project."""
        return None if row is None else self.user_assignment_parts(row)

    def user_assignment_parts(self, row: UserAssignment) -> Json:
        """User assignment without its project and person, with the rate in force even if it is the default."""

        def make(row_id: int) -> Json:
            return {
                "id": row_id,
                "is_project_manager": row.is_project_manager,
                "is_active": row.is_active,
                "use_default_rates": row.use_default_rates,
                "budget": self.numbers.maybe(row.budget),
                "created_at": instant(row.created_at),
                "updated_at": instant(row.updated_at),
                "hourly_rate": self.numbers.maybe(self._rate_in_force(row)),
            }

        return self._share("user_assignment", row.id, make)

    def _rate_in_force(self, row: UserAssignment) -> Decimal | None:
        if row.use_default_rates:
            return self.tables.default_rate_of(row.user_id, self.tables.clock.today())
        return row.hourly_rate

    def task_assignment_stub(self, row: TaskAssignment | None) -> Json | None:
        """Task assignment, as embedded in entries; None if the task was removed from the project."""
        return None if row is None else self.task_assignment_parts(row)

    def task_assignment_parts(self, row: TaskAssignment) -> Json:
        """Task assignment without its project and task, with a rate even if it has none of its own.

        A nested object with 100.0 was recorded (2024-10) where the list has null; here that is the task's default rate.
        """

        def make(row_id: int) -> Json:
            return {
                "id": row_id,
                "billable": row.billable,
                "is_active": row.is_active,
                "created_at": instant(row.created_at),
                "updated_at": instant(row.updated_at),
                "hourly_rate": self.numbers.maybe(own if own is not None else default),
                "budget": self.numbers.maybe(row.budget),
            }

        own, default = row.hourly_rate, self.tables.tasks[row.task_id].default_hourly_rate
        return self._share("task_assignment", row.id, make)

    def invoice_stub(self, invoice_id: int | None) -> Json | None:
        """Invoice's id and number, as embedded in the rows that it bills."""
        if invoice_id is None:
            return None
        return self._share("invoice", invoice_id, lambda i: {"id": i, "number": self.tables.invoices[i].number})
