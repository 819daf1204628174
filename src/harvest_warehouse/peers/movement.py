"""What differing rows mean in hours and money, by month, client and project."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from harvest_warehouse.database import Database
from harvest_warehouse.peers.layouts import PeerTable
from harvest_warehouse.peers.report import MEASURES, Moved

Row = Mapping[str, Any]
DAYS = {"time_entries": "spent_date", "expenses": "spent_date", "invoices": "issue_date"}
"""Column with the day of a row, by table of ours: the tables whose hours and money move."""
_NO = Decimal(0)


class Movement:
    """Sums of both sides over the rows that differ.

    Args:
        database: connection to the account's tables, for names.
        account_id: the account.
    """

    def __init__(self, database: Database, account_id: str) -> None:
        self._clients = _named(database, "clients", account_id)
        self._projects = _named(database, "projects", account_id)
        self._sums: dict[tuple[str, str, Any, Any, str], list[Decimal]] = {}

    def add(self, table: PeerTable, there: Row | None, here: Row | None, times: int = 1) -> None:
        """Add a row as it is on both sides; None where it is not."""
        if table.base not in DAYS:
            return
        for place, row in enumerate((there, here)):
            if row:
                for key, amount in self._amounts(table, row):
                    self._sums.setdefault(key, [_NO, _NO])[place] += amount * times

    def moved(self) -> tuple[Moved, ...]:
        """Totals that move, those that move most first."""
        found = [
            Moved(
                measure,
                month,
                self._name(self._clients, client, "client"),
                self._name(self._projects, project, "project"),
                currency,
                *sums,
            )
            for (measure, month, client, project, currency), sums in self._sums.items()
            if sums[0] != sums[1]
        ]
        return tuple(
            sorted(
                found,
                key=lambda one: (list(MEASURES).index(one.measure), -abs(one.by), one.month, one.client, one.project),
            )
        )

    def _amounts(self, table: PeerTable, row: Row) -> list[tuple[tuple[str, str, Any, Any, str], Decimal]]:
        month = str(value_of(table, row, DAYS[table.base]) or "")[:7]
        client, project = value_of(table, row, "client__id"), value_of(table, row, "project__id")
        currency = value_of(table, row, "currency") or self._clients.get(client, ("", ""))[1]
        if table.base == "invoices":
            return [(("invoiced", month, client, None, currency), _number(value_of(table, row, "amount")))]
        if table.base == "expenses":
            return [(("expenses", month, client, project, currency), _number(value_of(table, row, "total_cost")))]
        hours = _number(value_of(table, row, "hours"))
        found = [(("hours", month, client, project, ""), hours)]
        if value_of(table, row, "billable"):
            rate = _number(value_of(table, row, "billable_rate"))
            found.append((("billable", month, client, project, currency), hours * rate))
        return found

    @staticmethod
    def _name(names: Mapping[Any, tuple[str, str]], key: Any, what: str) -> str:
        if key is None:
            return ""
        return names[key][0] if key in names else f"{what} {key}"


def value_of(table: PeerTable, row: Row, source: str) -> Any:
    """Value of one of our columns in a row of the layout, also inside of an object."""
    for column in table.columns:
        if column.source == source:
            return row.get(column.name)
        name, _, field = source.partition("__")
        if field and column.source.rstrip("{}!") == name and column.source != name:
            value = row.get(column.name)
            read = json.loads(value) if isinstance(value, str) else value
            return read.get(field) if read else None
    return None


def _number(value: Any) -> Decimal:
    return _NO if value is None else Decimal(str(value))


def _named(database: Database, table: str, account_id: str) -> dict[Any, tuple[str, str]]:
    """Name and currency of each record, by id."""
    have = database.columns(table)
    if "name" not in have:
        return {}
    currency = "currency" if "currency" in have else "null"
    rows = database.rows(
        f'select id, name, {currency} from "{table}" where account_id = :account_id', {"account_id": account_id}
    )
    return {key: (name or "", code or "") for key, name, code in rows}
