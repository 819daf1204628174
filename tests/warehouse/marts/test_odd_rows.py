"""One odd row stops no build: it is left out, or told, or changes no figure, and everything else is as if it were not there.

Each column that a mart reads is made odd in a row of its own; then every table is computed a second time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from harvest_time_tracking import tables
from harvest_warehouse.database import open_database
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.marts.models import SQL
from mart_truth import KEYS, Books, differences
from mart_truth.places import Row
from support.shop import Shop

LINES = "invoices__line_items"
# Ours, not a row's of Harvest: no answer can leave them empty, or the database refuses.
OURS = {"account_id", "_dlt_id", "_dlt_parent_id", "_dlt_list_idx"}
HUGE, BELOW, MANY_DECIMALS = Decimal(9 * 10**27), Decimal("-7.25"), Decimal("3.123456789")
UNKNOWN = 77
# Where Harvest itself says "none" by it, so that a figure rightly follows.
MEANS_NONE = {
    "estimates": {"tax_amount", "tax2_amount"},
    "task_assignments": {"budget"},
    "user_assignments": {"budget"},
}


def _read() -> dict[str, list[str]]:
    """The columns of Harvest's tables that marts read."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for path in sorted(SQL.glob("staging/stg_*.sql")):
        for select in sqlglot.parse_one(path.read_text(encoding="utf-8"), read="duckdb").find_all(exp.Select):
            table = select.find(exp.Table)
            if table and table.db == "raw":
                found[table.name] |= dict.fromkeys(column.name for column in select.find_all(exp.Column))
    # A role is a text in a list, and stands for itself.
    return {table: [n for n in names if n not in OURS] for table, names in found.items() if table != "users__roles"}


READ = _read()


@dataclass(frozen=True)
class Case:
    """A column that is made odd, in the row of that id."""

    table: str
    column: str
    value: Any
    row_id: Any

    def spoil(self, shop: Shop, truth: Mapping[str, list[Row]]) -> None:
        """In the database, and in what it is held against."""
        where = "true" if self.row_id is None else f"id = {self.row_id}"
        with open_database(shop.warehouse) as database:
            database.run([f'update "{self.table}" set "{self.column}" = :value where {where}'], {"value": self.value})
        self.spoil_record(truth)

    def spoil_record(self, truth: Mapping[str, list[Row]]) -> None:
        """In what it is held against alone."""
        record = next(row for row in records(truth, self.table) if row.get("id") == self.row_id)
        *path, last = self.column.split("__")
        if last == "id" and self.value is None and path:
            # Whoever is nobody is none.
            *path, last = path
        for key in path:
            record = record[key]
        record[last] = self.value.isoformat() if isinstance(self.value, date) else self.value


def records(truth: Mapping[str, list[Row]], table: str) -> list[Row]:
    if table == LINES:
        return [line for invoice in truth["invoices"] for line in invoice["line_items"]]
    return truth[table]


def has(record: Row, column: str) -> bool:
    """Whether there is something at a column that can be made odd."""
    held: Any = record
    for key in column.split("__"):
        held = held.get(key) if isinstance(held, dict) else None
    return held is not None


def telling(table: str, record: Row, truth: Mapping[str, list[Row]]) -> bool:
    """Whether much depends on a row."""
    projects = {row["id"]: row for row in truth["projects"]}
    match table:
        case "time_entries":
            project = projects[record["project"]["id"]]
            is_work = (
                record["hours"] > 1 and record["billable"] and not record["is_billed"] and not record["is_running"]
            )
            return is_work and project["is_billable"] and not project["is_fixed_fee"]
        case "expenses":
            project = projects[record["project"]["id"]]
            return bool(record["billable"] and not record["is_billed"] and project["is_billable"])
    return True


def cases(truth: Mapping[str, list[Row]], table: str, values: Mapping[str, Any]) -> Iterator[Case]:
    """For each column a row of its own that has something there; in a table of one row, that one."""
    free = [row for row in records(truth, table) if telling(table, row, truth)]
    is_one = len(records(truth, table)) == 1
    for column, value in values.items():
        record = next((row for row in free if has(row, column)), None)
        if record is None:
            continue
        if not is_one:
            free = [row for row in free if row is not record]
        yield Case(table, column, value, record.get("id"))


def spoilt(shop: Shop, values: Mapping[str, Mapping[str, Any]]) -> tuple[list[Case], dict[str, list[Row]]]:
    """Make the columns of these tables odd."""
    before = shop.simulator.truth()
    truth = deepcopy(before)
    made = [case for table, columns in values.items() for case in cases(before, table, columns)]
    for case in made:
        case.spoil(shop, truth)
    return made, truth


