"""What the tables mean stands in the database, and in a file for dbt."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest
import yaml
from typer.testing import CliRunner

from harvest_time_tracking import tables
from harvest_warehouse.cli.app import app
from harvest_warehouse.database import Database, open_database
from harvest_warehouse.marts.dbt import dbt_sources
from harvest_warehouse.warehouse import DATASET, MARTS
from support.paths import ROOT
from support.shop import Shop


@pytest.fixture(scope="module")
def shop(tiny_shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    made = tiny_shop.copy(tmp_path_factory.mktemp("described"))
    made.build()
    return made


def test_each_documented_table_and_column_has_its_description(shop: Shop) -> None:
    with duckdb.connect(str(shop.warehouse.file), read_only=True) as database:
        described = dict(
            database.execute(
                "select table_name, comment from duckdb_tables() where schema_name = ?", [DATASET]
            ).fetchall()
        )
        columns = {
            (table, column): words
            for table, column, words in database.execute(
                "select table_name, column_name, comment from duckdb_columns() where schema_name = ?", [DATASET]
            ).fetchall()
        }
    there = [table for name, table in tables().items() if name in described]
    assert len(there) > 15
    for table in there:
        assert described[table.name] == table.description
        for column in table.columns.values():
            assert columns[table.name, column.name] == column.description


def test_a_load_that_brings_no_new_column_describes_nothing_again(
    tiny_shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = tiny_shop.copy(tmp_path)
    comments: list[int] = []
    comment = Database.comment
    monkeypatch.setattr(Database, "comment", lambda self, given: comments.append(len(given)) or comment(self, given))  # type: ignore[func-returns-value]
    shop.load("clients")
    shop.load("clients")
    assert len(comments) == 1
    assert comments[0] > 100


def sources(shop: Shop) -> dict[str, dict[str, dict[str, object]]]:
    with open_database(shop.warehouse) as database:
        text = dbt_sources(DATASET, MARTS, set(database.tables()))
    return {
        source["name"]: {table["name"]: table for table in source["tables"]}
        for source in yaml.safe_load(text)["sources"]
    }


def test_every_table_and_column_of_the_dbt_sources_is_there_and_its_key_is_one(shop: Shop) -> None:
    found = sources(shop)
    assert {"time_entries", "invoices__line_items"} <= found["harvest"].keys()
    assert {"mart_unbilled", "fct_time_entry"} <= found["harvest_marts"].keys()
    for source, schema in (("harvest", DATASET), ("harvest_marts", MARTS)):
        for name, table in found[source].items():
            columns = ", ".join(f'"{column["name"]}"' for column in table["columns"])  # type: ignore[attr-defined]
            key = table["data_tests"][0]["unique"]["column_name"]  # type: ignore[index]
            [[rows, keys]] = shop.rows(
                f"select count(*), count(distinct {key}) from (select {columns} from {schema}.{name})"
            )
            assert rows == keys, name


def test_the_command_writes_them_and_names_what_it_lacks(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop.warehouse.folder)
    done = CliRunner().invoke(app, ["docs", "--dbt", "--to", "harvest.yml"])
    assert done.exit_code == 0, done.stderr
    assert set(yaml.safe_load(Path("harvest.yml").read_text(encoding="utf-8"))) == {"version", "sources"}
    refused = CliRunner().invoke(app, ["docs"])
    assert (refused.exit_code, refused.stderr) == (2, "Error: Say for which tool: `dlt-harvest docs --dbt`.\n")


@pytest.mark.nightly
def test_dbt_takes_them_and_its_tests_pass(shop: Shop, tmp_path: Path) -> None:
    uv = shutil.which("uv") or str(ROOT / ".uv/bin/uv")
    project = tmp_path / "project"
    (project / "models").mkdir(parents=True)
    with open_database(shop.warehouse) as database:
        text = dbt_sources(DATASET, MARTS, set(database.tables()))
    (project / "models" / "harvest.yml").write_text(text, encoding="utf-8")
    (project / "dbt_project.yml").write_text(
        "name: mine\nversion: '1.0.0'\nconfig-version: 2\nprofile: mine\nflags: {send_anonymous_usage_stats: false}\n",
        encoding="utf-8",
    )
    (project / "profiles.yml").write_text(
        f"mine: {{target: dev, outputs: {{dev: {{type: duckdb, path: '{shop.warehouse.file}'}}}}}}\n", encoding="utf-8"
    )
    dbt = [uv, "tool", "run", "--from", "dbt-core>=1.9,<1.11", "--with", "dbt-duckdb", "dbt"]
    done = subprocess.run(
        [*dbt, "test", "--project-dir", project, "--profiles-dir", project], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3_000:]
    assert "ERROR=0" in done.stdout
