"""Whatever is published, in whatever kind of folder or bucket, is what the tables are: nothing more, nothing less, nothing rounded."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from dlt.common.libs.deltalake import deltalake_storage_options
from pyiceberg.table import StaticTable

from destinations.conftest import Opened
from destinations.doubles import REQUIRED
from destinations.postgres_server import NoServer
from destinations.storages import STORAGES, Storage
from destinations.test_conformance import counted
from destinations.test_values import ROWS, TABLE
from harvest_time_tracking import SettingWrong
from harvest_warehouse.cli.render.publish import publish_lines
from harvest_warehouse.database import DatabaseBusy, open_database
from harvest_warehouse.database.lock import exclusive_lock
from harvest_warehouse.database.run import Run
from harvest_warehouse.database.system_tables import write_rows
from harvest_warehouse.destinations.ducklake.client import _file
from harvest_warehouse.transfer import PublishReport, iceberg, publish
from harvest_warehouse.transfer.bucket import Bucket, BucketFailed
from harvest_warehouse.transfer.publish import LIST
from harvest_warehouse.warehouse import Target, user_target

MARTS = (
    "create schema if not exists harvest_marts",
    "create table marts.dim_client as select 1 as id, cast('12.345' as decimal(18, 3)) as amount, 'one' as name, true as is_active, "
    "date '2026-02-28' as first_date, 0.1::double as share, sum(2::bigint) as entries",
    "create table marts.dim_task as select 2 as id where 1 = 0",
    "create table marts.dim_client__next as select 1 as id",
)


@pytest.fixture(scope="session")
def storages() -> Iterator[Callable[[str], dict[str, str]]]:
    """Opens each kind once."""
    opened: dict[str, dict[str, str] | NoServer] = {}
    with ExitStack() as stack:

        def open_one(name: str) -> dict[str, str]:
            if name not in opened:
                try:
                    opened[name] = dict(stack.enter_context(STORAGES[name].opened()))
                except NoServer as error:
                    opened[name] = error
            found = opened[name]
            if isinstance(found, NoServer):
                (pytest.fail if name in REQUIRED else pytest.skip)(f"{name}: {found}")
            return found

        yield open_one


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.nightly] * (name != "s3")) for name in STORAGES])
def storage(
    request: pytest.FixtureRequest, storages: Callable[[str], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> Storage:
    for name, value in storages(request.param).items():
        monkeypatch.setenv(name, value)
    return STORAGES[request.param]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with values that are hard to keep, and a few marts."""
    folder = tmp_path_factory.mktemp("published")
    warehouse = Target(folder, pipelines_dir=folder / "pipelines")
    with exclusive_lock(warehouse):
        write_rows(Run(warehouse), TABLE.holding(ROWS))
        with open_database(warehouse) as database:
            database.run(MARTS)
            database.run(["create table notes as select 1 as id, 'short' as note"])
    return warehouse.file


@pytest.fixture
def warehouse(original: Path, tmp_path: Path) -> Target:
    made = Target(tmp_path, pipelines_dir=tmp_path / "pipelines")
    made.file.write_bytes(original.read_bytes())
    return made


def read(shelf: Bucket, path: str) -> list[dict[str, Any]]:
    """The rows that others find there."""
    if path.endswith(".iceberg"):
        return read_iceberg(shelf, path)
    if path.endswith(".parquet"):
        rows = pq.read_table(io.BytesIO(shelf._files.cat_file(shelf._full(path)))).to_pylist()
    else:
        options = deltalake_storage_options(shelf._config.credentials, shelf._config.deltalake_storage_options)
        url = shelf._full(path) if shelf._is_local else f"{shelf.url}/{path}"
        rows = DeltaTable(url, storage_options=options).to_pyarrow_table().to_pylist()
    return [dict(row) for row in rows]


def read_iceberg(shelf: Bucket, path: str) -> list[dict[str, Any]]:
    """By DuckDB's reader, which is not the one that writes; from a copy of the folder, wherever it is."""
    with tempfile.TemporaryDirectory() as folder:
        if shelf._is_local:
            shutil.copytree(shelf._full(path), f"{folder}/table")
        else:
            shelf._files.get(shelf._full(path), f"{folder}/table", recursive=True)
        with duckdb.connect(config={"allow_unsigned_extensions": "true"}) as connection:
            for extension in ("avro", "iceberg"):
                connection.execute(f"load '{_file(extension)}'")
            connection.execute("set timezone = 'UTC'")
            table = connection.execute(
                f"select * from iceberg_scan('{folder}/table', allow_moved_paths = true)"
            ).to_arrow_table()
            return [dict(row) for row in table.to_pylist()]


def paths(report: PublishReport) -> dict[str, str]:
    return {table.path.rpartition("/")[2].partition(".")[0]: table.path for table in report.tables}


