"""What others read in Airbyte's, Stitch's or Fivetran's tables, they find in ours under the same names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from dlt.common.exceptions import DltException

from harvest_time_tracking import SettingWrong
from harvest_warehouse.database import open_database
from harvest_warehouse.peers import ViewsFailed, drop_views, layout, layout_names, remembered, views
from harvest_warehouse.transfer import copy
from harvest_warehouse.warehouse import Target
from support.accounts import Account, sync_from
from support.consoles import run
from support.paths import ROOT

TYPES = {
    "text": "VARCHAR",
    "bigint": "BIGINT",
    "decimal": "DECIMAL(38,9)",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
    "json": "JSON",
}
# Harvest's list behind each of Airbyte's streams whose name is another.
LISTS = {
    "billable_rates": "user_billable_rates",
    "cost_rates": "user_cost_rates",
    "project_assignments": "user_project_assignments",
}
# What Harvest calls the id of the record that it is asked about.
PARENTS = {
    "user_billable_rates": "user_id",
    "user_cost_rates": "user_id",
    "user_project_assignments": "user_id",
    "invoice_messages": "invoice_id",
    "invoice_payments": "invoice_id",
    "estimate_messages": "estimate_id",
}
# The roles say who is one; Harvest itself no longer sends it.
DERIVED = {"users": ("is_admin", "is_project_manager")}


def asked(warehouse: Target, query: str) -> list[dict[str, Any]]:
    with duckdb.connect(str(warehouse.file)) as database:
        database.execute("set timezone = 'Asia/Tokyo'")
        cursor = database.execute(query)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.mark.by_day(1)
@pytest.mark.parametrize("like", layout_names())
def test_tables_and_columns_have_the_products_names_and_types(synced: tuple[Account, Target], like: str) -> None:
    _, warehouse = synced
    made = views(warehouse, like, schema="theirs")
    found: dict[str, dict[str, str]] = {}
    for row in asked(warehouse, "select * from information_schema.columns where table_schema = 'theirs'"):
        found.setdefault(row["table_name"], {})[row["column_name"]] = row["data_type"]
    for table in layout(like).tables.values():
        columns = (*table.columns, *layout(like).every_table)
        assert found.pop(table.name) == {column.name: TYPES[column.kind] for column in columns}
        rows, keys = asked(
            warehouse, f'select count(*) as n, count(distinct ({_key(table.key)})) as k from theirs."{table.name}"'
        )[0].values()
        assert rows == keys or not table.key, table.name
    assert found == {}
    assert set(made.tables) == set(layout(like).tables)


def _key(key: tuple[str, ...]) -> str:
    return ", ".join(f'"{column}"' for column in key) or "1"


def test_airbytes_columns_hold_what_harvest_answers(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    views(warehouse, "airbyte")
    truth, compared = account.simulator.truth(), 0
    for table in layout("airbyte").tables.values():
        stream = LISTS.get(table.name, table.name)
        if stream not in truth or not table.key:
            continue
        have = {row["id"]: row for row in asked(warehouse, f"select * from airbyte_harvest.{table.name}")}
        assert have.keys() == {record["id"] for record in truth[stream]}, table.name
        # A timer that runs has gone on since.
        want = {record["id"]: record for record in truth[stream] if not record.get("is_running")}
        for column in table.columns:
            if column.is_null or column.name in DERIVED.get(table.name, ()):
                continue
            for key, record in want.items():
                value = record.get(PARENTS[stream] if column.name == "parent_id" else column.name)
                assert said(have[key][column.name], column.kind, value) == plain(value), (table.name, column.name, key)
                compared += 1
    assert compared > 15_000


def plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=float)) if isinstance(value, list | dict) else value


def said(value: Any, kind: str, like: Any) -> Any:
    """A value of a table, as Harvest writes it."""
    if value is None:
        return None
    if isinstance(like, list | dict):
        return json.loads(value)
    if kind == "timestamptz":
        return value.astimezone(tz=datetime.fromisoformat(like).tzinfo).isoformat().replace("+00:00", "Z")
    if kind == "date":
        return value.isoformat()
    # The type of a number may be text there.
    return Decimal(value) if isinstance(like, int | float | Decimal) and not isinstance(like, bool) else value


def test_every_time_entry_finds_its_task_by_stitchs_joins(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    store = account.simulator.store
    # The person's list leaves out projects that are archived, and Harvest keeps the entries.
    busy = store.time_entries[max(store.time_entries)]
    store.edit_project(busy.project_id, is_active=False)
    assignment = next(
        row
        for row in store.task_assignments.values()
        if row.project_id == busy.project_id and row.task_id == busy.task_id
    )
    store.edit_task_assignment(assignment.id, is_active=False)
    account.simulator.clock.sleep(7_200)
    sync_from(account, warehouse)
    views(warehouse, "stitch")
    views(warehouse, "fivetran")
    [[found, entries]] = [
        row.values()
        for row in asked(
            warehouse,
            """
            select count(tasks.id), count(*) from stitch_harvest.time_entries as entries
            left join stitch_harvest.user_project_tasks as chosen
                on chosen.user_id = entries.user_id and chosen.project_task_id = entries.task_assignment_id
            left join stitch_harvest.project_tasks as assigned on assigned.id = chosen.project_task_id
            left join stitch_harvest.tasks as tasks on tasks.id = assigned.task_id and tasks.id = entries.task_id
            """,
        )
    ]
    assert found == entries == len(store.time_entries)
    [row] = asked(
        warehouse,
        """
        select count(assigned.id) as found, sum(entry.rounded_hours) as hours, count(*) as entries from fivetran_harvest.time_entry as entry
        left join fivetran_harvest.project_task_assignment as assigned on assigned.id = entry.task_assignment_id
        where not entry._fivetran_deleted
        """,
    )
    truth = account.simulator.truth()["time_entries"]
    assert (row["found"], row["entries"]) == (len(truth), len(truth))
    assert row["hours"] == sum(Decimal(str(entry["rounded_hours"])) for entry in truth)


def test_views_follow_and_tables_are_filled_again_by_a_sync(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    views(warehouse, "stitch")
    views(warehouse, "airbyte", schema="filled", is_tables=True)
    store = account.simulator.store
    edited, gone = sorted(store.time_entries)[:2]
    store.edit_time_entry(edited, notes="edited since")
    store.delete_time_entry(gone)
    account.simulator.clock.sleep(7_200)
    sync_from(account, warehouse)
    for schema in ("stitch_harvest", "filled"):
        rows = {row["id"]: row["notes"] for row in asked(warehouse, f"select id, notes from {schema}.time_entries")}
        assert rows[edited] == "edited since"
        assert set(rows) == set(store.time_entries)
    kinds = {
        row["table_schema"]: row["table_type"] for row in asked(warehouse, "select * from information_schema.tables")
    }
    assert (kinds["stitch_harvest"], kinds["filled"]) == ("VIEW", "BASE TABLE")


@pytest.mark.nightly
def test_what_disappeared_or_changed_its_shape_is_made_again(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    views(warehouse, "stitch")
    assert not views(warehouse, "stitch").is_new
    with open_database(warehouse) as database:
        database.run(["alter table roles add column brand_new text"])
        database.beside("stitch_harvest").run(["drop view marts.tasks"])
    account.simulator.clock.sleep(7_200)
    sync_from(account, warehouse)
    assert asked(warehouse, "select * from stitch_harvest.tasks")
    assert not views(warehouse, "stitch").is_new


@pytest.mark.nightly
def test_views_become_tables_and_go(synced: tuple[Account, Target]) -> None:
    _, warehouse = synced
    views(warehouse, "fivetran")
    views(warehouse, "fivetran", is_tables=True)
    assert asked(warehouse, "select * from fivetran_harvest.users")
    drop_views(warehouse, "fivetran_harvest")
    assert not asked(warehouse, "select * from information_schema.tables where table_schema = 'fivetran_harvest'")
    with open_database(warehouse) as database:
        assert remembered(database) == ()
    with pytest.raises(SettingWrong, match="nothing to drop"):
        drop_views(warehouse, "fivetran_harvest")


def test_what_a_stopped_run_left_is_made_again_and_what_was_refused_is_forgotten(
    synced: tuple[Account, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, warehouse = synced
    module = import_module("harvest_warehouse.peers.views")

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    make = module._define
    for step, is_tables in ((lambda *given: stopped(make(*given)), False), (stopped, True)):
        with monkeypatch.context() as patch:
            patch.setattr(module, "_fill" if is_tables else "_define", step)
            with pytest.raises(KeyboardInterrupt):
                views(warehouse, "stitch", is_tables=is_tables)
        assert views(warehouse, "stitch", is_tables=is_tables).is_new

    def refused(*_: object) -> None:
        raise DltException("No room.")

    with monkeypatch.context() as patch:
        patch.setattr(module, "_define", lambda *given: refused(make(*given)))
        with pytest.raises(ViewsFailed, match="No room"):
            views(warehouse, "stitch", schema="beside")
    with open_database(warehouse) as database:
        assert [made.schema for made in remembered(database)] == ["stitch_harvest"]
        assert database.beside("beside").marts_tables() == ()


def test_nothing_of_somebody_else_is_written_over(synced: tuple[Account, Target], tmp_path: Path) -> None:
    _, warehouse = synced
    with duckdb.connect(str(warehouse.file)) as database:
        database.execute("create schema harvest; create table harvest.clients as select 1 as mine")
    refused: Mapping[str, dict[str, Any]] = {
        "tables of somebody else": {"schema": "harvest"},
        "dlt-harvest's own": {"schema": warehouse.dataset_name},
        "lower-case letters": {"schema": 'a"b'},
        "--account: the database has 123456": {"account_id": "7"},
    }
    for words, given in refused.items():
        with pytest.raises(SettingWrong, match=words):
            views(warehouse, "stitch", **given)
    with pytest.raises(SettingWrong, match="takes airbyte, fivetran, stitch"):
        views(warehouse, "hevo")
    views(warehouse, "stitch", schema="theirs")
    with pytest.raises(SettingWrong, match=r"drop them with .*--drop --schema theirs"):
        views(warehouse, "airbyte", schema="theirs")
    with pytest.raises(SettingWrong, match="run `dlt-harvest sync`"):
        views(Target(tmp_path / "nothing"), "stitch")
    assert asked(warehouse, "select * from harvest.clients") == [{"mine": 1}]


@pytest.mark.nightly
def test_a_copy_has_the_views_at_the_new_place(synced: tuple[Account, Target], tmp_path: Path) -> None:
    account, warehouse = synced
    views(warehouse, "stitch")
    target = Target(tmp_path, pipelines_dir=tmp_path / "new", destination="ducklake")
    assert not copy(warehouse, target, build_marts=False).not_built
    with open_database(target) as database:
        assert [made.schema for made in remembered(database)] == ["stitch_harvest"]
        [(entries,)] = database.beside("stitch_harvest").rows("select count(*) from marts.time_entries")
    assert entries == len(account.simulator.store.time_entries)


@pytest.mark.nightly
def test_a_sync_says_that_views_could_not_be_made_and_is_done_all_the_same(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    views(warehouse, "stitch")
    with duckdb.connect(str(warehouse.file)) as database:
        database.execute("drop view stitch_harvest.tasks; create table stitch_harvest.tasks as select 1 as mine")
        database.execute("drop view stitch_harvest.clients")
    account.simulator.clock.sleep(7_200)
    report = sync_from(account, warehouse)
    assert report.is_equal
    assert "The database refused" in report.not_built
    with pytest.raises(ViewsFailed):
        views(warehouse, "stitch")
    assert asked(warehouse, "select * from stitch_harvest.tasks") == [{"mine": 1}]


def test_docs_describe_the_views_as_sources_of_dbt(synced: tuple[Account, Target]) -> None:
    _, warehouse = synced
    views(warehouse, "stitch")
    done = run("docs", "--dbt")
    assert done.code == 0, done.err.decode()
    [source] = [one for one in yaml.safe_load(done.out)["sources"] if one["name"] == "stitch_harvest"]
    for table in source["tables"]:
        columns = layout("stitch").tables[table["name"]].columns
        assert [column["name"] for column in table["columns"]] == [column.name for column in columns]


@pytest.mark.nightly
def test_a_dbt_project_on_the_products_tables_runs_unchanged(synced: tuple[Account, Target], tmp_path: Path) -> None:
    account, warehouse = synced
    for like in layout_names():
        views(warehouse, like)
    project = tmp_path / "project"
    shutil.copytree(ROOT / "examples" / "dbt", project)
    assert run("docs", "--dbt", "--to", str(project / "models" / "harvest.yml")).code == 0
    uv = shutil.which("uv") or str(ROOT / ".uv/bin/uv")
    dbt = [uv, "tool", "run", "--from", "dbt-core>=1.9,<1.11", "--with", "dbt-duckdb", "dbt"]
    done = subprocess.run(
        [*dbt, "build", "--project-dir", project, "--profiles-dir", project],
        env={**os.environ, "HARVEST_DATABASE_FILE": str(warehouse.file)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3_000:]
    truth = account.simulator.truth()
    # A timer that runs has gone on since.
    entries = [row for row in truth["time_entries"] if not row["is_running"]]
    still = "where id in (select id from harvest_time_tracking_data.time_entries where not is_running)"
    hours = sum(Decimal(str(row["hours"])) for row in entries)
    rounded = sum(Decimal(str(row["rounded_hours"])) for row in truth["time_entries"] if not row["is_running"])
    [sheets] = asked(
        warehouse,
        f"""select sum(hours) as hours, count(*) as entries, count(task_name) as named, count(client_name) as clients
        from (select *, timesheet_id as id from dbt.stitch_timesheets) {still}""",
    )
    assert sheets == {"hours": hours, "entries": len(entries), "named": len(entries), "clients": len(entries)}
    [latest] = asked(warehouse, f"select sum(rounded_hours) as hours from dbt.fivetran_time_entry_latest {still}")
    assert latest["hours"] == rounded
    [months] = asked(warehouse, "select sum(hours) as hours from dbt.airbyte_project_hours")
    [ours] = asked(warehouse, "select sum(rounded_hours) as hours from harvest_time_tracking_data.time_entries")
    assert months == ours
    lines = [line for invoice in truth["invoices"] for line in invoice["line_items"]]
    amount = sum(Decimal(str(line["amount"])) for line in lines)
    assert asked(warehouse, "select count(*) as n, sum(amount) as amount from dbt.airbyte_invoice_lines") == [
        {"n": len(lines), "amount": amount}
    ]
    assert asked(warehouse, "select sum(line_count) as n, sum(line_amount) as amount from dbt.stitch_invoices") == [
        {"n": len(lines), "amount": amount}
    ]
    [worked] = asked(warehouse, "select sum(hours) as hours from dbt.stitch_tasks")
    [all_hours] = asked(warehouse, "select sum(hours) as hours from harvest_time_tracking_data.time_entries")
    assert worked == all_hours
    [companies] = asked(
        warehouse, "select sum(contacts) as contacts, sum(open_projects) as projects from dbt.stitch_companies"
    )
    open_projects = sum(row["is_active"] for row in truth["projects"])
    assert companies == {"contacts": len(truth["contacts"]), "projects": open_projects}
    [projects] = asked(
        warehouse,
        "select count(*) as n, sum(fee) as fees, sum(people) as people, count(client_name) as c from dbt.stitch_projects",
    )
    fees = sum(Decimal(str(row["fee"])) for row in truth["projects"] if row["is_fixed_fee"] and row["fee"])
    people = {(row["project"]["id"], row["user"]["id"]) for row in truth["user_assignments"]}
    assert (projects["n"], projects["fees"], projects["c"]) == (len(truth["projects"]), fees, len(truth["projects"]))
    assert projects["people"] >= len(people)
    assert asked(warehouse, "select count(*) as n from dbt.fivetran_users_latest") == [{"n": len(truth["users"])}]
    [by_month] = asked(
        warehouse, "select sum(hours) as hours from dbt.fivetran_hours_by_month where client_name is not null"
    )
    assert by_month == ours
