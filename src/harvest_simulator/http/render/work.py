"""Render time entries and expenses as the JSON objects of the API.

https://help.getharvest.com/api-v2/timesheets-api/timesheets/time-entries/
"""

from __future__ import annotations

from harvest_simulator.account.rows import Expense, ExpenseCategory, ExternalReference, TimeEntry
from harvest_simulator.http.render.nested_objects import Embedding
from harvest_simulator.http.serialization import Json, instant


class WorkRenderer(Embedding):
    """Renderer of time entries and expenses."""

    def time_entry(self, row: TimeEntry) -> Json:
        """Render a time entry; clock times are null, as the account tracks durations."""
        tables, hundredths = self.tables, self.numbers.hundredths
        project = tables.projects[row.project_id]
        hours = tables.hours_of(row)
        locked_reason = _locked_reason("Item", row.is_billed, row.approval_status, project.is_active)
        return {
            "id": row.id,
            "spent_date": row.spent_date.isoformat(),
            "hours": hundredths(hours),
            "hours_without_timer": hundredths(row.hours_hundredths),
            "rounded_hours": hundredths(tables.rounding.apply(hours)),
            "notes": row.notes,
            "is_locked": locked_reason is not None or row.is_explicitly_locked,
            "locked_reason": locked_reason,
            "is_explicitly_locked": row.is_explicitly_locked,
            "is_closed": row.approval_status == "approved",
            "approval_status": row.approval_status,
            "is_billed": row.is_billed,
            "timer_started_at": instant(row.timer_started_at),
            "started_time": None,
            "ended_time": None,
            "is_running": row.timer_started_at is not None,
            "billable": row.billable,
            "budgeted": row.budgeted,
            "billable_rate": self.numbers.maybe(row.billable_rate),
            "cost_rate": self.numbers.maybe(row.cost_rate),
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
            "user": self.user_stub(row.user_id),
            "client": self.money_client_stub(project.client_id),
            "project": self.project_stub(project.id),
            "task": self.task_stub(row.task_id),
            "user_assignment": self.user_assignment_stub(tables.user_assignment_of(project.id, row.user_id)),
            "task_assignment": self.task_assignment_stub(tables.task_assignment_of(project.id, row.task_id)),
            "invoice": self.invoice_stub(row.invoice_id),
            "external_reference": _external_reference(row.external_reference),
        }

    def expense_category(self, row: ExpenseCategory) -> Json:
        """Render an expense category.

        https://help.getharvest.com/api-v2/expenses-api/expenses/expense-categories/
        """
        return {
            "id": row.id,
            "name": row.name,
            "unit_name": row.unit_name,
            "unit_price": self.numbers.maybe(row.unit_price),
            "is_active": row.is_active,
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
        }

    def expense(self, row: Expense) -> Json:
        """Render an expense.

        https://help.getharvest.com/api-v2/expenses-api/expenses/expenses/
        """
        tables = self.tables
        project = tables.projects[row.project_id]
        category = tables.expense_categories[row.expense_category_id]
        locked_reason = _locked_reason("Expense", row.is_billed, row.approval_status, project.is_active)
        return {
            "id": row.id,
            "spent_date": row.spent_date.isoformat(),
            "notes": row.notes,
            "total_cost": self.numbers.decimal(row.total_cost),
            "units": self.numbers.decimal(row.units),
            "billable": row.billable,
            "reimbursement": row.reimbursement,
            "receipt": self._receipt(row),
            "is_closed": row.approval_status == "approved",
            "approval_status": row.approval_status,
            "is_locked": locked_reason is not None or row.is_explicitly_locked,
            "is_explicitly_locked": row.is_explicitly_locked,
            "is_billed": row.is_billed,
            "locked_reason": locked_reason,
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
            "user": self.user_stub(row.user_id),
            "client": self.money_client_stub(project.client_id),
            "project": self.project_stub(project.id),
            "expense_category": {
                "id": category.id,
                "name": category.name,
                "unit_price": self.numbers.maybe(category.unit_price),
                "unit_name": category.unit_name,
            },
            "user_assignment": self.user_assignment_stub(tables.user_assignment_of(project.id, row.user_id)),
            "invoice": self.invoice_stub(row.invoice_id),
        }

    def _receipt(self, row: Expense) -> Json | None:
        receipt = row.receipt
        if receipt is None:
            return None
        return {
            "url": f"https://{self.tables.company.full_domain}/expenses/{row.id}/receipt",
            "file_name": receipt.file_name,
            "file_size": receipt.file_size_bytes,
            "content_type": receipt.content_type,
        }


def _external_reference(reference: ExternalReference | None) -> Json | None:
    if reference is None:
        return None
    return {
        "id": reference.id,
        "group_id": reference.group_id,
        "account_id": reference.account_id,
        "permalink": reference.permalink,
        "service": reference.service,
        "service_icon_url": reference.service_icon_url,
    }


def _locked_reason(noun: str, is_billed: bool, approval_status: str, is_project_active: bool) -> str | None:
    """Reason why an entry is locked, as text like in captured records; not meant to be parsed."""
    is_approved = approval_status == "approved"
    if noun == "Expense":
        if is_billed:
            return "Expense is invoiced."
        return "Expense is approved." if is_approved else None
    if is_billed and is_approved:
        return "Item Invoiced and Approved and Locked for this Time Period"
    if is_billed:
        return "Item Invoiced and Locked for this Time Period"
    if is_approved:
        return "Item Approved and Locked for this Time Period"
    return None if is_project_active else "Project is archived"
