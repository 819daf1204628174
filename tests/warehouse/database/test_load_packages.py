"""What a killed run left in dlt's working folder is loaded all the same."""

from __future__ import annotations

import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa
import pytest
from dlt.common.storages.load_package import PackageStorage
from dlt.destinations.exceptions import DatabaseTerminalException, DatabaseTransientException
from dlt.destinations.impl.duckdb.duck import DuckDbCopyJob
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from dlt.pipeline.exceptions import PipelineStepFailed

from harvest_warehouse.database import load_packages
from harvest_warehouse.database.load_packages import load_pending
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.database.run import Run
from harvest_warehouse.warehouse import Target


def move(pipeline: dlt.Pipeline, warehouse: Target, *, is_left: bool = False) -> tuple[str, ...]:
    run = Run(warehouse)
    run._pipeline = pipeline
    return load_pending(run, is_left=is_left)


def test_half_a_job_file_stops_no_package(tmp_path: Path) -> None:
    warehouse = Target(tmp_path, pipelines_dir=tmp_path / "pipelines")
    pipeline = open_pipeline(warehouse)
    pipeline.extract([{"id": 1}], table_name="things", loader_file_format="parquet")
    pipeline.normalize()
    [jobs] = Path(pipeline.working_dir).glob("load/normalized/*/new_jobs")
    # As dlt names a file until it is whole.
    (jobs / "40bd1097e33c0387a82ffadf331c11b3").write_text("delete from")
    assert move(pipeline, warehouse)
    assert not pipeline.has_pending_data
    with pipeline.sql_client() as client:
        assert client.execute_sql("select id from things") == [(1,)]


@pytest.mark.parametrize("is_small", [True, False])
def test_a_small_package_is_loaded_through_one_open_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_small: bool
) -> None:
    warehouse = Target(tmp_path, pipelines_dir=tmp_path / "pipelines")
    pipeline = open_pipeline(warehouse)
    for name in ("first", "second", "third"):
        pipeline.extract([{"id": 1}], table_name=name, loader_file_format="parquet")
    if not is_small:
        monkeypatch.setattr(load_packages, "_SMALL_BYTES", 0)
    others_open: list[bool] = []
    connections: list[duckdb.DuckDBPyConnection] = []
    connect = duckdb.connect

    def counted(*arguments: Any, **named: Any) -> duckdb.DuckDBPyConnection:
        others_open.append(any(map(is_open, connections)))
        connections.append(connect(*arguments, **named))
        return connections[-1]

    monkeypatch.setattr(duckdb, "connect", counted)
    move(pipeline, warehouse)
    # What is opened while nothing else is open is opened anew, and its log is written into it when it is closed.
    anew = others_open.count(False)
    assert anew == 1 if is_small else anew > 3


ROWS = [{"id": 1, "lines": [{"text": "a"}, {"text": "b"}]}, {"id": 2, "lines": [{"text": "c"}]}]


def three_tables(pipeline: dlt.Pipeline) -> None:
    """A package with two tables that are merged, one below the other, and one that is not."""
    key = {"primary_key": "id", "write_disposition": {"disposition": "merge", "strategy": "delete-insert"}}
    pipeline.extract(
        [dlt.resource(ROWS, name="merged", **key), dlt.resource([{"id": 7}], name="appended")],
        loader_file_format="parquet",
    )
    pipeline.normalize()


def assert_each_row_once(pipeline: dlt.Pipeline) -> None:
    with pipeline.sql_client() as client:
        assert client.execute_sql("select id from merged order by id") == [(1,), (2,)]
        assert client.execute_sql("select text from merged__lines order by text") == [("a",), ("b",), ("c",)]
        assert client.execute_sql("select id from appended") == [(7,)]


def killed(run: Callable[[], object], patched: tuple[tuple[type, str], ...], calls: int) -> bool:
    """Whether a process that does `run` came to the so-manieth call, and was killed before it."""
    process = os.fork()
    if process == 0:
        left = [calls]

        def dying(whole: Callable[..., Any]) -> Callable[..., Any]:
            def called(*arguments: Any, **named: Any) -> Any:
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left[0] -= 1
                return whole(*arguments, **named)

            return called

        for owner, name in patched:
            setattr(owner, name, dying(getattr(owner, name)))
        run()
        os._exit(0)
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


