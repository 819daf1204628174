"""What stands for Databricks refuses what Databricks does, though DuckDB would take it, and loads what is in a volume."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from databricks.sql.exc import ServerOperationError
from pyarrow import parquet

from destinations.databricks_double import Connection

VOLUME = "/Volumes/harvest/raw/files/1"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    made = Connection(tmp_path, "raw", "UTC")
    made.run("CREATE SCHEMA harvest.raw")
    made.run("CREATE TABLE c (id BIGINT NOT NULL, x STRING COMMENT 'words', at TIMESTAMP)")
    made.run("INSERT INTO `harvest`.`raw`.`c` VALUES (1, 'it\\'s', '2026-01-01 00:00:00 +0000')")
    yield made
    made.close()


@pytest.mark.parametrize(
    "statement",
    [
        "update c set x = d.x from c as d where c.id = d.id",
        "update c set x = (select max(x) from c)",
        "update c set x = '' where id in (select id from (select id from c) as d)",
        "delete from c using c as d where c.id = d.id",
        "delete from c where id in (select id from c where x in (select x from c))",
        "delete from c where (id, x) in (select id, x from c)",
        "delete from c where id = 2 or not id in (select id from c)",
        "delete from c where id = 2 or id not in (select id from c)",
        "create index i on c (id)",
        "create table d (id bigint default 1)",
        "create table d as select null as x",
        "create table d as select 1 as `a b`",
        "alter table c drop column x",
        "alter table c rename column x to y",
        "alter table c alter column id type decimal(38, 0)",
        "alter table c add column y bigint not null",
        "begin",
        "select 1; select 2",
        "select distinct on (id) id, x from c",
        "merge into c using",
        "merge into c using (select 1 as id union all select 1 as id) as d on c.id = d.id when matched then update set x = ''",
    ],
)
def test_what_databricks_refuses_is_refused(connection: Connection, statement: str) -> None:
    with pytest.raises(ServerOperationError):
        connection.run(statement)


def test_what_it_takes_is_carried_out(connection: Connection) -> None:
    connection.run("ALTER TABLE `harvest`.`raw`.`c`\nADD COLUMN\n  `y` DECIMAL(38,9)  ,\n  `z` DATE")
    connection.run("MERGE INTO c USING (SELECT 1 AS id) AS d ON c.id = d.id WHEN MATCHED THEN UPDATE SET `y` = 0.1")
    with connection.cursor() as cursor:
        cursor.execute("SELECT x, at, y, z FROM c WHERE id = %s", (1,))
        assert [column[0] for column in cursor.description or ()] == ["x", "at", "y", "z"]
        [(text, at, amount, day)] = cursor.fetchall()
    assert (text, at, str(amount), day) == ("it's", datetime(2026, 1, 1, tzinfo=UTC), "0.100000000", None)
    types = connection.run(
        "SELECT full_data_type FROM INFORMATION_SCHEMA.COLUMNS WHERE table_name = 'c' ORDER BY ordinal_position"
    )
    assert types
    assert types.column(0).to_pylist() == ["bigint", "string", "timestamp", "decimal(38,9)", "date"]


@pytest.mark.parametrize(("ids", "is_loaded"), [(pa.array([2], pa.int64()), True), (pa.array(["2"]), False)])
def test_a_file_is_loaded_from_a_volume_by_names_and_types(
    connection: Connection, tmp_path: Path, ids: pa.Array, is_loaded: bool
) -> None:
    file = tmp_path / "c.parquet"
    parquet.write_table(pa.table({"x": pa.array(["two"]), "id": ids}), file)
    put, load = f"PUT '{file}' INTO '{VOLUME}/c.parquet' OVERWRITE", f"COPY INTO c FROM '{VOLUME}' FILEFORMAT = PARQUET"
    with pytest.raises(ServerOperationError, match="restricted"):
        connection.run(put)
    connection.staging_allowed_local_path = str(tmp_path)
    with pytest.raises(ServerOperationError, match="VOLUME_NOT_FOUND"):
        connection.run(put)
    connection.run("CREATE VOLUME IF NOT EXISTS harvest.raw.files")
    connection.run(put)
    if not is_loaded:
        with pytest.raises(ServerOperationError, match="MERGE_FIELDS"):
            connection.run(load)
        return
    connection.run(load)
    rows = connection.run("SELECT x FROM c ORDER BY id")
    assert rows
    assert rows.column(0).to_pylist() == ["it's", "two"]
