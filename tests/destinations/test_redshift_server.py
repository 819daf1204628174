"""What stands for Redshift refuses what its manual does, and says the rest in PostgreSQL's words; and our files of inserts are its own."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from dlt.common.schema.typing import TColumnSchema

from destinations.redshift_server import rewritten
from harvest_warehouse.destinations.load_files import load_file
from harvest_warehouse.destinations.redshift.client import redshift


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            'create table "text" ("a" varchar(max), "b" super, "c" text, "d" decimal, "e" numeric(38,9))',
            'create table "text" ("a" longest_varchar, "b" super, "c" varchar(256), "d" decimal(18, 0), "e" numeric(38,9))',
        ),
        (
            """select listagg("a", ',') within group (order by "a") from b""",
            """select string_agg("a", ',' order by "a") from b""",
        ),
        (
            r"insert into a values ('it\'s text, \\', 'filter (')",
            r"insert into a values ('it\'s text, \\', 'filter (')",
        ),
        ("begin; set x = 'text'", "begin; set x = 'text'"),
        ('/* as text */ select 4 / 2 as "text"', '/* as text */ select 4 / 2 as "text"'),
    ],
)
def test_it_is_said_in_postgresqls_words(statement: str, said: str) -> None:
    assert rewritten(statement) == said


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("select 1 from a where b is  not distinct from c", "IS DISTINCT FROM"),
        ("select count(*) filter (where a) from b", "FILTER"),
        ("select distinct on (a) a from b", "DISTINCT ON"),
        ("insert into a select 1 on conflict do nothing", "ON CONFLICT"),
        ("delete from a returning b", "RETURNING"),
        ("create unique index a on b (c)", "an index"),
        ("select string_agg(a, ',') from b", "a function"),
        ("select * from generate_series(1, 2)", "a function"),
        ("select a = any(array[1, 2]) from b", "an array"),
        ("select cast(a as jsonb) from b", "a type"),
        ("alter table a add column if not exists b bigint", "ADD COLUMN IF NOT EXISTS"),
        ("alter table a add column b bigint, add column c bigint", "more than one new column"),
        ("select * from (values (1), (2)) as a", "VALUES as a table"),
        ("select sum(a) over (order by b) from c", "without a frame"),
        ("select count(distinct a) over (partition by b) from c", "DISTINCT in a window"),
        ("update a set b = c.b from c left join d on c.id = d.id where a.id = c.id", "an outer join"),
        ("vacuum everything now", "a command"),
        ("select select", "parsed"),
        (f"select '{'x' * 16_777_216}'", "16 MB"),
    ],
)
def test_what_the_manual_refuses_is_refused(statement: str, reason: str) -> None:
    said = rewritten(statement)
    assert "Redshift would refuse" in said
    assert reason in said


def test_lists_and_objects_are_inserted_as_such(tmp_path: Path) -> None:
    columns: list[TColumnSchema] = [
        {"name": "id", "data_type": "bigint"},
        {"name": "anything", "data_type": "json"},
        {"name": "note", "data_type": "text"},
    ]
    rows = [
        {"id": 1, "anything": '{"it\'s": [1.10]}', "note": '["a text"]'},
        {"id": 2, "anything": None, "note": "a\x00b\\"},
    ]
    file = tmp_path / "rows"
    with load_file(file, "insert_values", columns, redshift().capabilities(), pa.schema([])) as writer:
        for row in rows:
            writer.write_batch(pa.RecordBatch.from_pylist([row]))
    assert file.read_text(encoding="utf-8").splitlines() == [
        'INSERT INTO {}("id","anything","note")',
        "VALUES",
        """(1,json_parse('{"it''s": [1.10]}'),'["a text"]'),""",
        r"(2,NULL,'a" + "\N{REPLACEMENT CHARACTER}" + r"b\\');",
    ]
