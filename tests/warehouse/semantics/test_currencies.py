"""Statements that mix currencies, or hours and money, are refused with one that would do; the others are not."""

from __future__ import annotations

import time

import pytest
import sqlglot

from harvest_time_tracking import tables
from harvest_warehouse.marts.models import described
from harvest_warehouse.semantics import semantic_model
from harvest_warehouse.semantics.currencies import MixesCurrencies, refuse_mixed

# Each with what the statement that would do groups by; None where there is no simple one.
WRONG = {
    "select sum(uninvoiced_amount) from mart_unbilled": "currency",
    "select sum(uninvoiced_amount) from harvest_marts.mart_unbilled": "currency",
    "from mart_unbilled select sum(uninvoiced_amount)": "currency",
    'select sum("amount") from "fct_invoice"': "currency",
    "select sum(AMOUNT) from FCT_INVOICE": "currency",
    "select client_name, sum(uninvoiced_amount) from mart_unbilled group by 1": "2, currency",
    "select client_name, sum(uninvoiced_amount) from mart_unbilled group by all": "all",
    "select avg(amount) from fct_invoice": "currency",
    "select max(amount) from invoices": "currency",
    "select median(amount) from fct_invoice": "currency",
    "select quantile_cont(amount, 0.5) from fct_invoice": "currency",
    "select list(amount) from fct_invoice": "currency",
    "select arg_max(client_name, amount) from fct_invoice": "currency",
    "select round(sum(amount), 2) from fct_invoice": "currency",
    "select sum(hours * billable_rate) from fct_time_entry": "currency",
    "select client_id, sum(amount) from fct_invoice group by client_id": "client_id, currency",
    "select month_start, sum(revenue) as r from mart_client_monthly group by month_start order by 1": "month_start, currency",
    "select sum(case when state = 'open' then amount end) from fct_invoice": "currency",
    "select sum(amount) filter (where state = 'open') from fct_invoice": "currency",
    "select sum(amount) from fct_invoice where currency = 'EUR' or currency = 'USD'": "currency",
    "select sum(amount) from fct_invoice where currency in ('EUR', 'USD')": "currency",
    "select sum(amount) from fct_invoice where not currency = 'EUR'": "currency",
    "select sum(amount) from fct_invoice where currency <> 'EUR'": "currency",
    "select sum(amount) from fct_invoice where currency = currency": "currency",
    "select client_name from mart_unbilled group by 1 having sum(uninvoiced_amount) > 0": "2, currency",
    "with a as (select client_name, currency, sum(open_amount) as o from fct_invoice group by all) select sum(o) from a": "currency",
    "select sum(s) from (select max(amount) as s from fct_invoice group by currency) as t": None,
    "select sum(amount) over () from fct_invoice": None,
    "select sum(amount) over (order by issue_date) from fct_invoice": None,
    "select amount - lag(amount) over (order by issue_date) from fct_invoice": None,
    "select (select sum(amount) from fct_invoice) as x": None,
    "select (select sum(amount) from invoices where currency = 'EUR') + (select sum(amount) from invoices where currency = 'USD')": None,
    "select c.currency, sum(u.uninvoiced_amount) from mart_unbilled as u, dim_client as c group by c.currency": "c.currency, u.currency",
    "select sum(i.amount) from fct_invoice as i left join dim_client as c on i.currency = 'EUR'": "i.currency",
    "select a.amount + b.amount from fct_invoice as a, fct_invoice as b": None,
    "select sum(x) from (select amount as x from fct_invoice where currency = 'EUR' union all select amount from fct_invoice where currency = 'USD') as t": None,
    "select sum(t.b) from (select amount from fct_invoice) as t(b)": None,
    "select sum(t['amount']) from fct_invoice as t": "currency",
    "select sum(columns(*)) from fct_invoice": "currency",
    "select * from fct_invoice pivot (sum(amount) for state in ('open'))": None,
    "select sum(x.s) from (values (1)) as v(i), lateral (select amount as s from fct_invoice) as x": None,
    "summarize fct_invoice": None,
    "select sum(a.o) from (select * from (select currency, open_amount as o from fct_invoice) as b) as a": "currency",
    "select sum(amount) from fct_invoice group by rollup (currency)": "rollup (currency), currency",
    "with recursive r as (select 1 as n, amount from fct_invoice union all select n + 1, amount from r where n < 3) select sum(amount) from r": None,
    "select sum(amount) from fct_invoice as i where exists (select 1 from dim_client as c where c.currency = 'EUR')": "currency",
    "select 1 from fct_invoice having sum(amount) > 100": "currency",
    "select client_id from fct_invoice group by client_id order by sum(amount) desc": "client_id, currency",
    "select currency, sum(budget_spent) from mart_project_budget group by currency": "currency, budget_unit",
    "select budget_unit, sum(budget_spent) from mart_project_budget group by budget_unit": "budget_unit, currency",
    "select sum(budget) from mart_project_budget": "currency, budget_unit",
    "select sum(used) from mart_retainer_monthly where currency = 'EUR'": "budget_unit",
}
WRONG |= {
    "select sum(u.a) from fct_invoice as i, unnest([i.amount]) as u(a)": None,
    "select sum(x.s) from fct_invoice as i, lateral (select i.amount as s) as x": None,
    "select sum(x.s) from fct_invoice as i, (select i.amount as s) as x": None,
    "select sum((select sum(u.uninvoiced_amount) from mart_unbilled as u where u.client_id = c.client_id)) from dim_client as c": None,
    "select sum((select max(amount) from fct_invoice where currency = 'EUR')) + sum(amount) from fct_invoice": None,
    "select c.client_name, (select sum(i.amount) from fct_invoice as i where i.client_id = c.client_id) as s from dim_client as c": None,
    "select (select amount from fct_invoice limit 1) + (select amount from fct_expense limit 1)": None,
    "select sum(amount) from fct_invoice group by grouping sets ((currency), ())": "grouping sets ((currency), ()), currency",
}
RIGHT = [
    "select c.client_name, (select sum(u.uninvoiced_amount) from mart_unbilled as u where u.client_id = c.client_id) as s from dim_client as c",
    "select currency, sum(uninvoiced_amount) from mart_unbilled group by 1",
    "select currency as c, sum(amount) from fct_invoice group by c",
    "select client_name, currency, sum(uninvoiced_amount) from mart_unbilled group by all",
    "select sum(uninvoiced_amount) from mart_unbilled where currency = 'EUR'",
    "select sum(amount) from fct_invoice where 'EUR' = currency and state = 'open'",
    "select sum(amount) from fct_invoice where currency in ('EUR')",
    "select client_id, sum(uninvoiced_amount) from mart_unbilled group by client_id",
    "select project_id, sum(revenue) / sum(value_at_rates) from mart_project_profitability_monthly group by project_id",
    "select sum(hours) from fct_time_entry",
    "select sum(labour_cost) from fct_time_entry",
    "select sum(margin) from mart_project_profitability_monthly",
    "select count(*), count(amount), count(distinct client_id) from fct_invoice",
    "select sum(case when currency = 'EUR' then amount end) as eur, sum(amount) filter (where currency = 'USD') as usd from fct_invoice",
    "select sum(case currency when 'EUR' then amount else 0 end) as eur from fct_invoice",
    "select c.currency, sum(u.uninvoiced_amount) from mart_unbilled as u join dim_client as c using (client_id) group by c.currency",
    "select c.currency, sum(u.uninvoiced_amount) from mart_unbilled as u left join dim_client as c on u.client_id = c.client_id group by c.currency",
    "select c.currency, sum(i.amount) from fct_invoice as i join dim_client as c on i.client_id = c.client_id and i.currency = c.currency group by 1",
    "with a as (select client_name, currency, sum(open_amount) as o from fct_invoice group by all) select currency, sum(o) from a group by currency",
    "select * from (select currency, sum(amount) as s from invoices group by currency) as t where s > 100",
    "select sum(s) from (select sum(amount) as s from invoices where currency = 'EUR') as t",
    "select amount - tax_amount from fct_invoice",
    "select sum(amount) over (partition by currency) from fct_invoice",
    "select client_name, amount from fct_invoice order by amount desc",
    "select sum(billable_hours) / sum(available_hours) from mart_utilisation_weekly",
    "select client_name from mart_unbilled group by client_id, client_name having sum(uninvoiced_amount) > 0",
    "select i.invoice_id, sum(l.line_amount) from fct_invoice as i join fct_invoice_line as l on i.invoice_id = l.invoice_id group by i.invoice_id",
    "select sum(budget_remaining) from mart_project_budget where budget_unit = 'hours'",
    "select currency, budget_unit, sum(budget) from mart_project_budget group by 1, 2",
    "select project_id, sum(spent) from mart_project_budget_line where line_kind = 'task' group by 1",
    "select currency, sum(x) from (select currency, amount as x from fct_invoice union all select currency, amount from fct_expense) as t group by currency",
    "select f.project_id, r.v from mart_project_budget as f left join (select project_id, sum(value_at_rates) as v from mart_project_profitability_monthly group by project_id) as r on f.project_id = r.project_id",
    "describe fct_invoice",
    "summarize dim_person",
]


