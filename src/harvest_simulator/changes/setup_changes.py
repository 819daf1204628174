"""Changes of the account's setup: clients, contacts, projects, assignments, tasks, categories.

A rename moves updated_at of the renamed row only: the name embedded in other rows changes on read.
"""

from __future__ import annotations

from typing import Any

from harvest_simulator.account.rows import (
    Client,
    Contact,
    ExpenseCategory,
    Project,
    Task,
    TaskAssignment,
    UserAssignment,
)
from harvest_simulator.changes.changes import Changes, NotPossible, change


class SetupChanges(Changes):
    """Changes of clients, contacts, projects, tasks, categories and assignments, as methods of the store."""

    @change
    def create_client(self, name: str, currency: str | None = None) -> int:
        """Create a client, in the account's currency unless another is given."""
        now = self.now_seconds()
        client_id = self.take_id("client")
        self.clients[client_id] = Client(
            client_id, name, currency or self.company.currency, True, None, f"{client_id:032x}", now, now
        )
        return client_id

    @change
    def edit_client(self, client_id: int, **values: Any) -> int:
        """Change fields, e.g. name, address, currency, is_active."""
        return self.edit(self.clients[client_id], values)

    def rename_client(self, client_id: int, name: str) -> int:
        """Rename a client; entries, projects and invoices show the new name at once without moving."""
        return self.edit_client(client_id, name=name)

    @change
    def delete_client(self, client_id: int) -> int:
        """Delete a client without projects, invoices and estimates, together with its contacts."""
        if client_id in self.clients_in_use():
            raise NotPossible("This client has projects or invoices and can't be deleted.")
        del self.clients[client_id]
        for contact in [row for row in self.contacts.values() if row.client_id == client_id]:
            del self.contacts[contact.id]
        return client_id

    def clients_in_use(self) -> set[int]:
        """List ids of clients that cannot be deleted: those with a project, an invoice or an estimate."""
        return (
            {project.client_id for project in self.projects.values()}
            | {invoice.client_id for invoice in self.invoices.values()}
            | {estimate.client_id for estimate in self.estimates.values()}
        )

    @change
    def create_contact(self, client_id: int, first_name: str, last_name: str = "", email: str = "") -> int:
        """Create a contact; its client's updated_at moves."""
        now = self.now_seconds()
        row = Contact(
            id=self.take_id("contact"),
            client_id=client_id,
            first_name=first_name,
            last_name=last_name,
            email=email,
            title=None,
            phone_office="",
            phone_mobile="",
            fax="",
            invoice_recipient_status="none",
            created_at=now,
            updated_at=now,
        )
        self.contacts[row.id] = row
        self.clients[client_id].updated_at = now
        return row.id

    @change
    def edit_contact(self, contact_id: int, **values: Any) -> int:
        """Change fields of a contact."""
        return self.edit(self.contacts[contact_id], values)

    @change
    def delete_contact(self, contact_id: int) -> int:
        """Delete a contact."""
        del self.contacts[contact_id]
        return contact_id

    @change
    def create_project(self, client_id: int, name: str, **values: Any) -> int:
        """Create a time-and-materials project billed by person, with the default tasks; its client's updated_at moves."""
        now = self.now_seconds()
        project = Project(
            id=self.take_id("project"),
            client_id=client_id,
            name=name,
            code=None,
            is_active=True,
            is_billable=True,
            is_fixed_fee=False,
            bill_by="People",
            hourly_rate=None,
            budget_by="none",
            budget_is_monthly=False,
            budget=None,
            cost_budget=None,
            cost_budget_include_expenses=False,
            notify_when_over_budget=False,
            over_budget_notification_percentage=None,
            over_budget_notification_date=None,
            show_budget_to_all=False,
            fee=None,
            notes="",
            starts_on=None,
            ends_on=None,
            created_at=now,
            updated_at=now,
        )
        self.edit(project, values)
        self.projects[project.id] = project
        self.clients[client_id].updated_at = now
        for task in self.tasks.values():
            if task.is_default and task.is_active:
                self.assign_task(project.id, task.id)
        return project.id

    @change
    def edit_project(self, project_id: int, **values: Any) -> int:
        """Change fields, e.g. name, code, is_active, budget, fee."""
        return self.edit(self.projects[project_id], values)

    def rename_project(self, project_id: int, name: str) -> int:
        """Rename a project; everything that embeds it shows the new name without moving."""
        return self.edit_project(project_id, name=name)

    @change
    def delete_project(self, project_id: int) -> int:
        """Delete a project with its time, expenses and assignments; invoice lines lose the project, invoices do not move."""
        del self.projects[project_id]
        for entry in [row for row in self.time_entries.values() if row.project_id == project_id]:
            self.remove_time_entry(entry)
        for expense in [row for row in self.expenses.values() if row.project_id == project_id]:
            del self.expenses[expense.id]
        for by_user in [row for row in self.user_assignments.values() if row.project_id == project_id]:
            self.remove_user_assignment(by_user)
        for by_task in self.task_assignments_of(project_id):
            self.remove_task_assignment(by_task)
        for invoice in self.invoices.values():
            for line in invoice.lines:
                if line.project_id == project_id:
                    line.project_id = None
        return project_id

    @change
    def create_task(self, name: str, **values: Any) -> int:
        """Create a billable task that is added to new projects."""
        now = self.now_seconds()
        task = Task(self.take_id("task"), name, True, None, True, True, now, now)
        self.edit(task, values)
        self.tasks[task.id] = task
        return task.id

    @change
    def edit_task(self, task_id: int, **values: Any) -> int:
        """Change fields of a task, e.g. name or is_active."""
        return self.edit(self.tasks[task_id], values)

    def rename_task(self, task_id: int, name: str) -> int:
        """Rename a task; entries show the new name without moving."""
        return self.edit_task(task_id, name=name)

    @change
    def delete_task(self, task_id: int) -> int:
        """Delete a task without tracked time, together with its assignments."""
        if any(entry.task_id == task_id for entry in self.time_entries.values()):
            raise NotPossible("This task has tracked time and can't be deleted.")
        del self.tasks[task_id]
        for row in [row for row in self.task_assignments.values() if row.task_id == task_id]:
            self.remove_task_assignment(row)
        return task_id

    @change
    def assign_user(self, project_id: int, user_id: int, **values: Any) -> int:
        """Assign a person to a project, with the default rate unless another is given."""
        if self.user_assignment_of(project_id, user_id) is not None:
            raise NotPossible("User has already been assigned to this project")
        now = self.now_seconds()
        row = UserAssignment(self.take_id("assignment"), project_id, user_id, True, False, True, None, None, now, now)
        self.edit(row, values)
        self.add_user_assignment(row)
        return row.id

    @change
    def edit_user_assignment(self, assignment_id: int, **values: Any) -> int:
        """Change fields, e.g. is_active or is_project_manager."""
        return self.edit(self.user_assignments[assignment_id], values)

    @change
    def set_assignment_rate(self, assignment_id: int, hourly_rate: Any) -> int:
        """Set a custom rate, or None for the default one; Harvest did not move updated_at for that (seen in late 2023)."""
        row = self.user_assignments[assignment_id]
        row.hourly_rate, row.use_default_rates = hourly_rate, hourly_rate is None
        return row.id

    @change
    def delete_user_assignment(self, assignment_id: int) -> int:
        """Remove a person from a project; entries tracked on it then embed no assignment."""
        self.remove_user_assignment(self.user_assignments[assignment_id])
        return assignment_id

    @change
    def assign_task(self, project_id: int, task_id: int, **values: Any) -> int:
        """Assign a task to a project, billable if the task and the project are."""
        if self.task_assignment_of(project_id, task_id) is not None:
            raise NotPossible("Task has already been assigned to this project")
        now = self.now_seconds()
        is_billable = self.tasks[task_id].billable_by_default and self.projects[project_id].is_billable
        row = TaskAssignment(self.take_id("assignment"), project_id, task_id, True, is_billable, None, None, now, now)
        self.edit(row, values)
        self.add_task_assignment(row)
        return row.id

    @change
    def edit_task_assignment(self, assignment_id: int, **values: Any) -> int:
        """Change fields, e.g. is_active, hourly_rate, budget."""
        return self.edit(self.task_assignments[assignment_id], values)

    @change
    def create_expense_category(self, name: str, unit_name: str | None = None, unit_price: Any = None) -> int:
        """Create an expense category, with a unit and its price if its expenses are counted in units."""
        now = self.now_seconds()
        row = ExpenseCategory(self.take_id("expense_category"), name, unit_name, unit_price, True, now, now)
        self.expense_categories[row.id] = row
        return row.id

    @change
    def edit_expense_category(self, category_id: int, **values: Any) -> int:
        """Change fields of a category; past expenses keep their cost."""
        return self.edit(self.expense_categories[category_id], values)

    @change
    def edit_invoice_item_category(self, category_id: int, **values: Any) -> int:
        """Rename a category of invoice lines; lines keep the old name, which they store as text."""
        return self.edit(self.invoice_item_categories[category_id], values)

    @change
    def edit_estimate_item_category(self, category_id: int, **values: Any) -> int:
        """Rename a category of estimate lines; lines keep the old name, which they store as text."""
        return self.edit(self.estimate_item_categories[category_id], values)
