"""Kinds of records that can be behind a figure: their query, their conditions, their columns and their address in Harvest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harvest_warehouse.dashboard.page import Column
from harvest_warehouse.definitions import UNBILLED_EXPENSES, UNBILLED_TIME


@dataclass(frozen=True)
class Kind:
    """Kind of records.

    Attributes:
        title: what they are called.
        one: one of them.
        query: SQL query for all of an account's records.
        keys: columns that a condition of the address compares, by its name.
        only: named subsets: in words, and as an SQL condition.
        columns: columns of the table; those of rates have the kind `rate`.
        sums: columns whose totals are shown.
        order: SQL expression to sort by.
        path: path of a record in Harvest, to be filled with its columns.
    """

    title: str
    one: str
    query: str
    keys: Mapping[str, str]
    only: Mapping[str, tuple[str, str]]
    columns: Sequence[Column]
    sums: Sequence[str]
    order: str
    path: str


_NAMES = """
  left join marts.dim_project as project
    on work.account_id = project.account_id
    and work.project_id = project.project_id
  left join marts.dim_client as client
    on work.account_id = client.account_id
    and work.client_id = client.client_id
  left join marts.dim_person as person
    on work.account_id = person.account_id
    and work.user_id = person.user_id
"""
_AGE = """
  case
    when today.day_number - day.day_number <= 30 then '0-30'
    when today.day_number - day.day_number <= 60 then '31-60'
    when today.day_number - day.day_number <= 90 then '61-90'
    else '90+'
  end
"""
_TIME = f"""
  select
    work.*,
    project.project_name,
    client.client_name,
    person.person_name,
    coalesce(person.is_contractor, false) as is_contractor,
    task.task_name
  from marts.fct_time_entry as work
  {_NAMES}
  left join marts.dim_task as task
    on work.account_id = task.account_id
    and work.task_id = task.task_id
"""
_UNBILLED = f"""
  select
    work.*,
    {_AGE} as age,
    project.project_name,
    client.client_name,
    person.person_name
  from (
    select
      account_id, spent_date, user_id, client_id, project_id, currency, 'time' as kind,
      uninvoiced_hours, uninvoiced_amount
    from marts.fct_time_entry as fact
    where {UNBILLED_TIME}
    union all
    select
      account_id, spent_date, user_id, client_id, project_id, currency, 'expense' as kind,
      0 as uninvoiced_hours, uninvoiced_amount
    from marts.fct_expense as fact
    where {UNBILLED_EXPENSES}
  ) as work
  inner join marts.dim_date as day
    on work.account_id = day.account_id
    and work.spent_date = day.date_day
  inner join marts.dim_date as today
    on work.account_id = today.account_id
    and today.is_as_of_date
    and day.day_number <= today.day_number
  {_NAMES}
"""
_WHO = (Column("spent_date", "Date", "date"), Column("person_name", "Person"), Column("client_name", "Client"))

KINDS: Mapping[str, Kind] = {
    "time": Kind(
        "Time entries",
        "time entry",
        _TIME,
        {"client": "client_id", "project": "project_id", "person": "user_id", "currency": "currency"},
        {
            "billable": ("billable", "is_billable"),
            "without-rate": ("billable, without a billable rate", "is_missing_billable_rate"),
            "without-cost-rate": ("without a cost rate", "is_missing_cost_rate"),
            "employees": ("without contractors", "not is_contractor"),
        },
        (
            *_WHO,
            Column("project_name", "Project"),
            Column("task_name", "Task"),
            Column("tracked_hours", "Tracked (h)", "hours"),
            Column("billable_hours", "Billable (h)", "hours"),
            Column("billable_rate", "Billable rate", "rate"),
            Column("value_at_rates", "Value at rates", "rate"),
        ),
        ("tracked_hours", "billable_hours"),
        "spent_date desc, person_name, time_entry_id",
        "/time/day/{spent_date:%Y/%m/%d}/{user_id}",
    ),
    "unbilled": Kind(
        "Work not yet billed",
        "entry",
        _UNBILLED,
        {"client": "client_id", "project": "project_id", "currency": "currency", "age": "age"},
        {},
        (
            *_WHO,
            Column("project_name", "Project"),
            Column("kind", "Time or expense"),
            Column("uninvoiced_hours", "Hours (h)", "hours"),
            Column("uninvoiced_amount", "Not yet billed", "money"),
            Column("currency", "Currency"),
        ),
        ("uninvoiced_hours", "uninvoiced_amount"),
        "uninvoiced_amount desc, spent_date, project_id, user_id",
        "/projects/{project_id}",
    ),
    "invoices": Kind(
        "Invoices",
        "invoice",
        "select * from marts.fct_invoice",
        {"client": "client_id", "currency": "currency", "overdue": "overdue_bucket", "number": "invoice_number"},
        {
            "open": ("open", "state = 'open' and due_amount > 0"),
            "overdue": ("open and past their due date", "state = 'open' and due_amount > 0 and days_overdue > 0"),
        },
        (
            Column("client_name", "Client"),
            Column("invoice_number", "Invoice"),
            Column("state", "State"),
            Column("issue_date", "Issued", "date"),
            Column("due_date", "Due", "date"),
            Column("days_overdue", "Days overdue", "count"),
            Column("amount", "Total", "money"),
            Column("open_amount", "Open", "money"),
            Column("currency", "Currency"),
        ),
        ("amount", "open_amount"),
        "open_amount desc, issue_date, invoice_id",
        "/invoices/{invoice_id}",
    ),
}
