"""A commit that fails leaves the file as it was, whatever DuckDB's memory says."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from dlt.common.schema import Schema
from dlt.destinations.exceptions import DatabaseTransientException, DestinationConnectionError
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.destinations.impl.duckdb.duck import DuckDbClient

from harvest_warehouse.destinations.duckdb.client import RetryingDuckDb

COLUMNS = range(60)
TABLES = range(6)
ROWS = 300


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Wide tables, which take more memory to write again than `writer` has."""
    path = tmp_path / "made.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema kept")
        for table in TABLES:
            names = ", ".join(f"'before' as c{column}" for column in COLUMNS)
            connection.execute(f"create table kept.t{table} as select i as id, {names} from range({ROWS}) r(i)")
    return path


def writer(file: Path, memory: str) -> DuckDbClient:
    """A client of a destination of its own, without room beside its memory."""
    bounds = {"memory_limit": memory, "threads": 1, "temp_directory": ""}
    destination = RetryingDuckDb(DuckDbCredentials(str(file), global_config=bounds))
    client = destination.client(Schema("kept"), destination.spec()._bind_dataset_name(dataset_name="kept"))
    assert isinstance(client, DuckDbClient)
    return client


def write_again(client: DuckDbClient) -> None:
    """All rows of all tables, in one transaction."""
    values = ", ".join(f"'after' as c{column}" for column in COLUMNS)
    with client.sql_client.begin_transaction():
        for table in TABLES:
            client.sql_client.execute_sql(f"delete from t{table}")
            client.sql_client.execute_sql(f"insert into t{table} select i, {values} from range({ROWS}) r(i)")


def contents(file: Path) -> set[tuple[int, int, str, str]]:
    """Of each table: rows, different ids, the least and the greatest value."""
    with duckdb.connect(str(file), read_only=True) as connection:
        return {
            connection.execute(f"select count(*), count(distinct id), min(c0), max(c59) from kept.t{table}").fetchall()[
                0
            ]
            for table in TABLES
        }


def test_after_a_commit_that_failed_nothing_is_written_until_all_connections_are_closed(file: Path) -> None:
    client = writer(file, "40MB")
    with client.sql_client as open_client:
        other = writer(file, "40MB")
        # Kept in the log until it is moved to the file.
        open_client.execute_sql("create table committed as select 1 as one")
        as_it_was = file.read_bytes()
        with pytest.raises(DatabaseTransientException, match="Failed to commit"):
            write_again(client)
        # What this process would write on top of it could be wrong: neither here, nor through another pool.
        with pytest.raises(DatabaseTransientException, match="nothing more is written after a commit that failed"):
            write_again(client)
        with (
            pytest.raises(DestinationConnectionError, match="nothing more is written after a commit that failed"),
            other.sql_client,
        ):
            pass
        assert open_client.execute_sql("select 1") == [(1,)]
    # Not what memory holds is moved to the file, but, when it is opened again, what the log holds.
    assert file.read_bytes() == as_it_was
    with duckdb.connect(str(file)) as connection:
        assert connection.execute("select one from kept.committed").fetchall() == [(1,)]
    assert contents(file) == {(ROWS, ROWS, "before", "before")}


def test_with_room_the_same_is_written_by_the_same_process(file: Path) -> None:
    cramped = writer(file, "40MB")
    with cramped.sql_client, pytest.raises(DatabaseTransientException, match="Failed to commit"):
        write_again(cramped)
    roomy = writer(file, "400MB")
    with roomy.sql_client:
        write_again(roomy)
    assert contents(file) == {(ROWS, ROWS, "after", "after")}
    assert not file.with_name(file.name + ".wal").exists()
