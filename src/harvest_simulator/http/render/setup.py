"""Render the company, its clients, people, projects and assignments as the JSON objects of the API.

Keys are in the order of captured records. https://help.getharvest.com/api-v2/
"""

from __future__ import annotations

from harvest_simulator.account.rows import (
    Client,
    Contact,
    Project,
    Rate,
    Role,
    Task,
    TaskAssignment,
    User,
    UserAssignment,
)
from harvest_simulator.http.permissions import claims_of
from harvest_simulator.http.render.nested_objects import Embedding
from harvest_simulator.http.serialization import Json, day_or_none, instant


class SetupRenderer(Embedding):
    """Renderer of the account's setup: company, clients, people, projects, assignments."""

    def company(self) -> Json:
        """Render the company.

        https://help.getharvest.com/api-v2/company-api/company/company/
        """
        company = self.tables.company
        flags = company.features
        return {
            "base_uri": f"https://{company.full_domain}",
            "full_domain": company.full_domain,
            "name": company.name,
            "is_active": True,
            "week_start_day": company.week_start_day,
            "wants_timestamp_timers": False,
            "time_format": "hours_minutes",
            "date_format": "%Y-%m-%d",
            "plan_type": "simple-v4",
            "expense_feature": flags["expense_feature"],
            "invoice_feature": flags["invoice_feature"],
            "estimate_feature": flags["estimate_feature"],
            "team_feature": flags["team_feature"],
            "weekly_capacity": company.weekly_capacity_seconds,
            "approval_feature": flags["approval_feature"],
            "clock": "12h",
            "currency": company.currency,
            "currency_code_display": "iso_code_none",
            "currency_symbol_display": "symbol_before",
            "decimal_symbol": ".",
            "thousands_separator": ",",
            "color_scheme": "orange",
            "saml_sign_in_required": False,
            "day_entry_notes_required": False,
        }

    def client(self, row: Client) -> Json:
        """Render a client.

        https://help.getharvest.com/api-v2/clients-api/clients/clients/
        """
        return {
            "id": row.id,
            "name": row.name,
            "is_active": row.is_active,
            "address": row.address,
            "statement_key": row.statement_key,
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
            "currency": row.currency,
        }

    def contact(self, row: Contact) -> Json:
        """Render a contact.

        https://help.getharvest.com/api-v2/clients-api/clients/contacts/
        """
        return {
            "id": row.id,
            "title": row.title,
            "first_name": row.first_name,
            "last_name": row.last_name,
            "email": row.email,
            "phone_office": row.phone_office,
            "phone_mobile": row.phone_mobile,
            "fax": row.fax,
            "invoice_recipient_status": row.invoice_recipient_status,
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
            "client": self.client_stub(row.client_id),
        }

    def user(self, row: User) -> Json:
        """Render a user, with the rates in force today.

        https://help.getharvest.com/api-v2/users-api/users/users/
        """
        today = self.tables.clock.today()
        source = row.calendar_integration_source
        roles = [role.name for role in self.tables.roles.values() if row.id in role.user_ids]
        return {
            "id": row.id,
            "first_name": row.first_name,
            "last_name": row.last_name,
            "email": row.email,
            "telephone": row.telephone,
            "timezone": row.timezone,
            "weekly_capacity": row.weekly_capacity_seconds,
            "has_access_to_all_future_projects": row.has_access_to_all_future_projects,
            "is_contractor": row.is_contractor,
            "is_active": row.is_active,
            "calendar_integration_enabled": source is not None,
            "calendar_integration_source": source,
            "employee_id": row.employee_id,
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
            "can_create_projects": not {"administrator", "project_creator"}.isdisjoint(row.access_roles),
            "default_hourly_rate": self.numbers.maybe(self.tables.default_rate_of(row.id, today)),
            "cost_rate": self.numbers.maybe(self.tables.cost_rate_of(row.id, today)),
            "roles": roles,
            "access_roles": list(row.access_roles),
            "permissions_claims": claims_of(row.access_roles),
            "avatar_url": row.avatar_url,
        }

    def teammate(self, row: User) -> Json:
        """Render a teammate.

        https://help.getharvest.com/api-v2/users-api/users/teammates/
        """
        return {"id": row.id, "first_name": row.first_name, "last_name": row.last_name, "email": row.email}

    def role(self, row: Role) -> Json:
        """Render a role.

        https://help.getharvest.com/api-v2/roles-api/roles/roles/
        """
        return {
            "id": row.id,
            "name": row.name,
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
            "user_ids": list(row.user_ids),
        }

    def rate(self, row: Rate) -> Json:
        """Render a billable rate or a cost rate.

        https://help.getharvest.com/api-v2/users-api/users/billable-rates/ and cost-rates.
        """
        return {
            "id": row.id,
            "amount": self.numbers.decimal(row.amount),
            "start_date": day_or_none(row.start_date),
            "end_date": day_or_none(row.end_date),
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
        }

    def task(self, row: Task) -> Json:
        """Render a task.

        https://help.getharvest.com/api-v2/tasks-api/tasks/tasks/
        """
        return {
            "id": row.id,
            "name": row.name,
            "billable_by_default": row.billable_by_default,
            "default_hourly_rate": self.numbers.maybe(row.default_hourly_rate),
            "is_default": row.is_default,
            "is_active": row.is_active,
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
        }

    def project(self, row: Project) -> Json:
        """Render a project.

        https://help.getharvest.com/api-v2/projects-api/projects/projects/
        """
        maybe = self.numbers.maybe
        return {
            "id": row.id,
            "name": row.name,
            "code": row.code,
            "is_active": row.is_active,
            "is_billable": row.is_billable,
            "is_fixed_fee": row.is_fixed_fee,
            "bill_by": row.bill_by,
            "budget": maybe(row.budget),
            "budget_by": row.budget_by,
            "budget_is_monthly": row.budget_is_monthly,
            "notify_when_over_budget": row.notify_when_over_budget,
            "over_budget_notification_percentage": maybe(row.over_budget_notification_percentage),
            "show_budget_to_all": row.show_budget_to_all,
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
            "starts_on": day_or_none(row.starts_on),
            "ends_on": day_or_none(row.ends_on),
            "over_budget_notification_date": day_or_none(row.over_budget_notification_date),
            "notes": row.notes,
            "cost_budget": maybe(row.cost_budget),
            "cost_budget_include_expenses": row.cost_budget_include_expenses,
            "hourly_rate": maybe(row.hourly_rate),
            "fee": maybe(row.fee),
            "currency": self.tables.clients[row.client_id].currency,
            "client": self.money_client_stub(row.client_id),
        }

    def user_assignment(self, row: UserAssignment) -> Json:
        """Render a user assignment; unlike the nested form, the list has no rate if the default is used (captured since late 2023)."""
        return {
            "id": row.id,
            "is_project_manager": row.is_project_manager,
            "is_active": row.is_active,
            "use_default_rates": row.use_default_rates,
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
            "hourly_rate": None if row.use_default_rates else self.numbers.maybe(row.hourly_rate),
            "budget": self.numbers.maybe(row.budget),
            "project": self.project_stub(row.project_id),
            "user": self.user_stub(row.user_id),
        }

    def task_assignment(self, row: TaskAssignment) -> Json:
        """Render a task assignment; unlike the nested form, the list has only the assignment's own rate (recorded in 2024-10)."""
        return {
            **self.task_assignment_parts(row),
            "hourly_rate": self.numbers.maybe(row.hourly_rate),
            "project": self.project_stub(row.project_id),
            "task": self.task_stub(row.task_id),
        }

    def project_assignment(self, row: UserAssignment) -> Json:
        """Render a project assignment, with the active tasks of the project.

        https://help.getharvest.com/api-v2/users-api/users/project-assignments/
        """
        project = self.tables.projects[row.project_id]
        return {
            **self.user_assignment_parts(row),
            "project": {**self.project_stub(project.id), "is_billable": project.is_billable},
            "client": self.money_client_stub(project.client_id),
            "task_assignments": self._share("project_tasks", project.id, self._tasks_of_project)["rows"],
        }

    def _tasks_of_project(self, project_id: int) -> Json:
        rows = [
            {**self.task_assignment_parts(row), "task": self.task_stub(row.task_id)}
            for row in self.tables.task_assignments_of(project_id)
            if row.is_active
        ]
        return {"rows": rows}
