"""What is to be mended in the account, counted; a sound copy of Harvest has no error and no warning."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal

from mart_truth.account import LEAVE, Row, Table
from mart_truth.budgets import Budgets
from mart_truth.days import instant_of
from mart_truth.keys import KEYS

LONG_HOURS = 16
# Nothing of a simulated account breaks these: they are what its numbers must fulfil.
SOUND = {
    "error": (
        *(f"conserved_{name}" for name in ("time_entries", "expenses", "invoices", "invoice_lines", "utilisation")),
        *(f"conserved_{name}" for name in ("compliance", "profitability", "unbilled", "fixed_fee", "budget")),
        *("conserved_clients", "conserved_receivables", "conserved_payments", "conserved_estimates", "conserved_rows"),
        *("conserved_work", "conserved_fee_progress", "one_currency", "known_dimensions", "known_invoice"),
        *(f"key_{table}" for table in KEYS if table != "mart_data_quality"),
    ),
    "warning": (
        *("entry_of_another_client", "invoice_in_another_currency", "invoice_amount", "invoice_due"),
        *("invoice_line_amount", "receivable_end", "billed_but_not_billable", "rate_but_not_billable"),
        *("rates_overlap", "cost_rate_differs", "billable_rate_differs", "unlisted"),
        *("foreign_home_currency", "unused_home_currency"),
    ),
}


class Findings(Budgets):
    """The table of all checks."""

    def mart_data_quality(self) -> Table:
        records = self.truth["time_entries"]
        by_day: dict[tuple[int, date], Decimal] = defaultdict(Decimal)
        for entry in self.entries:
            by_day[entry["user"], entry["day"]] += entry["tracked"]
        fixed = [row for row in self.projects.values() if self.type_of(row) == "fixed_fee"]
        found = {
            "left_out": len(self.placed.left_out),
            "odd_value": len(self.placed.odd),
            "far_off_date": 0,
            "unlisted": sum(not row.get("is_listed", True) for row in (*self.projects.values(), *self.users.values())),
            "missing_billable_rate": sum(
                entry["is_material"] and entry["record"]["billable"] and entry["record"]["billable_rate"] is None
                for entry in self.entries
            ),
            "missing_cost_rate": sum(row["cost_rate"] is None for row in records),
            "invoice_in_another_currency": sum(
                invoice["currency"] != self.clients[invoice["client"]["id"]]["currency"]
                for invoice in self.invoices.values()
            ),
            "no_leave_task": int(
                bool(self.tasks) and LEAVE.isdisjoint(task["name"].strip() for task in self.tasks.values())
            ),
            "unused_home_currency": int(
                bool(self.clients) and not any(client["currency"] == self.home for client in self.clients.values())
            ),
            "running_timer": sum(row["is_running"] for row in records),
            "long_entry": sum(row["hours"] > LONG_HOURS for row in records),
            "long_day": sum(hours > LONG_HOURS for hours in by_day.values()),
            "entry_in_the_future": sum(entry["day"] > self.as_of for entry in self.entries),
            "changed_after_invoicing": sum(self._is_changed_after_invoicing(entry["record"]) for entry in self.entries),
            "marked_invoiced_by_hand": sum(row["is_billed"] and not row["invoice"] for row in records),
            "fixed_fee_without_fee": sum(row["is_active"] and row["fee"] is None for row in fixed),
            "fixed_fee_without_dates": sum(not (row["starts_on"] and row["ends_on"]) for row in fixed),
            "budget_without_value": sum(self._is_budget_missing(row) for row in self.projects.values()),
        }
        severities = {name: severity for severity, names in SOUND.items() for name in names}
        return {
            (name,): {"severity": severities.get(name, "finding"), "row_count": found.get(name, 0)}
            for name in (*severities, *found)
        }

    def _is_changed_after_invoicing(self, record: Row) -> bool:
        invoice = self.invoices.get(record["invoice"]["id"]) if record["invoice"] else None
        sent, changed = instant_of(invoice["sent_at"]) if invoice else None, instant_of(record["updated_at"])
        return bool(sent and changed and changed > sent and not record["is_closed"])

    def _is_budget_missing(self, project: Row) -> bool:
        return bool(project["is_active"] and self.budget_unit_of(project) and self.budget_of(project) is None)
