"""Header of every page: account, date of the figures, currencies, missing lists, and agreement with Harvest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from harvest_time_tracking import SettingWrong
from harvest_warehouse.alerts.freshness import age_of, age_words, old_words
from harvest_warehouse.alerts.settings import AlertSettings, alert_settings
from harvest_warehouse.dashboard.formatting import count, day, listed
from harvest_warehouse.dashboard.queries import trust as queries_trust
from harvest_warehouse.dashboard.reader import Reader, Row
from harvest_warehouse.dashboard.requirements import LISTS, Missing
from harvest_warehouse.database.system_tables import AGREED
from harvest_warehouse.definitions import AS_OF, OF_MONTH, RECEIVABLE
from harvest_warehouse.marts.settings import mart_settings


class Rate(NamedTuple):
    """Exchange rate into the home currency, and the month whose figures it is taken from."""

    month_start: date
    value: Decimal


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
        has_own_targets: whether somebody has another target, by role or person.
        currencies: currencies of clients and invoices, the one with the most hours first.
        clients: names of clients by id, by currency.
        verdicts: number of figures compared with Harvest's reports, by verdict; empty without a comparison.
        compared_at: time of the last comparison; None without one.
        without_billable_rate: number of billable time entries without a rate.
        without_cost_rate: number of time entries without a cost rate.
        missing: lists without rows, or never read completely, and why.
        rates: last known exchange rate into the home currency by foreign currency, and the month it is of.
        age: time since the last load, or since the end of the day of the figures if that is longer.
        thresholds: thresholds of the alerts.
        web_address: address of the account in Harvest; None if unknown.
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
    rates: Mapping[str, Rate] = field(default_factory=dict)
    age: timedelta = timedelta(0)
    thresholds: AlertSettings = field(default_factory=AlertSettings)
    web_address: str | None = None
    has_own_targets: bool = False

    @property
    def is_old(self) -> bool:
        """True if the figures are older than they may be."""
        return self.age > self.thresholds.max_age

    @property
    def dated(self) -> str:
        """Day of the figures, and age of the data, in words."""
        loaded = f"{day(self.loaded_at)} {self.loaded_at:%H:%M} UTC"
        return f"{day(self.as_of_date)}, loaded {age_words(self.age)} ago ({loaded})"

    @property
    def warning(self) -> str:
        """Warning that the figures are old; empty if they are not."""
        return old_words(self.age, self.as_of_date, self.loaded_at) if self.is_old else ""

    @property
    def unconverted(self) -> tuple[str, ...]:
        """Currencies that cannot be converted into the home currency."""
        return tuple(name for name in self.currencies if self.in_home(Decimal(1), name) is None)

    def in_home(self, amount: Decimal, currency: str) -> Decimal | None:
        """Convert an amount into the home currency; None without a rate."""
        if currency == self.home_currency:
            return amount
        return amount * self.rates[currency].value if currency in self.rates else None

    def link(self, kind: str, key: int | None) -> str | None:
        """Address of a record in Harvest, such as an invoice; None where the account's address is unknown."""
        is_web = (self.web_address or "").startswith("https://")
        return f"{self.web_address}/{kind}/{key}" if is_web and key else None

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