def columns(table: str) -> list[str]:
    known = described().get(table) or tables().get(table)
    return list(known.columns) if known else []


def check(statement: str) -> None:
    refuse_mixed(sqlglot.parse_one(statement, read="duckdb"), semantic_model(), columns, "duckdb")


@pytest.mark.parametrize("statement", WRONG)
def test_a_statement_that_mixes_is_refused_with_one_that_would_do(statement: str) -> None:
    with pytest.raises(MixesCurrencies) as refused:
        check(statement)
    group = WRONG[statement]
    if group is None:
        assert refused.value.instead is None
        return
    assert refused.value.instead is not None
    assert (
        refused.value.instead.lower().rpartition("group by ")[2].partition(" order")[0].partition(" having")[0] == group
    )
    assert refused.value.instead in str(refused.value)
    check(refused.value.instead)


@pytest.mark.parametrize("statement", RIGHT)
def test_a_statement_that_mixes_nothing_passes(statement: str) -> None:
    check(statement)


@pytest.mark.parametrize(
    ("whole", "nested"),
    [
        (
            "select {} from fct_invoice group by currency",
            "(select sum(amount) + {} from fct_invoice where currency = 'EUR')",
        ),
        ("select {} from fct_invoice", "(amount / {})"),
        ("select {} from fct_invoice", "case when state = 'open' then amount + {} end"),
        ("select * from {}", "(select * from {} as t)"),
    ],
)
def test_nested_statements_are_checked_in_no_time(whole: str, nested: str) -> None:
    inner = "fct_invoice" if "*" in whole else "1"
    for _ in range(25):
        inner = nested.format(inner)
    began = time.process_time()
    check(whole.format(inner + (" as t" if "*" in whole else "")))
    assert time.process_time() - began < 5


def test_every_question_of_the_model_passes() -> None:
    for question in semantic_model().questions.values():
        check(question.sql)