# When a file is in the database, and dlt does not know of it yet; then when it has been noted, and is about to be moved.
COMMITTED = ((PackageStorage, "save_pending_transition"), (PackageStorage, "complete_job"))
# What our own code does to a package.
OURS = ((Path, "rename"), (Path, "unlink"), (DuckDbSqlClient, "execute_sql"))


def packages_for_ever(tmp_path: Path) -> Iterator[tuple[dlt.Pipeline, Target]]:
    """A new package that waits, each in a folder of its own."""
    for number in count():
        folder = tmp_path / str(number)
        folder.mkdir()
        warehouse = Target(folder, pipelines_dir=folder / "pipelines")
        pipeline = open_pipeline(warehouse)
        three_tables(pipeline)
        yield pipeline, warehouse


def test_a_run_killed_between_a_file_and_its_note_leaves_no_row_twice(tmp_path: Path) -> None:
    for moment, (pipeline, warehouse) in enumerate(packages_for_ever(tmp_path)):
        is_killed = killed(partial(move, pipeline, warehouse), COMMITTED, moment)
        move(pipeline, warehouse)
        assert_each_row_once(pipeline)
        if not is_killed:
            break
    # Files of three tables, one merge; two moments each.
    assert moment >= 8


@pytest.mark.nightly
def test_so_does_one_killed_again_while_it_takes_up_what_the_first_left(tmp_path: Path) -> None:
    for moment, (pipeline, warehouse) in enumerate(packages_for_ever(tmp_path)):
        # Some files are done, some are not.
        assert killed(partial(move, pipeline, warehouse), COMMITTED, 5)
        is_killed = killed(partial(load_packages._begin_again, pipeline, is_whole=False), OURS, moment)
        move(pipeline, warehouse)
        assert_each_row_once(pipeline)
        if not is_killed:
            break
    # How many files are done when it is killed is the order in which they lie in their folder.
    assert moment >= 3


@pytest.mark.parametrize("moment", [3, 7], ids=["a table is being loaded", "tables are merged"])
@pytest.mark.parametrize("is_older", [True, False], ids=["older copy", "deleted"])
@pytest.mark.by_day(1)
def test_a_package_that_was_begun_in_a_database_that_is_gone_is_loaded_whole(
    tmp_path: Path, is_older: bool, moment: int
) -> None:
    pipeline, warehouse = next(packages_for_ever(tmp_path))
    copy = tmp_path / "copy"
    with duckdb.connect(str(copy)) as database:
        database.execute("create table mine as select 1 as id")
    assert killed(partial(move, pipeline, warehouse), COMMITTED, moment)
    for file in warehouse.folder.glob("*.duckdb*"):
        file.unlink()
    if is_older:
        copy.rename(warehouse.file)
    move(pipeline, warehouse, is_left=True)
    assert_each_row_once(pipeline)


def test_a_working_folder_from_before_its_package_was_loaded_doubles_nothing(tmp_path: Path) -> None:
    pipeline, warehouse = next(packages_for_ever(tmp_path))
    folder, copy = Path(pipeline.working_dir), tmp_path / "copy"
    shutil.copytree(folder, copy)
    [load_id] = move(pipeline, warehouse)
    shutil.rmtree(folder)
    copy.rename(folder)
    move(open_pipeline(warehouse), warehouse, is_left=True)
    assert_each_row_once(pipeline)
    with pipeline.sql_client() as client:
        assert client.execute_sql("select load_id from _dlt_loads") == [(load_id,)]