def of_type(*data_types: str, table: str, value: Any) -> dict[str, Any]:
    columns = tables()[table].columns
    return {name: value for name in READ[table] if name in columns and columns[name].data_type in data_types}


def told(shop: Shop) -> set[tuple[Any, ...]]:
    """Every row that a finding of the last build shows."""
    found: set[tuple[Any, ...]] = set()
    for name, query in shop.rows("select finding, query from marts.mart_data_quality where row_count > 0"):
        with open_pipeline(shop.warehouse).sql_client() as client, client.execute_query(query) as cursor:
            found.update((name, *row) for row in cursor.fetchall())
    return found


def assert_equal_to(shop: Shop, books: Books) -> None:
    found, want = shop.found(), books.mart_data_quality()
    names = ("left_out", "odd_value", "unlisted")
    assert {name: found.get(name, 0) for name in names} == {name: want[name,]["row_count"] for name in names}
    with open_database(shop.warehouse) as database:
        have = {name: database.records(f"select * from marts.{name}") for name in KEYS if name != "mart_data_quality"}
    differing = {name: differences(name, rows, getattr(books, name)()) for name, rows in have.items()}
    assert {name: found[:3] for name, found in differing.items() if found} == {}


@pytest.fixture
def shop(tiny_shop: Shop, tmp_path: Any) -> Shop:
    return tiny_shop.copy(tmp_path)


def figures(books: Books) -> dict[tuple[str, Any, str], Any]:
    """Every number of every table."""
    return {
        (name, key, column): value
        for name in KEYS
        if name.startswith(("fct_", "mart_")) and name != "mart_data_quality"
        for key, row in getattr(books, name)().items()
        for column, value in row.items()
        if isinstance(value, (int, Decimal, Fraction)) and not isinstance(value, bool) and not column.endswith("_id")
    }


@pytest.mark.nightly
def test_a_value_that_is_missing_is_told_or_changes_no_figure(shop: Shop) -> None:
    shop.build()
    known = told(shop)
    values = {table: dict.fromkeys(columns) for table, columns in READ.items()}
    keys = {table: {"id"} for table in READ if table != LINES} | {
        "invoice_payments": {"id", "invoice_id"},
        **{f"user_{kind}_rates": {"id", "user_id"} for kind in ("billable", "cost")},
    }
    values = {
        table: {name: None for name in columns if name not in keys.get(table, ())} for table, columns in values.items()
    }
    made, truth = spoilt(shop, values)
    shop.build()
    new = told(shop) - known
    before = shop.simulator.truth()
    usual = figures(Books(before, shop.as_of))
    for case in made:
        is_named = any(
            (case.row_id in row and case.column != "id")
            or any(f"{case.column} is missing." in str(value) for value in row)
            for row in new
        )
        if is_named or case.column in MEANS_NONE.get(case.table, ()):
            continue
        alone = deepcopy(before)
        case.spoil_record(alone)
        assert figures(Books(alone, shop.as_of)) == usual, case
    assert_equal_to(shop, Books(truth, shop.as_of))


def numbers(value: Any) -> dict[str, dict[str, Any]]:
    """That value in every column of numbers that holds one; ids are none."""
    kinds = ("decimal",) if isinstance(value, Decimal) else ("decimal", "bigint")
    return {
        table: {name: value for name in of_type(*kinds, table=table, value=value) if not name.endswith("id")}
        for table in READ
    }


@pytest.mark.parametrize("value", [HUGE, BELOW, MANY_DECIMALS], ids=["28 digits", "below nothing", "nine decimals"])
@pytest.mark.by_day(1)
def test_a_number_that_is_odd_stops_nothing(shop: Shop, value: Decimal) -> None:
    made, truth = spoilt(shop, numbers(value))
    assert {(case.table, case.column) for case in made} >= {
        ("time_entries", "hours"),
        ("time_entries", "billable_rate"),
        ("invoices", "amount"),
        (LINES, "unit_price"),
        ("projects", "fee"),
    }
    shop.build()
    assert_equal_to(shop, Books(truth, shop.as_of))


