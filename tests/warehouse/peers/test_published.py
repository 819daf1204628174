"""What the published connectors copy of an account at rest, our tables in their layouts have, too: no value differs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from harvest_warehouse.peers import Difference, compare, layout
from harvest_warehouse.warehouse import Target
from support.accounts import Account, sync_from
from support.paths import ROOT

pytestmark = pytest.mark.nightly

RUNNERS = ROOT / "benchmarks" / "contenders"
# By JSON Schema's types, as targets make columns of them.
TYPES = {"decimal": "DECIMAL(38,9)", "text": "VARCHAR", "json": "JSON"}
KINDS = {
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "string": "VARCHAR",
    "array": "JSON",
    "object": "JSON",
}


@pytest.fixture
def at_rest(open_account: Callable[..., Account], tmp_path: Path) -> tuple[Account, Target]:
    """An account in which no timer runs and nobody works, and our copy."""
    account, warehouse = open_account(), Target(tmp_path)
    account.simulator.enforce_limits = False
    store = account.simulator.store
    for entry in account.simulator.truth()["time_entries"]:
        if entry["is_running"]:
            store.stop_timer(entry["id"])
    # The tap stops at a payment that a gateway took: its schema says that the name of one is a number.
    for invoice_id, payments in store.invoice_payments.items():
        store.invoice_payments[invoice_id] = [replace(one, gateway_id=None, gateway_name=None) for one in payments]
    sync_from(account, warehouse)
    return account, warehouse


def test_no_value_of_the_singer_taps_differs(at_rest: tuple[Account, Target], tmp_path: Path) -> None:
    account, warehouse = at_rest
    folder = published("tap-harvest==3.1.1", "tap_harvest", [str(RUNNERS / "singer_tap.py"), "all"], account, tmp_path)
    schemas: dict[str, dict[str, Any]] = {}
    records: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {}
    keys: dict[str, list[str]] = {}
    for stream in json.loads((folder / "catalog.json").read_text(encoding="utf-8"))["streams"]:
        name = stream["tap_stream_id"]
        schemas[name], records[name] = stream["schema"]["properties"], {}
        keys[name] = [key for entry in stream["metadata"] for key in entry["metadata"].get("table-key-properties", [])]
    for message in lines(folder / "records.jsonl"):
        if message["type"] == "RECORD":
            record, name = message["record"], message["stream"]
            records[name][tuple(record[key] for key in keys[name])] = record
    with duckdb.connect(str(warehouse.file)) as database:
        database.execute("create schema old")
        for name, properties in schemas.items():
            columns = {column: singer_kind(said) for column, said in properties.items()}
            put(database, name, columns, list(records[name].values()), tmp_path)
    assert schemas.keys() == layout("stitch").tables.keys()
    for name, properties in schemas.items():
        assert sorted(properties) == sorted(column.name for column in layout("stitch").tables[name].columns), name
    found: list[Difference] = []
    report = compare(warehouse, "stitch", "old", on_difference=found.append)
    assert found == []
    assert {table.name for table in report.tables if table.not_compared} == set()
    assert {table.name for table in report.tables if table.more_here} <= {"user_project_tasks", "project_tasks"}
    assert sum(table.rows_there for table in report.tables) > 1_000


def test_no_value_of_airbytes_connector_differs(at_rest: tuple[Account, Target], tmp_path: Path) -> None:
    """The last that is a package; later ones are a manifest that Airbyte's platform fetches, and differ by listed columns."""
    account, warehouse = at_rest
    package, program = "airbyte-source-harvest==1.0.19", [str(RUNNERS / "airbyte_source.py")]
    folder = published(package, "source_harvest", program, account, tmp_path, python="3.10")
    wanted = layout("airbyte").tables
    records: dict[str, dict[Any, dict[str, Any]]] = {name: {} for name in wanted}
    for message in lines(folder / "records.jsonl"):
        if message["type"] == "RECORD":
            name, record = message["record"]["stream"], message["record"]["data"]
            records[name][record["id"] if wanted[name].key else len(records[name])] = record
    with duckdb.connect(str(warehouse.file)) as database:
        database.execute("create schema old")
        for name, table in wanted.items():
            columns = {column.name: TYPES.get(column.kind, column.kind) for column in table.columns}
            put(database, name, columns, list(records[name].values()), tmp_path)
    found: list[Difference] = []
    report = compare(warehouse, "airbyte", "old", on_difference=found.append)
    assert found == []
    reports = {table.name for table in wanted.values() if table.base.startswith("report_")}
    assert {table.name for table in report.tables if table.not_compared} == reports
    assert sum(table.rows_there for table in report.tables) > 700


def published(
    package: str, module: str, program: list[str], account: Account, folder: Path, python: str = "3.11"
) -> Path:
    """Run a published connector, in an environment of its own, against the account; gives the folder with what it wrote."""
    uv = shutil.which("uv") or str(ROOT / ".uv/bin/uv")
    if not Path(uv).exists():
        pytest.skip(f"{package}: uv is not there to install it")
    command = [uv, "run", "--no-project", "--isolated", "--python", python, "--with", package]
    # It imports what newer versions of these no longer have.
    command += ["--with", "setuptools<81", "python"]
    tried = subprocess.run(
        [*command, "-c", f"import {module}"], capture_output=True, text=True, check=False, cwd=folder
    )
    if tried.returncode:
        pytest.skip(f"{package} cannot be installed here: {tried.stderr[-300:]}")
    theirs = folder / "theirs"
    theirs.mkdir()
    environment = {
        **os.environ,
        "BENCHMARK_URL": account.url,
        "BENCHMARK_TOKEN": account.simulator.access_token,
        "BENCHMARK_ACCOUNT": account.simulator.account_id,
    }
    done = subprocess.run(
        [*command, *program], cwd=theirs, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return theirs


def put(
    database: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, str], rows: list[dict[str, Any]], folder: Path
) -> None:
    file = folder / f"{name}.jsonl"
    file.write_text("\n".join(json.dumps({column: row.get(column) for column in columns}) for row in rows))
    listed = json.dumps(columns)
    if rows:
        database.execute(
            f"create table old.\"{name}\" as from read_json('{file}', columns={listed}, format='newline_delimited')"
        )
    else:
        database.execute(
            f'create table old."{name}" ({", ".join(f"{column} {kind}" for column, kind in columns.items())})'
        )


def lines(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as opened:
        for line in opened:
            yield json.loads(line)


def singer_kind(said: Mapping[str, Any]) -> str:
    kinds = [kind for kind in said.get("type", ["string"]) if kind != "null"]
    if said.get("format") == "date-time":
        return "TIMESTAMPTZ"
    return KINDS["number" if "number" in kinds else kinds[0]]