def test_no_setting_makes_a_package_count_as_loaded_with_a_file_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOAD__RAISE_ON_FAILED_JOBS", "false")
    pipeline, warehouse = next(packages_for_ever(tmp_path))

    def refused(_: DuckDbCopyJob) -> None:
        raise DatabaseTerminalException(ValueError("no such column"))

    with monkeypatch.context() as patched:
        patched.setattr(DuckDbCopyJob, "run", refused)
        with pytest.raises(PipelineStepFailed, match="no such column"):
            move(pipeline, warehouse)
    move(pipeline, warehouse, is_left=True)
    assert_each_row_once(pipeline)


def test_a_file_whose_answer_was_lost_is_not_loaded_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline, warehouse = next(packages_for_ever(tmp_path))
    load, lost = DuckDbCopyJob.run, []

    def without_answer(job: DuckDbCopyJob) -> None:
        load(job)
        if job.load_table_name not in lost:
            lost.append(job.load_table_name)
            raise DatabaseTransientException(ConnectionError("the server closed the connection"))

    monkeypatch.setattr(DuckDbCopyJob, "run", without_answer)
    [load_id] = move(pipeline, warehouse)
    assert {"merged", "merged__lines", "appended"} <= {*lost}
    assert not pipeline.has_pending_data
    assert_each_row_once(pipeline)
    with pipeline.sql_client() as client:
        assert client.execute_sql("select load_id from _dlt_loads") == [(load_id,)]


def test_a_merge_that_stops_in_the_middle_takes_nothing_away(tmp_path: Path) -> None:
    pipeline, warehouse = next(packages_for_ever(tmp_path))
    key = {"primary_key": "id", "write_disposition": {"disposition": "merge", "strategy": "delete-insert"}}

    def read(text: str) -> None:
        rows = dlt.resource([{"id": 1, "text": text}], name="flat", **key)
        pipeline.extract(rows, loader_file_format="parquet")

    read("old")
    move(pipeline, warehouse)
    with pipeline.sql_client() as client:
        client.execute_sql("alter table flat add column wanted integer")
        client.execute_sql("update flat set wanted = 1")
        client.execute_sql("alter table flat alter column wanted set not null")
    # Its delete can be done, its insert cannot.
    read("new")
    with pytest.raises(PipelineStepFailed, match="NOT NULL constraint"):
        move(pipeline, warehouse)
    with pipeline.sql_client() as client:
        assert client.execute_sql("select text from flat") == [("old",)]
        client.execute_sql("alter table flat alter column wanted drop not null")
    move(pipeline, warehouse)
    with pipeline.sql_client() as client:
        assert client.execute_sql("select text from flat") == [("new",)]


def is_open(connection: duckdb.DuckDBPyConnection) -> bool:
    try:
        connection.execute("select 1")
    except duckdb.ConnectionException:
        return False
    return True


@pytest.mark.nightly
def test_a_package_that_takes_more_memory_than_a_load_has_is_loaded_with_more(tmp_path: Path) -> None:
    warehouse = Target(tmp_path, pipelines_dir=tmp_path / "pipelines")
    pipeline = open_pipeline(warehouse)
    # 60 MB of texts, and nothing that could be packed.
    texts = random.Random(1).randbytes(30_000_000).hex()
    notes = [texts[start : start + 30_000] for start in range(0, len(texts), 30_000)]
    rows = pa.table({"id": list(range(2_000)), "notes": notes})
    things = dlt.resource([rows], name="things", primary_key="id", write_disposition="merge")
    pipeline.extract(things, loader_file_format="parquet")
    assert move(pipeline, warehouse)
    assert not pipeline.has_pending_data
    with duckdb.connect(str(warehouse.file), read_only=True) as connection:
        query = f"select count(*), count(distinct notes), min(length(notes)) from {warehouse.dataset_name}.things"
        assert connection.execute(query).fetchall() == [(2_000, 2_000, 30_000)]
    # And then on as before.
    pipeline.extract([{"id": 1}], table_name="others", loader_file_format="parquet")
    assert move(pipeline, warehouse)
    assert pipeline.run([{"id": 2}], table_name="others", loader_file_format="parquet")
    with pipeline.sql_client() as client:
        assert client.execute_sql("select id from others order by id") == [(1,), (2,)]
