"""Each check finds what it is for, and nothing where nothing is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace

import duckdb
import pytest
from sqlglot import exp

import harvest_warehouse.marts.models as models_module
from harvest_warehouse.database import Database, open_database
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.marts.models import described, models, raw_tables, resolved, rules
from harvest_warehouse.marts.needs import Oddity, needs
from harvest_warehouse.warehouse import Target
from support.shop import Shop

ERRORS = [rule.name for rule in rules() if rule.severity == "error" and not rule.name.startswith("key_")]
# Of the settings, not of a row: they are in test_definitions.py.
OF_THE_SETTINGS = {"foreign_home_currency", "unused_home_currency", "no_leave_task"}
TOLD = [rule.name for rule in rules() if rule.severity != "error" and rule.name not in OF_THE_SETTINGS]

# What the simulated company has that a check would rightly tell, mended.
_MENDED = (
    "update time_entries set billable_rate = 100 where billable and billable_rate is null",
    "update time_entries set cost_rate = 1 where cost_rate is null",
    "update time_entries set is_running = false",
    "update time_entries set is_billed = false where invoice__id is null",
    "update time_entries set is_closed = true",
    "update projects set starts_on = date '2026-01-01', ends_on = date '2026-06-30' where is_fixed_fee",
)


@pytest.fixture(scope="module")
def sound(tiny_shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = tiny_shop.copy(tmp_path_factory.mktemp("sound"))
    shop.run(*_MENDED)
    shop.build()
    return shop


@pytest.fixture(scope="module")
def broken(sound: Shop, tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """What a build finds after each of the changes below, each in rows of its own."""
    shop = sound.copy(tmp_path_factory.mktemp("broken"))
    _break(shop)
    shop.build()
    return shop.found()


def _break(shop: Shop) -> None:
    def pick(query: str) -> int:
        return int(shop.rows(query)[0][0])

    taken = [0]

    def entry(where: str, change: str) -> None:
        ids = ", ".join(map(str, taken))
        number = pick(f"select min(id) from time_entries where id not in ({ids}) and {where}")
        taken.append(number)
        shop.run(f"update time_entries set {change} where id = {number}")

    material = "project__id in (select id from projects where is_billable and not is_fixed_fee)"
    people = "project__id in (select id from projects where bill_by = 'People' and is_billable)"
    default = "project__id || '-' || user__id in (select project__id || '-' || user__id from user_assignments where use_default_rates)"
    other_client = pick("select max(id) from clients")
    entry(f"client__id <> {other_client}", f"client__id = {other_client}")
    entry("not billable and not is_billed", f"is_billed = true, invoice__id = {pick('select min(id) from invoices')}")
    entry("not billable and not is_billed", "billable_rate = 5")
    entry("true", "cost_rate = cost_rate + 1")
    entry(f"billable and {people} and {default}", "billable_rate = billable_rate + 1")
    entry(f"billable and not is_billed and {material}", "billable_rate = null")
    entry("true", "cost_rate = null")
    entry("true", "is_running = true")
    entry("true", "hours = 17, rounded_hours = 17")
    for _ in range(2):
        # Two entries of one person on a day of their own.
        entry(
            "user__id = (select max(user__id) from time_entries) and spent_date between date '2026-01-05' and date '2026-02-01'",
            "hours = 9, rounded_hours = 9, spent_date = date '2026-01-17'",
        )
    # Of somebody whose rates were never raised: on another day they are the same.
    steady = " and ".join(
        f"user__id in (select user_id from {rates} group by user_id having count(*) = 1)"
        for rates in ("user_cost_rates", "user_billable_rates")
    )
    entry(f"not is_billed and {steady}", "spent_date = date '2026-03-19'")
    entry(
        "invoice__id in (select id from invoices where sent_at is not null)",
        "updated_at = timestamptz '2026-03-16 08:00:00+00', is_closed = false",
    )
    entry(f"billable and not is_billed and {material}", "is_billed = true")

    paid = "select min(id) from invoices where state = 'paid'"
    shop.run(f"update invoices set currency = 'JPY' where id = ({paid})")
    shop.run("update invoices set discount_amount = discount_amount + 1 where id = (select max(id) from invoices)")
    shop.run(
        "update invoices set due_amount = due_amount + 5 where id = (select min(id) from invoices where state = 'open')"
    )
    shop.run(
        "update invoices__line_items set quantity = quantity + 1 where id = (select min(id) from invoices__line_items)"
    )
    person = "select min(user_id) from (select user_id from user_cost_rates group by user_id having count(*) = 1)"
    shop.run(
        "insert into user_cost_rates by name "
        f"select * replace (id + 900000000 as id) from user_cost_rates where user_id = ({person})"
    )
    shop.run("delete from tasks where id = (select min(task__id) from time_entries)")
    fixed = "select {}(id) from projects where is_fixed_fee and is_active"
    shop.run(f"update projects set fee = null where id = ({fixed.format('min')})")
    shop.run(f"update projects set ends_on = null where id = ({fixed.format('max')})")
    entry("true", "spent_date = null")
    entry("not is_billed", "rounded_hours = -1")
    shop.run("update estimates set issue_date = date '1926-03-16' where id = (select min(id) from estimates)")
    hours = "select min(id) from projects where budget_by = 'project' and is_active"
    shop.run(f"update projects set budget = null where id = ({hours})")


# How many rows each of the changes above is; long_day is the one entry, and the two on one day.
BROKEN = dict.fromkeys(TOLD, 1) | {"long_day": 2}


@pytest.mark.by_day(8)
@pytest.mark.parametrize("name", TOLD)
def test_a_check_that_only_tells_finds_the_row_that_breaks_it(broken: dict[str, int], name: str) -> None:
    assert broken.get(name) == BROKEN[name]


def test_nothing_is_told_of_an_account_in_which_nothing_is_wrong(sound: Shop) -> None:
    assert sound.found() == {}
    told = sound.rows("select finding, severity from marts.mart_data_quality")
    assert dict(told) == {rule.name: rule.severity for rule in rules()}, "all are listed, with nothing found"


@pytest.mark.parametrize("name", [rule.name for rule in rules()])
def test_the_query_of_a_check_shows_the_rows_it_counted(sound: Shop, name: str) -> None:
    [(query, count)] = sound.rows(f"select query, row_count from marts.mart_data_quality where finding = '{name}'")
    with open_pipeline(sound.warehouse).sql_client() as client, client.execute_query(query) as cursor:
        assert len(cursor.fetchall()) == count


def violations(shop: Shop, name: str, *tampering: str) -> int:
    """How many rows a check finds in the marts after they were tampered with, which is then undone."""
    rule = next(rule for rule in rules() if rule.name == name)
    with open_database(shop.warehouse) as database:
        raw = {table: database.columns(table) for table in raw_tables()}
        found: list[int] = []

        def look(inside: Database) -> None:
            inside.run(tampering) if tampering else None
            found.append(len(inside.rows(resolved(rule.query, raw))))

        _undone(shop, look)
    return found[0]


def _undone(shop: Shop, look: Callable[[Database], None]) -> None:
    copy = shop.warehouse.folder / "tampered"
    copy.mkdir(exist_ok=True)
    shutil.copy(shop.warehouse.file, copy)
    with open_database(Target(copy, pipelines_dir=copy / "pipelines")) as database:
        look(database)


_TAMPERED = {
    "conserved_time_entries": "delete from marts.fct_time_entry where time_entry_id = (select min(id) from time_entries)",
    "conserved_expenses": "update marts.fct_expense set amount = amount + 0.01 where expense_id = (select min(id) from expenses)",
    "conserved_invoices": "delete from marts.fct_invoice where invoice_id = (select min(id) from invoices)",
    "conserved_invoice_lines": "update marts.fct_invoice_line set line_amount = line_amount - 0.01 "
    "where invoice_line_id = (select min(id) from invoices__line_items)",
    "conserved_payments": "update marts.fct_invoice set paid_amount = paid_amount + 0.01 "
    "where invoice_id = (select min(invoice_id) from invoice_payments)",
    "conserved_estimates": "delete from marts.mart_estimate_pipeline where estimate_id = (select min(id) from estimates)",
    "known_invoice": "update invoices__line_items set _dlt_parent_id = 'nobody' "
    "where id = (select min(id) from invoices__line_items)",
    "conserved_utilisation": "update marts.mart_utilisation_weekly set billable_hours = billable_hours + 0.01 "
    "where user_id = (select min(user__id) from time_entries) and week_start = date '2026-03-02'",
    "conserved_compliance": "delete from marts.mart_timesheet_compliance_weekly "
    "where user_id = (select min(user__id) from time_entries)",
    "conserved_profitability": "update marts.mart_project_profitability_monthly set labour_cost = labour_cost + 1 "
    "where project_id = (select min(project__id) from time_entries)",
    "conserved_work": "update marts.mart_work_monthly set hours = hours + 1 "
    "where project_id = (select min(project_id) from marts.mart_work_monthly)",
    "conserved_unbilled": "delete from marts.mart_unbilled where project_id = "
    "(select min(project_id) from marts.fct_time_entry where uninvoiced_amount > 0)",
    "conserved_fixed_fee": "update marts.mart_fixed_fee_revenue_monthly set revenue = revenue + 0.01 where project_id = "
    "(select min(project_id) from marts.mart_fixed_fee_revenue_monthly)",
    "conserved_fee_progress": "delete from marts.mart_fixed_fee_progress where project_id = "
    "(select min(project_id) from marts.mart_fixed_fee_progress)",
    "conserved_budget": "delete from marts.mart_project_budget_line where line_kind = 'task' and spent > 0 and project_id = "
    "(select min(project_id) from marts.mart_project_budget_line where spent > 0)",
    "conserved_clients": "update marts.mart_client_monthly set revenue = revenue + 1 where client_id = "
    "(select min(client_id) from marts.mart_client_monthly)",
    "conserved_receivables": "update marts.mart_receivables_monthly set issued = issued + 1 where currency = "
    "(select min(currency) from marts.mart_receivables_monthly)",
    "one_currency": "update marts.fct_time_entry set currency = 'XXX' where time_entry_id = "
    "(select min(time_entry_id) from marts.fct_time_entry where value_at_rates > 0)",
    "known_dimensions": "delete from marts.dim_task where task_id = (select min(task__id) from time_entries)",
}


def test_rows_that_have_no_place_and_are_not_told_as_left_out_are_found(
    sound: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert violations(sound, "conserved_rows") == 0
    # Of an empty invoice__id neither this nor its opposite is true.
    slip = replace(needs()["time_entries"], barring=(Oddity("invoice__id < 0", "'odd. '"),))
    monkeypatch.setattr(models_module, "needs", lambda: {**needs(), "time_entries": slip})
    for cached in (models_module._placed, models_module._staging):
        cached.cache_clear()
    try:
        assert violations(sound, "conserved_rows") == 1
    finally:
        for cached in (models_module._placed, models_module._staging):
            cached.cache_clear()


@pytest.mark.parametrize("name", sorted(_TAMPERED))
def test_an_error_check_finds_what_was_lost_or_changed_in_the_marts(sound: Shop, name: str) -> None:
    assert violations(sound, name) == 0
    assert violations(sound, name, _TAMPERED[name]) > 0


@pytest.mark.parametrize("name", [model.name for model in models() if model.is_kept])
def test_the_key_of_each_table_is_checked(sound: Shop, name: str) -> None:
    assert violations(sound, f"key_{name}") == 0
    key = ", ".join(described()[name].key)
    one = f"select * from marts.{name} order by {key} limit 1"
    assert violations(sound, f"key_{name}", f"insert into marts.{name} {one}") == 1


def test_each_error_check_is_tried() -> None:
    assert {*ERRORS} == {*_TAMPERED, "conserved_rows"}


@pytest.mark.parametrize(("amount", "found"), [("null", 0), ("49", 1), ("50", 0)])
@pytest.mark.parametrize("kind", ["cost", "billable"])
def test_a_dated_rate_that_is_left_empty_differs_from_none(kind: str, amount: str, found: int) -> None:
    [rule] = [one for one in rules() if one.name == f"{kind}_rate_differs"]
    query = rule.query.copy()
    for table in query.find_all(exp.Table):
        table.set("db", None)
    with duckdb.connect() as database:
        for table, columns in {
            "fct_time_entry": "7 as time_entry_id, date '2026-01-05' as spent_date, 50 as cost_rate, 50 as billable_rate",
            "dim_project": "'People' as bill_by",
            "stg_user_assignments": "true as use_default_rates",
            "dim_person_rate": f"'{kind}' as rate_kind, {amount} as amount, date '2026-01-01' as valid_from, "
            "date '2026-12-31' as valid_to",
        }.items():
            database.execute(
                f"create table {table} as select '1' as account_id, 2 as user_id, 3 as project_id, {columns}"
            )
        assert len(database.execute(query.sql("duckdb")).fetchall()) == found
