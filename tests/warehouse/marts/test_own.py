"""The user's own models: built, checked and described with the marts, and never in their way."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from harvest_time_tracking import SettingWrong
from harvest_warehouse.cli.render.build import build_lines
from harvest_warehouse.marts import BuildFailed, build
from harvest_warehouse.marts.own import own_models
from harvest_warehouse.marts.settings import MartSettings
from support.shop import Shop

BY_CLIENT = """
-- Hours and open invoices of each client.
-- The account manager's list.
-- key: account_id client_id
-- column hours: Hours tracked for the client
with hours as (
  select account_id, client_id, sum(tracked_hours) as hours from fct_time_entry group by account_id, client_id
)

select client.account_id, client.client_id, client.client_name, hours.hours
from dim_client as client
left join hours on client.account_id = hours.account_id and client.client_id = hours.client_id
"""
OF_RAW = "select account_id, count(*) as lists from raw.tasks group by account_id"
ON_TOP = "select sum(hours) as hours, count(*) as clients from clients_by_hours, task_count"


@pytest.fixture
def shop(tiny_shop: Shop, tmp_path: Path) -> Shop:
    return tiny_shop.copy(tmp_path)


def catalogue(shop: Shop, query: str) -> list[tuple[str, ...]]:
    with duckdb.connect(str(shop.warehouse.file), read_only=True) as database:
        return database.execute(query).fetchall()


def write(shop: Shop, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = shop.warehouse.folder / "models" / f"{name}.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_they_are_built_in_their_order_described_and_checked(shop: Shop) -> None:
    late = "-- A client without a name.\nselect account_id from clients_by_hours where client_name is null"
    few = "-- Clients.\n-- severity: warning\nselect account_id, client_id from dim_client"
    write(
        shop,
        {
            "a_total": ON_TOP,
            "clients_by_hours": BY_CLIENT,
            "task_count": OF_RAW,
            "checks/late": late,
            "checks/few": few,
        },
    )
    report = build(shop.warehouse, MartSettings())
    built = [table.name for table in report.tables]
    assert built[-1] == "a_total"
    [(clients,)] = shop.rows("select count(*) from clients where account_id is not null")
    [(hours,)] = shop.rows("select sum(hours) from time_entries")
    assert shop.rows("select hours, clients from marts.a_total") == [(hours, clients)]
    assert [(one.name, one.rows, one.severity) for one in report.warnings if one.name == "few"] == [
        ("few", clients, "warning")
    ]
    assert any(line.startswith("warning few: ") for line in build_lines(report))
    assert catalogue(shop, "select comment from duckdb_tables() where table_name = 'clients_by_hours'") == [
        ("Hours and open invoices of each client. The account manager's list.",)
    ]
    assert catalogue(
        shop, "select comment from duckdb_columns() where table_name = 'clients_by_hours' and column_name = 'hours'"
    ) == [("Hours tracked for the client",)]
    assert catalogue(shop, "select comment from duckdb_tables() where table_name = 'dim_client'")[0][0]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"clients_by_hours": BY_CLIENT.replace("left join", "cross join").partition(" on ")[0]},
            "key_clients_by_hours",
        ),
        ({"checks/none": "-- There are clients.\nselect account_id from dim_client"}, "There are clients."),
        ({"late": "select no_such_column from dim_client"}, "models/late.sql: the database refused"),
        (
            {"late": "-- column gone: Not there\nselect account_id from dim_client"},
            "models/late.sql: the database refused",
        ),
        ({"checks/late": "select client_id from dim_client"}, "models/checks/late.sql: the database refused"),
    ],
)
def test_what_does_not_hold_leaves_the_marts_as_they_were(shop: Shop, files: dict[str, str], said: str) -> None:
    shop.build()
    before = catalogue(shop, "select table_name from duckdb_tables() where schema_name like '%marts' order by 1")
    write(shop, files)
    with pytest.raises(BuildFailed, match=said.replace(".", r"\.")):
        build(shop.warehouse, MartSettings())
    kept = [name for (name,) in before]
    after = [
        name
        for (name,) in catalogue(
            shop, "select table_name from duckdb_tables() where schema_name like '%marts' order by 1"
        )
    ]
    assert [name for name in after if not name.endswith("__next")] == kept
    for path in (shop.warehouse.folder / "models").rglob("*.sql"):
        path.unlink()
    assert shop.build()
    assert not catalogue(shop, "select table_name from duckdb_tables() where table_name like '%!_!_next' escape '!'")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("Revenue", "select 1 as one", "models/Revenue.sql: its name is the table's"),
        ("mart_mine", "select 1 as one", "names that begin with stg_"),
        ("clients", "select 1 as one", "a table of Harvest's has this name"),
        ("mine", "select * from dim_clients", "reads dim_clients, which there is not. Did you mean dim_client?"),
        ("mine", "select * from raw.time_entry", "Did you mean raw.time_entries?"),
        ("mine", "select * from harvest_marts.dim_client", "write raw.<table> for Harvest's tables"),
        ("mine", "select from where", "models/mine.sql cannot be read as SQL"),
        ("mine", "drop table dim_client", "must be one `select`"),
        ("mine", "select 1 as one; select 2 as two", "must be one `select`"),
        ("mine", "-- key: client_id\nselect client_id from dim_client", "its key must begin with account_id"),
        ("mine", "select * from mine", "in a circle: mine"),
        ("checks/mine", "select * from yours", "models/checks/mine.sql reads yours"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_what_is_wrong(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    path = tmp_path / "models" / f"{name}.sql"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingWrong) as raised:
        own_models(tmp_path)
    assert said in str(raised.value)


def test_no_folder_and_a_dbt_project_have_none(tmp_path: Path) -> None:
    assert own_models(tmp_path).models == ()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.sql").write_text("select * from {{ ref('x') }}", encoding="utf-8")
    (tmp_path / "dbt_project.yml").touch()
    assert own_models(tmp_path).models == ()
