"""Header of every page: account, date of the figures, currencies, missing lists, and agreement with Harvest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from harvest_time_tracking import SettingWrong
from harvest_warehouse.dashboard import queries_trust
from harvest_warehouse.dashboard.reader import Reader
from harvest_warehouse.dashboard.requirements import LISTS, Missing


@dataclass(frozen=True)
class Header:
    """Header of an account's pages, from its marts.

    Attributes:
        account_id: the account.
        account_name: name of the account; its id if it has none.
        as_of_date: day up to which weeks, ages and budgets count.
        loaded_at: end of the last load.
        time_zone: time zone of the account.
        home_currency: currency of cost rates; None if unknown.
        target: target for the billable share of available hours.
        currencies: currencies of clients, the one with the most hours first.
        clients: names of clients by id, by currency.
        verdicts: number of figures compared with Harvest's reports, by verdict; empty without a comparison.
        compared_at: time of the last comparison; None without one.
        without_billable_rate: number of billable time entries without a rate.
        without_cost_rate: number of time entries without a cost rate.
        missing: lists without rows, or never read completely, and why.
    """

    account_id: str
    account_name: str
    as_of_date: date
    loaded_at: datetime
    time_zone: str
    home_currency: str | None
    target: Decimal
    currencies: tuple[str, ...]
    clients: Mapping[str, Mapping[int, str]]
    verdicts: Mapping[str, int] = field(default_factory=dict)
    compared_at: datetime | None = None
    without_billable_rate: int = 0
    without_cost_rate: int = 0
    missing: Mapping[str, Missing] = field(default_factory=dict)

    @property
    def never_read(self) -> tuple[str, ...]:
        """Lists that were never read completely, so that figures based on them are unknown."""
        return tuple(name for name, why in self.missing.items() if why == "never read")


def accounts(read: Reader) -> dict[str, str]:
    """Read the accounts in the marts: name by id.

    Raises:
        SettingWrong: the marts are not built.
        NotReadable: the database cannot be opened.
    """
    with read.at_once():
        if not read.has("dim_account"):
            raise SettingWrong("The marts are not built yet: run `dlt-harvest build` in this folder first.")
        found = read("select account_id, account_name from marts.dim_account order by account_id")
    return {row["account_id"]: row["account_name"] or row["account_id"] for row in found}


def header(read: Reader, account_id: str) -> Header:
    """Read the header of an account. Raises as `accounts` does."""
    values = {"account_id": account_id}
    with read.at_once():
        [account] = read("select * from marts.dim_account where account_id = :account_id", values)
        named = read(_CLIENTS, values)
        counts = {row["finding"]: row["row_count"] for row in read(_WITHOUT_RATE, values)}
        compared = queries_trust.reconciliation(read, account_id)
        missing = _missing(read, account_id)
    clients: dict[str, dict[int, str]] = {}
    for client in named:
        clients.setdefault(client["currency"], {})[client["client_id"]] = client["client_name"]
    home = account["home_currency"]
    if not clients and home:
        clients[home] = {}
    verdicts: dict[str, int] = {}
    for row in compared:
        verdicts[row["verdict"]] = verdicts.get(row["verdict"], 0) + row["figures"]
    return Header(
        account_id,
        account["account_name"] or account_id,
        account["as_of_date"],
        account["loaded_at"],
        account["time_zone"],
        home,
        account["target_utilisation"],
        tuple(clients),
        clients,
        verdicts,
        max((row["compared_at"] for row in compared), default=None),
        counts.get("missing_billable_rate", 0),
        counts.get("missing_cost_rate", 0),
        missing,
    )


def _missing(read: Reader, account_id: str) -> dict[str, Missing]:
    [rows] = read(_HOW_MANY, {"account_id": account_id})
    runs = {row["stream"]: row for row in queries_trust.ever_read(read, account_id)}
    missing: dict[str, Missing] = {}
    for name in LISTS:
        run = runs.get(name, {"is_complete": 0, "is_off": 0})
        if run["is_off"] and not rows[name]:
            missing[name] = "switched off"
        elif not run["is_complete"]:
            missing[name] = "never read"
        elif not rows[name]:
            missing[name] = "none"
    return missing


_WITHOUT_RATE = """
  select
    finding,
    row_count
  from marts.mart_data_quality
  where account_id = :account_id and finding in ('missing_billable_rate', 'missing_cost_rate')
"""

_TABLES = {
    "clients": "dim_client",
    "projects": "dim_project",
    "users": "dim_person",
    "time_entries": "fct_time_entry",
    "expenses": "fct_expense",
    "invoices": "fct_invoice",
}
_HOW_MANY = "select " + ", ".join(
    f"(select count(*) from marts.{table} where account_id = :account_id) as {name}" for name, table in _TABLES.items()
)

_CLIENTS = """
  select
    client.currency,
    client.client_id,
    client.client_name,
    coalesce(sum(monthly.hours), 0) as hours
  from marts.dim_client as client
  left join marts.mart_client_monthly as monthly
    on client.account_id = monthly.account_id
    and client.client_id = monthly.client_id
  where client.account_id = :account_id and client.currency is not null
  group by client.currency, client.client_id, client.client_name
  order by sum(coalesce(sum(monthly.hours), 0)) over (partition by client.currency) desc, client.currency, client.client_name
"""