@pytest.mark.by_day(2)
@pytest.mark.parametrize("kind", ["parquet", "delta", "iceberg"])
def test_what_is_published_is_what_is_there(storage: Storage, warehouse: Target, kind: Any) -> None:
    if kind == "delta" and not storage.has_delta:
        pytest.skip(f"{storage.name}: what stands for it here has no conditional writes, which Delta needs")
    shelf = Bucket()
    first = publish(warehouse, shelf, kind)
    where = paths(first)
    assert set(where) == {"harvest_values", "notes", "dim_client", "dim_task"}, "nothing of dlt's, nothing half-built"
    have = {row["id"]: row for row in read(shelf, where["harvest_values"])}
    assert len(have) == len(ROWS)
    for want in ROWS:
        assert {name: have[want["id"]][name] for name in want} == want
    [client] = read(shelf, where["dim_client"])
    assert client == {
        "id": 1,
        "amount": Decimal("12.345"),
        "name": "one",
        "is_active": True,
        "first_date": date(2026, 2, 28),
        "share": 0.1,
        "entries": 2,
    }
    assert read(shelf, where["dim_task"]) == []

    with open_database(warehouse) as database:
        database.run(
            [
                "delete from harvest_values where id = 1",
                "update harvest_values set note = 'changed' where id = 2",
                "alter table notes add column more bigint",
                "drop table marts.dim_client",
            ]
        )
    second = publish(warehouse, shelf, kind)
    assert {table.path for table in second.tables if table.is_new} == {where["harvest_values"], where["notes"]}
    assert second.removed == (where["dim_client"],)
    assert not shelf.has(where["dim_client"])
    have = {row["id"]: row for row in read(shelf, where["harvest_values"])}
    assert len(have) == len(ROWS) - 1
    assert 1 not in have, "what was deleted is not published any more"
    assert have[2]["note"] == "changed"
    assert read(shelf, where["notes"]) == [{"id": 1, "note": "short", "more": None}]
    assert f" as {kind.capitalize()} " in publish_lines(second)[0]
    listed = shelf.document(f"{warehouse.dataset_name}/{LIST}")
    assert {path: table["rows"] for path, table in listed["tables"].items()} == {
        table.path: table.rows for table in second.tables
    }


@pytest.fixture
def folder(tmp_path: Path) -> Bucket:
    return Bucket(bucket_url=str(tmp_path / "my shelf 100% é"))


def test_whoever_reads_meanwhile_finds_whole_tables_and_the_old_list(warehouse: Target, folder: Bucket) -> None:
    first = publish(warehouse, folder)
    with open_database(warehouse) as database:
        database.run(["delete from harvest_values where id = 1", "update notes set note = 'changed'"])
    listed = folder.document(f"{warehouse.dataset_name}/{LIST}")
    failing = Bucket(bucket_url=folder.url)
    put, left = failing.put_parquet, 1

    def put_one(path: str, file: Path) -> None:
        nonlocal left
        if not left:
            raise BucketFailed("full")
        left -= 1
        put(path, file)

    failing.put_parquet = put_one  # type: ignore[method-assign]
    with pytest.raises(BucketFailed):
        publish(warehouse, failing)
    assert folder.document(f"{warehouse.dataset_name}/{LIST}") == listed
    where = paths(first)
    assert len(read(folder, where["harvest_values"])) == len(ROWS) - 1
    assert [row["note"] for row in read(folder, where["notes"])] == ["short"]
    again = publish(warehouse, folder)
    assert [row["note"] for row in read(folder, where["notes"])] == ["changed"]
    assert all(folder.has(table.path) for table in again.tables)


def test_what_somebody_removed_is_written_again(warehouse: Target, folder: Bucket) -> None:
    where = paths(publish(warehouse, folder))
    folder.remove(where["notes"])
    assert [table.path for table in publish(warehouse, folder).tables if table.is_new] == [where["notes"]]


def test_another_format_takes_the_place_of_the_first(warehouse: Target, folder: Bucket) -> None:
    report = publish(warehouse, folder)
    for kind in ("delta", "iceberg", "parquet"):
        before, report = report, publish(warehouse, folder, kind)  # type: ignore[arg-type]
        assert set(report.removed) == {table.path for table in before.tables}
        assert all(table.is_new for table in report.tables)
    assert not list(Path(folder.url).glob("*/*.part"))


@pytest.mark.parametrize("kind", ["parquet", "delta", "iceberg"])
def test_a_column_of_another_type_takes_the_place_of_the_first(warehouse: Target, folder: Bucket, kind: Any) -> None:
    where = paths(publish(warehouse, folder, kind))
    with open_database(warehouse) as database:
        database.run(["drop table notes", "create table notes as select 'one' as id, 2 as note"])
    publish(warehouse, folder, kind)
    assert read(folder, where["notes"]) == [{"id": "one", "note": 2}]