def header(
    read: Reader, account_id: str, settings: AlertSettings | None = None, *, now: datetime | None = None
) -> Header:
    """Read the header of an account.

    Args:
        read: reader of the marts.
        account_id: the account.
        settings: thresholds; None to read them from dlt's configuration.
        now: present time (aware); None for the clock's.

    Raises:
        SettingWrong: as `accounts` does, or a threshold is invalid.
    """
    values = {"account_id": account_id}
    with read.at_once():
        [account] = read("select * from marts.dim_account where account_id = :account_id", values)
        named = read(_CLIENTS, values)
        counts = {row["finding"]: row["row_count"] for row in read(_WITHOUT_RATE, values)}
        compared = queries_trust.reconciliation(read, account_id)
        missing = _missing(read, account_id)
        rates = {row["currency"]: Rate(row["month_start"], _rate(row)) for row in read(_RATES, values)}
        address = (
            read("select base_uri from company where account_id = :account_id", values) if read.has("company") else []
        )
        own = read(_OWN_TARGETS, values)
        invoiced = [row["currency"] for row in read(_INVOICED, values)]
    clients: dict[str, dict[int, str]] = {}
    for client in named:
        clients.setdefault(client["currency"], {})[client["client_id"]] = client["client_name"]
    for currency in invoiced:
        clients.setdefault(currency, {})
    home, as_of = account["home_currency"], account["as_of_date"]
    rates |= _in_settings([code for code in clients if code not in rates], home, as_of)
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
        rates,
        age_of(account, now or datetime.now(UTC)),
        settings or alert_settings(),
        next((row["base_uri"] for row in address), None),
        own[0]["people"] > 0,
    )


def verdict(header: Header) -> str:
    """Summarise the comparison with Harvest in one line: how many figures are equal, and what the others are."""
    if not header.verdicts or header.compared_at is None:
        return "not run"
    equal = sum(header.verdicts.get(name, 0) for name in AGREED)
    others = [
        f"{number:,} {_VERDICTS.get(name, name)}"
        for name, number in sorted(header.verdicts.items())
        if name not in AGREED and number
    ]
    said = [f"{equal:,} of {sum(header.verdicts.values()):,} figures equal", *others]
    return f"{', '.join(said)} ({day(header.compared_at)})"


def without_rate(header: Header) -> str:
    """Count the time entries without a billable rate or a cost rate, as text."""
    unread = [name for name in ("time_entries", "projects") if name in header.never_read]
    if unread:
        # Whether an entry needs a rate depends on its project.
        return f"not known: {listed(unread)} were never read from Harvest"
    return f"{count(header.without_billable_rate, 'billable entry', 'billable entries')}, {header.without_cost_rate:,} without a cost rate"


def _in_settings(currencies: Sequence[str], home: str | None, as_of: date) -> dict[str, Rate]:
    """Rates of currencies without revenue, which the marts have no rate of: from the settings, as they apply now."""
    missing = [code for code in currencies if code != home]
    given = mart_settings().exchange_rates if missing else {}
    found = {code: max((start for start in given.get(code, ()) if start <= as_of), default=None) for code in missing}
    return {code: Rate(as_of.replace(day=1), given[code][start]) for code, start in found.items() if start}


def _rate(row: Row) -> Decimal:
    return round(Decimal(row["revenue_home"]) / Decimal(row["revenue"]), 6)


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


_VERDICTS = {
    "mismatch": "different",
    "missing_here": "missing here",
    "missing_there": "missing at Harvest",
    "not_provable": "not provable",
}

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
    "estimates": "mart_estimate_pipeline",
}
_HOW_MANY = "select " + ", ".join(
    f"(select count(*) from marts.{table} where account_id = :account_id) as {name}" for name, table in _TABLES.items()
)

# Oldest first: the last one of a currency stays.
_RATES = f"""
  select
    fact.currency,
    fact.month_start,
    sum(fact.revenue) as revenue,
    sum(fact.revenue_home) as revenue_home
  from marts.mart_project_profitability_monthly as fact
  {AS_OF}
  {OF_MONTH}
  where
    fact.account_id = :account_id
    and not fact.is_home_currency
    and fact.revenue > 0
    and fact.revenue_home is not null
    and month.month_index <= today.month_index
  group by fact.currency, fact.month_start
  order by fact.month_start
"""

_OWN_TARGETS = """
  select count(*) as people
  from marts.dim_person as person
  inner join marts.dim_account as account
    on person.account_id = account.account_id
  where person.account_id = :account_id and person.target_utilisation <> account.target_utilisation
"""
_INVOICED = f"""
  select distinct fact.currency
  from marts.fct_invoice as fact
  where fact.account_id = :account_id and fact.currency is not null and {RECEIVABLE}
  order by fact.currency
"""

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