def test_an_amount_of_more_than_nine_decimals_is_rounded_alike_in_mart_and_check(shop: Shop) -> None:
    row = "id = (select min(id) from time_entries where billable)"
    shop.run(
        f"update time_entries set hours = 1.111111111, rounded_hours = 1.111111111, billable_rate = 0.05 where {row}"
    )
    shop.build()
    # 1.111111111 x 0.05 = 0.05555555555, whose tenth decimal is a 5 and goes up.
    found = shop.rows("select value_at_rates from marts.fct_time_entry where hours = 1.111111111")
    assert found == [(Decimal("0.055555556"),)]


def test_a_far_day_and_an_unknown_record_stop_nothing_and_lose_nothing(shop: Shop) -> None:
    shop.build()
    known = told(shop)
    made = []
    for value in (date(1, 1, 1), date(9999, 12, 31)):
        made += spoilt(shop, {table: of_type("date", table=table, value=value) for table in READ})[0]
    references = {
        table: {name: UNKNOWN for name in columns if name.endswith("__id") or name == "invoice_id"}
        for table, columns in READ.items()
    }
    made += spoilt(shop, references)[0]
    shop.build()
    new = told(shop) - known
    counted = {
        *(
            ("time_entries", "spent_date"),
            ("expenses", "spent_date"),
            ("invoices", "issue_date"),
            ("invoices", "due_date"),
        ),
        *(("estimates", "issue_date"), ("projects", "starts_on"), ("projects", "ends_on")),
    }
    for case in made:
        if case.value == UNKNOWN and case.column.startswith(("user__", "client__", "project__", "task__")):
            assert any(UNKNOWN in row for row in new), case
        elif (case.table, case.column) in counted:
            assert any(case.row_id in row for row in new), case
    raw = "select sum(coalesce(rounded_hours, hours)), count(*) from time_entries"
    assert shop.rows("select sum(hours), count(*) from marts.fct_time_entry") == shop.rows(raw)
    for table in ("mart_utilisation_weekly", "mart_project_profitability_monthly"):
        assert shop.rows(f"select sum(hours) from marts.{table}") == [shop.rows(raw)[0][:1]]


@pytest.mark.by_day(1)
@pytest.mark.parametrize("instant", ["0001-12-31 (BC) 19:00:00+00", "10000-01-01 04:59:59+00"])
def test_an_instant_that_no_calendar_has_leaves_its_row_out(shop: Shop, instant: str) -> None:
    columns = {
        "projects": ["created_at"],
        "users": ["created_at"],
        "invoices": ["sent_at", "closed_at"],
        "invoice_payments": ["paid_at"],
        "estimates": ["sent_at", "accepted_at", "declined_at"],
    }
    ids = set()
    for table, names in columns.items():
        for place, name in enumerate(names):
            [(row_id,)] = shop.rows(f"select id from {table} order by id limit 1 offset {place}")
            shop.run(f"update {table} set {name} = timestamptz '{instant}' where id = {row_id}")
            ids.add((table, row_id))
    shop.build()
    found = {(table, row_id) for name, _, table, row_id, *_ in told_left_out(shop)}
    assert found >= ids


def told_left_out(shop: Shop) -> set[tuple[Any, ...]]:
    return {row for row in told(shop) if row[0] == "left_out"}


def test_of_two_invoice_lines_with_one_id_one_is_left_out_and_its_amount_told(shop: Shop) -> None:
    [(line, amount)] = shop.rows("select id, amount from invoices__line_items order by id limit 1")
    twin = f"select * replace ('twin' as _dlt_id) from invoices__line_items where id = {line}"
    shop.run(f"insert into invoices__line_items by name {twin}")
    before = shop.rows("select sum(amount) from invoices__line_items")[0][0]
    shop.build()
    [(_, _, table, row_id, odd, _, left_out)] = told_left_out(shop)
    assert (table, row_id, odd, left_out) == ("invoices__line_items", line, "id is there twice.", amount)
    assert shop.rows("select sum(line_amount) from marts.fct_invoice_line") == [(before - left_out,)]


def test_a_value_that_came_as_something_else_is_told_as_it_came(shop: Shop) -> None:
    [(entry, hours)] = shop.rows("select id, hours from time_entries order by id limit 1")
    shop.run(
        "alter table time_entries add column spent_date__v_text text",
        f"update time_entries set spent_date = null, spent_date__v_text = '2026-02-30' where id = {entry}",
    )
    report = shop.build()
    [(_, _, table, row_id, odd, held, _)] = told_left_out(shop)
    assert (table, row_id, odd, held) == ("time_entries", entry, "spent_date is 2026-02-30.", hours)
    assert [(found.rows, found.severity) for found in report.warnings if found.name == "left_out"] == [(1, "finding")]
