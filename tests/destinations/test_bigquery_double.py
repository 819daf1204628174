"""What stands for BigQuery refuses what BigQuery does, though DuckDB would take it, and answers and fails as Google's client does."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from google.api_core.exceptions import BadRequest, Conflict, GoogleAPICallError, NotFound
from google.cloud.bigquery import ConnectionProperty, Dataset, LoadJobConfig, QueryJobConfig, ScalarQueryParameter
from pyarrow import parquet

from destinations import bigquery_double
from destinations.bigquery_double import Client, Job


@pytest.fixture
def client() -> Iterator[Client]:
    with bigquery_double.serving() as environment:
        project = environment["DESTINATION__BIGQUERY__CREDENTIALS__PROJECT_ID"]
        made = Client(project, credentials=SimpleNamespace(service_account_email="loader@stand.invalid"), location="EU")
        made.create_dataset(Dataset(f"{project}.raw"))
        run(
            made,
            "CREATE TABLE c (`id` INT64 NOT NULL OPTIONS(description='its key'), x STRING, j JSON, n NUMERIC(38,9), at TIMESTAMP)",
        )
        run(made, r"INSERT INTO `raw`.`c` (id, x, n, at) VALUES (1, 'it\'s', 0.1, '2026-01-01T00:00:00+00:00')")
        yield made
        made.close()


def config(client: Client, **settings: Any) -> QueryJobConfig:
    return QueryJobConfig(default_dataset=f"{client.project}.raw", **settings)


def run(client: Client, text: str, *values: Any) -> list[tuple[Any, ...]]:
    parameters = [ScalarQueryParameter(None, kind, value) for kind, value in values]
    rows = client.query_and_wait(text, job_config=config(client, query_parameters=parameters))
    return [tuple(row) for row in rows or ()]


@pytest.mark.parametrize(
    "statement",
    [
        "update c set x = ''",
        "delete from c",
        "delete from c using c as d where c.id = d.id",
        "delete from c where id = 1 returning id",
        "update c set x = d.x from (select 1 as id, '' as x union all select 1, '') as d where c.id = d.id",
        "merge into c using (select 1 as id union all select 1 as id) as d on c.id = d.id when matched then update set x = ''",
        "merge into c using (select 1 as id) as d on c.id = (select max(e.id) from c as e where e.id = d.id) when matched then delete",
        "create index i on c (id)",
        "create table d (id int64 primary key)",
        "create table d (id int64 unique)",
        "create table d (n numeric(38, 10))",
        "create table d (n numeric(38, 2))",
        "create table d (`a.b` int64)",
        "create table d (_partition_day int64)",
        "create table d as select 1 as a, 2 as A",
        "create table d as select 1",
        "create temporary table d as select 1 as a",
        "comment on table c is 'words'",
        "alter table c add column y int64 not null",
        "alter table c alter column id set data type string",
        "select distinct on (id) id, x from c",
        "select c.id from c left join c as d on c.id > d.id",
        "select (select d.x from c as d where d.id > c.id) from c",
        "select (select d.x from c as d where d.id = c.id limit 1) from c",
        "select c from c",
        "select count(*) filter (where id = 1) from c",
        "select id from c where x ilike 'a'",
        "select a from (values (1)) as d (a)",
        "select id from c, lateral (select 1) as d",
        "select cast(j as string) from c",
        "select id from c where j = j",
        "select j from c group by j",
        "select distinct j from c",
        "select id from c where id = '1'",
        "select id / 0 from c",
        "insert into c (id) values ('1')",
        "insert into c (id, n) select id, cast(n as float64) from c",
        "insert into c (x) values ('no key')",
        "insert into c (id, n) values (2, 100000000000000000000000000000)",
        "begin transaction; begin transaction",
        "begin transaction; create table d (id int64)",
        "commit transaction",
        "select",
        "explode c",
    ],
)
def test_what_bigquery_refuses_is_refused(client: Client, statement: str) -> None:
    with pytest.raises(BadRequest) as refused:
        run(client, statement)
    assert refused.value.errors[0]["reason"] == "invalidQuery"
    assert len(run(client, "select id from c")) == 1


def test_what_it_takes_is_carried_out(client: Client) -> None:
    run(client, "ALTER TABLE `c`\nADD COLUMN `y` NUMERIC(38,9), ADD COLUMN `day` DATE OPTIONS(description='a day')")
    run(
        client,
        "MERGE INTO c USING (SELECT 1 AS id) AS d ON c.id = d.id WHEN MATCHED THEN UPDATE SET `day` = '2026-01-02'",
    )
    run(client, "update c as mine set j = json '[1.5]' from (select 1 as id) as d where mine.id = d.id")
    assert run(client, "SELECT x, n, j, at, y, day FROM c WHERE id = ?", ("INT64", 1)) == [
        ("it's", Decimal("0.1"), [1.5], datetime(2026, 1, 1, tzinfo=UTC), None, date(2026, 1, 2))
    ]
    assert run(client, "select to_json_string(j), extract(year from at) from c") == [("[1.5]", 2026)]
    types = "SELECT data_type FROM `raw`.INFORMATION_SCHEMA.COLUMNS WHERE table_name = 'c' ORDER BY ordinal_position"
    wanted = ["INT64", "STRING", "JSON", "NUMERIC(38, 9)", "TIMESTAMP", "NUMERIC(38, 9)", "DATE"]
    assert [kind for (kind,) in run(client, types)] == wanted


def test_a_script_has_temporary_tables_and_they_end_with_it(client: Client) -> None:
    run(
        client,
        "CREATE TEMPORARY TABLE gone AS SELECT d.id FROM c AS d; DELETE FROM c WHERE id IN (SELECT * FROM gone);",
    )
    assert run(client, "select id from c") == []
    with pytest.raises(NotFound):
        run(client, "select id from gone")


@pytest.mark.parametrize(("end", "rows"), [("COMMIT TRANSACTION", 0), ("ROLLBACK TRANSACTION", 1)])
def test_a_transaction_holds_over_a_session(client: Client, end: str, rows: int) -> None:
    begun = client.query("BEGIN TRANSACTION", job_config=config(client, create_session=True))
    session = [ConnectionProperty(key="session_id", value=begun.session_info.session_id)]
    client.query("delete from c where true", job_config=config(client, connection_properties=session))
    assert len(run(client, "select id from c")) == 1
    with pytest.raises(BadRequest):
        client.query("drop table c", job_config=config(client, connection_properties=session))
    client.query(f"{end};CALL BQ.ABORT_SESSION()", job_config=config(client, connection_properties=session))
    assert len(run(client, "select id from c")) == rows


@pytest.mark.parametrize(
    ("statement", "kind", "reason", "said"),
    [
        ("select * from nowhere", NotFound, "notFound", "Table nowhere"),
        ("select * from nowhere.c", NotFound, "notFound", "Not found"),
        ("select * from nowhere.INFORMATION_SCHEMA.TABLES", NotFound, "notFound", "Dataset"),
        ("create table c (id int64)", Conflict, "duplicate", "Already Exists"),
        ("select y from c", BadRequest, "invalidQuery", "Unrecognized name"),
    ],
)
def test_errors_have_the_reasons_that_dlt_goes_by(
    client: Client, statement: str, kind: type[GoogleAPICallError], reason: str, said: str
) -> None:
    with pytest.raises(kind, match=said) as failed:
        run(client, statement)
    assert failed.value.errors[0]["reason"] == reason


def load(client: Client, content: bytes, source_format: str, table: str = "c") -> Job:
    settings = LoadJobConfig(
        source_format=source_format, create_disposition="CREATE_NEVER", write_disposition="WRITE_APPEND"
    )
    name = f"{client.project}.raw.{table}"
    return client.load_table_from_file(io.BytesIO(content), name, job_id="1", job_config=settings, timeout=1)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"id": 2, "x": "two", "j": {"a": [1.25]}, "n": "0.000000001", "at": "2026-01-01T01:00:00.5Z"}', None),
        (b'{"id": 2, "unknown": 1}', "invalid"),
        (b'{"x": "no key"}', "invalid"),
        (b'{"id": "two"}', "invalid"),
        (b'{"id": 2, "n": "100000000000000000000000000000"}', "invalid"),
    ],
)
def test_json_lines_are_loaded_by_names(client: Client, line: bytes, reason: str | None) -> None:
    job = load(client, line, "NEWLINE_DELIMITED_JSON")
    assert (job.error_result or {}).get("reason") == reason
    rows = run(client, "select x, j, n, at from c where id = 2")
    at = datetime(2026, 1, 1, 1, 0, 0, 500_000, tzinfo=UTC)
    assert rows == ([] if reason else [("two", {"a": [1.25]}, Decimal("1E-9"), at)])
    assert client.get_job("1") is job
    with pytest.raises(Conflict):
        load(client, line, "NEWLINE_DELIMITED_JSON")


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"x": pa.array(["two"]), "id": pa.array([2])}, None),
        ({"id": pa.array(["2"])}, "invalid"),
        ({"id": pa.array([2]), "j": pa.array(["[1]"])}, "invalid"),
    ],
)
def test_parquet_is_loaded_by_names_and_types_and_not_into_json(
    client: Client, columns: dict[str, Any], reason: str | None
) -> None:
    parquet.write_table(pa.table(columns), file := io.BytesIO())
    job = load(client, file.getvalue(), "PARQUET")
    assert (job.error_result or {}).get("reason") == reason
    assert run(client, "select x from c where id = 2") == ([] if reason else [("two",)])


def test_a_load_makes_no_table(client: Client) -> None:
    job = load(client, b'{"id": 1}', "NEWLINE_DELIMITED_JSON", "nowhere")
    assert (job.error_result or {}).get("reason") == "notFound"
