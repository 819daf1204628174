"""Which records can stand in a table of figures at all, and what is made of a value that is missing from one that can."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Row = dict[str, Any]

# What a figure is about: without it, nobody can say whose it is, when it was, or in what money.
ABOUT = {
    "time_entries": ("spent_date", "user", "client", "project", "task"),
    "expenses": ("spent_date", "user", "client", "project"),
    "invoices": ("issue_date", "client", "currency", "state"),
    "estimates": ("issue_date", "client", "currency", "state"),
    "projects": ("client",),
    "user_assignments": ("project", "user"),
    "task_assignments": ("project", "task"),
    "line_items": ("id",),
    "invoice_payments": ("invoice_id",),
}
# Nobody works ten million hours, and nothing costs ten trillion.
MANY, DEAR = 10**7, 10**13
NUMBERS = {
    "time_entries": {"hours": MANY, "rounded_hours": MANY, "billable_rate": DEAR, "cost_rate": DEAR},
    "expenses": {"total_cost": DEAR},
    "invoices": dict.fromkeys(("amount", "due_amount", "tax_amount", "tax2_amount", "discount_amount"), DEAR)
    | {"discount": MANY},
    "estimates": dict.fromkeys(("amount", "tax_amount", "tax2_amount"), DEAR),
    "projects": dict.fromkeys(("fee", "budget", "cost_budget", "hourly_rate"), DEAR),
    "user_assignments": {"budget": DEAR},
    "task_assignments": {"budget": DEAR},
    "users": {"weekly_capacity": MANY},
    "line_items": {"quantity": MANY, "unit_price": DEAR, "amount": DEAR},
    "invoice_payments": {"amount": DEAR},
}
# What every record of Harvest's says, and what its silence comes to.
NO, YES, NONE = False, True, Decimal(0)
SILENCE: dict[str, Row] = {
    "time_entries": {"hours": NONE, "rounded_hours": NONE}
    | dict.fromkeys(("billable", "is_billed", "budgeted", "is_running", "is_closed"), NO),
    "expenses": {"total_cost": NONE} | dict.fromkeys(("billable", "is_billed", "is_closed", "reimbursement"), NO),
    "invoices": {"amount": NONE, "due_amount": NONE, "due_date": None},
    "estimates": {"amount": NONE},
    "line_items": {"quantity": NONE, "unit_price": NONE, "amount": NONE},
    "invoice_payments": {"amount": NONE},
    "projects": {"is_active": YES, "is_billable": NO, "is_fixed_fee": NO, "budget_by": "none", "budget_is_monthly": NO}
    | {"name": "Project {id}"},
    "users": {"is_active": YES, "is_contractor": NO, "weekly_capacity": 0, "created_at": None},
    "clients": {"name": None, "currency": None, "is_active": YES},
    "tasks": {"name": "Task {id}", "is_active": YES},
    "company": {"currency": None, "week_start_day": None}
    | dict.fromkeys(("approval_feature", "expense_feature", "invoice_feature"), YES),
    "users_me": {"timezone": None},
}
# Not always there, and no more than nothing where it is not.
OFTEN_SILENT: dict[str, Row] = {
    "invoices": dict.fromkeys(("tax_amount", "tax2_amount", "discount_amount"), NONE),
    "estimates": dict.fromkeys(("tax_amount", "tax2_amount"), NONE),
    "projects": {"cost_budget_include_expenses": NO},
}
BUDGETS = {"none", "project", "project_cost", "task", "task_fees", "person"}
WEEK_SECONDS = 7 * 24 * 3600


@dataclass
class Placed:
    """An account without what no table can hold.

    Attributes:
        truth: the records that have their place, silence filled in.
        left_out: the others, by (stream, id).
        odd: those with their place that say something odd, or keep silent where none does.
    """

    truth: dict[str, list[Row]] = field(default_factory=dict)
    left_out: set[tuple[str, Any]] = field(default_factory=set)
    odd: set[tuple[str, Any]] = field(default_factory=set)

    def keep(self, stream: str, records: list[Row], *, are_left_out: bool = False) -> list[Row]:
        """Those of `records` that have a place, filled."""
        kept = []
        for record in records:
            if are_left_out or not _has_place(stream, record):
                self.left_out.add((stream, record.get("id")))
                continue
            if _is_odd(stream, record):
                self.odd.add((stream, record.get("id")))
            kept.append(_filled(stream, record))
        return kept


def placed(truth: Mapping[str, list[Row]]) -> Placed:
    """The account that the tables are of."""
    found = Placed()
    truth = deepcopy(dict(truth))
    payments = truth.pop("invoice_payments")
    invoices = {invoice["id"] for invoice in truth["invoices"] if _has_place("invoices", invoice)}
    seen: set[int] = set()
    for invoice in truth["invoices"]:
        own = invoice["line_items"]
        invoice["line_items"] = found.keep("line_items", own, are_left_out=invoice["id"] not in invoices)
        assert seen.isdisjoint(line["id"] for line in invoice["line_items"])
        seen.update(line["id"] for line in invoice["line_items"])
    found.truth = {stream: found.keep(stream, records) for stream, records in truth.items()}
    found.truth["invoice_payments"] = [
        kept
        for payment in payments
        for kept in found.keep("invoice_payments", [payment], are_left_out=payment["invoice_id"] not in invoices)
    ]
    _name_by_others(found.truth)
    _stand_in(found.truth, truth)
    return found


def _has_place(stream: str, record: Row) -> bool:
    about = (record[name] for name in ABOUT.get(stream, ()))
    numbers = ((record[name] or 0, most) for name, most in NUMBERS.get(stream, {}).items())
    return all(_is_said(value) for value in about) and all(abs(number) < most for number, most in numbers)


def _is_said(value: Any) -> bool:
    return value["id"] is not None if isinstance(value, dict) else value is not None


def _is_odd(stream: str, record: Row) -> bool:
    if any(record[name] is None for name in SILENCE.get(stream, ())):
        return True
    return stream in STRANGE and bool(STRANGE[stream](record))


def _is_strange_project(record: Row) -> bool:
    is_beginless = record["starts_on"] is None and record["created_at"] is None
    is_unsure = record["budget_by"] == "project_cost" and record["cost_budget_include_expenses"] is None
    return is_beginless or is_unsure or record["budget_by"] not in BUDGETS


def _is_strange_invoice(record: Row) -> bool:
    is_written_off_some_day = record["state"] == "closed" and record["closed_at"] is None
    is_paid_some_day = record["state"] == "paid" and record["paid_date"] is None
    return is_written_off_some_day or is_paid_some_day or record["state"] not in {"draft", "open", "paid", "closed"}


# What no record of Harvest's says, although each word of it could be.
STRANGE: dict[str, Callable[[Row], Any]] = {
    "time_entries": lambda record: min(record["hours"], record["rounded_hours"]) < 0,
    "invoices": _is_strange_invoice,
    "estimates": lambda record: record["state"] not in {"draft", "sent", "accepted", "declined"},
    "invoice_payments": lambda record: record["paid_date"] is None and record["paid_at"] is None,
    "projects": _is_strange_project,
    "users": lambda record: not 0 <= record["weekly_capacity"] <= WEEK_SECONDS,
}


def _filled(stream: str, record: Row) -> Row:
    filled = dict(record)
    if stream == "time_entries" and record["rounded_hours"] is None:
        filled["rounded_hours"] = record["hours"]
    for name, value in {**SILENCE.get(stream, {}), **OFTEN_SILENT.get(stream, {})}.items():
        if filled[name] is None:
            filled[name] = value.format(**record) if isinstance(value, str) else value
    return filled


def _name_by_others(truth: dict[str, list[Row]]) -> None:
    """A client that does not say its name or money is called as its projects and papers call it."""
    for client in truth["clients"]:
        projects = [row["client"] for row in truth["projects"] if row["client"]["id"] == client["id"]]
        papers = [
            row for name in ("invoices", "estimates") for row in truth[name] if row["client"]["id"] == client["id"]
        ]
        names = [row["name"] for row in (*projects, *(row["client"] for row in papers))]
        moneys = [row["currency"] for row in (*projects, *papers)]
        client["name"] = client["name"] or max(filter(None, names), default=f"Client {client['id']}")
        client["currency"] = client["currency"] or max(filter(None, moneys), default=truth["company"][0]["currency"])


def _stand_in(truth: dict[str, list[Row]], before: Mapping[str, list[Row]]) -> None:
    """For a project or a person without a place, of whom others speak, somebody of the name that they give."""
    work = [*truth["time_entries"], *truth["expenses"]]
    mentions = [(row["project"], row["client"]["id"]) for row in work]
    mentions += [
        (line["project"], invoice["client"]["id"])
        for invoice in truth["invoices"]
        for line in invoice["line_items"]
        if line["project"] and line["project"]["id"] is not None
    ]
    known = {row["id"] for row in truth["projects"]}
    for project_id in {project["id"] for project, _ in mentions} - known:
        said = [(project, client) for project, client in mentions if project["id"] == project_id]
        empty = dict.fromkeys(before["projects"][0])
        truth["projects"].append(
            empty
            | dict.fromkeys(("is_active", "budget_is_monthly", "cost_budget_include_expenses", "is_listed"), False)
            | {"id": project_id, "type": "unknown", "budget_by": "none"}
            | {"client": {"id": max(client for _, client in said)}}
            | {name: max(project[name] for project, _ in said) for name in ("name", "code")}
        )
    people = {row["id"] for row in truth["users"]}
    for user_id in {row["user"]["id"] for row in work} - people:
        name = max(row["user"]["name"] for row in work if row["user"]["id"] == user_id)
        truth["users"].append(
            dict.fromkeys(before["users"][0])
            | dict.fromkeys(("is_active", "is_contractor", "is_listed"), False)
            | {"id": user_id, "first_name": name, "last_name": "", "weekly_capacity": 0, "roles": []}
        )