def versions(folder: Bucket, path: str) -> list[list[dict[str, Any]]]:
    """The rows of each version that an Iceberg table still has, by the library's own reader."""
    newest = sorted(Path(folder.url, path, "metadata").glob("*.metadata.json"))[-1]
    table = StaticTable.from_metadata(str(newest))
    found = [table.scan(snapshot_id=snapshot.snapshot_id).to_arrow().to_pylist() for snapshot in table.snapshots()]
    return [[dict(row) for row in rows] for rows in found if rows]


@pytest.mark.parametrize("is_old", [False, True])
def test_an_iceberg_table_has_the_versions_of_a_week(
    warehouse: Target, folder: Bucket, monkeypatch: pytest.MonkeyPatch, is_old: bool
) -> None:
    path = paths(publish(warehouse, folder, "iceberg"))["notes"]
    with open_database(warehouse) as database:
        database.run(["update notes set note = 'changed'"])
    if is_old:
        monkeypatch.setattr(iceberg, "_KEPT", timedelta(0))
    publish(warehouse, folder, "iceberg")
    notes = [row["note"] for rows in versions(folder, path) for row in rows]
    assert notes == (["changed"] if is_old else ["short", "changed"])
    assert len(list(Path(folder.url, path, "data").iterdir())) == len(notes), "what was deleted does not stay for ever"


def test_an_iceberg_table_that_is_half_written_is_the_old_one(
    warehouse: Target, folder: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = paths(publish(warehouse, folder, "iceberg"))["notes"]
    with open_database(warehouse) as database:
        database.run(["update notes set note = 'changed'"])
    with monkeypatch.context() as patch:
        failing = Bucket(bucket_url=folder.url)
        patch.setattr(failing._files, "pipe_file", raising(OSError("no space left")))
        with pytest.raises(BucketFailed, match="no space left"):
            failing.put_iceberg(path, parquet_of(folder, [{"id": 1, "note": "changed"}]))
    assert read(folder, path) == [{"id": 1, "note": "short"}]
    publish(warehouse, folder, "iceberg")
    assert read(folder, path) == [{"id": 1, "note": "changed"}]


def parquet_of(folder: Bucket, rows: list[dict[str, Any]]) -> Path:
    file = Path(folder.url).with_suffix(".parquet")
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file


def raising(error: Exception) -> Callable[..., None]:
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    return refuse


def test_nothing_is_published_while_a_run_writes(warehouse: Target, folder: Bucket, tmp_path: Path) -> None:
    holding = (
        "import sys; from pathlib import Path; from harvest_warehouse.warehouse import Target; "
        "from harvest_warehouse.database.lock import exclusive_lock\n"
        "with exclusive_lock(Target(Path(sys.argv[1]), pipelines_dir=Path(sys.argv[1]) / 'other')):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", holding, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout
        assert run.stdout.readline() == "held\n"
        with pytest.raises(DatabaseBusy):
            publish(warehouse, folder)
        run.communicate("")
    publish(warehouse, folder)


def test_a_whole_account_is_published_row_by_row(opened: Opened, folder: Bucket) -> None:
    story = opened("duckdb").story
    where = paths(publish(story.warehouse, folder))
    assert set(where) >= {"time_entries", "invoices__line_items", "harvest_deletions", "projects_history"}
    assert set(where) >= set(story.marts)
    for name, rows in {**story.late, **story.marts}.items():
        if name in where:
            assert counted(read(folder, where[name])) == counted(rows), name


@pytest.mark.parametrize("wrong", ["filesystem", "sqlite", "sqlalchemy", "mysql", "mariadb", "clickhouse"])
def test_destinations_that_would_not_be_right_say_why(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(SettingWrong, match=r"is not offered.*(duckdb|postgres)"):
        user_target(tmp_path, wrong)


@pytest.mark.parametrize("kind", ["parquet", "iceberg", "delta"])
def test_a_folder_may_have_any_name_that_the_format_takes(warehouse: Target, tmp_path: Path, kind: Any) -> None:
    shelf = Bucket(bucket_url=str(tmp_path / "[1] of * 100%"))
    if kind == "delta":
        with pytest.raises(BucketFailed, match="Choose another"):
            publish(warehouse, shelf, kind)
        return
    publish(warehouse, shelf, kind)
    with open_database(warehouse) as database:
        database.run(["update notes set note = 'changed'"])
    where = paths(publish(warehouse, shelf, kind))
    assert (tmp_path / "[1] of * 100%" / where["notes"]).exists()
    assert [row["note"] for row in read(shelf, where["notes"])] == ["changed"]


def test_without_a_place_it_says_where_to_put_it() -> None:
    with pytest.raises(SettingWrong, match=r"\[destination\.filesystem\].*DESTINATION__FILESYSTEM__BUCKET_URL"):
        Bucket()


def test_the_command_publishes(warehouse: Target, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "harvest_warehouse.cli", "publish", "--to", str(tmp_path / "there"), "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["format"] == "parquet"
    assert all((tmp_path / "there" / table["path"]).exists() for table in report["tables"])
