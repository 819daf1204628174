"""The MCP server on a database server and on a lake: what an agent could try gets at nothing but the tables."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import psycopg2
import pytest
from mcp import Client

from destinations.conftest import Here
from destinations.postgres_server import PASSWORD
from harvest_warehouse.database import open_database
from harvest_warehouse.mcp.answer import Answer
from harvest_warehouse.mcp.reader import WarehouseReader
from harvest_warehouse.mcp.tools import Tools
from support.mcp_attacks import CANARY, attacks
from support.mcp_sessions import piped, spoken
from support.secrets_search import TOKEN


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that every user of this machine can read, with a token and another file."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        (folder / ".dlt").mkdir()
        (folder / ".dlt" / "secrets.toml").write_text(f'[sources.harvest_time_tracking]\naccess_token = "{TOKEN}"\n')
        (folder / "neighbour.csv").write_text(f"a,b\n1,{CANARY}\n")
        yield folder


def assert_within_reach(here: Here, file: Path) -> None:
    """Without the guards, a statement on this database reads the file."""
    if here.stand.name != "postgres":
        rows = duckdb.connect().execute("select content from read_text(?)", [str(file)]).fetchall()
    else:
        place = urlsplit(here.environment["DESTINATION__POSTGRES__CREDENTIALS"])
        with psycopg2.connect(
            host=place.hostname, port=place.port, user="postgres", password=PASSWORD, dbname="dlt"
        ) as administrator:
            administrator.cursor().execute(
                "grant pg_read_server_files to loader; grant execute on function pg_read_file(text), "
                "pg_read_binary_file(text), pg_ls_dir(text), pg_stat_file(text), lo_import(text) to loader"
            )
        with psycopg2.connect(here.environment["DESTINATION__POSTGRES__CREDENTIALS"]) as loader:
            cursor = loader.cursor()
            cursor.execute("select pg_read_file(%s)", [str(file)])
            rows = cursor.fetchall()
    assert CANARY in str(rows)


def rows_of(here: Here) -> list[Any]:
    with open_database(here.story.warehouse, "reading") as database:
        return database.rows("select count(*), sum(amount), max(updated_at) from invoices")


@pytest.mark.timeout(900)
@pytest.mark.nightly
@pytest.mark.parametrize("here", ["postgres", pytest.param("ducklake", marks=pytest.mark.nightly)], indirect=True)
def test_no_attack_gets_at_anything_but_the_tables(here: Here, reachable: Path, tmp_path: Path) -> None:
    file = reachable / "neighbour.csv"
    assert_within_reach(here, file)
    tried = attacks(here.stand.name, str(file))
    assert len(tried) >= 40
    heard: list[str] = []
    let_through: list[Any] = []
    before = rows_of(here)

    async def session(client: Client) -> None:
        result = await client.call_tool("sql", {"statement": "select count(*) from invoices"})
        assert not result.is_error, result.content
        for tool, arguments in tried:
            # One that nobody stops ends with the test.
            result = await client.call_tool(tool, arguments)
            heard.append(result.model_dump_json())
            if not result.is_error:
                let_through.append((str(arguments)[:200], result.structured_content))
        # The server is still there, and answers.
        result = await client.call_tool("metric", {"names": ["hours"]})
        assert not result.is_error, result.content

    options = ("--destination", here.stand.name)
    token = {"SOURCES__HARVEST_TIME_TRACKING__ACCESS_TOKEN": TOKEN}
    with (tmp_path / "log").open("w+") as log:
        spoken(piped(reachable, log, options=options, **here.environment, **token), session)
        log.seek(0)
        heard.append(log.read())
    assert let_through == []
    secrets = (TOKEN[8:20], CANARY, PASSWORD)
    assert [said[:500] for said in heard if any(secret in said for secret in secrets)] == []
    assert rows_of(here) == before


@pytest.mark.parametrize("here", ["postgres", pytest.param("ducklake", marks=pytest.mark.nightly)], indirect=True)
def test_names_that_are_hidden_are_hidden_in_its_dialect(here: Here) -> None:
    with open_database(here.story.warehouse, "reading") as database:
        people = database.rows("select person_name, email from marts.dim_person")
    names = sorted({str(one) for row in people for one in row if one})
    said = {}
    for hides in (False, True):
        tools = Tools(WarehouseReader(here.story.warehouse, hides_names=hides))
        answers = [
            tools.metric(["hours"], ["person_name"]),
            tools.question("hours_by_person"),
            tools.explain("hours"),
            tools.sql(
                "with p as (select * from dim_person) select upper(p.person_name) as a, p.* from p order by user_id"
            ),
        ]
        said[hides] = str(answers)
        assert isinstance(answers[0], Answer)
        assert len(answers[0].rows) > 1
    assert [name for name in names if name in said[False]]
    assert [name for name in names if name in said[True]] == []
    assert "PERSON " in said[True]
