"""What happened: time, expenses, invoices, their lines, and the hours that people had."""

from __future__ import annotations

from mart_truth.account import ZERO, Account, Row, Table, nine
from mart_truth.days import bucket, day_of, instant_of


class Facts(Account):
    """The tables whose names begin with `fct_`."""

    def fct_time_entry(self) -> Table:
        made: Table = {}
        for entry in self.entries:
            record = entry["record"]
            cost_rate = record["cost_rate"]
            made[entry["time_entry_id"],] = {
                **self._flags(record, entry["project"]),
                "spent_date": entry["day"],
                "task_id": entry["task"],
                "is_time_off": entry["is_leave"],
                "is_budgeted": record["budgeted"],
                "is_running": record["is_running"],
                "billable_rate": record["billable_rate"],
                "cost_rate": cost_rate,
                "tracked_hours": entry["tracked"],
                "hours": entry["hours"],
                "billable_hours": entry["billable_hours"],
                "value_at_rates": entry["value"],
                "billable_amount": entry["revenue"],
                "labour_cost": entry["labour"],
                "labour_cost_rounded": nine(entry["hours"] * (cost_rate or ZERO)),
                "uninvoiced_hours": entry["hours"] if entry["is_open"] else ZERO,
                "uninvoiced_amount": entry["revenue"] if entry["is_open"] else ZERO,
                "is_missing_billable_rate": entry["is_material"]
                and record["billable"]
                and record["billable_rate"] is None,
                "is_missing_cost_rate": cost_rate is None,
                "created_at": instant_of(record["created_at"]),
            }
        return made

    def fct_expense(self) -> Table:
        made: Table = {}
        for expense in self.expenses:
            record = expense["record"]
            made[record["id"],] = {
                **self._flags(record, expense["project"]),
                "spent_date": expense["day"],
                "expense_category_id": record["expense_category"]["id"],
                "expense_category_name": record["expense_category"]["name"],
                "is_reimbursement": record["reimbursement"],
                "amount": expense["amount"],
                "billable_amount": expense["billable"],
                "uninvoiced_amount": expense["amount"] if expense["is_open"] else ZERO,
            }
        return made

    def _flags(self, record: Row, project_id: int) -> Row:
        """What time and expenses have in common."""
        invoice = record["invoice"]
        project = self.projects[project_id]
        return {
            "user_id": record["user"]["id"],
            "client_id": project["client"]["id"],
            "project_id": project_id,
            "invoice_id": invoice["id"] if invoice else None,
            "currency": self.currency_of(project_id),
            "project_type": self.type_of(project),
            "is_billable": record["billable"],
            "is_billed": record["is_billed"],
            "is_closed": record["is_closed"],
            "approval_status": record["approval_status"],
            "is_marked_invoiced_by_hand": record["is_billed"] and not invoice,
            "updated_at": instant_of(record["updated_at"]),
        }

    def fct_invoice(self) -> Table:
        paid = self.paid()
        made: Table = {}
        for invoice in self.invoices.values():
            state, amount = invoice["state"], invoice["amount"]
            due = day_of(invoice["due_date"])
            overdue = (self.as_of - due).days if due else None
            late = bucket(overdue).replace("0-30", "1-30") if overdue and overdue > 0 else "not_due"
            made[invoice["id"],] = {
                "invoice_number": invoice["number"],
                "client_id": invoice["client"]["id"],
                "client_name": self.clients[invoice["client"]["id"]]["name"],
                "currency": invoice["currency"],
                "estimate_id": invoice["estimate"]["id"] if invoice["estimate"] else None,
                "retainer_id": invoice["retainer"]["id"] if invoice["retainer"] else None,
                "is_retainer": bool(invoice["retainer"]),
                "is_deposit": self.is_deposit(invoice),
                "subject": invoice["subject"],
                "state": state,
                **{name: day_of(invoice[name]) for name in ("issue_date", "due_date", "period_start", "period_end")},
                "sent_on": day_of(invoice["sent_at"]),
                "paid_date": day_of(invoice["paid_date"]),
                "closed_on": day_of(invoice["closed_at"]),
                "amount": amount,
                "tax_amount": invoice["tax_amount"] + invoice["tax2_amount"],
                "discount_amount": invoice["discount_amount"],
                "net_amount": self.net_of(invoice),
                "paid_amount": paid.get(invoice["id"], ZERO),
                "due_amount": invoice["due_amount"],
                "open_amount": invoice["due_amount"] if state == "open" else ZERO,
                "written_off_amount": amount - paid.get(invoice["id"], ZERO) if state == "closed" else ZERO,
                "days_overdue": overdue if state == "open" else None,
                "overdue_bucket": late if state == "open" else None,
            }
        return made

    def fct_invoice_line(self) -> Table:
        made: Table = {}
        for invoice in self.invoices.values():
            for line in invoice["line_items"]:
                made[line["id"],] = {
                    "invoice_id": invoice["id"],
                    "client_id": invoice["client"]["id"],
                    "project_id": line["project"]["id"] if line["project"] else None,
                    "currency": invoice["currency"],
                    "state": invoice["state"],
                    "issue_date": day_of(invoice["issue_date"]),
                    "is_retainer": bool(invoice["retainer"]),
                    "is_deposit": self.is_deposit(invoice),
                    "kind": line["kind"],
                    "description": line["description"],
                    "quantity": line["quantity"],
                    "unit_price": line["unit_price"],
                    "line_amount": line["amount"],
                    "line_amount_after_discount": nine(line["amount"] * (1 - (invoice["discount"] or ZERO) / 100)),
                }
        return made

    def fct_capacity_day(self) -> Table:
        return {(user, day): {"capacity_hours": hours} for user, day, hours in self.capacity()}
