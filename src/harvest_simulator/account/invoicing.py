"""Turn unbilled work into the lines of an invoice. Used for the generated history and for later changes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from harvest_simulator.account.arithmetic import half_up
from harvest_simulator.account.documents import Line
from harvest_simulator.account.rows import Expense, TimeEntry
from harvest_simulator.account.tables import Tables

SERVICE, PRODUCT = "Service", "Product"


def lines_of_work(
    tables: Tables, entries: Iterable[TimeEntry], expenses: Iterable[Expense], first: date, last: date
) -> list[Line]:
    """Build invoice lines: one per project, task and rate (quantity = rounded hours), and one per project for its expenses.

    https://support.getharvest.com/hc/en-us/articles/360048181612: new invoices use rounded hours.
    """
    hundredths: dict[tuple[int, int, Decimal], int] = {}
    for entry in entries:
        key = (entry.project_id, entry.task_id, entry.billable_rate or Decimal(0))
        hundredths[key] = hundredths.get(key, 0) + tables.rounded_hours_of(entry)
    lines = []
    period = f"({first:%m/%d/%Y} - {last:%m/%d/%Y})"
    for (project_id, task_id, rate), total in hundredths.items():
        project = tables.projects[project_id]
        label = f"[{project.code}] {project.name}" if project.code else project.name
        description = f"{label}: {tables.tasks[task_id].name} {period}"
        lines.append(new_line(tables, SERVICE, description, Decimal(total) / 100, rate, project_id))
    spent: dict[int, Decimal] = {}
    for expense in expenses:
        spent[expense.project_id] = spent.get(expense.project_id, Decimal(0)) + expense.total_cost
    for project_id, amount in spent.items():
        name = tables.projects[project_id].name
        lines.append(new_line(tables, PRODUCT, f"{name}: expenses {period}", Decimal(1), amount, project_id))
    return lines


def new_line(
    tables: Tables,
    kind: str,
    description: str,
    quantity: Decimal,
    unit_price: Decimal,
    project_id: int | None = None,
) -> Line:
    """Build a line whose amount is quantity times price, rounded half up to cents."""
    return Line(
        id=tables.take_id("line"),
        kind=kind,
        description=description,
        quantity=quantity,
        unit_price=unit_price,
        amount=half_up(quantity * unit_price),
        project_id=project_id,
    )


def mark_billed(rows: Iterable[TimeEntry | Expense], invoice_id: int | None, at: int) -> None:
    """Mark work as billed by an invoice, which moves its updated_at."""
    for row in rows:
        row.is_billed = True
        row.invoice_id = invoice_id
        row.updated_at = max(row.updated_at, at)
