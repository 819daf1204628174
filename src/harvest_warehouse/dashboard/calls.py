"""Calls to make this week: rows of the alerts that concern money, with the people to talk to."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from harvest_warehouse.alerts.catalogue import ALERTS
from harvest_warehouse.dashboard.formatting import count, day, month
from harvest_warehouse.dashboard.header import Header
from harvest_warehouse.dashboard.reader import Reader, Row

_QUERIES = {alert.name: alert.query for alert in ALERTS}
LOST = "lost"
"""Kind of a call about a project that costs more than it earns."""
# Invoice recipients are asked first, then those who get a copy.
_RECIPIENTS = ("recipient", "cc", "bcc")


def calls(read: Reader, header: Header) -> list[Row]:
    """Read whom to call: one row per client that is overdue or unbilled, and per project over budget or at a loss.

    The largest amount comes first: in home currency, or where a currency has no rate, the largest of each currency.
    """
    with read.at_once():
        found = {name: _rows(read, name, header) for name in ("overdue_invoices", "budget", "unbilled", "margin")}
        contacts = _contacts(read, header)
        managers = _managers(read, header)
    rows = [
        *_overdue(found["overdue_invoices"], header),
        *_budgets(found["budget"], header),
        *_unbilled(found["unbilled"], header),
        *_losses(found["margin"], header),
    ]
    people = [{**row, **_people(row, contacts, managers)} for row in rows]
    return in_order(people, header)


def in_order(rows: list[Row], header: Header) -> list[Row]:
    """Sort calls by money, in home currency where every currency has a rate."""
    if not header.unconverted:
        return sorted(
            rows, key=lambda row: (-(header.in_home(row["amount"], row["currency"]) or 0), row["client_name"])
        )
    largest = sorted(rows, key=lambda row: (-row["amount"], row["client_name"]))
    places: dict[str, int] = {}
    placed = []
    for row in largest:
        place = places[row["currency"]] = places.get(row["currency"], 0) + 1
        placed.append(
            (place, header.currencies.index(row["currency"]) if row["currency"] in header.currencies else 99, row)
        )
    return [row for _, _, row in sorted(placed, key=lambda one: one[:2])]


def _rows(read: Reader, alert: str, header: Header) -> list[Row]:
    found = read(_QUERIES[alert], header.thresholds.values())
    return [row for row in found if row["account_id"] == header.account_id]


def _overdue(invoices: list[Row], header: Header) -> list[Row]:
    clients: dict[tuple[int, str], list[Row]] = {}
    for row in invoices:
        clients.setdefault((row["client_id"], row["currency"]), []).append(row)
    return [
        {
            "kind": "overdue",
            "client_id": client_id,
            "client_name": rows[0]["client_name"],
            "project_id": None,
            "currency": currency,
            "amount": sum((Decimal(row["open_amount"]) for row in rows), Decimal(0)),
            "what": f"overdue on {count(len(rows), 'invoice')}, {'the oldest ' if len(rows) > 1 else ''}for "
            f"{count(max(row['days_overdue'] for row in rows), 'day')}",
            # The largest one.
            "url": header.link("invoices", rows[0]["invoice_id"]),
        }
        for (client_id, currency), rows in clients.items()
    ]


def _budgets(rows: list[Row], header: Header) -> list[Row]:
    return [
        {
            "kind": "over budget",
            **_of_project(row, header),
            "amount": Decimal(row["over_amount"]),
            "what": f"{'over' if row['status'] == 'over' else 'heading over'} the budget of {row['project_name']}",
        }
        for row in rows
        if row["over_amount"]
    ]


def _unbilled(rows: list[Row], header: Header) -> list[Row]:
    return [
        {
            "kind": "not billed",
            "client_id": row["client_id"],
            "client_name": row["client_name"],
            "project_id": None,
            "currency": row["currency"],
            "amount": Decimal(row["uninvoiced_amount"]),
            "what": f"not billed, the oldest of {day(row['oldest_date'])}",
            "url": header.link("clients", row["client_id"]),
        }
        for row in rows
    ]


def _losses(rows: list[Row], header: Header) -> list[Row]:
    return [
        {
            "kind": LOST,
            **_of_project(row, header),
            "amount": -Decimal(row["margin_amount"]),
            "what": f"lost on {row['project_name']} since {month(row['from_month'])}",
        }
        for row in rows
        if row["margin_amount"] < 0
    ]


def _of_project(row: Row, header: Header) -> Row:
    kept = {name: row[name] for name in ("client_id", "client_name", "project_id", "currency")}
    return {**kept, "url": header.link("projects", row["project_id"])}


def _people(row: Row, contacts: Mapping[int, Row], managers: list[Row]) -> Row:
    """Contact of the client, and manager of the project, or of most of the client's projects."""
    contact = contacts.get(row["client_id"], {})
    named: dict[tuple[str, str], int] = {}
    for manager in managers:
        if manager["project_id"] == row["project_id"] or (
            not row["project_id"] and manager["client_id"] == row["client_id"]
        ):
            key = (manager["person_name"], manager["email"] or "")
            named[key] = named.get(key, 0) + 1
    name, email = min(named, key=lambda key: (-named[key], key), default=(None, None))
    return {
        "contact": contact.get("name"),
        "contact_email": contact.get("email"),
        "manager": name,
        "manager_email": email or None,
    }


def _contacts(read: Reader, header: Header) -> dict[int, Row]:
    if not read.has("contacts"):
        return {}
    rows = read(
        """
        select
          id,
          client__id as client_id,
          first_name,
          last_name,
          email,
          invoice_recipient_status
        from contacts
        where account_id = :account_id and email is not null and email <> ''
        order by id
        """,
        {"account_id": header.account_id},
    )
    rows = sorted(
        rows,
        key=lambda row: (
            _RECIPIENTS.index(row["invoice_recipient_status"])
            if row["invoice_recipient_status"] in _RECIPIENTS
            else len(_RECIPIENTS)
        ),
    )
    found: dict[int, Row] = {}
    for row in rows:
        name = " ".join(filter(None, (row["first_name"], row["last_name"])))
        found.setdefault(row["client_id"], {"name": name or None, "email": row["email"]})
    return found


def _managers(read: Reader, header: Header) -> list[Row]:
    if not read.has("user_assignments"):
        return []
    return read(
        """
        select
          project.project_id,
          project.client_id,
          person.person_name,
          person.email
        from user_assignments as assignment
        inner join marts.dim_project as project
          on assignment.account_id = project.account_id
          and assignment.project__id = project.project_id
        inner join marts.dim_person as person
          on assignment.account_id = person.account_id
          and assignment.user__id = person.user_id
        where
          assignment.account_id = :account_id
          and assignment.is_project_manager
          and assignment.is_active
          and project.is_active
          and person.is_active
        order by project.project_id, person.person_name
        """,
        {"account_id": header.account_id},
    )
